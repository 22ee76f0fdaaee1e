"""The controller on a real registry; the tests play the ReplicaSet controller."""

from typing import Any

import pytest

from miniplane.api import errors
from miniplane.api.objects import Obj
from miniplane.api.options import DeleteOptions
from miniplane.api.resources import DEPLOYMENTS, EVENTS, PODS, REPLICA_SETS
from miniplane.controllers.deployment import replicasets as sets
from miniplane.testing import faults, objects
from miniplane.testing.harness import Harness, cluster


class Stage:
    def __init__(self, harness: Harness):
        self.c = harness
        self.client = harness.client

    async def create(self, replicas: int = 2, **spec: Any) -> Obj:
        made = await self.client.create(
            DEPLOYMENTS, objects.deployment("web", replicas=replicas, **spec)
        )
        await self.c.settle()
        return made

    async def patch(self, **spec: Any) -> None:
        await self.client.patch(DEPLOYMENTS, "web", {"spec": spec}, "default")
        await self.c.settle()

    async def image(self, image: str) -> None:
        containers = [{"name": "main", "image": image}]
        await self.patch(template={"spec": {"containers": containers}})

    async def deployment(self) -> Obj:
        return await self.client.get(DEPLOYMENTS, "web", "default")

    async def sets(self) -> list[Obj]:
        """The ReplicaSets by their revision."""
        return sorted(await self.c.list(REPLICA_SETS), key=sets.revision_of)

    async def count(self, replica_set: Obj, **counts: int) -> None:
        """Report a status, as the ReplicaSet's controller would."""
        name = replica_set["metadata"]["name"]
        fresh = await self.client.get(REPLICA_SETS, name, "default")
        status = {"observedGeneration": fresh["metadata"]["generation"], "replicas": 0, **counts}
        await self.client.update(REPLICA_SETS, {**fresh, "status": status}, subresource="status")
        await self.c.settle()

    async def all_available(self) -> None:
        for _ in range(20):
            behind = [
                rs
                for rs in await self.sets()
                if (rs["status"].get("replicas", 0), rs["status"].get("availableReplicas", 0))
                != (rs["spec"]["replicas"],) * 2
                or rs["status"].get("observedGeneration") != rs["metadata"]["generation"]
            ]
            if not behind:
                return
            for rs in behind:
                size = rs["spec"]["replicas"]
                await self.count(rs, replicas=size, readyReplicas=size, availableReplicas=size)
        raise AssertionError("no end of it")

    async def conditions(self) -> dict[str, tuple[str, str]]:
        found = (await self.deployment())["status"]["conditions"]
        return {c["type"]: (c["status"], c["reason"]) for c in found}

    async def events(self) -> list[str]:
        return [f"{e['reason']}: {e['message']}" for e in await self.c.list(EVENTS)]


@pytest.fixture
async def stage():
    async with cluster(nodes=0, controllers="deployment-controller") as harness:
        yield Stage(harness)


async def test_a_new_deployment(stage: Stage) -> None:
    watch = await stage.client.watch(DEPLOYMENTS, "default", resource_version="")
    await stage.create()
    (made,) = await stage.sets()
    name = made["metadata"]["name"]
    assert await stage.events() == [f"ScalingReplicaSet: Scaled up replica set {name} from 0 to 2"]
    first, noted, counted = [event.handle.obj for event in await watch.next(0)]
    assert first["status"] == {}
    assert noted["metadata"]["annotations"] == {sets.REVISION: "1"}
    assert [c["message"] for c in noted["status"]["conditions"]] == [
        f'Created new replica set "{name}"'
    ]
    assert "observedGeneration" not in noted["status"]
    assert counted["status"]["unavailableReplicas"] == 2
    assert await stage.conditions() == {
        "Progressing": ("True", "NewReplicaSetCreated"),
        "Available": ("False", "MinimumReplicasUnavailable"),
    }
    await stage.all_available()
    assert await stage.conditions() == {
        "Progressing": ("True", "NewReplicaSetAvailable"),
        "Available": ("True", "MinimumReplicasAvailable"),
    }


async def test_nothing_is_written_when_nothing_is_to_do(stage: Stage) -> None:
    await stage.create()
    await stage.all_available()
    before = (await stage.client.list(PODS)).resource_version
    await stage.client.patch(
        DEPLOYMENTS, "web", {"metadata": {"labels": {"looked": "at"}}}, "default"
    )
    await stage.c.settle()
    after = (await stage.client.list(PODS)).resource_version
    assert int(after) == int(before) + 1


async def test_rollout_and_rollback(stage: Stage) -> None:
    await stage.create()
    await stage.all_available()
    (first,) = await stage.sets()
    await stage.image("v2")
    await stage.all_available()
    old, new = await stage.sets()
    assert old["metadata"]["uid"] == first["metadata"]["uid"]
    assert (old["spec"]["replicas"], new["spec"]["replicas"]) == (0, 2)
    sizes = [message.split(" replica set ")[1] for message in await stage.events()]
    assert sizes == [
        f"{old['metadata']['name']} from 0 to 2",
        f"{new['metadata']['name']} from 0 to 1",
        f"{old['metadata']['name']} from 2 to 1",
        f"{new['metadata']['name']} from 1 to 2",
        f"{old['metadata']['name']} from 1 to 0",
    ]
    await stage.image(objects.IMAGE)
    await stage.all_available()
    left, back = await stage.sets()
    assert back["metadata"]["uid"] == first["metadata"]["uid"]
    annotations = back["metadata"]["annotations"]
    assert (annotations[sets.REVISION], annotations[sets.REVISION_HISTORY]) == ("3", "1")
    assert (left["spec"]["replicas"], back["spec"]["replicas"]) == (0, 2)
    noted = (await stage.deployment())["metadata"]["annotations"]
    assert noted[sets.REVISION] == "3"


async def test_a_stalled_rollout_is_late_after_its_deadline(stage: Stage) -> None:
    await stage.create(progressDeadlineSeconds=30)
    (made,) = await stage.sets()
    await stage.count(made, replicas=2)
    assert (await stage.conditions())["Progressing"] == ("True", "ReplicaSetUpdated")
    await stage.c.advance(25)
    assert (await stage.conditions())["Progressing"] == ("True", "ReplicaSetUpdated")
    await stage.c.advance(7)
    assert (await stage.conditions())["Progressing"] == ("False", "ProgressDeadlineExceeded")


async def test_pause_change_and_resume(stage: Stage) -> None:
    await stage.create()
    await stage.all_available()
    await stage.patch(paused=True)
    await stage.image("v2")
    assert len(await stage.sets()) == 1
    assert (await stage.conditions())["Progressing"] == ("Unknown", "DeploymentPaused")
    assert "updatedReplicas" not in (await stage.deployment())["status"]
    await stage.patch(replicas=5)
    assert [rs["spec"]["replicas"] for rs in await stage.sets()] == [5]
    await stage.patch(paused=False)
    await stage.all_available()
    assert [rs["spec"]["replicas"] for rs in await stage.sets()] == [0, 5]


async def test_recreate_waits_for_pods_to_be_gone(stage: Stage) -> None:
    await stage.create(strategy={"type": "Recreate"})
    await stage.all_available()
    (old,) = await stage.sets()
    ref = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": old["metadata"]["name"],
        "uid": old["metadata"]["uid"],
        "controller": True,
    }
    pod = objects.pod("left", labels={"app": "web"}, nodeName="somewhere")
    pod["metadata"]["ownerReferences"] = [ref]
    await stage.client.create(PODS, pod)
    await stage.image("v2")
    await stage.count(old, replicas=0)
    assert len(await stage.sets()) == 1
    await stage.client.patch(PODS, "left", {"metadata": {"labels": {"still": "there"}}}, "default")
    await stage.c.settle()
    assert len(await stage.sets()) == 1
    options = DeleteOptions(grace_period_seconds=0)
    await stage.client.delete(PODS, "left", "default", options=options)
    await stage.c.settle()
    assert [rs["spec"]["replicas"] for rs in await stage.sets()] == [0, 2]


async def test_orphans_are_adopted_and_strangers_released(stage: Stage) -> None:
    await stage.create()
    (made,) = await stage.sets()
    name = made["metadata"]["name"]
    await stage.client.patch(REPLICA_SETS, name, {"metadata": {"ownerReferences": None}}, "default")
    await stage.c.settle()
    (adopted,) = await stage.sets()
    assert adopted["metadata"]["ownerReferences"][0]["name"] == "web"
    await stage.client.patch(
        REPLICA_SETS, name, {"metadata": {"labels": {"app": "other"}}}, "default"
    )
    await stage.c.settle()
    released = await stage.client.get(REPLICA_SETS, name, "default")
    assert "ownerReferences" not in released["metadata"]


async def test_a_hash_collision_is_resolved_by_counting(stage: Stage) -> None:
    await stage.create(0)
    (made,) = await stage.sets()
    name = made["metadata"]["name"]
    await stage.client.delete(DEPLOYMENTS, "web", "default")
    await stage.client.delete(REPLICA_SETS, name, "default")
    await stage.c.settle()
    stranger = {**made, "metadata": {"name": name, "namespace": "default", "labels": {"a": "b"}}}
    stranger["spec"] = {
        "selector": {"matchLabels": {"a": "b"}},
        "template": objects.template({"a": "b"}),
    }
    stranger.pop("status", None)
    await stage.client.create(REPLICA_SETS, stranger)
    await stage.create(0)
    assert (await stage.deployment())["status"]["collisionCount"] == 1
    names = [rs["metadata"]["name"] for rs in await stage.c.list(REPLICA_SETS)]
    assert len(names) == 2 and name in names


async def test_a_replicaset_that_cannot_be_made_is_told_of(stage: Stage) -> None:
    controller = stage.c.cluster.manager.find("deployment-controller")
    plan = faults.refuse(
        3,
        lambda call: errors.forbidden(REPLICA_SETS, "web", "no more of them"),
        verbs=("create",),
        matches=lambda call: call.resource is REPLICA_SETS,
    )
    controller.client = faults.FaultClient(controller.client, plan=plan)
    seen = []
    watch = await stage.client.watch(DEPLOYMENTS, "default", resource_version="")
    await stage.create(1)
    for event in await watch.next(0):
        for condition in event.handle.obj["status"].get("conditions", ()):
            if condition["type"] == "Progressing" and condition["reason"] not in seen:
                seen.append(condition["reason"])
    assert seen == ["ReplicaSetCreateError", "NewReplicaSetCreated"]
    assert len(await stage.sets()) == 1
    told = [text for text in await stage.events() if text.startswith("ReplicaSetCreateError")]
    assert len(told) == 1 and 'Failed to create new replica set "web-' in told[0]
