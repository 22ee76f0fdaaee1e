"""The row of a HorizontalPodAutoscaler, whose TARGETS cell puts each metric's value and target."""

from collections.abc import Mapping
from typing import Any

from miniplane.api.conversion import autoscalers
from miniplane.api.objects import Obj
from miniplane.api.tables.model import AGE, NAME, Column, Printer, doc, printer
from miniplane.api.tables.parts import (
    NONE,
    UNKNOWN,
    UNSET,
    age,
    as_text,
    name,
    number,
    part,
    parts,
    text,
    value,
)

_SHOWN = 2
_SOURCES = {
    "External": "external",
    "Pods": "pods",
    "Object": "object",
    "Resource": "resource",
    "ContainerResource": "containerResource",
}


def _quantity(found: Any) -> str:
    # A Go Quantity pointer that is nil prints itself so.
    return "<nil>" if found is None else as_text(found)


def _plain_metric(source: str, spec: Mapping[str, Any], status: Mapping[str, Any] | None) -> str:
    """External, object and pods metrics: a value, or an average value."""
    target = part(spec, "target")
    current = None if status is None else part(status, "current")
    if source == "pods":
        shown = UNKNOWN if current is None else _quantity(current.get("averageValue"))
        return f"{shown}/{_quantity(target.get('averageValue'))}"
    if target.get("averageValue") is not None:
        average = None if current is None else current.get("averageValue")
        shown = UNKNOWN if average is None else as_text(average)
        return f"{shown}/{as_text(target.get('averageValue'))} (avg)"
    shown = UNKNOWN if current is None else _quantity(current.get("value"))
    return f"{shown}/{_quantity(target.get('value'))}"


def _resource_metric(spec: Mapping[str, Any], status: Mapping[str, Any] | None) -> str:
    """Resource metrics: an average value, or a percentage of what the pods request."""
    target = part(spec, "target")
    current = None if status is None else part(status, "current")
    resource = text(spec, "name")
    if target.get("averageValue") is not None:
        shown = UNKNOWN if current is None else _quantity(current.get("averageValue"))
        return f"{resource}: {shown}/{as_text(target.get('averageValue'))}"
    used = None if current is None else current.get("averageUtilization")
    wanted = target.get("averageUtilization")
    return (
        f"{resource}: {UNKNOWN if used is None else f'{as_text(used)}%'}"
        f"/{'<auto>' if wanted is None else f'{as_text(wanted)}%'}"
    )


def _targets(hpa: Obj) -> str:
    specs = parts(hpa, "spec", "metrics")
    statuses = parts(hpa, "status", "currentMetrics")
    if not specs:
        return NONE
    shown = []
    for i, spec in enumerate(specs):
        source = _SOURCES.get(text(spec, "type"))
        if source is None:
            shown.append("<unknown type>")
            continue
        status = value(statuses[i], source) if i < len(statuses) else None
        if not isinstance(status, dict):
            status = None
        if source in ("resource", "containerResource"):
            shown.append(_resource_metric(part(spec, source), status))
        else:
            shown.append(_plain_metric(source, part(spec, source), status))
    targets = ", ".join(shown[:_SHOWN])
    return f"{targets} + {len(shown) - _SHOWN} more..." if len(shown) > _SHOWN else targets


def _autoscaler(obj: Obj, now: float) -> list[Any]:
    if obj.get("apiVersion") == "autoscaling/v1":
        obj = autoscalers.to_v2(obj)
    minimum = value(obj, "spec", "minReplicas")
    return [
        name(obj),
        f"{text(obj, 'spec', 'scaleTargetRef', 'kind')}/"
        f"{text(obj, 'spec', 'scaleTargetRef', 'name')}",
        _targets(obj),
        UNSET if minimum is None else as_text(minimum),
        number(obj, "spec", "maxReplicas"),
        number(obj, "status", "currentReplicas"),
        age(obj, now),
    ]


_SPEC = "autoscaling.v2.HorizontalPodAutoscalerSpec"

PRINTERS: dict[tuple[str, str], Printer] = {
    ("autoscaling", "HorizontalPodAutoscaler"): printer(
        _autoscaler,
        NAME,
        Column("Reference", "string", doc(_SPEC, "scaleTargetRef")),
        Column("Targets", "string", doc(_SPEC, "metrics")),
        Column("MinPods", "string", doc(_SPEC, "minReplicas")),
        Column("MaxPods", "string", doc(_SPEC, "maxReplicas")),
        Column(
            "Replicas",
            "string",
            doc("autoscaling.v2.HorizontalPodAutoscalerStatus", "currentReplicas"),
        ),
        AGE,
    ),
}
