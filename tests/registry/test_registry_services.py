"""Cluster IPs and node ports: given out once, given back once, never by a write that was not made.

After every test the fixture holds what is allocated against what the services have.
"""

import pytest

from miniplane.api.objects import thaw
from miniplane.api.options import DeleteOptions, ListOptions
from miniplane.api.resources import SERVICES
from miniplane.testing import objects

EXTERNAL = {"type": "ExternalName", "externalName": "db.example.com"}
BALANCED = {"type": "LoadBalancer", "externalTrafficPolicy": "Local"}


def service(name="s", **spec):
    return objects.service(name, **spec)


def create(world, name="s", **spec):
    return world.create(SERVICES, service(name, **spec))


def change(world, name="s", dry_run=False, **spec):
    return world.patch(SERVICES, name, {"spec": spec}, dry_run=dry_run)


def ports(obj):
    return [port.get("nodePort") for port in obj["spec"]["ports"]]


def test_what_a_service_is_given(world):
    spec = create(world)["spec"]
    assert spec["clusterIPs"] == [spec["clusterIP"]]
    assert spec["clusterIP"].startswith("10.96.")
    assert (spec["ipFamilies"], spec["ipFamilyPolicy"]) == (["IPv4"], "SingleStack")
    assert ports(create(world, "t")) == [None]
    [port] = ports(create(world, "u", type="NodePort"))
    assert 30000 <= port <= 32767


def test_headless_and_external_services_are_given_nothing(world):
    with_selector = create(world, "a", clusterIP="None")["spec"]
    assert with_selector["clusterIPs"] == ["None"]
    assert (with_selector["ipFamilies"], with_selector["ipFamilyPolicy"]) == (
        ["IPv4"],
        "SingleStack",
    )
    bare = create(world, "b", clusterIP="None", selector=None)["spec"]
    assert (bare["ipFamilies"], bare["ipFamilyPolicy"]) == (["IPv4", "IPv6"], "RequireDualStack")
    external = create(world, "c", **EXTERNAL)["spec"]
    assert not {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"} & set(external)
    assert world.usage() == (0, 0)


def test_addresses_and_ports_are_free_again_after_the_delete(world):
    made = create(world, "a", type="NodePort")
    address, [port] = made["spec"]["clusterIP"], ports(made)
    why = f"failed to allocate IP {address}: provided IP is already allocated"
    with world.refused(422, "Invalid", "spec.clusterIPs", why):
        create(world, "b", clusterIP=address)
    with world.refused(422, "Invalid", "spec.ports[0].nodePort", "port is already allocated"):
        create(world, "b", type="NodePort", ports=[{"port": 80, "nodePort": port}])
    world.delete(SERVICES, "a")
    assert world.usage() == (0, 0)
    same = {"clusterIP": address, "ports": [{"port": 80, "nodePort": port}]}
    create(world, "b", type="NodePort", **same)


def test_a_service_that_is_held_back_keeps_what_it_has(world):
    held = service("a", type="NodePort")
    held["metadata"]["finalizers"] = ["example.com/hold"]
    made = world.create(SERVICES, held)
    world.delete(SERVICES, "a")
    assert world.usage() == (1, 1)
    address = made["spec"]["clusterIP"]
    with world.refused(422, "Invalid", "already allocated"):
        create(world, "b", clusterIP=address)
    world.patch(SERVICES, "a", {"metadata": {"finalizers": None}})
    create(world, "b", clusterIP=address)


def test_the_last_write_of_a_service_takes_nothing_along(world):
    """The write that removes the last finalizer asks for more: it is not carried out."""
    held = service("a")
    held["metadata"]["finalizers"] = ["example.com/hold"]
    world.create(SERVICES, held)
    world.delete(SERVICES, "a")
    last = {"metadata": {"finalizers": None}, "spec": {"type": "NodePort"}}
    world.patch(SERVICES, "a", last)
    assert world.find(SERVICES, "a") is None
    assert world.usage() == (0, 0)


def test_whole_collections_give_everything_back(world):
    for number in range(5):
        create(world, f"s{number}", type="NodePort")
    world.registry.delete_collection(SERVICES, "default", DeleteOptions(), ListOptions())
    assert world.usage() == (0, 0)


# Writes that are not made.


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"type": "NodePort"},
        BALANCED,
        {"clusterIP": "10.96.0.50"},
        {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30080}]},
        {"clusterIP": "None"},
        EXTERNAL,
    ],
)
def test_a_dry_run_shows_what_it_would_get_and_takes_nothing(world, spec):
    with world.untouched():
        shown = world.post(SERVICES, service(**spec), dry_run=True).stored.obj
    made = create(world, **spec)
    assert set(made["spec"]) == set(shown["spec"])
    assert [bool(port) for port in ports(made)] == [bool(port) for port in ports(shown)]
    with world.untouched():
        for other in ({"type": "NodePort"}, EXTERNAL, BALANCED, {"type": "ClusterIP"}):
            if not (spec.get("clusterIP") == "None" and other != EXTERNAL):
                change(world, dry_run=True, **other)
        world.delete(SERVICES, "s", dry_run=True)


@pytest.mark.parametrize(
    ("obj", "code"),
    [
        (service("not a name", type="NodePort"), 422),
        (service(type="NodePort", ports=[{"port": 0}]), 422),
        (service(type="NodePort", sessionAffinity="Nobody"), 422),
        ({**service(type="NodePort"), "colour": "red"}, 400),
    ],
)
def test_a_create_that_is_refused_takes_nothing(world, obj, code):
    with world.refused(code, {400: "BadRequest", 422: "Invalid"}[code]):
        world.create(SERVICES, obj, field_validation="Strict")


def test_a_create_whose_name_is_taken_takes_nothing(world):
    create(world, type="NodePort")
    with world.refused(409, "AlreadyExists"):
        create(world, type="NodePort")
    with world.refused(409, "AlreadyExists"):
        world.create(SERVICES, service(type="NodePort"), dry_run=True)


def test_a_create_that_gets_only_the_half_takes_nothing(world):
    [port] = ports(create(world, "a", type="NodePort"))
    wanted = [{"name": "x", "port": 80}, {"name": "y", "port": 81, "nodePort": port}]
    with world.refused(422, "Invalid", "spec.ports[1].nodePort"):
        create(world, "b", type="NodePort", ports=wanted)


def test_an_update_that_is_refused_changes_nothing(world):
    create(world, "a", type="NodePort")
    [taken] = ports(world.get(SERVICES, "a"))
    create(world, "s")
    for patch in (
        {"type": "NodePort", "sessionAffinity": "Nobody"},
        {"type": "NodePort", "ports": [{"port": 80, "nodePort": taken}]},
        {"type": "NodePort", "clusterIP": "10.96.0.77", "clusterIPs": ["10.96.0.77"]},
        {"type": "ExternalName"},
    ):
        with world.refused(422, "Invalid"):
            change(world, **patch)
    stale = thaw(world.get(SERVICES, "s"))
    stale["metadata"]["resourceVersion"] = "1"
    stale["spec"]["type"] = "NodePort"
    with world.refused(409, "Conflict"):
        world.update(SERVICES, stale)


# Changes of type.


def test_a_port_comes_and_goes_with_the_type(world):
    create(world)
    address = world.get(SERVICES, "s")["spec"]["clusterIP"]
    [port] = ports(change(world, type="NodePort"))
    assert port
    assert world.usage() == (1, 1)
    assert ports(change(world, type="LoadBalancer")) == [port], "it stays where it is needed"
    back = change(world, type="ClusterIP")
    assert ports(back) == [None]
    assert "allocateLoadBalancerNodePorts" not in back["spec"]
    assert "externalTrafficPolicy" not in back["spec"]
    assert back["spec"]["clusterIP"] == address
    assert world.usage() == (1, 0)


def test_an_address_comes_and_goes_with_the_type(world):
    create(world)
    named = change(world, **EXTERNAL)
    assert not {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"} & set(named["spec"])
    assert world.usage() == (0, 0)
    spec = change(world, type="ClusterIP")["spec"]
    assert spec["clusterIP"].startswith("10.96.")
    assert spec["ipFamilies"] == ["IPv4"]


def test_a_balancer_without_node_ports(world):
    made = create(world, type="LoadBalancer", allocateLoadBalancerNodePorts=False)
    assert ports(made) == [None]
    assert world.usage() == (1, 0)
    made = change(world, ports=[{"port": 80, "nodePort": 30100}])
    assert ports(made) == [30100]
    assert world.usage() == (1, 1)


def test_health_checks_have_a_port_of_their_own(world):
    made = create(world, **BALANCED)
    number = made["spec"]["healthCheckNodePort"]
    assert world.usage() == (1, 2)
    kept = thaw(service(**BALANCED))
    assert world.update(SERVICES, kept)["spec"]["healthCheckNodePort"] == number
    with world.refused(500, "InternalError", "failed to allocate requested HealthCheck NodePort"):
        create(world, "t", healthCheckNodePort=number, **BALANCED)
    changed = change(world, externalTrafficPolicy="Cluster")
    assert "healthCheckNodePort" not in changed["spec"]
    assert world.usage() == (1, 1)
    asked = change(world, externalTrafficPolicy="Local", healthCheckNodePort=32000)
    assert asked["spec"]["healthCheckNodePort"] == 32000
    assert world.usage() == (1, 2)


# What an update leaves out.


def test_what_was_allocated_stays(world):
    two = [{"name": "a", "port": 80}, {"name": "b", "port": 81}]
    made = create(world, type="NodePort", ports=two)
    again = world.update(SERVICES, service(type="NodePort", ports=two))
    assert ports(again) == ports(made)
    assert again["spec"]["clusterIP"] == made["spec"]["clusterIP"]
    assert again["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    turned = world.update(SERVICES, service(type="NodePort", ports=two[::-1]))
    assert ports(turned) == ports(made)[::-1]


def test_ports_that_are_added_and_removed(world):
    first, second = {"name": "a", "port": 80}, {"name": "b", "port": 81}
    [port] = ports(create(world, type="NodePort", ports=[first]))
    kept, added = ports(world.update(SERVICES, service(type="NodePort", ports=[first, second])))
    assert kept == port
    assert added not in (None, port)
    assert ports(world.update(SERVICES, service(type="NodePort", ports=[second]))) == [added]
    assert world.usage() == (1, 1)


def test_a_port_can_change_hands_within_a_service(world):
    two = [
        {"name": "a", "port": 80, "nodePort": 30001},
        {"name": "b", "port": 81, "nodePort": 30002},
    ]
    create(world, type="NodePort", ports=two)
    two[0]["nodePort"], two[1]["nodePort"] = 30002, 30001
    assert ports(world.update(SERVICES, service(type="NodePort", ports=two))) == [30002, 30001]
    assert world.usage() == (1, 2)


def test_protocols_of_one_port_share_a_node_port(world):
    both = [
        {"name": "u", "port": 53, "protocol": "UDP"},
        {"name": "t", "port": 53, "protocol": "TCP"},
    ]
    one, other = ports(create(world, type="NodePort", ports=both))
    assert one == other
    assert world.usage() == (1, 1)
    world.delete(SERVICES, "s")
    assert world.usage() == (0, 0)


def test_the_address_is_for_life(world):
    create(world)
    with world.refused(422, "Invalid", "spec.clusterIPs[0]", "may not change once set"):
        change(world, clusterIP="10.96.0.9", clusterIPs=["10.96.0.9"])
    with world.refused(422, "Invalid", "may not change once set"):
        change(world, clusterIP="10.96.0.9")


# What cannot be had.


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"clusterIP": "10.97.0.1"}, "the provided network does not match the current range"),
        ({"clusterIP": "10.96.0.0"}, "the provided network does not match the current range"),
        ({"clusterIP": "here"}, "must be a valid IP address"),
        ({"clusterIP": "fd00::1"}, "IPv6 is not configured on this cluster"),
        ({"ipFamilies": ["IPv6"]}, "not configured on this cluster"),
        ({"ipFamilyPolicy": "RequireDualStack"}, "not configured for dual-stack services"),
        (
            {"type": "NodePort", "ports": [{"port": 80, "nodePort": 80}]},
            "The range of valid ports is 30000-32767",
        ),
        ({"ports": [{"port": 80, "nodePort": 30000}]}, "not be used when `type` is 'ClusterIP'"),
    ],
)
def test_what_cannot_be_given(world, spec, why):
    with world.refused(422, "Invalid", why):
        create(world, **spec)


def test_preferring_two_stacks_is_fine_with_one(world):
    spec = create(world, ipFamilyPolicy="PreferDualStack")["spec"]
    assert (spec["ipFamilyPolicy"], spec["ipFamilies"]) == ("PreferDualStack", ["IPv4"])


def test_a_range_can_run_out(make_world):
    world = make_world(service_cidr="10.0.0.0/29")
    made = [create(world, f"s{n}")["spec"]["clusterIP"] for n in range(6)]
    assert sorted(made) == [f"10.0.0.{n}" for n in range(1, 7)]
    with world.refused(500, "InternalError", "failed to allocate a serviceIP: range is full"):
        create(world, "more")
    world.delete(SERVICES, "s3")
    assert create(world, "more")["spec"]["clusterIP"] == made[3]


def test_what_is_drawn_leaves_room_for_who_asks(world):
    """KEP-3070 and KEP-3668: the lower part of a range is drawn from last."""
    for number in range(50):
        made = create(world, f"s{number}", type="NodePort")
        last = made["spec"]["clusterIP"].split(".")
        assert int(last[2]) * 256 + int(last[3]) > 256
        assert ports(made)[0] >= 30086
