"""Looks after CustomResourceDefinitions; belongs to the API server.

A deleted definition waits for its instances: they are deleted, and when the last has gone, its
finalizer is taken away. After `pkg/controller/finalizer/crd_finalizer.go` of
apiextensions-apiserver.
"""

from miniplane.api import errors, resources
from miniplane.api.customresources import definition as reading
from miniplane.api.customresources import definitions
from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj, is_terminating
from miniplane.api.resources import Resource
from miniplane.clock import parse_time
from miniplane.controllers.crd import plan
from miniplane.runtime.controller import Controller, Result

DEFINITIONS = resources.resource("customresourcedefinitions", "apiextensions.k8s.io")
AGAIN = 5.0
"""Seconds between looks at instances that do not go."""
PATIENCE = 60.0
"""Seconds after which a definition says that they do not go."""


class DefinitionController(Controller):
    name = "customresourcedefinition-controller"
    manager = "kube-apiserver"
    essential = True

    def setup(self) -> None:
        self.definitions = self.informer(DEFINITIONS)
        self.definitions.on_change(self._changed)

    def _changed(self, old: Obj | None, new: Obj | None) -> None:
        if new is not None:
            self.queue.add(new["metadata"]["name"])
        elif old is not None:
            self._reconsider(old)

    def _reconsider(self, definition: Obj) -> None:
        """Names may have become free for others of the group."""
        name, group = definition["metadata"]["name"], definition["spec"]["group"]
        for other in self.definitions.list():
            if other["spec"]["group"] == group and other["metadata"]["name"] != name:
                self.queue.add(other["metadata"]["name"])

    async def reconcile(self, key: str) -> Result | None:
        try:
            definition = await self.client.get(DEFINITIONS, key)
        except StatusError as error:
            if errors.is_not_found(error):
                return None
            raise
        if is_terminating(definition):
            if definitions.FINALIZER in (definition["metadata"].get("finalizers") or ()):
                return await self._finish(definition)
            return None
        await self._settle_names(definition)
        return None

    async def _settle_names(self, definition: Obj) -> None:
        group = definition["spec"]["group"]
        found = await self.client.list(DEFINITIONS)
        others = [
            handle.obj
            for handle in found.items
            if handle.obj["spec"]["group"] == group
            and handle.obj["metadata"]["name"] != definition["metadata"]["name"]
        ]
        while True:
            status = plan.next_status(definition, others, self.clock.rfc3339())
            if status is None:
                return
            before = plan.names_of(definition)
            definition = await self._write(definition, status)
            if plan.names_of(definition) != before:
                self._reconsider(definition)

    async def _write(self, definition: Obj, status: Obj) -> Obj:
        changed = {**definition, "status": status}
        return await self.client.update(DEFINITIONS, changed, subresource="status")

    async def _finish(self, definition: Obj) -> Result | None:
        """Delete the instances of a deleted definition; let it go when there are none."""
        now = self.clock.rfc3339()
        status = definition.get("status") or {}
        if not reading.is_true(definition, definitions.ESTABLISHED):
            done = ("NeverEstablished", "resource was never established")
        else:
            under_way = definitions.terminating(
                status,
                now,
                true=True,
                reason="InstanceDeletionInProgress",
                message="CustomResource deletion is in progress",
            )
            known = definitions.condition(definition, definitions.TERMINATING) or {}
            if known.get("reason") == "InstanceDeletionPending":
                definition = await self._write(definition, under_way)
            row = reading.read(definition)[0].custom.storage
            left = await self._empty(row)
            if left:
                await self._complain(definition)
                return Result(after=AGAIN, background=True)
            done = ("InstanceDeletionCompleted", "removed all instances")
        status = definitions.terminating(
            definition.get("status") or {}, now, true=False, reason=done[0], message=done[1]
        )
        metadata = definition["metadata"]
        kept = [f for f in metadata["finalizers"] if f != definitions.FINALIZER]
        released = {**definition, "metadata": {**metadata, "finalizers": kept}}
        await self._write(released, status)
        return None

    async def _empty(self, row: Resource) -> int:
        """Delete all objects of a kind; returns how many are left."""
        found = await self.client.list(row)
        namespaces = dict.fromkeys(
            handle.obj["metadata"].get("namespace", "") for handle in found.items
        )
        for namespace in namespaces:
            await self.client.delete_collection(row, namespace)
        return len((await self.client.list(row)).items) if namespaces else 0

    async def _complain(self, definition: Obj) -> None:
        since = parse_time(definition["metadata"]["deletionTimestamp"])
        if self.clock.time() - since < PATIENCE:
            return
        what = "could not confirm zero CustomResources remaining: timed out waiting for the"
        status = definitions.terminating(
            definition.get("status") or {},
            self.clock.rfc3339(),
            true=True,
            reason="InstanceDeletionCheck",
            message=f"{what} condition",
        )
        if status != definition.get("status"):
            await self._write(definition, status)
