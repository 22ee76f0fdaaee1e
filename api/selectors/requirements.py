"""One requirement of a label selector: a key, an operator, values, and what makes sense together.

Follows `NewRequirement` of apimachinery's `pkg/labels`.
"""

import dataclasses
import re
from collections.abc import Sequence

from miniplane.api import field, names

IN, NOT_IN = "in", "notin"
EQUALS, DOUBLE_EQUALS, NOT_EQUALS = "=", "==", "!="
GREATER_THAN, LESS_THAN = "gt", "lt"
EXISTS, DOES_NOT_EXIST = "exists", "!"

BINARY = (IN, NOT_IN, EQUALS, DOUBLE_EQUALS, NOT_EQUALS, GREATER_THAN, LESS_THAN)
_EXACT = (EQUALS, DOUBLE_EQUALS, NOT_EQUALS)
_SIGNS = {
    EQUALS: "=",
    DOUBLE_EQUALS: "==",
    NOT_EQUALS: "!=",
    IN: " in ",
    NOT_IN: " notin ",
    GREATER_THAN: ">",
    LESS_THAN: "<",
}


_integer = re.compile(r"[+-]?[0-9]+")


def parse_int64(text: str) -> int | None:
    """The integer that Go's `strconv.ParseInt(text, 10, 64)` reads, or None where it fails."""
    if not isinstance(text, str) or not _integer.fullmatch(text):
        return None
    # Python refuses to read numbers of thousands of digits; so many are out of range anyway.
    digits = text.lstrip("+-").lstrip("0") or "0"
    if len(digits) > 19:
        return None
    value = -int(digits) if text[0] == "-" else int(digits)
    return value if -(1 << 63) <= value < 1 << 63 else None


@dataclasses.dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one key. `operator` is one of this module's constants."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.operator == EXISTS:
            return self.key
        if self.operator == DOES_NOT_EXIST:
            return f"!{self.key}"
        values = ",".join(sorted(self.values))
        if self.operator in (IN, NOT_IN):
            values = f"({values})"
        return f"{self.key}{_SIGNS[self.operator]}{values}"


def requirement(key: str, operator: str, values: Sequence[str] = ()) -> Requirement:
    """A checked requirement. ValueError, in the API's words, for one that makes no sense."""
    errors: list[field.FieldError] = []
    if wrong := names.qualified_name(key):
        errors.append(field.invalid("key", key, "; ".join(wrong)))
    path = field.Path("values")
    shown = list(values)
    if operator in (IN, NOT_IN):
        if not values:
            text = "for 'in', 'notin' operators, values set can't be empty"
            errors.append(field.invalid(path, shown, text))
    elif operator in _EXACT:
        if len(values) != 1:
            text = "exact-match compatibility requires one single value"
            errors.append(field.invalid(path, shown, text))
    elif operator in (EXISTS, DOES_NOT_EXIST):
        if values:
            text = "values set must be empty for exists and does not exist"
            errors.append(field.invalid(path, shown, text))
    elif operator in (GREATER_THAN, LESS_THAN):
        if len(values) != 1:
            text = "for 'Gt', 'Lt' operators, exactly one value is required"
            errors.append(field.invalid(path, shown, text))
        for i, value in enumerate(values):
            if parse_int64(value) is None:
                text = "for 'Gt', 'Lt' operators, the value must be an integer"
                errors.append(field.invalid(path.index(i), value, text))
    else:
        errors.append(field.not_supported("operator", operator, (*BINARY, EXISTS, "!")))
    for i, value in enumerate(values):
        if wrong := names.label_value(value):
            errors.append(field.invalid(path.index(i).key(key), value, "; ".join(wrong)))
    if errors:
        texts = list(dict.fromkeys(str(e) for e in errors))
        raise ValueError(texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]")
    return Requirement(key, operator, tuple(values))
