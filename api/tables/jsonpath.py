"""The JSONPath of printer columns: what client-go's `util/jsonpath` finds, for simple paths.

Understood are fields (`.spec.size`, `['a.b']`), indexes and slices (`[0]`, `[-1]`, `[1:3]`),
wildcards (`[*]`, `.*`), unions (`[0,2]`, `['a','b']`), recursive descent (`..name`) and filters
(`[?(@.type=="Ready")]`, with ==, !=, <, <=, >, >=, or the mere existence of a field).

>>> find(compile_path('.c[?(@.t=="Ready")].s'), {"c": [{"t": "X"}, {"t": "Ready", "s": 1}]})
[1]
"""

import functools
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

Step: TypeAlias = Callable[[Any], Iterator[Any]]
"""From one value to the values that the step selects in it."""

_token = re.compile(
    r"""\.\.(?P<deep>\*|(?:[^\s.\[\]{}()'"]|\\.)+)?"""
    r"""|\.(?P<field>\*|(?:[^\s.\[\]{}()'"\\]|\\.)+)"""
    r"""|\[\s*\?\s*\((?P<filter>(?:'[^']*'|"[^"]*"|[^'"\]])*)\)\s*\]"""
    r"""|\[(?P<bracket>(?:'[^']*'|"[^"]*"|[^\]'"])*)\]"""
)
_operand = re.compile(r"""\s*(@[^\s=!<>]*|'[^']*'|"[^"]*"|[^\s=!<>]+)\s*""")
_operator = re.compile(r"==|!=|<=|>=|<|>")


class PathError(ValueError):
    """A path that cannot be read."""


@functools.lru_cache(maxsize=1024)
def compile_path(path: str) -> tuple[Step, ...]:
    """The steps of a path such as `.status.conditions[0].type`. PathError for a malformed one."""
    text = path.strip()
    if text.startswith("$"):
        text = text[1:]
    if text and text[0] not in ".[":
        text = f".{text}"
    if text == ".":
        return ()
    steps: list[Step] = []
    at = 0
    while at < len(text):
        match = _token.match(text, at)
        if match is None or match.end() == at:
            raise PathError(f"unrecognized path {path!r} at {at}")
        at = match.end()
        if match["filter"] is not None:
            steps.append(_filter(match["filter"]))
        elif match["bracket"] is not None:
            steps.append(_bracket(match["bracket"].strip(), path))
        elif match["field"] is not None:
            steps.append(_field(match["field"]))
        else:
            steps.append(_descend)
            if match["deep"]:
                steps.append(_field(match["deep"]))
    return tuple(steps)


def find(steps: Iterable[Step], value: Any) -> list[Any]:
    """All values that the path selects, in the document's order."""
    found = [value]
    for step in steps:
        found = [result for each in found for result in step(each)]
    return found


def _wildcard(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _field(name: str) -> Step:
    if name == "*":
        return _wildcard
    key = re.sub(r"\\(.)", r"\1", name)

    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, dict) and key in value:
            yield value[key]

    return step


def _descend(value: Any) -> Iterator[Any]:
    """The value and everything below it. Iterative: documents may be deep."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        yield each
        below = list(_wildcard(each))
        waiting.extend(reversed(below))


def _bracket(text: str, path: str) -> Step:
    if text == "*":
        return _wildcard
    pieces = re.findall(r"""'[^']*'|"[^"]*"|[^,\s]+""", text)
    if not pieces:
        raise PathError(f"unrecognized path {path!r}")
    steps = [_element(piece, path) for piece in pieces]

    def step(value: Any) -> Iterator[Any]:
        for each in steps:
            yield from each(value)

    return steps[0] if len(steps) == 1 else step


def _element(piece: str, path: str) -> Step:
    if piece[0] in "'\"":
        return _field(re.sub(r"([\\*])", r"\\\1", piece[1:-1]))
    bounds = piece.split(":")
    if len(bounds) > 3 or not all(re.fullmatch(r"-?[0-9]{0,9}", b) for b in bounds):
        raise PathError(f"unrecognized path {path!r}")
    if len(bounds) == 1:
        if not bounds[0].lstrip("-"):
            raise PathError(f"unrecognized path {path!r}")
        index = int(bounds[0])

        def one(value: Any) -> Iterator[Any]:
            if isinstance(value, list) and -len(value) <= index < len(value):
                yield value[index]

        return one
    numbers = [int(b) if b.lstrip("-") else None for b in bounds]
    if len(numbers) == 3 and numbers[2] is not None and numbers[2] <= 0:
        raise PathError(f"unrecognized path {path!r}: the step of a slice must be positive")
    chosen = slice(*numbers)

    def some(value: Any) -> Iterator[Any]:
        if isinstance(value, list):
            yield from value[chosen]

    return some


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def _filter(text: str) -> Step:
    left = _operand.match(text)
    if left is None:
        raise PathError(f"unrecognized filter {text!r}")
    first = _value_of(left[1])
    sign = _operator.match(text, left.end())
    if sign is None:
        if left.end() != len(text):
            raise PathError(f"unrecognized filter {text!r}")
        return lambda value: (e for e in _elements(value) if first(e))
    right = _operand.fullmatch(text, sign.end())
    if right is None:
        raise PathError(f"unrecognized filter {text!r}")
    second, compare = _value_of(right[1]), _COMPARISONS[sign[0]]

    def step(value: Any) -> Iterator[Any]:
        for element in _elements(value):
            ours, theirs = first(element), second(element)
            if ours and theirs and _holds(compare, ours[0], theirs[0]):
                yield element

    return step


def _elements(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _holds(compare: Callable[[Any, Any], bool], ours: Any, theirs: Any) -> bool:
    if isinstance(ours, bool) != isinstance(theirs, bool):
        return False
    try:
        return bool(compare(ours, theirs))
    except TypeError:
        return False


def _value_of(operand: str) -> Callable[[Any], list[Any]]:
    """An operand of a filter, as a function from the element to no or one value."""
    if operand.startswith("@"):
        steps = compile_path(operand[1:] or ".")
        return lambda element: find(steps, element)
    if operand[0] in "'\"":
        return lambda element: [operand[1:-1]]
    if operand in ("true", "false"):
        return lambda element: [operand == "true"]
    try:
        number = float(operand) if "." in operand else int(operand)
    except ValueError:
        raise PathError(f"unrecognized operand {operand!r}") from None
    return lambda element: [number]
