"""Field paths and field errors, worded as apimachinery's `pkg/util/validation/field` words them.

>>> str(required(Path("spec").child("containers").index(0).child("name")))
'spec.containers[0].name: Required value'
"""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any


class Path(str):
    """A field path. Immutable; each step returns a longer one."""

    __slots__ = ()

    def child(self, *names: str) -> "Path":
        tail = ".".join(names)
        return Path(f"{self}.{tail}" if self else tail)

    def index(self, i: int) -> "Path":  # type: ignore[override]
        return Path(f"{self}[{i}]")

    def key(self, key: str) -> "Path":
        return Path(f"{self}[{key}]")


@dataclasses.dataclass(frozen=True, slots=True)
class FieldError:
    """One thing that is wrong with one field.

    `reason` is the machine-readable cause (`FieldValueInvalid`...), `message` the text after the
    field's name.
    """

    field: str
    reason: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"

    def to_cause(self) -> dict[str, str]:
        return {"reason": self.reason, "message": self.message, "field": self.field}


OMITTED: Any = object()
"""The value of an error that does not show its value: not even that it is null."""


def _go_value(value: Any) -> str:
    """A value as Go's `%#v`/`%q` would print it in a field error."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, (bool, int, float)):
        return json.dumps(value)
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    # Go's encoder writes these so that JSON can stand in HTML.
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


_ESCAPES = {"\a": "a", "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t", "\v": "v"}
_ESCAPES |= {'"': '"', "\\": "\\"}


def _quoted(text: str) -> str:
    """Text as Go's `%q` writes it: what can be printed as it is, the rest escaped.

    >>> print(_quoted('a"b\x01'))
    "a\\"b\\x01"
    """
    out = []
    for char in text:
        if char in _ESCAPES:
            out.append("\\" + _ESCAPES[char])
        elif char.isprintable():
            out.append(char)
        else:
            code = ord(char)
            width = 2 if code < 0x80 else 4 if code < 0x10000 else 8
            out.append(f"\\{'xuU'[(width > 2) + (width > 4)]}{code:0{width}x}")
    return '"' + "".join(out) + '"'


def _with_detail(text: str, detail: str) -> str:
    return f"{text}: {detail}" if detail else text


def required(path: str, detail: str = "") -> FieldError:
    return FieldError(path, "FieldValueRequired", _with_detail("Required value", detail))


def invalid(path: str, value: Any, detail: str) -> FieldError:
    text = "Invalid value" if value is OMITTED else f"Invalid value: {_go_value(value)}"
    return FieldError(path, "FieldValueInvalid", _with_detail(text, detail))


def duplicate(path: str, value: Any) -> FieldError:
    return FieldError(path, "FieldValueDuplicate", f"Duplicate value: {_go_value(value)}")


def not_found(path: str, value: Any) -> FieldError:
    return FieldError(path, "FieldValueNotFound", f"Not found: {_go_value(value)}")


def forbidden(path: str, detail: str) -> FieldError:
    return FieldError(path, "FieldValueForbidden", _with_detail("Forbidden", detail))


def not_supported(path: str, value: Any, supported: Sequence[str]) -> FieldError:
    choices = ", ".join(json.dumps(s) for s in supported)
    text = f"Unsupported value: {_go_value(value)}"
    if choices:
        text += f": supported values: {choices}"
    return FieldError(path, "FieldValueNotSupported", text)


def too_long(path: str, value: Any, limit: int) -> FieldError:
    unit = "byte" if limit == 1 else "bytes"
    text = f"Too long: may not be more than {limit} {unit}"
    return FieldError(path, "FieldValueTooLong", text)


def too_many(path: str, actual: int, limit: int) -> FieldError:
    unit = "item" if limit == 1 else "items"
    text = f"Too many: {actual}: must have at most {limit} {unit}"
    return FieldError(path, "FieldValueTooMany", text)


def type_invalid(path: str, value: Any, detail: str) -> FieldError:
    text = f"Invalid value: {_go_value(value)}"
    return FieldError(path, "FieldValueTypeInvalid", _with_detail(text, detail))
