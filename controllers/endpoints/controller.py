"""Keeps the Endpoints and EndpointSlices of all services."""

from miniplane.api import errors, resources
from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj, is_terminating, key_of, labels_of, split_key
from miniplane.controllers import grouping
from miniplane.controllers.endpoints import members, mirror, slices, subsets
from miniplane.controllers.endpoints.slicecache import SliceCache
from miniplane.controllers.endpoints.slices import Changes
from miniplane.controllers.endpoints.targets import Target, selector_of
from miniplane.controllers.endpoints.triggers import TriggerTimes
from miniplane.runtime.controller import Controller, Result
from miniplane.runtime.informer import Informer

ZONE = "topology.kubernetes.io/zone"


class ForServices(Controller):
    """Reconciles a service when it, or a pod that it selects, has changed."""

    def setup(self) -> None:
        self.services = self.informer(resources.SERVICES)
        self.pods = members.shared(self.informers)
        self.pods.listen(self._pods_changed)
        self.triggers = TriggerTimes()
        self.services.on_change(lambda old, new: self.queue.add(key_of(new or old or {})))

    def _pods_changed(self, key: str) -> None:
        self.queue.add_after(key, grouping.patience(len(self.pods.of(key))))


class EndpointsController(ForServices):
    name = "endpoints-controller"
    component = "endpoint-controller"

    def setup(self) -> None:
        super().setup()
        self.endpoints = self.informer(resources.ENDPOINTS)
        self.endpoints.on_change(self._endpoints_changed)

    def _endpoints_changed(self, old: Obj | None, new: Obj | None) -> None:
        """Endpoints that were deleted are made again."""
        if old is not None and new is None:
            self.queue.add(key_of(old))

    async def reconcile(self, key: str) -> Result | None:
        namespace, name = split_key(key)
        service = self.services.get(namespace, name)
        if service is None:
            self.triggers.forget(key)
            await self._remove(namespace, name)
            return None
        if selector_of(service) is None:
            return None
        targets = self.pods.of(key)
        changed_at = self.triggers.see(service, targets)
        present = await self._find(namespace, name)
        body = subsets.body(service, targets, present, changed_at=changed_at)
        if body is None:
            return None
        try:
            if present is None:
                await self.client.create(resources.ENDPOINTS, body)
            else:
                await self.client.update(resources.ENDPOINTS, body)
        except StatusError as error:
            if errors.is_namespace_terminating(error):
                return None
            if not errors.is_conflict(error):
                await self._complain(body, error, created=present is None)
            raise
        return None

    async def _find(self, namespace: str, name: str) -> Obj | None:
        """The Endpoints as they are now; the informer may not know yet what was written last."""
        try:
            return await self.client.get(resources.ENDPOINTS, name, namespace)
        except StatusError as error:
            if errors.is_not_found(error):
                return None
            raise

    async def _remove(self, namespace: str, name: str) -> None:
        try:
            await self.client.delete(resources.ENDPOINTS, name, namespace)
        except StatusError as error:
            if not errors.is_not_found(error):
                raise

    async def _complain(self, body: Obj, error: StatusError, *, created: bool) -> None:
        what = key_of(body)
        if created:
            reason = "FailedToCreateEndpoint"
            message = f"Failed to create endpoint for service {what}: {error.message}"
        else:
            reason = "FailedToUpdateEndpoint"
            message = f"Failed to update endpoint {what}: {error.message}"
        about = {"apiVersion": "v1", "kind": "Endpoints", **body}
        await self.recorder.event(about, "Warning", reason, message)


class SliceWriter(Controller):
    """Writes slices, and remembers what it wrote."""

    cache: SliceCache

    async def write(self, changes: Changes) -> None:
        for body in changes.create:
            try:
                self.cache.wrote(await self.client.create(resources.ENDPOINT_SLICES, body))
            except StatusError as error:
                if errors.is_namespace_terminating(error):
                    return
                raise
        for body in changes.update:
            try:
                self.cache.wrote(await self.client.update(resources.ENDPOINT_SLICES, body))
            except StatusError as error:
                if errors.is_not_found(error):
                    self.cache.removed(body)
                raise
        for piece in changes.delete:
            await self.delete(piece)

    async def delete(self, piece: Obj) -> None:
        meta = piece["metadata"]
        try:
            await self.client.delete(resources.ENDPOINT_SLICES, meta["name"], meta["namespace"])
        except StatusError as error:
            if not errors.is_not_found(error):
                raise
        self.cache.removed(piece)


class EndpointSliceController(ForServices, SliceWriter):
    name = "endpointslice-controller"
    component = "endpoint-slice-controller"

    def setup(self) -> None:
        super().setup()
        informer = self.informer(resources.ENDPOINT_SLICES)
        self.cache = SliceCache(informer, slices.MANAGER, self.queue.add)
        self.zones: dict[str, str] = {}
        self.waiting: dict[str, dict[str, None]] = {}
        """Keys of services with a pod on a node that is not known, by the node's name."""
        self.informer(resources.NODES).on_change(self._node_changed)

    def _node_changed(self, old: Obj | None, new: Obj | None) -> None:
        name = (new or old or {})["metadata"]["name"]
        if new is None:
            self.zones.pop(name, None)
            return
        self.zones[name] = labels_of(new).get(ZONE, "")
        for key in self.waiting.pop(name, ()):
            self.queue.add(key)

    async def reconcile(self, key: str) -> Result | None:
        service = self.services.get(*split_key(key))
        if service is None or is_terminating(service):
            self.triggers.forget(key)
            return None
        if selector_of(service) is None:
            return None
        targets = self.pods.of(key)
        changes = slices.plan(
            service,
            targets,
            self.cache.of(key),
            zones=self.zones,
            changed_at=self.triggers.see(service, targets),
        )
        await self.write(changes)
        if changes.missing:
            for target in changes.missing:
                self.waiting.setdefault(target.node, {})[key] = None
            await self._complain(service, changes.missing)
        return None

    async def _complain(self, service: Obj, missing: list[Target]) -> None:
        what = key_of(service)
        reasons = [
            f"skipping Pod {target.name} for Service {what}: Node {target.node} Not Found"
            for target in missing
        ]
        text = reasons[0] if len(reasons) == 1 else f"[{', '.join(reasons)}]"
        message = f"Error updating Endpoint Slices for Service {what}: {text}"
        await self.recorder.event(service, "Warning", "FailedToUpdateEndpointSlices", message)


class EndpointSliceMirroring(SliceWriter):
    name = "endpointslice-mirroring-controller"
    component = "endpoint-slice-mirroring-controller"

    def setup(self) -> None:
        self.endpoints = self._follow(self.informer(resources.ENDPOINTS))
        self.services = self._follow(self.informer(resources.SERVICES))
        informer = self.informer(resources.ENDPOINT_SLICES)
        self.cache = SliceCache(informer, mirror.MANAGER, self.queue.add)

    def _follow(self, informer: Informer) -> Informer:
        informer.on_change(lambda old, new: self.queue.add(key_of(new or old or {})))
        return informer

    async def reconcile(self, key: str) -> Result | None:
        namespace, name = split_key(key)
        endpoints = self.endpoints.get(namespace, name)
        service = self.services.get(namespace, name)
        present = self.cache.of(key)
        if endpoints is None or not mirror.is_mirrored(endpoints, service):
            for piece in present:
                await self.delete(piece)
        elif not is_terminating(endpoints):
            await self.write(mirror.plan(endpoints, present))
        return None
