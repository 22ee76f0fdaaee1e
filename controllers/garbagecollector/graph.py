"""Who depends on whom: the edges of the owner graph, kept by informer events (no I/O).

Only edges are kept, not objects, so an object without owners and dependents costs nothing:

    uid of an owner -> its dependents, each with whether the owner's deletion has to wait for it
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from miniplane.api.objects import Obj
from miniplane.api.resources import Resource

ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"


@dataclasses.dataclass(frozen=True, slots=True)
class Node:
    """The identity of an object: its uid, and where it is found."""

    uid: str
    resource: Resource = dataclasses.field(compare=False)
    namespace: str = dataclasses.field(compare=False)
    name: str = dataclasses.field(compare=False)

    @classmethod
    def of(cls, resource: Resource, obj: Mapping[str, Any]) -> "Node":
        meta = obj["metadata"]
        return cls(meta["uid"], resource, meta.get("namespace", ""), meta["name"])

    @property
    def key(self) -> str:
        return f"{self.resource.group_resource}/{self.namespace}/{self.name}/{self.uid}"


class Graph:
    """Edges from owners' uids to dependents."""

    def __init__(self) -> None:
        self._dependents: dict[str, dict[Node, bool]] = {}
        self._blocking: dict[str, int] = {}

    def move(self, node: Node, before: Iterable[Obj], after: Iterable[Obj]) -> None:
        """The owner references of `node` have changed. O(their number)."""
        wanted: dict[str, bool] = {}
        for ref in after:
            uid = ref["uid"]
            wanted[uid] = wanted.get(uid, False) or bool(ref.get("blockOwnerDeletion"))
        for ref in before:
            if ref["uid"] not in wanted:
                self._cut(node, ref["uid"])
        for uid, blocks in wanted.items():
            nodes = self._dependents.setdefault(uid, {})
            self._count(uid, blocks - nodes.get(node, False))
            nodes[node] = blocks

    def _cut(self, node: Node, uid: str) -> None:
        nodes = self._dependents.get(uid, {})
        if node in nodes:
            self._count(uid, -nodes.pop(node))
            if not nodes:
                del self._dependents[uid]

    def _count(self, uid: str, change: int) -> None:
        count = self._blocking.get(uid, 0) + change
        if count:
            self._blocking[uid] = count
        else:
            self._blocking.pop(uid, None)

    def dependents(self, uid: str) -> Sequence[Node]:
        return tuple(self._dependents.get(uid, ()))

    def has_dependents(self, uid: str) -> bool:
        return uid in self._dependents

    def is_blocked(self, uid: str) -> bool:
        """Whether a foreground deletion of the owner has to wait for a dependent. O(1)."""
        return uid in self._blocking

    def _check(self) -> None:
        """Walk every invariant."""
        assert all(self._dependents.values()), "an owner without dependents is kept"
        blocking = {uid: sum(nodes.values()) for uid, nodes in self._dependents.items()}
        assert {uid: n for uid, n in blocking.items() if n} == self._blocking


def references(obj: Obj | None) -> Sequence[Obj]:
    if obj is None:
        return ()
    return obj["metadata"].get("ownerReferences") or ()


def waits_for(obj: Obj, finalizer: str) -> bool:
    """Whether a deleted object waits for the collector to take away `finalizer`."""
    meta = obj["metadata"]
    return "deletionTimestamp" in meta and finalizer in (meta.get("finalizers") or ())
