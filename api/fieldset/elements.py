"""Path elements: the keys of a FieldsV1 document.

- `f:name` a field, or a key of a map
- `k:{"name":"web"}` the item of a list with these key fields
- `v:"x"` the item of a set
- `i:3` the item at an index
- `.` the node itself

Elements are kept as the text that structured-merge-diff's `fieldpath` package writes, so equal
elements are equal strings. `order` is that package's order.
"""

import functools
import json
import re
from typing import Any

_INDEX = re.compile(r"[+-]?[0-9]{1,18}\Z", re.ASCII)
_CLASSES = {".": 0, "f": 1, "k": 2, "v": 3, "i": 4}


class Malformed(ValueError):
    """Text that is not a path element."""


@functools.lru_cache(maxsize=8192)
def quote(text: str) -> str:
    """A JSON string as Go writes it: with `<`, `>` and `&` escaped."""
    out = json.dumps(text, ensure_ascii=False)
    if "<" in out or ">" in out or "&" in out:
        out = out.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return out.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def literal(value: Any) -> str:
    """Any JSON value in the form that elements contain."""
    if isinstance(value, str):
        return quote(value)
    if value.__class__ is int:
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{quote(k)}:{literal(value[k])}" for k in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(literal, value)) + "]"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))  # numbers are equal whichever way they are written
    return json.dumps(value)


def key(fields: dict[str, Any]) -> str:
    """The element of the list item with these key fields."""
    return "k:" + literal(fields)


def value(item: Any) -> str:
    """The element of a set's item."""
    return "v:" + literal(item)


def parse(text: str) -> str | None:
    """`text` in its canonical form, None for a kind of element that is not known.

    Malformed for text that is no element at all.
    """
    if text[1:2] != ":":
        raise Malformed(text)
    kind, rest = text[0], text[2:]
    if kind == "f":
        return text
    try:
        if kind == "v":
            return value(json.loads(rest))
        if kind == "k":
            fields = json.loads(rest)
            if not isinstance(fields, dict):
                raise Malformed(text)
            return key(fields)
    except (ValueError, RecursionError):
        raise Malformed(text) from None
    if kind == "i":
        if not _INDEX.match(rest):
            raise Malformed(text)
        return f"i:{int(rest)}"
    return None


@functools.lru_cache(maxsize=8192)
def order(element: str) -> tuple[Any, ...]:
    """Sorts elements: the node itself, fields by name, keys, values, indices by number."""
    kind, rest = element[0], element[2:]
    rank = _CLASSES.get(kind, 5)
    if kind == "k":
        fields = json.loads(rest)
        return (rank, tuple((name, *_rank(fields[name])) for name in sorted(fields)))
    if kind == "v":
        return (rank, _rank(json.loads(rest)))
    if kind == "i":
        return (rank, int(rest))
    return (rank, rest)


def _rank(item: Any) -> tuple[int, Any]:
    """Numbers before strings before booleans before everything else."""
    if isinstance(item, bool):
        return (2, item)
    if isinstance(item, (int, float)):
        return (0, item)
    if isinstance(item, str):
        return (1, item)
    return (3, literal(item))
