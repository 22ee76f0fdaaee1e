"""How the client in the server's process calls the registry."""

import asyncio
import dataclasses

import pytest

from miniplane.api.options import (
    ADMIN,
    MERGE_PATCH,
    STRATEGIC_MERGE_PATCH,
    DeleteOptions,
    ListOptions,
    User,
    WriteOptions,
)
from miniplane.api.resources import NODES, PODS
from miniplane.client.inprocess import InProcessClient
from miniplane.client.protocol import WatchEnded

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "a"}}
NODE = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}}


@dataclasses.dataclass
class Stored:
    obj: dict


@dataclasses.dataclass
class Result:
    stored: Stored
    status: dict | None = None


@dataclasses.dataclass
class Found:
    items: list
    revision: int


@dataclasses.dataclass
class Event:
    type: str
    stored: Stored | None
    revision: int


class Watch:
    ended = False

    def __init__(self):
        self.events = []
        self.closed = False

    @property
    def idle(self):
        return not self.events

    async def next(self, timeout=None):
        events, self.events = self.events, []
        if not events and not self.closed:
            await asyncio.sleep(timeout or 0)
        return events

    def close(self):
        self.closed = True


class Registry:
    """Notes the calls; every answer is the same."""

    asks = False

    def __init__(self):
        self.calls = []
        self.result = Result(Stored(POD))
        self.watches = []

    def get(self, *args, **kwargs):
        self.calls.append(("get", args, kwargs))
        return self.result.stored

    def list(self, *args):
        self.calls.append(("list", args, {}))
        return Found([self.result.stored], 42)

    def watch(self, *args):
        self.calls.append(("watch", args, {}))
        self.watches.append(Watch())
        return self.watches[-1]

    def __getattr__(self, verb):
        def call(*args, **kwargs):
            self.calls.append((verb, args, kwargs))
            return self.result

        return call


@pytest.fixture
def registry():
    return Registry()


@pytest.fixture
def client(registry):
    return InProcessClient(registry, "the-manager")


async def test_calls(client, registry):
    options = WriteOptions(field_manager="the-manager", field_validation="Ignore", user=ADMIN)
    assert await client.get(PODS, "p", "a") is POD
    assert await client.create(PODS, POD) is POD
    await client.create(NODES, NODE)
    await client.create(PODS, {"target": {}}, namespace="a", name="p", subresource="binding")
    await client.update(PODS, POD, subresource="status")
    await client.patch(PODS, "p", {"x": 1}, "a")
    await client.patch(PODS, "p", {"x": 1}, "a", patch_type=MERGE_PATCH, subresource="status")
    gone = DeleteOptions(uid="u")
    await client.delete(PODS, "p", "a", options=gone)
    await client.delete_collection(PODS, "a", label_selector="x=1")
    selected = ListOptions(label_selector="x=1")
    plain = {"name": "", "subresource": ""}
    strategic = {"patch_type": STRATEGIC_MERGE_PATCH, "subresource": ""}
    merge = {"patch_type": MERGE_PATCH, "subresource": "status"}
    assert registry.calls == [
        ("get", (PODS, "a", "p"), {"subresource": ""}),
        ("create", (PODS, "a", POD, options), plain),
        ("create", (NODES, "", NODE, options), plain),
        (
            "create",
            (PODS, "a", {"target": {}}, options),
            {"name": "p", "subresource": "binding"},
        ),
        ("update", (PODS, "a", "p", POD, options), {"subresource": "status"}),
        ("patch", (PODS, "a", "p", {"x": 1}, options), strategic),
        ("patch", (PODS, "a", "p", {"x": 1}, options), merge),
        ("delete", (PODS, "a", "p", gone), {}),
        ("delete_collection", (PODS, "a", DeleteOptions(), selected), {}),
    ]


async def test_a_list_shares_the_stores_handles(client, registry):
    found = await client.list(PODS, field_selector="spec.nodeName=n")
    assert found.items[0] is registry.result.stored
    assert found.resource_version == "42"
    assert registry.calls[-1][1] == (PODS, "", ListOptions(field_selector="spec.nodeName=n"))


async def test_an_answer_that_is_not_the_object(client, registry):
    registry.result = Result(Stored(POD), {"kind": "Status"})
    assert await client.create(PODS, POD, name="p", subresource="binding") == {"kind": "Status"}


async def test_managers(client, registry):
    other = client.with_manager("other")
    await other.create(PODS, POD)
    assert (client.manager, other.manager) == ("the-manager", "other")
    assert registry.calls[-1][1][3].field_manager == "other"


async def test_users(client, registry):
    jane = client.with_manager("other", user=User("jane", ("devs",)))
    await jane.create(PODS, POD)
    assert registry.calls[-1][1][3].user.name == "jane"
    await jane.with_manager("third").delete(PODS, "p", "a", options=DeleteOptions(uid="u"))
    options = registry.calls[-1][1][3]
    assert (options.user.name, options.uid) == ("jane", "u")
    await client.delete(PODS, "p", "a")
    assert registry.calls[-1][1][3].user is ADMIN


async def test_watches(client, registry):
    watch = await client.watch(PODS, "a", resource_version="7")
    assert registry.calls[-1][1] == (
        PODS,
        "a",
        ListOptions(resource_version="7", allow_watch_bookmarks=True),
    )
    inner = registry.watches[0]
    assert not watch.pending
    assert await watch.next(0.001) == []
    stored = Stored(POD)
    inner.events = [Event("ADDED", stored, 8), Event("BOOKMARK", None, 9)]
    assert watch.pending
    one, two = await watch.next()
    assert (one.type, one.handle, one.resource_version) == ("ADDED", stored, "8")
    assert (two.type, two.handle, two.resource_version) == ("BOOKMARK", None, "9")
    watch.close()
    assert inner.closed
    with pytest.raises(WatchEnded):
        await watch.next(5)


async def test_a_watch_that_the_registry_ends(client, registry):
    watch = await client.watch(PODS, resource_version="7")
    registry.watches[0].closed = True
    with pytest.raises(WatchEnded):
        await watch.next()
