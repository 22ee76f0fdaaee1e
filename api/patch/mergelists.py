"""Lists in strategic merge patches: identity of items, and the order that a merge leaves.

The order rule (design note "preserve order in strategic merge patch"): items that the patch names
stand in the patch's order, the rest in the order that they had, and the two are zipped together by
the order in which the live list had them.
"""

import operator
from typing import Any, TypeAlias

from miniplane.api.errors import StatusError
from miniplane.api.patch import gotext
from miniplane.api.patch.failures import crashed, rejected, unexpected


def identity(value: Any) -> Any:
    """A hashable stand-in that is equal for equal scalars only: 1, 1.0 and true differ."""
    if isinstance(value, str) or value is None:
        return value
    if isinstance(value, (dict, list)):
        raise crashed()
    return (value.__class__, value)


def no_merge_key(item: dict[str, Any], merge_key: str) -> StatusError:
    text = gotext.text(item)
    return unexpected(f"map: {text} does not contain declared merge key: {merge_key}")


def element_class(*lists: list[Any]) -> type:
    """The class of all items of some lists. 422 for lists of lists, 500 for mixed ones."""
    classes = list(dict.fromkeys(item.__class__ for items in lists for item in items))
    if not classes:
        raise unexpected("no elements in any of the given slices")
    if classes[0] is list:
        raise rejected()
    if len(classes) > 1:
        raise unexpected(f"list element types are not identical: {gotext.text(lists)}")
    return classes[0]


def unique(items: list[Any]) -> list[Any]:
    """Scalars without their repetitions."""
    return list({identity(item): item for item in items}.values())


def subtract(items: list[Any], gone: list[Any]) -> list[Any]:
    out = {identity(item) for item in gone}
    return [item for item in items if identity(item) not in out]


def check_order(patch: list[Any], order: list[Any], merge_key: str) -> None:
    """500 unless the patch's items stand in `order`, which must have all of them."""
    if not order or not patch:
        return
    waiting = patch
    if merge_key:
        for item in patch:
            _want_map(item)
        waiting = [item for item in patch if item.get("$patch") != "delete"]
    at, place = 0, 0
    while at < len(waiting) and place < len(order):
        item = waiting[at]
        if isinstance(item, dict) and "$patch" in item:
            at += 1
            continue
        if _key(item, merge_key) == _key(order[place], merge_key):
            at += 1
        place += 1
    if at < len(waiting) and place == len(order):
        raise unexpected(
            f"The order in patch list:\n{gotext.text(patch)}\n doesn't match $setElementOrder "
            f"list:\n{gotext.text(order)}\n"
        )


def ordered(
    merged: list[Any], *, by: list[Any], live: list[Any], merge_key: str, maps: bool
) -> list[Any]:
    """`merged` in its final order: `by` is the patch's order, `live` the list before the patch."""
    stray = len(by)
    if merge_key:
        stray = next((i for i, item in enumerate(by) if not isinstance(item, dict)), stray)
    by_places = _places(by[:stray], merge_key)
    live_places = _places(live, merge_key)
    named: list[_Placed] = []
    others: list[_Placed] = []
    for item in merged:
        key = _key(item, merge_key)
        if key in by_places:
            named.append((by_places[key], live_places.get(key), item))
        elif stray < len(by):
            raise unexpected(f"value for key {stray} is not a map")
        else:
            place = live_places.get(key)
            others.append((place, place, item))
    if maps:
        for items in (by, live):
            for item in items:
                if item.__class__ is not dict or merge_key not in item:
                    _key(item, merge_key)
    return _zipped(_sorted(others), _sorted(named))


def reused(live: list[Any], patch: list[Any], merge_key: str) -> list[Any]:
    """The live list as it orders the result of a merge with `$setElementOrder`.

    Items that the patch adds take the places of those that it deletes, since the real server
    merges within the memory of the live list and sorts by that afterwards.
    """
    keys = [_loose_key(item, merge_key) for item in patch if isinstance(item, dict)]
    deleted = {k for k, item in zip(keys, patch, strict=False) if item.get("$patch") == "delete"}
    if not deleted:
        return live
    kept = {_loose_key(item, merge_key): item for item in live}
    kept = {k: item for k, item in kept.items() if k not in deleted}
    free = len(live) - len(kept)
    added = [
        item for k, item in zip(keys, patch, strict=False) if "$patch" not in item and k not in kept
    ]
    return [*kept.values(), *added[:free]]


def _want_map(item: Any) -> None:
    if not isinstance(item, dict):
        got = gotext.type_name(item)
        raise unexpected(f"expected a {gotext.MAP_TYPE}, but received a {got}")


def _key(item: Any, merge_key: str) -> Any:
    value = item
    if merge_key:
        try:
            value = item[merge_key]
        except (KeyError, TypeError):
            _want_map(item)
            raise no_merge_key(item, merge_key) from None
    return value if value.__class__ is str else identity(value)


def _loose_key(item: Any, merge_key: str) -> Any:
    value = item
    if merge_key:
        value = item.get(merge_key) if isinstance(item, dict) else None
    return value if value.__class__ is str else identity(value)


def _places(order: list[Any], merge_key: str) -> dict[Any, int]:
    places: dict[Any, int] = {}
    for i, item in enumerate(order):
        places.setdefault(_loose_key(item, merge_key), i)
    return places


_Placed: TypeAlias = tuple[int | None, int | None, Any]
"""An item with its place in the order that it is sorted by, and in the live list."""


def _sorted(items: list[_Placed]) -> list[_Placed]:
    """By the first place.

    An item without a place counts as before everything that it is compared with, in either
    direction, so where it ends up depends on the sorting algorithm. Up to 20 items the real server
    sorts by insertion; longer lists of that kind do not occur.
    """
    if all(place is not None for place, _, _ in items):
        items.sort(key=_first_place)
    elif len(items) <= 20:
        for i in range(1, len(items)):
            while i > 0 and _before(items[i][0], items[i - 1][0]):
                items[i - 1], items[i] = items[i], items[i - 1]
                i -= 1
    return items


_first_place = operator.itemgetter(0)


def _before(a: int | None, b: int | None) -> bool:
    return a is None or b is None or a < b


def _zipped(left: list[_Placed], right: list[_Placed]) -> list[Any]:
    """The items of both lists: a left item goes before the next right one if the live list had
    them so, else after it."""
    out: list[_Placed] = []
    i = j = 0
    while i < len(left) and j < len(right):
        at_left, at_right = left[i][1], right[j][1]
        if at_left is not None and at_right is not None and at_left < at_right:
            out.append(left[i])
            i += 1
        else:
            out.append(right[j])
            j += 1
    return [item for _, _, item in out + left[i:] + right[j:]]
