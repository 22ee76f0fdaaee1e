"""What is wrong with a value that does not fit its type, in the words of structured-merge-diff.

Slower than `typed` itself, and only asked when that has found something. Follows
`typed/validate.go` and `typed/helpers.go`.
"""

import json
from typing import Any

from miniplane.api.fieldset.typed import ANY_SCALAR, Fields, Items, Mismatch, Scalar, Type
from miniplane.api.fieldset.walk import Untrackable
from miniplane.api.patch import gotext


def describe(of: Type, value: Any, *, strict: bool = True) -> str:
    """All problems of a value, one a line if there are several; empty for none.

    With `strict` the same key or member twice in a list is one.
    """
    found: list[str] = []
    _visit(of, value, "", found, strict)
    if len(found) == 1:
        return found[0]
    return "\n".join(["errors:", *(f"  {text}" for text in found)]) if found else ""


def path_text(path: tuple[str, ...]) -> str:
    """A path of elements as messages show it: `.spec.containers[name="web"].image`."""
    return "".join(map(element_text, path))


def element_text(element: str) -> str:
    """One element of a path as messages show it."""
    kind, rest = element[0], element[2:]
    if kind == "f":
        return "." + rest
    if kind == "k":
        fields = json.loads(rest)
        return "[" + ",".join(f"{name}={_literal(fields[name])}" for name in sorted(fields)) + "]"
    if kind == "v":
        return f"[={_literal(json.loads(rest))}]"
    return f"[{rest}]"


def _literal(value: Any) -> str:
    if isinstance(value, str):
        return quoted(value)
    if value is None:
        return "null"
    if isinstance(value, list):
        return "[" + ",".join(map(_literal, value)) + "]"
    if isinstance(value, dict):
        return "".join(f"{name}={_literal(value[name])}" for name in sorted(value))
    return gotext.text(value)


def quoted(value: str) -> str:
    """A string as `%q` prints it."""
    out = json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in out)


def _say(found: list[str], path: str, text: str) -> None:
    found.append(f"{path}: {text}" if path else text)


def _visit(of: Type, value: Any, path: str, found: list[str], strict: bool) -> None:
    if value is None:
        return
    if isinstance(of, Scalar):
        if value.__class__ not in of.accepts:
            _say(found, path, _scalar_problem(of, value))
    elif isinstance(of, Fields):
        if not isinstance(value, dict):
            _say(found, path, f"expected map, got &{{{gotext.text(value)}}}")
            return
        for name, item in value.items():
            try:
                below = of.of(name)
            except Mismatch:
                _say(found, f"{path}.{name}", "field not declared in schema")
                return
            _visit(below, item, f"{path}.{name}", found, strict)
    elif isinstance(of, Items):
        if not isinstance(value, list):
            _say(found, path, f"expected list, got &{{{gotext.text(value)}}}")
            return
        _visit_items(of, value, path, found, strict)


def _visit_items(of: Items, value: list[Any], path: str, found: list[str], strict: bool) -> None:
    seen: dict[str, None] = {}
    for index, item in enumerate(value):
        if of.whole:
            _visit(of.item, item, f"{path}[{index}]", found, strict)
            continue
        try:
            element = of.element(item)
        except Untrackable:
            _say(found, path, f"element {index}: {_no_element(of, item)}")
            return
        text = element_text(element)
        if element in seen and strict:
            _say(found, path, f"duplicate entries for key {text}")
        seen[element] = None
        _visit(of.item, item, path + text, found, strict)


def _no_element(of: Items, item: Any) -> str:
    """Why an item of a list has no place of its own in it."""
    if of.keys:
        if item is None:
            return "associative list with keys may not have a null element"
        if not isinstance(item, dict):
            return "associative list with keys may not have non-map elements"
        keys = " ".join(map(quoted, of.keys))
        return (
            f"associative list with keys has an element that omits all key fields [{keys}] "
            "(and doesn't have default values for any key fields)"
        )
    if isinstance(item, dict):
        return "associative list without keys has an element that's a map type"
    if isinstance(item, list):
        return "not supported: associative list with lists as elements"
    return "associative list without keys has an element that's an explicit null"


def _scalar_problem(of: Scalar, value: Any) -> str:
    if of.accepts is ANY_SCALAR:
        return f"expected any scalar, got &{{{gotext.text(value)}}}"
    if of.name in ("integer", "number"):
        return f"expected numeric (int or float), got {gotext.type_name(value)}"
    if of.name == "boolean":
        return f"expected boolean, got &{{{gotext.text(value)}}}"
    return f"expected string, got &value.valueUnstructured{{Value:{_syntax(value)}}}"


def _syntax(value: Any) -> str:
    """A value as `%#v` prints it."""
    if isinstance(value, str):
        return quoted(value)
    if value is None:
        return "interface {}(nil)"
    if isinstance(value, dict):
        inner = ", ".join(f"{quoted(k)}:{_syntax(value[k])}" for k in sorted(value))
        return f"{gotext.MAP_TYPE}{{{inner}}}"
    if isinstance(value, list):
        return f"{gotext.LIST_TYPE}{{{', '.join(map(_syntax, value))}}}"
    return gotext.text(value)
