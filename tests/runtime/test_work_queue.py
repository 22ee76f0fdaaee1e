import asyncio

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from miniplane import clock as clocks
from miniplane.clock import VirtualClock
from miniplane.runtime.queue import HOPELESS, WorkQueue


async def test_a_key_added_while_processing_comes_again_after_done(clock):
    queue = WorkQueue(clock)
    queue.add("a")
    queue.add("a")
    assert len(queue) == 1
    assert await queue.get() == "a"
    queue.add("a")
    queue.add("a")
    assert len(queue) == 0
    assert not queue.idle
    queue._check()
    queue.done("a")
    assert await queue.get() == "a"
    queue.done("a")
    assert queue.idle
    queue.done("a")
    queue._check()


async def test_waiting_workers_get_one_key_each(clock):
    queue = WorkQueue(clock)
    workers = [asyncio.create_task(queue.get()) for _ in range(3)]
    await asyncio.sleep(0)
    queue.add("a")
    queue.add("b")
    queue._check()
    assert not queue.idle
    await asyncio.sleep(0)
    assert [w.result() for w in workers[:2]] == ["a", "b"]
    assert not workers[2].done()
    workers[2].cancel()
    await asyncio.gather(workers[2], return_exceptions=True)
    queue._check()


async def test_a_wake_up_is_not_lost_with_a_cancelled_worker(clock):
    queue = WorkQueue(clock)
    first, second = (asyncio.create_task(queue.get()) for _ in range(2))
    await asyncio.sleep(0)
    queue.add("a")
    first.cancel()
    assert await asyncio.wait_for(second, 1) == "a"
    queue._check()


async def test_the_sooner_of_two_delays_stands(clock):
    queue = WorkQueue(clock)
    queue.add_after("a", 10)
    queue.add_after("a", 5)
    queue.add_after("a", 7)
    assert clock.next_timer() == clocks.START + 5
    clock.advance(5)
    assert await queue.get() == "a"
    queue.done("a")
    clock.advance(100)
    assert queue.idle
    queue.add_after("a", 0)
    assert len(queue) == 1


async def test_a_sooner_background_delay_does_not_hide_the_foreground_one(clock):
    queue = WorkQueue(clock)
    queue.add_after("a", 5, background=True)
    queue.add_after("a", 10)
    assert clock.next_timer() == clocks.START + 10


async def test_back_off_doubles_from_5_ms_to_1000_s(clock):
    queue = WorkQueue(clock)
    delays = []
    for _ in range(20):
        queue.add_rate_limited("a")
        delays.append(round(clock.next_timer(background=True) - clock.time(), 6))
        assert (clock.next_timer() is None) == (delays[-1] > HOPELESS), "nobody waits for these"
        clock.step()
        queue.done(await queue.get())
    assert delays[:4] == [0.005, 0.01, 0.02, 0.04]
    assert delays[17:] == [655.36, 1000, 1000]
    assert queue.failures("a") == 20
    queue.add_rate_limited("a")
    queue.forget("a")
    assert queue.failures("a") == 0
    assert clock.next_timer(background=True) is None


async def test_a_later_result_replaces_the_earlier_one(clock):
    queue = WorkQueue(clock)
    queue.come_back("a", 5)
    queue.come_back("a", 60)
    assert clock.next_timer() == clocks.START + 60
    queue.come_back("a", 60, background=True)
    assert clock.next_timer() is None
    queue.come_back("a", None)
    assert clock.next_timer(background=True) is None
    queue.come_back("a", 0)
    assert len(queue) == 1


async def test_close_stops_all_timers(clock):
    queue = WorkQueue(clock)
    queue.add("a")
    queue.add_after("b", 1)
    queue.add_rate_limited("c")
    queue.close()
    assert clock.next_timer() is None
    assert queue.idle
    queue._check()


KEYS = st.sampled_from("abcd")


class QueueModel(RuleBasedStateMachine):
    """The queue against the simplest thing that says the same."""

    def __init__(self):
        super().__init__()
        self.clock = VirtualClock()
        self.queue = WorkQueue(self.clock)
        self.waiting = []
        self.again = {}
        self.processing = []
        self.after = {}
        self.retry = {}
        self.failures = {}
        self.loop = asyncio.new_event_loop()

    def teardown(self):
        self.loop.close()

    def wanted(self, key):
        if key in self.processing:
            self.again[key] = True
        elif key not in self.waiting:
            self.waiting.append(key)

    @rule(key=KEYS)
    def add(self, key):
        self.queue.add(key)
        self.wanted(key)

    @rule(key=KEYS, delay=st.integers(0, 5))
    def add_after(self, key, delay):
        self.queue.add_after(key, delay)
        if delay == 0:
            self.wanted(key)
        else:
            due = self.now() + delay * 1000
            entry = (due, self.stamp())
            self.after[key] = min(self.after.get(key, entry), entry)

    @rule(key=KEYS)
    def fail(self, key):
        self.queue.add_rate_limited(key)
        failures = self.failures.get(key, 0)
        self.failures[key] = failures + 1
        self.retry[key] = (self.now() + min(5 * 2**failures, 1_000_000), self.stamp())

    @rule(key=KEYS)
    def forget(self, key):
        self.queue.forget(key)
        self.failures.pop(key, None)
        self.retry.pop(key, None)

    @precondition(lambda self: self.waiting)
    @rule()
    def get(self):
        key = self.loop.run_until_complete(self.queue.get())
        assert key == self.waiting.pop(0)
        self.processing.append(key)

    @precondition(lambda self: self.processing)
    @rule(data=st.data())
    def done(self, data):
        key = data.draw(st.sampled_from(self.processing))
        self.queue.done(key)
        self.processing.remove(key)
        if self.again.pop(key, False):
            self.waiting.append(key)

    @rule(milliseconds=st.integers(1, 8000))
    def advance(self, milliseconds):
        target = self.now() + milliseconds
        self.clock.advance_to(clocks.START + target / 1000)
        fired = [
            (due, stamp, key, lane)
            for lane in (self.after, self.retry)
            for key, (due, stamp) in lane.items()
            if due <= target
        ]
        for _, _, key, lane in sorted(fired, key=lambda f: f[:2]):
            del lane[key]
            self.wanted(key)

    def now(self):
        return round((self.clock.time() - clocks.START) * 1000)

    def stamp(self):
        return self.clock._sequence

    @invariant()
    def agrees(self):
        self.queue._check()
        assert list(self.queue._queue) == self.waiting
        assert sorted(self.queue._processing) == sorted(self.processing)
        assert self.queue.idle == (not self.waiting and not self.processing)
        assert {k: self.queue.failures(k) for k in self.failures} == self.failures


TestQueueModel = QueueModel.TestCase
TestQueueModel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
