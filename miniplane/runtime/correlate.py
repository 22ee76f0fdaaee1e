"""Which events are written, counted up, combined or dropped.

Follows `EventCorrelator` of client-go's `tools/record/events_cache.go`. Of the events of one
component:

1. *Combined*: events about one object that differ by message only. The tenth such message within
   ten minutes, and every new one after it, becomes one "(combined from similar events): ..."
   event.
2. *Counted*: the same event again is the first one with a higher count and, if combined, a new
   message.
3. *Dropped*: about one object, 25 are let through, and one more every five minutes.

Each memory holds the 4,096 entries used last.
"""

import collections
import dataclasses
from collections.abc import Hashable
from typing import Generic, TypeVar

from miniplane.api.objects import Obj

SIMILAR = 10
INTERVAL = 600.0
BURST = 25
REFILL = 1 / 300
MEMORY = 4_096

V = TypeVar("V")


class _Memory(Generic[V]):
    """A mapping that forgets what was not used for the longest time."""

    __slots__ = ("_values",)

    def __init__(self) -> None:
        self._values: collections.OrderedDict[Hashable, V] = collections.OrderedDict()

    def get(self, key: Hashable) -> V | None:
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def put(self, key: Hashable, value: V) -> None:
        self._values[key] = value
        if len(self._values) > MEMORY:
            self._values.popitem(last=False)


class _Similar:
    __slots__ = ("last", "messages")

    def __init__(self) -> None:
        self.last = 0.0
        self.messages: dict[str, None] = {}


class _Bucket:
    __slots__ = ("at", "tokens")

    def __init__(self, now: float):
        self.tokens = float(BURST)
        self.at = now


@dataclasses.dataclass(slots=True)
class Told:
    """An event that has been told `count` times. `name` and `first` (a time stamp) are filled in by
    whoever writes it the first time."""

    message: str
    count: int
    combined: bool = False
    name: str = ""
    first: str = ""


class Correlator:
    """What one component has told lately."""

    def __init__(self) -> None:
        self._similar: _Memory[_Similar] = _Memory()
        self._told: _Memory[Told] = _Memory()
        self._buckets: _Memory[_Bucket] = _Memory()

    def see(
        self,
        source: tuple[str, str],
        ref: Obj,
        type: str,
        reason: str,
        message: str,
        *,
        now: float,
        times: int = 1,
    ) -> Told | None:
        """What to write for this event: with the count `times`, create it; more, patch it; None,
        nothing.

        `source` is (component, host), `ref` the ObjectReference, `now` in Unix seconds.
        """
        about = (
            *source,
            ref.get("kind"),
            ref.get("namespace"),
            ref.get("name"),
            ref.get("uid"),
            ref.get("apiVersion"),
        )
        key: Hashable = (*about, type, reason)
        combined = self._combines(key, message, now)
        if combined:
            message = f"(combined from similar events): {message}"
        else:
            key = (key, ref.get("fieldPath"), message)
        told = self._told.get(key)
        if told is None:
            told = Told(message, times, combined)
            self._told.put(key, told)
        else:
            told.message = message
            told.count += times
        return told if self._lets_through(about, now) else None

    def _combines(self, key: Hashable, message: str, now: float) -> bool:
        similar = self._similar.get(key)
        if similar is None or now - similar.last > INTERVAL:
            similar = _Similar()
            self._similar.put(key, similar)
        similar.last = now
        messages = similar.messages
        if message in messages:
            return False
        if len(messages) < SIMILAR - 1:
            messages[message] = None
            return False
        return True

    def _lets_through(self, about: Hashable, now: float) -> bool:
        bucket = self._buckets.get(about)
        if bucket is None:
            bucket = _Bucket(now)
            self._buckets.put(about, bucket)
        bucket.tokens = min(BURST, bucket.tokens + (now - bucket.at) * REFILL)
        bucket.at = now
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True
