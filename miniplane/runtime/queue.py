"""The work queue: each key once, never twice at the same time, later if it is too early.

Follows client-go's `util/workqueue`. A key is *dirty* when somebody asked for it and no worker has
taken it since, and *processing* while a worker has it. What is added while processing waits, dirty
but not queued, until `done`:

    add(a)      queue [a]  dirty {a}  processing {}
    get() -> a  queue []   dirty {}   processing {a}
    add(a)      queue []   dirty {a}  processing {a}     asked for again: not queued yet
    add(a)      the same                                 asked for twice is asked for once
    done(a)     queue [a]  dirty {a}  processing {}

A key may also wait for its time, in four *lanes* with one timer each: `add_after` in the foreground
and in the background, the retry after a failure, and what the last reconcile result asked for. In a
lane of `add_after` the sooner of two times stands, as in client-go. The other two lanes hold one
fact each, and the later word replaces the earlier: a success takes back the retry, a new result the
old one. So nobody waits for a retry that is no longer due.
"""

import asyncio
import collections
from collections.abc import Callable

from miniplane.clock import Clock, Timer

BASE_DELAY = 0.005
"""Seconds before the first retry of a key; doubles with every failure."""
MAX_DELAY = 1000.0
HOPELESS = 60.0
"""Seconds. What has failed 14 times in a row is likely to fail for good: a quota is used up, a name
is taken. `settle` does not wait for longer delays, nor where only a lower limit makes them shorter.
"""

_AFTER, _AFTER_BACKGROUND, _RETRY, _RESULT = range(4)
_LANES = ("after", "after in the background", "retry", "result")


class WorkQueue:
    """Keys for workers. All methods are O(1), but for timers: O(log n).

    `first` and `longest` are the delays between which retries are spaced, in seconds.
    """

    def __init__(
        self,
        clock: Clock,
        name: str = "",
        *,
        first: float = BASE_DELAY,
        longest: float = MAX_DELAY,
    ):
        self.name = name
        self._first, self._longest = first, longest
        self.adds = 0
        """How often a key was added that was not waiting already."""
        self.retries = 0
        """How often a key was added for later."""
        self._clock = clock
        self._queue: collections.deque[str] = collections.deque()
        self._dirty: dict[str, None] = {}
        self._processing: dict[str, None] = {}
        self._failures: dict[str, int] = {}
        self._lanes: tuple[dict[str, Timer], ...] = ({}, {}, {}, {})
        self._getters: collections.deque[asyncio.Future[None]] = collections.deque()
        self._woken = 0

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def idle(self) -> bool:
        """Nothing queued and nothing processing. Keys that wait for their time do not count."""
        return not self._queue and not self._processing

    def add(self, key: str) -> None:
        """Have `key` reconciled soon."""
        if key in self._dirty:
            return
        self._dirty[key] = None
        self.adds += 1
        if key not in self._processing:
            self._push(key)

    def add_after(self, key: str, seconds: float, *, background: bool = False) -> None:
        """`add` in `seconds`, or sooner if an earlier call said so. Zero or less is now."""
        if seconds <= 0:
            self.add(key)
            return
        lane = _AFTER_BACKGROUND if background else _AFTER
        timer = self._lanes[lane].get(key)
        if timer is not None:
            # The clock may round, but it does so alike for both.
            if timer.due <= round((self._clock.time() + seconds) * 1_000_000):
                return
            timer.cancel()
        self._wait(lane, key, seconds, background=background)

    def add_rate_limited(self, key: str) -> None:
        """`add` after a delay that doubles with every call, until `forget`.

        Once the delay is longer than `HOPELESS`, nobody waits for it any more.
        """
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay = self._first * 2 ** min(failures, 32)
        self._cancel(_RETRY, key)
        self._wait(_RETRY, key, min(delay, self._longest), background=delay > HOPELESS)

    def forget(self, key: str) -> None:
        """`key` went well: the next failure starts from the first delay, a waiting retry is off."""
        self._failures.pop(key, None)
        self._cancel(_RETRY, key)

    def failures(self, key: str) -> int:
        """How often in a row `key` was added rate-limited."""
        return self._failures.get(key, 0)

    def come_back(self, key: str, seconds: float | None, *, background: bool = False) -> None:
        """What the latest result of `key` asks for: `add` in `seconds`, or None for nothing.
        Replaces what an earlier result asked for."""
        self._cancel(_RESULT, key)
        if seconds is None:
            return
        if seconds <= 0:
            self.add(key)
        else:
            self._wait(_RESULT, key, seconds, background=background)

    async def get(self) -> str:
        """The next key, in the order of adding. The caller says `done` when through with it."""
        while not self._queue:
            getter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._getters.append(getter)
            try:
                await getter
            except asyncio.CancelledError:
                if getter.cancelled():
                    self._getters.remove(getter)
                else:  # woken and cancelled at once: the wake-up belongs to somebody else
                    self._woken -= 1
                    if self._queue:
                        self._wake()
                raise
            self._woken -= 1
        key = self._queue.popleft()
        del self._dirty[key]
        self._processing[key] = None
        return key

    def done(self, key: str) -> None:
        """The worker is through with `key`; what was asked for meanwhile is queued now."""
        if key not in self._processing:
            return
        del self._processing[key]
        if key in self._dirty:
            self._push(key)

    def close(self) -> None:
        """Forget everything that waits, and stop all timers."""
        for lane in self._lanes:
            for timer in lane.values():
                timer.cancel()
            lane.clear()
        self._queue.clear()
        self._dirty.clear()
        self._failures.clear()

    def busy_with(self) -> list[str]:
        """Keys that are processing or queued, for messages."""
        return [*self._processing, *self._queue]

    def _push(self, key: str) -> None:
        self._queue.append(key)
        self._wake()

    def _wake(self) -> None:
        if self._getters:
            self._woken += 1
            self._getters.popleft().set_result(None)

    def _wait(self, lane: int, key: str, seconds: float, *, background: bool = False) -> None:
        self.retries += 1
        self._lanes[lane][key] = self._clock.call_later(
            seconds,
            self._fire(lane, key),
            background=background,
            label=(self.name, _LANES[lane], key),
        )

    def _fire(self, lane: int, key: str) -> Callable[[], None]:
        def fire() -> None:
            del self._lanes[lane][key]
            self.add(key)

        return fire

    def _cancel(self, lane: int, key: str) -> None:
        timer = self._lanes[lane].pop(key, None)
        if timer is not None:
            timer.cancel()

    def _check(self) -> None:
        """Walk every invariant; AssertionError names the one that is broken."""
        queued = list(self._queue)
        assert len(dict.fromkeys(queued)) == len(queued), "a key is queued twice"
        for key in queued:
            assert key in self._dirty, f"{key} is queued but not dirty"
            assert key not in self._processing, f"{key} is queued while processing"
        for key in self._dirty:
            assert key in self._processing or key in queued, f"{key} is dirty but lost"
        for lane, timers in enumerate(self._lanes):
            for key, timer in timers.items():
                assert timer.active, f"{key} waits in lane {_LANES[lane]} for a dead timer"
        for key in self._lanes[_RETRY]:
            assert self._failures.get(key), f"{key} waits for a retry without a failure"
        if self._getters:
            assert len(queued) <= self._woken, "a worker sleeps while there is work"
