"""Time, handed in from outside: the only module that asks the machine what time it is.

Two clocks, one interface. `RealClock` is wall time carried by the running event loop (`base +
loop.time()`), so that a loop whose time is faked moves time stamps too. `VirtualClock` stands
still until it is told to move, and then fires its timers in the order (due time, order of
creation).

A timer is *foreground* (somebody waits for what it does: a retry, a pod's start) or *background*
(upkeep that comes round for ever: leases, resyncs, expiry of events). `miniplane.runtime.settle`
moves a virtual clock from one foreground timer to the next until none is left; background timers
that fall due on the way fire in their order, but nobody waits for them.

>>> clock = VirtualClock()
>>> clock.rfc3339()
'2026-01-01T00:00:00Z'
>>> timer = clock.call_later(1.5, lambda: print("fired at", clock.micro()))
>>> clock.advance(2)
fired at 2026-01-01T00:00:01.500000Z
>>> clock.rfc3339()
'2026-01-01T00:00:02Z'
"""

import abc
import asyncio
import contextvars
import heapq
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

START = 1_767_225_600
"""Where a virtual clock starts, in Unix seconds: 2026-01-01T00:00:00Z."""

_MICRO = 1_000_000

stopwatch = time.perf_counter
"""Seconds from nowhere in particular, for measuring how long something really took."""

sleeper: contextvars.ContextVar[object] = contextvars.ContextVar("sleeper", default=None)
"""On whose behalf a task runs. `Clock.asleep` counts sleeping tasks by it; tasks inherit it."""


def format_time(seconds: float) -> str:
    """Unix seconds as a Kubernetes `Time`: `2026-01-01T00:00:00Z`, fractions cut off."""
    return datetime.fromtimestamp(seconds // 1, UTC).isoformat()[:19] + "Z"


def format_micro_time(seconds: float) -> str:
    """Unix seconds as a Kubernetes `MicroTime`: `2026-01-01T00:00:00.000000Z`."""
    whole, micro = divmod(round(seconds * _MICRO), _MICRO)
    return f"{datetime.fromtimestamp(whole, UTC).isoformat()[:19]}.{micro:06d}Z"


def parse_time(text: str) -> float:
    """A `Time` or `MicroTime` as Unix seconds, whatever its offset. ValueError if it is neither."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"time without an offset: {text!r}")
    return moment.timestamp()


class Timer:
    """A call that is going to be made once. `cancel()` takes it back, if it has not fired yet."""

    __slots__ = ("_cancel", "background", "callback", "due", "label", "sequence")

    def __init__(
        self, due: int, sequence: int, callback: Callable[[], object], background: bool, label: Any
    ):
        self.due = due
        self.sequence = sequence
        self.callback: Callable[[], object] | None = callback
        self.background = background
        self.label = label
        self._cancel: Callable[[Timer], None] | None = None

    @property
    def active(self) -> bool:
        """Whether it has neither fired nor been cancelled."""
        return self.callback is not None

    def cancel(self) -> None:
        if self.callback is not None:
            self.callback = None
            if self._cancel is not None:
                self._cancel(self)

    def __lt__(self, other: "Timer") -> bool:
        return (self.due, self.sequence) < (other.due, other.sequence)

    def __repr__(self) -> str:
        kind = "background" if self.background else "foreground"
        due = format_micro_time(self.due / _MICRO)
        return f"<Timer {self.label or self.callback} {kind} at {due}>"


class Clock(abc.ABC):
    """What time it is, and calls in the future."""

    def __init__(self) -> None:
        self._asleep: dict[object, int] = {}
        self._stamp = (-1, "")

    @abc.abstractmethod
    def time(self) -> float:
        """Unix seconds."""

    @abc.abstractmethod
    def call_later(
        self,
        delay: float,
        callback: Callable[[], object],
        *,
        background: bool = False,
        label: Any = None,
    ) -> Timer:
        """Call `callback()` `delay` seconds from now. `label` names the timer in error messages."""

    @abc.abstractmethod
    def next_timer(self, *, background: bool = False) -> float | None:
        """When the next foreground timer is due, in Unix seconds; with `background`, the next."""

    @abc.abstractmethod
    def timers(self) -> list[Timer]:
        """The active foreground timers, soonest first."""

    def rfc3339(self) -> str:
        """Now, as a Kubernetes `Time`."""
        second = int(self.time())
        if self._stamp[0] != second:
            self._stamp = (second, format_time(second))
        return self._stamp[1]

    def micro(self) -> str:
        """Now, as a Kubernetes `MicroTime`."""
        return format_micro_time(self.time())

    async def sleep(self, seconds: float, *, background: bool = False) -> None:
        """Return `seconds` later. Zero or less lets other tasks run once."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def fire() -> None:
            if not wake.done():
                wake.set_result(None)

        timer = self.call_later(
            seconds,
            fire,
            background=background,
            label=("sleep", sleeper.get()),
        )
        who = sleeper.get()
        self._asleep[who] = self._asleep.get(who, 0) + 1
        try:
            await wake
        finally:
            timer.cancel()
            self._asleep[who] -= 1
            if not self._asleep[who]:
                del self._asleep[who]

    def asleep(self, who: object) -> int:
        """How many tasks that run on behalf of `who` are in `sleep` now."""
        return self._asleep.get(who, 0)


class Moment(Clock):
    """A clock that stands still while a piece of work is done over. Its timers are `clock`'s."""

    def __init__(self, clock: Clock):
        super().__init__()
        self._clock = clock
        self._now = clock.time()

    def time(self) -> float:
        return self._now

    def call_later(
        self,
        delay: float,
        callback: Callable[[], object],
        *,
        background: bool = False,
        label: Any = None,
    ) -> Timer:
        return self._clock.call_later(delay, callback, background=background, label=label)

    def next_timer(self, *, background: bool = False) -> float | None:
        return self._clock.next_timer(background=background)

    def timers(self) -> list[Timer]:
        return self._clock.timers()


class RealClock(Clock):
    """Wall time, carried by the event loop that is running at its first use."""

    def __init__(self) -> None:
        super().__init__()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._base = 0.0
        self._sequence = 0
        self._foreground: dict[Timer, None] = {}
        self._background: dict[Timer, None] = {}

    def _running(self) -> asyncio.AbstractEventLoop:
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
            self._base = time.time() - loop.time()
        return loop

    def time(self) -> float:
        if self._loop is None:
            try:
                self._running()
            except RuntimeError:  # no loop yet: while a cluster is being put together
                return time.time()
        return self._base + self._loop.time()  # type: ignore[union-attr]

    def call_later(
        self,
        delay: float,
        callback: Callable[[], object],
        *,
        background: bool = False,
        label: Any = None,
    ) -> Timer:
        loop = self._running()
        delay = max(0.0, delay)
        self._sequence += 1
        due = round((self.time() + delay) * _MICRO)
        timer = Timer(due, self._sequence, callback, background, label)
        live = self._background if background else self._foreground
        live[timer] = None

        def fire() -> None:
            live.pop(timer, None)
            call, timer.callback = timer.callback, None
            if call is not None:
                call()

        handle = loop.call_later(delay, fire)

        def cancel(timer: Timer) -> None:
            live.pop(timer, None)
            handle.cancel()

        timer._cancel = cancel
        return timer

    def next_timer(self, *, background: bool = False) -> float | None:
        live = list(self._foreground)
        if background:
            live += self._background
        return min(live).due / _MICRO if live else None

    def timers(self) -> list[Timer]:
        return sorted(self._foreground)


class VirtualClock(Clock):
    """Time that moves only when told to, in whole microseconds: sums of delays are exact."""

    def __init__(self, start: float = START):
        super().__init__()
        self._now = round(start * _MICRO)
        self._sequence = 0
        self._foreground = _Heap()
        self._background = _Heap()

    def time(self) -> float:
        return self._now / _MICRO

    def call_later(
        self,
        delay: float,
        callback: Callable[[], object],
        *,
        background: bool = False,
        label: Any = None,
    ) -> Timer:
        # A delay that is too short to see must still not fire before its time.
        micro = max(round(delay * _MICRO), 1 if delay > 0 else 0)
        self._sequence += 1
        timer = Timer(self._now + micro, self._sequence, callback, background, label)
        (self._background if background else self._foreground).push(timer)
        return timer

    def next_timer(self, *, background: bool = False) -> float | None:
        first = self._next() if background else self._foreground.first()
        return first.due / _MICRO if first is not None else None

    def timers(self) -> list[Timer]:
        return self._foreground.active()

    def _next(self) -> Timer | None:
        one, two = self._foreground.first(), self._background.first()
        if one is None or two is None:
            return one or two
        return min(one, two)

    def step(self, limit: float | None = None) -> bool:
        """Move to the next timer of either kind and fire all that are due at that very moment.

        Timers that these create for the same moment are left for the next step. Returns False, and
        leaves the time alone, when there is no timer at or before `limit` (Unix seconds).
        """
        first = self._next()
        if first is None or (limit is not None and first.due > round(limit * _MICRO)):
            return False
        self._now = max(self._now, first.due)
        last = self._sequence
        while (timer := self._next()) is not None and timer.due <= self._now:
            if timer.sequence > last:
                break
            (self._background if timer.background else self._foreground).pop()
            call, timer.callback = timer.callback, None
            if call is not None:
                call()
        return True

    def advance(self, seconds: float) -> None:
        """Move on by `seconds`, firing what falls due. Tasks that it wakes run after it returns:
        `runtime.settle.advance` lets them run in between."""
        self.advance_to(self.time() + seconds)

    def advance_to(self, moment: float) -> None:
        """As `advance`, to a moment in Unix seconds; a moment in the past changes nothing."""
        while self.step(moment):
            pass
        self._now = max(self._now, round(moment * _MICRO))


class _Heap:
    """Timers by due time; cancelled ones are swept out when they are the half of it."""

    __slots__ = ("_cancelled", "_heap")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Timer]] = []
        self._cancelled = 0

    def push(self, timer: Timer) -> None:
        timer._cancel = self._on_cancel
        heapq.heappush(self._heap, (timer.due, timer.sequence, timer))

    def first(self) -> Timer | None:
        heap = self._heap
        while heap and heap[0][2].callback is None:
            heapq.heappop(heap)
            self._cancelled -= 1
        return heap[0][2] if heap else None

    def pop(self) -> None:
        """Take out what `first` gave."""
        heapq.heappop(self._heap)[2]._cancel = None

    def active(self) -> list[Timer]:
        return [timer for _, _, timer in sorted(self._heap) if timer.callback is not None]

    def _on_cancel(self, timer: Timer) -> None:
        self._cancelled += 1
        if self._cancelled > 64 and self._cancelled * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].callback is not None]
            heapq.heapify(self._heap)
            self._cancelled = 0
