"""Where pods may go: affinity, tolerations, taints and spreading.

Follows `pkg/apis/core/validation/validation.go`.
"""

from collections.abc import Mapping
from typing import Any

from miniplane.api import field, names
from miniplane.api.validation import checks, selectors
from miniplane.api.validation.checks import Errors

_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_WEIGHT = "must be in the range 1-100"


def affinity(errors: Errors, path: str, value: Mapping[str, Any]) -> None:
    on_nodes = value.get("nodeAffinity")
    if on_nodes is not None:
        _node_affinity(errors, f"{path}.nodeAffinity", on_nodes)
    for kind in ("podAffinity", "podAntiAffinity"):
        terms = value.get(kind)
        if terms is not None:
            _pod_affinity(errors, f"{path}.{kind}", terms)


def _node_affinity(errors: Errors, path: str, value: Mapping[str, Any]) -> None:
    required = value.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is not None:
        where = f"{path}.requiredDuringSchedulingIgnoredDuringExecution"
        selectors.node_selector(errors, where, required)
    preferred = value.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
    for i, term in enumerate(preferred):
        where = f"{path}.preferredDuringSchedulingIgnoredDuringExecution[{i}]"
        _weight(errors, where, term)
        preference = term.get("preference") or {}
        selectors.node_selector_term(errors, f"{where}.preference", preference, any_value=True)


def _pod_affinity(errors: Errors, path: str, value: Mapping[str, Any]) -> None:
    required = value.get("requiredDuringSchedulingIgnoredDuringExecution") or ()
    for i, term in enumerate(required):
        where = f"{path}.requiredDuringSchedulingIgnoredDuringExecution[{i}]"
        _pod_term(errors, where, term)
    preferred = value.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
    for i, weighted in enumerate(preferred):
        where = f"{path}.preferredDuringSchedulingIgnoredDuringExecution[{i}]"
        _weight(errors, where, weighted)
        term = weighted.get("podAffinityTerm") or {}
        _pod_term(errors, f"{where}.podAffinityTerm", term)


def _weight(errors: Errors, path: str, term: Mapping[str, Any]) -> None:
    weight = term.get("weight") or 0
    if not 1 <= weight <= 100:
        errors.append(field.invalid(f"{path}.weight", weight, _WEIGHT))


def _pod_term(errors: Errors, path: str, term: Mapping[str, Any]) -> None:
    selector = term.get("labelSelector")
    selectors.label_selector(errors, f"{path}.labelSelector", selector)
    where = f"{path}.namespaceSelector"
    selectors.label_selector(errors, where, term.get("namespaceSelector"))
    for namespace in term.get("namespaces") or ():
        checks.dns_label(errors, f"{path}.namespace", namespace)
    _label_keys(errors, path, term, selector)
    key = term.get("topologyKey") or ""
    if not key:
        errors.append(field.required(f"{path}.topologyKey", "can not be empty"))
    checks.qualified_name(errors, f"{path}.topologyKey", key)


def _label_keys(
    errors: Errors,
    path: str,
    term: Mapping[str, Any],
    selector: Mapping[str, Any] | None,
) -> None:
    matching, differing = term.get("matchLabelKeys") or (), term.get("mismatchLabelKeys") or ()
    for kind, keys in (("matchLabelKeys", matching), ("mismatchLabelKeys", differing)):
        if keys and selector is None:
            text = "must not be specified when labelSelector is not set"
            errors.append(field.forbidden(f"{path}.{kind}", text))
        elif keys:
            for i, key in enumerate(keys):
                checks.qualified_name(errors, f"{path}.{kind}[{i}]", key)
    if selector is not None and matching:
        used = dict.fromkeys(selector.get("matchLabels") or ())
        for expression in selector.get("matchExpressions") or ():
            key = expression.get("key", "")
            if key in matching and key in used:
                text = "exists in both matchLabelKeys and labelSelector"
                errors.append(field.invalid(f"{path}[{matching.index(key)}]", key, text))
            used[key] = None
    for i, key in enumerate(matching):
        if key in differing:
            text = "exists in both matchLabelKeys and mismatchLabelKeys"
            errors.append(field.invalid(f"{path}.matchLabelKeys[{i}]", key, text))


def tolerations(errors: Errors, path: str, values: list[dict[str, Any]]) -> None:
    for i, toleration in enumerate(values):
        where = f"{path}[{i}]"
        key, operator = toleration.get("key") or "", toleration.get("operator") or ""
        value, effect = toleration.get("value") or "", toleration.get("effect") or ""
        if key:
            if complaints := names.qualified_name(key):
                checks.each(errors, f"{where}.key", key, complaints)
        elif operator != "Exists":
            text = (
                "operator must be Exists when `key` is empty, which means "
                '"match all values and all keys"'
            )
            errors.append(field.invalid(f"{where}.operator", operator, text))
        if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
            text = "effect must be 'NoExecute' when `tolerationSeconds` is set"
            errors.append(field.invalid(f"{where}.effect", effect, text))
        if operator in ("Equal", ""):
            if complaints := names.label_value(value):
                text = ";".join(complaints)
                errors.append(field.invalid(f"{where}.operator", value, text))
        elif operator == "Exists":
            if value:
                text = "value must be empty when `operator` is 'Exists'"
                errors.append(field.invalid(f"{where}.operator", value, text))
        else:
            errors.append(field.not_supported(f"{where}.operator", operator, ("Equal", "Exists")))
        if effect and effect not in _EFFECTS:
            errors.append(field.not_supported(f"{where}.effect", effect, _EFFECTS))


def taints(errors: Errors, path: str, values: list[dict[str, Any]]) -> None:
    """A node's taints: one for each key and effect."""
    seen: dict[tuple[str, str], None] = {}
    for i, taint in enumerate(values):
        where = f"{path}[{i}]"
        key, value = taint.get("key") or "", taint.get("value") or ""
        effect = taint.get("effect") or ""
        checks.qualified_name(errors, f"{where}.key", key)
        if complaints := names.label_value(value):
            errors.append(field.invalid(f"{where}.value", value, ";".join(complaints)))
        checks.one_of(errors, f"{where}.effect", effect, _EFFECTS)
        if (key, effect) in seen:
            added = taint.get("timeAdded")
            shown = {"Key": key, "Value": value, "Effect": effect, "TimeAdded": added}
            found = field.duplicate(where, shown)
            message = f"{found.message}: taints must be unique by key and effect pair"
            errors.append(field.FieldError(where, found.reason, message))
        seen[key, effect] = None


def spread_constraints(errors: Errors, path: str, values: list[dict[str, Any]]) -> None:
    for i, constraint in enumerate(values):
        where = f"{path}[{i}]"
        skew, key = constraint.get("maxSkew") or 0, constraint.get("topologyKey") or ""
        action = constraint.get("whenUnsatisfiable") or ""
        if skew <= 0:
            errors.append(field.invalid(f"{where}.maxSkew", skew, checks.NOT_POSITIVE))
        if not key:
            errors.append(field.required(f"{where}.topologyKey", "can not be empty"))
        if action not in ("DoNotSchedule", "ScheduleAnyway"):
            choices = ("DoNotSchedule", "ScheduleAnyway")
            errors.append(field.not_supported(f"{where}.whenUnsatisfiable", action, choices))
        for other in values[i + 1 :]:
            same_key = (other.get("topologyKey") or "") == key
            if same_key and (other.get("whenUnsatisfiable") or "") == action:
                spot = f"{where}.{{topologyKey, whenUnsatisfiable}}"
                errors.append(field.duplicate(spot, f"{{{key}, {action}}}"))
                break
        _min_domains(errors, f"{where}.minDomains", constraint.get("minDomains"), action)
        for kind in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            checks.supported(errors, f"{where}.{kind}", constraint.get(kind), ("Honor", "Ignore"))
        selector = constraint.get("labelSelector")
        _spread_keys(errors, f"{where}.matchLabelKeys", constraint, selector)
        selectors.label_selector(errors, f"{where}.labelSelector", selector)


def _min_domains(errors: Errors, path: str, value: int | None, action: str) -> None:
    if value is None:
        return
    if value <= 0:
        errors.append(field.invalid(path, value, checks.NOT_POSITIVE))
    if action != "DoNotSchedule":
        text = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"
        errors.append(field.invalid(path, value, text))


def _spread_keys(
    errors: Errors,
    path: str,
    constraint: Mapping[str, Any],
    selector: Mapping[str, Any] | None,
) -> None:
    keys = constraint.get("matchLabelKeys")
    if not keys:
        return
    used: dict[str, None] = {}
    if selector is None:
        text = "must not be specified when labelSelector is not set"
        errors.append(field.forbidden(path, text))
    else:
        used = dict.fromkeys(selector.get("matchLabels") or ())
        expressions = selector.get("matchExpressions") or ()
        used.update(dict.fromkeys(e.get("key", "") for e in expressions))
    for i, key in enumerate(keys):
        checks.qualified_name(errors, f"{path}[{i}]", key)
        if key in used:
            text = "exists in both matchLabelKeys and labelSelector"
            errors.append(field.invalid(f"{path}[{i}]", key, text))
