"""ServiceCIDRs. Keys are names. Which ranges addresses are taken from, the registry sees itself."""

import ipaddress
from typing import ClassVar

from miniplane.api import resources
from miniplane.api.objects import Obj
from miniplane.api.options import APPLY_PATCH
from miniplane.clock import parse_time
from miniplane.controllers.servicecidr import plan
from miniplane.runtime.controller import Controller, ControllerContext, Result

GROUP = "networking.k8s.io"
SERVICE_CIDRS = resources.resource("servicecidrs", GROUP)
IP_ADDRESSES = resources.resource("ipaddresses", GROUP)
_MANAGED_BY = "ipaddress.kubernetes.io/managed-by"
_ALLOCATOR = "ipallocator.k8s.io"


class ServiceCIDRController(Controller):
    """Finalizers and conditions of the ranges that services have their addresses from."""

    name: ClassVar[str] = "service-cidr-controller"

    def __init__(self, ctx: ControllerContext):
        super().__init__(ctx)
        self._applier = self.client.with_manager(self.name)

    def setup(self) -> None:
        self.cidrs = self.informer(SERVICE_CIDRS)
        self.addresses = self.informer(IP_ADDRESSES)
        self.cidrs.on_change(self._cidr_changed)
        self.addresses.on_change(self._address_changed)

    def _cidr_changed(self, old: Obj | None, new: Obj | None) -> None:
        if old is None or new is None:
            # Another one may be in nobody's way any more, or has become the only one.
            for name in self.cidrs.names(""):
                self.queue.add(name)
        else:
            self.queue.add(new["metadata"]["name"])

    def _address_changed(self, old: Obj | None, new: Obj | None) -> None:
        if old is not None and new is not None:
            return
        address = ipaddress.ip_address((new or old or {})["metadata"]["name"])
        for cidr in self.cidrs.list():
            if "deletionTimestamp" in cidr["metadata"] and plan.holds(cidr, address):
                self.queue.add(cidr["metadata"]["name"])

    async def reconcile(self, key: str) -> Result | None:
        cidr = self.cidrs.get("", key)
        if cidr is None:
            return None
        since = cidr["metadata"].get("deletionTimestamp")
        addresses = (
            address["metadata"]["name"]
            for address in self.addresses.list()
            if (address["metadata"].get("labels") or {}).get(_MANAGED_BY) == _ALLOCATOR
        )
        actions = plan.plan(
            cidr,
            [other for other in self.cidrs.list() if other["metadata"]["name"] != key],
            addresses,
            deleted_for=self.clock.time() - parse_time(since) if since else 0.0,
        )
        for action in actions:
            match action:
                case plan.AddFinalizer():
                    patch: Obj = {"metadata": {"finalizers": [plan.FINALIZER]}}
                    await self.client.patch(SERVICE_CIDRS, key, patch)
                case plan.DropFinalizer():
                    patch = {"metadata": {"$deleteFromPrimitiveList/finalizers": [plan.FINALIZER]}}
                    await self.client.patch(SERVICE_CIDRS, key, patch)
                case plan.Tell():
                    await self._tell(key, cidr, action)
                case plan.Wait(seconds):
                    return Result(after=seconds)
        return None

    async def _tell(self, name: str, cidr: Obj, tell: plan.Tell) -> None:
        was = plan.condition(cidr)
        same = was.get("status") == tell.status
        condition = {
            "type": "Ready",
            "status": tell.status,
            **({"reason": tell.reason} if tell.reason else {}),
            "message": tell.message,
            "lastTransitionTime": was["lastTransitionTime"] if same else self.clock.rfc3339(),
        }
        applied = {
            "apiVersion": SERVICE_CIDRS.api_version,
            "kind": SERVICE_CIDRS.kind,
            "metadata": {"name": name},
            "status": {"conditions": [condition]},
        }
        await self._applier.patch(
            SERVICE_CIDRS, name, applied, patch_type=APPLY_PATCH, subresource="status"
        )
