"""The dense window of the latest events.

Revisions are dense, so the event of revision `r` stands at index `r - first`:

    first = 4          events:  [4] [5] [6] [7]          last = 7
    after(5) -> 6, 7   after(3) -> 4 .. 7   after(2) -> Compacted (event 3 is gone)

The window keeps at least `size` events and is trimmed in strides, so that a write costs O(1)
on average.
"""

from collections.abc import Iterator
from typing import Generic, TypeVar

from miniplane.store.errors import Compacted
from miniplane.store.events import Event

V = TypeVar("V")


class Log(Generic[V]):
    """The last events. `size` is the number of revisions that are always kept."""

    __slots__ = ("_events", "_stride", "first", "size")

    def __init__(self, size: int, *, first: int = 1):
        if size < 1:
            raise ValueError("a log keeps one event at least")
        self.size = size
        self.first = first
        self._stride = max(1, size // 4)
        self._events: list[Event[V]] = []

    @property
    def last(self) -> int:
        """The revision of the newest event; `first - 1` while there is none."""
        return self.first + len(self._events) - 1

    def append(self, event: Event[V]) -> None:
        assert event.revision == self.first + len(self._events)
        self._events.append(event)
        if len(self._events) >= self.size + self._stride:
            self.compact(self.last - self.size)

    def compact(self, revision: int) -> None:
        """Forget the events up to and including `revision`."""
        count = min(revision, self.last) - self.first + 1
        if count > 0:
            del self._events[:count]
            self.first += count

    def check_reachable(self, revision: int) -> None:
        """Raise Compacted unless all events after `revision` are still here."""
        if revision + 1 < self.first:
            raise Compacted(revision, self.first - 1)

    def after(self, revision: int, limit: int | None = None) -> list[Event[V]]:
        """The events after `revision`, oldest first, at most `limit`. Compacted."""
        self.check_reachable(revision)
        start = revision + 1 - self.first
        return self._events[start : None if limit is None else start + limit]

    def back_to(self, revision: int) -> Iterator[Event[V]]:
        """The events after `revision`, newest first. Compacted if some are gone."""
        self.check_reachable(revision)
        events = self._events
        return (events[i] for i in range(len(events) - 1, revision - self.first, -1))

    def _check(self) -> None:
        for offset, event in enumerate(self._events):
            assert event.revision == self.first + offset, (event, offset)
        assert len(self._events) < self.size + self._stride
