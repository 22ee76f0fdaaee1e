"""IPAddress objects come and go with the addresses of services."""

import pytest

from miniplane import testing
from miniplane.api.resources import NAMESPACES, SERVICES
from miniplane.registry.ipaddresses import IP_ADDRESSES
from miniplane.testing import objects


def service(name="web", **spec):
    return objects.service(name, **spec)


def address_object(name, service_name="web"):
    parent = {"resource": "services", "namespace": "default", "name": service_name}
    return {"metadata": {"name": name}, "spec": {"parentRef": parent}}


def test_a_service_has_an_object_for_its_address(world):
    address = world.create(SERVICES, service())["spec"]["clusterIP"]
    [name] = world.names(IP_ADDRESSES, "")
    assert name == address
    made = world.get(IP_ADDRESSES, address)
    assert made["metadata"]["labels"] == {
        "ipaddress.kubernetes.io/ip-family": "IPv4",
        "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
    }
    assert made["spec"]["parentRef"] == {
        "resource": "services",
        "namespace": "default",
        "name": "web",
    }
    assert made["metadata"]["managedFields"][0]["manager"] == "kube-apiserver"
    world.delete(SERVICES, "web")
    assert world.names(IP_ADDRESSES, "") == []


@pytest.mark.parametrize(
    "spec", [{"clusterIP": "None"}, {"type": "ExternalName", "externalName": "a.b"}]
)
def test_services_without_an_address_have_none(world, spec):
    world.create(SERVICES, service(**spec))
    assert world.names(IP_ADDRESSES, "") == []


def test_nothing_is_made_for_dry_runs_and_refusals(world):
    with world.untouched():
        world.create(SERVICES, service(), dry_run=True)
    with world.refused(422, "Invalid"):
        world.create(SERVICES, service(clusterIP="10.0.0.1"))
    assert world.names(IP_ADDRESSES, "") == []


def test_the_object_follows_the_type(world):
    world.create(SERVICES, service())
    named = {"spec": {"type": "ExternalName", "externalName": "a.b"}}
    world.patch(SERVICES, "web", named)
    assert world.names(IP_ADDRESSES, "") == []
    back = {"spec": {"type": "ClusterIP", "externalName": None}}
    address = world.patch(SERVICES, "web", back)["spec"]["clusterIP"]
    assert world.names(IP_ADDRESSES, "") == [address]


def test_an_address_with_an_object_is_taken(world):
    world.create(IP_ADDRESSES, address_object("10.96.7.7", "other"))
    with world.refused(422, "Invalid", "provided IP is already allocated"):
        world.create(SERVICES, service(clusterIP="10.96.7.7"))
    world.delete(IP_ADDRESSES, "10.96.7.7")
    world.create(SERVICES, service(clusterIP="10.96.7.7"))


def test_others_may_have_objects_too(world):
    world.create(IP_ADDRESSES, address_object("192.0.2.1"))
    world.delete(IP_ADDRESSES, "192.0.2.1")
    assert world.usage() == (0, 0)


def test_an_object_that_goes_too_early_comes_back(world):
    address = world.create(SERVICES, service())["spec"]["clusterIP"]
    world.delete(IP_ADDRESSES, address)
    assert world.usage() == (1, 0)
    world.registry.repair()
    assert world.names(IP_ADDRESSES, "") == [address]
    world.delete(IP_ADDRESSES, address)
    world.delete(SERVICES, "web")
    world.registry.repair()
    assert world.names(IP_ADDRESSES, "") == []
    assert world.usage() == (0, 0)


async def test_a_fresh_cluster_has_one_for_its_own_service():
    async with testing.cluster(nodes=0) as cluster:
        [kept] = await cluster.list(IP_ADDRESSES, "")
        assert kept["metadata"]["name"] == "10.96.0.1"
        assert kept["spec"]["parentRef"]["name"] == "kubernetes"
        await cluster.client.create(NAMESPACES, objects.namespace("a"))
        await cluster.client.create(SERVICES, service(), namespace="default")
        await cluster.client.delete(IP_ADDRESSES, "10.96.0.1")
        await cluster.advance(10)
        assert len(await cluster.list(IP_ADDRESSES, "")) == 2
