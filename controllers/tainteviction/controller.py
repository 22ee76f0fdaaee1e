"""Keys are pods, `namespace/name`: those on nodes with taints that evict, and those that were."""

from typing import ClassVar

from miniplane.api.errors import StatusError, is_not_found
from miniplane.api.objects import Obj, key_of, split_key
from miniplane.api.options import DeleteOptions
from miniplane.api.resources import NODES, PODS
from miniplane.controllers import pods
from miniplane.controllers.tainteviction import plan
from miniplane.runtime.controller import Controller, ControllerContext, Result
from miniplane.runtime.informer import by_node


class TaintEvictionController(Controller):
    """Deletes pods from nodes whose NoExecute taints they do not tolerate, or not any longer."""

    name: ClassVar[str] = "taint-eviction-controller"

    def __init__(self, ctx: ControllerContext):
        super().__init__(ctx)
        self._tainted: dict[str, list[Obj]] = {}
        """NoExecute taints by node name; nodes without any are left out."""
        self._due: dict[str, tuple[str, float | None]] = {}
        """Pods that have to leave some day: uid, and when; None for those that were sent off."""

    def setup(self) -> None:
        self.nodes = self.informer(NODES)
        self.pods = self.informer(PODS)
        self.pods.add_index("node", by_node)
        self.nodes.on_change(self._node_changed)
        self.pods.on_change(self._pod_changed)

    def _node_changed(self, old: Obj | None, new: Obj | None) -> None:
        node = new or old
        assert node is not None
        name = node["metadata"]["name"]
        taints = plan.no_execute(new) if new is not None else []
        if taints == self._tainted.get(name, []):
            return
        if taints:
            self._tainted[name] = taints
        else:
            del self._tainted[name]
        for pod in self.pods.by_index("node", name):
            self.queue.add(key_of(pod))

    def _pod_changed(self, old: Obj | None, new: Obj | None) -> None:
        if not self._tainted and not self._due:
            return
        pod = new or old
        assert pod is not None
        if pods.node_name(pod) in self._tainted or key_of(pod) in self._due:
            self.queue.add(key_of(pod))

    async def reconcile(self, key: str) -> Result | None:
        pod = self.pods.get(*split_key(key))
        known, due = self._due.get(key, ("", None))
        if known and (pod is None or pod["metadata"]["uid"] != known):
            del self._due[key]
            if due is not None:
                await self._cancel(key)
            known, due = "", None
        if pod is None:
            return None
        patience = plan.patience(pod, self._tainted.get(pods.node_name(pod), []))
        if patience is None:
            self._due.pop(key, None)
            if due is not None:
                await self._cancel(key)
            return None
        if known and due is None:
            return None
        now = self.clock.time()
        if due is None or not patience:
            # What the first taint has set off, no later one puts off or brings forward.
            due = now + patience
        if due > now:
            self._due[key] = (pod["metadata"]["uid"], due)
            # Minutes, usually: nobody should have to wait for it to see a cluster at rest.
            return Result(after=due - now, background=True)
        await self._evict(key, pod)
        self._due[key] = (pod["metadata"]["uid"], None)
        return None

    async def _cancel(self, key: str) -> None:
        await self._tell(key, f"Cancelling deletion of Pod {key}")

    async def _tell(self, key: str, text: str) -> None:
        namespace, name = split_key(key)
        ref = {"apiVersion": "v1", "kind": "Pod", "name": name, "namespace": namespace}
        await self.recorder.event(ref, "Normal", "TaintManagerEviction", text)

    async def _evict(self, key: str, pod: Obj) -> None:
        await self._tell(key, f"Marking for deletion Pod {key}")
        meta = pod["metadata"]
        condition = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "DeletionByTaintManager",
            "message": "Taint manager: deleting due to NoExecute taint",
            "observedGeneration": meta.get("generation", 0),
            "lastProbeTime": None,
            "lastTransitionTime": self.clock.rfc3339(),
        }
        patch = {"metadata": {"uid": meta["uid"]}, "status": {"conditions": [condition]}}
        try:
            await self.client.patch(
                PODS, meta["name"], patch, meta["namespace"], subresource="status"
            )
            await self.client.delete(
                PODS, meta["name"], meta["namespace"], options=DeleteOptions(uid=meta["uid"])
            )
        except StatusError as error:
            if not is_not_found(error):
                raise
