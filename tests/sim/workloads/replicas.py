"""What sets of like pods promise: ReplicaSets and ReplicationControllers."""

from typing import Any, TypeAlias

from miniplane.api.objects import Obj, controller_of
from miniplane.api.resources import NODES, PODS, REPLICA_SETS, REPLICATION_CONTROLLERS, Resource
from tests.sim.workloads.trouble import alive, name_of, ready

KINDS: dict[str, Resource] = {
    "ReplicaSet": REPLICA_SETS,
    "ReplicationController": REPLICATION_CONTROLLERS,
}


Rank: TypeAlias = tuple[bool, bool, bool]


class Lately:
    """What something has been at this very moment: controllers hear of a write a turn later, so
    they may go by what is, or by that."""

    def __init__(self, sim: Any) -> None:
        self._sim = sim
        self._at = 0.0
        self._was: dict[str, list[Any]] = {}

    def note(self, key: str, was: Any) -> None:
        if self._at < self._sim.clock.time():
            self._at = self._sim.clock.time()
            self._was.clear()
        self._was.setdefault(key, []).append(was)

    def of(self, key: str, present: Any) -> list[Any]:
        if self._at < self._sim.clock.time():
            return [present]
        return [present, *self._was.get(key, ())]


class Pods:
    """Never a pod too many, never one too few, and the worst ones go first. For `sim.judge`."""

    def __init__(self, sim: Any) -> None:
        self.sim = sim
        self._asked: dict[str, None] = {}
        """Uids of pods that somebody tried to delete."""
        self._sizes = Lately(sim)
        """By uid of a set."""
        self._ranks = Lately(sim)
        """By uid of a pod."""

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
        """For `sim.on_write`."""
        if before is None or after is None:
            return
        uid = after["metadata"]["uid"]
        if key.startswith("pods/"):
            if rank(before) != rank(after):
                self._ranks.note(uid, rank(before))
        elif key.startswith(("replicasets.apps/", "replicationcontrollers/")):
            self._sizes.note(uid, before["spec"]["replicas"])

    def sizes(self, owner: Obj) -> list[int]:
        """The sizes that a controller may take for the present one."""
        return self._sizes.of(owner["metadata"]["uid"], owner["spec"]["replicas"])

    def ranks(self, pod: Obj) -> list[Rank]:
        """What a controller may take the pod to be worth."""
        return self._ranks.of(pod["metadata"]["uid"], rank(pod))

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
        worth = min(self.ranks(pod))
        for other in there:
            if max(self.ranks(other)) < worth and other["metadata"]["uid"] not in self._asked:
                self.sim.complain(f"{name_of(pod)} goes before {name_of(other)}")

    def _well(self, pod: Obj) -> bool:
        """Whether only its owner has a reason to delete a pod: its node is there, and untainted."""
        name = pod["spec"].get("nodeName")
        if not name:
            return True
        node = self.sim.get(NODES, name)
        return node is not None and not node["spec"].get("taints")


def rank(pod: Obj) -> Rank:
    """What a pod is worth: bound before unbound, running before pending, ready before unready."""
    status = pod.get("status") or {}
    return bool(pod["spec"].get("nodeName")), status.get("phase") == "Running", ready(pod)
