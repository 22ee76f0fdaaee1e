"""The Available conditions of APIServices. Keys are their names."""

from collections.abc import Iterator
from typing import ClassVar

from miniplane.api import resources
from miniplane.api.objects import Obj, key_of, split_key
from miniplane.api.resources import ENDPOINT_SLICES, SERVICES
from miniplane.controllers.apiservice import plan
from miniplane.runtime.controller import Controller, Result

API_SERVICES = resources.resource("apiservices", "apiregistration.k8s.io")
_SERVICE_NAME = "kubernetes.io/service-name"
_BY_SERVICE = "api-service"


def _service_of(api_service: Obj) -> Iterator[str]:
    if named := api_service["spec"].get("service"):
        yield f"{named.get('namespace', '')}/{named.get('name', '')}"


def _service_of_slice(piece: Obj) -> str:
    name = (piece["metadata"].get("labels") or {}).get(_SERVICE_NAME, "")
    return f"{piece['metadata']['namespace']}/{name}"


class APIServiceController(Controller):
    """Follows services and endpoints. What this server itself serves is left alone."""

    name: ClassVar[str] = "apiservice-status-available-controller"
    manager: ClassVar[str] = "kube-apiserver"
    essential: ClassVar[bool] = True

    def setup(self) -> None:
        self.api_services = self.informer(API_SERVICES)
        self.services = self.informer(SERVICES)
        self.slices = self.informer(ENDPOINT_SLICES)
        self.api_services.add_index(_BY_SERVICE, _service_of)
        self.api_services.on_change(self._changed)
        self.services.on_change(self._service_changed)
        self.slices.on_change(self._slice_changed)

    def _changed(self, old: Obj | None, new: Obj | None) -> None:
        if new is not None:
            self.queue.add(new["metadata"]["name"])

    def _service_changed(self, old: Obj | None, new: Obj | None) -> None:
        self._follow(key_of(new or old or {}))

    def _slice_changed(self, old: Obj | None, new: Obj | None) -> None:
        self._follow(_service_of_slice(new or old or {}))

    def _follow(self, service: str) -> None:
        for found in self.api_services.by_index(_BY_SERVICE, service):
            self.queue.add(found["metadata"]["name"])

    async def reconcile(self, key: str) -> Result | None:
        found = self.api_services.get("", key)
        if found is None or (found["spec"].get("service") and self._is_served(found)):
            return None
        service, slices = None, []
        for name in _service_of(found):
            service = self.services.get(*split_key(name))
            slices = [s for s in self.slices.list() if _service_of_slice(s) == name]
        words = plan.available(found, service, slices)
        conditions = plan.told(found, words, self.clock.rfc3339())
        if conditions is not None:
            status = {**(found.get("status") or {}), "conditions": conditions}
            await self.client.update(
                API_SERVICES, {**found, "status": status}, subresource="status"
            )
        return None

    def _is_served(self, api_service: Obj) -> bool:
        group, version = api_service["spec"].get("group", ""), api_service["spec"].get("version")
        return any((row.group, row.version) == (group, version) for row in self.ctx.served())
