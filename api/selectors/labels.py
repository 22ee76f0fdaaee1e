"""Label selectors: parsed from a query parameter or taken from a `LabelSelector` object.

Follows apimachinery's `pkg/labels` (grammar, error texts, what matches) and
https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/.

>>> selector = parse("app in (web, api),!legacy,tier!=cache")
>>> selector.matches({"app": "web", "tier": "front"})
True
>>> str(selector)
'app in (api,web),!legacy,tier!=cache'
"""

import functools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from miniplane.api import field, names
from miniplane.api.errors import StatusError, bad_request
from miniplane.api.selectors.requirements import (
    BINARY,
    DOES_NOT_EXIST,
    DOUBLE_EQUALS,
    EQUALS,
    EXISTS,
    GREATER_THAN,
    IN,
    LESS_THAN,
    NOT_EQUALS,
    NOT_IN,
    Requirement,
    parse_int64,
    requirement,
)


class LabelSelector:
    """A conjunction of requirements, sorted by key. Immutable; share freely.

    `matches(labels)` tells whether a mapping of labels (or `{}`) is selected; `empty` is true for
    the selector that selects everything; `nothing` for the one that selects nothing at all.
    """

    __slots__ = ("empty", "matches", "nothing", "requirements")

    matches: Callable[[Mapping[str, str]], bool]

    def __init__(self, requirements: Iterable[Requirement], *, nothing: bool = False):
        self.requirements = tuple(sorted(requirements, key=lambda r: r.key))
        self.nothing = nothing
        self.empty = not self.requirements and not nothing
        self.matches = _never if nothing else _compile(self.requirements)

    def exact(self, key: str) -> str | None:
        """The one value that `key` must have, or None where the selector does not say so."""
        for each in self.requirements:
            if each.key == key:
                equal = each.operator in (EQUALS, DOUBLE_EQUALS, IN)
                return each.values[0] if equal and len(each.values) == 1 else None
        return None

    def __str__(self) -> str:
        return ",".join(str(r) for r in self.requirements)

    def __repr__(self) -> str:
        return f"<LabelSelector {'nothing' if self.nothing else str(self) or 'everything'}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LabelSelector):
            return NotImplemented
        return (self.requirements, self.nothing) == (other.requirements, other.nothing)

    def __hash__(self) -> int:
        return hash((self.requirements, self.nothing))


def _always(labels: Mapping[str, str]) -> bool:
    return True


def _never(labels: Mapping[str, str]) -> bool:
    return False


def _compile(requirements: Sequence[Requirement]) -> Callable[[Mapping[str, str]], bool]:
    """One function for the whole conjunction: a watch asks it of every object that changes."""
    if not requirements:
        return _always
    if all(r.operator in (EQUALS, DOUBLE_EQUALS) for r in requirements):
        pairs = tuple((r.key, r.values[0]) for r in requirements)
        if len(pairs) == 1:
            only_key, only_value = pairs[0]
            return lambda labels: labels.get(only_key) == only_value

        def equal(labels: Mapping[str, str]) -> bool:
            for key, value in pairs:  # noqa: SIM110  a generator would cost twice as much
                if labels.get(key) != value:
                    return False
            return True

        return equal
    tests = tuple(_test(r) for r in requirements)
    if len(tests) == 1:
        return tests[0]

    def every(labels: Mapping[str, str]) -> bool:
        for test in tests:  # noqa: SIM110
            if not test(labels):
                return False
        return True

    return every


def _test(requirement: Requirement) -> Callable[[Mapping[str, str]], bool]:
    key, operator, values = requirement.key, requirement.operator, requirement.values
    if operator == EXISTS:
        return lambda labels: key in labels
    if operator == DOES_NOT_EXIST:
        return lambda labels: key not in labels
    if operator in (EQUALS, DOUBLE_EQUALS, IN):
        return lambda labels: labels.get(key) in values
    if operator in (NOT_EQUALS, NOT_IN):
        return lambda labels: labels.get(key) not in values
    bound = parse_int64(values[0])
    if bound is None:
        return _never
    limit = bound
    greater = operator == GREATER_THAN

    def compare(labels: Mapping[str, str]) -> bool:
        number = parse_int64(labels.get(key, ""))
        if number is None:
            return False
        return number > limit if greater else number < limit

    return compare


EVERYTHING = LabelSelector(())
NOTHING = LabelSelector((), nothing=True)


@functools.lru_cache(maxsize=2048)
def parse(text: str) -> LabelSelector:
    """The selector of a `labelSelector` parameter. StatusError 400 where it cannot be read."""
    try:
        return LabelSelector(_Parser(text).requirements())
    except ValueError as error:
        raise bad_request(str(error)) from None


_token = re.compile(r"==|!=|[=!(),<>]|[^=!(),<> \t\r\n\0]+")
_OPERATORS = {
    "in": IN,
    "notin": NOT_IN,
    "=": EQUALS,
    "==": DOUBLE_EQUALS,
    "!=": NOT_EQUALS,
    ">": GREATER_THAN,
    "<": LESS_THAN,
}
_SYMBOLS = frozenset(("==", "!=", "=", "!", "(", ")", ",", "<", ">", ""))


class _Parser:
    """Recursive descent over the tokens; the last one is `""`, the end of the string."""

    def __init__(self, text: str):
        self._tokens = [*_token.findall(text), ""]
        self._at = 0

    def _peek(self) -> str:
        return self._tokens[self._at]

    def _next(self) -> str:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def requirements(self) -> list[Requirement]:
        found: list[Requirement] = []
        while True:
            token = self._peek()
            if not token:
                return found
            if token in _SYMBOLS and token != "!":
                raise ValueError(f"found '{token}', expected: !, identifier, or 'end of string'")
            try:
                found.append(self._requirement())
            except ValueError as error:
                raise ValueError(f"unable to parse requirement: {error}") from None
            token = self._next()
            if not token:
                return found
            if token != ",":
                raise ValueError(f"found '{token}', expected: ',' or 'end of string'")
            after = self._peek()
            if after in _SYMBOLS and after != "!":
                raise ValueError(f"found '{after}', expected: identifier after ','")

    def _requirement(self) -> Requirement:
        token = self._next()
        operator = ""
        if token == "!":
            operator = DOES_NOT_EXIST
            token = self._next()
        if token in _SYMBOLS:
            raise ValueError(f"found '{token}', expected: identifier")
        key = token
        if wrong := names.qualified_name(key):
            raise ValueError(str(field.invalid("<nil>", key, "; ".join(wrong))))
        if self._peek() in ("", ","):
            return requirement(key, operator or EXISTS)
        if operator:
            return requirement(key, operator)
        sign = self._next()
        if sign not in _OPERATORS:
            raise ValueError(f"found '{sign}', expected: {', '.join(BINARY)}")
        operator = _OPERATORS[sign]
        values = self._values() if operator in (IN, NOT_IN) else self._exact_value()
        return requirement(key, operator, sorted(values))

    def _values(self) -> dict[str, None]:
        token = self._next()
        if token != "(":
            raise ValueError(f"found '{token}' expected: '('")
        token = self._peek()
        if token == ")":
            self._next()
            return {"": None}
        if token in _SYMBOLS and token != ",":
            raise ValueError(f"found '{token}', expected: ',', ')' or identifier")
        values: dict[str, None] = {}
        while True:
            token = self._next()
            if token == ",":
                # An empty place before, between or after commas is the empty value.
                if not values or self._peek() in (",", ")"):
                    values[""] = None
                if self._peek() == ")":
                    self._next()
                    return values
            elif token in _SYMBOLS:
                raise ValueError(f"found '{token}', expected: ',', or identifier")
            else:
                values[token] = None
                after = self._peek()
                if after == ")":
                    self._next()
                    return values
                if after != ",":
                    raise ValueError(f"found '{after}', expected: ',' or ')'")

    def _exact_value(self) -> tuple[str, ...]:
        if self._peek() in ("", ","):
            return ("",)
        token = self._next()
        if token in _SYMBOLS:
            raise ValueError(f"found '{token}', expected: identifier")
        return (token,)


_OBJECT_OPERATORS = {
    "In": IN,
    "NotIn": NOT_IN,
    "Exists": EXISTS,
    "DoesNotExist": DOES_NOT_EXIST,
}


def from_obj(selector: Mapping[str, Any] | None) -> LabelSelector:
    """The selector that a `LabelSelector` object means.

    None selects nothing and `{}` everything, as in the API. StatusError 400 for an expression
    that validation would have refused.
    """
    if selector is None:
        return NOTHING
    expressions = selector.get("matchExpressions") or ()
    return _from_parts(
        tuple((selector.get("matchLabels") or {}).items()),
        tuple(
            (e.get("key") or "", e.get("operator") or "", tuple(e.get("values") or ()))
            for e in expressions
        ),
    )


@functools.lru_cache(maxsize=8192)
def _from_parts(
    labels: tuple[tuple[str, str], ...],
    expressions: tuple[tuple[str, str, tuple[str, ...]], ...],
) -> LabelSelector:
    if not labels and not expressions:
        return EVERYTHING
    try:
        found = [requirement(key, EQUALS, (value,)) for key, value in labels]
        for key, operator, values in expressions:
            if operator not in _OBJECT_OPERATORS:
                raise ValueError(f'"{operator}" is not a valid label selector operator')
            found.append(requirement(key, _OBJECT_OPERATORS[operator], values))
    except ValueError as error:
        raise bad_request(str(error)) from None
    return LabelSelector(found)


def from_map(labels: Mapping[str, str] | None) -> LabelSelector:
    """The selector for exactly these labels, unchecked; `{}` and None select everything.

    This is what a Service's or a ReplicationController's `spec.selector` means.
    """
    return _from_map(tuple((labels or {}).items()))


@functools.lru_cache(maxsize=8192)
def _from_map(labels: tuple[tuple[str, str], ...]) -> LabelSelector:
    return LabelSelector(Requirement(key, EQUALS, (value,)) for key, value in labels)


def format_selector(selector: Mapping[str, Any] | None) -> str:
    """A `LabelSelector` object as tables show it: `<none>` for one without requirements."""
    try:
        text = str(from_obj(selector))
    except StatusError:
        return "<error>"
    return text or "<none>"


def go_text(selector: Mapping[str, Any] | None) -> str:
    """A label selector as Go prints it with `%+v`, which is how messages name it.

    >>> go_text(None)
    'nil'
    >>> print(go_text({"matchLabels": {"a": "b"}}).partition(",Match")[0])
    &LabelSelector{MatchLabels:map[string]string{a: b,}
    """
    if selector is None:
        return "nil"
    labels = selector.get("matchLabels") or {}
    pairs = "".join(f"{key}: {labels[key]}," for key in sorted(labels))
    rules = "".join(
        f"LabelSelectorRequirement{{Key:{rule['key']},Operator:{rule['operator']},"
        f"Values:[{' '.join(rule.get('values') or ())}],}},"
        for rule in selector.get("matchExpressions") or ()
    )
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{pairs}}},"
        f"MatchExpressions:[]LabelSelectorRequirement{{{rules}}},}}"
    )
