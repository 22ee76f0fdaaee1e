"""Waiting until a cluster has nothing left to do: exactly, without sleeping or polling a state.

    drain    let tasks run until every part is idle
    settle   drain; move to the next foreground timer; again, until there is none
    advance  move time by so much, draining after every timer

A part (an informer, a controller) is idle when nothing that it would act on is waiting for it. One
part's work is handed to the next at once (a write wakes the informers that it concerns before it
returns), so when all are idle in two turns of the event loop running, nothing moves any more until
a timer fires or somebody from outside does something.
"""

import asyncio
from collections.abc import Callable, Iterable, Sized

from miniplane.clock import Clock, Timer, VirtualClock
from miniplane.runtime.manager import Part

QUIET_TURNS = 2
"""How many turns in a row all must be idle."""
ASLEEP_TURNS = 50
"""How many turns in a row those who are not idle must be asleep for it to count as idle: a
reconcile that waits for a slow answer has other tasks that may still run."""
MAX_TURNS = 1_000_000
"""How many turns one moment may take before it is called a hot loop."""
MAX_SECONDS = 3_600.0
BUSY_TURNS = 100
"""For how many turns a loop that has something to run may do so before anybody is asked."""
SPINS = 10_000
PAUSE = 0.001
"""On a real clock, somebody may be busy waiting for the network: after `SPINS` turns without rest,
a turn takes `PAUSE` seconds."""

Parts = Callable[[], Iterable[Part]]


class NotSettled(TimeoutError):
    """Something is still busy, or still waits for a time too far off. The message names it."""


async def drain(
    clock: Clock, parts: Parts, *, max_turns: int = MAX_TURNS, once: bool = False
) -> None:
    """Let tasks run until all parts are idle, or wait in `clock.sleep`. Time stands still.

    `once`: be content with all of them idle and nothing left to run in the loop, although the
    network was not asked again whether it has something for somebody.
    """
    virtual = isinstance(clock, VirtualClock)
    ready = _ready() if virtual and once else None
    quiet = asleep = 0
    busy: Part | None = None
    for turn in range(max_turns):
        if ready and turn < BUSY_TURNS:
            # Whoever is to run next need not be asked yet whether he is idle.
            await asyncio.sleep(0)
            continue
        # Who was busy a turn ago probably still is: asking it first spares asking all others.
        if busy is None or busy.idle:
            busy = next((part for part in parts() if not part.idle), None)
        if busy is None:
            quiet += 1
            asleep = 0
            if quiet >= QUIET_TURNS or (ready is not None and not ready):
                return
        else:
            quiet = 0
            asleep = asleep + 1 if clock.asleep(busy) else 0
            if asleep >= ASLEEP_TURNS:
                if all(part.idle or clock.asleep(part) for part in parts()):
                    return
                asleep = 0
        await asyncio.sleep(0 if virtual or turn < SPINS else PAUSE)
    raise NotSettled(f"still busy after {max_turns} turns of the event loop: {_busy(parts)}")


async def settle(
    clock: Clock,
    parts: Parts,
    *,
    max_seconds: float = MAX_SECONDS,
    max_turns: int = MAX_TURNS,
) -> None:
    """Return when all parts are idle and no foreground timer is left.

    On a virtual clock the time jumps from timer to timer; background timers that fall due on the
    way fire in their order. On a real clock this waits for real. NotSettled when foreground timers
    are left after `max_seconds` on the clock, or when one moment takes more than `max_turns`
    turns.
    """
    deadline = clock.time() + max_seconds
    while True:
        await drain(clock, parts, max_turns=max_turns)
        due = clock.next_timer()
        if due is None:
            return
        if due > deadline:
            waiting = ", ".join(_describe(timer, clock) for timer in clock.timers()[:10])
            raise NotSettled(f"not settled after {max_seconds:g} s; waiting: {waiting}")
        if isinstance(clock, VirtualClock):
            clock.step(due)
        else:
            # The loop's own timer for it was set earlier, so it is the first to fire.
            await asyncio.sleep(max(0.0, due - clock.time()))


async def advance(
    clock: VirtualClock, parts: Parts, seconds: float, *, max_turns: int = MAX_TURNS
) -> None:
    """Move time by `seconds`, firing all timers in order and draining after each moment."""
    target = clock.time() + seconds
    await drain(clock, parts, max_turns=max_turns)
    # Most timers of a quiet cluster wake nobody: then all are as idle as they were.
    ready = _ready()
    while clock.step(target):
        if ready is None or ready:
            await drain(clock, parts, max_turns=max_turns, once=True)
    await drain(clock, parts, max_turns=max_turns)
    clock.advance_to(target)


def _ready() -> Sized | None:
    """What the event loop will run in its next turn: with nothing there, and time standing still,
    only somebody from outside can move anything. None where a loop does not tell."""
    return getattr(asyncio.get_running_loop(), "_ready", None)


def _busy(parts: Parts) -> str:
    texts = []
    for part in parts():
        if not part.idle:
            doing = ", ".join(part.busy_with()[:5])
            texts.append(f"{part.name} ({doing})" if doing else part.name)
    return "; ".join(texts) or "nobody, at this moment"


def _describe(timer: Timer, clock: Clock) -> str:
    label = timer.label
    text = " ".join(str(word) for word in label) if isinstance(label, tuple) else str(label)
    return f"{text} in {timer.due / 1_000_000 - clock.time():.3f} s"
