"""StatefulSets in a whole cluster, edited by users, in bad weather."""

from typing import Any

import pytest

from miniplane.api.objects import Obj, controller_of
from miniplane.api.resources import PERSISTENT_VOLUME_CLAIMS, PODS, STATEFUL_SETS
from miniplane.testing import objects

CLAIM = {
    "metadata": {"name": "data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}
REVISION = "controller-revision-hash"


def ordinal(name: str) -> int:
    return int(name.rpartition("-")[2])


class Judge:
    """What a StatefulSet promises, held against what its controller is about to do."""

    def __init__(self, sim) -> None:
        self.sim = sim
        self.keeps_claims = True
        sim.judge = self.judge
        sim.on_write = self.write

    @property
    def set(self) -> Obj:
        found = self.sim.get(STATEFUL_SETS, "web")
        assert found is not None
        return found

    def wanted(self) -> range:
        spec = self.set["spec"]
        start = (spec.get("ordinals") or {}).get("start", 0)
        return range(start, start + spec["replicas"])

    def judge(self, call: Any) -> None:
        if call.resource is not PODS or call.subresource or call.namespace != "default":
            return
        if call.verb == "create":
            owner = controller_of(call.body)
            if owner is not None and owner["kind"] == "StatefulSet":
                self.creates(call.name)
        elif call.verb == "delete" and call.manager == "kube-controller-manager":
            pod = self.sim.get(PODS, call.name)
            if pod is not None:
                self.deletes(call.name, pod)

    def creates(self, name: str) -> None:
        if self.set["spec"]["podManagementPolicy"] != "OrderedReady":
            return
        for lower in range(self.wanted().start, ordinal(name)):
            if not self.sim.seems_fine(f"web-{lower}"):
                self.sim.complain(f"{name} is created, but web-{lower} is not ready")

    def deletes(self, name: str, pod: Obj) -> None:
        if pod["status"]["phase"] in ("Failed", "Succeeded"):
            return
        if "deletionTimestamp" in pod["metadata"] or self.sim.storm:
            return
        spec, number, wanted = self.set["spec"], ordinal(name), self.wanted()
        ordered = spec["podManagementPolicy"] == "OrderedReady"
        others = {ordinal(p["metadata"]["name"]): p for p in self.sim.pods_of(self.set)}
        if number not in wanted:
            if not ordered:
                return
            for other in others:
                if other > number and other not in wanted:
                    self.sim.complain(f"{name} is taken down before web-{other}")
            for other in wanted:
                if not self.sim.seems_fine(f"web-{other}"):
                    self.sim.complain(f"{name} is taken down while web-{other} is not ready")
            return
        rolling = spec["updateStrategy"].get("rollingUpdate") or {}
        if spec["updateStrategy"]["type"] != "RollingUpdate":
            self.sim.complain(f"{name} is replaced, but that is for the user to do")
        if number < wanted.start + rolling.get("partition", 0):
            self.sim.complain(f"{name} is replaced, but stands below the partition")
        revision = pod["metadata"]["labels"][REVISION]
        for other in range(number + 1, wanted.stop):
            there = others.get(other)
            if there is None or not self.sim.seems_fine(f"web-{other}"):
                self.sim.complain(f"{name} is replaced while web-{other} is not ready")
            elif there["metadata"]["labels"][REVISION] == revision:
                self.sim.complain(f"{name} is replaced before web-{other}")

    def write(self, key: str, before: Obj | None, after: Obj | None) -> None:
        if key.startswith("persistentvolumeclaims/") and after is None and self.keeps_claims:
            self.sim.complain(f"{key} is gone, but was to be retained")
        if key.startswith("pods/default/") and before is None:
            name = key.rpartition("/")[2]
            owner = controller_of(after or {"metadata": {}})
            if owner is not None and name.rpartition("-")[0] != owner["name"]:
                self.sim.complain(f"{name} is not one of {owner['name']}")


async def edit(sim, judge: Judge) -> None:
    """One thing that a user may do."""
    change = sim.random.choice(
        ("scale", "scale", "image", "image", "pod", "pod", "partition", "start", "nothing")
    )
    patch: Obj = {}
    if change == "scale":
        patch = {"replicas": sim.random.integer(0, 5)}
    elif change == "image":
        await sim.image(STATEFUL_SETS, "web")
    elif change == "pod":
        await sim.hurt_a_pod(judge.set)
    elif change == "partition":
        rolling = {"partition": sim.random.choice((0, 0, 1, 3))}
        patch = {"updateStrategy": {"rollingUpdate": rolling}}
    elif change == "start" and not sim.storm:
        patch = {"ordinals": {"start": sim.random.choice((0, 0, 2))}}
    if patch:
        await sim.patch(STATEFUL_SETS, "web", {"spec": patch})


@pytest.mark.seeds(4, steps=400)
async def test_promises_hold_in_any_weather(sim) -> None:
    policy = sim.random.choice(("OrderedReady", "OrderedReady", "Parallel"))
    scaled = sim.random.choice(("Retain", "Retain", "Delete"))
    made = objects.stateful_set(
        "web",
        replicas=3,
        podManagementPolicy=policy,
        volumeClaimTemplates=[CLAIM],
        persistentVolumeClaimRetentionPolicy={"whenDeleted": "Retain", "whenScaled": scaled},
    )
    await sim.user.create(STATEFUL_SETS, made)
    judge = Judge(sim)
    judge.keeps_claims = scaled == "Retain"
    for _ in sim.turns():
        await sim.pass_time()
        await edit(sim, judge)
    await sim.pass_time()
    await sim.patch(STATEFUL_SETS, "web", {"spec": {"replicas": 3}})
    await sim.rest()
    check_at_rest(sim, judge)


def check_at_rest(sim, judge: Judge) -> None:
    set_ = judge.set
    pods = {pod["metadata"]["name"]: pod for pod in sim.pods_of(set_)}
    assert list(pods) == [f"web-{number}" for number in judge.wanted()]
    assert [p["metadata"]["name"] for p in sim.all(PODS)] == list(pods)
    status = set_["status"]
    assert status["observedGeneration"] == set_["metadata"]["generation"]
    for count in ("replicas", "readyReplicas", "availableReplicas"):
        assert status[count] == 3
    image = set_["spec"]["template"]["spec"]["containers"][0]["image"]
    rolling = set_["spec"]["updateStrategy"].get("rollingUpdate") or {}
    floor = judge.wanted().start + rolling.get("partition", 0)
    for name, pod in pods.items():
        if ordinal(name) >= floor:
            assert pod["spec"]["containers"][0]["image"] == image
            assert pod["metadata"]["labels"][REVISION] == status["updateRevision"]
        claim = sim.get(PERSISTENT_VOLUME_CLAIMS, f"data-{name}")
        assert claim is not None
        assert claim["status"]["phase"] == "Bound"
    if floor == judge.wanted().start:
        assert status["currentRevision"] == status["updateRevision"]
        assert status["updatedReplicas"] == 3


@pytest.mark.seeds(2)
async def test_a_deleted_set_takes_its_pods_along_and_leaves_its_claims(sim) -> None:
    made = objects.stateful_set("web", replicas=3, volumeClaimTemplates=[CLAIM])
    await sim.user.create(STATEFUL_SETS, made)
    sim.begin()
    for _ in range(3):
        await sim.pass_time()
    await sim.user.delete(STATEFUL_SETS, "web", "default")
    await sim.rest()
    assert sim.all(STATEFUL_SETS) == sim.all(PODS) == []
    claims = sim.all(PERSISTENT_VOLUME_CLAIMS)
    assert {claim["metadata"]["name"] for claim in claims} <= {f"data-web-{n}" for n in range(3)}
    await sim.user.create(STATEFUL_SETS, made)
    await sim.rest()
    uids = {claim["metadata"]["uid"] for claim in claims}
    assert uids <= {claim["metadata"]["uid"] for claim in sim.all(PERSISTENT_VOLUME_CLAIMS)}
    assert len(sim.all(PODS)) == 3
