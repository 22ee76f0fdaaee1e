"""ReplicaSets and ReplicationControllers in a whole cluster, in bad weather."""

from typing import Any

import pytest

from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj, controller_of
from miniplane.api.resources import PODS, REPLICA_SETS, REPLICATION_CONTROLLERS
from miniplane.testing import objects
from tests.sim.workloads import replicas, trouble
from tests.sim.workloads.trouble import STRAY, Trouble, alive, name_of


def a_set(kind: str, sim: Any) -> Obj:
    ready = {"minReadySeconds": sim.random.choice((0, 0, 3))}
    made = objects.deployment("web", replicas=3, pod_fields=trouble.FIELDS, **ready)
    made["kind"] = kind
    if kind == "ReplicationController":
        made["apiVersion"] = "v1"
        made["spec"]["selector"] = made["spec"]["selector"]["matchLabels"]
    return made


async def edit(sim: Any, harm: Trouble, made: Obj) -> None:
    """One thing that a user may do."""
    row = replicas.KINDS[made["kind"]]
    change = sim.random.choice(("scale", "scale", "pod", "pod", "pod", "label", "image", "remake"))
    try:
        if change == "scale":
            size = sim.random.integer(0, 7)
            await sim.patch(row, "web", {"spec": {"replicas": size}})
        elif change == "pod":
            await sim.hurt_a_pod(sim.get(row, "web"))
        elif change == "label":
            await harm.relabel("web")
        elif change == "image":
            await sim.image(row, "web")
        elif sim.random.random() < 0.4:
            await harm.remake(row, made)
    except StatusError as error:
        assert error.code in (404, 409, 422), error


@pytest.mark.seeds(2, steps=600)
@pytest.mark.parametrize("kind", ["ReplicaSet", "ReplicationController"])
async def test_a_set_keeps_its_size(sim: Any, kind: str) -> None:
    made, row = a_set(kind, sim), replicas.KINDS[kind]
    await sim.user.create(row, made)
    promises = replicas.Pods(sim)
    sim.judge, sim.on_write = promises.judge, promises.written
    harm = Trouble(sim)
    for _ in sim.turns():
        await harm.whims()
        await sim.pass_time()
        await edit(sim, harm, made)
        if sim.random.random() < 0.3:
            await harm.nodes()
    await sim.patch(row, "web", {"spec": {"replicas": 4}})

    def check() -> None:
        owner = sim.get(row, "web")
        pods = [pod for pod in sim.pods_of(owner) if alive(pod)]
        assert len(pods) == 4
        for pod in sim.all(PODS):
            ref = controller_of(pod)
            stray = pod["metadata"]["labels"]["app"] == STRAY
            if alive(pod):  # What has ended is not adopted.
                assert (ref is None) == stray, name_of(pod)
            assert ref is None or ref["uid"] == owner["metadata"]["uid"]
            assert "deletionTimestamp" not in pod["metadata"]
        status = dict(owner["status"])
        assert status.pop("terminatingReplicas", 0) == 0
        assert status == {
            "replicas": 4,
            "fullyLabeledReplicas": 4,
            "readyReplicas": 4,
            "availableReplicas": 4,
            "observedGeneration": owner["metadata"]["generation"],
        }

    await harm.mend(check)
    other = REPLICATION_CONTROLLERS if row is REPLICA_SETS else REPLICA_SETS
    assert sim.all(other) == []
