import asyncio

import pytest

from miniplane import clock as clocks
from miniplane.clock import RealClock, VirtualClock


def test_timers_fire_in_order_of_due_time_then_of_creation(clock):
    seen = []
    for name, delay in (("c", 2), ("a", 1), ("d", 2), ("b", 1)):
        clock.call_later(delay, lambda n=name: seen.append((n, clock.time() - clocks.START)))
    clock.advance(3)
    assert seen == [("a", 1), ("b", 1), ("c", 2), ("d", 2)]
    assert clock.rfc3339() == "2026-01-01T00:00:03Z"


def test_a_step_fires_one_moment_and_leaves_what_it_creates(clock):
    seen = []

    def fire():
        seen.append("first")
        clock.call_later(0, lambda: seen.append("made meanwhile"))

    clock.call_later(1, fire)
    clock.call_later(1, lambda: seen.append("second"), background=True)
    clock.call_later(2, lambda: seen.append("later"))
    assert clock.step()
    assert seen == ["first", "second"]
    assert clock.step()
    assert seen[2:] == ["made meanwhile"]
    assert clock.time() == clocks.START + 1
    assert not clock.step(limit=clocks.START + 1.5)
    assert clock.step()
    assert not clock.step()


def test_background_timers_are_not_waited_for_but_fire_on_the_way(clock):
    seen = []
    clock.call_later(10, lambda: seen.append("upkeep"), background=True)
    assert clock.next_timer() is None
    assert clock.next_timer(background=True) == clocks.START + 10
    timer = clock.call_later(20, lambda: seen.append("work"))
    assert clock.next_timer() == clocks.START + 20
    assert clock.timers() == [timer]
    clock.advance(20)
    assert seen == ["upkeep", "work"]


def test_a_cancelled_timer_never_fires_and_is_swept_out(clock):
    timers = [clock.call_later(1 + i, pytest.fail) for i in range(1000)]
    last = clock.call_later(5000, lambda: None)
    for timer in timers:
        timer.cancel()
        timer.cancel()
        assert not timer.active
    assert len(clock._foreground._heap) < 200
    assert clock.timers() == [last]
    clock.advance(10_000)
    last.cancel()
    assert clock.next_timer() is None


def test_sums_of_small_delays_are_exact(clock):
    for _ in range(10):
        clock.advance(0.1)
    assert clock.micro() == "2026-01-01T00:00:01.000000Z"
    clock.call_later(1e-9, lambda: None)
    assert clock.next_timer() > clock.time()


def test_time_does_not_run_backwards(clock):
    clock.advance(5)
    clock.advance_to(clocks.START)
    assert clock.time() == clocks.START + 5


async def test_sleep_wakes_when_time_has_come(clock):
    task = asyncio.create_task(clock.sleep(5))
    await asyncio.sleep(0)
    clock.advance(4.999)
    await asyncio.sleep(0)
    assert not task.done()
    clock.advance(0.001)
    await task
    await clock.sleep(0)


async def test_a_cancelled_sleep_leaves_no_timer(clock):
    task = asyncio.create_task(clock.sleep(5))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert clock.next_timer() is None
    assert clock.asleep(None) == 0


async def test_sleepers_are_counted_by_whom_they_belong_to(clock):
    async def work(who):
        clocks.sleeper.set(who)
        await asyncio.gather(clock.sleep(1), clock.sleep(2))

    tasks = [asyncio.create_task(work("a")), asyncio.create_task(work("b"))]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (clock.asleep("a"), clock.asleep("b"), clock.asleep("c")) == (2, 2, 0)
    clock.advance(1)
    await asyncio.sleep(0)
    assert clock.asleep("a") == 1
    clock.advance(1)
    await asyncio.gather(*tasks)
    assert clock.asleep("a") == 0


async def test_the_real_clock_is_carried_by_the_loop(monkeypatch):
    clock = RealClock()
    before = clock.time()
    loop = asyncio.get_running_loop()
    start = loop.time()
    monkeypatch.setattr(loop, "time", lambda: start + 3600)
    assert 3600 <= clock.time() - before < 3601


async def test_real_timers_fire_and_are_known_until_then():
    clock = RealClock()
    seen = []
    clock.call_later(0.001, lambda: seen.append(1))
    gone = clock.call_later(0.001, lambda: seen.append(2))
    clock.call_later(60, lambda: None, background=True).cancel()
    gone.cancel()
    assert clock.next_timer() is not None
    assert len(clock.timers()) == 1
    await clock.sleep(0.01)
    assert seen == [1]
    assert clock.next_timer(background=True) is None


def test_the_real_clock_tells_the_time_without_a_loop():
    assert RealClock().time() > clocks.START


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-01-01T00:00:00Z", 1_767_225_600),
        ("2026-01-01T01:00:00+01:00", 1_767_225_600),
        ("2026-01-01T00:00:00.250000Z", 1_767_225_600.25),
    ],
)
def test_times_are_read(text, seconds):
    assert clocks.parse_time(text) == seconds


def test_times_are_written_as_they_are_read():
    clock = VirtualClock(start=1_800_000_000.125)
    assert clocks.parse_time(clock.micro()) == 1_800_000_000.125
    assert clocks.parse_time(clock.rfc3339()) == 1_800_000_000
    with pytest.raises(ValueError):
        clocks.parse_time("2026-01-01T00:00:00")
