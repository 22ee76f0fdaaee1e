import asyncio

from miniplane.runtime.batch import slow_start_batch
from miniplane.runtime.expectations import Expectations


def test_creations_are_counted_down(clock):
    expected = Expectations(clock)
    assert expected.satisfied("a/web")
    expected.expect_creations("a/web", 3)
    expected.creation_observed("a/web")
    expected.creation_observed("a/web")
    assert not expected.satisfied("a/web")
    assert expected.satisfied("a/other")
    expected.creation_failed("a/web")
    assert expected.satisfied("a/web")
    expected.creation_observed("a/web")
    expected.expect_creations("a/web", 1)
    assert not expected.satisfied("a/web")
    expected.forget("a/web")
    assert expected.satisfied("a/web")


def test_deletions_are_known_by_name(clock):
    expected = Expectations(clock)
    expected.expect_deletions("a/web", ["u1", "u2"])
    expected.deletion_observed("a/web", "u1")
    expected.deletion_observed("a/web", "u1")
    expected.deletion_observed("a/web", "unknown")
    assert not expected.satisfied("a/web")
    assert expected.pending_deletions("a/web") == ["u2"]
    expected.deletion_observed("a/web", "u2")
    assert expected.satisfied("a/web")
    assert expected.pending_deletions("a/other") == []


def test_nobody_is_held_up_for_more_than_five_minutes(clock):
    expected = Expectations(clock)
    expected.expect_creations("a/web", 1)
    clock.advance(299)
    assert not expected.satisfied("a/web")
    assert expected.expires_in("a/web") == 1
    clock.advance(1)
    assert expected.satisfied("a/web")


async def test_batches_grow_and_stop_at_a_failure():
    running = []
    most = []

    async def act(index):
        running.append(index)
        most.append(len(running))
        await asyncio.sleep(0)
        running.remove(index)
        if index == 9:
            raise ValueError("quota")

    done, error = await slow_start_batch(30, act)
    assert done == 14
    assert isinstance(error, ValueError)
    assert max(most) == 8
    assert await slow_start_batch(0, act) == (0, None)
    assert await slow_start_batch(5, act) == (5, None)


async def test_a_refusal_of_all_costs_one_try():
    tried = []

    async def act(index):
        tried.append(index)
        raise ValueError("quota")

    assert (await slow_start_batch(100, act))[0] == 0
    assert tried == [0]
