"""Label selectors and node selectors.

Follows apimachinery's `pkg/apis/meta/v1/validation` and `pkg/apis/core/validation`.
"""

from collections.abc import Mapping
from typing import Any

from miniplane.api import field, names
from miniplane.api.validation import checks
from miniplane.api.validation.checks import Errors

_WITH_VALUES = "must be specified when `operator` is 'In' or 'NotIn'"
_WITHOUT_VALUES = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
_UNKNOWN = "not a valid selector operator"


def label_selector(errors: Errors, path: str, selector: Mapping[str, Any] | None) -> None:
    """A LabelSelector, where there is one."""
    if selector:
        if selector.get("matchLabels"):
            checks.labels(errors, f"{path}.matchLabels", selector["matchLabels"])
        for i, requirement in enumerate(selector.get("matchExpressions") or ()):
            _requirement(errors, f"{path}.matchExpressions[{i}]", requirement)


def _requirement(errors: Errors, path: str, requirement: Mapping[str, Any]) -> None:
    operator, values = requirement.get("operator", ""), requirement.get("values")
    if operator in ("In", "NotIn"):
        if not values:
            errors.append(field.required(f"{path}.values", _WITH_VALUES))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            errors.append(field.forbidden(f"{path}.values", _WITHOUT_VALUES))
    else:
        errors.append(field.invalid(f"{path}.operator", operator, _UNKNOWN))
    checks.qualified_name(errors, f"{path}.key", requirement.get("key", ""))
    for i, value in enumerate(values or ()):
        checks.each(errors, f"{path}.values[{i}]", value, names.label_value(value))


def is_usable(selector: Mapping[str, Any] | None) -> bool:
    """Whether a selector can be turned into one that matches labels."""
    errors: Errors = []
    label_selector(errors, "", selector)
    return not errors


def is_empty(selector: Mapping[str, Any]) -> bool:
    return not (selector.get("matchLabels") or selector.get("matchExpressions"))


def matches(selector: Mapping[str, Any] | None, labels: Mapping[str, str] | None) -> bool:
    """Whether a usable selector matches; none at all matches nothing."""
    if selector is None:
        return False
    labels = labels or {}
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    for requirement in selector.get("matchExpressions") or ():
        key, operator = requirement.get("key", ""), requirement.get("operator")
        values = requirement.get("values") or ()
        if operator == "In" and (key not in labels or labels[key] not in values):
            return False
        if operator == "NotIn" and key in labels and labels[key] in values:
            return False
        if operator == "Exists" and key not in labels:
            return False
        if operator == "DoesNotExist" and key in labels:
            return False
    return True


def node_selector(errors: Errors, path: str, selector: Mapping[str, Any]) -> None:
    terms = selector.get("nodeSelectorTerms")
    if not terms:
        text = "must have at least one node selector term"
        errors.append(field.required(f"{path}.nodeSelectorTerms", text))
        return
    for i, term in enumerate(terms):
        node_selector_term(errors, f"{path}.nodeSelectorTerms[{i}]", term)


def node_selector_term(
    errors: Errors, path: str, term: Mapping[str, Any], *, any_value: bool = False
) -> None:
    """`any_value` for preferences, whose label values were never checked."""
    for i, requirement in enumerate(term.get("matchExpressions") or ()):
        where = f"{path}.matchExpressions[{i}]"
        _node_requirement(errors, where, requirement, any_value=any_value)
    for i, requirement in enumerate(term.get("matchFields") or ()):
        _node_field(errors, f"{path}.matchFields[{i}]", requirement)


def _node_requirement(
    errors: Errors, path: str, requirement: Mapping[str, Any], *, any_value: bool
) -> None:
    operator, values = requirement.get("operator", ""), requirement.get("values")
    if operator in ("In", "NotIn"):
        if not values:
            errors.append(field.required(f"{path}.values", _WITH_VALUES))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            errors.append(field.forbidden(f"{path}.values", _WITHOUT_VALUES))
    elif operator in ("Gt", "Lt"):
        if len(values or ()) != 1:
            text = "must be specified single value when `operator` is 'Lt' or 'Gt'"
            errors.append(field.required(f"{path}.values", text))
    else:
        errors.append(field.invalid(f"{path}.operator", operator, _UNKNOWN))
    checks.qualified_name(errors, f"{path}.key", requirement.get("key", ""))
    if not any_value:
        for i, value in enumerate(values or ()):
            checks.each(errors, f"{path}.values[{i}]", value, names.label_value(value))


def _node_field(errors: Errors, path: str, requirement: Mapping[str, Any]) -> None:
    operator, values = requirement.get("operator", ""), requirement.get("values") or ()
    if operator not in ("In", "NotIn"):
        errors.append(field.invalid(f"{path}.operator", operator, _UNKNOWN))
    elif len(values) != 1:
        text = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        errors.append(field.required(f"{path}.values", text))
    key = requirement.get("key", "")
    if key != "metadata.name":
        errors.append(field.invalid(f"{path}.key", key, "not a valid field selector key"))
        return
    for i, value in enumerate(values):
        checks.each(errors, f"{path}.values[{i}]", value, names.dns1123_subdomain(value))
