"""Indexes: which objects have a value, without looking at all of them."""

from collections.abc import Callable, Iterable, Iterator

from miniplane.api.objects import Obj, controller_of
from miniplane.client.protocol import Handle

IndexFunction = Callable[[Obj], Iterable[str]]
"""The values under which an object is to be found."""


def by_controller(obj: Obj) -> Iterator[str]:
    """Index function: the uid of the controlling owner."""
    ref = controller_of(obj)
    if ref is not None:
        yield ref["uid"]


def by_owner(obj: Obj) -> Iterator[str]:
    """Index function: the uid of every owner."""
    for ref in obj["metadata"].get("ownerReferences") or ():
        yield ref["uid"]


def by_node(pod: Obj) -> Iterator[str]:
    """Index function for pods: `spec.nodeName`; pods without a node are under `""`."""
    yield (pod.get("spec") or {}).get("nodeName", "")


class Index:
    """Objects by what `function` finds in them. Keys are (namespace, name)."""

    __slots__ = ("function", "handles", "values")

    def __init__(self, function: IndexFunction):
        self.function = function
        self.handles: dict[str, dict[tuple[str, str], Handle]] = {}
        self.values: dict[tuple[str, str], tuple[str, ...]] = {}

    def put(self, key: tuple[str, str], handle: Handle, obj: Obj) -> None:
        values = tuple(dict.fromkeys(self.function(obj)))
        before = self.values.get(key, ())
        if values != before:
            self._take_out(key, before, keep=values)
            if values:
                self.values[key] = values
        for value in values:
            self.handles.setdefault(value, {})[key] = handle

    def remove(self, key: tuple[str, str]) -> None:
        self._take_out(key, self.values.get(key, ()))

    def _take_out(
        self, key: tuple[str, str], values: tuple[str, ...], keep: tuple[str, ...] = ()
    ) -> None:
        for value in values:
            if value not in keep:
                bucket = self.handles[value]
                del bucket[key]
                if not bucket:
                    del self.handles[value]
        if not keep:
            self.values.pop(key, None)

    def _check(self, everything: dict[tuple[str, str], Handle]) -> None:
        """Whether this is the index of exactly these objects."""
        expected: dict[str, dict[tuple[str, str], Handle]] = {}
        for key, handle in everything.items():
            for value in self.function(handle.obj):
                expected.setdefault(value, {})[key] = handle
        assert self.handles == expected, "an index is not true"
        known = {key: values for key, values in self.values.items() if values}
        assert known == self.values
