"""Events expire an hour after they were last written, as kube-apiserver's `--event-ttl` has it."""

import collections
import functools
from collections.abc import Callable

from miniplane.api import resources
from miniplane.registry import catalog
from miniplane.registry.stored import Stored, seal
from miniplane.store.errors import Compacted
from miniplane.store.mvcc import Store
from miniplane.store.watch import Watcher

TTL = 3_600.0
"""Seconds."""


class EventExpiry:
    """Removes Events that nobody has written for an hour.

    `tick` is to be called some time after each time that `written` was.
    """

    def __init__(self, store: Store[Stored], written: Callable[[], object] = lambda: None):
        self._store = store
        self._noticed = written
        self._prefix = catalog.prefix(resources.EVENTS)
        self._written: collections.deque[tuple[float, str, int]] = collections.deque()
        self._watcher = self._follow()

    def _follow(self) -> Watcher[Stored]:
        revision = self._store.revision
        watcher = self._store.watch(self._prefix, after=revision, woken=self._noticed)
        watcher.read()
        return watcher

    def tick(self, now: float) -> float | None:
        """Note what was written since the last tick, and remove what is over an hour old. Returns
        when there will be more to remove, None for nothing."""
        try:
            while not self._watcher.idle:
                for event in self._watcher.read():
                    if not event.deleted:
                        self._written.append((now, event.key, event.revision))
        except Compacted:
            self._start_over(now)
        while self._written and self._written[0][0] <= now - TTL:
            _, key, revision = self._written.popleft()
            stored = self._store.find(key)
            if stored is not None and stored.revision == revision:
                self._store.delete(key, functools.partial(_farewell, stored), expect=stored)
        return self._written[0][0] + TTL if self._written else None

    def _start_over(self, now: float) -> None:
        """More was written than the window holds: whatever is there now counts as new."""
        self._watcher.close()
        self._watcher = self._follow()
        known = {key: revision for _, key, revision in self._written}
        for key, stored in self._store.range_items(self._prefix):
            if known.get(key) != stored.revision:
                self._written.append((now, key, stored.revision))

    def close(self) -> None:
        self._watcher.close()


def _farewell(stored: Stored, revision: int) -> Stored:
    """What the watchers are told of an Event that has expired."""
    last = {**stored.obj, "metadata": dict(stored.obj["metadata"])}
    return seal(resources.EVENTS, last, revision)
