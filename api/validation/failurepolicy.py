"""When a Job counts as failed, and when as done (`pkg/apis/batch/validation`)."""

from collections.abc import Mapping, Sequence
from typing import Any

from miniplane.api import field
from miniplane.api.validation import checks, govalues
from miniplane.api.validation.checks import Errors

_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
_STATUSES = ("False", "True", "Unknown")
_RULES_LIMIT = 20
_CODES_LIMIT = 255
_PATTERNS_LIMIT = 20
_INDEXES_LIMIT = 64 * 1024

Object = Mapping[str, Any]


def pod_failure(errors: Errors, path: str, policy: Object, spec: Object) -> None:
    rules = policy.get("rules") or ()
    if len(rules) > _RULES_LIMIT:
        errors.append(field.too_many(f"{path}.rules", len(rules), _RULES_LIMIT))
    template = (spec.get("template") or {}).get("spec") or {}
    known = [
        container.get("name")
        for kind in ("containers", "initContainers")
        for container in template.get(kind) or ()
    ]
    for i, rule in enumerate(rules):
        where = f"{path}.rules[{i}]"
        action = rule.get("action") or ""
        if action == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
            text = "requires the backoffLimitPerIndex to be set"
            errors.append(field.invalid(f"{where}.action", action, text))
        _one_of(errors, f"{where}.action", action, _ACTIONS)
        codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions")
        if codes is not None:
            _exit_codes(errors, f"{where}.onExitCodes", codes, known)
        if conditions:
            _conditions(errors, f"{where}.onPodConditions", conditions)
        if codes is not None and conditions:
            text = "specifying both OnExitCodes and OnPodConditions is not supported"
            errors.append(field.invalid(where, field.OMITTED, text))
        if codes is None and not conditions:
            text = "specifying one of OnExitCodes and OnPodConditions is required"
            errors.append(field.invalid(where, field.OMITTED, text))


def _one_of(errors: Errors, path: str, value: str, choices: Sequence[str]) -> None:
    if value:
        checks.supported(errors, path, value, choices)
    else:
        known = " ".join(f'"{choice}"' for choice in choices)
        errors.append(field.required(path, f"valid values: [{known}]"))


def _exit_codes(errors: Errors, path: str, codes: Object, known: list[Any]) -> None:
    operator, values = codes.get("operator") or "", codes.get("values") or []
    _one_of(errors, f"{path}.operator", operator, ("In", "NotIn"))
    name = codes.get("containerName")
    if name is not None and name not in known:
        text = "must be one of the container or initContainer names in the pod template"
        errors.append(field.invalid(f"{path}.containerName", name, text))
    where = f"{path}.values"
    if not values:
        errors.append(field.invalid(where, values, "at least one value is required"))
    elif len(values) > _CODES_LIMIT:
        errors.append(field.too_many(where, len(values), _CODES_LIMIT))
    ordered = True
    seen: dict[int, None] = {}
    for i, value in enumerate(values):
        if operator == "In" and value == 0:
            text = "must not be 0 for the In operator"
            errors.append(field.invalid(f"{where}[{i}]", value, text))
        if value in seen:
            errors.append(field.duplicate(f"{where}[{i}]", value))
        seen[value] = None
        ordered = ordered and (i == 0 or values[i - 1] <= value)
    if not ordered:
        errors.append(field.invalid(where, values, "must be ordered"))


def _conditions(errors: Errors, path: str, conditions: list[dict[str, Any]]) -> None:
    if len(conditions) > _PATTERNS_LIMIT:
        errors.append(field.too_many(path, len(conditions), _PATTERNS_LIMIT))
    for i, pattern in enumerate(conditions):
        where = f"{path}[{i}]"
        checks.qualified_name(errors, f"{where}.type", pattern.get("type") or "")
        _one_of(errors, f"{where}.status", pattern.get("status") or "", _STATUSES)


def success(errors: Errors, path: str, policy: Object, spec: Object) -> None:
    if spec.get("completionMode") != "Indexed":
        rules = [
            govalues.struct(
                rule,
                ("succeededIndexes", "SucceededIndexes", None),
                ("succeededCount", "SucceededCount", None),
            )
            for rule in policy.get("rules") or ()
        ]
        text = "requires indexed completion mode"
        errors.append(field.invalid(path, {"Rules": rules or None}, text))
        return
    rules = policy.get("rules") or []
    where = f"{path}.rules"
    if not rules:
        text = "at least one rules must be specified when the successPolicy is specified"
        errors.append(field.required(where, text))
    if len(rules) > _RULES_LIMIT:
        errors.append(field.too_many(where, len(rules), _RULES_LIMIT))
    for i, rule in enumerate(rules):
        _success_rule(errors, f"{where}[{i}]", rule, spec.get("completions") or 0)


def _success_rule(errors: Errors, path: str, rule: Object, completions: int) -> None:
    count, indexes = rule.get("succeededCount"), rule.get("succeededIndexes")
    if count is None and indexes is None:
        text = "at least one of succeededCount or succeededIndexes must be specified"
        errors.append(field.required(path, text))
    total = completions
    if indexes is not None:
        if len(indexes) > _INDEXES_LIMIT:
            where = f"{path}.succeededIndexes"
            errors.append(field.too_long(where, "", _INDEXES_LIMIT))
        else:
            found, problem = count_indexes(indexes, completions)
            if problem:
                text = f"error parsing succeededIndexes: {problem}"
                errors.append(field.invalid(f"{path}.succeededIndexes", indexes, text))
            else:
                total = found
    if count is not None:
        where = f"{path}.succeededCount"
        checks.nonnegative(errors, rule, path, "succeededCount")
        if count > completions:
            text = (
                f"must be less than or equal to {completions} (the number of specified completions)"
            )
            errors.append(field.invalid(where, count, text))
        if indexes is not None and count > total:
            text = (
                f"must be less than or equal to {total} (the number of indexes in the specified "
                "succeededIndexes field)"
            )
            errors.append(field.invalid(where, count, text))


def count_indexes(text: str, completions: int) -> tuple[int, str]:
    """How many indexes `0,2-4` names, or what is wrong with it."""
    total, last = 0, -1
    for part in text.split(",") if text else ():
        first, end, problem = _interval(part, completions)
        if problem:
            return 0, problem
        if first <= last:
            return 0, f"non-increasing order, previous: {last}, current: {first}"
        total += end - first + 1
        last = end
    return total, ""


def first_common_index(one: str, other: str, completions: int) -> int | None:
    """The lowest index that both name. Parts that cannot be read are told of elsewhere."""
    left, right = _intervals(one, completions), _intervals(other, completions)
    while left and right:
        (first, end), (start, stop) = left[0], right[0]
        if first <= stop and start <= end:
            return max(first, start)
        (left if first <= start else right).pop(0)
    return None


def _intervals(text: str, completions: int) -> list[tuple[int, int]]:
    read = [_interval(part, completions) for part in text.split(",") if text]
    return [(first, end) for first, end, problem in read if not problem]


def _interval(part: str, completions: int) -> tuple[int, int, str]:
    """The first and the last index of `2-4`, or what is wrong with it."""
    bounds = part.split("-")
    if len(bounds) > 2:
        return (
            0,
            0,
            f'the fragment "{part}" violates the requirement that an index interval can have at '
            "most two parts separated by '-'",
        )
    for bound in bounds:
        if not (bound.isascii() and bound.isdigit() and len(bound) < 10):
            return 0, 0, f'cannot convert string to integer for index: "{bound}"'
        if int(bound) >= completions:
            return 0, 0, f'too large index: "{bound}"'
    first, end = int(bounds[0]), int(bounds[-1])
    if len(bounds) == 2 and first >= end:
        return 0, 0, f"non-increasing order, previous: {first}, current: {end}"
    return first, end, ""
