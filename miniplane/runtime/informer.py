"""The informer: a local copy of one resource, kept true by a list and a watch.

    EMPTY --list--> WATCHING --events--> WATCHING
                       |  \\-- stream ended --> (watch again from the same revision) WATCHING
                       \\-- 410 Expired ------> EXPIRED --list, compared with the copy--> WATCHING
    any other error: the state stays, and the step is tried again after a back-off
    stop() from anywhere --> STOPPED

One `step` makes one transition (kube-rs' `watcher` is built so). A list after `EXPIRED` is
compared with the copy, so handlers hear of what happened in the gap: of the last state only, but
of every object that came, changed or went. Objects are the same when their uid is; a name that was
taken over by a new object is told as a deletion and a creation.

Handlers are plain functions, called one after the other with `(old, new)` before the next event is
looked at: `(None, obj)` for one that is new, `(old, None)` for one that is gone. By then the copy
and its indexes already show the new state. They should put keys in queues and do nothing else.
"""

import asyncio
import enum
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from miniplane.api.errors import StatusError, is_expired
from miniplane.api.objects import Obj
from miniplane.api.resources import Resource
from miniplane.client.protocol import (
    Client,
    ClientEvent,
    ClientWatch,
    Handle,
    ObjectList,
    WatchEnded,
)
from miniplane.clock import Clock, sleeper
from miniplane.runtime.index import Index, IndexFunction, by_controller, by_node, by_owner

__all__ = ["Informer", "InformerFactory", "State", "by_controller", "by_node", "by_owner"]

log = logging.getLogger(__name__)

Handler = Callable[[Obj | None, Obj | None], object]
Objects: TypeAlias = list[Obj]
Names: TypeAlias = list[str]

FIRST_BACKOFF = 0.8
"""Seconds between tries after an error; doubles up to `LAST_BACKOFF` (client-go's reflector)."""
LAST_BACKOFF = 30.0

BATCH = 500
"""How many objects are handed to handlers before other tasks get their turn."""


class State(enum.Enum):
    EMPTY = "empty"
    WATCHING = "watching"
    EXPIRED = "expired"
    STOPPED = "stopped"


class Informer:
    """A copy of all objects of one resource. Made by `InformerFactory.of` and shared."""

    def __init__(self, client: Client, clock: Clock, resource: Resource):
        self.resource = resource
        self.name = f"informer of {resource.group_resource}"
        self.state = State.EMPTY
        self._client = client
        self._clock = clock
        self._cache: dict[str, dict[str, Handle]] = {}
        self._indexes: dict[str, Index] = {}
        self._handlers: list[Handler] = []
        self._revision = ""
        self._watch: ClientWatch | None = None
        self._waiting = False
        self._synced = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    # What readers ask.

    def get(self, namespace: str, name: str) -> Obj | None:
        """One object, or None. The namespace of a cluster-scoped one is `""`."""
        handle = self._cache.get(namespace, {}).get(name)
        return handle.obj if handle is not None else None

    def has(self, namespace: str, name: str) -> bool:
        """Whether there is such an object; nothing is decoded."""
        return name in self._cache.get(namespace, ())

    def list(self, namespace: str | None = None) -> Objects:
        """The objects of a namespace, or all, in the order in which this informer met them."""
        if namespace is not None:
            return [h.obj for h in self._cache.get(namespace, {}).values()]
        return [h.obj for bucket in self._cache.values() for h in bucket.values()]

    def names(self, namespace: str) -> Names:
        """The names in a namespace: as `list`, but nothing is decoded."""
        return list(self._cache.get(namespace, ()))

    def by_index(self, index: str, value: str) -> Objects:
        """The objects for which the index function gave `value`. KeyError for an unknown index."""
        return [h.obj for h in self._indexes[index].handles.get(value, {}).values()]

    def __len__(self) -> int:
        return sum(len(bucket) for bucket in self._cache.values())

    @property
    def synced(self) -> bool:
        """Whether the first list has been delivered."""
        return self._synced.is_set()

    async def wait_synced(self) -> None:
        await self._synced.wait()

    @property
    def idle(self) -> bool:
        """Synced, and nothing is undelivered as far as this side of the watch knows."""
        return (
            self._waiting
            and self.state is State.WATCHING
            and self._watch is not None
            and not self._watch.pending
        )

    @property
    def resource_version(self) -> str:
        """Up to where the copy is true; `""` before the first list."""
        return self._revision

    def busy_with(self) -> Names:
        return [f"{self.state.value} at {self._revision or 'no revision'}"]

    # What those who set it up tell it.

    def add_index(self, name: str, function: IndexFunction) -> None:
        """Keep an index. The same name with the same function again changes nothing; with another
        function: ValueError."""
        known = self._indexes.get(name)
        if known is not None:
            if known.function is not function:
                raise ValueError(f"{self.name}: index {name!r} is there with another function")
            return
        index = self._indexes[name] = Index(function)
        for key, handle in self._items():
            index.put(key, handle, handle.obj)

    def on_change(self, handler: Handler) -> None:
        """Call `handler(old, new)` for every change from now on, and at once for what is there."""
        self._handlers.append(handler)
        for _, handle in list(self._items()):
            self._call(handler, None, handle.obj)

    def start(self) -> None:
        """Begin to list and watch, on the running loop. Starting twice is fine."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name=self.name)

    async def stop(self) -> None:
        """Stop for good; the copy stays readable."""
        self.state = State.STOPPED
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._close_watch()

    # The state machine.

    async def _run(self) -> None:
        sleeper.set(self)
        backoff = FIRST_BACKOFF
        while self.state is not State.STOPPED:
            try:
                await self.step()
                backoff = FIRST_BACKOFF
            except Exception as error:
                level = logging.DEBUG if isinstance(error, StatusError) else logging.WARNING
                log.log(level, "%s: %r", self.name, error, exc_info=level > logging.DEBUG)
                await self._clock.sleep(backoff)
                backoff = min(backoff * 2, LAST_BACKOFF)

    async def step(self) -> None:
        """One transition. Raises what the client raised, having stayed in its state."""
        if self.state is State.WATCHING:
            await self._step_watch()
        elif self.state is not State.STOPPED:
            await self._step_list()

    async def _step_list(self) -> None:
        found = await self._client.list(self.resource)
        await self._replace(found)
        self._revision = found.resource_version
        self.state = State.WATCHING
        self._synced.set()

    async def _step_watch(self) -> None:
        try:
            if self._watch is None:
                self._watch = await self._client.watch(
                    self.resource, resource_version=self._revision
                )
            self._waiting = True
            try:
                events = await self._watch.next(None)
            finally:
                self._waiting = False
        except WatchEnded:
            self._close_watch()
        except StatusError as error:
            self._close_watch()
            if not is_expired(error):
                raise
            self.state = State.EXPIRED
        else:
            await self._deliver(events)

    def _close_watch(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.close()

    async def _deliver(self, events: Sequence[ClientEvent]) -> None:
        for count, event in enumerate(events, 1):
            handle = event.handle
            if handle is not None:
                if event.type == "DELETED":
                    self._delete(handle)
                else:
                    self._put(handle)
            self._revision = event.resource_version
            if count % BATCH == 0:
                await asyncio.sleep(0)

    async def _replace(self, found: ObjectList) -> None:
        """Make the copy equal to a list, telling handlers what that changes."""
        gone = dict.fromkeys(key for key, _ in self._items())
        for count, handle in enumerate(found.items, 1):
            gone.pop(self._put(handle), None)
            if count % BATCH == 0:
                await asyncio.sleep(0)
        for namespace, name in gone:
            self._delete(self._cache[namespace][name])

    # The copy.

    def _items(self) -> Iterator[tuple[tuple[str, str], Handle]]:
        for namespace, bucket in self._cache.items():
            for name, handle in bucket.items():
                yield (namespace, name), handle

    def _put(self, handle: Handle) -> tuple[str, str]:
        obj = handle.obj
        meta = obj["metadata"]
        key = (meta.get("namespace", ""), meta["name"])
        bucket = self._cache.setdefault(key[0], {})
        before = bucket.get(key[1])
        old = before.obj if before is not None else None
        if old is not None:
            was = old["metadata"]
            if was.get("uid") != meta.get("uid"):
                self._delete(before)  # type: ignore[arg-type]
                bucket = self._cache.setdefault(key[0], {})
                old = None
            elif was.get("resourceVersion") == meta.get("resourceVersion"):
                return key
        bucket[key[1]] = handle
        for index in self._indexes.values():
            index.put(key, handle, obj)
        for handler in self._handlers:
            self._call(handler, old, obj)
        return key

    def _delete(self, handle: Handle) -> None:
        obj = handle.obj
        meta = obj["metadata"]
        key = (meta.get("namespace", ""), meta["name"])
        bucket = self._cache.get(key[0], {})
        if bucket.pop(key[1], None) is None:
            return
        if not bucket:
            del self._cache[key[0]]
        for index in self._indexes.values():
            index.remove(key)
        for handler in self._handlers:
            self._call(handler, obj, None)

    def _call(self, handler: Handler, old: Obj | None, new: Obj | None) -> None:
        try:
            handler(old, new)
        except Exception:
            log.exception("%s: a handler failed", self.name)

    def _check(self) -> None:
        """Walk every invariant of the copy and its indexes."""
        for (namespace, name), handle in self._items():
            meta = handle.obj["metadata"]
            assert (meta.get("namespace", ""), meta["name"]) == (namespace, name)
        assert all(self._cache.values()), "an empty namespace is kept"
        everything = dict(self._items())
        for index in self._indexes.values():
            index._check(everything)


class InformerFactory:
    """One informer for each resource, shared by everybody who asks."""

    def __init__(self, client: Client, clock: Clock):
        self._client = client
        self._clock = clock
        self._informers: dict[Resource, Informer] = {}
        self._started = False

    def of(self, resource: Resource) -> Informer:
        """The informer of `resource`. A new one starts now if the others have been started."""
        informer = self._informers.get(resource)
        if informer is None:
            informer = self._informers[resource] = Informer(self._client, self._clock, resource)
            if self._started:
                informer.start()
        return informer

    async def drop(self, resource: Resource) -> None:
        """Stop and forget the informer of a resource that is served no more."""
        informer = self._informers.pop(resource, None)
        if informer is not None:
            await informer.stop()

    @property
    def informers(self) -> list[Informer]:
        """All informers, in the order in which they were asked for first."""
        return list(self._informers.values())

    @property
    def idle(self) -> bool:
        return all(informer.idle for informer in self._informers.values())

    def start(self) -> None:
        self._started = True
        for informer in self.informers:
            informer.start()

    async def wait_synced(self) -> None:
        """Return when every informer has delivered its first list."""
        for informer in self.informers:
            await informer.wait_synced()

    async def stop(self) -> None:
        self._started = False
        for informer in self.informers:
            await informer.stop()
