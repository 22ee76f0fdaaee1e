"""How Go prints the values that stand in field errors.

An error prints its value as JSON. Maps come out sorted by key and structs in field order; structs
of the server's internal types have no JSON names, so their Go names show.

>>> struct({"name": "edit"}, ("apiGroup", "APIGroup", ""), ("name", "Name", ""))
{'APIGroup': '', 'Name': 'edit'}
"""

import json
from collections.abc import Mapping
from typing import Any

_SELECTOR_KEYS = ("matchLabels", "matchExpressions")
_EXPRESSION_KEYS = ("key", "operator", "values")
_OWNER_KEYS = ("apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion")


def struct(value: Mapping[str, Any], *fields: tuple[str, str, Any]) -> dict[str, Any]:
    """An internal struct: `fields` are (JSON name, Go name, zero value), in Go's order."""
    return {go: zero if value.get(name) is None else value[name] for name, go, zero in fields}


def string_map(value: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A map: sorted, and null where it is nil."""
    return {key: value[key] for key in sorted(value)} if value else None


def label_selector(selector: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if selector is None:
        return None
    shown: dict[str, Any] = {}
    if selector.get("matchLabels"):
        shown["matchLabels"] = string_map(selector["matchLabels"])
    if selector.get("matchExpressions"):
        shown["matchExpressions"] = [
            _ordered(expression, _EXPRESSION_KEYS) for expression in selector["matchExpressions"]
        ]
    return shown


def owner_reference(reference: Mapping[str, Any]) -> dict[str, Any]:
    first = {name: reference.get(name, "") for name in _OWNER_KEYS[:4]}
    return first | _ordered(reference, _OWNER_KEYS[4:])


def strings(values: list[str]) -> str:
    """A list of strings as `%#v` prints it."""
    return "[]string{" + ", ".join(json.dumps(v, ensure_ascii=False) for v in values) + "}"


def diff(old: Any, new: Any, name: str) -> str:
    """What changed, a line for each leaf: `-` before the old value, `+` before the new one."""
    lines: list[str] = []
    _diff(old, new, name, lines)
    return "\n".join(lines)


def _diff(old: Any, new: Any, path: str, lines: list[str]) -> None:
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys((*old, *new)):
            _diff(old.get(key), new.get(key), f"{path}.{key}", lines)
    elif isinstance(old, list) and isinstance(new, list):
        for i in range(max(len(old), len(new))):
            before = old[i] if i < len(old) else None
            after = new[i] if i < len(new) else None
            _diff(before, after, f"{path}[{i}]", lines)
    else:
        lines.extend(
            f"{sign} \t{path}: {json.dumps(value, ensure_ascii=False)},"
            for sign, value in (("-", old), ("+", new))
            if value is not None
        )


def _ordered(value: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: value[key] for key in keys if value.get(key) not in (None, [], {})}
