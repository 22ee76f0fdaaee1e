import asyncio

import pytest

from miniplane import clock as clocks
from miniplane.clock import RealClock
from miniplane.runtime import settle as settling
from miniplane.runtime.settle import NotSettled


class Worker:
    """A part that does a number of steps, each some turns of the loop long."""

    def __init__(self, name="worker"):
        self.name = name
        self.jobs = []
        self.log = []
        self.task = None

    @property
    def idle(self):
        return not self.jobs

    def busy_with(self):
        return [str(job) for job in self.jobs]

    async def run(self):
        clocks.sleeper.set(self)
        while self.jobs:
            job = self.jobs[0]
            await job()
            self.log.append(job.__name__)
            self.jobs.pop(0)

    def give(self, *jobs):
        self.jobs += jobs
        self.task = asyncio.create_task(self.run())


async def test_drain_returns_when_all_are_idle_and_time_stands_still(clock):
    first, second = Worker(), Worker()

    async def hand_over():
        for _ in range(20):
            await asyncio.sleep(0)
        second.give(take)

    async def take():
        await asyncio.sleep(0)

    first.give(hand_over)
    clock.call_later(1, pytest.fail)
    await settling.drain(clock, lambda: [first, second])
    assert (first.log, second.log) == (["hand_over"], ["take"])
    assert clock.time() == clocks.START


async def test_settle_moves_from_one_foreground_timer_to_the_next(clock):
    worker = Worker()
    seen = []

    async def job():
        seen.append(clock.time() - clocks.START)
        if len(seen) < 7:
            clock.call_later(100, lambda: worker.give(job))

    def upkeep():
        seen.append("upkeep")
        clock.call_later(150, upkeep, background=True)

    upkeep()
    worker.give(job)
    await settling.settle(clock, lambda: [worker])
    assert seen == ["upkeep", 0, 100, "upkeep", 200, "upkeep", 300]


async def test_a_part_that_sleeps_does_not_hold_time_up(clock):
    worker = Worker()

    async def job():
        await clock.sleep(7)

    worker.give(job, job)
    await settling.settle(clock, lambda: [worker])
    assert clock.time() == clocks.START + 14
    assert worker.log == ["job", "job"]


async def test_endless_work_is_told_by_name(clock):
    worker = Worker("the-culprit")

    async def spin():
        while True:
            await asyncio.sleep(0)

    worker.give(spin)
    with pytest.raises(NotSettled, match=r"after 500 turns.*the-culprit \(<function .*spin"):
        await settling.settle(clock, lambda: [worker], max_turns=500)
    worker.task.cancel()


async def test_endless_waiting_is_told_by_name(clock):
    def again():
        clock.call_later(600, again, label=("the-culprit", "retry", "a/web"))

    again()
    with pytest.raises(NotSettled, match=r"3600 s; waiting: the-culprit retry a/web in 600.000 s"):
        await settling.settle(clock, list)
    assert clock.time() == clocks.START + 3600


async def test_advance_drains_after_every_moment(clock):
    worker = Worker()
    seen = []

    def at(moment):
        async def job():
            seen.append((moment, clock.time() - clocks.START))

        worker.give(job)

    for moment in (1, 2, 3, 9):
        clock.call_later(moment, lambda m=moment: at(m), background=moment == 2)
    await settling.advance(clock, lambda: [worker], 5)
    assert seen == [(1, 1), (2, 2), (3, 3)]
    assert clock.time() == clocks.START + 5


async def test_settle_waits_for_real_on_a_real_clock():
    clock = RealClock()
    worker = Worker()

    async def job():
        await asyncio.sleep(0.01)

    clock.call_later(0.01, lambda: worker.give(job))
    clock.call_later(60, lambda: None, background=True)
    before = clock.time()
    await settling.settle(clock, lambda: [worker])
    assert worker.log == ["job"]
    assert 0.02 <= clock.time() - before < 5
