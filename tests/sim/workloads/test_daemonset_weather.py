"""DaemonSets in a whole cluster, edited by users, in bad weather."""

from typing import Any

import pytest

from miniplane.api.objects import Obj, controller_of, get_path
from miniplane.api.resources import DAEMON_SETS, NODES, PODS
from miniplane.testing import objects

REVISION = "controller-revision-hash"
ZONE = "example.com/zone"


def node_of(pod: Obj) -> str:
    """The node that a daemon's pod is for, bound to it or not."""
    spec = pod["spec"]
    if spec.get("nodeName"):
        return spec["nodeName"]
    path = ("nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms")
    [term] = get_path(spec, "affinity", *path)
    [field] = term["matchFields"]
    return field["values"][0]


def alive(pod: Obj) -> bool:
    done = get_path(pod, "status", "phase", default="") in ("Failed", "Succeeded")
    return not done and "deletionTimestamp" not in pod["metadata"]


class Judge:
    """What a DaemonSet promises, held against what its controller is about to do."""

    def __init__(self, sim) -> None:
        self.sim = sim
        sim.judge = self.judge

    @property
    def set(self) -> Obj:
        found = self.sim.get(DAEMON_SETS, "agent")
        assert found is not None
        return found

    def rolling(self) -> tuple[int, int]:
        """maxUnavailable and maxSurge, as numbers of nodes."""
        rolling = self.set["spec"]["updateStrategy"].get("rollingUpdate") or {}
        return self.scaled(rolling.get("maxUnavailable", 1)), self.scaled(
            rolling.get("maxSurge", 0)
        )

    def scaled(self, limit: int | str) -> int:
        if isinstance(limit, int):
            return limit
        return -(-int(limit.rstrip("%")) * len(self.eligible()) // 100)

    def eligible(self) -> list[str]:
        """The nodes that the set is to run on: of its zone, and without taints that it minds."""
        zone = (self.set["spec"]["template"]["spec"].get("nodeSelector") or {}).get(ZONE)
        found = []
        for node in self.sim.all(NODES):
            metadata, taints = node["metadata"], node["spec"].get("taints") or ()
            minded = [t for t in taints if not t["key"].startswith("node.kubernetes.io/")]
            if not minded and (zone is None or metadata["labels"].get(ZONE) == zone):
                found.append(metadata["name"])
        return found

    def by_node(self) -> dict[str, list[Obj]]:
        found: dict[str, list[Obj]] = {}
        for pod in self.sim.pods_of(self.set):
            found.setdefault(node_of(pod), []).append(pod)
        return found

    def judge(self, call: Any) -> None:
        if call.resource is not PODS or call.subresource or call.namespace != "default":
            return
        if call.verb == "create":
            owner = controller_of(call.body)
            if owner is not None and owner["kind"] == "DaemonSet":
                self.creates(call.body)
        elif call.verb == "delete" and call.manager == "kube-controller-manager":
            pod = self.sim.get(PODS, call.name)
            if pod is not None:
                self.deletes(pod)

    def creates(self, pod: Obj) -> None:
        if self.sim.storm:
            return
        node = node_of(pod)
        there = [p for p in self.by_node().get(node, ()) if alive(p)]
        _, surge = self.rolling()
        if len(there) > (1 if surge else 0):
            self.sim.complain(f"{node} gets another pod beside {[name(p) for p in there]}")
        if node not in self.eligible():
            self.sim.complain(f"{node} gets a pod, but is none of the set's")
        if any(self.sim.seems_fine(name(p)) for p in there):
            under_way = [other for other in self.by_node() if self.surging(other)]
            if len(under_way) + 1 > surge:
                self.sim.complain(f"{node} surges while {under_way} do")

    def deletes(self, pod: Obj) -> None:
        node = node_of(pod)
        if self.sim.storm or not alive(pod) or node not in self.eligible():
            return
        beside = [p for p in self.by_node()[node] if p is not pod and alive(p)]
        if beside:
            return  # One too many, or a newer one that has taken over.
        if self.set["spec"]["updateStrategy"]["type"] != "RollingUpdate":
            self.sim.complain(f"{name(pod)} is replaced, but that is for the user to do")
        if not self.sim.seems_fine(name(pod)):
            return
        unavailable, surge = self.rolling()
        if surge:
            self.sim.complain(f"{name(pod)} goes before another has taken over")
        down = [other for other in self.eligible() if other != node and not self.served(other)]
        if len(down) + 1 > unavailable:
            self.sim.complain(f"{name(pod)} is replaced while {down} are without a pod")

    def surging(self, node: str) -> bool:
        """Whether a pod that is not ready yet stands beside one that is: the others are replaced
        at once, however many there are."""
        there = [pod for pod in self.by_node()[node] if alive(pod)]
        ready = [self.sim.seems_fine(name(pod)) for pod in there]
        return any(ready) and not all(ready)

    def served(self, node: str) -> bool:
        return any(self.sim.seems_fine(name(pod)) for pod in self.by_node().get(node, ()))


def name(pod: Obj) -> str:
    return pod["metadata"]["name"]


async def edit(sim, judge: Judge) -> None:
    """One thing that a user may do."""
    random = sim.random
    change = random.choice(("image", "image", "pod", "pod", "zone", "taint", "place", "limits"))
    node = random.choice([n["metadata"]["name"] for n in sim.all(NODES)])
    if change == "image":
        await sim.image(DAEMON_SETS, "agent")
    elif change == "pod":
        await sim.hurt_a_pod(judge.set)
    elif change == "zone":
        zone = random.choice(("a", "a", "b"))
        await sim.patch(NODES, node, {"metadata": {"labels": {ZONE: zone}}})
    elif change == "taint":
        taint = {"key": "example.com/mine", "effect": "NoSchedule"}
        own = [taint] if random.random() < 0.4 else []
        there = (sim.get(NODES, node) or {})["spec"].get("taints") or []
        kept = [t for t in there if t["key"] != taint["key"]]
        await sim.patch(NODES, node, {"spec": {"taints": [*kept, *own]}})
    elif change == "place":
        selector = random.choice((None, {ZONE: "a"}))
        template = {"spec": {"nodeSelector": selector}}
        await sim.patch(DAEMON_SETS, "agent", {"spec": {"template": template}})
    elif change == "limits":
        rolling = random.choice(
            (
                {"maxUnavailable": 1, "maxSurge": 0},
                {"maxUnavailable": 2, "maxSurge": 0},
                {"maxUnavailable": "50%", "maxSurge": 0},
                {"maxUnavailable": 0, "maxSurge": 1},
            )
        )
        strategy = {"updateStrategy": {"rollingUpdate": rolling}}
        await sim.patch(DAEMON_SETS, "agent", {"spec": strategy})


@pytest.mark.seeds(4, steps=400)
async def test_promises_hold_in_any_weather(sim) -> None:
    for node in sim.all(NODES):
        labels = {ZONE: "a"}
        await sim.patch(NODES, node["metadata"]["name"], {"metadata": {"labels": labels}})
    await sim.user.create(DAEMON_SETS, objects.daemon_set("agent"))
    judge = Judge(sim)
    for _ in sim.turns():
        await sim.pass_time()
        await edit(sim, judge)
    await sim.pass_time()
    if sim.random.random() < 0.7:
        for node in sim.all(NODES):
            await sim.patch(NODES, node["metadata"]["name"], {"spec": {"taints": None}})
    await sim.rest()
    check_at_rest(sim, judge)


def check_at_rest(sim, judge: Judge) -> None:
    set_ = judge.set
    pods = sim.pods_of(set_)
    allowed = judge.eligible()
    by_node = {node_of(pod): pod for pod in pods}
    assert len(by_node) == len(pods), "one pod a node"
    assert sorted(p["metadata"]["name"] for p in sim.all(PODS)) == sorted(map(name, pods))
    # A taint of NoSchedule keeps pods from coming, and lets those stay that are there.
    assert set(allowed) <= set(by_node)
    image = set_["spec"]["template"]["spec"]["containers"][0]["image"]
    for node in allowed:
        assert by_node[node]["spec"]["containers"][0]["image"] == image
    status = set_["status"]
    assert status["observedGeneration"] == set_["metadata"]["generation"]
    if any(node["spec"].get("taints") for node in sim.all(NODES)):
        return  # Such a taint changes the counts, but makes nobody count.
    assert status["desiredNumberScheduled"] == len(allowed)
    assert status.get("numberReady", 0) == len(allowed)
    assert status.get("updatedNumberScheduled", 0) == len(allowed)
    assert status["numberMisscheduled"] == 0
    assert "numberUnavailable" not in status


@pytest.mark.seeds(2)
async def test_pods_are_replaced_only_by_the_user_on_delete(sim) -> None:
    made = objects.daemon_set("agent", updateStrategy={"type": "OnDelete"})
    await sim.user.create(DAEMON_SETS, made)
    judge = Judge(sim)
    sim.begin()
    for _ in range(6):
        await sim.pass_time()
        await sim.image(DAEMON_SETS, "agent")
    for node in judge.eligible():
        [old] = [p for p in judge.by_node()[node] if alive(p)]
        await sim.delete_pod(old)
        await sim.pass_time()
    await sim.rest()
    image = judge.set["spec"]["template"]["spec"]["containers"][0]["image"]
    for pods in judge.by_node().values():
        [pod] = pods
        assert pod["spec"]["containers"][0]["image"] == image
