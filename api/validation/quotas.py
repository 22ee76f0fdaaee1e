"""ResourceQuotas and LimitRanges (`pkg/apis/core/validation/validation.go`)."""

from collections.abc import Mapping
from typing import Any

from miniplane.api import field, names, quantity
from miniplane.api.validation import checks, compute, govalues
from miniplane.api.validation.checks import Errors

_TERMINATION = ("Terminating", "NotTerminating")
_EFFORT = ("BestEffort", "NotBestEffort")
_SCOPES = (
    *_TERMINATION,
    *_EFFORT,
    "PriorityClass",
    "CrossNamespacePodAffinity",
    "VolumeAttributesClass",
)
_ONLY_EXISTS = (*_TERMINATION, *_EFFORT, "CrossNamespacePodAffinity")
_POD_RESOURCES = (
    "pods",
    "cpu",
    "memory",
    "limits.cpu",
    "limits.memory",
    "requests.cpu",
    "requests.memory",
)
_LIMIT_TYPES = ("Pod", "Container", "PersistentVolumeClaim")
_ONE = quantity.Quantity(1, 0)
_EXPRESSION = (
    ("scopeName", "ScopeName", ""),
    ("operator", "Operator", ""),
    ("values", "Values", None),
)

Object = Mapping[str, Any]


def resource_quota(errors: Errors, obj: Object) -> None:
    _spec(errors, obj.get("spec") or {})
    _amounts(errors, "status.hard", (obj.get("status") or {}).get("hard"))
    _amounts(errors, "status.used", (obj.get("status") or {}).get("used"))


def resource_quota_update(errors: Errors, obj: Object, old: Object) -> None:
    spec, before = obj.get("spec") or {}, old.get("spec") or {}
    _spec(errors, spec)
    scopes = spec.get("scopes") or []
    if sorted(set(scopes)) != sorted(set(before.get("scopes") or [])):
        errors.append(field.invalid("spec.scopes", scopes or None, checks.IMMUTABLE))


def resource_quota_status(errors: Errors, obj: Object, old: Object) -> None:
    _amounts(errors, "status.hard", (obj.get("status") or {}).get("hard"))
    _amounts(errors, "status.used", (obj.get("status") or {}).get("used"))


def _amounts(errors: Errors, path: str, values: Mapping[str, str] | None) -> None:
    for name, value in (values or {}).items():
        compute.quota_resource_name(errors, f"{path}[{name}]", name)
        compute.amount(errors, f"{path}[{name}]", name, value)


def _spec(errors: Errors, spec: Object) -> None:
    hard = spec.get("hard") or {}
    _amounts(errors, "spec.hard", hard)
    scopes = spec.get("scopes") or []
    if scopes:
        _scopes(errors, scopes, hard)
    selector = spec.get("scopeSelector")
    if selector is not None:
        _scope_selector(errors, selector, scopes, hard)


def _scopes(errors: Errors, scopes: list[str], hard: Mapping[str, str]) -> None:
    path = "spec.scopes"
    for scope in scopes:
        if scope not in _SCOPES:
            errors.append(field.invalid(path, scopes, "unsupported scope"))
        for name in sorted(hard):
            if compute.is_quota_resource(name) and not _applies(scope, name):
                text = "unsupported scope applied to resource"
                errors.append(field.invalid(path, scopes, text))
    _conflicts(errors, path, scopes, scopes)


def _conflicts(errors: Errors, path: str, scopes: list[str], shown: list[str]) -> None:
    for pair in (_EFFORT, _TERMINATION):
        if all(scope in scopes for scope in pair):
            errors.append(field.invalid(path, shown or None, "conflicting scopes"))


def _applies(scope: str, name: str) -> bool:
    if scope == "BestEffort":
        return name == "pods"
    if scope == "VolumeAttributesClass":
        return name in ("persistentvolumeclaims", "requests.storage")
    return scope not in _SCOPES or name in _POD_RESOURCES


def _scope_selector(
    errors: Errors, selector: Object, scopes: list[str], hard: Mapping[str, str]
) -> None:
    path = "spec.scopeSelector.matchExpressions"
    expressions = selector.get("matchExpressions") or []
    for expression in expressions:
        scope, operator = expression.get("scopeName") or "", expression.get("operator") or ""
        values = expression.get("values") or []
        if scope not in _SCOPES:
            errors.append(field.invalid(f"{path}.scopeName", scope, "unsupported scope"))
        for name in sorted(hard):
            if compute.is_quota_resource(name) and not _applies(scope, name):
                text = "unsupported scope applied to resource"
                errors.append(field.invalid(path, _shown(expressions), text))
        if scope in _ONLY_EXISTS and operator != "Exists":
            text = (
                "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, "
                "ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, "
                "ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
            )
            errors.append(field.invalid(f"{path}.operator", operator, text))
        if operator in ("In", "NotIn"):
            if not values:
                text = (
                    "must be at least one value when `operator` is 'In' or 'NotIn' for scope "
                    "selector"
                )
                errors.append(field.required(f"{path}.values", text))
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                text = (
                    "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope "
                    "selector"
                )
                errors.append(field.invalid(f"{path}.values", values, text))
        else:
            text = "not a valid selector operator"
            errors.append(field.invalid(f"{path}.operator", operator, text))
    named = [expression.get("scopeName") or "" for expression in expressions]
    _conflicts(errors, path, named, scopes)


def _shown(expressions: list[dict[str, Any]]) -> dict[str, Any]:
    parts = (
        ("scopeName", "ScopeName", ""),
        ("operator", "Operator", ""),
        ("values", "Values", None),
    )
    return {"MatchExpressions": [govalues.struct(e, *parts) for e in expressions]}


def limit_range(errors: Errors, obj: Object) -> None:
    seen: dict[str, None] = {}
    for i, item in enumerate((obj.get("spec") or {}).get("limits") or ()):
        path = f"spec.limits[{i}]"
        kind = item.get("type") or ""
        if complaints := names.qualified_name(kind):
            checks.each(errors, f"{path}.type", kind, complaints)
        elif "/" not in kind and kind not in _LIMIT_TYPES:
            text = "must be a standard limit type or fully qualified"
            errors.append(field.invalid(f"{path}.type", kind, text))
        if kind in seen:
            errors.append(field.duplicate(f"{path}.type", kind))
        seen[kind] = None
        _limits(errors, path, kind, item)


def _limits(errors: Errors, path: str, kind: str, item: Object) -> None:
    lists = ["max", "min"]
    for name in lists:
        _limit_names(errors, f"{path}.{name}", kind, item.get(name))
    for name in ("default", "defaultRequest"):
        if kind == "Pod":
            if item.get(name):
                text = "may not be specified when `type` is 'Pod'"
                errors.append(field.forbidden(f"{path}.{name}", text))
        else:
            _limit_names(errors, f"{path}.{name}", kind, item.get(name))
            lists.append(name)
    if kind == "PersistentVolumeClaim" and not any(
        "storage" in (item.get(name) or {}) for name in ("min", "max")
    ):
        text = "either minimum or maximum storage value is required, but neither was provided"
        errors.append(field.required(f"{path}.limits", text))
    _limit_names(errors, f"{path}.maxLimitRequestRatio", kind, item.get("maxLimitRequestRatio"))
    lists.append("maxLimitRequestRatio")
    resources = dict.fromkeys(key for name in lists for key in item.get(name) or ())
    for resource in resources:
        amounts = {
            name: item[name][resource] for name in lists if resource in (item.get(name) or {})
        }
        _consistent(errors, path, resource, amounts)


def _limit_names(errors: Errors, path: str, kind: str, values: Object | None) -> None:
    for name in values or ():
        if kind in ("Pod", "Container"):
            compute.container_resource_name(errors, f"{path}[{name}]", name)
        else:
            compute.resource_name(errors, f"{path}[{name}]", name)


_COMPARISONS = (
    ("min", "max", "min", "min", "min value {0} is greater than max value {1}"),
    (
        "min",
        "defaultRequest",
        "defaultRequest",
        "defaultRequest",
        "min value {0} is greater than default request value {1}",
    ),
    (
        "defaultRequest",
        "max",
        "defaultRequest",
        "defaultRequest",
        "default request value {0} is greater than max value {1}",
    ),
    (
        "defaultRequest",
        "default",
        "defaultRequest",
        "defaultRequest",
        "default request value {0} is greater than default limit value {1}",
    ),
    ("min", "default", "default", "min", "min value {0} is greater than default value {1}"),
    ("default", "max", "default", "max", "default value {0} is greater than max value {1}"),
)
"""Smaller list, larger list, the list whose field is at fault, whose value is shown, the text."""


def _consistent(errors: Errors, path: str, resource: str, amounts: Mapping[str, str]) -> None:
    exact = {name: checks.parsed(value) for name, value in amounts.items()}
    text = {name: checks.quantity_text(value) for name, value in amounts.items()}
    for smaller, larger, at_fault, shown, words in _COMPARISONS:
        if smaller in exact and larger in exact and exact[smaller] > exact[larger]:
            where = f"{path}.{at_fault}[{resource}]"
            detail = words.format(text[smaller], text[larger])
            errors.append(field.invalid(where, text[shown], detail))
    ratio = exact.get("maxLimitRequestRatio")
    if ratio is not None:
        where, shown = f"{path}.maxLimitRequestRatio[{resource}]", text["maxLimitRequestRatio"]
        if ratio < _ONE:
            errors.append(field.invalid(where, shown, f"ratio {shown} is less than 1"))
        if "min" in exact and "max" in exact:
            low, high = exact["min"].scaled(-3), exact["max"].scaled(-3)
            if low > 0 and ratio.scaled(-3) * low > high * 1000:
                detail = f"ratio {shown} is greater than max/min = {high / low:f}"
                errors.append(field.invalid(where, shown, detail))
    if (
        "default" in exact
        and "defaultRequest" in exact
        and exact["default"] != exact["defaultRequest"]
        and not compute.may_overcommit(resource)
    ):
        where = f"{path}.defaultRequest[{resource}]"
        detail = (
            f"default value {text['default']} must equal to defaultRequest value "
            f"{text['defaultRequest']} in {resource}"
        )
        errors.append(field.invalid(where, text["defaultRequest"], detail))
