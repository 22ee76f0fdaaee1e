"""ReplicaSets and ReplicationControllers on a real registry; the tests play the kubelet."""

import random
from typing import Any

import pytest

from miniplane.api import errors
from miniplane.api.objects import Obj
from miniplane.api.resources import EVENTS, PODS, REPLICA_SETS, REPLICATION_CONTROLLERS, Resource
from miniplane.testing import faults, objects
from miniplane.testing.harness import Harness, cluster

READY = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
CONTROLLERS = "replicaset-controller,replicationcontroller-controller"


class Stage:
    def __init__(self, harness: Harness):
        self.c = harness
        self.client = harness.client

    async def create(self, replicas: int = 3, **spec: Any) -> Obj:
        body = objects.deployment("web", replicas=replicas, **spec)
        made = await self.client.create(REPLICA_SETS, {**body, "kind": "ReplicaSet"})
        await self.c.settle()
        return made

    async def patch(self, spec: Obj, row: Resource = REPLICA_SETS) -> None:
        await self.client.patch(row, "web", {"spec": spec}, "default")
        await self.c.settle()

    async def ready(self, name: str) -> None:
        status = {"phase": "Running", "conditions": [READY]}
        await self.client.patch(PODS, name, {"status": status}, "default", subresource="status")

    async def names(self) -> list[str]:
        return [pod["metadata"]["name"] for pod in await self.c.pods()]

    async def status(self, row: Resource = REPLICA_SETS) -> Obj:
        return (await self.client.get(row, "web", "default"))["status"]

    async def events(self) -> list[tuple[str, str, str]]:
        return [
            (e["source"]["component"], e["reason"], e["message"]) for e in await self.c.list(EVENTS)
        ]


@pytest.fixture
async def stage():
    async with cluster(nodes=0, controllers=CONTROLLERS) as harness:
        yield Stage(harness)


async def test_pods_are_made_of_the_template(stage: Stage) -> None:
    made = await stage.create(2)
    pods = await stage.c.pods()
    assert len(pods) == 2
    for pod in pods:
        meta = pod["metadata"]
        assert meta["generateName"] == "web-" and meta["name"].startswith("web-")
        assert meta["labels"] == {"app": "web"}
        assert meta["ownerReferences"] == [
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "name": "web",
                "uid": made["metadata"]["uid"],
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ]
    assert await stage.status() == {
        "replicas": 2,
        "fullyLabeledReplicas": 2,
        "terminatingReplicas": 0,
        "observedGeneration": 1,
    }
    told = [("replicaset-controller", "SuccessfulCreate", f"Created pod: {n}") for n in
            await stage.names()]  # fmt: skip
    assert sorted(await stage.events()) == sorted(told)


async def test_scaling_keeps_what_is_ready(stage: Stage) -> None:
    await stage.create(3)
    first, second, third = await stage.names()
    await stage.ready(second)
    await stage.patch({"replicas": 1})
    assert await stage.names() == [second]
    await stage.patch({"replicas": 4})
    assert len(await stage.names()) == 4 and second in await stage.names()
    status = await stage.status()
    assert (status["replicas"], status["readyReplicas"], status["availableReplicas"]) == (4, 1, 1)
    told = [message for _, reason, message in await stage.events() if reason == "SuccessfulDelete"]
    assert sorted(told) == sorted([f"Deleted pod: {first}", f"Deleted pod: {third}"])


async def test_lost_and_finished_pods_are_replaced(stage: Stage) -> None:
    await stage.create(2)
    lost, failed = await stage.names()
    await stage.client.delete(PODS, lost, "default")
    await stage.c.settle()
    assert lost not in await stage.names() and len(await stage.names()) == 2
    status = {"phase": "Failed"}
    await stage.client.patch(PODS, failed, {"status": status}, "default", subresource="status")
    await stage.c.settle()
    assert len(await stage.names()) == 3, "a failed pod is kept, but does not count"
    assert (await stage.status())["replicas"] == 2


async def test_terminating_pods_are_counted_apart(stage: Stage) -> None:
    await stage.create(1, pod_fields={"nodeName": "somewhere"})
    (name,) = await stage.names()
    await stage.client.delete(PODS, name, "default")
    await stage.c.settle()
    status = await stage.status()
    assert (status["replicas"], status["terminatingReplicas"]) == (1, 1)
    assert len(await stage.names()) == 2


async def test_a_pod_is_available_when_it_was_ready_long_enough(stage: Stage) -> None:
    await stage.create(1, minReadySeconds=30)
    (name,) = await stage.names()
    began = stage.c.clock.time()
    condition = {**READY, "lastTransitionTime": stage.c.clock.rfc3339()}
    status = {"phase": "Running", "conditions": [condition]}
    await stage.client.patch(PODS, name, {"status": status}, "default", subresource="status")
    await stage.c.drain()
    assert "availableReplicas" not in await stage.status()
    await stage.c.settle()
    assert (await stage.status())["availableReplicas"] == 1
    assert stage.c.clock.time() - began == 30


async def test_orphans_are_adopted_and_strangers_released(stage: Stage) -> None:
    await stage.client.create(PODS, objects.pod("orphan", labels={"app": "web"}))
    finished = objects.pod("finished", labels={"app": "web"})
    await stage.client.create(PODS, finished)
    await stage.client.patch(
        PODS, "finished", {"status": {"phase": "Succeeded"}}, "default", subresource="status"
    )
    await stage.create(2)
    assert len(await stage.names()) == 3
    orphan = await stage.client.get(PODS, "orphan", "default")
    assert orphan["metadata"]["ownerReferences"][0]["name"] == "web"
    left = await stage.client.get(PODS, "finished", "default")
    assert "ownerReferences" not in left["metadata"]
    await stage.client.patch(PODS, "orphan", {"metadata": {"labels": {"app": "x"}}}, "default")
    await stage.c.settle()
    released = await stage.client.get(PODS, "orphan", "default")
    assert "ownerReferences" not in released["metadata"]
    assert len(await stage.names()) == 4 and (await stage.status())["replicas"] == 2
    await stage.client.patch(PODS, "orphan", {"metadata": {"labels": {"app": "web"}}}, "default")
    await stage.c.settle()
    assert len(await stage.names()) == 3, "one of three was too many"


async def test_nothing_is_written_when_nothing_is_to_do(stage: Stage) -> None:
    await stage.create(2)
    name = (await stage.names())[0]
    before = (await stage.client.list(PODS)).resource_version
    await stage.client.patch(PODS, name, {"metadata": {"annotations": {"a": "b"}}}, "default")
    await stage.client.patch(REPLICA_SETS, "web", {"metadata": {"labels": {"a": "b"}}}, "default")
    await stage.c.settle()
    assert int((await stage.client.list(PODS)).resource_version) == int(before) + 2


async def test_a_refused_pod_is_told_of_and_tried_again(stage: Stage) -> None:
    controller = stage.c.cluster.manager.find("replicaset-controller")
    plan = faults.refuse(
        4,
        lambda call: errors.forbidden(PODS, "web-x", "exceeded quota: few"),
        verbs=("create",),
        matches=lambda call: call.resource is PODS,
    )
    whole = controller.client
    controller.client = faults.FaultClient(whole, plan=plan)
    body = objects.deployment("web", replicas=8)
    await stage.client.create(REPLICA_SETS, {**body, "kind": "ReplicaSet"})
    await stage.c.drain()
    (condition,) = (await stage.status())["conditions"]
    assert (condition["type"], condition["reason"]) == ("ReplicaFailure", "FailedCreate")
    assert condition["message"] == 'pods "web-x" is forbidden: exceeded quota: few'
    refused = [event for event in await stage.events() if event[1] == "FailedCreate"]
    assert refused == [
        (
            "replicaset-controller",
            "FailedCreate",
            'Error creating: pods "web-x" is forbidden: exceeded quota: few',
        )
    ]
    await stage.c.settle()
    assert len(await stage.names()) == 8
    assert "conditions" not in await stage.status()


async def test_hopeless_creations_are_tried_one_at_a_time(stage: Stage) -> None:
    controller = stage.c.cluster.manager.find("replicaset-controller")
    tried = 0

    def refuse(call: faults.Call) -> faults.Fault | None:
        nonlocal tried
        if call.verb == "create" and call.resource is PODS:
            tried += 1
            return faults.Fault(errors.forbidden(PODS, "", "no"))
        return None

    controller.client = faults.FaultClient(controller.client, plan=refuse)
    body = objects.deployment("web", replicas=100)
    await stage.client.create(REPLICA_SETS, {**body, "kind": "ReplicaSet"})
    await stage.c.advance(10)
    assert 5 < tried < 20


async def test_replication_controllers(stage: Stage) -> None:
    template = objects.template({"app": "web"})
    body = {
        "apiVersion": "v1",
        "kind": "ReplicationController",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"replicas": 2, "selector": {"app": "web"}, "template": template},
    }
    await stage.client.create(REPLICATION_CONTROLLERS, body)
    await stage.c.settle()
    first, _ = await stage.names()
    await stage.ready(first)
    await stage.c.settle()
    assert await stage.status(REPLICATION_CONTROLLERS) == {
        "replicas": 2,
        "fullyLabeledReplicas": 2,
        "readyReplicas": 1,
        "availableReplicas": 1,
        "observedGeneration": 1,
    }
    await stage.patch({"replicas": 1}, REPLICATION_CONTROLLERS)
    assert await stage.names() == [first]
    assert {component for component, _, _ in await stage.events()} == {"replication-controller"}


async def test_a_thousand_pods(stage: Stage) -> None:
    await stage.create(1_200)
    assert len(await stage.names()) == 1_200
    for name in await stage.names():
        await stage.ready(name)
    await stage.c.settle()
    assert (await stage.status())["availableReplicas"] == 1_200
    await stage.patch({"replicas": 5})
    assert len(await stage.names()) == 5


@pytest.mark.parametrize("seed", range(6))
async def test_the_count_is_right_whatever_happens(seed: int) -> None:
    """Pods come, go, fail and change hands; the API server has its moods."""
    rng = random.Random(seed)
    async with cluster(nodes=0, seed=seed, controllers=CONTROLLERS) as harness:
        stage = Stage(harness)
        controller = harness.cluster.manager.find("replicaset-controller")
        controller.client = faults.FaultClient(
            controller.client, plan=faults.weather(harness.ids.fork("weather"), rate=0.1)
        )
        await stage.create(4)
        for _ in range(60):
            names = await stage.names()
            act, name = rng.random(), rng.choice(names) if names else ""
            try:
                if act < 0.2:
                    await stage.client.delete(PODS, name, "default")
                elif act < 0.4:
                    await stage.ready(name)
                elif act < 0.5:
                    failed = {"status": {"phase": "Failed"}}
                    await stage.client.patch(PODS, name, failed, "default", subresource="status")
                elif act < 0.65:
                    labels = {"metadata": {"labels": {"app": rng.choice(["web", "other"])}}}
                    await stage.client.patch(PODS, name, labels, "default")
                elif act < 0.8:
                    await stage.patch({"replicas": rng.randint(0, 6)})
                else:
                    await harness.settle()
            except errors.StatusError as error:
                assert error.reason in ("NotFound", "Invalid"), error
        await harness.settle()
        owner = await stage.client.get(REPLICA_SETS, "web", "default")
        uid = owner["metadata"]["uid"]
        mine = [
            pod
            for pod in await harness.pods()
            if pod["metadata"].get("ownerReferences", [{"uid": ""}])[0]["uid"] == uid
        ]
        active = [pod for pod in mine if pod["status"]["phase"] != "Failed"]
        assert len(active) == owner["spec"]["replicas"] == owner["status"]["replicas"]
        assert all(pod["metadata"]["labels"]["app"] == "web" for pod in active)
        controller.pods._check()
        controller.queue._check()
