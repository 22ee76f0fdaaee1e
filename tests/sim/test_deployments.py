"""Deployments in a whole cluster: from the Deployment down to pods that a kubelet runs."""

import random
from typing import Any

import pytest

from miniplane.api.objects import Obj, annotations_of
from miniplane.api.resources import DEPLOYMENTS, EVENTS, NODES, PODS, REPLICA_SETS
from miniplane.client.protocol import ClientWatch
from miniplane.controllers import pods as podinfo
from miniplane.testing import faults, objects
from miniplane.testing.harness import Harness, cluster

REVISION = "deployment.kubernetes.io/revision"


async def set_image(c: Harness, image: str, name: str = "web") -> None:
    containers = [{"name": "main", "image": image}]
    patch = {"spec": {"template": {"spec": {"containers": containers}}}}
    await c.client.patch(DEPLOYMENTS, name, patch, "default")


async def patch(c: Harness, **spec: Any) -> None:
    await c.client.patch(DEPLOYMENTS, "web", {"spec": spec}, "default")


async def status(c: Harness) -> Obj:
    return (await c.client.get(DEPLOYMENTS, "web", "default"))["status"]


async def images(c: Harness) -> dict[str, int]:
    """How many pods there are of each image."""
    found: dict[str, int] = {}
    for pod in await c.pods():
        image = pod["spec"]["containers"][0]["image"]
        found[image] = found.get(image, 0) + 1
    return found


async def sizes(c: Harness) -> dict[str, int]:
    """The size of each ReplicaSet, by revision."""
    found = await c.list(REPLICA_SETS)
    return {annotations_of(rs)[REVISION]: rs["spec"]["replicas"] for rs in found}


class Pods:
    """Follows all pods by a watch: how many were there, and how many available, at every write.
    `mixed` counts the writes after which pods of several images ran, or were yet to stop."""

    def __init__(self, watch: ClientWatch):
        self.watch = watch
        self.pods: dict[str, Obj] = {}
        self.most, self.least, self.mixed = 0, 1_000, 0
        self.order: list[tuple[str, str]] = []

    async def see(self) -> None:
        for event in await self.watch.next(0):
            assert event.handle is not None
            pod = event.handle.obj
            name = pod["metadata"]["name"]
            if event.type == "DELETED":
                self.pods.pop(name, None)
            else:
                self.pods[name] = pod
            if event.type in ("ADDED", "DELETED"):
                self.order.append((event.type, pod["spec"]["containers"][0]["image"]))
            running = [p for p in self.pods.values() if not podinfo.is_terminal(p)]
            self.mixed += len({p["spec"]["containers"][0]["image"] for p in running}) > 1
            lives = [p for p in self.pods.values() if podinfo.is_active(p)]
            self.most = max(self.most, len(lives))
            self.least = min(self.least, sum(podinfo.is_ready(p) for p in lives))


async def follow(c: Harness) -> Pods:
    listed = await c.client.list(PODS)
    pods = Pods(await c.client.watch(PODS, "default", resource_version=listed.resource_version))
    pods.pods = {handle.obj["metadata"]["name"]: handle.obj for handle in listed.items}
    return pods


async def test_create_scale_and_delete() -> None:
    async with cluster(pod_startup=1.0) as c:
        await c.client.create(DEPLOYMENTS, objects.deployment("web", replicas=3))
        await c.settle()
        found = await status(c)
        assert (found["availableReplicas"], found["updatedReplicas"]) == (3, 3)
        assert {pod["spec"]["nodeName"] for pod in await c.pods()} == {"node-1", "node-2", "node-3"}
        await patch(c, replicas=5)
        await c.settle()
        assert len(await c.pods()) == 5
        await patch(c, replicas=0)
        await c.settle()
        assert await c.pods() == []
        assert (await status(c))["terminatingReplicas"] == 0
        await c.client.delete(DEPLOYMENTS, "web", "default")
        await c.settle()
        assert await c.list(REPLICA_SETS) == []


STRATEGIES = [(1, 0), (0, 1), (1, 1), ("25%", "25%"), ("100%", "0%")]


@pytest.mark.parametrize(("surge", "unavailable"), STRATEGIES)
async def test_a_rollout_never_leaves_its_bounds(surge: Any, unavailable: Any) -> None:
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    strategy = {"type": "RollingUpdate", "rollingUpdate": rolling}
    async with cluster(pod_startup=1.0) as c:
        body = objects.deployment("web", replicas=4, strategy=strategy, minReadySeconds=2)
        await c.client.create(DEPLOYMENTS, body)
        await c.settle()
        pods = await follow(c)
        await set_image(c, "v2")
        await c.settle()
        await pods.see()
        assert await images(c) == {"v2": 4}
        extra = {"25%": 1, "100%": 4, "0%": 0}
        assert pods.most <= 4 + extra.get(surge, surge)
        assert pods.least >= 4 - extra.get(unavailable, unavailable)
        assert (await status(c))["availableReplicas"] == 4


async def test_undo_uses_the_old_replicaset() -> None:
    async with cluster() as c:
        await c.client.create(DEPLOYMENTS, objects.deployment("web", replicas=2))
        await c.settle()
        first = {rs["metadata"]["uid"] for rs in await c.list(REPLICA_SETS)}
        await set_image(c, "v2")
        await c.settle()
        assert await sizes(c) == {"1": 0, "2": 2}
        await set_image(c, objects.IMAGE)
        await c.settle()
        assert await sizes(c) == {"2": 0, "3": 2}
        assert first <= {rs["metadata"]["uid"] for rs in await c.list(REPLICA_SETS)}
        assert await images(c) == {objects.IMAGE: 2}


async def test_history_is_limited() -> None:
    async with cluster() as c:
        body = objects.deployment("web", replicas=1, revisionHistoryLimit=2)
        await c.client.create(DEPLOYMENTS, body)
        for number in range(5):
            await set_image(c, f"v{number}")
            await c.settle()
        assert await sizes(c) == {"3": 0, "4": 0, "5": 1}


async def test_pause_gathers_changes_and_scales() -> None:
    async with cluster() as c:
        await c.client.create(DEPLOYMENTS, objects.deployment("web", replicas=2))
        await c.settle()
        await patch(c, paused=True)
        await set_image(c, "v2")
        await set_image(c, "v3")
        await patch(c, replicas=4)
        await c.settle()
        assert await images(c) == {objects.IMAGE: 4}
        await patch(c, paused=None)
        await c.settle()
        assert await images(c) == {"v3": 4}
        assert await sizes(c) == {"1": 0, "2": 4}


async def test_recreate_stops_all_old_pods_first() -> None:
    async with cluster(pod_startup=1.0) as c:
        body = objects.deployment("web", replicas=3, strategy={"type": "Recreate"})
        await c.client.create(DEPLOYMENTS, body)
        await c.settle()
        pods = await follow(c)
        await set_image(c, "v2")
        await c.settle()
        await pods.see()
        # What has ended may still be there; at no time does anything run beside the new pods.
        assert sorted(pods.order) == [("ADDED", "v2")] * 3 + [("DELETED", objects.IMAGE)] * 3
        assert pods.most == 3
        assert pods.mixed == 0


async def test_a_rollout_that_cannot_be_scheduled_is_late_and_can_be_undone() -> None:
    async with cluster() as c:
        body = objects.deployment("web", replicas=4, progressDeadlineSeconds=60)
        await c.client.create(DEPLOYMENTS, body)
        await c.settle()
        await patch(c, template={"spec": {"nodeSelector": {"no": "such"}}})
        await c.settle()
        found = await status(c)
        assert (found["availableReplicas"], found["updatedReplicas"]) == (3, 2)
        await c.advance(70)
        told = {x["type"]: x["reason"] for x in (await status(c))["conditions"]}
        assert told["Progressing"] == "ProgressDeadlineExceeded"
        await patch(c, template={"spec": {"nodeSelector": None}})
        await c.settle()
        found = await status(c)
        assert (found["availableReplicas"], found["replicas"]) == (4, 4)
        assert {x["type"]: x["reason"] for x in found["conditions"]} == {
            "Available": "MinimumReplicasAvailable",
            "Progressing": "NewReplicaSetAvailable",
        }


async def test_pods_of_a_lost_node_are_replaced() -> None:
    async with cluster(nodes=2) as c:
        await c.client.create(DEPLOYMENTS, objects.deployment("web", replicas=4))
        await c.settle()
        await c.client.patch(
            NODES, "node-2", {"spec": {"taints": [{"key": "down", "effect": "NoExecute"}]}}
        )
        await c.settle()
        assert {pod["spec"]["nodeName"] for pod in await c.pods()} == {"node-1"}
        assert (await status(c))["availableReplicas"] == 4


@pytest.mark.parametrize("seed", range(8))
async def test_in_any_weather_a_deployment_gets_there(seed: int) -> None:
    """Every controller's client fails now and then, also after the write was done."""
    rng = random.Random(seed)
    async with cluster(seed=seed, pod_startup=1.0) as c:
        weather = faults.weather(c.ids.fork("weather"), rate=0.08)
        for controller in c.cluster.manager.controllers:
            if controller.manager == "kube-controller-manager":
                controller.client = faults.FaultClient(controller.client, plan=weather)
        await c.client.create(DEPLOYMENTS, objects.deployment("web", replicas=4))
        for _ in range(12):
            act = rng.random()
            if act < 0.4:
                await set_image(c, f"v{rng.randrange(3)}")
            elif act < 0.7:
                await patch(c, replicas=rng.randint(0, 8))
            elif act < 0.8:
                pods = await c.pods()
                if pods:
                    await c.client.delete(PODS, rng.choice(pods)["metadata"]["name"], "default")
            else:
                await c.advance(rng.random() * 5)
        await c.settle()
        deployment = await c.client.get(DEPLOYMENTS, "web", "default")
        wanted = deployment["spec"]["replicas"]
        image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
        assert await images(c) == ({image: wanted} if wanted else {})
        found = deployment["status"]
        for key in ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"):
            assert found.get(key, 0) == wanted
        assert found["observedGeneration"] == deployment["metadata"]["generation"]


async def test_the_same_seed_gives_the_same_run() -> None:
    async def run() -> list[tuple[str, str]]:
        async with cluster(seed=11, pod_startup=1.0) as c:
            await c.client.create(DEPLOYMENTS, objects.deployment("web", replicas=5))
            await c.settle()
            await set_image(c, "v2")
            await c.settle()
            events = await c.list(EVENTS)
            return [(e["metadata"]["name"], e.get("message", "")) for e in events]

    assert await run() == await run()
