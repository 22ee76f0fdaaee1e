"""Whose turn it is."""

from hypothesis import given, settings
from hypothesis import strategies as st

from miniplane.controllers.scheduler import queue
from miniplane.controllers.scheduler.queue import SchedulingQueue


def drain(pending, now=0.0):
    found = []
    while (key := pending.pop(now)) is not None:
        found.append(key)
    return found


def test_priority_first_then_arrival():
    pending = SchedulingQueue()
    for key, priority in (("a", 0), ("b", 10), ("c", 0), ("d", 10)):
        pending.add(key, priority)
    assert drain(pending) == ["b", "d", "a", "c"]
    assert len(pending) == 4
    pending.remove("a")
    assert "a" not in pending


def test_parked_pods_hear_only_of_what_may_help():
    pending = SchedulingQueue()
    pending.add("a", 0)
    pending.pop(0.0)
    pending.park("a", queue.helpful(["TaintToleration"]))
    assert not pending.interested(queue.POD_GONE)
    pending.moved(queue.POD_GONE, 5.0)
    assert pending.pop(5.0) is None
    assert pending.interested(queue.NODE_TAINTS)
    pending.moved(queue.NODE_TAINTS, 5.0)
    assert pending.pop(5.0) == "a"
    assert not pending.interested(queue.NODE_TAINTS)


def test_a_few_are_tried_early_while_nobody_else_is_there():
    pending = SchedulingQueue()
    pending.add("a", 0)
    pending.pop(0.0)
    pending.park("a", queue.helpful(["TaintToleration"]))
    pending.moved(queue.NODE_TAINTS, 0.1)
    assert pending.next_due(0.1) == 0.0
    assert pending.pop(0.1) == "a"


def test_many_wait_for_the_end_of_their_back_off():
    pending = SchedulingQueue()
    keys = [f"p{i:03}" for i in range(100)]
    for key in keys:
        pending.add(key, 0)
    for key in drain(pending):
        pending.park(key, queue.helpful(["TaintToleration"]))
    pending.moved(queue.NODE_TAINTS, 0.25)
    assert pending.pop(0.25) is None
    assert pending.next_due(0.25) == 0.75
    assert drain(pending, 1.0) == keys
    # The second time they wait twice as long, in the end ten seconds.
    waits = []
    now = 1.0
    for _ in range(5):
        for key in keys:
            pending.park(key, queue.helpful(["TaintToleration"]))
        pending.moved(queue.NODE_TAINTS, now)
        waits.append(pending.next_due(now))
        now += waits[-1]
        assert drain(pending, now) == keys
        pending._check()
    assert waits == [2.0, 4.0, 8.0, 10.0, 10.0]


def test_errors_are_not_tried_early():
    pending = SchedulingQueue()
    pending.add("a", 0)
    pending.pop(0.0)
    pending.retry("a", 0.0)
    pending.park("a", queue.helpful([""]))
    assert pending.pop(0.5) is None
    assert pending.next_due(0.5) == 0.5
    assert pending.pop(1.0) == "a"


def test_what_was_added_again_is_not_parked():
    pending = SchedulingQueue()
    pending.add("a", 0)
    pending.pop(0.0)
    pending.add("a", 0)
    pending.park("a", queue.helpful([""]))
    assert pending.pop(0.0) == "a"


def test_a_change_of_priority_moves_a_pod():
    pending = SchedulingQueue()
    for key in "abc":
        pending.add(key, 0)
    pending.add("c", 5)
    assert drain(pending) == ["c", "a", "b"]


def test_flush_wakes_those_who_wait_for_long():
    pending = SchedulingQueue()
    for key, now in (("a", 0.0), ("b", 100.0)):
        pending.add(key, 0)
        pending.pop(now)
        pending.park(key, ())
    pending.flush(310.0, 300.0)
    assert drain(pending, 310.0) == ["a"]


steps = st.tuples(
    st.sampled_from(("add", "remove", "pop", "park", "retry", "moved", "flush")),
    st.sampled_from("abc"),
    st.integers(0, 3),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(steps, max_size=60))
def test_invariants_hold_and_nobody_is_lost(plan):
    pending = SchedulingQueue()
    changes = (queue.NODE_ADDED, queue.POD_GONE, queue.VOLUMES, queue.NODE_TAINTS)
    plugins = ("", "NodeResourcesFit", "VolumeBinding", "TaintToleration")
    for now, (what, key, number) in enumerate(plan):
        if what == "add":
            pending.add(key, number)
        elif what == "remove":
            pending.remove(key)
        elif what == "pop":
            pending.pop(now)
        elif what == "park":
            pending.park(key, queue.helpful([plugins[number]]))
        elif what == "retry":
            pending.retry(key, now)
        elif what == "moved":
            pending.moved(changes[number], now)
        else:
            pending.flush(now, number)
        pending._check()
    for key in "abc":
        if key in pending:
            pending.add(key, 0)
    assert sorted(drain(pending, 1e6)) == [key for key in "abc" if key in pending]
