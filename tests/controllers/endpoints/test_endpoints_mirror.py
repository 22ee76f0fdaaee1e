"""Slices for Endpoints that were written by hand, and the memory of slices."""

from typing import Any

import pytest

from miniplane.api.objects import Obj
from miniplane.api.resources import ENDPOINT_SLICES, ENDPOINTS, SERVICES
from miniplane.controllers.endpoints import mirror
from miniplane.controllers.endpoints.slicecache import SliceCache
from miniplane.controllers.endpoints.slices import MANAGED_BY, SERVICE_NAME
from miniplane.testing import objects
from miniplane.testing.harness import Harness, cluster


def make_endpoints(*subsets: Obj, **metadata: Any) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": "db", "namespace": "default", "uid": "u", **metadata},
        "subsets": list(subsets),
    }


def make_subset(*ips: str, port: int = 5432, unready: str = "") -> Obj:
    subset: Obj = {"ports": [{"port": port, "protocol": "TCP"}]}
    if ips:
        subset["addresses"] = [{"ip": ip} for ip in ips]
    if unready:
        subset["notReadyAddresses"] = [{"ip": unready}]
    return subset


MIRRORED: list[tuple[str, Obj, Obj | None, bool]] = [
    ("by hand", {}, {}, True),
    ("no service", {}, None, False),
    ("the service has a selector", {}, {"selector": {"a": "b"}}, False),
    ("asked not to", {"labels": {mirror.SKIP: "true"}}, {}, False),
    ("a lock", {"annotations": {mirror.LEADER: "{}"}}, {}, False),
]


@pytest.mark.parametrize(("about", "metadata", "spec", "expected"), MIRRORED)
def test_what_is_mirrored(about: str, metadata: Obj, spec: Obj | None, expected: bool) -> None:
    service = {"metadata": {"name": "db"}, "spec": spec} if spec is not None else None
    assert mirror.is_mirrored(make_endpoints(**metadata), service) == expected, about


def test_one_slice_for_each_set_of_ports_and_family() -> None:
    endpoints = make_endpoints(
        make_subset("10.0.0.1", unready="10.0.0.2"),
        make_subset("10.0.0.3", "fd00::3", port=3306),
        labels={"team": "x"},
        annotations={
            "note": "kept",
            "kubectl.kubernetes.io/last-applied-configuration": "{}",
        },
    )
    changes = mirror.plan(endpoints, [])
    found = {
        (piece["addressType"], piece["ports"][0]["port"]): [
            (e["addresses"][0], e["conditions"]["ready"]) for e in piece["endpoints"]
        ]
        for piece in changes.create
    }
    assert found == {
        ("IPv4", 5432): [("10.0.0.1", True), ("10.0.0.2", False)],
        ("IPv4", 3306): [("10.0.0.3", True)],
        ("IPv6", 3306): [("fd00::3", True)],
    }
    meta = changes.create[0]["metadata"]
    assert meta["labels"] == {"team": "x", SERVICE_NAME: "db", MANAGED_BY: mirror.MANAGER}
    assert meta["annotations"] == {"note": "kept"}
    assert meta["ownerReferences"][0]["kind"] == "Endpoints"


def named(changes: Any) -> list[Obj]:
    return [
        {**piece, "metadata": {**piece["metadata"], "name": f"db-{number}"}}
        for number, piece in enumerate(changes.create)
    ]


def test_slices_are_rewritten_where_that_will_do() -> None:
    present = named(mirror.plan(make_endpoints(make_subset("10.0.0.1")), []))
    same = mirror.plan(make_endpoints(make_subset("10.0.0.1")), present)
    assert (same.create, same.update, same.delete) == ([], [], [])
    changed = mirror.plan(make_endpoints(make_subset("10.0.0.2")), present)
    assert [piece["metadata"]["name"] for piece in changed.update] == ["db-0"]
    moved = mirror.plan(make_endpoints(make_subset("10.0.0.1", port=1)), present)
    assert (len(moved.create), len(moved.update), len(moved.delete)) == (0, 1, 0)
    gone = mirror.plan(make_endpoints(), present)
    assert [piece["metadata"]["name"] for piece in gone.delete] == ["db-0"]


class FakeInformer:
    def on_change(self, handler: Any) -> None:
        self.tell = handler


def make_piece(name: str, revision: int, *, service: str = "web", manager: str = "m") -> Obj:
    return {
        "metadata": {
            "namespace": "a",
            "name": name,
            "resourceVersion": str(revision),
            "labels": {SERVICE_NAME: service, MANAGED_BY: manager},
        }
    }


def test_the_cache_is_not_put_back_by_old_news() -> None:
    informer, told = FakeInformer(), []
    cache = SliceCache(informer, "m", told.append)  # type: ignore[arg-type]
    first, second = make_piece("x", 1), make_piece("x", 2)
    cache.wrote(first)
    cache.wrote(second)
    informer.tell(None, first)
    informer.tell(first, second)
    assert told == [] and cache.of("a/web") == [second]
    foreign = make_piece("x", 3)
    informer.tell(second, foreign)
    assert told == ["a/web"] and cache.of("a/web") == [foreign]
    cache.removed(foreign)
    informer.tell(foreign, None)
    assert told == ["a/web"] and cache.of("a/web") == []
    informer.tell(None, make_piece("y", 4, manager="other"))
    assert cache.of("a/web") == []
    cache._check()


def test_a_slice_that_changes_hands_is_told_to_both() -> None:
    informer, told = FakeInformer(), []
    cache = SliceCache(informer, "m", told.append)  # type: ignore[arg-type]
    informer.tell(None, make_piece("x", 1))
    informer.tell(make_piece("x", 1), make_piece("x", 2, service="other"))
    assert told == ["a/web", "a/web", "a/other"]
    assert cache.of("a/web") == [] and len(cache.of("a/other")) == 1
    informer.tell(make_piece("x", 2, service="other"), None)
    assert told[-1] == "a/other" and cache.of("a/other") == []
    cache._check()


@pytest.fixture
async def c():
    names = "endpointslice-mirroring-controller,endpoints-controller,garbage-collector-controller"
    async with cluster(nodes=0, controllers=names) as harness:
        yield harness


async def test_endpoints_by_hand(c: Harness) -> None:
    service = objects.service("db", port=5432)
    del service["spec"]["selector"]
    await c.client.create(SERVICES, service)
    body = make_endpoints(make_subset("203.0.113.7"))
    del body["metadata"]["uid"]
    await c.client.create(ENDPOINTS, body)
    await c.settle()
    (piece,) = await c.list(ENDPOINT_SLICES, label_selector=f"{SERVICE_NAME}=db")
    assert piece["metadata"]["name"].startswith("db-")
    assert piece["endpoints"] == [{"addresses": ["203.0.113.7"], "conditions": {"ready": True}}]
    subsets = [make_subset("203.0.113.8")]
    await c.client.patch(ENDPOINTS, "db", {"subsets": subsets}, "default")
    await c.settle()
    (again,) = await c.list(ENDPOINT_SLICES, label_selector=f"{SERVICE_NAME}=db")
    assert again["metadata"]["uid"] == piece["metadata"]["uid"]
    assert again["endpoints"][0]["addresses"] == ["203.0.113.8"]
    await c.client.delete(ENDPOINT_SLICES, again["metadata"]["name"], "default")
    await c.settle()
    assert len(await c.list(ENDPOINT_SLICES, label_selector=f"{SERVICE_NAME}=db")) == 1
    await c.client.delete(SERVICES, "db", "default")
    await c.settle()
    assert await c.list(ENDPOINT_SLICES, label_selector=f"{SERVICE_NAME}=db") == []
    assert [e["metadata"]["name"] for e in await c.list(ENDPOINTS)] == ["kubernetes"]
