"""Ranges of cluster addresses that users add and delete."""

import ipaddress

import pytest

from miniplane import testing
from miniplane.api.errors import StatusError
from miniplane.api.resources import SERVICES
from miniplane.controllers.servicecidr import plan
from miniplane.controllers.servicecidr.controller import IP_ADDRESSES, SERVICE_CIDRS

TINY = "10.50.0.0/29"


async def add(c, name, *cidrs):
    await c.client.create(SERVICE_CIDRS, {"metadata": {"name": name}, "spec": {"cidrs": [*cidrs]}})
    await c.settle()


async def ready(c, name):
    cidr = await c.client.get(SERVICE_CIDRS, name)
    (condition,) = cidr["status"]["conditions"]
    return condition["status"], condition.get("reason", ""), condition["message"]


async def names(c):
    return [cidr["metadata"]["name"] for cidr in await c.list(SERVICE_CIDRS)]


async def serve(c, name, address=""):
    spec = {"ports": [{"port": 80}], **({"clusterIP": address} if address else {})}
    metadata = {"name": name, "namespace": "default"}
    made = await c.client.create(SERVICES, {"metadata": metadata, "spec": spec})
    return made["spec"]["clusterIP"]


async def test_a_range_becomes_ready_and_gives_addresses():
    async with testing.cluster(nodes=0) as c:
        with pytest.raises(StatusError, match="does not match the current range"):
            await serve(c, "a", "10.50.0.3")
        await add(c, "more", TINY)
        assert await ready(c, "more") == ("True", "", plan.READY)
        cidr = await c.client.get(SERVICE_CIDRS, "more")
        assert cidr["metadata"]["finalizers"] == [plan.FINALIZER]
        applied = [
            (entry["manager"], entry["operation"], entry.get("subresource", ""))
            for entry in cidr["metadata"]["managedFields"]
            if entry["operation"] == "Apply"
        ]
        assert applied == [("service-cidr-controller", "Apply", "status")]
        assert await serve(c, "a", "10.50.0.3") == "10.50.0.3"
        assert "10.50.0.3" in [a["metadata"]["name"] for a in await c.list(IP_ADDRESSES)]
        with pytest.raises(StatusError, match="does not match the current range"):
            await serve(c, "b", "10.50.0.0")


async def test_when_one_range_is_full_the_next_one_helps():
    async with testing.cluster(nodes=0, service_cidr=TINY) as c:
        # One of six is the API server's.
        mine = [await serve(c, f"s{i}") for i in range(5)]
        assert all(ipaddress.ip_address(ip) in ipaddress.ip_network(TINY) for ip in mine)
        with pytest.raises(StatusError, match="range is full"):
            await serve(c, "late")
        await add(c, "more", "10.60.0.0/24", "fd00::/112")
        assert (await serve(c, "late")).startswith("10.60.0.")


async def test_a_range_stays_as_long_as_somebody_has_an_address_of_it():
    async with testing.cluster(nodes=0) as c:
        await add(c, "more", TINY)
        await serve(c, "a", "10.50.0.3")
        await c.client.delete(SERVICE_CIDRS, "more")
        await c.settle()
        assert await ready(c, "more") == ("False", "Terminating", plan.IN_USE)
        with pytest.raises(StatusError, match="does not match the current range"):
            await serve(c, "b", "10.50.0.4")
        await c.client.delete(SERVICES, "a", "default")
        await c.settle()
        assert await names(c) == ["kubernetes"]


async def test_a_range_goes_at_once_where_a_wider_one_has_its_addresses():
    async with testing.cluster(nodes=0) as c:
        await add(c, "narrow", TINY)
        await serve(c, "a", "10.50.0.3")
        await c.client.delete(SERVICE_CIDRS, "narrow")
        await c.settle()
        assert await names(c) == ["kubernetes", "narrow"]
        await add(c, "wide", "10.50.0.0/16")
        await c.settle()
        assert await names(c) == ["kubernetes", "wide"]
        with pytest.raises(StatusError, match="already allocated"):
            await serve(c, "b", "10.50.0.3")


def cidr(*ranges, deleted=False):
    metadata = {"name": "x", "finalizers": [plan.FINALIZER]}
    if deleted:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return {"metadata": metadata, "spec": {"cidrs": list(ranges)}}


@pytest.mark.parametrize(
    "others, addresses, expected",
    [
        ([], [], plan.DropFinalizer()),
        ([], ["10.50.0.3"], plan.Tell("False", "Terminating", plan.IN_USE)),
        ([], ["10.51.0.3", "10.50.0.0", "10.50.0.7"], plan.DropFinalizer()),
        ([cidr("10.50.0.0/24")], ["10.50.0.3"], plan.DropFinalizer()),
        ([cidr("10.50.0.0/30")], ["10.50.0.2"], plan.DropFinalizer()),
        ([cidr("10.50.0.0/30")], ["10.50.0.3"], plan.Tell("False", "Terminating", plan.IN_USE)),
    ],
)
def test_when_a_deleted_range_may_go(others, addresses, expected):
    deleted = cidr(TINY, deleted=True)
    assert plan.plan(deleted, others, addresses, deleted_for=11) == [expected]


def test_a_deleted_range_lingers():
    deleted = cidr(TINY, deleted=True)
    assert plan.plan(deleted, [], [], deleted_for=4) == [plan.Wait(6)]
