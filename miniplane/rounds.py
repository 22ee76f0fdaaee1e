"""Work that comes round every so many seconds, but only as long as there is some.

Polling would cost a cluster at rest two million wake-ups in a year of virtual time. So whoever has
something to look at asks for the next round; what a round finds says whether there is another.

>>> from miniplane.clock import VirtualClock
>>> clock = VirtualClock(start=0)
>>> rounds = Rounds(clock, 10, lambda: print("a look at", clock.time()))
>>> clock.advance(3600)
>>> rounds.ask()
>>> clock.advance(3600)
a look at 3610.0
"""

import math
from collections.abc import Callable
from typing import Any

from miniplane.clock import Clock, Timer


class Rounds:
    """Calls `act` at multiples of `period` seconds from now on, when it has been asked for.

    `act` returns when the next look is worth while (Unix seconds), None for when somebody asks.
    Rounds are upkeep: nobody waits for their timers.
    """

    def __init__(
        self, clock: Clock, period: float, act: Callable[[], float | None], *, label: Any = None
    ):
        self._clock = clock
        self._period = period
        self._act = act
        self._label = label
        self._began = clock.time()
        self._last = 0
        """The number of the latest round."""
        self._next = 0
        self._timer: Timer | None = None

    def ask(self, by: float = 0.0) -> None:
        """Have a round: the next one, or the first that is not before `by` (Unix seconds)."""
        if self._timer is not None and self._next == self._last + 1:
            return
        now = self._clock.time()
        number = math.floor((now - self._began) / self._period) + 1
        if by > now:
            number = max(number, math.ceil((by - self._began) / self._period))
        number = max(number, self._last + 1)
        if self._timer is not None:
            if self._next <= number:
                return
            self._timer.cancel()
        self._next = number
        after = self._began + number * self._period - now
        self._timer = self._clock.call_later(after, self._fire, background=True, label=self._label)

    def _fire(self) -> None:
        self._timer = None
        self._last = self._next
        by = self._act()
        if by is not None:
            self.ask(by)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
