"""Deployments in a whole cluster, on nodes with whims, edited by users, in bad weather."""

from typing import Any

import pytest

from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj, annotations_of, controller_of, thaw
from miniplane.api.resources import DEPLOYMENTS, PODS, REPLICA_SETS
from miniplane.clock import parse_time
from miniplane.controllers.scaling import scaled
from miniplane.testing import objects
from tests.sim.workloads import replicas, trouble
from tests.sim.workloads.trouble import STRAY, Trouble, alive, name_of

HASH = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
DESIRED = "deployment.kubernetes.io/desired-replicas"


def template_of(obj: Obj) -> Obj:
    """A pod template as users write it."""
    template = thaw(obj["spec"]["template"])
    template["metadata"]["labels"].pop(HASH, None)
    return template


def size(replica_set: Obj) -> int:
    found: int = replica_set["spec"]["replicas"]
    return found


def available_of(replica_set: Obj) -> int:
    found: int = (replica_set.get("status") or {}).get("availableReplicas", 0)
    return found


def progressing(deployment: Obj) -> Obj:
    conditions = (deployment.get("status") or {}).get("conditions") or ()
    return next((c for c in conditions if c["type"] == "Progressing"), {})


class Judge:
    """What a Deployment promises, held against what its controller is about to do."""

    def __init__(self, sim: Any) -> None:
        self.sim = sim
        self.pods = replicas.Pods(sim)
        self._available = replicas.Lately(sim)
        """By name of a ReplicaSet how many of its pods are available, as its status tells."""
        self._shared_out = -1.0
        """When a new size was last seen to be shared out. That takes several writes."""
        sim.judge = self.judge
        sim.on_write = self.written

    def deployment(self) -> Obj | None:
        found: Obj | None = self.sim.get(DEPLOYMENTS, "web")
        return found

    def sets(self) -> list[Obj]:
        """The ReplicaSets of the Deployment that is there now."""
        uid = (self.deployment() or {"metadata": {"uid": "-"}})["metadata"]["uid"]
        found = self.sim.all(REPLICA_SETS)
        return [rs for rs in found if (controller_of(rs) or {}).get("uid") == uid]

    def bounds(self, deployment: Obj) -> tuple[int, int]:
        """maxSurge and maxUnavailable, in pods."""
        rolling = deployment["spec"]["strategy"].get("rollingUpdate")
        if rolling is None:
            return 0, deployment["spec"]["replicas"]
        wanted = deployment["spec"]["replicas"]
        surge = scaled(rolling["maxSurge"], wanted, round_up=True)
        unavailable = scaled(rolling["maxUnavailable"], wanted, round_up=False)
        return surge, unavailable if surge or unavailable else 1

    def judge(self, call: Any) -> None:
        self.pods.judge(call)
        if call.resource is not REPLICA_SETS or call.subresource or self.sim.storm:
            return
        if call.verb not in ("create", "update"):
            return
        deployment = self.deployment()
        if deployment is None or (controller_of(call.body) or {}).get("kind") != "Deployment":
            return
        if "deletionTimestamp" in deployment["metadata"]:
            self.sim.complain(f"{name_of(call.body)} is written for what is on its way out")
        before = next((rs for rs in self.sets() if name_of(rs) == name_of(call.body)), None)
        change = size(call.body) - (size(before) if before is not None else 0)
        if change > 0:
            self.grows(deployment, call.body, change)
        elif change < 0:
            assert before is not None
            self.shrinks(deployment, before, -change)

    def is_scaling(self, deployment: Obj) -> bool:
        wanted = str(deployment["spec"]["replicas"])
        noted = [annotations_of(rs).get(DESIRED, wanted) for rs in self.sets() if size(rs)]
        if deployment["spec"].get("paused", False) or any(n != wanted for n in noted):
            self._shared_out = self.sim.clock.time()
        return self._shared_out == self.sim.clock.time()

    def grows(self, deployment: Obj, grown: Obj, by: int) -> None:
        surge, _ = self.bounds(deployment)
        total = sum(map(size, self.sets())) + by
        most = deployment["spec"]["replicas"] + surge
        if total > most:
            self.sim.complain(f"{name_of(grown)} grows, for {total} pods of at most {most}")
        if self.is_scaling(deployment):
            return  # Sizes are shared out then, whatever is old or new.
        if template_of(grown) != template_of(deployment):
            self.sim.complain(f"{name_of(grown)} grows, but is not of the present template")
        if deployment["spec"]["strategy"]["type"] == "Recreate":
            others = [rs for rs in self.sets() if name_of(rs) != name_of(grown)]
            running = [p for rs in others for p in self.sim.pods_of(rs) if not ended(p)]
            if running:
                names = [name_of(pod) for pod in running]
                self.sim.complain(f"{name_of(grown)} grows while {names} still run")

    def shrinks(self, deployment: Obj, shrunk: Obj, by: int) -> None:
        if self.is_scaling(deployment) or deployment["spec"]["strategy"]["type"] == "Recreate":
            return
        sizes = {name_of(rs): size(rs) for rs in self.sets()}
        before = self.available(sizes, lately=False)
        after = self.available({**sizes, name_of(shrunk): size(shrunk) - by}, lately=True)
        _, unavailable = self.bounds(deployment)
        least = deployment["spec"]["replicas"] - unavailable
        if after < min(before, least):
            self.sim.complain(f"{name_of(shrunk)} shrinks: {after} available of {least} at least")

    def available(self, sizes: dict[str, int], *, lately: bool) -> int:
        """How many pods are left that are available, as far as the ReplicaSets tell, or may have
        told lately."""
        total = 0
        for rs in self.sets():
            told = self._available.of(name_of(rs), available_of(rs))
            total += min(sizes[name_of(rs)], max(told) if lately else told[0])
        return total

    def written(self, key: str, before: Obj | None, after: Obj | None) -> None:
        self.pods.written(key, before, after)
        if key.startswith("replicasets.apps/") and before is not None:
            self._available.note(name_of(before), available_of(before))
        if not key.startswith("deployments.apps/") or before is None or after is None:
            return
        was, now = progressing(before), progressing(after)
        late = "ProgressDeadlineExceeded"
        if now.get("reason") == late and was.get("reason") != late:
            passed = self.sim.clock.time() - parse_time(was["lastUpdateTime"])
            if passed < before["spec"]["progressDeadlineSeconds"]:
                self.sim.complain(f"web is given up after {passed} seconds without progress")


def ended(pod: Obj) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Failed", "Succeeded")


def rolling(random: Any) -> Obj:
    surge = random.choice((0, 1, 2, "25%", "50%", "100%"))
    unavailable = random.choice((0, 1, 2, "25%", "50%"))
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable},
    }


def a_deployment(sim: Any, strategy: Obj) -> Obj:
    return objects.deployment(
        "web",
        replicas=4,
        strategy=strategy,
        pod_fields=trouble.FIELDS,
        minReadySeconds=sim.random.choice((0, 0, 3)),
        progressDeadlineSeconds=sim.random.choice((20, 60, 600)),
        revisionHistoryLimit=sim.random.choice((0, 2, 10)),
    )


async def undo(sim: Any) -> None:
    """As `kubectl rollout undo` does: an older template takes the place of the present one."""
    sets = sim.all(REPLICA_SETS)
    deployment = sim.get(DEPLOYMENTS, "web")
    if not sets or deployment is None:
        return
    back = thaw(deployment)
    back["spec"]["template"] = template_of(sim.random.choice(sets))
    await sim.user.update(DEPLOYMENTS, back)


async def relabel_a_set(sim: Any) -> None:
    """A ReplicaSet is taken away from its Deployment, or given back."""
    sets = sim.all(REPLICA_SETS)
    if sets:
        rs = sim.random.choice(sets)
        app = "web" if rs["metadata"]["labels"]["app"] == STRAY else STRAY
        await sim.patch(REPLICA_SETS, name_of(rs), {"metadata": {"labels": {"app": app}}})


async def edit(sim: Any, harm: Trouble, made: Obj) -> None:
    """One thing that a user may do."""
    random = sim.random
    often = ("scale", "scale", "image", "image", "image", "pod", "pod")
    rarely = ("pause", "undo", "label", "set", "bounds", "limits", "remake")
    change = random.choice((*often, *rarely))
    try:
        if change == "scale":
            await sim.patch(DEPLOYMENTS, "web", {"spec": {"replicas": random.integer(0, 8)}})
        elif change == "image":
            await sim.image(DEPLOYMENTS, "web")
        elif change == "pause":
            paused = random.choice((True, None, None))
            await sim.patch(DEPLOYMENTS, "web", {"spec": {"paused": paused}})
        elif change == "undo":
            await undo(sim)
        elif change == "pod":
            sets = [rs for rs in sim.all(REPLICA_SETS) if sim.pods_of(rs)]
            if sets:
                await sim.hurt_a_pod(random.choice(sets))
        elif change == "label":
            await harm.relabel("web")
        elif change == "set" and made["spec"]["strategy"]["type"] == "RollingUpdate" and sim.storm:
            # Sets that come back may be of any size, and nobody promises bounds then. Under
            # Recreate a new size is never shared out between several.
            await relabel_a_set(sim)
        elif change == "bounds" and made["spec"]["strategy"]["type"] == "RollingUpdate":
            await sim.patch(DEPLOYMENTS, "web", {"spec": {"strategy": rolling(random)}})
        elif change == "limits":
            limits = {"minReadySeconds": random.choice((0, 3))}
            await sim.patch(DEPLOYMENTS, "web", {"spec": limits})
        elif change == "remake" and random.random() < 0.3:
            cascades = ("Background", "Foreground", "Orphan") if sim.storm else ("Background",)
            await harm.remake(DEPLOYMENTS, made, cascades)
    except StatusError as error:
        assert error.code in (404, 409, 422), error


@pytest.mark.seeds(2, steps=600)
@pytest.mark.parametrize("strategy", ["RollingUpdate", "Recreate"])
async def test_promises_hold_in_any_weather(sim: Any, strategy: str) -> None:
    recreate = {"type": "Recreate"}
    made = a_deployment(sim, recreate if strategy == "Recreate" else rolling(sim.random))
    await sim.user.create(DEPLOYMENTS, made)
    judge = Judge(sim)
    harm = Trouble(sim)
    for _ in sim.turns():
        await harm.whims()
        await sim.pass_time()
        await edit(sim, harm, made)
        if sim.random.random() < 0.2:
            await harm.nodes()
    await sim.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 4, "paused": None}})
    for rs in sim.all(REPLICA_SETS):
        await sim.patch(REPLICA_SETS, name_of(rs), {"metadata": {"labels": {"app": "web"}}})
    await harm.mend(lambda: check_at_rest(sim, judge))


def check_at_rest(sim: Any, judge: Judge) -> None:
    deployment = judge.deployment()
    assert deployment is not None
    sets = judge.sets()
    assert [name_of(rs) for rs in sim.all(REPLICA_SETS)] == [name_of(rs) for rs in sets]
    [new] = [rs for rs in sets if size(rs)]
    assert template_of(new) == template_of(deployment)
    assert size(new) == 4
    assert annotations_of(new)[DESIRED] == "4"
    revisions = [int(annotations_of(rs)[REVISION]) for rs in sets]
    assert annotations_of(deployment)[REVISION] == annotations_of(new)[REVISION]
    assert int(annotations_of(new)[REVISION]) == max(revisions)
    assert len(sets) - 1 <= deployment["spec"]["revisionHistoryLimit"]
    assert len([pod for pod in sim.pods_of(new) if alive(pod)]) == 4
    uids = [rs["metadata"]["uid"] for rs in sets]
    for pod in sim.all(PODS):
        assert "deletionTimestamp" not in pod["metadata"]
        ref = controller_of(pod)
        if ref is not None:
            assert ref["uid"] in uids, "nobody has it any more"
            assert not alive(pod) or ref["uid"] == new["metadata"]["uid"]
        else:
            labels = pod["metadata"]["labels"]
            gone = all(rs["metadata"]["labels"][HASH] != labels[HASH] for rs in sets)
            assert not alive(pod) or labels["app"] == STRAY or gone
    status = deployment["status"]
    assert status["observedGeneration"] == deployment["metadata"]["generation"]
    for count in ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"):
        assert status[count] == 4, status
    assert "unavailableReplicas" not in status
    found = {c["type"]: (c["status"], c["reason"]) for c in status["conditions"]}
    assert found == {
        "Available": ("True", "MinimumReplicasAvailable"),
        "Progressing": ("True", "NewReplicaSetAvailable"),
    }
