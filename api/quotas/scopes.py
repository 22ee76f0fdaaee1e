"""Scopes: which objects a quota looks at. Without any it looks at all."""

from collections.abc import Mapping
from typing import Any

from miniplane.api import resources, validation
from miniplane.api.objects import Obj
from miniplane.api.resources import Resource


def matches(spec: Mapping[str, Any], resource: Resource, obj: Obj) -> bool:
    """Whether an object is within all scopes of a quota with this spec."""
    for scope in spec.get("scopes") or ():
        if not _within(scope, "Exists", (), resource, obj):
            return False
    selector = spec.get("scopeSelector") or {}
    for term in selector.get("matchExpressions") or ():
        values = tuple(term.get("values") or ())
        if not _within(term["scopeName"], term["operator"], values, resource, obj):
            return False
    return True


def _within(
    scope: str, operator: str, values: tuple[str, ...], resource: Resource, obj: Obj
) -> bool:
    if resource is resources.PERSISTENT_VOLUME_CLAIMS:
        return scope == "VolumeAttributesClass" and _selected(_classes(obj), operator, values)
    if resource is not resources.PODS:
        return False
    spec = obj["spec"]
    if scope in ("Terminating", "NotTerminating"):
        return (spec.get("activeDeadlineSeconds") is not None) == (scope == "Terminating")
    if scope in ("BestEffort", "NotBestEffort"):
        best = validation.quality_of_service(spec) == "BestEffort"
        return best == (scope == "BestEffort")
    if scope == "PriorityClass":
        name = spec.get("priorityClassName")
        return _selected((name,) if name else (), operator, values)
    return scope == "CrossNamespacePodAffinity" and _crosses_namespaces(spec.get("affinity") or {})


def _selected(names: tuple[str, ...], operator: str, values: tuple[str, ...]) -> bool:
    """A label selector's operators over a label that has these values, or is not there."""
    if operator == "Exists":
        return bool(names)
    if operator == "DoesNotExist":
        return not names
    if operator == "NotIn":
        return not any(name in values for name in names)
    return any(name in values for name in names)


def _classes(claim: Obj) -> tuple[str, ...]:
    status = claim.get("status") or {}
    found = (
        claim["spec"].get("volumeAttributesClassName"),
        status.get("currentVolumeAttributesClassName"),
        (status.get("modifyVolumeStatus") or {}).get("targetVolumeAttributesClassName"),
    )
    return tuple(dict.fromkeys(name for name in found if name))


def _crosses_namespaces(affinity: Obj) -> bool:
    for key in ("podAffinity", "podAntiAffinity"):
        part = affinity.get(key) or {}
        terms = [
            *(part.get("requiredDuringSchedulingIgnoredDuringExecution") or ()),
            *(
                weighted["podAffinityTerm"]
                for weighted in part.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
            ),
        ]
        if any(t.get("namespaces") or t.get("namespaceSelector") is not None for t in terms):
            return True
    return False
