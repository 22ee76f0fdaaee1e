"""The storage group (`pkg/apis/storage/validation`)."""

from collections.abc import Mapping
from typing import Any

from miniplane.api import field, names
from miniplane.api.validation import checks, govalues, selectors, sources
from miniplane.api.validation.checks import Errors

_PARAMETERS_LIMIT = 256 * 1024
_PARAMETERS_COUNT = 512
_ATTACHED_SIZE = 256 * 1024
_MESSAGE_LIMIT = 262144
_NODE_ID_LIMIT = 192
_GROUP_POLICIES = ("File", "None", "ReadWriteOnceWithFSType")
_LIFECYCLES = ("Ephemeral", "Persistent")
_SHORTEST_TOKEN = 600

Object = Mapping[str, Any]


def storage_class(errors: Errors, obj: Object) -> None:
    _driver_like(errors, "provisioner", obj.get("provisioner") or "")
    _parameters(errors, obj.get("parameters"), may_be_empty=True)
    reclaim = obj.get("reclaimPolicy")
    if reclaim:
        checks.supported(errors, "reclaimPolicy", reclaim, ("Delete", "Retain"))
    mode = obj.get("volumeBindingMode")
    if mode is None:
        errors.append(field.required("volumeBindingMode"))
    else:
        choices = ("Immediate", "WaitForFirstConsumer")
        checks.supported(errors, "volumeBindingMode", mode, choices)
    _topologies(errors, obj.get("allowedTopologies") or [])


def storage_class_update(errors: Errors, obj: Object, old: Object) -> None:
    parameters = obj.get("parameters")
    shown = govalues.string_map(parameters)
    if (parameters or {}) != (old.get("parameters") or {}):
        errors.append(field.invalid("parameters", shown, checks.IMMUTABLE))
    provisioner = obj.get("provisioner") or ""
    checks.immutable(errors, "provisioner", provisioner, old.get("provisioner") or "")
    for key in ("reclaimPolicy", "volumeBindingMode"):
        checks.immutable(errors, key, obj.get(key), old.get(key))


def _driver_like(errors: Errors, path: str, name: str) -> None:
    if not name:
        errors.append(field.required(path))
    else:
        checks.each(errors, path, name, names.qualified_name(name.lower()))


def _parameters(
    errors: Errors, parameters: Mapping[str, str] | None, *, may_be_empty: bool
) -> None:
    path = "parameters"
    if not parameters:
        if not may_be_empty:
            text = "must contain at least one key/value pair"
            errors.append(field.required(path, text))
        return
    if len(parameters) > _PARAMETERS_COUNT:
        errors.append(field.too_long(path, "", _PARAMETERS_COUNT))
        return
    total = 0
    for key, value in parameters.items():
        if not key:
            errors.append(field.invalid(path, key, "field can not be empty."))
        total += names.size(key) + names.size(value)
    if total > _PARAMETERS_LIMIT:
        errors.append(field.too_long(path, "", _PARAMETERS_LIMIT))


def _topologies(errors: Errors, terms: list[dict[str, Any]]) -> None:
    raw: list[dict[str, list[str]]] = []
    for i, term in enumerate(terms):
        path = f"allowedTopologies[{i}]"
        found: dict[str, list[str]] = {}
        for j, requirement in enumerate(term.get("matchLabelExpressions") or ()):
            where = f"{path}.matchLabelExpressions[{j}]"
            values, key = requirement.get("values") or [], requirement.get("key") or ""
            if not values:
                errors.append(field.required(f"{where}.values"))
            for k, value in enumerate(values):
                if value in values[:k]:
                    errors.append(field.duplicate(f"{where}.values[{k}]", value))
            checks.qualified_name(errors, f"{where}.key", key)
            if key in found:
                errors.append(field.duplicate(f"{where}.key", key))
            found[key] = sorted(set(values))
        if found in raw:
            errors.append(field.duplicate(f"{path}.matchLabelExpressions", ""))
        raw.append(found)


def csi_driver(errors: Errors, obj: Object) -> None:
    sources.driver_name(errors, "name", (obj.get("metadata") or {}).get("name") or "")
    spec = obj.get("spec") or {}
    for key in ("attachRequired", "podInfoOnMount", "storageCapacity"):
        if spec.get(key) is None:
            errors.append(field.required(f"spec.{key}"))
    policy = spec.get("fsGroupPolicy")
    checks.supported(errors, "spec.fsGroupPolicy", policy, _GROUP_POLICIES)
    seen: dict[str, None] = {}
    for i, request in enumerate(spec.get("tokenRequests") or ()):
        where = f"spec.tokenRequests[{i}]"
        audience, seconds = request.get("audience") or "", request.get("expirationSeconds")
        if audience in seen:
            errors.append(field.duplicate(f"{where}.audience", audience))
        seen[audience] = None
        if seconds is not None and seconds < _SHORTEST_TOKEN:
            text = "may not specify a duration less than 10 minutes"
            errors.append(field.invalid(f"{where}.expirationSeconds", seconds, text))
        elif seconds is not None and seconds > 1 << 32:
            text = "may not specify a duration larger than 2^32 seconds"
            errors.append(field.invalid(f"{where}.expirationSeconds", seconds, text))
    for mode in spec.get("volumeLifecycleModes") or ():
        checks.supported(errors, "spec.volumeLifecycleModes", mode, _LIFECYCLES)


def csi_driver_update(errors: Errors, obj: Object, old: Object) -> None:
    csi_driver(errors, obj)
    spec, before = obj.get("spec") or {}, old.get("spec") or {}
    for key in ("attachRequired", "volumeLifecycleModes"):
        checks.immutable(errors, f"spec.{key}", spec.get(key), before.get(key))


def csi_node(errors: Errors, obj: Object) -> None:
    seen: dict[str, None] = {}
    for i, driver in enumerate((obj.get("spec") or {}).get("drivers") or ()):
        path = f"spec.drivers[{i}]"
        name, node = driver.get("name") or "", driver.get("nodeID") or ""
        sources.driver_name(errors, f"{path}.name", name)
        if not node:
            errors.append(field.required(f"{path}.nodeID"))
        if names.size(node) > _NODE_ID_LIMIT:
            text = f"must be {_NODE_ID_LIMIT} characters or less"
            errors.append(field.invalid(f"{path}.nodeID", node, text))
        count = (driver.get("allocatable") or {}).get("count")
        if count is not None and count < 0:
            where = f"{path}.allocatable.count"
            errors.append(field.invalid(where, count, checks.NOT_NEGATIVE))
        keys = driver.get("topologyKeys") or ()
        for j, key in enumerate(keys):
            if not key:
                errors.append(field.required(f"{path}.topologyKeys", key))
            if key in keys[:j]:
                errors.append(field.duplicate(f"{path}.topologyKeys", key))
            checks.qualified_name(errors, f"{path}.topologyKeys", key)
        if name in seen:
            errors.append(field.duplicate(f"{path}.name", name))
        seen[name] = None


def csi_node_update(errors: Errors, obj: Object, old: Object) -> None:
    csi_node(errors, obj)
    new = {d.get("name"): d for d in (obj.get("spec") or {}).get("drivers") or ()}
    for driver in (old.get("spec") or {}).get("drivers") or ():
        now = new.get(driver.get("name"))
        if now is not None and not checks.equal(
            {**now, "allocatable": None}, {**driver, "allocatable": None}
        ):
            text = "field is immutable"
            errors.append(field.invalid("CSINodeDriver", now, text))


def storage_capacity(errors: Errors, obj: Object) -> None:
    selectors.label_selector(errors, "nodeTopology", obj.get("nodeTopology"))
    checks.dns_subdomain(errors, "storageClassName", obj.get("storageClassName") or "")
    for key in ("capacity", "maximumVolumeSize"):
        if obj.get(key) is not None:
            checks.nonnegative_quantity(errors, key, obj[key])


def storage_capacity_update(errors: Errors, obj: Object, old: Object) -> None:
    storage_capacity(errors, obj)
    topology = obj.get("nodeTopology")
    shown = govalues.label_selector(topology)
    checks.immutable(errors, "nodeTopology", topology, old.get("nodeTopology"), shown=shown)
    name, before = obj.get("storageClassName") or "", old.get("storageClassName") or ""
    checks.immutable(errors, "storageClassName", name, before)


def volume_attachment(errors: Errors, obj: Object) -> None:
    spec = obj.get("spec") or {}
    attacher = spec.get("attacher") or ""
    sources.driver_name(errors, "spec.attacher", attacher)
    source = spec.get("source") or {}
    name, inline = source.get("persistentVolumeName"), source.get("inlineVolumeSpec")
    path = "spec.source"
    if name is None and inline is None:
        text = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"
        errors.append(field.required(path, text))
    if name is not None and inline is not None:
        text = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"
        errors.append(field.forbidden(path, text))
    if name is not None:
        if not name:
            errors.append(
                field.required(
                    f"{path}.persistentVolumeName", "must specify non empty persistentVolumeName"
                )
            )
        else:
            checks.dns_subdomain(errors, f"{path}.persistentVolumeName", name)
    node = spec.get("nodeName") or ""
    checks.dns_subdomain(errors, "spec.nodeName", node)
    status = obj.get("status") or {}
    metadata = status.get("attachmentMetadata") or {}
    total = sum(names.size(k) + names.size(v) for k, v in metadata.items())
    if total > _ATTACHED_SIZE:
        errors.append(field.too_long("status.attachmentMetadata", "", _ATTACHED_SIZE))
    for key in ("attachError", "detachError"):
        message = (status.get(key) or {}).get("message") or ""
        if names.size(message) > _MESSAGE_LIMIT:
            errors.append(field.too_long(f"status.{key}.message", "", _MESSAGE_LIMIT))


def volume_attachment_update(errors: Errors, obj: Object, old: Object) -> None:
    volume_attachment(errors, obj)
    spec, before = obj.get("spec") or {}, old.get("spec") or {}
    if not checks.equal(spec, before):
        errors.append(field.invalid("spec", spec, "field is immutable"))


def attributes_class(errors: Errors, obj: Object) -> None:
    sources.driver_name(errors, "driverName", obj.get("driverName") or "")
    _parameters(errors, obj.get("parameters"), may_be_empty=False)


def attributes_class_update(errors: Errors, obj: Object, old: Object) -> None:
    driver, before = obj.get("driverName") or "", old.get("driverName") or ""
    checks.immutable(errors, "driverName", driver, before)
    parameters = obj.get("parameters")
    shown = govalues.string_map(parameters)
    if (parameters or {}) != (old.get("parameters") or {}):
        errors.append(field.invalid("parameters", shown, checks.IMMUTABLE))
