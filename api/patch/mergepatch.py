"""JSON merge patch (RFC 7386) with the API server's habits.

Follows the library that the server uses (github.com/evanphx/json-patch, version 4): nulls are
dropped from everything that the patch adds, also inside the lists that it brings.

>>> merge_patch({"a": {"b": 1, "c": 2}}, {"a": {"b": None, "d": 3}})
{'a': {'c': 2, 'd': 3}}
"""

from typing import Any

from miniplane.api import errors
from miniplane.api.objects import Obj
from miniplane.api.patch.failures import guarded, not_of_type, undecodable
from miniplane.api.patch.gotext import MAP_TYPE


def merge_patch(doc: Obj, patch: Any, *, field_validation: str = "Warn") -> Obj:
    """`doc` with `patch` merged in. StatusError 400 (or 422) for a patch that is not an object."""
    return guarded(_merge_patch, doc, patch, field_validation)


def _merge_patch(doc: Obj, patch: Any, field_validation: str) -> Obj:
    if isinstance(patch, dict):
        return _merge(doc, patch)
    if patch is not None and field_validation != "Ignore":
        raise errors.bad_request(f"error decoding patch: {not_of_type(patch, MAP_TYPE)}")
    if isinstance(patch, list):
        raise undecodable(prune(patch), not_of_type(patch, MAP_TYPE))
    raise errors.bad_request("Invalid JSON Patch")


def _merge(doc: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    merged = doc.copy()
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
            continue
        current = merged.get(key)
        if isinstance(current, dict):
            merged[key] = _merge(current, value) if isinstance(value, dict) else value
        else:
            merged[key] = prune(value)
    return merged


def prune(value: Any) -> Any:
    """`value` without the null members of its maps; itself where there are none."""
    if isinstance(value, dict):
        pruned = {k: prune(v) for k, v in value.items() if v is not None}
        unchanged = len(pruned) == len(value) and all(pruned[k] is v for k, v in value.items())
        return value if unchanged else pruned
    if isinstance(value, list):
        items = [prune(item) for item in value]
        return value if all(a is b for a, b in zip(items, value, strict=True)) else items
    return value
