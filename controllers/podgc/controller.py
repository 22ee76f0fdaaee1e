"""Keys are node names for what happens to the pods of a node, `namespace/name` for single pods, and
`ended:` for all that have ended.

Where `pkg/controller/podgc` looks at all pods every 20 s, this waits for the time of those that are
concerned; all of it is upkeep that nobody waits for.
"""

from collections.abc import Iterable
from typing import ClassVar

from miniplane.api.errors import StatusError, is_not_found
from miniplane.api.objects import Obj, is_terminating, key_of, split_key
from miniplane.api.options import DeleteOptions
from miniplane.api.resources import NODES, PODS
from miniplane.controllers import pods
from miniplane.controllers.podgc import plan
from miniplane.runtime.controller import Controller, ControllerContext, Result
from miniplane.runtime.informer import by_node

PERIOD = 20.0
QUARANTINE = 40.0
_ENDED = "ended:"
"""No node has a colon in its name."""


class PodGCController(Controller):
    """Removes pods of absent nodes, unscheduled pods that hang in deletion, and too many ended
    ones."""

    name: ClassVar[str] = "pod-garbage-collector-controller"

    def __init__(self, ctx: ControllerContext):
        super().__init__(ctx)
        self._ended: dict[str, None] = {}

    def setup(self) -> None:
        self.nodes = self.informer(NODES)
        self.pods = self.informer(PODS)
        self.pods.add_index("node", by_node)
        self.nodes.on_change(self._node_changed)
        self.pods.on_change(self._pod_changed)

    def _node_changed(self, old: Obj | None, new: Obj | None) -> None:
        if new is None:
            assert old is not None
            self.queue.add_after(old["metadata"]["name"], QUARANTINE, background=True)
        elif plan.is_out_of_service(new):
            self.queue.add_after(new["metadata"]["name"], PERIOD, background=True)

    def _pod_changed(self, old: Obj | None, new: Obj | None) -> None:
        if new is None:
            assert old is not None
            self._ended.pop(key_of(old), None)
            return
        node = pods.node_name(new)
        if pods.is_terminal(new):
            self._ended[key_of(new)] = None
            if len(self._ended) > plan.TERMINATED_THRESHOLD:
                self.queue.add_after(_ENDED, PERIOD, background=True)
        elif not node and is_terminating(new):
            self.queue.add_after(key_of(new), PERIOD, background=True)
        came = node and (old is None or not pods.node_name(old))
        if came and not self.nodes.has("", node):
            self.queue.add_after(node, QUARANTINE, background=True)

    async def reconcile(self, key: str) -> Result | None:
        if key == _ENDED:
            found = [self.pods.get(*split_key(each)) for each in self._ended]
            await self._carry_out(plan.of_ended([pod for pod in found if pod is not None]))
            return None
        namespace, name = split_key(key)
        if not namespace:
            return await self._collect_node(name)
        pod = self.pods.get(namespace, name)
        removal = plan.of_pod(pod) if pod is not None else None
        if removal is not None:
            await self._carry_out([removal])
        return None

    async def _collect_node(self, name: str) -> Result | None:
        node = self.nodes.get("", name)
        found = self.pods.by_index("node", name)
        if node is not None:
            await self._carry_out(plan.of_node(node, found))
            again = plan.is_out_of_service(node)
            return Result(after=PERIOD, background=True) if again else None
        if not found:
            return None
        try:
            # The copy may be behind, and what follows cannot be undone.
            await self.client.get(NODES, name)
        except StatusError as error:
            if not is_not_found(error):
                raise
            await self._carry_out(plan.of_absent_node(found, self.clock.rfc3339()))
        return None

    async def _carry_out(self, removals: Iterable[plan.Remove]) -> None:
        for removal in removals:
            meta = removal.pod["metadata"]
            name, namespace, uid = meta["name"], meta["namespace"], meta["uid"]
            try:
                if removal.status is not None:
                    patch = {"metadata": {"uid": uid}, "status": removal.status}
                    await self.client.patch(PODS, name, patch, namespace, subresource="status")
                options = DeleteOptions(grace_period_seconds=0, uid=uid)
                await self.client.delete(PODS, name, namespace, options=options)
            except StatusError as error:
                if not is_not_found(error):
                    raise
