"""Keeps the Endpoints and EndpointSlices of all services.

What a sync has worked out about a service with many pods is kept for the next one, as long as the
service is the same and all writes went well; otherwise it is worked out anew.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, Generic, Protocol, TypeVar

from miniplane.api import errors, resources
from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj, is_terminating, key_of, labels_of, split_key
from miniplane.controllers import grouping
from miniplane.controllers.endpoints import members, mirror, slices, triggers
from miniplane.controllers.endpoints.members import Changed
from miniplane.controllers.endpoints.packing import Packing
from miniplane.controllers.endpoints.slicecache import SliceCache
from miniplane.controllers.endpoints.slices import Changes
from miniplane.controllers.endpoints.subsets import Addresses
from miniplane.controllers.endpoints.targets import Target, families_of, selector_of
from miniplane.controllers.endpoints.topology import ZONE, Note, Topology
from miniplane.runtime.controller import Controller, Result
from miniplane.runtime.informer import Informer


class _Kept(Protocol):
    """What is worked out of a service's targets, and brought up to date."""

    def update(self, targets: Mapping[str, Target], changed: Changed) -> None: ...


K = TypeVar("K", bound=_Kept)


class ForServices(Controller, Generic[K]):
    """Reconciles a service when it, or a pod that it selects, has changed."""

    def setup(self) -> None:
        self.services = self.informer(resources.SERVICES)
        self.pods = members.shared(self.informers)
        self.pods.listen(self._pods_changed)
        self.feed = self.pods.feed()
        self._kept: dict[str, tuple[Any, K]] = {}
        """What the last sync of a service left, with what it holds for."""
        self.services.on_change(lambda old, new: self.queue.add(key_of(new or old or {})))

    def _pods_changed(self, key: str) -> None:
        self.queue.add_after(key, grouping.patience(len(self.pods.of(key))))

    def forget(self, key: str) -> None:
        self.feed.forget(key)
        self._kept.pop(key, None)

    def recall(self, key: str, changed: Changed | None, basis: Any, work_out: Callable[[], K]) -> K:
        """What the last sync left, brought up to date; `work_out` makes it where that was on
        another `basis`, or there is none. Not to be had again before it is put back by `keep`."""
        known = self._kept.pop(key, None)
        if known is None or changed is None or known[0] != basis:
            return work_out()
        known[1].update(self.pods.of(key), changed)
        return known[1]

    def keep(self, key: str, basis: Any, kept: K) -> None:
        # With few pods it is worked out as fast as brought up to date.
        if len(self.pods.of(key)) > grouping.FEW:
            self._kept[key] = basis, kept


class EndpointsController(ForServices[Addresses]):
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
            self.forget(key)
            await self._remove(namespace, name)
            return None
        if selector_of(service) is None:
            return None
        present = await self._find(namespace, name)
        targets, changed = self.pods.of(key), self.feed.take(key)
        changed_at = triggers.changed_at(service, targets, changed)
        basis = service["metadata"]["resourceVersion"]
        addresses = self.recall(key, changed, basis, functools.partial(Addresses, service, targets))
        body = addresses.body(present, changed_at=changed_at)
        if body is not None:
            await self._write(body, present)
        self.keep(key, basis, addresses)
        return None

    async def _write(self, body: Obj, present: Obj | None) -> None:
        try:
            if present is None:
                await self.client.create(resources.ENDPOINTS, body)
            else:
                await self.client.update(resources.ENDPOINTS, body)
        except StatusError as error:
            if errors.is_namespace_terminating(error):
                return
            if not errors.is_conflict(error):
                await self._complain(body, error, created=present is None)
            raise

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


class NotWritten(Exception):
    """A slice could not be written: `attempt` was, as in `update web-abcde EndpointSlice`."""

    def __init__(self, attempt: str, error: StatusError):
        super().__init__(attempt)
        self.attempt = attempt
        self.error = error


class SliceWriter(Controller):
    """Writes slices, and remembers what it wrote."""

    cache: SliceCache

    async def write(self, changes: Changes) -> None:
        """NotWritten at the first failure."""
        for body in changes.create:
            try:
                self.cache.wrote(await self.client.create(resources.ENDPOINT_SLICES, body))
            except StatusError as error:
                if errors.is_namespace_terminating(error):
                    return
                raise NotWritten("create EndpointSlice", error) from error
        for body in changes.update:
            try:
                self.cache.wrote(await self.client.update(resources.ENDPOINT_SLICES, body))
            except StatusError as error:
                if errors.is_not_found(error):
                    self.cache.removed(body)
                what = f"update {body['metadata']['name']} EndpointSlice"
                raise NotWritten(what, error) from error
        for piece in changes.delete:
            try:
                await self.delete(piece)
            except StatusError as error:
                what = f"delete {piece['metadata']['name']} EndpointSlice"
                raise NotWritten(what, error) from error

    async def delete(self, piece: Obj) -> None:
        meta = piece["metadata"]
        try:
            await self.client.delete(resources.ENDPOINT_SLICES, meta["name"], meta["namespace"])
        except StatusError as error:
            if not errors.is_not_found(error):
                raise
        self.cache.removed(piece)


class EndpointSliceController(ForServices[Packing], SliceWriter):
    name = "endpointslice-controller"
    component = "endpoint-slice-controller"

    def setup(self) -> None:
        super().setup()
        informer = self.informer(resources.ENDPOINT_SLICES)
        self.cache = SliceCache(informer, slices.MANAGER, self.queue.add)
        self.zones: dict[str, str] = {}
        self.zoning = 0
        """How often the zones have changed."""
        self.topology = Topology()
        self.waiting: dict[str, dict[str, None]] = {}
        """Keys of services with a pod on a node that is not known, by the node's name."""
        self.informer(resources.NODES).on_change(self._node_changed)

    def _node_changed(self, old: Obj | None, new: Obj | None) -> None:
        name = (new or old or {})["metadata"]["name"]
        for key in self.topology.node_changed(name, new):
            self.queue.add(key)
        if new is None:
            self.zones.pop(name, None)
            self.zoning += 1
            return
        zone = labels_of(new).get(ZONE, "")
        if self.zones.get(name) != zone:
            self.zones[name] = zone
            self.zoning += 1
        for key in self.waiting.pop(name, ()):
            self.queue.add(key)

    async def reconcile(self, key: str) -> Result | None:
        service = self.services.get(*split_key(key))
        if service is None:
            self.forget(key)
            self.topology.forget(key)
            return None
        if selector_of(service) is None:
            return None
        targets, changed = self.pods.of(key), self.feed.take(key)
        changed_at = triggers.changed_at(service, targets, changed)
        basis = service["metadata"]["resourceVersion"], self.zoning
        work_out = functools.partial(Packing, service, targets, self.zones)
        packing = self.recall(key, changed, basis, work_out)
        notes: list[Note] = []
        changes = packing.plan(
            self.cache.of(key),
            changed_at=changed_at,
            share_out=lambda *pieces: notes.extend(self.topology.share_out(key, *pieces)),
        )
        if not slices.asks_for_shares(service):
            for family in families_of(service):
                notes += self.topology.drop(key, family)
        if is_terminating(service):
            # The garbage collector takes its slices away: others are not put in their place.
            changes.create.clear()
        for target in changes.missing:
            self.waiting.setdefault(target.node, {})[key] = None
        try:
            await self.write(changes)
        except NotWritten as failure:
            if not errors.is_conflict(failure.error):
                await self._complain(service, changes.missing, failure)
            raise failure.error from None
        finally:
            for note in notes:
                await self.recorder.event(service, *note)
        self.keep(key, basis, packing)
        if changes.missing:
            await self._complain(service, changes.missing)
        return None

    async def _complain(
        self, service: Obj, missing: list[Target], failure: NotWritten | None = None
    ) -> None:
        what = key_of(service)
        reasons = [
            f"skipping Pod {target.name} for Service {what}: Node {target.node} Not Found"
            for target in missing
        ]
        if failure is not None:
            why = failure.error.message
            reasons.append(f"failed to {failure.attempt} for Service {what}: {why}")
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
            return None
        changes = mirror.plan(endpoints, present)
        if changes.skipped:
            text = (
                f"A max of {mirror.PER_SLICE} addresses can be mirrored to EndpointSlices per "
                f"Endpoints subset. {changes.skipped} addresses were skipped"
            )
            await self.recorder.event(endpoints, "Warning", "TooManyAddressesToMirror", text)
        if is_terminating(endpoints):
            changes.create.clear()
        try:
            await self.write(changes)
        except NotWritten as failure:
            raise failure.error from None
        return None
