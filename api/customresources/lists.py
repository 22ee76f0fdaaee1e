"""Lists that are sets or maps: no item twice. After `schema/listtype`."""

import json
from collections.abc import Sequence
from typing import Any

from miniplane.api import field
from miniplane.api.customresources.structural import Structural
from miniplane.api.field import FieldError, Path


def validate(value: Any, schema: Structural, path: str = "") -> list[FieldError]:
    """What is doubled, anywhere in `value`."""
    errors: list[FieldError] = []
    _walk(errors, value, schema, Path(path))
    return errors


def _walk(errors: list[FieldError], value: Any, schema: Structural, path: Path) -> None:
    if not schema.has_keyed_lists:
        return
    if isinstance(value, dict):
        for name, inner in value.items():
            if not isinstance(inner, (dict, list)):
                continue
            if schema.additional is not None:
                _walk(errors, inner, schema.additional, path.key(name))
            elif name in schema.properties:
                _walk(errors, inner, schema.properties[name], path.child(name))
    elif isinstance(value, list):
        if schema.list_type == "set":
            for i in _repeated(value):
                errors.append(field.duplicate(path.index(i), value[i]))
        elif schema.list_type == "map":
            _keyed(errors, value, schema.list_keys, path)
        if schema.items is not None:
            for i, item in enumerate(value):
                if isinstance(item, (dict, list)):
                    _walk(errors, item, schema.items, path.index(i))


def _keyed(errors: list[FieldError], items: list[Any], keys: Sequence[str], path: Path) -> None:
    for i, item in enumerate(items):
        if item is not None and not isinstance(item, dict):
            text = "must be an object for an array of list-type map"
            errors.append(field.invalid(path.index(i), item, text))
            return
    known = [tuple([item.get(key) for key in keys]) for item in items if item]
    if len(known) == len(items) == len(dict.fromkeys(map(repr, known))):
        return
    named = [{k: item[k] for k in keys if k in (item or {})} for item in items]
    for i in _repeated(named):
        errors.append(field.duplicate(path.index(i), named[i]))


def _repeated(items: list[Any]) -> list[int]:
    """Where an item is that stands there for the second time."""
    seen: dict[str, int] = {}
    found = []
    for i, item in enumerate(items):
        text = json.dumps(item, sort_keys=True)
        seen[text] = seen.get(text, 0) + 1
        if seen[text] == 2:
            found.append(i)
    return found
