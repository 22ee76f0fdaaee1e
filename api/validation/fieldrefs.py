"""References to a pod's own fields and resources: the downward API."""

from collections.abc import Mapping
from typing import Any

from miniplane.api import field
from miniplane.api.validation import checks
from miniplane.api.validation.checks import Errors

IN_VOLUMES = (
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
)
IN_ENV = (
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
)
_KNOWN = frozenset(
    (
        *IN_VOLUMES,
        *IN_ENV,
        "spec.host",
        "spec.restartPolicy",
        "spec.schedulerName",
        "status.phase",
    )
)
_RESOURCES = tuple(
    sorted(
        f"{kind}.{name}"
        for kind in ("limits", "requests")
        for name in ("cpu", "memory", "ephemeral-storage")
    )
)
_HUGE_PAGES = ("limits.hugepages-", "requests.hugepages-")
_SIZES = ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei")
_DIVISORS: dict[str, tuple[tuple[str, ...], str]] = {
    "cpu": (("1m", "1"), "1m and 1 are supported with the cpu resource"),
    "memory": (_SIZES, f"{', '.join(_SIZES)} are supported with the memory resource"),
    "ephemeral-storage": (
        _SIZES,
        f"{', '.join(_SIZES)} are supported with the local ephemeral storage resource",
    ),
}


def field_selector(
    errors: Errors, path: str, selector: Mapping[str, Any], allowed: tuple[str, ...]
) -> None:
    """An ObjectFieldSelector; `allowed` are the fields that can be had there."""
    version, wanted = selector.get("apiVersion") or "", selector.get("fieldPath") or ""
    if not version:
        errors.append(field.required(f"{path}.apiVersion"))
        return
    if not wanted:
        errors.append(field.required(f"{path}.fieldPath"))
        return
    name, subscript = _split(wanted)
    problem = ""
    if version != "v1":
        problem = f"unsupported pod version: {version}"
    elif subscript is not None:
        if name not in ("metadata.annotations", "metadata.labels"):
            problem = f"field label does not support subscript: {wanted}"
    elif wanted not in _KNOWN:
        problem = f"field label not supported: {wanted}"
    if problem:
        text = f"error converting fieldPath: {problem}"
        errors.append(field.invalid(f"{path}.fieldPath", wanted, text))
    elif subscript is not None:
        key = subscript.lower() if name == "metadata.annotations" else subscript
        checks.qualified_name(errors, path, key)
    else:
        name = "spec.nodeName" if wanted == "spec.host" else wanted
        if name not in allowed:
            errors.append(field.not_supported(f"{path}.fieldPath", name, allowed))


def _split(wanted: str) -> tuple[str, str | None]:
    """`metadata.labels['a']` is the field and its key."""
    if wanted.endswith("']"):
        name, found, key = wanted[:-2].partition("['")
        if found and name:
            return name, key
    return wanted, None


def resource_selector(
    errors: Errors, path: str, selector: Mapping[str, Any], *, in_volume: bool
) -> None:
    """A ResourceFieldSelector. In a volume it has to say of which container."""
    wanted = selector.get("resource") or ""
    if in_volume and not selector.get("containerName"):
        errors.append(field.required(f"{path}.containerName"))
    elif not wanted:
        errors.append(field.required(f"{path}.resource"))
    elif wanted not in _RESOURCES and not wanted.startswith(_HUGE_PAGES):
        errors.append(field.not_supported(f"{path}.resource", wanted, _RESOURCES))
    divisor = selector.get("divisor")
    if divisor is None or not checks.parsed(divisor).sign:
        return
    text = checks.quantity_text(divisor)
    if wanted in _RESOURCES:
        supported, rest = _DIVISORS[wanted.partition(".")[2]]
    elif wanted.startswith(_HUGE_PAGES):
        supported = _SIZES
        rest = f"{', '.join(_SIZES)} are supported with the hugepages resource"
    else:
        return
    if text not in supported:
        errors.append(field.invalid(f"{path}.divisor", wanted, f"only divisor's values {rest}"))
