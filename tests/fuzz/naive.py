"""Merges, written to be read: slow, and without a line of `miniplane.api.patch`.

`merge` is RFC 7386. `strategic` follows what
https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md
says of the published markers; the order of list items is left open (`unordered` takes it away).
"""

import copy
import json
from typing import Any

from tests.fuzz.published import Schema, Schemas

STRATEGY = "x-kubernetes-patch-strategy"
KEY = "x-kubernetes-patch-merge-key"
ORDER = "$setElementOrder/"
DELETE = "$deleteFromPrimitiveList/"


class Refused(Exception):
    """A patch that makes no sense."""


def merge(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    out = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            out.pop(key, None)
        else:
            out[key] = merge(out.get(key), value)
    return out


def merge_diff(old: Any, new: Any) -> Any:
    """A merge patch that makes `new` of `old`, if `new` holds no nulls."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    out = {key: None for key in old if key not in new}
    for key, value in new.items():
        if key not in old:
            out[key] = value
        elif old[key] != value:
            out[key] = merge_diff(old[key], value)
    return out


def _field(schemas: Schemas, schema: Schema, key: str) -> tuple[Schema, list[str], str]:
    """The schema of a field, its patch strategies and its merge key."""
    schema, _ = schemas.resolve(schema)
    below = schema.get("properties", {}).get(key) or schema.get("additionalProperties") or {}
    strategies = below.get(STRATEGY, "").split(",") if below.get(STRATEGY) else []
    return below, strategies, below.get(KEY, "")


def strategic(schemas: Schemas, schema: Schema, old: Any, patch: Any) -> Any:
    patch = dict(patch)
    how = patch.pop("$patch", None)
    if how == "replace":
        return patch
    if how == "delete":
        return {}
    if how is not None:
        raise Refused(how)
    retained = patch.pop("$retainKeys", None)
    out = copy.deepcopy(old)
    if retained is not None:
        out = {key: value for key, value in out.items() if key in retained}
    for key in [k for k in patch if k.startswith(DELETE)]:
        gone = patch.pop(key)
        name = key.removeprefix(DELETE)
        if name in out:
            out[name] = [item for item in out[name] if item not in gone]
    for key in [k for k in patch if k.startswith(ORDER)]:
        del patch[key]
    for key, value in patch.items():
        below, strategies, merge_key = _field(schemas, schema, key)
        there = out.get(key)
        if value is None:
            out.pop(key, None)
        elif isinstance(value, dict) and isinstance(there, dict) and "replace" not in strategies:
            out[key] = strategic(schemas, below, there, value)
        elif isinstance(value, list) and isinstance(there, list) and "merge" in strategies:
            out[key] = _lists(schemas, below["items"], there, value, merge_key)
        elif key in out:
            # Put in its place as it is, even if it holds nulls.
            out[key] = copy.deepcopy(value)
        elif not _directed(value):
            out[key] = _plain(value)
    return out


def _lists(
    schemas: Schemas, schema: Schema, old: list[Any], patch: list[Any], key: str
) -> list[Any]:
    if not key:
        return [*old, *(item for item in patch if item not in old)]
    if any(item.get("$patch") == "replace" for item in patch):
        return [item for item in patch if "$patch" not in item]
    if any(key not in item for item in (*old, *patch)):
        raise Refused(f"no {key}")
    out = copy.deepcopy(old)
    for item in patch:
        if item.get("$patch", "delete") != "delete":
            raise Refused(item["$patch"])
        if "$patch" in item:
            out = [one for one in out if one.get(key) != item[key]]
    for item in patch:
        if item.get("$patch") == "delete":
            continue
        same = [at for at, one in enumerate(out) if one.get(key) == item[key]]
        if same:
            out[same[0]] = strategic(schemas, schema, out[same[0]], item)
        else:
            out.append(_plain(item))
    return out


def _plain(value: Any) -> Any:
    """What is new where nothing was: without nulls, and without what holds a directive."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if v is not None and not _directed(v)}
    if isinstance(value, list):
        return [_plain(item) for item in value if not _directed(item)]
    return value


def _directed(value: Any) -> bool:
    return isinstance(value, dict) and "$patch" in value


def unordered(schemas: Schemas, schema: Schema, value: Any) -> Any:
    """A value whose lists that are merged stand in an order of their own."""
    if isinstance(value, dict):
        out = {}
        for key, item in value.items():
            below, strategies, _ = _field(schemas, schema, key)
            item = unordered(schemas, below, item)
            if isinstance(item, list) and "merge" in strategies:
                item = sorted(item, key=lambda one: json.dumps(one, sort_keys=True))
            out[key] = item
        return out
    if isinstance(value, list):
        below = schemas.resolve(schema)[0].get("items", {})
        return [unordered(schemas, below, item) for item in value]
    return value


def strategic_diff(schemas: Schemas, schema: Schema, old: Any, new: Any) -> Any:
    """A strategic merge patch that makes `new` of `old`."""
    out: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        below, strategies, merge_key = _field(schemas, schema, key)
        there = old.get(key)
        if there == value:
            continue
        if isinstance(value, dict) and isinstance(there, dict) and "replace" not in strategies:
            out[key] = strategic_diff(schemas, below, there, value)
        elif isinstance(value, list) and isinstance(there, list) and "merge" in strategies:
            out |= _list_diff(schemas, below["items"], key, there, value, merge_key)
        else:
            out[key] = value
    return out


def _list_diff(
    schemas: Schemas, schema: Schema, name: str, old: list[Any], new: list[Any], key: str
) -> dict[str, Any]:
    if not key:
        out: dict[str, Any] = {name: [item for item in new if item not in old]}
        gone = [item for item in old if item not in new]
        return out | ({DELETE + name: gone} if gone else {})
    items: list[Any] = []
    before = {json.dumps(one.get(key)): one for one in reversed(old)}
    after = {json.dumps(one.get(key)): one for one in reversed(new)}
    for text, one in after.items():
        if text not in before:
            items.append(one)
        elif before[text] != one:
            items.append({**strategic_diff(schemas, schema, before[text], one), key: one.get(key)})
    items += [{"$patch": "delete", key: json.loads(t)} for t in before if t not in after]
    return {name: items}
