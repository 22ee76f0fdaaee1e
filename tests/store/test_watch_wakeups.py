"""Who is woken by what, and how a slow watcher ends."""

import asyncio

import pytest

from miniplane.store.errors import Compacted
from miniplane.store.mvcc import Store


def put(store: Store[int], key: str) -> None:
    store.create(key, lambda revision: revision)


async def test_a_write_wakes_only_those_that_it_concerns() -> None:
    store: Store[int] = Store()
    mine = store.watch("pods/a/", after=0)
    others = [store.watch(f"pods/n{i}/", after=0) for i in range(100)]
    for watcher in [mine, *others]:
        assert watcher.read() == []
    waiting = asyncio.create_task(mine.wait())
    sleeping = [asyncio.create_task(w.wait()) for w in others]
    await asyncio.sleep(0)
    put(store, "pods/a/x")
    await waiting
    assert [e.key for e in mine.read()] == ["pods/a/x"]
    await asyncio.sleep(0)
    assert not any(task.done() for task in sleeping)
    assert all(w.idle for w in others)
    for watcher in [mine, *others]:
        watcher.close()
    await asyncio.gather(*sleeping)


async def test_an_idle_watcher_does_not_expire_while_others_write() -> None:
    store: Store[int] = Store(window=4)
    quiet = store.watch("pods/a/", after=0)
    assert quiet.read() == []
    for i in range(100):
        put(store, f"pods/b/{i}")
    assert quiet.seen == store.revision
    put(store, "pods/a/x")
    assert [e.key for e in quiet.read()] == ["pods/a/x"]


async def test_a_watcher_that_stops_reading_is_cut_off() -> None:
    store: Store[int] = Store(window=4)
    slow = store.watch("pods/", after=0)
    assert slow.read() == []
    for i in range(100):
        put(store, f"pods/b/{i}")
    with pytest.raises(Compacted):
        slow.read()


async def test_a_wait_lasts_as_long_as_it_was_told_to_whatever_came_before() -> None:
    store: Store[int] = Store()
    watcher = store.watch("pods/", after=0)
    for first, second in ((0.001, 0.02), (60.0, 0.001)):
        watcher.read()
        waiting = asyncio.create_task(watcher.wait(first))
        await asyncio.sleep(0)
        put(store, f"pods/{first}")
        assert await waiting is True
        watcher.read()
        loop = asyncio.get_running_loop()
        end = loop.time() + second
        assert await watcher.wait(second) is False
        assert loop.time() >= end - 1e-6
    waiting = asyncio.create_task(watcher.wait(0.001))
    await asyncio.sleep(0)
    put(store, "pods/z")
    assert await waiting is True
    watcher.read()
    endless = asyncio.create_task(watcher.wait())
    await asyncio.sleep(0.01)  # the timer of the wait before has gone off by now
    assert not endless.done()
    watcher.close()
    await endless


async def test_waiting_ends_after_the_timeout_or_when_closed() -> None:
    store: Store[int] = Store()
    watcher = store.watch("pods/", after=0)
    watcher.read()
    assert await watcher.wait(0.001) is False
    waiting = asyncio.create_task(watcher.wait())
    await asyncio.sleep(0)
    watcher.close()
    assert await waiting is not False
