"""Deletes what lost its owners, and finishes foreground and orphaning deletes.

Every object of every kind is followed, but only the edges between them are kept. What may have to
be done with an object is decided by its present state and that of its owners, which the server is
asked for; whether dependents are left, by the graph.
"""

from collections.abc import Iterable
from typing import Any

from miniplane.api import errors, resources
from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj, is_terminating, uid_of
from miniplane.api.options import MERGE_PATCH, DeleteOptions
from miniplane.api.resources import Resource
from miniplane.controllers.garbagecollector import plan as plans
from miniplane.controllers.garbagecollector.graph import (
    FOREGROUND,
    ORPHAN,
    Graph,
    Node,
    references,
    waits_for,
)
from miniplane.controllers.garbagecollector.plan import Owner
from miniplane.runtime.controller import Controller, Result
from miniplane.runtime.informer import Informer

IGNORED = (resources.EVENTS, resources.EVENTS_V1)
DEFINITIONS = resources.resource("customresourcedefinitions", "apiextensions.k8s.io")


class GarbageCollector(Controller):
    name = "garbage-collector-controller"
    keys_per_turn = 16

    def setup(self) -> None:
        self.graph = Graph()
        self.pending: dict[str, Node] = {}
        """What the keys in the queue stand for."""
        self.objects: dict[Resource, Informer] = {}
        self.kinds: dict[tuple[str, str], Resource] = {}
        self.unresolved: dict[Node, None] = {}
        """Objects with an owner of a kind that is not served; it may be some day."""
        self._follow_all()
        # By the time the change is told, custom resources are served or no longer so.
        self.informer(DEFINITIONS).on_change(lambda old, new: self._follow_all())

    # Whose turn it is.

    def _follow_all(self) -> None:
        """Follow all kinds that are served now."""
        rows = self.ctx.served()
        kinds = {(row.api_version, row.kind): row for row in rows if row.stored}
        if kinds == self.kinds:
            return
        self.kinds = kinds
        for row in [row for row in self.objects if row not in rows]:
            del self.objects[row]
            self.spawn(self.informers.drop(row))
        for row in rows:
            wanted = row.stored and row.preferred and row not in IGNORED
            if wanted and "delete" in row.verbs and row not in self.objects:
                self._follow(row)
        unresolved, self.unresolved = self.unresolved, {}
        for node in unresolved:
            self._enqueue(node)

    def _follow(self, row: Resource) -> None:
        informer = self.objects[row] = self.informer(row)
        informer.on_change(lambda old, new: self._changed(row, old, new))

    def _changed(self, row: Resource, old: Obj | None, new: Obj | None) -> None:
        before, after = references(old), references(new)
        latest = new or old
        assert latest is not None
        if before != after:
            node = Node.of(row, latest)
            self.graph.move(node, before, after)
            if after and not all(self._is_solid(node, ref) for ref in after):
                self._enqueue(node)
            self._tell_waiting(node, before)
        if new is None:
            for dependent in self.graph.dependents(uid_of(latest)):
                self._enqueue(dependent)
        elif is_terminating(new):
            self._see_to_deletion(row, old, new)

    def _tell_waiting(self, node: Node, refs: Iterable[Obj]) -> None:
        """Owners that waited for their dependents to go may have waited for this one."""
        for ref in refs:
            if not self.graph.is_blocked(ref["uid"]):
                owner = self._copy_of(node, ref)
                if owner is not None and waits_for(owner, FOREGROUND):
                    self._enqueue(Node.of(self.kinds[_kind(ref)], owner))

    def _see_to_deletion(self, row: Resource, old: Obj | None, new: Obj) -> None:
        """Orphaning and foreground deletes begin here."""
        for finalizer in (ORPHAN, FOREGROUND):
            if waits_for(new, finalizer) and not (old is not None and waits_for(old, finalizer)):
                if finalizer == FOREGROUND:
                    for dependent in self.graph.dependents(uid_of(new)):
                        self._enqueue(dependent)
                self._enqueue(Node.of(row, new))

    def _enqueue(self, node: Node) -> None:
        self.pending[node.key] = node
        self.queue.add(node.key)

    def _copy_of(self, node: Node, ref: Obj) -> Obj | None:
        """The object that an owner reference of `node` means, as the informers know it."""
        row = self.kinds.get(_kind(ref))
        informer = self.objects.get(row) if row is not None else None
        if row is None or informer is None:
            return None
        owner = informer.get(node.namespace if row.namespaced else "", ref["name"])
        return owner if owner is not None and uid_of(owner) == ref["uid"] else None

    def _is_solid(self, node: Node, ref: Obj) -> bool:
        owner = self._copy_of(node, ref)
        return owner is not None and not waits_for(owner, FOREGROUND)

    # One object.

    async def reconcile(self, key: str) -> Result | None:
        node = self.pending.pop(key, None)
        if node is None:
            return None
        try:
            await self._process(node)
        except StatusError as error:
            if errors.is_not_found(error):
                return None
            self.pending.setdefault(key, node)
            raise
        return None

    async def _process(self, node: Node) -> None:
        obj = await self.client.get(node.resource, node.name, node.namespace)
        if uid_of(obj) != node.uid:
            return
        if waits_for(obj, ORPHAN):
            await self._orphan(node)
        elif waits_for(obj, FOREGROUND):
            if not self.graph.is_blocked(node.uid):
                await self._drop_finalizer(node, obj, FOREGROUND)
        elif not is_terminating(obj):
            await self._look_at_owners(node, obj)

    async def _look_at_owners(self, node: Node, obj: Obj) -> None:
        owners = [(ref["uid"], await self._look_up(node, ref)) for ref in references(obj)]
        action = plans.plan(
            obj,
            owners,
            dependents=self.graph.has_dependents(node.uid),
            waiting_dependents=self._has_waiting_dependents(node, owners),
        )
        if isinstance(action, plans.DropReferences):
            await self._drop_owners(node, action.uids)
        elif isinstance(action, plans.Delete):
            if action.unblock:
                obj = await self._patch(node, obj, {"ownerReferences": plans.unblocked(obj)})
            options = DeleteOptions(
                propagation_policy=action.policy,
                uid=node.uid,
                resource_version=obj["metadata"]["resourceVersion"],
            )
            await self.client.delete(node.resource, node.name, node.namespace, options=options)

    async def _look_up(self, node: Node, ref: Obj) -> Owner:
        row = self.kinds.get(_kind(ref))
        if row is None:
            self.unresolved[node] = None
            return Owner.UNKNOWN
        if row.namespaced and not node.namespace:
            # Objects of the cluster cannot be owned by those of a namespace.
            await self._warn_of_namespace(node, row, ref)
            return Owner.UNKNOWN
        namespace = node.namespace if row.namespaced else ""
        try:
            owner = await self.client.get(row, ref["name"], namespace)
        except StatusError as error:
            if not errors.is_not_found(error):
                raise
            owner = None
        if owner is None or uid_of(owner) != ref["uid"]:
            await self._warn_of_namespace(node, row, ref)
            return Owner.DANGLING
        return Owner.WAITING if waits_for(owner, FOREGROUND) else Owner.SOLID

    async def _warn_of_namespace(self, node: Node, row: Resource, ref: Obj) -> None:
        """Tell of an owner that exists, but in another namespace."""
        informer = self.objects.get(row)
        if not row.namespaced or informer is None:
            return
        for namespace in self.objects[resources.NAMESPACES].names(""):
            owner = informer.get(namespace, ref["name"])
            if owner is not None and uid_of(owner) == ref["uid"] and namespace != node.namespace:
                about = {
                    "apiVersion": node.resource.api_version,
                    "kind": node.resource.kind,
                    "namespace": node.namespace,
                    "name": node.name,
                    "uid": node.uid,
                }
                identity = (
                    f"[{ref['apiVersion']}/{ref['kind']}, namespace: {node.namespace}, "
                    f"name: {ref['name']}, uid: {ref['uid']}]"
                )
                message = f'ownerRef {identity} does not exist in namespace "{node.namespace}"'
                await self.recorder.event(about, "Warning", "OwnerRefInvalidNamespace", message)
                return

    def _has_waiting_dependents(self, node: Node, owners: Iterable[tuple[str, Owner]]) -> bool:
        if all(kind is not Owner.WAITING for _, kind in owners):
            return False
        for dependent in self.graph.dependents(node.uid):
            informer = self.objects.get(dependent.resource)
            obj = informer.get(dependent.namespace, dependent.name) if informer else None
            if obj is not None and waits_for(obj, FOREGROUND):
                return True
        return False

    async def _orphan(self, node: Node) -> None:
        for dependent in self.graph.dependents(node.uid):
            try:
                await self._drop_owners(dependent, (node.uid,))
            except StatusError as error:
                if not errors.is_not_found(error):
                    raise
        obj = await self.client.get(node.resource, node.name, node.namespace)
        await self._drop_finalizer(node, obj, ORPHAN)

    # Writes.

    async def _drop_owners(self, node: Node, uids: tuple[str, ...]) -> None:
        """Takes owner references off an object. NotFound where that is gone."""
        obj = await self.client.get(node.resource, node.name, node.namespace)
        kept = plans.without_owners(obj, uids)
        if uid_of(obj) == node.uid and len(kept) != len(references(obj)):
            await self._patch(node, obj, {"ownerReferences": kept or None})

    async def _drop_finalizer(self, node: Node, obj: Obj, finalizer: str) -> None:
        kept = [f for f in obj["metadata"].get("finalizers") or () if f != finalizer]
        if uid_of(obj) == node.uid and waits_for(obj, finalizer):
            await self._patch(node, obj, {"finalizers": kept or None})

    async def _patch(self, node: Node, obj: Obj, metadata: dict[str, Any]) -> Obj:
        """Change metadata of exactly this revision of an object. Conflict where it has changed."""
        identity = {"uid": node.uid, "resourceVersion": obj["metadata"]["resourceVersion"]}
        return await self.client.patch(
            node.resource,
            node.name,
            {"metadata": {**identity, **metadata}},
            node.namespace,
            patch_type=MERGE_PATCH,
        )


def _kind(ref: Obj) -> tuple[str, str]:
    return ref["apiVersion"], ref["kind"]
