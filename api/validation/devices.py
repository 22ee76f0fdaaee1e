"""Dynamic resource allocation (`pkg/apis/resource/validation`).

Expressions of selectors are compiled elsewhere; here they only have to be there.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from miniplane.api import field, names
from miniplane.api.validation import checks, selectors, sources
from miniplane.api.validation.checks import Errors

_MODES = ("All", "ExactCount")
_REQUESTS_LIMIT = 32
_CHOICES_LIMIT = 8
_SELECTORS_LIMIT = 32
_CONSTRAINTS_LIMIT = 32
_CONFIGS_LIMIT = 32
_DEVICES_LIMIT = 128
_EXPRESSION_LIMIT = 10 * 1024
_POOL_LIMIT = 253

Object = Mapping[str, Any]


def device_class(errors: Errors, obj: Object) -> None:
    spec = obj.get("spec") or {}
    _selectors(errors, "spec.selectors", spec.get("selectors") or ())
    for i, config in enumerate(spec.get("config") or ()):
        _opaque(errors, f"spec.config[{i}]", config)


def claim(errors: Errors, obj: Object) -> None:
    _claim_spec(errors, "spec", obj.get("spec") or {})


def claim_update(errors: Errors, obj: Object, old: Object) -> None:
    spec, before = obj.get("spec") or {}, old.get("spec") or {}
    checks.immutable(errors, "spec", spec, before)
    claim(errors, obj)


def claim_status(errors: Errors, obj: Object, old: Object) -> None:
    """An allocation is made once; only who has one can be reserved for anybody."""
    status, before = obj.get("status") or {}, old.get("status") or {}
    allocation = status.get("allocation")
    if allocation is None:
        if status.get("reservedFor"):
            text = "may not be specified when `allocated` is not set"
            errors.append(field.forbidden("status.reservedFor", text))
    elif before.get("allocation") is not None:
        checks.immutable(errors, "status.allocation", allocation, before["allocation"])
    elif allocation.get("nodeSelector") is not None:
        where = "status.allocation.nodeSelector"
        selectors.node_selector(errors, where, allocation["nodeSelector"])


def claim_template(errors: Errors, obj: Object) -> None:
    spec = obj.get("spec") or {}
    meta = spec.get("metadata") or {}
    checks.labels(errors, "spec.metadata.labels", meta.get("labels"))
    _claim_spec(errors, "spec.spec", spec.get("spec") or {})


def claim_template_update(errors: Errors, obj: Object, old: Object) -> None:
    checks.immutable(errors, "spec", obj.get("spec") or {}, old.get("spec") or {})
    claim_template(errors, obj)


def _claim_spec(errors: Errors, path: str, spec: Object) -> None:
    devices = spec.get("devices") or {}
    path = f"{path}.devices"
    known = _requests(errors, f"{path}.requests", devices.get("requests") or [])
    constraints = devices.get("constraints") or ()
    where = f"{path}.constraints"
    if len(constraints) > _CONSTRAINTS_LIMIT:
        errors.append(field.too_many(where, len(constraints), _CONSTRAINTS_LIMIT))
    for i, constraint in enumerate(constraints):
        _request_names(errors, f"{where}[{i}].requests", constraint.get("requests") or [], known)
        attribute = constraint.get("matchAttribute")
        if attribute is None and constraint.get("distinctAttribute") is None:
            errors.append(field.required(f"{where}[{i}].matchAttribute"))
    configs = devices.get("config") or ()
    where = f"{path}.config"
    if len(configs) > _CONFIGS_LIMIT:
        errors.append(field.too_many(where, len(configs), _CONFIGS_LIMIT))
    for i, config in enumerate(configs):
        _request_names(errors, f"{where}[{i}].requests", config.get("requests") or [], known)
        _opaque(errors, f"{where}[{i}]", config)


def _requests(errors: Errors, path: str, requests: list[dict[str, Any]]) -> list[str]:
    """Answers the names that constraints and configurations may use."""
    known: list[str] = []
    if len(requests) > _REQUESTS_LIMIT:
        errors.append(field.too_many(path, len(requests), _REQUESTS_LIMIT))
    for i, request in enumerate(requests):
        where = f"{path}[{i}]"
        name = request.get("name") or ""
        _request_name(errors, f"{where}.name", name, known)
        exactly, choices = request.get("exactly"), request.get("firstAvailable") or []
        if exactly is not None and choices:
            text = "exactly one of `exactly` or `firstAvailable` must be specified"
            errors.append(field.invalid(where, None, text))
        elif exactly is not None:
            _request(errors, f"{where}.exactly", exactly)
        elif not choices:
            text = "exactly one of `exactly` or `firstAvailable` is required"
            errors.append(field.required(where, text))
        if len(choices) > _CHOICES_LIMIT:
            spot = f"{where}.firstAvailable"
            errors.append(field.too_many(spot, len(choices), _CHOICES_LIMIT))
        nested: list[str] = []
        for j, choice in enumerate(choices):
            spot = f"{where}.firstAvailable[{j}]"
            _request_name(errors, f"{spot}.name", choice.get("name") or "", nested)
            _request(errors, spot, choice)
        known.extend(f"{name}/{choice}" for choice in nested)
    return known


def _request_name(errors: Errors, path: str, name: str, known: list[str]) -> None:
    if not name:
        errors.append(field.required(path))
        return
    checks.dns_label(errors, path, name)
    if name in known:
        errors.append(field.duplicate(path, name))
    known.append(name)


def _request(errors: Errors, path: str, request: Object) -> None:
    name = request.get("deviceClassName") or ""
    if not name:
        errors.append(field.required(f"{path}.deviceClassName"))
    else:
        checks.dns_subdomain(errors, f"{path}.deviceClassName", name)
    _selectors(errors, f"{path}.selectors", request.get("selectors") or ())
    mode, count = request.get("allocationMode") or "", request.get("count") or 0
    if mode == "All":
        if count:
            text = "must not be specified when allocationMode is 'All'"
            errors.append(field.invalid(f"{path}.count", count, text))
    elif mode == "ExactCount":
        if count <= 0:
            text = "must be greater than zero"
            errors.append(field.invalid(f"{path}.count", count, text))
    else:
        checks.supported(errors, f"{path}.allocationMode", mode, _MODES)


def _selectors(errors: Errors, path: str, values: Any) -> None:
    if len(values) > _SELECTORS_LIMIT:
        errors.append(field.too_many(path, len(values), _SELECTORS_LIMIT))
    for i, selector in enumerate(values):
        cel = selector.get("cel")
        if cel is None:
            errors.append(field.required(f"{path}[{i}].cel"))
            continue
        expression = cel.get("expression") or ""
        where = f"{path}[{i}].cel.expression"
        if not expression:
            errors.append(field.required(where))
        elif names.size(expression) > _EXPRESSION_LIMIT:
            errors.append(field.too_long(where, "", _EXPRESSION_LIMIT))


def _request_names(errors: Errors, path: str, values: list[str], known: list[str]) -> None:
    for i, name in enumerate(values):
        where = f"{path}[{i}]"
        if name not in known:
            text = (
                "must be the name of a request in the claim or the name of a request and a "
                "subrequest separated by '/'"
            )
            errors.append(field.invalid(where, name, text))
        if name in values[:i]:
            errors.append(field.duplicate(where, name))


def _opaque(errors: Errors, path: str, config: Object) -> None:
    opaque = config.get("opaque")
    if opaque is None:
        errors.append(field.required(f"{path}.opaque"))
        return
    sources.driver_name(errors, f"{path}.opaque.driver", opaque.get("driver") or "")
    parameters = opaque.get("parameters")
    where = f"{path}.opaque.parameters"
    if parameters is None:
        errors.append(field.required(where))
    elif not isinstance(parameters, dict):
        text = "must be a valid JSON object"
        errors.append(field.invalid(where, "<value omitted>", text))


def resource_slice(errors: Errors, obj: Object) -> None:
    spec = obj.get("spec") or {}
    placed = [
        key
        for key in ("nodeName", "nodeSelector", "allNodes", "perDeviceNodeSelection")
        if spec.get(key)
    ]
    choices = "`nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection`"
    if not placed:
        text = f"exactly one of {choices} is required"
        errors.append(field.required("spec", text))
    elif len(placed) > 1:
        shown = "{" + ", ".join(f"`{key}`" for key in placed) + "}"
        text = f"exactly one of {choices} is required, but multiple fields are set"
        errors.append(field.invalid("spec", shown, text))
    if spec.get("nodeName"):
        checks.dns_subdomain(errors, "spec.nodeName", spec["nodeName"])
    if spec.get("nodeSelector") is not None:
        selectors.node_selector(errors, "spec.nodeSelector", spec["nodeSelector"])
    sources.driver_name(errors, "spec.driver", spec.get("driver") or "")
    _pool(errors, "spec.pool", spec.get("pool") or {})
    devices = spec.get("devices") or ()
    if len(devices) > _DEVICES_LIMIT:
        errors.append(field.too_many("spec.devices", len(devices), _DEVICES_LIMIT))
    known: list[str] = []
    for i, device in enumerate(devices):
        where = f"spec.devices[{i}]"
        _request_name(errors, f"{where}.name", device.get("name") or "", known)
        consumed = device.get("consumesCounters") or ()
        _counter_sets(errors, f"{where}.consumesCounters", consumed, "counterSet")
    _counter_sets(errors, "spec.sharedCounters", spec.get("sharedCounters") or (), "name")


def _counter_sets(errors: Errors, path: str, sets: Sequence[Object], key: str) -> None:
    """Sets of counters, those that there are or those that a device takes from; `key` names one."""
    known: list[str] = []
    for i, found in enumerate(sets):
        _request_name(errors, f"{path}[{i}].{key}", found.get(key) or "", known)
        if not found.get("counters"):
            errors.append(field.required(f"{path}[{i}].counters"))
        for counter in found.get("counters") or ():
            checks.dns_label(errors, f"{path}[{i}].counters", counter)


def _pool(errors: Errors, path: str, pool: Object) -> None:
    name, count = pool.get("name") or "", pool.get("resourceSliceCount") or 0
    if not name:
        errors.append(field.required(f"{path}.name"))
    else:
        if names.size(name) > _POOL_LIMIT:
            errors.append(field.too_long(f"{path}.name", "", _POOL_LIMIT))
        for part in name.split("/"):
            checks.each(errors, f"{path}.name", part, names.dns1123_subdomain(part))
    if count <= 0:
        text = "must be greater than zero"
        errors.append(field.invalid(f"{path}.resourceSliceCount", count, text))
    checks.nonnegative(errors, pool, path, "generation")


def resource_slice_update(errors: Errors, obj: Object, old: Object) -> None:
    resource_slice(errors, obj)
    spec, before = obj.get("spec") or {}, old.get("spec") or {}
    for key, new in (("nodeName", spec.get("nodeName")), ("driver", spec.get("driver"))):
        checks.immutable(errors, f"spec.{key}", new or "", before.get(key) or "")
    pool, old_pool = spec.get("pool") or {}, before.get("pool") or {}
    checks.immutable(errors, "spec.pool.name", pool.get("name"), old_pool.get("name"))
