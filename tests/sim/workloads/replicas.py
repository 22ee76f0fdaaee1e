"""What sets of like pods promise: ReplicaSets and ReplicationControllers."""

from typing import Any

from miniplane.api.objects import Obj, controller_of
from miniplane.api.resources import NODES, PODS, REPLICA_SETS, REPLICATION_CONTROLLERS, Resource
from tests.sim.workloads.trouble import alive, name_of, ready

KINDS: dict[str, Resource] = {
    "ReplicaSet": REPLICA_SETS,
    "ReplicationController": REPLICATION_CONTROLLERS,
}


class Pods:
    """Never a pod too many, never one too few, and the worst ones go first. For `sim.judge`."""

    def __init__(self, sim: Any) -> None:
        self.sim = sim
        self._asked: dict[str, None] = {}
        """Uids of pods that somebody tried to delete."""
        self._sizes: dict[str, list[int]] = {}
        """By uid of a set: its sizes at the moment of the last change."""
        self._resized = 0.0

    def judge(self, call: Any) -> None:
        if (
            call.resource is not PODS
            or call.subresource
            or call.manager != "kube-controller-manager"
        ):
            return
        if call.verb == "create":
            self._creates(call.body)
        elif call.verb == "delete":
            pod = self.sim.get(PODS, call.name)
            if pod is not None:
                self._deletes(pod)
                self._asked[pod["metadata"]["uid"]] = None

    def written(self, key: str, before: Obj | None, after: Obj | None) -> None:
        """For `sim.on_write`: what is scaled by one controller while another is about to act on
        it may go by the size that it has, or by that which it had."""
        if not key.startswith(("replicasets.apps/", "replicationcontrollers/")):
            return
        if before is None or after is None:
            return
        old, new = before["spec"]["replicas"], after["spec"]["replicas"]
        if old != new:
            if self._resized < self.sim.clock.time():
                self._resized = self.sim.clock.time()
                self._sizes.clear()
            self._sizes.setdefault(after["metadata"]["uid"], []).append(old)

    def sizes(self, owner: Obj) -> list[int]:
        """The sizes that a controller may take for the present one."""
        present = [owner["spec"]["replicas"]]
        if self._resized < self.sim.clock.time():
            return present
        return present + self._sizes.get(owner["metadata"]["uid"], [])

    def owner(self, pod: Obj) -> Obj | None:
        ref = controller_of(pod)
        if ref is None or ref["kind"] not in KINDS:
            return None
        found: Obj | None = self.sim.get(KINDS[ref["kind"]], ref["name"])
        return found if found is not None and found["metadata"]["uid"] == ref["uid"] else None

    def _creates(self, pod: Obj) -> None:
        ref = controller_of(pod)
        if ref is None or ref["kind"] not in KINDS or self.sim.storm:
            return
        owner = self.owner(pod)
        if owner is None or "deletionTimestamp" in owner["metadata"]:
            self.sim.complain(f"{ref['name']} gets a pod, but is on its way out")
            return
        there = [p for p in self.sim.pods_of(owner) if alive(p)]
        if len(there) >= max(self.sizes(owner)):
            self.sim.complain(f"{ref['name']} gets a pod beside {[name_of(p) for p in there]}")

    def _deletes(self, pod: Obj) -> None:
        owner = self.owner(pod)
        if owner is None or "deletionTimestamp" in owner["metadata"] or self.sim.storm:
            return
        if not alive(pod) or not self._well(pod):
            return
        there = [p for p in self.sim.pods_of(owner) if alive(p)]
        if len(there) <= min(self.sizes(owner)):
            self.sim.complain(f"{name_of(pod)} goes, but all {len(there)} are wanted")
        if not min(self.sizes(owner)):
            return  # All of them go, in any order.
        for other in there:
            if rank(other) < rank(pod) and other["metadata"]["uid"] not in self._asked:
                self.sim.complain(f"{name_of(pod)} goes before {name_of(other)}")

    def _well(self, pod: Obj) -> bool:
        """Whether only its owner has a reason to delete a pod: its node is there, and untainted."""
        name = pod["spec"].get("nodeName")
        if not name:
            return True
        node = self.sim.get(NODES, name)
        return node is not None and not node["spec"].get("taints")


def rank(pod: Obj) -> tuple[bool, bool, bool]:
    """What a pod is worth: bound before unbound, running before pending, ready before unready."""
    status = pod.get("status") or {}
    return bool(pod["spec"].get("nodeName")), status.get("phase") == "Running", ready(pod)
