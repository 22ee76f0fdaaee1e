"""Load balancers and ingresses. Keys are `namespace/name`.

Both rest unless `config.load_balancer_cidr` is given: a cluster without a cloud leaves such
services pending, and so does this one.
"""

from typing import ClassVar

from miniplane.api import resources
from miniplane.api.objects import Obj, is_terminating, key_of, split_key
from miniplane.api.resources import NODES, SERVICES
from miniplane.controllers.loadbalancer.plan import (
    FINALIZER,
    Addresses,
    Clean,
    Ensure,
    Nothing,
    address_of,
    changes,
    plan,
    wants,
)
from miniplane.runtime.controller import Controller, ControllerContext, Result

INGRESSES = resources.resource("ingresses", "networking.k8s.io")


class LoadBalancerController(Controller):
    """Gives services of type LoadBalancer an address out of the range."""

    name: ClassVar[str] = "service-lb-controller"
    manager: ClassVar[str] = "cloud-controller-manager"
    component: ClassVar[str] = "service-controller"

    def __init__(self, ctx: ControllerContext):
        super().__init__(ctx)
        cidr = self.config.load_balancer_cidr
        self.addresses = Addresses(cidr) if cidr else None
        self._taken: dict[str, str] = {}
        """Which service (its key) has which address, from the moment on when it is chosen."""
        self._stale: dict[str, None] = {}
        """Those of which something has changed that their load balancers have to know."""
        self._without: dict[str, None] = {}
        """Those that got none, in the order in which they asked."""

    def setup(self) -> None:
        if self.addresses is not None:
            self.services = self.informer(SERVICES)
            self.services.on_change(self._changed)
            self.nodes = self.informer(NODES)

    def _changed(self, old: Obj | None, new: Obj | None) -> None:
        service = new or old
        assert service is not None
        key = key_of(service)
        if new is None:
            self._stale.pop(key, None)
            self._release(key)
            return
        if old is not None and not is_terminating(new):
            self._compare(key, old, new)
        address = address_of(new)
        if address and wants(new):
            self._taken.setdefault(address, key)
        if wants(new) or FINALIZER in (new["metadata"].get("finalizers") or ()):
            self.queue.add(key)

    def _compare(self, key: str, old: Obj, new: Obj) -> None:
        changed, told = changes(old, new)
        if told is not None:
            self.spawn(self.recorder.event(new, "Normal", *told))
        if changed and wants(new) and FINALIZER in (new["metadata"].get("finalizers") or ()):
            self._stale[key] = None

    def _release(self, key: str) -> None:
        self._without.pop(key, None)
        for address in [a for a, holder in self._taken.items() if holder == key]:
            del self._taken[address]
        for waiting in self._without:
            self.queue.add(waiting)

    async def reconcile(self, key: str) -> Result | None:
        service = self.services.get(*split_key(key))
        if service is None or self.addresses is None:
            return None
        taken = {address: holder for address, holder in self._taken.items() if holder != key}
        changed = key in self._stale
        self._stale.pop(key, None)
        match plan(service, self.addresses, taken, changed=changed):
            case Ensure(address):
                await self._ensure(key, service, address)
            case Clean():
                await self._clean(key, service)
            case Nothing():
                pass
        return None

    async def _ensure(self, key: str, service: Obj, address: str) -> None:
        name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
        if not address and key in self._without:
            return  # told already
        text = "Ensuring load balancer"
        await self.recorder.event(service, "Normal", "EnsuringLoadBalancer", text)
        if FINALIZER not in (service["metadata"].get("finalizers") or ()):
            finalizers = [*(service["metadata"].get("finalizers") or ()), FINALIZER]
            patch: Obj = {"metadata": {"finalizers": finalizers}}
            await self.client.patch(SERVICES, name, patch, namespace)
        if not self.nodes.list():
            text = "There are no available nodes for LoadBalancer"
            await self.recorder.event(service, "Warning", "UnAvailableLoadBalancer", text)
        if not address:
            self._without[key] = None
            text = (
                "Error syncing load balancer: failed to ensure load balancer: "
                f"no address is free in {self.config.load_balancer_cidr}"
            )
            await self.recorder.event(service, "Warning", "SyncLoadBalancerFailed", text)
            return
        self._without.pop(key, None)
        for old in [a for a, holder in self._taken.items() if holder == key and a != address]:
            del self._taken[old]
        self._taken[address] = key
        if address_of(service) != address:
            ingress = [{"ip": address, "ipMode": "VIP"}]
            patch = {"status": {"loadBalancer": {"ingress": ingress}}}
            await self.client.patch(SERVICES, name, patch, namespace, subresource="status")
        text = "Ensured load balancer"
        await self.recorder.event(service, "Normal", "EnsuredLoadBalancer", text)

    async def _clean(self, key: str, service: Obj) -> None:
        name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
        text = "Deleting load balancer"
        await self.recorder.event(service, "Normal", "DeletingLoadBalancer", text)
        if address_of(service):
            patch: Obj = {"status": {"loadBalancer": None}}
            await self.client.patch(SERVICES, name, patch, namespace, subresource="status")
        patch = {"metadata": {"$deleteFromPrimitiveList/finalizers": [FINALIZER]}}
        await self.client.patch(SERVICES, name, patch, namespace)
        self._release(key)
        text = "Deleted load balancer"
        await self.recorder.event(service, "Normal", "DeletedLoadBalancer", text)


class IngressController(Controller):
    """Tells every ingress the one address at which an ingress controller would serve it."""

    name: ClassVar[str] = "ingress-controller"
    manager: ClassVar[str] = "ingress-controller"

    def setup(self) -> None:
        if self.config.load_balancer_cidr:
            self.ingresses = self.informer(INGRESSES)
            self.ingresses.on_change(self._changed)

    def _changed(self, old: Obj | None, new: Obj | None) -> None:
        if new is not None and not is_terminating(new):
            self.queue.add(key_of(new))

    async def reconcile(self, key: str) -> Result | None:
        ingress = self.ingresses.get(*split_key(key))
        cidr = self.config.load_balancer_cidr
        if ingress is None or not cidr:
            return None
        address = Addresses(cidr).of_ingresses
        if address_of(ingress) == address:
            return None
        await self.recorder.event(ingress, "Normal", "Sync", "Scheduled for sync")
        meta = ingress["metadata"]
        patch = {"status": {"loadBalancer": {"ingress": [{"ip": address}]}}}
        await self.client.patch(
            INGRESSES, meta["name"], patch, meta["namespace"], subresource="status"
        )
        return None
