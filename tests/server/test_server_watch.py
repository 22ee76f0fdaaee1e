import asyncio
import contextlib
import json
import socket

import pytest

from miniplane.api import errors, resources
from miniplane.server.verbs import watch as watch_verb

PODS = "/api/v1/namespaces/default/pods?watch=true"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
METADATA = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


class Stream:
    """The lines of a watch, read as they come."""

    def __init__(self, response):
        self.response = response

    async def next(self):
        line = await asyncio.wait_for(self.response.content.readline(), 5)
        return json.loads(line) if line else None


@pytest.fixture
async def open_watch(http):
    """Opens watches; all are closed in the end."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(path=PODS, **headers):
            response = await stack.enter_async_context(http.open(f"GET {path}", **headers))
            return Stream(response)

        yield start


def pods(registry, *names):
    return [
        registry.put(resources.PODS, {"metadata": {"name": name, "namespace": "default"}})
        for name in names
    ]


async def test_events_are_lines_with_whole_objects(open_watch, registry):
    stream = await open_watch()
    assert stream.response.status == 200
    assert stream.response.headers["Content-Type"] == "application/json"
    assert stream.response.headers["Transfer-Encoding"] == "chunked"
    one, two = pods(registry, "a", "b")
    registry.watches[0].put(
        registry.event("ADDED", one, 11),
        registry.event("MODIFIED", two, 12),
        registry.event("DELETED", two, 13),
    )
    assert await stream.next() == {"type": "ADDED", "object": one.obj}
    assert await stream.next() == {"type": "MODIFIED", "object": two.obj}
    assert await stream.next() == {"type": "DELETED", "object": two.obj}


async def test_the_options_of_a_watch_reach_the_registry(open_watch, registry):
    await open_watch(
        f"{PODS}&resourceVersion=5&allowWatchBookmarks=true&sendInitialEvents=true"
        "&resourceVersionMatch=NotOlderThan&labelSelector=a"
    )
    (resource, namespace, options), _ = registry.last("watch")
    assert (resource, namespace) == (resources.PODS, "default")
    assert options.allow_watch_bookmarks
    assert options.send_initial_events is True
    assert (options.resource_version, options.label_selector) == ("5", "a")


@pytest.mark.parametrize(
    ("value", "watching"), [("1", True), ("", True), ("0", False), ("False", False)]
)
async def test_what_counts_as_a_watch(http, registry, value, watching):
    async with http.open(f"GET /api/v1/pods?watch={value}&timeoutSeconds=1"):
        assert registry.calls[-1][0] == ("watch" if watching else "list")


async def test_the_end_of_the_initial_events(open_watch, registry):
    stream = await open_watch("/apis/apps/v1/namespaces/a/statefulsets?watch=1")
    registry.watches[0].put(registry.event("BOOKMARK", None, 42, initial_events_end=True))
    assert await stream.next() == {
        "type": "BOOKMARK",
        "object": {
            "kind": "StatefulSet",
            "apiVersion": "apps/v1",
            "metadata": {
                "resourceVersion": "42",
                "annotations": {"k8s.io/initial-events-end": "true"},
            },
            "spec": {
                "replicas": 0,
                "selector": None,
                "template": {"metadata": {}, "spec": {"containers": None}},
                "serviceName": "",
                "updateStrategy": {},
            },
            "status": {"replicas": 0, "availableReplicas": 0},
        },
    }


async def test_bookmarks_come_round_for_those_who_allow_them(open_watch, registry, monkeypatch):
    monkeypatch.setattr(watch_verb, "BOOKMARK_INTERVAL", 0.05)
    without = await open_watch()
    stream = await open_watch(f"{PODS}&allowWatchBookmarks=true")
    registry.watches[1].revision = 21
    for _ in range(2):
        event = await stream.next()
        assert event["type"] == "BOOKMARK"
        assert event["object"]["kind"] == "Pod"
        assert event["object"]["metadata"] == {"resourceVersion": "21"}
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(without.response.content.readline(), 0.2)


async def test_a_watch_ends_when_its_time_is_up(open_watch, registry):
    stream = await open_watch(f"{PODS}&timeoutSeconds=1")
    registry.watches[0].put(registry.event("ADDED", *pods(registry, "a"), 11))
    assert (await stream.next())["type"] == "ADDED"
    assert await stream.next() is None
    assert registry.watches[0].closed


async def test_a_watch_ends_with_an_error_when_it_has_fallen_behind(open_watch, registry):
    stream = await open_watch()
    gone = errors.expired("too old resource version: 3 (9)")
    registry.watches[0].put(registry.event("ADDED", *pods(registry, "a"), 11), gone)
    assert (await stream.next())["type"] == "ADDED"
    assert await stream.next() == {"type": "ERROR", "object": gone.to_status()}
    assert await stream.next() is None


async def test_a_watch_from_a_revision_that_is_gone(open_watch, registry):
    gone = errors.expired("too old resource version: 3 (9)")

    def refuse(*_):
        raise gone

    registry.answer["watch"] = refuse
    stream = await open_watch(f"{PODS}&resourceVersion=3")
    assert stream.response.status == 200
    assert await stream.next() == {"type": "ERROR", "object": gone.to_status()}
    assert await stream.next() is None


@pytest.mark.parametrize(
    ("query", "messages"),
    [
        (
            "resourceVersion=0&resourceVersionMatch=NotOlderThan",
            ["resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"],
        ),
        (
            "sendInitialEvents=true",
            ["sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"],
        ),
        (
            "sendInitialEvents=false&resourceVersionMatch=Exact&resourceVersion=5",
            [
                "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
                'Unsupported value: "Exact": supported values: "NotOlderThan"',
            ],
        ),
    ],
)
async def test_options_of_a_watch_that_contradict_each_other(http, query, messages):
    answer = await http(f"GET {PODS}&{query}")
    assert answer.status == 422
    causes = [cause["message"] for cause in answer.json["details"]["causes"]]
    assert [c.endswith(m) for c, m in zip(causes, messages, strict=True)] == [True] * len(causes)


async def test_an_error_before_the_first_event_is_a_plain_answer(http, registry):
    def refuse(*_):
        raise errors.bad_request("no such selector")

    registry.answer["watch"] = refuse
    answer = await http(f"GET {PODS}")
    assert (answer.status, answer.json["message"]) == (400, "no such selector")


async def test_only_the_first_table_has_columns(open_watch, registry):
    stream = await open_watch(Accept=f"{TABLE},application/json")
    one, two = pods(registry, "a", "b")
    registry.watches[0].put(registry.event("ADDED", one, 11), registry.event("ADDED", two, 12))
    first, second = (await stream.next())["object"], (await stream.next())["object"]
    assert (first["kind"], second["kind"]) == ("Table", "Table")
    assert first["columnDefinitions"][0]["name"] == "Name"
    assert not second["columnDefinitions"]
    assert first["metadata"] == {"resourceVersion": one.obj["metadata"]["resourceVersion"]}
    assert second["rows"][0]["cells"][0] == "b"
    registry.watches[0].put(registry.event("BOOKMARK", None, 13, initial_events_end=True))
    last = await stream.next()
    assert (last["type"], last["object"]["kind"]) == ("BOOKMARK", "Table")
    assert last["object"]["metadata"] == {"resourceVersion": "13"}


async def test_events_with_metadata_alone(open_watch, registry):
    stream = await open_watch(Accept=METADATA)
    [one] = pods(registry, "a")
    registry.watches[0].put(
        registry.event("ADDED", one, 11),
        registry.event("BOOKMARK", None, 12),
    )
    form = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
    event = await stream.next()
    assert event["object"] == {**form, "metadata": one.obj["metadata"]}
    event = await stream.next()
    assert event["object"] == {**form, "metadata": {"resourceVersion": "12"}}


async def test_a_watch_cannot_be_yaml(http):
    answer = await http(f"GET {PODS}", Accept="application/yaml")
    assert answer.status == 406
    assert b"application/json;stream=watch" in answer.body


async def test_the_old_path_of_one_object_selects_it(open_watch, registry):
    await open_watch("/api/v1/watch/namespaces/default/pods/a?resourceVersion=3")
    (_, namespace, options), _ = registry.last("watch")
    assert (namespace, options.field_selector) == ("default", "metadata.name=a")


async def test_the_old_path_and_another_name(http):
    path = "/api/v1/watch/namespaces/default/pods/a?fieldSelector=metadata.name%3Db"
    answer = await http(f"GET {path}")
    assert answer.status == 400
    assert answer.json["message"] == "fieldSelector metadata.name doesn't match requested name"


async def test_a_watch_is_let_go_when_its_client_leaves(http, registry):
    async with http.open(f"GET {PODS}"):
        assert not registry.watches[0].closed
    await until(lambda: registry.watches[0].closed)


async def test_a_client_that_reads_nothing_is_cut_off(http, registry, monkeypatch):
    monkeypatch.setattr(watch_verb, "STALLED", 0.2)
    host, port = http.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(f"GET {PODS} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        await until(lambda: registry.watches)
        [watch] = registry.watches
        big = registry.put(
            resources.PODS,
            {"metadata": {"name": "big", "namespace": "default"}, "x": "x" * 100_000},
        )
        watch.put(*[registry.event("MODIFIED", big, n) for n in range(300)])
        await until(lambda: watch.closed)


async def test_a_slow_client_gets_everything(open_watch, registry):
    stream = await open_watch()
    [one] = pods(registry, "a" * 200)
    registry.watches[0].put(*[registry.event("MODIFIED", one, n) for n in range(5000)])
    for _ in range(5000):
        assert (await stream.next())["type"] == "MODIFIED"


async def test_stopping_the_server_ends_its_watches_at_once(http, registry):
    async with http.open(f"GET {PODS}") as one, http.open(f"GET {PODS}") as two:
        async with asyncio.timeout(1):
            await http.server.stop()
        assert await one.content.read() == b""
        assert await two.content.read() == b""
    assert all(watch.closed for watch in registry.watches)
