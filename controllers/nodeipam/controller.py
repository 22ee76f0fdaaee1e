"""`spec.podCIDR` and the ttl annotation of nodes. Keys are node names."""

from typing import ClassVar

from miniplane.api.objects import Obj
from miniplane.api.resources import NODES
from miniplane.controllers.nodeipam.ranges import Ranges
from miniplane.runtime.controller import Controller, ControllerContext, Result

TTL_ANNOTATION = "node.alpha.kubernetes.io/ttl"

_TTL_STEPS = ((0, 100, 0), (90, 500, 15), (450, 1000, 30), (900, 2000, 60), (1800, 10**9, 300))
"""(fewest nodes, most nodes, seconds). The steps overlap, so that a node more or less does not
make the value go to and fro."""


class NodeIpamController(Controller):
    """Gives each node its range of pod addresses."""

    name: ClassVar[str] = "node-ipam-controller"
    component: ClassVar[str] = "cidrAllocator"

    def __init__(self, ctx: ControllerContext):
        super().__init__(ctx)
        self.ranges = Ranges(self.config.pod_cidr, max(1, self.config.nodes))
        self._given: dict[str, str] = {}
        """Ranges by node name, from the moment they are chosen."""
        self._waiting: dict[str, None] = {}

    def setup(self) -> None:
        self.nodes = self.informer(NODES)
        self.nodes.on_change(self._node_changed)

    def _node_changed(self, old: Obj | None, new: Obj | None) -> None:
        if new is None:
            assert old is not None
            name = old["metadata"]["name"]
            self._waiting.pop(name, None)
            cidr = self._given.pop(name, "") or (old.get("spec") or {}).get("podCIDR", "")
            if cidr:
                self.ranges.release(cidr)
                for waiting in self._waiting:
                    self.queue.add(waiting)
            return
        name = new["metadata"]["name"]
        if cidr := (new.get("spec") or {}).get("podCIDR"):
            if self._given.get(name) != cidr:
                if name in self._given:
                    self.ranges.release(self._given[name])
                self._given[name] = cidr
                self.ranges.claim(cidr)
        elif old is None or name not in self._waiting:
            self.queue.add(name)

    async def reconcile(self, key: str) -> Result | None:
        node = self.nodes.get("", key)
        if node is None or (node.get("spec") or {}).get("podCIDR"):
            return None
        cidr = self._given.get(key) or self.ranges.take()
        if cidr is None:
            self._waiting[key] = None
            ref = {"apiVersion": "v1", "kind": "Node", "name": key, "uid": node["metadata"]["uid"]}
            text = f"Node {key} status is now: CIDRNotAvailable"
            await self.recorder.event(ref, "Normal", "CIDRNotAvailable", text)
            return None
        self._given[key] = cidr
        self._waiting.pop(key, None)
        patch = {"spec": {"podCIDR": cidr, "podCIDRs": [cidr]}}
        await self.client.patch(NODES, key, patch)
        return None


class TtlController(Controller):
    """Tells kubelets how long to keep secrets and config maps, by the size of the cluster."""

    name: ClassVar[str] = "ttl-controller"

    def __init__(self, ctx: ControllerContext):
        super().__init__(ctx)
        self._step = 0
        self._count = 0

    def setup(self) -> None:
        self.nodes = self.informer(NODES)
        self.nodes.on_change(self._node_changed)

    def _node_changed(self, old: Obj | None, new: Obj | None) -> None:
        self._count += (old is None) - (new is None)
        while self._count > _TTL_STEPS[self._step][1]:
            self._step += 1
        while self._count < _TTL_STEPS[self._step][0]:
            self._step -= 1
        if new is not None and self._ttl(new) != self._wanted:
            self.queue.add(new["metadata"]["name"])

    @property
    def _wanted(self) -> str:
        return str(_TTL_STEPS[self._step][2])

    @staticmethod
    def _ttl(node: Obj) -> str:
        return (node["metadata"].get("annotations") or {}).get(TTL_ANNOTATION, "")

    async def reconcile(self, key: str) -> Result | None:
        node = self.nodes.get("", key)
        if node is not None and self._ttl(node) != self._wanted:
            patch = {"metadata": {"annotations": {TTL_ANNOTATION: self._wanted}}}
            await self.client.patch(NODES, key, patch)
        return None
