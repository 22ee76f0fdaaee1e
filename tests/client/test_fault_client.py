"""The client that fails on purpose, over one that writes down what reaches it."""

import asyncio

import pytest

from miniplane.api import errors
from miniplane.api.errors import StatusError
from miniplane.api.resources import CONFIGMAPS, PODS
from miniplane.client import fault as faults
from miniplane.client.fault import Fault, FaultClient
from miniplane.client.protocol import ClientEvent, ObjectList, PlainHandle, WatchEnded
from miniplane.clock import VirtualClock
from miniplane.ids import Ids

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "a"}}


class Watch:
    def __init__(self):
        self.queue = asyncio.Queue()
        self.closed = False

    @property
    def pending(self):
        return not self.queue.empty()

    async def next(self, timeout=None):
        event = await self.queue.get()
        if event is None:
            raise WatchEnded
        return [event]

    def close(self):
        self.closed = True
        self.queue.put_nowait(None)


class Inner:
    def __init__(self, manager="m", reached=None):
        self.manager = manager
        self.reached = [] if reached is None else reached
        self.watches = []

    def with_manager(self, manager, *, user=None):
        return Inner(manager, self.reached)

    async def get(self, resource, name, namespace="", **_):
        self.reached.append(("get", name))
        return POD

    async def list(self, resource, namespace="", **_):
        self.reached.append(("list", namespace))
        return ObjectList([PlainHandle(POD)], "7")

    async def create(self, resource, obj, **_):
        self.reached.append(("create", obj["metadata"]["name"]))
        return obj

    async def update(self, resource, obj, **_):
        self.reached.append(("update", obj["metadata"]["name"]))
        return obj

    async def patch(self, resource, name, patch, namespace="", **_):
        self.reached.append(("patch", name))
        return POD

    async def delete(self, resource, name, namespace="", **_):
        self.reached.append(("delete", name))

    async def delete_collection(self, resource, namespace="", **_):
        self.reached.append(("delete_collection", namespace))

    async def watch(self, resource, namespace="", **_):
        self.reached.append(("watch", namespace))
        self.watches.append(Watch())
        return self.watches[-1]


@pytest.fixture
def inner():
    return Inner()


async def every_verb(client):
    yield client.get(PODS, "p", "a")
    yield client.list(PODS, "a")
    yield client.create(PODS, POD)
    yield client.update(PODS, POD)
    yield client.patch(PODS, "p", {}, "a")
    yield client.delete(PODS, "p", "a")
    yield client.delete_collection(PODS, "a")
    yield client.watch(PODS, "a", resource_version="7")


VERBS = ["get", "list", "create", "update", "patch", "delete", "delete_collection", "watch"]


async def test_without_a_plan_all_goes_through(inner):
    client = FaultClient(inner)
    async for call in every_verb(client):
        await call
    assert [verb for verb, _ in inner.reached] == VERBS
    assert client.calls == len(VERBS)


async def test_an_error_before_keeps_the_call_from_the_server(inner):
    seen = []

    def plan(call):
        seen.append(call.verb)
        return Fault(faults.unavailable(call))

    async for call in every_verb(FaultClient(inner, plan)):
        with pytest.raises(StatusError, match="currently unable"):
            await call
    assert inner.reached == []
    assert seen == VERBS


async def test_an_error_after_is_a_lost_answer(inner):
    client = FaultClient(inner, lambda call: Fault(faults.timeout(call), after=True))
    async for call in every_verb(client):
        if call.__name__ == "watch":
            watch = await call
            assert watch.pending
            call = watch.next()
        with pytest.raises(StatusError, match="Timeout"):
            await call
    assert [verb for verb, _ in inner.reached] == VERBS


async def test_the_plan_sees_what_is_called(inner):
    calls = []
    client = FaultClient(inner, lambda call: calls.append(call))
    await client.with_manager("other").create(PODS, POD, name="p", subresource="binding")
    (call,) = calls
    assert (call.number, call.verb, call.resource, call.namespace) == (1, "create", PODS, "a")
    assert (call.name, call.subresource, call.manager) == ("p", "binding", "other")
    assert call.body is POD


async def test_refuse_counts_what_it_matches(inner):
    plan = faults.refuse(
        2, faults.conflict, verbs=("update",), matches=lambda call: call.resource is PODS
    )
    client = FaultClient(inner, plan)
    await client.create(PODS, POD)
    await client.update(CONFIGMAPS, POD)
    for _ in range(2):
        with pytest.raises(StatusError) as failed:
            await client.update(PODS, POD)
        assert errors.is_conflict(failed.value)
    await client.update(PODS, POD)
    client.set_plan(faults.refuse(1))
    with pytest.raises(StatusError):
        await client.with_manager("other").delete(PODS, "p", "a")


async def test_weather_is_the_same_for_the_same_seed():
    async def outcome(seed):
        inner, story = Inner(), []
        client = FaultClient(inner, faults.weather(Ids(seed=seed), rate=0.4))
        for _ in range(60):
            try:
                await client.update(PODS, POD)
                story.append("ok")
            except StatusError as error:
                story.append(error.reason)
        return story, len(inner.reached)

    story, reached = await outcome(1)
    assert (story, reached) == await outcome(1)
    assert story != (await outcome(2))[0]
    assert sorted(dict.fromkeys(story)) == ["Conflict", "ServiceUnavailable", "Timeout", "ok"]
    # Some of the timeouts had been done.
    assert reached > story.count("ok")


async def test_a_delay_passes_on_the_clock(inner):
    clock = VirtualClock()
    client = FaultClient(inner, lambda call: Fault(delay=3), clock=clock)
    task = asyncio.create_task(client.get(PODS, "p", "a"))
    await asyncio.sleep(0)
    assert inner.reached == []
    clock.advance(3)
    assert await task is POD
    calm = faults.weather(Ids(seed=1), rate=0, verbs=("get",), slow=2)
    client.set_plan(calm)
    task = asyncio.create_task(client.get(PODS, "p", "a"))
    await asyncio.sleep(0)
    assert not task.done()
    clock.advance(2)
    await task


async def test_open_watches_can_be_broken(inner):
    client = FaultClient(inner)
    watch = await client.watch(PODS, resource_version="7")
    event = ClientEvent("ADDED", PlainHandle(POD), "8")
    inner.watches[0].queue.put_nowait(event)
    assert watch.pending
    assert await watch.next() == [event]
    waiting = asyncio.create_task(watch.next())
    await asyncio.sleep(0)
    client.break_watches()
    with pytest.raises(StatusError) as failed:
        await waiting
    assert errors.is_expired(failed.value)
    assert inner.watches[0].closed
    client.break_watches()
    other = await client.watch(PODS, resource_version="7")
    inner.watches[1].close()
    with pytest.raises(WatchEnded):
        await other.next()
