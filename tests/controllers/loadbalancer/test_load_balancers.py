"""Load balancers and ingresses get addresses where there is a range of them."""

import pytest

from miniplane import testing
from miniplane.api import resources
from miniplane.api.options import DeleteOptions
from miniplane.controllers.loadbalancer import plan as planning
from miniplane.controllers.loadbalancer.controller import INGRESSES
from miniplane.controllers.loadbalancer.plan import FINALIZER, Addresses, Clean, Ensure, Nothing

EVENTS = resources.resource("events")


def service(name="lb", *, address="", finalizers=(), deleted=False, **spec):
    meta = {"name": name, "namespace": "default", "finalizers": list(finalizers)}
    if deleted:
        meta["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    ingress = [{"ip": address}] if address else []
    spec = {"type": "LoadBalancer", "ipFamilies": ["IPv4"], **spec}
    return {"metadata": meta, "spec": spec, "status": {"loadBalancer": {"ingress": ingress}}}


RANGE = Addresses("192.0.2.0/29")


def test_the_addresses_of_a_range():
    assert RANGE.of_ingresses == "192.0.2.1"
    taken: dict[str, object] = {}
    while found := RANGE.free(taken):
        taken[found] = None
    assert list(taken) == [f"192.0.2.{n}" for n in (2, 3, 4, 5, 6)]
    assert RANGE.free({}, "192.0.2.5") == "192.0.2.5"
    assert RANGE.free(taken, "192.0.2.5") == ""
    assert RANGE.free({}, "192.0.2.1") == RANGE.free({}, "10.0.0.1") == RANGE.free({}, "x") == ""


@pytest.mark.parametrize(
    ("found", "action"),
    [
        (service(), Ensure("192.0.2.2")),
        (service(address="192.0.2.4"), Ensure("192.0.2.2")),  # not ours: no finalizer
        (service(address="192.0.2.4", finalizers=[FINALIZER]), Nothing()),
        (service(address="192.0.2.9", finalizers=[FINALIZER]), Ensure("192.0.2.2")),
        (service(loadBalancerIP="192.0.2.6"), Ensure("192.0.2.6")),
        (service(loadBalancerIP="10.0.0.1"), Ensure("")),
        (service(loadBalancerClass="other"), Nothing()),
        (service(ipFamilies=["IPv6"]), Ensure("")),
        (service(type="ClusterIP"), Nothing()),
        (service(type="ClusterIP", finalizers=[FINALIZER]), Clean()),
        (service(deleted=True, finalizers=[FINALIZER]), Clean()),
        (service(deleted=True, finalizers=["other"]), Nothing()),
    ],
)
def test_the_plan(found, action):
    assert planning.plan(found, RANGE, {"192.0.2.9": "default/other"}) == action


def body(name, **spec):
    spec = {"type": "LoadBalancer", "ports": [{"port": 80}], **spec}
    return {"metadata": {"name": name}, "spec": spec}


async def address(cluster, name):
    found = await cluster.client.get(resources.SERVICES, name, "default")
    return planning.address_of(found)


async def test_services_get_addresses_and_give_them_back():
    async with testing.cluster(nodes=0, load_balancer_cidr="192.0.2.0/30") as cluster:
        client = cluster.client
        await client.create(resources.SERVICES, body("a"), namespace="default")
        await cluster.settle()
        made = await client.get(resources.SERVICES, "a", "default")
        assert made["status"] == {
            "loadBalancer": {"ingress": [{"ip": "192.0.2.2", "ipMode": "VIP"}]}
        }
        assert made["metadata"]["finalizers"] == [FINALIZER]
        # The only address is taken: the next one waits until it is free.
        await client.create(resources.SERVICES, body("b"), namespace="default")
        await cluster.settle()
        assert await address(cluster, "b") == ""
        await client.delete(resources.SERVICES, "a", "default", options=DeleteOptions())
        await cluster.settle()
        assert await address(cluster, "b") == "192.0.2.2"
        assert [s["metadata"]["name"] for s in await cluster.list(resources.SERVICES)] == [
            "b",
            "kubernetes",
        ]
        await client.patch(resources.SERVICES, "b", {"spec": {"type": "ClusterIP"}}, "default")
        await cluster.settle()
        left = await client.get(resources.SERVICES, "b", "default")
        assert (left["status"], left["metadata"].get("finalizers")) == ({"loadBalancer": {}}, None)
        events = [(e["involvedObject"]["name"], e["reason"]) for e in await cluster.list(EVENTS)]
        assert sorted(events) == [
            ("a", "DeletedLoadBalancer"),
            ("a", "DeletingLoadBalancer"),
            ("a", "EnsuredLoadBalancer"),
            ("a", "EnsuringLoadBalancer"),
            ("a", "UnAvailableLoadBalancer"),
            ("b", "DeletedLoadBalancer"),
            ("b", "DeletingLoadBalancer"),
            ("b", "EnsuredLoadBalancer"),
            ("b", "EnsuringLoadBalancer"),
            ("b", "SyncLoadBalancerFailed"),
            ("b", "Type"),
            ("b", "UnAvailableLoadBalancer"),
        ]


async def test_ingresses_get_the_first_address():
    async with testing.cluster(nodes=0, load_balancer_cidr="192.0.2.0/24") as cluster:
        backend = {"service": {"name": "web", "port": {"number": 80}}}
        spec = {"defaultBackend": backend}
        ingress = {"metadata": {"name": "web"}, "spec": spec}
        await cluster.client.create(INGRESSES, ingress, namespace="default")
        await cluster.settle()
        made = await cluster.client.get(INGRESSES, "web", "default")
        assert made["status"] == {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}


async def test_without_a_range_they_stay_pending():
    async with testing.cluster(nodes=0) as cluster:
        await cluster.client.create(resources.SERVICES, body("a"), namespace="default")
        await cluster.settle()
        assert await address(cluster, "a") == ""


def changed(**spec):
    """What follows from a change of a service that has these fields afterwards."""
    old = service(ports=[{"port": 80, "targetPort": 80}], externalTrafficPolicy="Cluster")
    return planning.changes(old, {**old, "spec": {**old["spec"], **spec}})


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, (False, None)),
        ({"ports": [{"port": 80, "targetPort": 81}]}, (False, None)),
        ({"ports": [{"port": 81, "targetPort": 80}]}, (True, None)),
        ({"sessionAffinity": "ClientIP"}, (True, None)),
        ({"type": "ClusterIP"}, (True, ("Type", "LoadBalancer -> ClusterIP"))),
        (
            {"loadBalancerSourceRanges": ["10.0.0.0/8", "192.0.2.0/24"]},
            (True, ("LoadBalancerSourceRanges", "[] -> [10.0.0.0/8 192.0.2.0/24]")),
        ),
        ({"loadBalancerIP": "192.0.2.5"}, (True, ("LoadbalancerIP", " -> 192.0.2.5"))),
        ({"externalIPs": ["192.0.2.9"]}, (True, ("ExternalIP", "Count: 0 -> 1"))),
        (
            {"externalTrafficPolicy": "Local", "healthCheckNodePort": 30100},
            (True, ("ExternalTrafficPolicy", "Cluster -> Local")),
        ),
        ({"healthCheckNodePort": 30100}, (True, ("HealthCheckNodePort", "0 -> 30100"))),
    ],
)
def test_changes_that_a_load_balancer_has_to_know(spec, expected):
    assert changed(**spec) == expected


async def test_a_changed_service_is_brought_up_to_date():
    async with testing.cluster(nodes=1, load_balancer_cidr="192.0.2.0/29") as cluster:
        client = cluster.client
        await client.create(resources.SERVICES, body("a"), namespace="default")
        await cluster.settle()
        spec = {"loadBalancerSourceRanges": ["10.0.0.0/8"]}
        await client.patch(resources.SERVICES, "a", {"spec": spec}, "default")
        await cluster.settle()
        events = {e["reason"]: e["count"] for e in await cluster.list(EVENTS, "default")}
        assert events["LoadBalancerSourceRanges"] == 1
        assert events["EnsuringLoadBalancer"] == events["EnsuredLoadBalancer"] == 2
        assert await address(cluster, "a") == "192.0.2.2"
