"""Autoscalers and Scales (`pkg/apis/autoscaling/validation`)."""

from collections.abc import Callable, Mapping
from typing import Any

from miniplane.api import field, names
from miniplane.api.validation import checks
from miniplane.api.validation.checks import Errors

_TYPES = ("ContainerResource", "External", "Object", "Pods", "Resource")
_SOURCES = ("object", "external", "pods", "resource", "containerResource")
_POSITIVE = "must be greater than 0"
_MAX_PERIOD = 1800
_MAX_WINDOW = 3600

Object = Mapping[str, Any]


def scale(obj: Object) -> Errors:
    """A Scale: what every scale subresource takes."""
    errors: Errors = []
    checks.nonnegative(errors, obj.get("spec") or {}, "spec", "replicas")
    return errors


def horizontal_v2(errors: Errors, obj: Object) -> None:
    spec = obj.get("spec") or {}
    _replicas(errors, spec)
    _reference(errors, "spec.scaleTargetRef", spec.get("scaleTargetRef") or {}, grouped=True)
    for i, metric in enumerate(spec.get("metrics") or ()):
        _metric(errors, f"spec.metrics[{i}]", metric)
    behavior = spec.get("behavior") or {}
    for key in ("scaleUp", "scaleDown"):
        if behavior.get(key) is not None:
            _rules(errors, f"spec.behavior.{key}", behavior[key])


def horizontal_v1(errors: Errors, obj: Object) -> None:
    """The same checks as of v2, on the fields that v1 has; the metric's path is that of v2."""
    spec = obj.get("spec") or {}
    _replicas(errors, spec)
    _reference(errors, "spec.scaleTargetRef", spec.get("scaleTargetRef") or {}, grouped=True)
    target = spec.get("targetCPUUtilizationPercentage")
    if target is not None and target < 1:
        path = "spec.metrics[0].resource.target.averageUtilization"
        errors.append(field.invalid(path, target, _POSITIVE))


def horizontal_status(errors: Errors, obj: Object, old: Object) -> None:
    checks.nonnegative(
        errors, obj.get("status") or {}, "status", "currentReplicas", "desiredReplicas"
    )


def _replicas(errors: Errors, spec: Object) -> None:
    low, high = spec.get("minReplicas"), spec.get("maxReplicas") or 0
    if low is not None and low < 1:
        text = "must be greater than or equal to 1"
        errors.append(field.invalid("spec.minReplicas", low, text))
    if high < 1:
        errors.append(field.invalid("spec.maxReplicas", high, _POSITIVE))
    if low is not None and high < low:
        text = "must be greater than or equal to `minReplicas`"
        errors.append(field.invalid("spec.maxReplicas", high, text))


def _reference(errors: Errors, path: str, ref: Object, *, grouped: bool = False) -> None:
    """A CrossVersionObjectReference; `grouped`: it has to say of which API group."""
    for key in ("kind", "name"):
        value = ref.get(key) or ""
        if not value:
            errors.append(field.required(f"{path}.{key}"))
        else:
            checks.each(errors, f"{path}.{key}", value, names.path_segment(value))
    version = ref.get("apiVersion") or ""
    where = f"{path}.apiVersion"
    if version.count("/") > 1:
        text = f"unexpected GroupVersion string: {version}"
        errors.append(field.invalid(where, version, text))
        return
    group = version.rpartition("/")[0]
    if group:
        checks.each(errors, where, version, names.dns1123_subdomain(group))
    elif grouped and not (ref.get("kind") == "ReplicationController" and version == "v1"):
        text = "apiVersion must specify API group"
        errors.append(field.invalid(where, version, text))


def _metric(errors: Errors, path: str, metric: Object) -> None:
    kind = metric.get("type") or ""
    if not kind:
        text = "must specify a metric source type"
        errors.append(field.required(f"{path}.type", text))
    checks.supported(errors, f"{path}.type", kind, _TYPES)
    present = [key for key in _SOURCES if metric.get(key) is not None]
    if present:
        _METRICS[present[0]](errors, f"{path}.{present[0]}", metric[present[0]])
    expected = kind[:1].lower() + kind[1:]
    if expected not in present:
        text = "must populate information for the given metric source"
        errors.append(field.required(checks.below(path, expected), text))
    if len(present) != 1:
        text = "must populate the given metric source only"
        for key in present:
            if key != expected:
                errors.append(field.forbidden(f"{path}.{key}", text))


def _object(errors: Errors, path: str, source: Object) -> None:
    _reference(errors, f"{path}.describedObject", source.get("describedObject") or {})
    _identified(errors, path, source)
    target = source.get("target") or {}
    if target.get("value") is None and target.get("averageValue") is None:
        text = "must set either a target value for metric or a per-pod target value"
        errors.append(field.required(f"{path}.target.averageValue", text))


def _external(errors: Errors, path: str, source: Object) -> None:
    _identified(errors, path, source)
    target = source.get("target") or {}
    value, average = target.get("value"), target.get("averageValue")
    if value is None and average is None:
        text = "must set either a target value for metric or a per-pod target"
        errors.append(field.required(f"{path}.target.averageValue", text))
    if value is not None and average is not None:
        text = "may not set both a target value for metric and a per-pod target"
        errors.append(field.forbidden(f"{path}.target.value", text))


def _pods(errors: Errors, path: str, source: Object) -> None:
    _identified(errors, path, source)
    average = (source.get("target") or {}).get("averageValue")
    if average is None or checks.parsed(average).sign != 1:
        text = "must specify a positive target averageValue"
        errors.append(field.required(f"{path}.target.averageValue", text))


def _resource(errors: Errors, path: str, source: Object) -> None:
    if not source.get("name"):
        errors.append(field.required(f"{path}.name", "must specify a resource name"))
    target = source.get("target") or {}
    _target(errors, f"{path}.target", target)
    utilization, average = target.get("averageUtilization"), target.get("averageValue")
    if utilization is None and average is None:
        text = "must set either a target raw value or a target utilization"
        errors.append(field.required(f"{path}.target.averageUtilization", text))
    if utilization is not None and average is not None:
        text = "may not set both a target raw value and a target utilization"
        errors.append(field.forbidden(f"{path}.target.averageValue", text))


def _container_resource(errors: Errors, path: str, source: Object) -> None:
    if not source.get("container"):
        errors.append(field.required(f"{path}.container", "must specify a container"))
    _resource(errors, path, source)


def _identified(errors: Errors, path: str, source: Object) -> None:
    name = (source.get("metric") or {}).get("name") or ""
    if not name:
        errors.append(field.required(f"{path}.metric.name", "must specify a metric name"))
    else:
        checks.each(errors, f"{path}.metric.name", name, names.path_segment(name))
    _target(errors, f"{path}.target", source.get("target") or {})


def _target(errors: Errors, path: str, target: Object) -> None:
    kind = target.get("type") or ""
    if not kind:
        text = "must specify a metric target type"
        errors.append(field.required(f"{path}.type", text))
    if kind not in ("Utilization", "Value", "AverageValue"):
        text = "must be either Utilization, Value, or AverageValue"
        errors.append(field.invalid(f"{path}.type", kind, text))
    for key in ("value", "averageValue"):
        amount = target.get(key)
        if amount is not None and checks.parsed(amount).sign != 1:
            shown = checks.quantity_text(amount)
            errors.append(field.invalid(f"{path}.{key}", shown, "must be positive"))
    utilization = target.get("averageUtilization")
    if utilization is not None and utilization < 1:
        errors.append(field.invalid(f"{path}.averageUtilization", utilization, _POSITIVE))


def _rules(errors: Errors, path: str, rules: Object) -> None:
    window = rules.get("stabilizationWindowSeconds")
    where = f"{path}.stabilizationWindowSeconds"
    if window is not None and window < 0:
        text = "must be greater than or equal to zero"
        errors.append(field.invalid(where, window, text))
    if window is not None and window > _MAX_WINDOW:
        text = f"must be less than or equal to {_MAX_WINDOW}"
        errors.append(field.invalid(where, window, text))
    selection = rules.get("selectPolicy")
    checks.supported(errors, f"{path}.selectPolicy", selection, ("Disabled", "Max", "Min"))
    policies = rules.get("policies") or ()
    if not policies:
        text = "must specify at least one Policy"
        errors.append(field.required(f"{path}.policies", text))
    for i, policy in enumerate(policies):
        where = f"{path}.policies[{i}]"
        checks.supported(errors, f"{where}.type", policy.get("type") or "", ("Percent", "Pods"))
        for key in ("value", "periodSeconds"):
            number = policy.get(key) or 0
            if number <= 0:
                text = "must be greater than zero"
                errors.append(field.invalid(f"{where}.{key}", number, text))
        period = policy.get("periodSeconds") or 0
        if period > _MAX_PERIOD:
            text = f"must be less than or equal to {_MAX_PERIOD}"
            errors.append(field.invalid(f"{where}.periodSeconds", period, text))
    tolerance = rules.get("tolerance")
    if tolerance is not None:
        checks.nonnegative_quantity(errors, f"{path}.tolerance", tolerance)


_METRICS: dict[str, Callable[[Errors, str, Object], None]] = {
    "object": _object,
    "external": _external,
    "pods": _pods,
    "resource": _resource,
    "containerResource": _container_resource,
}
