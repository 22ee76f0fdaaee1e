"""Cluster-wide small kinds: priority classes, runtime classes, leases.

Follows `pkg/apis/{scheduling,node,coordination}/validation`.
"""

from collections.abc import Mapping
from typing import Any

from miniplane.api import field
from miniplane.api.validation import checks, compute, govalues, placement
from miniplane.api.validation.checks import Errors

_HIGHEST_USER_PRIORITY = 1000000000
_SYSTEM_CLASSES = {"system-cluster-critical": 2000000000, "system-node-critical": 2000001000}
_SYSTEM_PREFIX = "system-"
_STRATEGIES = ("OldestEmulationVersion",)

Object = Mapping[str, Any]


def priority_class(errors: Errors, obj: Object) -> None:
    name = (obj.get("metadata") or {}).get("name") or ""
    value = obj.get("value") or 0
    if name.startswith(_SYSTEM_PREFIX):
        problem = _system_class_problem(name, value, obj.get("globalDefault") or False)
        if problem:
            text = (
                "priority class names with 'system-' prefix are reserved for system use only. "
                f"error: {problem}"
            )
            errors.append(field.forbidden("metadata.name", text))
    elif value > _HIGHEST_USER_PRIORITY:
        text = f"maximum allowed value of a user defined priority is {_HIGHEST_USER_PRIORITY}"
        errors.append(field.forbidden("value", text))
    policy = obj.get("preemptionPolicy")
    if policy is not None:
        choices = ("PreemptLowerPriority", "Never")
        checks.one_of(errors, "preemptionPolicy", policy, choices)


def _system_class_problem(name: str, value: int, is_default: bool) -> str:
    expected = _SYSTEM_CLASSES.get(name)
    if expected is None:
        return f"{name} is not a known system priority class"
    if value != expected:
        return f"value of {name} PriorityClass must be {expected}"
    if is_default:
        return f"globalDefault of {name} PriorityClass must be false"
    return ""


def priority_class_update(errors: Errors, obj: Object, old: Object) -> None:
    if (obj.get("value") or 0) != (old.get("value") or 0):
        errors.append(field.forbidden("value", "may not be changed in an update."))
    checks.immutable(
        errors, "preemptionPolicy", obj.get("preemptionPolicy"), old.get("preemptionPolicy")
    )


def runtime_class(errors: Errors, obj: Object) -> None:
    handler = obj.get("handler") or ""
    checks.dns_label(errors, "handler", handler)
    fixed = (obj.get("overhead") or {}).get("podFixed")
    if fixed:
        compute.requirements(errors, "overhead", {"limits": fixed})
    scheduling = obj.get("scheduling")
    if scheduling is not None:
        checks.labels(errors, "scheduling.nodeSelector", scheduling.get("nodeSelector"))
        tolerations = scheduling.get("tolerations") or []
        for i, toleration in enumerate(tolerations):
            if toleration in tolerations[:i]:
                shown = govalues.struct(
                    toleration,
                    ("key", "Key", ""),
                    ("operator", "Operator", ""),
                    ("value", "Value", ""),
                    ("effect", "Effect", ""),
                    ("tolerationSeconds", "TolerationSeconds", None),
                )
                errors.append(field.duplicate(f"scheduling.tolerations[{i}]", shown))
        placement.tolerations(errors, "scheduling.tolerations", tolerations)


def runtime_class_update(errors: Errors, obj: Object, old: Object) -> None:
    handler, before = obj.get("handler") or "", old.get("handler") or ""
    checks.immutable(errors, "handler", handler, before)


def lease(errors: Errors, obj: Object) -> None:
    spec = obj.get("spec") or {}
    seconds = spec.get("leaseDurationSeconds")
    if seconds is not None and seconds <= 0:
        text = "must be greater than 0"
        errors.append(field.invalid("spec.leaseDurationSeconds", seconds, text))
    checks.nonnegative(errors, spec, "spec", "leaseTransitions")
    strategy = spec.get("strategy")
    if strategy is not None and strategy not in _STRATEGIES:
        checks.qualified_name(errors, "spec.strategy", strategy)
    if spec.get("preferredHolder") and not strategy:
        text = "may only be specified if `strategy` is defined"
        errors.append(field.forbidden("spec.preferredHolder", text))
