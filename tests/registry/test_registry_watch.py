"""WATCH: selectors, initial events, bookmarks, the ends of history."""

import asyncio

import pytest

from miniplane.api.errors import StatusError
from miniplane.api.options import ListOptions
from miniplane.api.resources import CONFIGMAPS, NODES, PODS
from miniplane.testing import objects


class Recorder:
    """A watch and short words for its events: `ADDED a`, `MODIFIED a`..."""

    def __init__(self, world, resource=CONFIGMAPS, namespace="default", **options):
        self.watch = world.registry.watch(resource, namespace, ListOptions(**options))

    def events(self):
        found = []
        while batch := self.watch.poll():
            found += batch
        return found

    def told(self):
        return [
            event.type if event.stored is None else f"{event.type} {name_of(event)}"
            for event in self.events()
        ]

    def error(self):
        with pytest.raises(StatusError) as caught:
            self.watch.poll()
        return caught.value


def name_of(event):
    return event.stored.obj["metadata"]["name"]


@pytest.fixture
def record(world):
    made = []

    def start(**options):
        made.append(Recorder(world, **options))
        return made[-1]

    yield start
    for recorder in made:
        recorder.watch.close()


def now(world):
    return str(world.revision)


def put(world, name="a", *, namespace="default", data=None, **labels):
    obj = objects.config_map(name, data, namespace=namespace)
    obj["metadata"]["labels"] = labels
    if world.find(CONFIGMAPS, name, namespace=namespace) is None:
        world.create(CONFIGMAPS, obj)
    else:
        world.update(CONFIGMAPS, obj)


def test_what_happens_after_a_revision(world, record):
    put(world, "before")
    watch = record(resource_version=now(world))
    put(world, "a")
    put(world, "a", data={"k": "1"})
    put(world, "elsewhere", namespace="other")
    world.create(PODS, objects.pod("p"))
    put(world, "a", data={"k": "1"})
    world.delete(CONFIGMAPS, "before")
    world.delete(CONFIGMAPS, "a")
    assert watch.told() == ["ADDED a", "MODIFIED a", "DELETED before", "DELETED a"]
    assert watch.watch.idle


def test_each_event_has_the_object_of_its_revision(world, record):
    watch = record(resource_version=now(world))
    put(world, "a", data={"k": "1"})
    put(world, "a", data={"k": "2"})
    world.delete(CONFIGMAPS, "a")
    events = watch.events()
    assert [event.stored.obj["data"]["k"] for event in events] == ["1", "2", "2"]
    for event in events:
        assert event.stored.obj["metadata"]["resourceVersion"] == str(event.revision)
    assert [event.revision for event in events] == [world.revision - 2 + i for i in range(3)]


def test_a_watch_of_the_past(world, record):
    start = now(world)
    put(world, "a")
    middle = now(world)
    put(world, "b")
    assert record(resource_version=start).told() == ["ADDED a", "ADDED b"]
    assert record(resource_version=middle).told() == ["ADDED b"]


def test_all_namespaces(world, record):
    watch = record(namespace="", resource_version=now(world))
    put(world, "a")
    put(world, "b", namespace="other")
    assert watch.told() == ["ADDED a", "ADDED b"]


# Selectors.


def test_labels_that_come_and_go(world, record):
    watch = record(resource_version=now(world), label_selector="app=web")
    put(world, "a", app="web")
    put(world, "a", app="web", v="2")
    put(world, "a", app="db")
    put(world, "a", app="cache")
    put(world, "b", app="db")
    put(world, "a", app="web")
    world.delete(CONFIGMAPS, "b")
    world.delete(CONFIGMAPS, "a")
    events = watch.events()
    assert [event.type for event in events] == [
        "ADDED",
        "MODIFIED",
        "DELETED",
        "ADDED",
        "DELETED",
    ]
    gone = events[2]
    assert gone.stored.obj["metadata"]["labels"] == {"app": "web", "v": "2"}
    assert gone.stored.obj["metadata"]["resourceVersion"] == str(gone.revision)
    assert int(events[1].stored.obj["metadata"]["resourceVersion"]) < gone.revision


def test_fields_that_come_and_go(world, record):
    start = {"resource": PODS, "resource_version": now(world)}
    pending = record(**start, field_selector="status.phase=Pending")
    on_node = record(**start, field_selector="spec.nodeName=n")
    one = record(**start, field_selector="metadata.name=p")
    world.create(PODS, objects.pod("p"))
    world.create(PODS, objects.pod("q", nodeName="n"))
    binding = {"metadata": {"name": "p"}, "target": {"name": "n"}}
    world.post(PODS, binding, namespace="default", name="p", subresource="binding")
    world.patch(PODS, "p", {"status": {"phase": "Running"}}, subresource="status")
    world.delete(PODS, "p", grace_period_seconds=0)
    assert pending.told() == ["ADDED p", "ADDED q", "MODIFIED p", "DELETED p"]
    assert on_node.told() == ["ADDED q", "ADDED p", "MODIFIED p", "MODIFIED p", "DELETED p"]
    assert one.told() == ["ADDED p", "MODIFIED p", "MODIFIED p", "MODIFIED p", "DELETED p"]


def test_an_object_of_another_that_was_never_chosen_is_not_told(world, record):
    put(world, "a", app="db")
    watch = record(resource_version=now(world), label_selector="app=web")
    put(world, "a", app="cache")
    world.delete(CONFIGMAPS, "a")
    assert watch.told() == []


# The initial state.


@pytest.mark.parametrize("revision", ["", "0"])
def test_without_a_revision_the_present_state_comes_first(world, record, revision):
    put(world, "b", app="web")
    put(world, "a", app="web")
    put(world, "c", app="db")
    watch = record(resource_version=revision, label_selector="app=web")
    put(world, "b", app="db")
    events = watch.events()
    assert [(event.type, name_of(event)) for event in events] == [
        ("ADDED", "a"),
        ("ADDED", "b"),
        ("DELETED", "b"),
    ]
    for event in events:
        assert event.revision == int(event.stored.obj["metadata"]["resourceVersion"])


def test_streaming_lists(world, record):
    put(world, "b")
    put(world, "a")
    asked = {"send_initial_events": True, "resource_version_match": "NotOlderThan"}
    with_mark = record(**asked, allow_watch_bookmarks=True)
    without = record(**asked)
    at = world.revision
    put(world, "c")
    events = with_mark.events()
    assert [event.type for event in events] == ["ADDED", "ADDED", "BOOKMARK", "ADDED"]
    assert [name_of(event) for event in events[:2]] == ["a", "b"]
    mark = events[2]
    assert (mark.revision, mark.initial_events_end) == (at, True)
    assert without.told() == ["ADDED a", "ADDED b", "ADDED c"]


def test_streaming_lists_of_nothing(world, record):
    watch = record(send_initial_events=True, allow_watch_bookmarks=True)
    [mark] = watch.events()
    assert (mark.type, mark.revision) == ("BOOKMARK", world.revision)


def test_a_streaming_list_not_older_than_an_old_revision_is_of_the_present(world, record):
    old = now(world)
    put(world, "a")
    put(world, "a", data={"k": "2"})
    watch = record(resource_version=old, send_initial_events=True, allow_watch_bookmarks=True)
    put(world, "b")
    assert watch.told() == ["ADDED a", "BOOKMARK", "ADDED b"]


def test_a_streaming_list_of_the_future_is_refused(world, record):
    put(world, "a")
    with world.refused(504, "Timeout", "Too large resource version"):
        record(resource_version=str(world.revision + 3), send_initial_events=True)


def test_initial_events_can_be_declined(world, record):
    put(world, "a")
    watch = record(resource_version="0", send_initial_events=False)
    put(world, "b")
    assert watch.told() == ["ADDED b"]


# The ends of history.


def test_history_that_is_forgotten_is_410(make_world):
    world = make_world(watch_window=5)
    start = now(world)
    for number in range(20):
        put(world, "a", data={"k": str(number)})
    error = Recorder(world, resource_version=start).error()
    assert (error.code, error.reason) == (410, "Expired")
    assert error.message.startswith(f"too old resource version: {start} (")


def test_whoever_falls_behind_is_told(make_world):
    world = make_world(watch_window=5)
    slow, quick = (Recorder(world, resource_version=now(world)) for _ in range(2))
    elsewhere = Recorder(world, namespace="other", resource_version=now(world))
    assert elsewhere.told() == []
    for number in range(40):
        put(world, "a", data={"k": str(number)})
        assert len(quick.events()) == 1
    assert slow.error().code == 410
    put(world, "b", namespace="other")
    assert elsewhere.told() == ["ADDED b"], "what does not concern a watch does not age it"


def test_a_watch_from_the_oldest_revision_that_is_kept(make_world):
    world = make_world(watch_window=5)
    for number in range(40):
        put(world, "a", data={"k": str(number)})
    oldest = world.store.oldest
    told = Recorder(world, resource_version=str(oldest)).told()
    assert len(told) == world.revision - oldest
    assert Recorder(world, resource_version=str(oldest - 1)).error().code == 410


def test_a_watch_of_the_future_waits_for_it(world, record):
    watch = record(resource_version=str(world.revision + 2))
    put(world, "a")
    put(world, "b")
    assert watch.told() == []
    assert watch.watch.bookmark().revision == world.revision
    put(world, "c")
    assert watch.told() == ["ADDED c"]


def test_a_bookmark_of_a_future_watch_does_not_lead_back(world, record):
    ahead = world.revision + 5
    watch = record(resource_version=str(ahead))
    assert watch.told() == []
    assert watch.watch.bookmark().revision == ahead


def test_a_revision_that_is_no_number(world, record):
    with world.refused(500, "", 'Invalid value: "abc"'):
        record(resource_version="abc")


# Bookmarks.


def test_a_bookmark_is_where_another_watch_may_go_on(world, record):
    first = record(resource_version=now(world))
    put(world, "a")
    first.events()
    put(world, "x", namespace="other")
    mark = first.watch.bookmark()
    assert mark.revision == world.revision
    put(world, "b")
    assert record(resource_version=str(mark.revision)).told() == ["ADDED b"]


def test_a_bookmark_does_not_pass_what_is_not_delivered_yet(world, record):
    watch = record(resource_version=now(world))
    watch.events()
    before = world.revision
    put(world, "a")
    put(world, "b")
    assert watch.watch.bookmark().revision == before
    watch.events()
    assert watch.watch.bookmark().revision == world.revision


# Waiting.


async def test_next_waits_for_an_event(world, record):
    watch = record(resource_version=now(world)).watch
    waiting = asyncio.create_task(watch.next())
    await asyncio.sleep(0)
    put(world, "elsewhere", namespace="other")
    await asyncio.sleep(0)
    assert not waiting.done()
    put(world, "a")
    [event] = await waiting
    assert name_of(event) == "a"
    assert await watch.next(timeout=0.001) == []


async def test_next_waits_for_what_is_chosen(world, record):
    watch = record(resource_version=now(world), label_selector="app=web").watch
    waiting = asyncio.create_task(watch.next())
    await asyncio.sleep(0)
    put(world, "a", app="db")
    await asyncio.sleep(0)
    assert not waiting.done()
    put(world, "a", app="web")
    [event] = await waiting
    assert event.type == "ADDED"


async def test_closing_wakes_who_waits(world, record):
    watch = record(resource_version=now(world)).watch
    waiting = asyncio.create_task(watch.next())
    await asyncio.sleep(0)
    watch.close()
    assert await waiting == []
    put(world, "a")


async def test_a_read_that_is_cancelled_loses_nothing(world, record):
    watch = record(resource_version=now(world)).watch
    waiting = asyncio.create_task(watch.next())
    await asyncio.sleep(0)
    put(world, "a")
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    put(world, "b")
    assert [name_of(event) for event in await watch.next()] == ["a", "b"]


def test_cluster_scoped_kinds(world, record):
    watch = record(resource=NODES, namespace="", resource_version=now(world))
    world.create(NODES, objects.node("n"))
    assert watch.told() == ["ADDED n"]


def test_long_histories_come_in_order(world, record):
    start = now(world)
    for number in range(2500):
        namespace = "other" if number % 2 else "default"
        put(world, f"a{number % 7}", namespace=namespace, data={"k": str(number)})
    events = record(resource_version=start).events()
    assert [event.stored.obj["data"]["k"] for event in events] == [
        str(number) for number in range(0, 2500, 2)
    ]
