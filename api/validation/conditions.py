"""Conditions of the shape all kinds may share (`ValidateConditions` of apimachinery's metav1)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from miniplane.api import field, names
from miniplane.api.validation import checks
from miniplane.api.validation.checks import Errors

_STATUSES = ("False", "True", "Unknown")
_REASON = "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?"
_REASON_TEXT = names.regex_complaint(
    "a condition reason must start with alphabetic character, optionally followed by a string of "
    "alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'",
    _REASON,
    "my_name",
    "MY_NAME",
    "MyName",
    "ReasonA,ReasonB",
    "ReasonA:ReasonB",
)
_REASON_LIMIT = 1024
_MESSAGE_LIMIT = 32 * 1024


def check(errors: Errors, path: str, conditions: Sequence[Mapping[str, Any]] | None) -> None:
    seen: dict[str, None] = {}
    for i, condition in enumerate(conditions or ()):
        where = f"{path}[{i}]"
        kind = condition.get("type") or ""
        if kind in seen:
            errors.append(field.duplicate(f"{where}.type", kind))
        seen[kind] = None
        checks.qualified_name(errors, f"{where}.type", kind)
        checks.supported(errors, f"{where}.status", condition.get("status") or "", _STATUSES)
        generation = condition.get("observedGeneration") or 0
        if generation < 0:
            text = "must be greater than or equal to zero"
            errors.append(field.invalid(f"{where}.observedGeneration", generation, text))
        if not condition.get("lastTransitionTime"):
            errors.append(field.required(f"{where}.lastTransitionTime", "must be set"))
        _texts(errors, where, condition.get("reason") or "", condition.get("message") or "")


def _texts(errors: Errors, path: str, reason: str, message: str) -> None:
    if not reason:
        errors.append(field.required(f"{path}.reason", "must be set"))
    elif not re.fullmatch(_REASON, reason):
        errors.append(field.invalid(f"{path}.reason", reason, _REASON_TEXT))
    if names.size(reason) > _REASON_LIMIT:
        errors.append(field.too_long(f"{path}.reason", "", _REASON_LIMIT))
    if names.size(message) > _MESSAGE_LIMIT:
        errors.append(field.too_long(f"{path}.message", "", _MESSAGE_LIMIT))
