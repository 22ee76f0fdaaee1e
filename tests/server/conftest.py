"""A registry of a few lines, and a client of a real server in front of it.

What is tested here is the HTTP door; what the registry answers is scripted.
"""

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest

from miniplane.api import errors, resources
from miniplane.api.objects import Obj
from miniplane.api.options import DeleteOptions, ListOptions, WriteOptions
from miniplane.api.resources import Resource
from miniplane.clock import RealClock
from miniplane.config import Config
from miniplane.server.app import create_app
from miniplane.server.serve import Server


@dataclasses.dataclass(frozen=True, eq=False)
class FakeStored:
    resource: Resource
    revision: int
    obj: Obj

    @property
    def data(self) -> bytes:
        body = {k: v for k, v in self.obj.items() if k not in ("kind", "apiVersion")}
        return json.dumps(body, separators=(",", ":")).encode()

    @property
    def json(self) -> bytes:
        return json.dumps(self.obj, separators=(",", ":")).encode()


@dataclasses.dataclass
class FakeResult:
    stored: Any
    warnings: list[str] = dataclasses.field(default_factory=list)
    created: bool = False
    status: Obj | None = None
    gone: bool = True


@dataclasses.dataclass
class FakeList:
    items: list[FakeStored]
    revision: int
    continue_token: str = ""
    remaining: int | None = None
    warnings: tuple[str, ...] = ()

    @property
    def data(self) -> bytes:
        return b",".join(stored.data for stored in self.items)


@dataclasses.dataclass
class FakeEvent:
    type: str
    stored: FakeStored | None
    revision: int
    initial_events_end: bool = False


class FakeWatch:
    """Events that a test puts in; an exception among them is raised."""

    ended = False

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Any] = asyncio.Queue()
        self.closed = False
        self.revision = 0

    async def next(self, timeout: float | None) -> list[FakeEvent]:
        try:
            first = await asyncio.wait_for(self.queue.get(), timeout)
        except TimeoutError:
            return []
        if isinstance(first, Exception):
            raise first
        events = [first]
        while not self.queue.empty() and not isinstance(self.queue._queue[0], Exception):
            events.append(self.queue.get_nowait())
        self.revision = events[-1].revision
        return events

    def put(self, *events: Any) -> None:
        for event in events:
            self.queue.put_nowait(event)

    def bookmark(self) -> FakeEvent:
        return FakeEvent("BOOKMARK", None, self.revision)

    def close(self) -> None:
        self.closed = True


class FakeRegistry:
    """Keeps objects by key; records what it was asked; `answer` overrides a verb."""

    asks = False

    def __init__(self) -> None:
        self.objects: dict[tuple[Resource, str, str], FakeStored] = {}
        self.revision = 10
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.watches: list[FakeWatch] = []
        self.answer: dict[str, Callable[..., Any]] = {}

    def put(self, resource: Resource, obj: Obj) -> FakeStored:
        self.revision += 1
        meta = {**obj["metadata"], "resourceVersion": str(self.revision), "uid": "u"}
        whole = {"kind": resource.kind, "apiVersion": resource.api_version, **obj}
        whole["metadata"] = meta
        stored = FakeStored(resource, self.revision, whole)
        self.objects[resource, meta.get("namespace", ""), meta["name"]] = stored
        return stored

    def _called(self, verb: str, *args: Any, **kwargs: Any) -> Any:
        self.calls.append((verb, args, kwargs))
        override = self.answer.get(verb)
        return override(*args, **kwargs) if override else None

    def get(self, resource: Resource, namespace: str, name: str, **kwargs: Any) -> Any:
        special = self._called("get", resource, namespace, name, **kwargs)
        if special:
            return special
        try:
            return self.objects[resource, namespace, name]
        except KeyError:
            raise errors.not_found(resource, name) from None

    def list(self, resource: Resource, namespace: str, options: ListOptions) -> Any:
        special = self._called("list", resource, namespace, options)
        if special:
            return special
        items = [
            stored
            for (row, ns, _), stored in sorted(self.objects.items(), key=lambda i: i[0][1:])
            if row is resource and namespace in ("", ns)
        ]
        return FakeList(items, self.revision)

    def watch(self, resource: Resource, namespace: str, options: ListOptions) -> Any:
        special = self._called("watch", resource, namespace, options)
        watch = special or FakeWatch()
        self.watches.append(watch)
        return watch

    def create(
        self, resource: Resource, ns: str, raw: Obj, options: WriteOptions, **kw: Any
    ) -> Any:
        special = self._called("create", resource, ns, raw, options, **kw)
        if special:
            return special
        meta = {**raw.get("metadata", {}), **({"namespace": ns} if ns else {})}
        return FakeResult(self.put(resource, {**raw, "metadata": meta}), created=True)

    def update(
        self, resource: Resource, ns: str, name: str, raw: Obj, options: WriteOptions, **kw: Any
    ) -> Any:
        special = self._called("update", resource, ns, name, raw, options, **kw)
        return special or FakeResult(self.put(resource, raw))

    def patch(
        self, resource: Resource, ns: str, name: str, patch: Any, options: WriteOptions, **kw: Any
    ) -> Any:
        special = self._called("patch", resource, ns, name, patch, options, **kw)
        return special or FakeResult(self.get(resource, ns, name))

    def delete(self, resource: Resource, ns: str, name: str, options: DeleteOptions) -> Any:
        special = self._called("delete", resource, ns, name, options)
        if special:
            return special
        stored = self.objects.pop((resource, ns, name))
        details = {"name": name, "kind": resource.plural, "uid": "u"}
        status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
        return FakeResult(stored, status={**status, "details": details})

    def delete_collection(
        self, resource: Resource, ns: str, options: DeleteOptions, list_options: ListOptions
    ) -> Any:
        self._called("delete_collection", resource, ns, options, list_options)
        return self.list(resource, ns, list_options)

    def token_keys(self) -> Any:
        return {"keys": [{"kid": "k", "alg": "ES256"}]}

    # For tests, which cannot import this file.
    result = staticmethod(FakeResult)
    page = staticmethod(FakeList)
    event = staticmethod(FakeEvent)

    def last(self, verb: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Arguments of the last call of a verb."""
        found = [call for call in self.calls if call[0] == verb][-1]
        return found[1], found[2]


@dataclasses.dataclass
class Answer:
    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def type(self) -> str:
        return self.headers["Content-Type"]

    @property
    def warnings(self) -> list[str]:
        return self.headers.getall("Warning", [])


class Http:
    """A client that sends what it is told, with no headers of its own but Accept: JSON."""

    def __init__(self, session: aiohttp.ClientSession, url: str, server: Server):
        self.session = session
        self.url = url
        self.server = server

    async def __call__(self, line: str, *, body: Any = None, **headers: str) -> Answer:
        async with self.open(line, body=body, **headers) as response:
            return Answer(response.status, response.headers, await response.read())

    def open(self, line: str, *, body: Any = None, **headers: str) -> Any:
        """The response while it is still coming in. `Content_Type` means Content-Type."""
        method, _, path = line.partition(" ")
        sent = {"Accept": "application/json", "User-Agent": "kubectl/v1.36.2 (linux/amd64)"}
        sent |= {key.replace("_", "-"): value for key, value in headers.items()}
        data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        sent = {key: value for key, value in sent.items() if value}
        skip = ["Accept", "User-Agent", "Content-Type"]
        return self.session.request(
            method, self.url + path, data=data, headers=sent, skip_auto_headers=skip
        )


@pytest.fixture
def registry() -> FakeRegistry:
    return FakeRegistry()


@pytest.fixture
async def http(registry: FakeRegistry) -> AsyncIterator[Http]:
    config = Config(port=0)
    app = create_app(registry, clock=RealClock(), config=config)
    async with aiohttp.ClientSession() as session, Server(app, config) as server:
        yield Http(session, server.url, server)


@pytest.fixture
def pod(registry: FakeRegistry) -> FakeStored:
    return registry.put(
        resources.PODS,
        {"metadata": {"name": "web-0", "namespace": "default"}, "spec": {"containers": []}},
    )
