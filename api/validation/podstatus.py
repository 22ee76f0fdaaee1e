"""A pod's status, as kubelets and others write it (`pkg/apis/core/validation/validation.go`)."""

from collections.abc import Iterator, Mapping
from typing import Any

from miniplane.api import field, restarts
from miniplane.api.validation import checks
from miniplane.api.validation.checks import Errors
from miniplane.api.validation.podupdate import guarded_annotations

_SYSTEM_CONDITIONS = ("PodScheduled", "Ready", "Initialized")
_ONE_EACH = "may specify no more than one IP for each IP family"

Pod = Mapping[str, Any]


def update(errors: Errors, obj: Pod, old: Pod) -> None:
    guarded_annotations(errors, obj, old)
    status, old_status = obj.get("status") or {}, old.get("status") or {}
    spec, old_spec = obj.get("spec") or {}, old.get("spec") or {}
    for i, condition in enumerate(status.get("conditions") or ()):
        kind = condition.get("type") or ""
        if kind not in _SYSTEM_CONDITIONS:
            checks.qualified_name(errors, f"metadata.conditions[{i}].Type", kind)
    if (spec.get("nodeName") or "") != (old_spec.get("nodeName") or ""):
        errors.append(field.forbidden("status.nodeName", "may not be changed directly"))
    nominated = status.get("nominatedNodeName")
    if nominated and nominated != old_status.get("nominatedNodeName"):
        checks.dns_subdomain(errors, "status.nominatedNodeName", nominated)
    before = old_status.get("qosClass")
    checks.immutable(errors, "status.qosClass", status.get("qosClass") or "", before or "")
    policy = old_spec.get("restartPolicy")
    if policy != "Always":
        regular = tuple(_coming_back(old_status, "containerStatuses", spec, "containers"))
        _transitions(errors, "containerStatuses", status, old_status, policy, regular)
        sidecars = tuple(
            container.get("name")
            for container in spec.get("initContainers") or ()
            if container.get("restartPolicy") == "Always"
        )
        again = tuple(_coming_back(old_status, "initContainerStatuses", spec, "initContainers"))
        skipped = (*sidecars, *again)
        _transitions(errors, "initContainerStatuses", status, old_status, policy, skipped)
    _transitions(errors, "ephemeralContainerStatuses", status, old_status, "Never", ())
    _claim_statuses(errors, status, spec)
    if status.get("podIPs"):
        _pod_ips(errors, status["podIPs"])
    if status.get("hostIPs"):
        _host_ips(errors, status)


def _coming_back(old_status: Pod, key: str, spec: Pod, kind: str) -> Iterator[str]:
    """The names of the containers that have ended and are started again whatever the pod says."""
    own = {c.get("name"): c for c in spec.get(kind) or ()}
    for before in old_status.get(key) or ():
        ended = (before.get("state") or {}).get("terminated")
        container = own.get(before.get("name"))
        if ended is None or container is None:
            continue
        if restarts.own_answer(dict(container), ended.get("exitCode") or 0):
            yield before["name"]


def _transitions(
    errors: Errors, key: str, status: Pod, old_status: Pod, policy: Any, skipped: tuple[Any, ...]
) -> None:
    """A container that will not be restarted stays terminated."""
    new = status.get(key) or ()
    for i, before in enumerate(old_status.get(key) or ()):
        ended = (before.get("state") or {}).get("terminated")
        if ended is None or before.get("name") in skipped:
            continue
        if policy == "OnFailure" and ended.get("exitCode"):
            continue
        for now in new:
            running = (now.get("state") or {}).get("terminated") is None
            if now.get("name") == before.get("name") and running:
                text = "may not be transitioned to non-terminated state"
                errors.append(field.forbidden(f"status.{key}[{i}].state", text))


def _claim_statuses(errors: Errors, status: Pod, spec: Pod) -> None:
    known = [claim.get("name") for claim in spec.get("resourceClaims") or ()]
    seen: dict[str, None] = {}
    for i, entry in enumerate(status.get("resourceClaimStatuses") or ()):
        where = f"status.resourceClaimStatuses[{i}].name"
        name = entry.get("name") or ""
        if name not in known:
            text = "must match the name of an entry in `spec.resourceClaims`"
            errors.append(field.invalid(where, name, text))
        if name in seen:
            errors.append(field.duplicate(where, name))
        seen[name] = None
        claim = entry.get("resourceClaimName")
        if claim is not None:
            checks.dns_subdomain(errors, where, claim)


def _pod_ips(errors: Errors, addresses: list[dict[str, Any]]) -> None:
    path = "status.podIPs"
    values = [entry.get("ip") or "" for entry in addresses]
    for i, value in enumerate(values):
        checks.ip_address(errors, f"{path}[{i}]", value)
    if len(values) > 1:
        _families(errors, path, values)
        _duplicates(errors, path, values)


def _host_ips(errors: Errors, status: Pod) -> None:
    path = "status.hostIPs"
    values = [entry.get("ip") or "" for entry in status["hostIPs"]]
    if (status.get("hostIP") or "") != values[0]:
        text = "must be equal to `hostIP`"
        errors.append(field.invalid(f"{path}[0].ip", values[0], text))
    for i, value in enumerate(values):
        checks.ip_address(errors, f"{path}[{i}]", value)
    if len(values) > 1:
        _duplicates(errors, path, values)
        _families(errors, path, values)


def _families(errors: Errors, path: str, values: list[str]) -> None:
    if len(values) > 2 or not checks.dual_stack(values):
        shown = [{"IP": value} for value in values]
        errors.append(field.invalid(path, shown, _ONE_EACH))


def _duplicates(errors: Errors, path: str, values: list[str]) -> None:
    seen: dict[str, None] = {}
    for i, value in enumerate(values):
        if value in seen:
            errors.append(field.duplicate(f"{path}[{i}]", {"IP": value}))
        seen[value] = None
