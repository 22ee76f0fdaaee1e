"""Deletes what is in a terminating namespace, pods first, and then lets it go.

After `pkg/controller/namespace/deletion/namespaced_resources_deleter.go`. What cannot go at once
(pods within their grace, objects with finalizers) is told in the namespace's conditions; when it
goes, the namespace is looked at again.
"""

import dataclasses
from collections.abc import Sequence

from miniplane.api import errors, resources
from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj, is_terminating
from miniplane.api.options import DeleteOptions
from miniplane.api.resources import Resource
from miniplane.clock import parse_time
from miniplane.controllers.namespace import plan
from miniplane.runtime.controller import Controller, Result

BACKGROUND = DeleteOptions(propagation_policy="Background")
API_SERVICES = resources.resource("apiservices", "apiregistration.k8s.io")
FINALIZER = "kubernetes"
DELAY = 5.0
"""Seconds before a deleted namespace is emptied: last creations in it may be under way yet."""
AGAIN = 15.0
"""Seconds between looks at a namespace that is held up, should nothing be heard of it."""


class NamespaceController(Controller):
    name = "namespace-controller"
    retry_delays = (0.005, 60.0)

    def setup(self) -> None:
        self.namespaces = self.informer(resources.NAMESPACES)
        self.namespaces.on_change(self._changed)
        self.held: dict[str, dict[Resource, None]] = {}
        """Resources of which something is left in namespaces on their way out."""
        self.followed: dict[Resource, None] = {}
        self.api_services = self.informer(API_SERVICES)
        self.api_services.on_change(self._api_service_changed)

    def _api_service_changed(self, old: Obj | None, new: Obj | None) -> None:
        """Who waits for a server elsewhere may not have to any more."""
        for namespace in self.held:
            self.queue.add(namespace)

    def _changed(self, old: Obj | None, new: Obj | None) -> None:
        if new is None:
            self.held.pop((old or {})["metadata"]["name"], None)
        elif is_terminating(new) and (old is None or not is_terminating(old)):
            self.queue.add_after(new["metadata"]["name"], DELAY)

    def _hold(self, namespace: str, left: Sequence[Resource]) -> None:
        """Hear of it when something that is left goes."""
        self.held[namespace] = dict.fromkeys(left)
        for row in left:
            if row not in self.followed:
                self.followed[row] = None
                self._follow(row)

    def _follow(self, row: Resource) -> None:
        def changed(old: Obj | None, new: Obj | None) -> None:
            if new is None and old is not None:
                namespace = old["metadata"]["namespace"]
                if row in self.held.get(namespace, ()):
                    self.queue.add(namespace)

        self.informer(row).on_change(changed)

    async def reconcile(self, key: str) -> Result | None:
        try:
            namespace = await self.client.get(resources.NAMESPACES, key)
        except StatusError as error:
            if errors.is_not_found(error):
                return None
            raise
        finalizers = namespace["spec"].get("finalizers") or []
        if not is_terminating(namespace) or FINALIZER not in finalizers:
            return None
        remaining = dataclasses.replace(await self._sweep(namespace), unknown=self._unknown())
        namespace = await self._report(namespace, remaining)
        if not remaining.empty:
            self._hold(key, list(remaining.counts))
            return Result(after=AGAIN, background=True)
        kept = [f for f in finalizers if f != FINALIZER]
        body = {**namespace, "spec": {**namespace["spec"], "finalizers": kept}}
        await self.client.update(resources.NAMESPACES, body, subresource="finalize")
        return None

    def _unknown(self) -> list[str]:
        """The groups of servers elsewhere that cannot be asked."""
        return [
            f"{found['spec'].get('group', '')}/{found['spec'].get('version', '')}"
            for found in self.api_services.list()
            if found["spec"].get("service") and not _is_available(found)
        ]

    async def _sweep(self, namespace: Obj) -> plan.Remaining:
        """Delete everything, or only the pods as long as there are any."""
        name = namespace["metadata"]["name"]
        pods = await self._list(resources.PODS, name)
        if pods:
            grace = plan.longest_grace(pods)
            left = await self._delete(resources.PODS, name)
            if left:
                failures = []
                since = parse_time(namespace["metadata"]["deletionTimestamp"])
                held = any(pod["metadata"].get("finalizers") for pod in left)
                if not held and self.clock.time() - since >= grace:
                    failures.append(plan.unexpected(name, resources.PODS))
                return plan.Remaining.of([(resources.PODS, left)], failures)
        found: list[tuple[Resource, Sequence[Obj]]] = []
        for row in self.ctx.served():
            if not (row.namespaced and row.stored and row.preferred and "delete" in row.verbs):
                continue
            if await self._list(row, name):
                found.append((row, await self._delete(row, name)))
        return plan.Remaining.of(found)

    async def _delete(self, row: Resource, namespace: str) -> list[Obj]:
        """Delete all objects of a kind, and return those that are left."""
        await self.client.delete_collection(row, namespace, options=BACKGROUND)
        return await self._list(row, namespace)

    async def _list(self, row: Resource, namespace: str) -> list[Obj]:
        found = await self.client.list(row, namespace)
        return [handle.obj for handle in found.items]

    async def _report(self, namespace: Obj, remaining: plan.Remaining) -> Obj:
        status = namespace.get("status") or {}
        before = status.get("conditions") or []
        now = plan.conditions(before, remaining, self.clock.rfc3339())
        if now == before:
            return namespace
        changed = {**namespace, "status": {**status, "conditions": now}}
        return await self.client.update(resources.NAMESPACES, changed, subresource="status")


def _is_available(api_service: Obj) -> bool:
    for condition in (api_service.get("status") or {}).get("conditions") or ():
        if condition["type"] == "Available":
            return bool(condition["status"] == "True")
    return False
