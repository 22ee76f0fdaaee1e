"""Watchers: cursors on the log, woken by key prefix.

A watcher holds no queue. It has a position, the last revision that it has seen, and is either
*idle* (it has seen everything that concerns it) or *behind*. Publishing an event touches only the
idle watchers of that event's prefixes and moves their position to just before the event: whatever
lies between concerned others. So 1,000 watchers of other namespaces cost a writer nothing:

    a watches pods/a/, b watches pods/b/, both idle at revision 10
    11 pods/a/x   -> a: behind, position 10      b: idle, untouched
    12 pods/b/y   -> a: behind already           b: behind, position 11
    b reads       -> 12 (one event scanned)      b: idle again

A watcher that stops reading stays behind at its position; when the window has moved past it, its
next read raises Compacted. Its cost until then is one small object.
"""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from miniplane.store.events import Event
from miniplane.store.log import Log

V = TypeVar("V")

_NEVER = float("inf")

BATCH = 1_000
"""How many events a read looks at before it lets others run."""


class Hub(Generic[V]):
    """Who is waiting for what: the idle watchers by prefix."""

    __slots__ = ("idle", "log")

    def __init__(self, log: Log[V]):
        self.log = log
        self.idle: dict[str, dict[Watcher[V], None]] = {}

    def publish(self, event: Event[V]) -> None:
        idle = self.idle
        if not idle:
            return
        key = event.key
        slash = key.find("/")
        while slash >= 0:
            waiting = idle.pop(key[: slash + 1], None)
            if waiting:
                self._wake(waiting, event)
            slash = key.find("/", slash + 1)
        waiting = idle.pop(key, None)
        if waiting:
            self._wake(waiting, event)

    def _wake(self, watchers: "dict[Watcher[V], None]", event: Event[V]) -> None:
        position = event.revision - 1
        for watcher in watchers:
            watcher.position = position
            watcher.idle = False
            if watcher._woken is not None:
                watcher._woken()
            waiter = watcher._waiter
            if waiter is not None and not waiter.done():
                waiter.set_result(None)

    def park(self, watcher: "Watcher[V]") -> None:
        self.idle.setdefault(watcher.prefix, {})[watcher] = None

    def forget(self, watcher: "Watcher[V]") -> None:
        waiting = self.idle.get(watcher.prefix)
        if waiting is not None:
            waiting.pop(watcher, None)
            if not waiting:
                del self.idle[watcher.prefix]

    def _check(self) -> None:
        for prefix, watchers in self.idle.items():
            assert watchers
            for watcher in watchers:
                assert watcher.idle and not watcher.closed
                assert watcher.prefix == prefix


class Watcher(Generic[V]):
    """A cursor on the events under a prefix.

    `read` never waits; `wait` returns when there may be something to read. One reader at a time.
    """

    __slots__ = (
        "_deadline",
        "_hub",
        "_timer",
        "_waiter",
        "_woken",
        "closed",
        "idle",
        "position",
        "prefix",
    )

    def __init__(
        self, hub: Hub[V], prefix: str, after: int, woken: Callable[[], object] | None = None
    ):
        self._hub = hub
        self._woken = woken
        self._waiter: asyncio.Future[bool | None] | None = None
        # A timer is kept from one wait to the next: most waits end long before their time.
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = 0.0
        self.prefix = prefix
        self.position = after
        self.idle = False
        self.closed = False

    @property
    def seen(self) -> int:
        """The revision up to which nothing under the prefix has been missed."""
        return self._hub.log.last if self.idle else self.position

    def read(self, limit: int = BATCH) -> list[Event[V]]:
        """The next events, oldest first; none if there is nothing new. Compacted.

        Looks at `limit` revisions at most, so an empty list while not `idle` means: read on.
        """
        if self.idle:
            return []
        log = self._hub.log
        scanned = log.after(self.position, limit)
        if scanned:
            self.position = scanned[-1].revision
        if self.position == log.last and not self.closed:
            self.idle = True
            self._hub.park(self)
        prefix = self.prefix
        if prefix.endswith("/"):
            return [event for event in scanned if event.key.startswith(prefix)]
        return [event for event in scanned if event.key == prefix]

    async def wait(self, timeout: float | None = None) -> bool:
        """Wait until there is something to read, or this is closed. False after `timeout` s."""
        if not self.idle or self.closed:
            return True
        loop = asyncio.get_running_loop()
        waiter = self._waiter = loop.create_future()
        self._set_timer(loop, _NEVER if timeout is None else loop.time() + timeout)
        try:
            return await waiter is None
        finally:
            self._waiter = None

    def _set_timer(self, loop: asyncio.AbstractEventLoop, deadline: float) -> None:
        self._deadline = deadline
        timer = self._timer
        if deadline == _NEVER or (timer is not None and timer.when() <= deadline):
            return
        if timer is not None:
            timer.cancel()
        self._timer = loop.call_at(deadline, self._time_out, loop)

    def _time_out(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        if self._waiter is None or self._waiter.done():
            return
        if loop.time() < self._deadline:
            self._set_timer(loop, self._deadline)  # that of a wait before this one
        else:
            self._waiter.set_result(False)

    def close(self) -> None:
        """Let go. A reader that waits is woken. Closing twice is fine."""
        if self.closed:
            return
        self.closed = True
        self._hub.forget(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
