"""The same promises over HTTP: streams of JSON lines, read at different speeds."""

import asyncio
import json
import random
import socket
import urllib.parse

import aiohttp
import pytest

from miniplane import testing
from miniplane.api.objects import Obj
from miniplane.api.resources import CONFIGMAPS
from miniplane.client.http import HttpClient
from miniplane.testing import objects

PATIENCE = 60.0
"""Nothing takes that long; a test that hangs is to fail."""
INITIAL_EVENTS_END = "k8s.io/initial-events-end"
STREAMING = {
    "sendInitialEvents": "true",
    "resourceVersionMatch": "NotOlderThan",
    "allowWatchBookmarks": "true",
}
QUERIES = (
    {"resourceVersion": "{now}"},
    {"resourceVersion": "{now}", "labelSelector": "colour=red"},
    {"resourceVersion": "0", "labelSelector": "colour!=red"},
    {"fieldSelector": "metadata.name=one"},
    STREAMING,
    {**STREAMING, "labelSelector": "colour"},
)
PATH = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
async def cluster():
    settings = {"nodes": 0, "controllers": "", "watch_window": 200}
    async with testing.cluster(http=True, **settings) as cluster:
        yield cluster


@pytest.fixture
async def client(cluster):
    async with HttpClient(cluster.url) as client:
        yield client


class Watcher:
    """One watch over HTTP, written down as it is read."""

    def __init__(self, guarantees, cluster, query: dict[str, str]) -> None:
        now = cluster.registry.revision
        self.told = guarantees.Told
        self.query = {key: value.format(now=now) for key, value in query.items()}
        self.url = cluster.url + PATH
        self.stream = guarantees.Stream(
            prefix="configmaps/default/",
            chosen=self.chosen,
            after=now,
            initial=self.query.get("resourceVersion", "0") == "0",
            marked="sendInitialEvents" in query,
            begun=True,
        )

    def chosen(self, obj: Obj) -> bool:
        metadata = obj["metadata"]
        colour = (metadata.get("labels") or {}).get("colour")
        by_label = {
            "": True,
            "colour": colour is not None,
            "colour=red": colour == "red",
            "colour!=red": colour != "red",
        }
        by_name = "fieldSelector" not in self.query or metadata["name"] == "one"
        return by_label[self.query.get("labelSelector", "")] and by_name

    async def open(self, session: aiohttp.ClientSession) -> None:
        query = {"watch": "true", **self.query}
        self.response = await session.get(self.url, params=query)
        assert self.response.status == 200

    async def read(self) -> None:
        """Read up to the last write of all: it concerns everybody."""
        async for line in self.response.content:
            event = json.loads(line)
            self.note(event)
            word = event["object"].get("data", {}).get("k", "")
            if word == "the end" or (event["type"], word) == ("DELETED", "nearly"):
                self.stream.seen = self.stream.events[-1].revision
                self.response.close()
                return
        raise AssertionError("the stream ended")

    def note(self, event: Obj) -> None:
        obj = event["object"]
        metadata = obj["metadata"]
        last = INITIAL_EVENTS_END in metadata.get("annotations", {})
        shown = None if event["type"] == "BOOKMARK" else obj
        revision = int(metadata["resourceVersion"])
        self.stream.events.append(self.told(event["type"], revision, shown, last))


class Writer:
    """Writes at random, and notes what was written."""

    def __init__(self, guarantees, cluster, client: HttpClient, seed: int) -> None:
        self.random = random.Random(seed)
        self.client = client
        self.registry = cluster.registry
        self.history = guarantees.History(self.registry.revision)
        self.there: dict[str, Obj] = {}

    def note(self, name: str, obj: Obj | None) -> None:
        if self.registry.revision > self.history.first + len(self.history.writes):
            self.history.note(self.registry.revision, f"configmaps/default/{name}", obj)
        if obj is None:
            del self.there[name]
        else:
            self.there[name] = obj

    async def write(self) -> None:
        name = self.random.choice(("one", "two", "three"))
        colour = self.random.choice(("red", "blue", None))
        if name in self.there and self.random.random() < 0.3:
            await self.delete(name)
        else:
            await self.put(name, colour, word=str(self.random.randint(0, 2)))

    async def put(self, name: str, colour: str | None, *, word: str) -> None:
        obj = objects.config_map(name, {"k": word})
        if colour:
            obj["metadata"]["labels"] = {"colour": colour}
        send = self.client.update if name in self.there else self.client.create
        self.note(name, await send(CONFIGMAPS, obj))

    async def delete(self, name: str) -> None:
        await self.client.delete(CONFIGMAPS, name, "default")
        self.note(name, None)

    async def finish(self) -> None:
        """Two writes that every watcher has to hear of, whatever it selects."""
        if "one" in self.there:
            await self.delete("one")
        await self.put("one", "red", word="nearly")
        await self.put("one", "blue", word="the end")


@pytest.mark.seeds(4)
async def test_every_stream_keeps_every_promise(guarantees, cluster, client, seed) -> None:
    writer = Writer(guarantees, cluster, client, seed)
    watchers: list[Watcher] = []
    late: list[Watcher] = []
    async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as session:
        async with asyncio.TaskGroup() as readers:
            for number in range(80):
                if number % 5 == 0:
                    query = QUERIES[(number // 5) % len(QUERIES)]
                    watchers.append(watcher := Watcher(guarantees, cluster, query))
                    await watcher.open(session)
                    if writer.random.random() < 0.5:
                        readers.create_task(watcher.read())
                    else:
                        late.append(watcher)
                await writer.write()
            await writer.finish()
        for watcher in late:
            await watcher.read()
    for watcher in watchers:
        guarantees.check(watcher.stream, writer.history)


async def test_who_stops_reading_is_cut_off_and_nobody_else(guarantees, cluster, client) -> None:
    """Far more is written than the sockets take: the one who does not read must not hold up
    anybody, and is told in the end that it has missed something."""
    start = cluster.registry.revision
    sleeper = await connect(cluster.url, resourceVersion=str(start))
    count, size = 400, 60_000
    async with (
        asyncio.timeout(PATIENCE),
        aiohttp.ClientSession() as session,
        asyncio.TaskGroup() as readers,
    ):
        query = {"watch": "1", "resourceVersion": str(start)}
        seen = []
        for _ in range(3):
            response = await session.get(cluster.url + PATH, params=query)
            seen.append(readers.create_task(names(response, count)))
        for number in range(count):
            obj = objects.config_map(f"c{number:03}", {"k": "x" * size})
            await client.create(CONFIGMAPS, obj)
    written = [f"c{number:03}" for number in range(count)]
    assert [task.result() for task in seen] == [written] * 3

    async with asyncio.timeout(PATIENCE):
        events = await rest(sleeper)
    *told, error = events
    assert [event["type"] for event in told] == ["ADDED"] * len(told)
    assert [event["object"]["metadata"]["name"] for event in told] == written[: len(told)]
    assert len(told) < count - 200, "the window is shorter than what it missed"
    assert (error["type"], error["object"]["code"]) == ("ERROR", 410)
    assert error["object"]["reason"] == "Expired"

    # From a list, it goes on as anybody would.
    again = await client.list(CONFIGMAPS, "default")
    assert len(again.items) == count
    watch = await client.watch(CONFIGMAPS, "default", resource_version=again.resource_version)
    await client.delete(CONFIGMAPS, "c000", "default")
    [event] = await watch.next()
    watch.close()
    assert event.type == "DELETED"


async def names(response: aiohttp.ClientResponse, count: int) -> list[str]:
    found = []
    async for line in response.content:
        found.append(json.loads(line)["object"]["metadata"]["name"])
        if len(found) == count:
            response.close()
            return found
    raise AssertionError("the stream ended")


class Raw:
    """A connection that reads only when told to, and has little room for what it does not read."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    async def read(self) -> bytes:
        return await asyncio.get_running_loop().sock_recv(self.sock, 1 << 20)


async def connect(url: str, **query: str) -> Raw:
    where = urllib.parse.urlsplit(url)
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(sock, (where.hostname, where.port))
    path = f"{PATH}?{urllib.parse.urlencode({'watch': '1', **query})}"
    await loop.sock_sendall(sock, f"GET {path} HTTP/1.1\r\nHost: {where.netloc}\r\n\r\n".encode())
    return Raw(sock)


async def rest(raw: Raw) -> list[Obj]:
    """All events up to the end of the answer."""
    data = b""
    while not data.endswith(b"0\r\n\r\n"):
        piece = await raw.read()
        assert piece, "the connection was broken off"
        data += piece
    raw.sock.close()
    head, _, body = data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    text = b""
    while body:
        length, _, body = body.partition(b"\r\n")
        size = int(length, 16)
        text += body[:size]
        body = body[size + 2 :]
    return [json.loads(line) for line in text.splitlines()]
