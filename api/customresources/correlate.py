"""Old values beside new ones, place by place: which part of an update is really new.

What was wrong before and has not been touched may stay wrong (*ratcheting*), so validation asks at
each place whether the value is the old one. Items of lists have an old value only where they have
keys. After apiserver's `pkg/cel/common/equality.go`.
"""

from collections.abc import Iterable
from typing import Any

from miniplane.api.customresources.structural import Structural


class Correlated:
    """A new value, the old one, and the schema of their place."""

    __slots__ = ("_children", "_equal", "_old_items", "new", "old", "schema")

    def __init__(self, new: Any, old: Any, schema: Structural):
        self.new = new
        self.old = old
        self.schema = schema
        self._children: dict[str | int, Correlated | None] = {}
        self._equal: bool | None = None
        self._old_items: dict[str, Any] | None = None

    def key(self, name: str) -> "Correlated | None":
        """A field on both sides, None where there is no such."""
        if name not in self._children:
            self._children[name] = self._key(name)
        return self._children[name]

    def _key(self, name: str) -> "Correlated | None":
        if not isinstance(self.old, dict) or not isinstance(self.new, dict):
            return None
        schema = self.schema.field(name)
        if schema is None or name not in self.old or name not in self.new:
            return None
        return Correlated(self.new[name], self.old[name], schema)

    def index(self, i: int) -> "Correlated | None":
        """An item and the old one with the same keys; None where that cannot be said."""
        if i not in self._children:
            self._children[i] = self._index(i)
        return self._children[i]

    def _index(self, i: int) -> "Correlated | None":
        schema = self.schema
        if schema.items is None or schema.list_type != "map":
            return None
        if not isinstance(self.old, list) or not isinstance(self.new, list):
            return None
        if self._old_items is None:
            self._old_items = by_keys(self.old, schema.list_keys)
        old = self._old_items.get(key_of(self.new[i], schema.list_keys))
        return None if old is None else Correlated(self.new[i], old, schema.items)

    @property
    def equal(self) -> bool:
        """Whether nothing has changed here. Lists with keys may change their order."""
        if self._equal is None:
            self._equal = self._compare()
        return self._equal

    def _compare(self) -> bool:
        new, old = self.new, self.old
        if isinstance(new, dict) and isinstance(old, dict):
            children: Iterable[Correlated | None] = (self.key(name) for name in new)
        elif isinstance(new, list) and isinstance(old, list) and self.schema.list_type == "map":
            children = (self.index(i) for i in range(len(new)))
        else:
            return type(new) is type(old) and new == old
        return len(new) == len(old) and all(c is not None and c.equal for c in children)


def key_of(item: Any, keys: tuple[str, ...]) -> str:
    """What an item of a list with keys is known by; `""` for what is no such item."""
    if not isinstance(item, dict):
        return ""
    return repr([item.get(name) for name in keys])


def by_keys(items: list[Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """The items of a list with keys, the first of each."""
    found: dict[str, Any] = {}
    for item in items:
        if isinstance(item, dict):
            found.setdefault(key_of(item, keys), item)
    return found
