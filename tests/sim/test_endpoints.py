"""Endpoints in a whole cluster: they follow pods, their readiness, and the service."""

import random

import pytest

from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj
from miniplane.api.resources import (
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    ENDPOINTS,
    NODES,
    PODS,
    SERVICES,
)
from miniplane.controllers import pods as podinfo
from miniplane.testing import faults, objects
from miniplane.testing.harness import Harness, cluster

GATE = "example.com/gate"


async def in_endpoints(c: Harness, name: str = "web") -> tuple[list[str], list[str]]:
    """The names of ready and of unready pods in the Endpoints."""
    found = await c.client.get(ENDPOINTS, name, "default")
    ready, unready = [], []
    for subset in found.get("subsets", ()):
        ready += [a["targetRef"]["name"] for a in subset.get("addresses", ())]
        unready += [a["targetRef"]["name"] for a in subset.get("notReadyAddresses", ())]
    return sorted(ready), sorted(unready)


async def slices_of(c: Harness, name: str = "web") -> list[Obj]:
    selector = f"kubernetes.io/service-name={name}"
    return await c.list(ENDPOINT_SLICES, label_selector=selector)


async def in_slices(c: Harness, name: str = "web") -> tuple[list[str], list[str]]:
    endpoints = [e for piece in await slices_of(c, name) for e in piece["endpoints"] or ()]
    ready = [e["targetRef"]["name"] for e in endpoints if e["conditions"]["ready"]]
    unready = [e["targetRef"]["name"] for e in endpoints if not e["conditions"]["ready"]]
    return sorted(ready), sorted(unready)


def web(name: str, **spec: object) -> Obj:
    return objects.pod(name, labels={"app": "web"}, **spec)


async def test_endpoints_follow_pods() -> None:
    async with cluster(pod_startup=1.0) as c:
        await c.client.create(SERVICES, objects.service("web"))
        await c.settle()
        assert await in_endpoints(c) == ([], [])
        (piece,) = await slices_of(c)
        assert not piece["endpoints"]
        await c.client.create(DEPLOYMENTS, objects.deployment("web", replicas=3))
        await c.settle()
        names = [pod["metadata"]["name"] for pod in await c.pods()]
        assert await in_endpoints(c) == await in_slices(c) == (names, [])
        await c.client.delete(DEPLOYMENTS, "web", "default")
        await c.settle()
        assert await in_endpoints(c) == await in_slices(c) == ([], [])
        await c.client.delete(SERVICES, "web", "default")
        await c.settle()
        assert await slices_of(c) == []
        with pytest.raises(StatusError, match="not found"):
            await c.client.get(ENDPOINTS, "web", "default")


async def test_a_pod_is_ready_when_its_gate_opens() -> None:
    async with cluster() as c:
        await c.client.create(SERVICES, objects.service("web"))
        await c.client.create(PODS, web("p", readinessGates=[{"conditionType": GATE}]))
        await c.settle()
        assert await in_endpoints(c) == await in_slices(c) == ([], ["p"])
        gate = {"type": GATE, "status": "True"}
        patch = {"status": {"conditions": [gate]}}
        await c.client.patch(PODS, "p", patch, "default", subresource="status")
        await c.settle()
        assert await in_endpoints(c) == await in_slices(c) == (["p"], [])


async def test_a_pod_that_stops_is_no_longer_ready_but_seen_to_serve() -> None:
    async with cluster(pod_startup=1.0) as c:
        await c.client.create(SERVICES, objects.service("web"))
        await c.client.create(PODS, web("p", terminationGracePeriodSeconds=30))
        await c.settle()
        await c.client.delete(PODS, "p", "default")
        await c.drain()
        assert await in_endpoints(c) == ([], [])
        (piece,) = await slices_of(c)
        assert [e["conditions"] for e in piece["endpoints"]] == [
            {"ready": False, "serving": True, "terminating": True}
        ]
        await c.settle()
        assert await in_slices(c) == ([], [])


async def test_a_selector_that_changes_moves_the_endpoints() -> None:
    async with cluster() as c:
        for color in ("blue", "green"):
            pod = objects.pod(color, labels={"app": "web", "color": color})
            await c.client.create(PODS, pod)
        selector = {"app": "web", "color": "blue"}
        await c.client.create(SERVICES, objects.service("web", selector=selector))
        await c.settle()
        assert await in_endpoints(c) == await in_slices(c) == (["blue"], [])
        for color, expected in (("green", ["green"]), (None, ["blue", "green"])):
            patch = {"spec": {"selector": {"color": color}}}
            await c.client.patch(SERVICES, "web", patch, "default")
            await c.settle()
            assert await in_endpoints(c) == await in_slices(c) == (expected, [])
        await c.client.patch(PODS, "blue", {"metadata": {"labels": {"app": "x"}}}, "default")
        await c.settle()
        assert await in_endpoints(c) == await in_slices(c) == (["green"], [])


async def test_headless_services_know_hostnames() -> None:
    async with cluster() as c:
        service = objects.service("web", clusterIP="None")
        await c.client.create(SERVICES, service)
        await c.client.create(PODS, web("p", hostname="one", subdomain="web"))
        await c.settle()
        found = await c.client.get(ENDPOINTS, "web", "default")
        assert found["metadata"]["labels"]["service.kubernetes.io/headless"] == ""
        assert found["subsets"][0]["addresses"][0]["hostname"] == "one"
        (piece,) = await slices_of(c)
        assert piece["metadata"]["labels"]["service.kubernetes.io/headless"] == ""
        assert piece["endpoints"][0]["hostname"] == "one"


async def test_slices_wait_for_the_node() -> None:
    async with cluster(nodes=0) as c:
        await c.client.create(SERVICES, objects.service("web"))
        await c.client.create(PODS, web("p", nodeName="late"))
        ready = {"type": "Ready", "status": "True"}
        ips = {"podIP": "10.1.1.1", "podIPs": [{"ip": "10.1.1.1"}]}
        status = {"status": {"phase": "Running", "conditions": [ready], **ips}}
        await c.client.patch(PODS, "p", status, "default", subresource="status")
        await c.drain()
        assert await in_slices(c) == ([], [])
        assert await in_endpoints(c) == (["p"], [])
        await c.client.create(NODES, objects.node("late"))
        await c.drain()
        assert await in_slices(c) == (["p"], [])


async def test_what_others_do_to_slices_is_put_right() -> None:
    async with cluster() as c:
        await c.client.create(SERVICES, objects.service("web"))
        await c.client.create(PODS, web("p"))
        await c.settle()
        (piece,) = await slices_of(c)
        name = piece["metadata"]["name"]
        patch = {"endpoints": []}
        await c.client.patch(ENDPOINT_SLICES, name, patch, "default")
        await c.settle()
        assert await in_slices(c) == (["p"], [])
        await c.client.delete(ENDPOINT_SLICES, name, "default")
        await c.client.delete(ENDPOINTS, "web", "default")
        await c.settle()
        assert await in_slices(c) == await in_endpoints(c) == (["p"], [])
        assert len(await slices_of(c)) == 1


async def test_many_pods() -> None:
    async with cluster(nodes=5) as c:
        await c.client.create(SERVICES, objects.service("web"))
        await c.client.create(DEPLOYMENTS, objects.deployment("web", replicas=350))
        await c.settle()
        ready, unready = await in_slices(c)
        assert (len(ready), len(unready)) == (350, 0)
        assert max(len(piece["endpoints"]) for piece in await slices_of(c)) <= 100
        assert await in_endpoints(c) == (ready, [])


@pytest.mark.parametrize("seed", range(6))
async def test_in_any_weather_endpoints_are_right_in_the_end(seed: int) -> None:
    rng = random.Random(seed)
    async with cluster(seed=seed, pod_startup=1.0) as c:
        weather = faults.weather(c.ids.fork("weather"), rate=0.1)
        for controller in c.cluster.manager.controllers:
            if controller.name.startswith(("endpoint", "replicaset", "deployment")):
                controller.client = faults.FaultClient(controller.client, plan=weather)
        await c.client.create(SERVICES, objects.service("web"))
        await c.client.create(DEPLOYMENTS, objects.deployment("web", replicas=5))
        for step in range(25):
            act = rng.random()
            pods = await c.pods()
            if act < 0.3 and pods:
                await c.client.delete(PODS, rng.choice(pods)["metadata"]["name"], "default")
            elif act < 0.5:
                size = {"spec": {"replicas": rng.randint(0, 8)}}
                await c.client.patch(DEPLOYMENTS, "web", size, "default")
            elif act < 0.6:
                labels = {"metadata": {"labels": {"step": str(step)}}}
                await c.client.patch(SERVICES, "web", labels, "default")
            elif act < 0.7:
                for piece in await slices_of(c):
                    await c.client.delete(ENDPOINT_SLICES, piece["metadata"]["name"], "default")
            else:
                await c.advance(rng.random() * 3)
        await c.settle()
        names = sorted(p["metadata"]["name"] for p in await c.pods() if podinfo.is_ready(p))
        assert await in_endpoints(c) == await in_slices(c) == (names, [])
        assert len(await slices_of(c)) == 1
