"""Keys are pods, `namespace/name`: those on nodes with taints that evict, and those that were."""

from typing import ClassVar

from miniplane.api.errors import StatusError, is_not_found
from miniplane.api.objects import Obj, is_terminating, key_of, split_key
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
        self._since: dict[str, tuple[str, float]] = {}
        """Pods that have to leave some day: uid, and when the waiting began."""

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
        if not self._tainted and not self._since:
            return
        pod = new or old
        assert pod is not None
        if pods.node_name(pod) in self._tainted or key_of(pod) in self._since:
            self.queue.add(key_of(pod))

    async def reconcile(self, key: str) -> Result | None:
        pod = self.pods.get(*split_key(key))
        if pod is None or is_terminating(pod):
            self._since.pop(key, None)
            return None
        uid = pod["metadata"]["uid"]
        patience = plan.patience(pod, self._tainted.get(pods.node_name(pod), []))
        since = self._since.get(key)
        if patience is None:
            if since is not None:
                del self._since[key]
                if since[0] == uid:
                    await self._tell(pod, f"Cancelling deletion of Pod {key}")
            return None
        now = self.clock.time()
        if since is None or since[0] != uid:
            since = self._since[key] = (uid, now)
        left = since[1] + patience - now
        if left > 0:
            # Minutes, usually: nobody should have to wait for it to see a cluster at rest.
            return Result(after=left, background=True)
        await self._evict(key, pod)
        self._since.pop(key, None)
        return None

    async def _tell(self, pod: Obj, text: str) -> None:
        meta = pod["metadata"]
        ref = {
            "apiVersion": "v1",
            "kind": "Pod",
            "name": meta["name"],
            "namespace": meta["namespace"],
        }
        await self.recorder.event(ref, "Normal", "TaintManagerEviction", text)

    async def _evict(self, key: str, pod: Obj) -> None:
        await self._tell(pod, f"Marking for deletion Pod {key}")
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
