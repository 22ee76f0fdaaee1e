"""What becomes of services that are on their way out, of writes that fail, and of too much."""

from typing import Any

import pytest

from miniplane.api.objects import Obj
from miniplane.api.options import DeleteOptions
from miniplane.api.resources import (
    ENDPOINT_SLICES,
    ENDPOINTS,
    EVENTS,
    NODES,
    PODS,
    RESOURCE_QUOTAS,
    SERVICES,
)
from miniplane.testing import objects
from miniplane.testing.harness import Harness, cluster

NAMES = (
    "endpoints-controller,endpointslice-controller,endpointslice-mirroring-controller,"
    "resourcequota-controller"
)


@pytest.fixture
async def c():
    async with cluster(nodes=0, controllers=NAMES) as harness:
        await harness.client.create(NODES, objects.node("n"))
        yield harness


async def add_pod(c: Harness, number: int) -> None:
    pod = objects.pod(f"p{number}", labels={"app": "web"}, nodeName="n")
    await c.client.create(PODS, pod)
    ip = {"podIP": f"10.0.0.{number}", "podIPs": [{"ip": f"10.0.0.{number}"}]}
    status = {"status": {"phase": "Running", **ip}}
    await c.client.patch(PODS, f"p{number}", status, "default", subresource="status")


async def add_service(c: Harness, **metadata: Any) -> None:
    service = objects.service("web", selector={"app": "web"})
    service["metadata"].update(metadata)
    await c.client.create(SERVICES, service)
    await c.settle()


async def pieces(c: Harness) -> list[Obj]:
    return await c.list(ENDPOINT_SLICES, label_selector="kubernetes.io/service-name=web")


async def told(c: Harness, reason: str) -> list[str]:
    return [event["message"] for event in await c.list(EVENTS) if event["reason"] == reason]


async def test_slices_of_a_service_on_its_way_out_are_kept_true_but_not_made(c: Harness) -> None:
    """One with a load balancer waits for its finalizer, and serves until then."""
    await add_service(c, finalizers=["example.com/wait"])
    await add_pod(c, 1)
    await c.settle()
    await c.client.delete(SERVICES, "web", "default")
    await add_pod(c, 2)
    await c.settle()
    (piece,) = await pieces(c)
    assert [e["targetRef"]["name"] for e in piece["endpoints"]] == ["p1", "p2"]
    await c.client.delete(ENDPOINT_SLICES, piece["metadata"]["name"], "default")
    await c.client.delete(PODS, "p2", "default", options=DeleteOptions(grace_period_seconds=0))
    await c.settle()
    assert await pieces(c) == []


async def test_slices_that_cannot_be_written_are_told_of(c: Harness) -> None:
    hard = {"hard": {"count/endpointslices.discovery.k8s.io": "0"}}
    await c.client.create(
        RESOURCE_QUOTAS, {"metadata": {"name": "none"}, "spec": hard}, namespace="default"
    )
    await c.settle()
    service = objects.service("web", selector={"app": "web"})
    await c.client.create(SERVICES, service)
    await c.settle()
    messages = await told(c, "FailedToUpdateEndpointSlices")
    assert messages[0].startswith(
        "Error updating Endpoint Slices for Service default/web: failed to create EndpointSlice "
        'for Service default/web: endpointslices.discovery.k8s.io "web-'
    )
    assert messages[0].endswith("limited: count/endpointslices.discovery.k8s.io=0")
    assert len(messages) <= 10, "tries go on, and are told of together"


async def test_of_each_subset_a_thousand_addresses_are_mirrored(c: Harness) -> None:
    service = objects.service("web")
    service["spec"].pop("selector", None)
    await c.client.create(SERVICES, service)
    four = [f"10.1.{n // 256}.{n % 256}" for n in range(800)]
    six = [f"fd00::{n:x}" for n in range(1, 301)]
    subset = {"addresses": [{"ip": ip} for ip in four + six], "ports": [{"port": 80}]}
    body = {"metadata": {"name": "web", "namespace": "default"}, "subsets": [subset]}
    await c.client.create(ENDPOINTS, body)
    await c.settle()
    found = {piece["addressType"]: len(piece["endpoints"]) for piece in await pieces(c)}
    assert found == {"IPv4": 800, "IPv6": 200}
    assert await told(c, "TooManyAddressesToMirror") == [
        "A max of 1000 addresses can be mirrored to EndpointSlices per Endpoints subset. "
        "100 addresses were skipped"
    ]
