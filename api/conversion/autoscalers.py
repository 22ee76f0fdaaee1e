"""HorizontalPodAutoscalers: autoscaling/v2 (stored) and autoscaling/v1.

Version 1 knows a CPU percentage and nothing else; all other metrics, the conditions and the
behaviour travel in annotations, in the words of the old v2beta1. Follows
`pkg/apis/autoscaling/v1/conversion.go`. Annotations that cannot be read count as absent.
"""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from miniplane.api import quantity
from miniplane.api.objects import Obj

METRICS = "autoscaling.alpha.kubernetes.io/metrics"
CURRENT_METRICS = "autoscaling.alpha.kubernetes.io/current-metrics"
CONDITIONS = "autoscaling.alpha.kubernetes.io/conditions"
BEHAVIOR = "autoscaling.alpha.kubernetes.io/behavior"

_ROUND_TRIP = (
    METRICS,
    BEHAVIOR,
    "autoscaling.alpha.kubernetes.io/scale-down-tolerance",
    "autoscaling.alpha.kubernetes.io/scale-up-tolerance",
    CURRENT_METRICS,
    CONDITIONS,
)
_DEFAULT_CPU_PERCENT = 80


def _part(obj: Any, *path: str) -> Mapping[str, Any]:
    for step in path:
        obj = obj.get(step) if isinstance(obj, Mapping) else None
    return obj if isinstance(obj, Mapping) else {}


def _items(obj: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = obj.get(key)
    return [i for i in found if isinstance(i, Mapping)] if isinstance(found, list) else []


def _set(**fields: Any) -> Obj:
    """The fields that have a value, in this order."""
    return {key: value for key, value in fields.items() if value is not None}


def _quantity(value: Any) -> str | None:
    """A quantity in its canonical form; what cannot be read stays as it is."""
    if value is None:
        return None
    try:
        return quantity.canonical(value)
    except ValueError:
        return str(value)


def without_round_trip_annotations(obj: Obj) -> Obj:
    """The object without the annotations that carry version 2 through version 1."""
    annotations = _part(obj, "metadata", "annotations")
    if not any(key in annotations for key in _ROUND_TRIP):
        return obj
    return _with_annotations(obj, {k: v for k, v in annotations.items() if k not in _ROUND_TRIP})


def _with_annotations(obj: Obj, annotations: Mapping[str, str]) -> Obj:
    metadata = {**_part(obj, "metadata")}
    if annotations:
        metadata["annotations"] = dict(annotations)
    else:
        metadata.pop("annotations", None)
    return {**obj, "metadata": metadata}


# --- version 2 to version 1 -------------------------------------------------------------------


def _cpu_percent(metric: Mapping[str, Any], key: str) -> int | None:
    """The CPU utilization of a Resource metric (key `target`) or metric status (`current`)."""
    if metric.get("type") != "Resource" or _part(metric, "resource").get("name") != "cpu":
        return None
    return _part(metric, "resource", key).get("averageUtilization")


def _encode(value: Any) -> str:
    """JSON as Go's encoder writes it: compact, keys as they stand, HTML characters escaped."""
    text = orjson.dumps(value).decode()
    for plain, escaped in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(plain, escaped)
    return text


def _old_reference(described: Mapping[str, Any]) -> Obj:
    return {
        "kind": described.get("kind") or "",
        "name": described.get("name") or "",
        **_set(apiVersion=described.get("apiVersion") or None),
    }


def _old_object(source: Mapping[str, Any], values: str, prefix: str) -> Obj:
    metric, value = _part(source, "metric"), _part(source, values)
    return {
        "target": _old_reference(_part(source, "describedObject")),
        "metricName": metric.get("name") or "",
        f"{prefix}Value": value.get("value") or "0",
        **_set(selector=metric.get("selector"), averageValue=value.get("averageValue")),
    }


def _old_pods(source: Mapping[str, Any], values: str, prefix: str) -> Obj:
    metric = _part(source, "metric")
    return {
        "metricName": metric.get("name") or "",
        f"{prefix}AverageValue": _part(source, values).get("averageValue") or "0",
        **_set(selector=metric.get("selector")),
    }


def _old_resource(source: Mapping[str, Any], values: str, prefix: str) -> Obj:
    value = _part(source, values)
    # A status always has an average value in the old form, a target may be without one.
    average = value.get("averageValue") or ("0" if prefix == "current" else None)
    fields = {
        f"{prefix}AverageUtilization": value.get("averageUtilization"),
        f"{prefix}AverageValue": average,
        "container": source.get("container"),
    }
    return {"name": source.get("name") or "", **_set(**fields)}


def _old_external(source: Mapping[str, Any], values: str, prefix: str) -> Obj:
    metric, value = _part(source, "metric"), _part(source, values)
    plain = value.get("value") or ("0" if prefix == "current" else None)
    fields = {
        "metricSelector": metric.get("selector"),
        f"{prefix}Value": plain,
        f"{prefix}AverageValue": value.get("averageValue"),
    }
    return {"metricName": metric.get("name") or "", **_set(**fields)}


_OLD: dict[str, Callable[[Mapping[str, Any], str, str], Obj]] = {
    "object": _old_object,
    "pods": _old_pods,
    "resource": _old_resource,
    "containerResource": _old_resource,
    "external": _old_external,
}


def _old_metric(metric: Mapping[str, Any], values: str, prefix: str) -> Obj:
    old: Obj = {"type": metric.get("type") or ""}
    for source, convert in _OLD.items():
        if isinstance(metric.get(source), Mapping):
            old[source] = convert(metric[source], values, prefix)
    return old


def _old_rules(rules: Any) -> Obj | None:
    if not isinstance(rules, Mapping):
        return None
    policies = rules.get("policies")
    return {
        "StabilizationWindowSeconds": rules.get("stabilizationWindowSeconds"),
        "SelectPolicy": rules.get("selectPolicy"),
        "Policies": None
        if policies is None
        else [
            {
                "Type": p.get("type") or "",
                "Value": p.get("value") or 0,
                "PeriodSeconds": p.get("periodSeconds") or 0,
            }
            for p in _items(rules, "policies")
        ],
        "Tolerance": rules.get("tolerance"),
    }


def _condition(condition: Mapping[str, Any]) -> Obj:
    return {
        "type": condition.get("type") or "",
        "status": condition.get("status") or "",
        "lastTransitionTime": condition.get("lastTransitionTime"),
        **_set(reason=condition.get("reason") or None, message=condition.get("message") or None),
    }


def to_v1(obj: Obj) -> Obj:
    """An autoscaling/v2 HorizontalPodAutoscaler as autoscaling/v1."""
    spec, status = _part(obj, "spec"), _part(obj, "status")
    metrics, current = _items(spec, "metrics"), _items(status, "currentMetrics")

    percents = [_cpu_percent(m, "target") for m in metrics]
    others = [m for m, percent in zip(metrics, percents, strict=True) if percent is None]
    used = [p for p in (_cpu_percent(m, "current") for m in current) if p is not None]

    annotations = {
        k: v for k, v in _part(obj, "metadata", "annotations").items() if k not in _ROUND_TRIP
    }
    if others:
        annotations[METRICS] = _encode([_old_metric(m, "target", "target") for m in others])
    if current:
        old = [_old_metric(m, "current", "current") for m in current]
        annotations[CURRENT_METRICS] = _encode(old)
    if isinstance(behavior := spec.get("behavior"), Mapping):
        rules = {way: _old_rules(behavior.get(way[0].lower() + way[1:])) for way in _WAYS}
        annotations[BEHAVIOR] = _encode(rules)
    if conditions := _items(status, "conditions"):
        annotations[CONDITIONS] = _encode([_condition(c) for c in conditions])

    new = _with_annotations(obj, annotations)
    new["apiVersion"] = "autoscaling/v1"
    new["spec"] = {
        "scaleTargetRef": spec.get("scaleTargetRef") or {"kind": "", "name": ""},
        **_set(minReplicas=spec.get("minReplicas")),
        "maxReplicas": spec.get("maxReplicas") or 0,
        **_set(targetCPUUtilizationPercentage=next((p for p in percents if p is not None), None)),
    }
    new["status"] = {
        **_set(
            observedGeneration=status.get("observedGeneration"),
            lastScaleTime=status.get("lastScaleTime"),
        ),
        "currentReplicas": status.get("currentReplicas") or 0,
        "desiredReplicas": status.get("desiredReplicas") or 0,
        **_set(currentCPUUtilizationPercentage=used[-1] if used else None),
    }
    return new


_WAYS = ("ScaleUp", "ScaleDown")


# --- version 1 to version 2 -------------------------------------------------------------------


def _decode_list(text: Any) -> list[Mapping[str, Any]] | None:
    try:
        found = orjson.loads(text)
    except (orjson.JSONDecodeError, TypeError):
        return None
    if not isinstance(found, list) or not all(isinstance(i, Mapping) for i in found):
        return None
    return found


def _metric_identifier(name: Any, selector: Any) -> Obj:
    return {"name": name or "", **_set(selector=selector)}


def _target(kind: str, **values: Any) -> Obj:
    return {"type": kind, **_set(**values)}


def _new_object(old: Mapping[str, Any], prefix: str) -> Obj:
    value = _quantity(old.get(f"{prefix}Value") or "0")
    average = _quantity(old.get("averageValue"))
    kind = "Value" if average is None else "AverageValue"
    return {
        "describedObject": _old_reference(_part(old, "target")),
        **_values(prefix, kind, value=value, averageValue=average),
        "metric": _metric_identifier(old.get("metricName"), old.get("selector")),
    }


def _values(prefix: str, kind: str, **values: Any) -> Obj:
    if prefix == "target":
        return {"target": _target(kind, **values)}
    return {"current": _set(**values)}


def _new_pods(old: Mapping[str, Any], prefix: str) -> Obj:
    average = _quantity(old.get(f"{prefix}AverageValue") or "0")
    return {
        "metric": _metric_identifier(old.get("metricName"), old.get("selector")),
        **_values(prefix, "AverageValue", averageValue=average),
    }


def _new_resource(old: Mapping[str, Any], prefix: str) -> Obj:
    percent = old.get(f"{prefix}AverageUtilization")
    average = old.get(f"{prefix}AverageValue") or ("0" if prefix == "current" else None)
    kind = "AverageValue" if percent is None else "Utilization"
    values = _values(prefix, kind, averageValue=_quantity(average), averageUtilization=percent)
    return {"name": old.get("name") or "", **values, **_set(container=old.get("container"))}


def _new_external(old: Mapping[str, Any], prefix: str) -> Obj:
    value = old.get(f"{prefix}Value") or ("0" if prefix == "current" else None)
    kind = "AverageValue" if value is None else "Value"
    average = _quantity(old.get(f"{prefix}AverageValue"))
    return {
        "metric": _metric_identifier(old.get("metricName"), old.get("metricSelector")),
        **_values(prefix, kind, value=_quantity(value), averageValue=average),
    }


_NEW: dict[str, Callable[[Mapping[str, Any], str], Obj]] = {
    "object": _new_object,
    "pods": _new_pods,
    "resource": _new_resource,
    "containerResource": _new_resource,
    "external": _new_external,
}


def _new_metric(old: Mapping[str, Any], prefix: str) -> Obj:
    new: Obj = {"type": old.get("type") or ""}
    for source, convert in _NEW.items():
        if isinstance(old.get(source), Mapping):
            new[source] = convert(old[source], prefix)
    return new


def _lowered(value: Any) -> Any:
    """Go reads keys in any case and leaves out what is null; so do we, at every level."""
    if isinstance(value, Mapping):
        return {
            key[:1].lower() + key[1:]: _lowered(item)
            for key, item in value.items()
            if item is not None
        }
    return [_lowered(item) for item in value] if isinstance(value, list) else value


def _new_behavior(text: Any) -> Obj | None:
    try:
        found = _lowered(orjson.loads(text))
    except (orjson.JSONDecodeError, TypeError):
        return None
    if not isinstance(found, dict):
        return None
    rules = {way: found[way] for way in ("scaleUp", "scaleDown") if _part(found, way)}
    return rules or None


def _percent_metric(percent: Any) -> Obj:
    target = {"type": "Utilization", "averageUtilization": percent}
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


def to_v2(obj: Obj) -> Obj:
    """An autoscaling/v1 HorizontalPodAutoscaler as autoscaling/v2."""
    spec, status = _part(obj, "spec"), _part(obj, "status")
    annotations = _part(obj, "metadata", "annotations")

    metrics: list[Obj] = []
    for old in _decode_list(annotations.get(METRICS)) or ():
        metrics.append(_new_metric(old, "target"))
    percent = spec.get("targetCPUUtilizationPercentage")
    if percent is not None:
        metrics.append(_percent_metric(percent))
    elif not metrics:
        # Version 1's implicit default, which depends on what the annotations said.
        metrics.append(_percent_metric(_DEFAULT_CPU_PERCENT))

    current: list[Obj] | None = None
    used = status.get("currentCPUUtilizationPercentage")
    if used is not None:
        resource = {"name": "cpu", "current": {"averageUtilization": used}}
        current = [{"type": "Resource", "resource": resource}]
    if (statuses := _decode_list(annotations.get(CURRENT_METRICS))) is not None:
        current = [_new_metric(old, "current") for old in statuses]

    new = without_round_trip_annotations(obj)
    new = {**new, "apiVersion": "autoscaling/v2"}
    new["spec"] = {
        "scaleTargetRef": spec.get("scaleTargetRef") or {"kind": "", "name": ""},
        **_set(minReplicas=spec.get("minReplicas")),
        "maxReplicas": spec.get("maxReplicas") or 0,
        "metrics": metrics,
        **_set(behavior=_new_behavior(annotations.get(BEHAVIOR))),
    }
    conditions = _decode_list(annotations.get(CONDITIONS))
    new["status"] = {
        **_set(
            observedGeneration=status.get("observedGeneration"),
            lastScaleTime=status.get("lastScaleTime"),
            currentReplicas=status.get("currentReplicas") or None,
        ),
        "desiredReplicas": status.get("desiredReplicas") or 0,
        "currentMetrics": current,
        **_set(conditions=[_condition(c) for c in conditions] if conditions else None),
    }
    return new
