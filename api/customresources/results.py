"""What validation against a schema found, in the words of kube-openapi.

See its `pkg/validation/errors/schema.go`. A finding names its place in the text too; texts are
told once.
"""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

from miniplane.api import field
from miniplane.api.field import FieldError

NOWHERE = "<nil>"
"""The field of an error that is about no field."""

ToField = Callable[[str], FieldError]


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """`path` is the place, None for a finding that has only a text. `make` turns the whole path
    into a field error."""

    text: str
    path: str | None
    make: ToField


class Result:
    """Findings, and how many checks went well: of several alternatives the one with the most was
    meant."""

    __slots__ = ("findings", "matches")

    def __init__(self, *findings: Finding):
        self.findings: list[Finding] = list(findings)
        self.matches = 0

    @property
    def valid(self) -> bool:
        return not self.findings

    def add(self, finding: Finding) -> None:
        if all(finding.text != known.text for known in self.findings):
            self.findings.append(finding)

    def merge(self, other: "Result") -> None:
        for finding in other.findings:
            self.add(finding)
        self.matches += other.matches

    def errors(self, path: str = "") -> list[FieldError]:
        """As field errors. `path` is the place of the value that was validated."""
        out = []
        for finding in self.findings:
            if finding.path is None:
                where = path or NOWHERE
            else:
                where = ".".join(part for part in (path, finding.path.removeprefix(".")) if part)
            out.append(finding.make(where or NOWHERE))
        return out


def number(value: int | float) -> str:
    """A number as Go prints it with `%v`."""
    if isinstance(value, int):
        return str(value)
    text = repr(value)
    mantissa, _, exponent = text.partition("e")
    if exponent:
        if int(exponent) < 21 and int(exponent) > 0:
            return str(int(value))
        sign, digits = exponent[0], exponent[1:] if exponent[0] in "+-" else exponent
        return f"{mantissa}e{sign if sign in '+-' else '+'}{digits.zfill(2)}"
    return text.removesuffix(".0")


def plain(text: str) -> Finding:
    """A finding about the value as a whole."""
    return Finding(text, None, lambda where: field.invalid(where, "", text))


def _invalid(text: str, path: str, value: Any) -> Finding:
    shown = "" if value is None else value
    return Finding(text, path, lambda where: field.invalid(where, shown, text))


def _in(path: str, text: str) -> str:
    return f"{path} in body {text}"


def wrong_type(path: str, wanted: str, found: str) -> Finding:
    """`found` is the type of the value, or the value itself where its format is wrong."""
    text = _in(path, f"must be of type {wanted}: {json.dumps(found, ensure_ascii=False)}")
    return Finding(text, path, lambda where: field.type_invalid(where, found, text))


def required(path: str) -> Finding:
    return Finding(_in(path, "is required"), path, field.required)


def not_one_of(path: str, value: Any, choices: list[Any]) -> Finding:
    texts = [c if isinstance(c, str) else json.dumps(c, separators=(",", ":")) for c in choices]
    text = _in(path, f"should be one of [{' '.join(texts)}]")
    return Finding(text, path, lambda where: field.not_supported(where, value, texts))


def too_long(path: str, limit: int) -> Finding:
    text = _in(path, f"should be at most {limit} chars long")
    return Finding(text, path, lambda where: field.too_long(where, "", limit))


def too_short(path: str, value: str, limit: int) -> Finding:
    return _invalid(_in(path, f"should be at least {limit} chars long"), path, value)


def no_match(path: str, value: str, pattern: str) -> Finding:
    return _invalid(_in(path, f"should match '{pattern}'"), path, value)


def too_many(path: str, size: int, limit: int, *, what: str) -> Finding:
    text = _in(path, f"should have at most {limit} {what}")
    return Finding(text, path, lambda where: field.too_many(where, size, limit))


def too_few(path: str, size: int, limit: int, *, what: str) -> Finding:
    return _invalid(_in(path, f"should have at least {limit} {what}"), path, size)


def duplicates(path: str) -> Finding:
    return _invalid(_in(path, "shouldn't contain duplicates"), path, None)


def above(path: str, value: int | float, limit: int | float, *, exclusive: bool) -> Finding:
    text = "should be less than" if exclusive else "should be less than or equal to"
    return _invalid(_in(path, f"{text} {number(limit)}"), path, value)


def below(path: str, value: int | float, limit: int | float, *, exclusive: bool) -> Finding:
    text = "should be greater than" if exclusive else "should be greater than or equal to"
    return _invalid(_in(path, f"{text} {number(limit)}"), path, value)


def not_multiple(path: str, value: int | float, factor: int | float) -> Finding:
    return _invalid(_in(path, f"should be a multiple of {number(factor)}"), path, value)


def bad_factor(path: str, factor: int | float) -> Finding:
    text = f"factor MultipleOf declared for {path} must be positive: {number(factor)}"
    return _invalid(text, path, factor)


def not_allowed(path: str, key: str) -> Finding:
    return _invalid(f"{path}.{key} in body is a forbidden property", path, key)
