"""What the EndpointSlices of a service say, and how few of them are written."""

import random
from typing import Any

import pytest

from miniplane.api.objects import Obj
from miniplane.controllers.endpoints import packing, slices
from miniplane.controllers.endpoints.slices import Changes
from miniplane.controllers.endpoints.targets import Target

ZONES = {"node-0": "", "node-1": "west"}
PORT = {"port": 80, "protocol": "TCP"}


def make_service(*ports: Obj, **spec: Any) -> Obj:
    return {
        "metadata": {"name": "web", "namespace": "a", "uid": "svc", "labels": {"team": "x"}},
        "spec": {
            "clusterIP": "10.96.0.7",
            "ipFamilies": ["IPv4"],
            "selector": {"app": "web"},
            "ports": list(ports or (PORT,)),
            **spec,
        },
    }


def make_target(number: int, **fields: Any) -> Target:
    base: dict[str, Any] = {
        "namespace": "a",
        "name": f"pod-{number:04}",
        "uid": f"uid-{number}",
        "ips": (f"10.244.{number // 256}.{number % 256}",),
        "ready": True,
        "terminating": False,
        "node": "node-0",
        "hostname": "",
        "subdomain": "",
        "ports": (),
        "labels": {},
        "changed_at": "",
    }
    return Target(**{**base, **fields})


class Shelf:
    """Slices as they stand on the server."""

    def __init__(self, service: Obj):
        self.service = service
        self.slices: dict[str, Obj] = {}
        self.made = 0

    def sync(self, *targets: Target, changed_at: str = "") -> Changes:
        present = list(self.slices.values())
        changes = packing.plan(self.service, targets, present, zones=ZONES, changed_at=changed_at)
        for body in changes.create:
            self.made += 1
            name = f"web-{self.made}"
            self.slices[name] = {**body, "metadata": {**body["metadata"], "name": name}}
        for body in changes.update:
            self.slices[body["metadata"]["name"]] = body
        for body in changes.delete:
            del self.slices[body["metadata"]["name"]]
        return changes

    def writes(self, *targets: Target) -> tuple[int, int, int]:
        changes = self.sync(*targets)
        return len(changes.create), len(changes.update), len(changes.delete)

    @property
    def sizes(self) -> list[int]:
        return [len(piece["endpoints"]) for piece in self.slices.values()]

    @property
    def names(self) -> list[str]:
        return sorted(
            endpoint["targetRef"]["name"]
            for piece in self.slices.values()
            for endpoint in piece["endpoints"]
        )


def targets(*numbers: int) -> list[Target]:
    return [make_target(number) for number in numbers]


def test_one_empty_slice_until_there_are_pods() -> None:
    shelf = Shelf(make_service())
    assert shelf.writes() == (1, 0, 0)
    (piece,) = shelf.slices.values()
    assert piece["metadata"]["generateName"] == "web-"
    assert piece["metadata"]["labels"] == {
        "team": "x",
        slices.SERVICE_NAME: "web",
        slices.MANAGED_BY: slices.MANAGER,
    }
    assert piece["metadata"]["ownerReferences"][0]["kind"] == "Service"
    assert (piece["addressType"], piece["endpoints"], piece["ports"]) == ("IPv4", [], [])
    assert shelf.writes() == (0, 0, 0)
    assert shelf.writes(*targets(1)) == (0, 1, 0)
    assert shelf.writes(*targets(1)) == (0, 0, 0)
    (piece,) = shelf.slices.values()
    assert piece["ports"] == [{"name": "", "port": 80, "protocol": "TCP"}]
    assert shelf.writes() == (0, 1, 0), "the slice stays, emptied"
    assert shelf.sizes == [0]


def test_an_endpoint() -> None:
    shelf = Shelf(make_service())
    shelf.sync(make_target(1, node="node-1", hostname="one", subdomain="web"))
    (piece,) = shelf.slices.values()
    assert piece["endpoints"] == [
        {
            "addresses": ["10.244.0.1"],
            "conditions": {"ready": True, "serving": True, "terminating": False},
            "hostname": "one",
            "nodeName": "node-1",
            "zone": "west",
            "targetRef": {"kind": "Pod", "namespace": "a", "name": "pod-0001", "uid": "uid-1"},
        }
    ]


CONDITIONS: list[tuple[bool, bool, bool, tuple[bool, bool, bool]]] = [
    # publishes not ready, ready, terminating -> ready, serving, terminating
    (False, True, False, (True, True, False)),
    (False, False, False, (False, False, False)),
    (False, True, True, (False, True, True)),
    (True, False, False, (True, False, False)),
    (True, False, True, (True, False, True)),
]


@pytest.mark.parametrize(("publish", "ready", "terminating", "expected"), CONDITIONS)
def test_conditions(
    publish: bool, ready: bool, terminating: bool, expected: tuple[bool, bool, bool]
) -> None:
    shelf = Shelf(make_service(publishNotReadyAddresses=publish))
    shelf.sync(make_target(1, ready=ready, terminating=terminating))
    (piece,) = shelf.slices.values()
    found = piece["endpoints"][0]["conditions"]
    assert (found["ready"], found["serving"], found["terminating"]) == expected


def test_pods_on_unknown_nodes_wait_unless_readiness_does_not_matter() -> None:
    lost = make_target(1, node="elsewhere")
    shelf = Shelf(make_service())
    assert shelf.sync(lost).missing == [lost]
    assert shelf.sizes == [0]
    shelf = Shelf(make_service(publishNotReadyAddresses=True))
    assert shelf.sync(lost).missing == []
    assert shelf.sizes == [1]


HINTS: list[tuple[str, Obj | None]] = [
    ("PreferClose", {"forZones": [{"name": "west"}]}),
    ("PreferSameZone", {"forZones": [{"name": "west"}]}),
    ("PreferSameNode", {"forZones": [{"name": "west"}], "forNodes": [{"name": "node-1"}]}),
    ("", None),
]


@pytest.mark.parametrize(("distribution", "expected"), HINTS)
def test_traffic_distribution_gives_hints(distribution: str, expected: Obj | None) -> None:
    shelf = Shelf(make_service(trafficDistribution=distribution))
    shelf.sync(make_target(1, node="node-1"), make_target(2, node="node-1", ready=False))
    (piece,) = shelf.slices.values()
    assert [endpoint.get("hints") for endpoint in piece["endpoints"]] == [expected, None]
    shelf.service["spec"].pop("trafficDistribution")
    shelf.sync(make_target(1, node="node-1"), make_target(2, node="node-1", ready=False))
    (piece,) = shelf.slices.values()
    assert [endpoint.get("hints") for endpoint in piece["endpoints"]] == [None, None]


def test_ports_by_name_make_groups_of_slices() -> None:
    service = make_service({"name": "http", "port": 80, "targetPort": "web"})
    shelf = Shelf(service)
    pods = [make_target(n, ports=(("web", "TCP", 8000 + n % 2),)) for n in range(4)]
    shelf.sync(*pods, make_target(9))
    found = {
        tuple(port["port"] for port in piece["ports"]): len(piece["endpoints"])
        for piece in shelf.slices.values()
    }
    assert found == {(8000,): 2, (8001,): 2, (): 1}
    assert shelf.writes(*pods[::2]) == (0, 0, 2)


def test_both_families() -> None:
    shelf = Shelf(make_service(ipFamilies=["IPv4", "IPv6"]))
    shelf.sync(make_target(1, ips=("10.244.0.1", "fd00::1")), make_target(2))
    found = {piece["addressType"]: piece["endpoints"] for piece in shelf.slices.values()}
    assert [e["addresses"] for e in found["IPv6"]] == [["fd00::1"]]
    assert len(found["IPv4"]) == 2
    shelf.service["spec"]["ipFamilies"] = ["IPv4"]
    assert shelf.writes(make_target(1), make_target(2)) == (0, 0, 1)


def test_a_hundred_a_slice() -> None:
    shelf = Shelf(make_service())
    assert shelf.writes(*targets(*range(250))) == (3, 0, 0)
    assert shelf.sizes == [100, 100, 50]
    assert shelf.writes(*targets(*range(255))) == (0, 1, 0)
    assert shelf.writes(*targets(*range(1, 255))) == (0, 1, 0)
    assert shelf.sizes == [99, 100, 55]
    assert shelf.writes(*targets(*range(2, 257))) == (0, 1, 0), "filled where it is written anyway"
    assert shelf.sizes == [100, 100, 55]
    assert shelf.writes(*targets(*range(2, 340))) == (1, 0, 0), "83 do not fit into any"
    assert shelf.sizes == [100, 100, 55, 83]
    assert shelf.writes(*targets(*range(2, 350))) == (0, 1, 0)
    assert shelf.sizes == [100, 100, 55, 93], "the fullest one that has room"


def test_labels_of_the_service_are_followed() -> None:
    shelf = Shelf(make_service())
    shelf.sync(*targets(1, 2))
    shelf.service["metadata"]["labels"] = {"team": "y"}
    assert shelf.writes(*targets(1, 2)) == (0, 1, 0)
    (piece,) = shelf.slices.values()
    assert piece["metadata"]["labels"]["team"] == "y"
    assert shelf.writes(*targets(1, 2)) == (0, 0, 0)


def test_slices_of_a_former_service_of_that_name_are_not_ours() -> None:
    shelf = Shelf(make_service())
    shelf.sync(*targets(1))
    shelf.service["metadata"]["uid"] = "another"
    assert shelf.writes(*targets(1)) == (1, 0, 1)


def test_the_time_of_the_change_is_noted_on_what_is_written() -> None:
    shelf = Shelf(make_service())
    shelf.sync(*targets(1), changed_at="2026-01-01T00:00:00Z")
    (piece,) = shelf.slices.values()
    assert piece["metadata"]["annotations"] == {slices.TRIGGER_TIME: "2026-01-01T00:00:00Z"}
    shelf.sync(*targets(2))
    (piece,) = shelf.slices.values()
    assert piece["metadata"]["annotations"] == {}


@pytest.mark.parametrize("seed", range(30))
def test_whatever_happens_each_pod_is_in_one_slice(seed: int) -> None:
    rng = random.Random(seed)
    shelf = Shelf(make_service())
    pods: dict[int, Target] = {}
    for _ in range(40):
        for _ in range(rng.choice([1, 1, 5, 150])):
            number = rng.randrange(600)
            if number in pods and rng.random() < 0.6:
                del pods[number]
            else:
                pods[number] = make_target(number, ready=rng.random() < 0.8)
        shelf.sync(*pods.values())
        assert shelf.names == sorted(target.name for target in pods.values())
        assert all(size <= slices.PER_SLICE for size in shelf.sizes)
        assert shelf.slices, "there is always one"
        assert 0 not in shelf.sizes or shelf.sizes == [0]
        assert shelf.writes(*pods.values()) == (0, 0, 0)
        ready = {
            endpoint["targetRef"]["name"]: endpoint["conditions"]["ready"]
            for piece in shelf.slices.values()
            for endpoint in piece["endpoints"]
        }
        assert ready == {target.name: target.ready for target in pods.values()}
