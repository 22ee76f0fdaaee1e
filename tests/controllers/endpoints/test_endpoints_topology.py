"""Hints that give each zone its share of a service's endpoints."""

import random
from typing import Any

import pytest

from miniplane.api.objects import Obj
from miniplane.api.resources import ENDPOINT_SLICES, EVENTS, NODES, PODS, SERVICES
from miniplane.controllers.endpoints.topology import NodeShare, Topology, ratios
from miniplane.testing import objects
from miniplane.testing.harness import Harness, cluster

ZONE = "topology.kubernetes.io/zone"
MODE = "service.kubernetes.io/topology-mode"


def make_node(name: str, zone: str = "", cpu: str = "4", **labels: str) -> Obj:
    conditions = [{"type": "Ready", "status": "True"}]
    return {
        "metadata": {"name": name, "labels": {**({ZONE: zone} if zone else {}), **labels}},
        "status": {"allocatable": {"cpu": cpu}, "conditions": conditions},
    }


def make_piece(name: str, *zones: str, ready: bool = True) -> Obj:
    return {
        "metadata": {"name": name},
        "endpoints": [
            {
                "addresses": [f"10.0.0.{number}"],
                "conditions": {"ready": ready},
                **({"zone": zone} if zone else {}),
            }
            for number, zone in enumerate(zones)
        ],
    }


def hints(*pieces: Obj) -> list[str | None]:
    return [
        endpoint["hints"]["forZones"][0]["name"] if "hints" in endpoint else None
        for piece in pieces
        for endpoint in piece["endpoints"]
    ]


def make_topology(**zones: str) -> Topology:
    """A node for each zone, with so many CPUs."""
    topology = Topology()
    for zone, cpu in zones.items():
        topology.node_changed(zone, make_node(zone, zone, cpu))
    return topology


RATIOS: list[tuple[str, list[Obj], dict[str, float]]] = [
    ("two zones", [make_node("a", "x", "3"), make_node("b", "y", "1")], {"x": 0.75, "y": 0.25}),
    ("one zone", [make_node("a", "x")], {}),
    ("a node without a zone", [make_node("a", "x"), make_node("b", "y"), make_node("c")], {}),
    ("a node without CPUs", [make_node("a", "x"), make_node("b", "y", "0")], {}),
    (
        "control planes do not count",
        [
            make_node("a", "x"),
            make_node("b", "y"),
            make_node("c", "", **{"node-role.kubernetes.io/control-plane": ""}),
        ],
        {"x": 0.5, "y": 0.5},
    ),
]


@pytest.mark.parametrize(("about", "nodes", "expected"), RATIOS)
def test_the_shares_of_zones(about: str, nodes: list[Obj], expected: dict[str, float]) -> None:
    assert ratios(map(NodeShare.of, nodes)) == expected, about


def test_endpoints_are_for_their_own_zone_where_that_is_fair() -> None:
    piece = make_piece("p", "x", "y", "x", "y")
    notes = make_topology(x="4", y="4").share_out("a/s", "IPv4", [piece], [], [])
    assert hints(piece) == ["x", "y", "x", "y"]
    assert notes == [
        (
            "Normal",
            "TopologyAwareHintsEnabled",
            "Topology Aware Hints has been enabled, addressType: IPv4",
        )
    ]


def test_zones_with_too_many_give_to_others() -> None:
    piece = make_piece("p", "x", "x", "x", "y")
    topology = make_topology(x="4", y="4")
    topology.share_out("a/s", "IPv4", [piece], [], [])
    assert hints(piece) == ["y", "x", "x", "y"]
    assert topology.share_out("a/s", "IPv4", [], [], [piece]) == []


REFUSED: list[tuple[dict[str, str], list[str], str]] = [
    ({}, ["x", "y"], "Insufficient Node information: allocatable CPU or zone not specified on one "
                     "or more nodes"),
    ({"x": "4", "y": "4"}, ["x"], "Insufficient number of endpoints (1 endpoints, 2 zones)"),
    ({"x": "4", "y": "4"}, ["x", "y", "x", ""],
     "One or more endpoints do not have a zone specified"),
    ({"x": "3", "y": "3", "z": "3"}, ["x", "y", "z", "z"],
     "Unable to allocate minimum required endpoints to each zone without exceeding overload "
     "threshold (4 endpoints, 3 zones)"),
]  # fmt: skip


@pytest.mark.parametrize(("zones", "endpoints", "why"), REFUSED)
def test_no_hints_where_it_cannot_be_fair(
    zones: dict[str, str], endpoints: list[str], why: str
) -> None:
    piece, old = make_piece("p", *endpoints), make_piece("old", "x", "y", ready=False)
    old["endpoints"][0]["hints"] = {"forZones": [{"name": "x"}]}
    update: list[Obj] = []
    notes = make_topology(**zones).share_out("a/s", "IPv4", [piece], update, [old])
    assert notes == [("Warning", "TopologyAwareHintsDisabled", f"{why}, addressType: IPv4")]
    assert not any(hints(piece, *update))
    assert [found["metadata"]["name"] for found in update] == ["old"]
    assert hints(old) == ["x", None], "what was read is not changed"


@pytest.mark.parametrize("seed", range(20))
def test_no_zone_has_much_more_to_do_than_its_share(seed: int) -> None:
    rng = random.Random(seed)
    names = ["x", "y", "z"][: rng.randint(2, 3)]
    topology = make_topology(**{name: str(rng.randint(1, 8)) for name in names})
    pieces: list[Obj] = []
    for number in range(rng.randint(1, 3)):
        zones = [rng.choice(names) for _ in range(rng.randint(5, 40))]
        pieces.append(make_piece(f"p{number}", *zones))
    notes = topology.share_out("a/s", "IPv4", pieces, [], [])
    given = hints(*pieces)
    if notes[0][0] == "Warning":
        assert not any(given)
        return
    for zone, share in topology.ratios.items():
        assert given.count(zone) * 1.2 + 1 >= share * len(given)
    again: list[Obj] = []
    assert topology.share_out("a/s", "IPv4", [], again, pieces) == []
    assert again == []


class Zones:
    def __init__(self, c: Harness):
        self.c = c

    async def add_node(self, name: str, zone: str) -> None:
        node = make_node(name, zone)
        await self.c.client.create(NODES, {**objects.node(name), "metadata": node["metadata"]})
        status = {"status": node["status"]}
        await self.c.client.patch(NODES, name, status, subresource="status")

    async def add_pod(self, number: int, node: str) -> None:
        pod = objects.pod(f"p{number}", labels={"app": "web"}, nodeName=node)
        await self.c.client.create(PODS, pod)
        ip = {"podIP": f"10.0.0.{number}", "podIPs": [{"ip": f"10.0.0.{number}"}]}
        ready = [{"type": "Ready", "status": "True"}]
        status = {"status": {"phase": "Running", **ip, "conditions": ready}}
        await self.c.client.patch(PODS, f"p{number}", status, "default", subresource="status")
        await self.c.settle()

    async def annotate(self, **annotations: Any) -> None:
        metadata = {"metadata": {"annotations": annotations}}
        await self.c.client.patch(SERVICES, "web", metadata, "default")
        await self.c.settle()

    async def hints(self) -> list[str | None]:
        selector = "kubernetes.io/service-name=web"
        return hints(*await self.c.list(ENDPOINT_SLICES, label_selector=selector))

    async def told(self) -> list[str]:
        return [
            f"{event['reason']}: {event['message']}"
            for event in await self.c.list(EVENTS)
            if event["reason"].startswith("Topology")
        ]


async def test_hints_come_and_go_with_the_annotation() -> None:
    names = "endpoints-controller,endpointslice-controller"
    async with cluster(nodes=0, controllers=names) as c:
        zones = Zones(c)
        await zones.add_node("n1", "east")
        await zones.add_node("n2", "west")
        service = objects.service("web", selector={"app": "web"})
        service["spec"]["trafficDistribution"] = "PreferSameZone"
        service["metadata"]["annotations"] = {MODE: "Auto"}
        await c.client.create(SERVICES, service)
        await c.settle()
        for number, node in enumerate(("n1", "n1", "n1", "n2"), 1):
            await zones.add_pod(number, node)
        assert sorted(map(str, await zones.hints())) == ["east", "east", "west", "west"]
        revision = c.registry.revision
        await zones.annotate(other="x")
        assert c.registry.revision == revision + 1, "nothing to be written but the service"
        await c.client.delete(NODES, "n2")
        await c.settle()
        assert await zones.hints() == [None] * 3
        await zones.add_node("n2", "west")
        await zones.add_pod(5, "n2")
        assert not any(await zones.hints()), "five cannot be shared between two"
        await zones.add_pod(6, "n2")
        assert None not in await zones.hints()
        await zones.annotate(**{MODE: "Disabled"})
        assert await zones.hints() == ["east"] * 3 + ["west"] * 3, "each its own"
        told = await zones.told()
        assert told[0].startswith("TopologyAwareHintsDisabled: Insufficient number of endpoints")
        assert told[-1] == (
            "TopologyAwareHintsDisabled: Topology Aware Hints has been disabled, addressType: IPv4"
        )
