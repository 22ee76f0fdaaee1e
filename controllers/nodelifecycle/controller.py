"""Keys are node names. A node has its turn when it changes, and when it is found to be silent."""

from typing import ClassVar

from miniplane.api.errors import StatusError, is_not_found
from miniplane.api.objects import Obj
from miniplane.api.resources import LEASES, NODES, PODS
from miniplane.clock import parse_time
from miniplane.controllers import pods
from miniplane.controllers.nodelifecycle import plan
from miniplane.runtime.controller import Controller, ControllerContext, Result
from miniplane.runtime.informer import by_node

LEASE_NAMESPACE = "kube-node-lease"


class NodeLifecycleController(Controller):
    """Taints, events and the conditions of nodes that fell silent."""

    name: ClassVar[str] = "node-lifecycle-controller"
    component: ClassVar[str] = "node-controller"

    def __init__(self, ctx: ControllerContext):
        super().__init__(ctx)
        self._known: dict[str, plan.Health] = {}
        """Nodes that have been registered, by name."""
        self._evicting: dict[str, None] = {}
        """Nodes whose turn it is to get a taint that evicts."""
        self._turn: dict[str, float] = {}
        """When the next node gets one, by zone."""

    def setup(self) -> None:
        self.nodes = self.informer(NODES)
        self.pods = self.informer(PODS)
        self.leases = self.informer(LEASES)
        self.pods.add_index("node", by_node)
        self.nodes.on_change(self._node_changed)
        self.leases.on_change(self._lease_changed)
        self._rounds = self.rounds(plan.MONITOR_SECONDS, self._monitor)

    def _node_changed(self, old: Obj | None, new: Obj | None) -> None:
        node = new or old
        assert node is not None
        name = node["metadata"]["name"]
        if old is not None and new is not None:
            if (health := self._known.get(name)) is not None:
                health.look(new, self.clock.time())
                self._rounds.ask(health.due(self.clock.time()))
            if _unchanged(old, new):
                return
        self.queue.add(name)

    def _lease_changed(self, old: Obj | None, new: Obj | None) -> None:
        if new is not None and new["metadata"]["namespace"] == LEASE_NAMESPACE:
            health = self._known.get(new["metadata"]["name"])
            if health is not None:
                health.seen = self.clock.time()

    def _monitor(self) -> float | None:
        """Look who is silent. This comes round for ever, so it reads nothing but what is at hand;
        where all nodes are well, not before the first of them may have fallen silent."""
        now = self.clock.time()
        self._evicting.clear()
        spacings: dict[str, float | None] | None = None
        for name, health in self._known.items():
            if health.ready in ("False", "Unknown"):
                if spacings is None:
                    spacings = plan.spacings(self._known.values())
                spacing = spacings.get(health.zone, plan.SPACING)
                due = spacing is not None and now >= self._turn.get(health.zone, 0.0)
                if spacing is not None and due and not health.evicting:
                    self._evicting[name] = None
                    self._turn[health.zone] = now + spacing
                self.queue.add(name)
            elif health.silent(now) and not health.unknown:
                self.queue.add(name)
        return min((health.due(now) for health in self._known.values()), default=None)

    async def reconcile(self, key: str) -> Result | None:
        node = self.nodes.get("", key)
        uid = node["metadata"]["uid"] if node is not None else ""
        known = self._known.get(key)
        if known is not None and known.uid != uid:
            del self._known[key]
            self._evicting.pop(key, None)
            text = f"Removing Node {key} from Controller"
            await self._tell(key, known.uid, "RemovingNode", text)
            known = None
        if node is None:
            return None
        if known is None:
            known = self._known[key] = self._meet(node)
            self._rounds.ask(known.due(self.clock.time()))
            await self._tell(key, uid, "RegisteredNode", f"Registered Node {key} in Controller")
        if missing := plan.missing_labels(node):
            node = await self.client.patch(NODES, key, {"metadata": {"labels": missing}})
        if known.silent(self.clock.time()):
            node = await self._declare_unknown(node)
        if plan.readiness(node) == "Unknown":
            for pod in self.pods.by_index("node", key):
                await self._mark_not_ready(pod)
        await self._taint(key, node)
        return None

    def _meet(self, node: Obj) -> plan.Health:
        """A node that is new here. One without a status is as old as its object; any other is
        given its time."""
        now = self.clock.time()
        health = plan.Health(node["metadata"]["uid"], now, self.config.node_lease_duration)
        health.look(node, now)
        created = node["metadata"].get("creationTimestamp")
        health.seen = now if health.ready or not created else parse_time(created)
        return health

    async def _tell(self, name: str, uid: str, reason: str, text: str) -> None:
        ref = {"apiVersion": "v1", "kind": "Node", "name": name, "uid": uid}
        await self.recorder.event(ref, "Normal", reason, f"Node {name} event: {text}")

    async def _taint(self, name: str, node: Obj) -> None:
        evict = name in self._evicting
        taints = plan.taints(node, now=self.clock.rfc3339(), evict=evict)
        if taints is None and not evict and plan.all_down(self._known.values()):
            taints = plan.without_evicting(node)
        if taints is None:
            return
        # The list is replaced as a whole, so it must be the one that was looked at.
        meta = {"resourceVersion": node["metadata"]["resourceVersion"]}
        patch = {"metadata": meta, "spec": {"taints": taints or None}}
        await self.client.patch(NODES, name, patch)

    async def _declare_unknown(self, node: Obj) -> Obj:
        conditions = plan.unknown(node, now=self.clock.rfc3339())
        if conditions is None:
            return node
        was_ready = plan.readiness(node) == "True"
        status = {**(node.get("status") or {}), "conditions": conditions}
        after = await self.client.update(NODES, {**node, "status": status}, subresource="status")
        name = node["metadata"]["name"]
        if was_ready:
            ref = {"apiVersion": "v1", "kind": "Node", "name": name, "uid": node["metadata"]["uid"]}
            text = f"Node {name} status is now: NodeNotReady"
            await self.recorder.event(ref, "Normal", "NodeNotReady", text)
        return after

    async def _mark_not_ready(self, pod: Obj) -> None:
        """Nobody can tell whether it is: so traffic goes elsewhere."""
        ready = pods.condition(pod, "Ready")
        if ready is None or ready.get("status") == "False":
            return
        meta = pod["metadata"]
        condition = {
            "type": "Ready",
            "status": "False",
            "lastTransitionTime": self.clock.rfc3339(),
        }
        patch = {"metadata": {"uid": meta["uid"]}, "status": {"conditions": [condition]}}
        try:
            await self.client.patch(
                PODS, meta["name"], patch, meta["namespace"], subresource="status"
            )
        except StatusError as error:
            if not is_not_found(error):
                raise
            return
        await self.recorder.event(pod, "Warning", "NodeNotReady", "Node is not ready")


def _unchanged(old: Obj, new: Obj) -> bool:
    """Whether nothing has changed that matters here: most changes of nodes are heartbeats."""
    if old["metadata"].get("labels") != new["metadata"].get("labels"):
        return False
    was, now = old.get("spec") or {}, new.get("spec") or {}
    if was.get("taints") != now.get("taints") or (
        was.get("unschedulable") != now.get("unschedulable")
    ):
        return False
    return {k: c.get("status") for k, c in plan.conditions(old).items()} == {
        k: c.get("status") for k, c in plan.conditions(new).items()
    }
