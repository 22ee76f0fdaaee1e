"""Two lists whose items have keys, put together by an apply.

Follows the order that structured-merge-diff's `typed/merge.go` gives to merged lists.
"""

from collections.abc import Callable
from typing import Any


def merge_lists(
    old: list[Any],
    new: list[Any],
    *,
    element: Callable[[Any], str],
    merge: Callable[[Any, Any], Any],
) -> list[Any]:
    """The items of both lists; `old` itself where that changes nothing.

    The items of `new` keep their order. Those that only `old` has stay behind what they stood
    behind there, as far as the order of `new` lets them. `element` gives what two items must share
    to be the same one; `new` has no two such items. `merge` puts two items together.

    >>> "".join(merge_lists(list("abcd"), list("xca"), element=str, merge=lambda a, b: b))
    'bxcda'
    """
    old_keys, new_keys = list(map(element, old)), list(map(element, new))
    if old_keys == new_keys:
        items = list(map(merge, old, new))
        return old if all(map(_is, items, old)) else items
    before: dict[str, Any] = {}
    for key, item in zip(old_keys, old, strict=True):
        before[key] = item if key not in before else None  # doubled ones are replaced
    after = dict(zip(new_keys, new, strict=True))
    shared = iter([key for key in new_keys if key in before])
    due = next(shared, None)
    out: list[Any] = []
    taken: dict[str, None] = {}
    at_old = at_new = 0
    while at_old < len(old) or at_new < len(new):
        if at_old < len(old):
            key = old_keys[at_old]
            if at_new < len(new):
                if key == new_keys[at_new]:
                    taken[key] = None
                    out.append(merge(before[key], after[key]))
                    at_old += 1
                    at_new += 1
                    due = next(shared, None)
                    continue
                if key in after and due is not None and key != due:
                    at_old += 1  # its turn comes with the item of `new`
                    continue
            if key not in after:
                out.append(old[at_old])
                at_old += 1
                continue
            if key in taken:
                at_old += 1
        if at_new < len(new):
            key = new_keys[at_new]
            taken[key] = None
            out.append(merge(before[key], after[key]) if key in before else after[key])
            at_new += 1
            if key == due:
                due = next(shared, None)
    return old if len(out) == len(old) and all(map(_is, out, old)) else out


def _is(a: Any, b: Any) -> bool:
    return a is b
