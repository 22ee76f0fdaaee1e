import asyncio

import pytest

from miniplane.api import errors
from miniplane.api.objects import name_of
from miniplane.api.resources import CONFIGMAPS, NODES, PODS
from miniplane.clock import VirtualClock
from miniplane.runtime.informer import InformerFactory, State, by_controller, by_node, by_owner


def pod(name, namespace="a", node="", owner="", **labels):
    made = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"nodeName": node} if node else {},
    }
    if owner:
        made["metadata"]["ownerReferences"] = [{"uid": owner, "controller": True}]
    return made


class Story:
    """What a handler was told, in short."""

    def __init__(self):
        self.lines = []

    def __call__(self, old, new):
        verb = "add" if old is None else "delete" if new is None else "update"
        obj = old if new is None else new
        self.lines.append((verb, name_of(obj), obj["metadata"]["resourceVersion"]))

    def take(self):
        lines, self.lines = self.lines, []
        return lines


async def turns(count=10):
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.fixture
async def factory(api, clock):
    factory = InformerFactory(api, clock)
    yield factory
    await factory.stop()


@pytest.fixture
def story():
    return Story()


async def started(factory, story, resource=PODS):
    informer = factory.of(resource)
    informer.on_change(story)
    factory.start()
    await factory.wait_synced()
    await turns()
    return informer


async def test_it_lists_then_watches(api, factory, story):
    await api.create(PODS, pod("one"))
    informer = factory.of(PODS)
    assert (informer.state, informer.synced, informer.idle) == (State.EMPTY, False, False)
    await started(factory, story)
    assert (informer.state, informer.synced, informer.idle) == (State.WATCHING, True, True)
    await api.create(PODS, pod("two"))
    assert not informer.idle
    await turns()
    assert informer.idle
    changed = dict(informer.get("a", "two"), spec={"nodeName": "n"})
    await api.update(PODS, changed)
    await api.delete(PODS, "one", "a")
    await turns()
    assert story.take() == [
        ("add", "one", "1"),
        ("add", "two", "2"),
        ("update", "two", "3"),
        ("delete", "one", "4"),
    ]
    assert informer.names("a") == ["two"]
    assert informer.get("a", "one") is None
    assert informer.resource_version == "4"
    informer._check()


async def test_handlers_get_old_and_new(api, factory):
    pairs = []
    informer = factory.of(PODS)
    informer.on_change(lambda old, new: pairs.append((old, new)))
    factory.start()
    made = await api.create(PODS, pod("one"))
    await factory.wait_synced()
    await turns()
    changed = await api.update(PODS, dict(made, spec={"nodeName": "n"}))
    await api.delete(PODS, "one", "a")
    await turns()
    (old1, new1), (old2, new2), (old3, new3) = pairs
    assert (old1, new1) == (None, made)
    assert (old2, new2) == (made, changed)
    assert new3 is None
    assert old3["spec"] == {"nodeName": "n"}


async def test_the_copy_is_up_to_date_when_a_handler_is_called(api, factory):
    seen = []
    informer = factory.of(PODS)
    informer.add_index("node", by_node)
    informer.on_change(
        lambda old, new: seen.append([name_of(p) for p in informer.by_index("node", "n")])
    )
    factory.start()
    await api.create(PODS, pod("one", node="n"))
    await factory.wait_synced()
    await turns()
    await api.delete(PODS, "one", "a")
    await turns()
    assert seen == [["one"], []]


async def test_after_expiry_it_tells_the_difference(api, factory, story):
    for name in ("stays", "changes", "goes", "replaced"):
        await api.create(PODS, pod(name))
    informer = await started(factory, story)
    story.take()
    # All this happens while the events are lost.
    api.expire()
    await api.update(PODS, dict(api.find(PODS, "changes", "a"), spec={"x": 1}))
    await api.delete(PODS, "goes", "a")
    await api.delete(PODS, "replaced", "a")
    await api.create(PODS, pod("replaced"))
    await api.create(PODS, pod("comes"))
    api.log.clear()
    await turns()
    assert story.take() == [
        ("update", "changes", "5"),
        ("add", "comes", "9"),
        ("delete", "replaced", "4"),
        ("add", "replaced", "8"),
        ("delete", "goes", "3"),
    ]
    assert informer.idle
    informer._check()
    await api.delete(PODS, "comes", "a")
    await turns()
    assert story.take() == [("delete", "comes", "10")]


async def test_a_stream_that_ends_is_taken_up_again_without_a_list(api, factory, story):
    await api.create(PODS, pod("one"))
    await started(factory, story)
    api.end_watches()
    await api.create(PODS, pod("two"))
    await turns()
    assert [line[1] for line in story.take()] == ["one", "two"]
    assert [c[1] for c in api.calls if c[1] in ("list", "watch")] == ["list", "watch", "watch"]


async def test_errors_are_retried_after_a_growing_pause(api, factory, clock, story):
    unavailable = errors.StatusError(503, "ServiceUnavailable", "not now")
    api.fail_next["list"] = [unavailable, unavailable]
    api.fail_next["watch"] = [unavailable]
    informer = factory.of(PODS)
    informer.on_change(story)
    factory.start()
    pauses = []
    for _ in range(3):
        await turns()
        assert not informer.idle
        pauses.append(round(clock.next_timer() - clock.time(), 3))
        clock.step()
    await turns()
    assert pauses == [0.8, 1.6, 0.8]
    assert informer.idle


async def test_a_handler_that_fails_does_not_stop_the_others(api, factory, story, caplog):
    def broken(old, new):
        raise RuntimeError("no")

    factory.of(PODS).on_change(broken)
    await started(factory, story)
    await api.create(PODS, pod("one"))
    await turns()
    assert story.take() == [("add", "one", "1")]
    assert "a handler failed" in caplog.text


async def test_a_late_handler_is_told_what_is_there(api, factory, story):
    await api.create(PODS, pod("one"))
    informer = await started(factory, story)
    late = Story()
    informer.on_change(late)
    assert late.take() == [("add", "one", "1")]


async def test_a_late_index_knows_what_is_there(api, factory, story):
    await api.create(PODS, pod("one", owner="u1"))
    await api.create(PODS, pod("two", "b", owner="u1"))
    await api.create(PODS, pod("three"))
    informer = await started(factory, story)
    informer.add_index("owner", by_owner)
    informer.add_index("owner", by_owner)
    informer.add_index("controller", by_controller)
    assert [name_of(p) for p in informer.by_index("owner", "u1")] == ["one", "two"]
    assert [name_of(p) for p in informer.by_index("controller", "u1")] == ["one", "two"]
    assert informer.by_index("owner", "u2") == []
    with pytest.raises(ValueError):
        informer.add_index("owner", by_node)
    with pytest.raises(KeyError):
        informer.by_index("unknown", "x")
    one = api.find(PODS, "one", "a")
    meta = {k: v for k, v in one["metadata"].items() if k != "ownerReferences"}
    await api.update(PODS, dict(one, metadata=meta))
    await turns()
    assert [name_of(p) for p in informer.by_index("owner", "u1")] == ["two"]
    informer._check()


async def test_cluster_scoped_objects_have_no_namespace(api, factory, story):
    await api.create(NODES, {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}})
    informer = await started(factory, story, NODES)
    assert name_of(informer.get("", "n1")) == "n1"
    assert len(informer) == len(informer.list()) == len(informer.list("")) == 1


async def test_many_events_are_delivered_in_order_and_leave_room_for_others(api, factory, story):
    informer = await started(factory, story, CONFIGMAPS)
    for i in range(2000):
        meta = {"name": f"c{i}", "namespace": "a"}
        await api.create(CONFIGMAPS, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta})
    await asyncio.sleep(0)
    assert 0 < len(informer) < 2000
    assert not informer.idle
    await turns()
    assert [line[1] for line in story.take()] == [f"c{i}" for i in range(2000)]
    assert informer.idle


async def test_informers_are_shared_and_dropped(api, factory, story):
    informer = await started(factory, story)
    assert factory.of(PODS) is informer
    late = factory.of(NODES)
    assert not factory.idle
    await turns()
    assert late.synced
    assert factory.idle
    assert factory.informers == [informer, late]
    await factory.drop(NODES)
    await factory.drop(NODES)
    assert late.state is State.STOPPED
    assert factory.informers == [informer]
    assert len(api.watches) == 1


@pytest.mark.parametrize("seed", range(25))
async def test_whatever_happens_the_copy_ends_up_true(make_api, seed):
    """Random writes with expiries and ended streams between: copy, indexes and story all agree."""
    import random

    dice = random.Random(seed)
    api, clock = make_api(), VirtualClock()
    factory = InformerFactory(api, clock)
    informer = factory.of(PODS)
    informer.add_index("node", by_node)
    told = {}

    def handler(old, new):
        obj = new or old
        key = (obj["metadata"]["namespace"], name_of(obj))
        if old is None:
            assert key not in told
        else:
            assert told[key]["metadata"]["uid"] == old["metadata"]["uid"]
        if new is None:
            del told[key]
        else:
            told[key] = new

    informer.on_change(handler)
    factory.start()
    for _ in range(300):
        name, namespace = dice.choice("vwxyz"), dice.choice("ab")
        there = api.objects[PODS].get(f"{namespace}/{name}")
        what = dice.random()
        if what < 0.05:
            api.expire()
            continue
        if what < 0.1:
            api.end_watches()
        elif what < 0.13:
            api.fail_next[dice.choice(["list", "watch"])].append(RuntimeError("broken"))
        elif there is None:
            await api.create(PODS, pod(name, namespace, node=dice.choice(["", "n1", "n2"])))
        elif what < 0.6:
            await api.update(PODS, dict(there, spec={"nodeName": dice.choice(["n1", "n2"])}))
        else:
            await api.delete(PODS, name, namespace)
        for _ in range(dice.randrange(4)):
            await asyncio.sleep(0)
        if dice.random() < 0.3:
            clock.advance(5)
        informer._check()
    api.fail_next.clear()
    for _ in range(20):
        await turns()
        clock.advance(30)
    assert informer.idle
    truth = {k: o["metadata"]["resourceVersion"] for k, o in api.objects[PODS].items()}
    copy = {
        f"{o['metadata']['namespace']}/{name_of(o)}": o["metadata"]["resourceVersion"]
        for o in informer.list()
    }
    assert copy == truth
    assert sorted(f"{ns}/{name}" for ns, name in told) == sorted(truth)
    await factory.stop()
