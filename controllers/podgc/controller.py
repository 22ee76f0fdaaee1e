"""Keys are node names for what happens to the pods of a node, and `namespace/name` for single
pods.

Follows `pkg/controller/podgc`. Where that looks at all pods every 20 s, this waits for the time
of those that are concerned; all of it is upkeep that nobody waits for.
"""

from typing import ClassVar

from miniplane.api.errors import StatusError, is_not_found
from miniplane.api.objects import Obj, is_terminating, key_of, split_key
from miniplane.api.options import DeleteOptions
from miniplane.api.resources import NODES, PODS
from miniplane.controllers import pods
from miniplane.runtime.controller import Controller, ControllerContext, Result
from miniplane.runtime.informer import by_node

PERIOD = 20.0
QUARANTINE = 40.0
TERMINATED_THRESHOLD = 12_500
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"


class PodGCController(Controller):
    """Removes pods of absent nodes, unscheduled pods that hang in deletion, and too old finished
    ones."""

    name: ClassVar[str] = "pod-garbage-collector-controller"

    def __init__(self, ctx: ControllerContext):
        super().__init__(ctx)
        self._terminated: dict[str, None] = {}

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
        elif _out_of_service(new):
            self.queue.add_after(new["metadata"]["name"], PERIOD, background=True)

    def _pod_changed(self, old: Obj | None, new: Obj | None) -> None:
        if new is None:
            assert old is not None
            self._terminated.pop(key_of(old), None)
            return
        node = pods.node_name(new)
        if pods.is_terminal(new):
            self._terminated[key_of(new)] = None
            if len(self._terminated) > TERMINATED_THRESHOLD:
                oldest = next(iter(self._terminated))
                self.queue.add_after(oldest, PERIOD, background=True)
        elif not node and is_terminating(new):
            self.queue.add_after(key_of(new), PERIOD, background=True)
        came = node and (old is None or not pods.node_name(old))
        if came and not self.nodes.has("", node):
            self.queue.add_after(node, QUARANTINE, background=True)

    async def reconcile(self, key: str) -> Result | None:
        namespace, name = split_key(key)
        if not namespace:
            await self._collect_node(name)
            return None
        pod = self.pods.get(namespace, name)
        if pod is None:
            self._terminated.pop(key, None)
        elif pods.is_terminal(pod):
            if len(self._terminated) > TERMINATED_THRESHOLD:
                self._terminated.pop(key, None)
                await self._remove(pod)
        elif is_terminating(pod) and not pods.node_name(pod):
            await self._remove(pod)
        return None

    async def _collect_node(self, name: str) -> None:
        node = self.nodes.get("", name)
        if node is not None:
            if _out_of_service(node):
                for pod in self.pods.by_index("node", name):
                    if is_terminating(pod):
                        await self._remove(pod)
                self.queue.add_after(name, PERIOD, background=True)
            return
        found = self.pods.by_index("node", name)
        if not found:
            return
        try:
            # The copy may be behind, and what follows cannot be undone.
            await self.client.get(NODES, name)
            return
        except StatusError as error:
            if not is_not_found(error):
                raise
        for pod in found:
            await self._remove(pod, orphaned=True)

    async def _remove(self, pod: Obj, *, orphaned: bool = False) -> None:
        """Mark the pod as failed, as no kubelet will, and delete it at once."""
        meta = pod["metadata"]
        try:
            if not pods.is_terminal(pod):
                status: Obj = {"phase": "Failed"}
                if orphaned:
                    status["conditions"] = [
                        {
                            "type": "DisruptionTarget",
                            "status": "True",
                            "reason": "DeletionByPodGC",
                            "message": "PodGC: node no longer exists",
                            "observedGeneration": meta.get("generation", 0),
                            "lastProbeTime": None,
                            "lastTransitionTime": self.clock.rfc3339(),
                        }
                    ]
                patch = {"metadata": {"uid": meta["uid"]}, "status": status}
                await self.client.patch(
                    PODS, meta["name"], patch, meta["namespace"], subresource="status"
                )
            options = DeleteOptions(grace_period_seconds=0, uid=meta["uid"])
            await self.client.delete(PODS, meta["name"], meta["namespace"], options=options)
        except StatusError as error:
            if not is_not_found(error):
                raise


def _out_of_service(node: Obj) -> bool:
    """Whether somebody declared the node dead for good."""
    taints = (node.get("spec") or {}).get("taints") or ()
    if not any(t.get("key") == OUT_OF_SERVICE for t in taints):
        return False
    return not any(
        c["type"] == "Ready" and c["status"] == "True"
        for c in (node.get("status") or {}).get("conditions") or ()
    )
