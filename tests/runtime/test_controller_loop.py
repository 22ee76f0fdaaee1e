import asyncio
import logging

import pytest

from miniplane.api import errors
from miniplane.api.objects import key_of
from miniplane.api.resources import CONFIGMAPS, PODS
from miniplane.config import Config
from miniplane.ids import Ids
from miniplane.pki.authority import Authority
from miniplane.runtime import settle as settling
from miniplane.runtime.controller import Controller, ControllerContext, Result
from miniplane.runtime.informer import InformerFactory
from miniplane.runtime.manager import ControllerManager, select


def config_map(name, namespace="a"):
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}


class Recording(Controller):
    """Does what its `script` says for a key, and keeps a diary."""

    name = "recording-controller"
    manager = "the-manager"

    def __init__(self, ctx):
        super().__init__(ctx)
        self.diary = []
        self.script = {}

    def setup(self):
        informer = self.informer(CONFIGMAPS)
        informer.on_change(lambda old, new: self.queue.add(key_of(new or old)))

    async def reconcile(self, key):
        self.diary.append((key, round(self.clock.time() % 100_000, 3)))
        steps = self.script.get(key)
        step = steps.pop(0) if steps else None
        if isinstance(step, Exception):
            raise step
        if callable(step):
            step = await step()
        return step


@pytest.fixture
def context(api, clock):
    config = Config()
    authority = Authority(Ids(seed=1), clock)
    informers = InformerFactory(api, clock)
    return ControllerContext(api, informers, clock, Ids(seed=1), config, authority)


@pytest.fixture
async def manager(context):
    manager = ControllerManager(context, [Recording])
    yield manager
    await manager.stop()


@pytest.fixture
async def running(manager):
    await manager.start()
    return manager.find("recording-controller")


async def drain(manager):
    await settling.drain(manager.ctx.clock, manager.parts)


def keys(controller):
    return [key for key, _ in controller.diary]


async def test_what_was_there_before_the_start_is_reconciled(api, manager):
    await api.create(CONFIGMAPS, config_map("one"))
    await manager.start()
    await drain(manager)
    assert keys(manager.controllers[0]) == ["a/one"]
    assert manager.idle


async def test_errors_are_retried_and_others_go_on(api, manager, running, caplog):
    caplog.set_level(logging.DEBUG)
    refused = errors.StatusError(500, "InternalError", "broken")
    stale = errors.stale_revision(CONFIGMAPS, "one")
    running.script["a/one"] = [stale, refused, RuntimeError("a bug")]
    await api.create(CONFIGMAPS, config_map("one"))
    await api.create(CONFIGMAPS, config_map("two"))
    await settling.settle(manager.ctx.clock, manager.parts)
    start = running.diary[0][1]
    assert [(k, round(t - start, 3)) for k, t in running.diary] == [
        ("a/one", 0),
        ("a/two", 0),
        ("a/one", 0.005),
        ("a/one", 0.015),
        ("a/one", 0.035),
    ]
    assert running.queue.failures("a/one") == 0
    levels = [(r.levelname, "a/one" in r.getMessage()) for r in caplog.records]
    assert [lv for lv, about in levels if about] == ["DEBUG", "WARNING", "ERROR"]


async def test_a_result_brings_the_key_back(api, manager, running):
    running.script["a/one"] = [Result(after=5), Result(after=10), Result(after=0), None]
    await api.create(CONFIGMAPS, config_map("one"))
    await settling.settle(manager.ctx.clock, manager.parts)
    start = running.diary[0][1]
    assert [round(t - start, 3) for _, t in running.diary] == [0, 5, 15, 15]


async def test_nobody_waits_for_a_background_result(api, manager, running, clock):
    running.script["a/one"] = [Result(after=5, background=True)]
    await api.create(CONFIGMAPS, config_map("one"))
    await settling.settle(clock, manager.parts)
    assert len(running.diary) == 1
    await settling.advance(clock, manager.parts, 5)
    assert len(running.diary) == 2


async def test_writes_carry_the_controllers_manager(api, manager, running):
    await running.client.create(PODS, config_map("x"))
    assert api.calls[-1][0] == "the-manager"


async def test_a_key_is_never_processed_by_two_workers(api, context, clock):
    class Wide(Recording):
        name = "wide-controller"
        workers = 3
        now: dict = {}
        most = 0

        async def reconcile(self, key):
            assert key not in self.now
            self.now[key] = True
            Wide.most = max(Wide.most, len(self.now))
            await self.clock.sleep(1)
            del self.now[key]

    manager = ControllerManager(context, [Wide])
    await manager.start()
    for name in ("x", "y", "z", "u"):
        await api.create(CONFIGMAPS, config_map(name))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    manager.controllers[0].queue.add("a/x")
    await settling.settle(clock, manager.parts)
    assert Wide.most == 3
    assert not Wide.now
    await manager.stop()


async def test_rounds_and_work_beside_the_queue(manager, running, clock, caplog):
    seen = []

    def look():
        seen.append(clock.time() - began)
        if len(seen) == 2:
            raise ValueError("oh")
        return began + 35 if len(seen) == 1 else None

    async def broken():
        raise RuntimeError("oh")

    began = clock.time()
    rounds = running.rounds(10, look)
    running.spawn(broken())
    assert not running.idle
    await settling.advance(clock, manager.parts, 12)
    assert "work beside the queue failed" in caplog.text
    assert seen == []
    rounds.ask(began + 21)
    rounds.ask()
    rounds.ask(began + 31)
    await settling.advance(clock, manager.parts, 100)
    # An error is no reason to give up.
    assert seen == [20, 40, 50]
    rounds.ask()
    await manager.stop()
    assert clock.next_timer(background=True) is None


async def test_stop_cancels_a_reconcile_that_hangs(api, manager, running, clock):
    async def hang():
        await asyncio.get_running_loop().create_future()

    running.script["a/one"] = [hang]
    await api.create(CONFIGMAPS, config_map("one"))
    for _ in range(5):
        await asyncio.sleep(0)
    assert running.busy_with() == ["a/one"]
    await manager.stop()
    assert not api.watches


async def test_private_names_of_a_subclass_are_its_own(api, context):
    class Careless(Recording):
        name = "careless-controller"
        _tasks = _spawned = _rounds = _work = _process = _attempt = _guard = None

    manager = ControllerManager(context, [Careless])
    await manager.start()
    await api.create(CONFIGMAPS, config_map("one"))
    await drain(manager)
    assert keys(manager.controllers[0]) == ["a/one"]
    await manager.stop()


def test_selection_is_that_of_kube_controller_manager():
    names = ["a", "b", "c"]
    assert select(names, "*") == names
    assert select(names, "*,-b") == ["a", "c"]
    assert select(names, "c, a") == ["a", "c"]
    assert select(names, "-b") == []
    assert select(names, "*,-b,b") == ["a", "c"]
    assert select(names, "b,-b") == ["b"]
    with pytest.raises(ValueError, match="'d' is not in the list of known controllers: a, b, c"):
        select(names, "*,-d")


async def test_only_selected_controllers_are_made(context):
    manager = ControllerManager(context, [Recording], "*,-recording-controller")
    assert manager.controllers == []
    with pytest.raises(KeyError):
        manager.find("recording-controller")
