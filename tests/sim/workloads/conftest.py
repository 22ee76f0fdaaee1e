"""A whole cluster in bad weather: its controllers' calls fail at random, users edit at random.

A `Sim` sees every write (as the store makes it) and every call of the controllers (before it is
made, so that what a controller means to do is judged by what was true at that moment). What must
not happen goes into `violations`; a test asks for them after every step.

Controllers act on copies that may be a moment old. Two modes tell how old:

    showers   calls fail, but watches hold: whatever was true at this very moment counts
    storm     watches break as well: a copy may be as old as it takes to list anew
"""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import orjson
import pytest

from miniplane import testing
from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj, controller_of
from miniplane.api.options import MERGE_PATCH, STRATEGIC_MERGE_PATCH, DeleteOptions
from miniplane.api.resources import LEASES, NODES, PODS, RESOURCES, Resource
from miniplane.client.fault import Call, Fault, FaultClient, unavailable, weather
from miniplane.client.inprocess import InProcessClient
from miniplane.ids import Ids
from miniplane.registry import catalog
from miniplane.registry.stored import Stored
from miniplane.store.mvcc import Store
from tests.sim.steps import Steps

_UNJUDGED = (f"{LEASES.group_resource}/", "events/")
STALE = 120.0
"""How old a copy may get in a storm, in seconds."""


class ObservedStore(Store[Stored]):
    """Tells of every write right after it was made."""

    observer: Callable[[str, Stored | None, Stored | None], None] | None = None

    def _write(self, key, build, previous, *, deleted=False):
        value = super()._write(key, build, previous, deleted=deleted)
        if self.observer is not None:
            self.observer(key, previous, None if deleted else value)
        return value


class Sim:
    """A cluster, a user with a client that works, and controllers whose clients often do not."""

    def __init__(
        self,
        harness: testing.Harness,
        faults: FaultClient,
        *,
        seed: int,
        storm: bool,
        steps: Steps,
    ):
        self.harness = harness
        self.steps = steps
        """Every write that is judged is one, whoever makes it, but for leases and events."""
        self.registry = harness.registry
        self.clock = harness.clock
        self.store = harness.cluster.store
        self.faults = faults
        self.storm = storm
        self.random = Ids(f"user/{seed}")
        self.user = InProcessClient(self.registry, "user")
        self.violations: list[str] = []
        self.judge: Callable[[Call], None] = lambda call: None
        self.on_write: Callable[[str, Obj | None, Obj | None], None] = lambda *_: None
        self.lost: dict[str, None] = {}
        """Nodes whose kubelets reach nobody, for as long as the weather lasts."""
        self._last_fine: dict[str, float] = {}
        self._weather = weather(Ids(f"weather/{seed}"), rate=0.15)
        self.store.observer = self._observe

    # The weather.

    def begin(self) -> None:
        self.faults.set_plan(self._plan)

    def turns(self) -> Iterator[int]:
        """The weather begins; turns until as many steps have been taken as the test wants."""
        self.begin()
        return self.steps.turns()

    def _plan(self, call: Call):
        self._hear(call)
        if self.lost and call.manager == "kubelet" and self._of_node(call) in self.lost:
            return Fault(unavailable(call))
        # Which nodes die is not left to the weather.
        return None if call.resource is LEASES else self._weather(call)

    def _of_node(self, call: Call) -> str:
        """The node that a kubelet calls from."""
        if call.resource is PODS:
            pod = self.get(PODS, call.name)
            return "" if pod is None else pod["spec"].get("nodeName", "")
        return call.name if call.resource in (LEASES, NODES) else ""

    def clear(self) -> None:
        self.lost.clear()
        self.faults.set_plan(self._hear)

    def _hear(self, call: Call) -> None:
        try:
            self.judge(call)
        except Exception as error:
            # What is raised here would only be one more call that has failed.
            self.complain(f"{call.verb} {call.resource.plural} {call.name}: {error!r}")

    # Time.

    async def pass_time(self) -> None:
        if self.storm and self.random.random() < 0.2:
            self.faults.break_watches()
        await self.harness.advance(self.random.choice((0, 0.01, 0.5, 1, 2, 5, 12, 40)))
        assert not self.violations, "\n".join(self.violations)

    async def rest(self) -> None:
        """The weather clears up; everything settles; then nobody writes any more."""
        self.clear()
        await self.harness.settle(max_seconds=20_000)
        revision = self.registry.revision
        await self.harness.settle()
        assert self.registry.revision == revision
        await self.harness.advance(600)
        written = [event.key for event in self.store._log.after(revision)]
        # Leases are renewed, and series of events are summed up, for ever.
        upkeep = (f"{LEASES.group_resource}/", f"{NODES.group_resource}/", "events/")
        assert [key for key in written if not key.startswith(upkeep)] == []
        assert not self.violations, "\n".join(self.violations)
        self.check_frozen()

    def check_frozen(self) -> None:
        """Nobody has changed what all share."""
        self.store._check()
        for row in RESOURCES:
            if row.stored and catalog.storage_resource(row) is row:
                for stored in self.store.range(catalog.prefix(row)):
                    obj = {k: v for k, v in stored.obj.items() if k not in ("kind", "apiVersion")}
                    assert orjson.dumps(obj) == stored.data

    # What is there.

    def all(self, resource: Resource) -> list[Obj]:
        prefix = catalog.prefix(resource, "default" if resource.namespaced else "")
        return [stored.obj for stored in self.store.range(prefix)]

    def get(self, resource: Resource, name: str) -> Obj | None:
        namespace = "default" if resource.namespaced else ""
        stored = self.store.find(catalog.key(resource, namespace, name))
        return None if stored is None else stored.obj

    def pods_of(self, owner: Obj) -> list[Obj]:
        uid = owner["metadata"]["uid"]
        return [p for p in self.all(PODS) if (controller_of(p) or {}).get("uid") == uid]

    def _observe(self, key: str, before: Stored | None, after: Stored | None) -> None:
        if not key.startswith(_UNJUDGED):
            self.steps.take()
        if key.startswith("pods/"):
            name = key.rpartition("/")[2]
            if before is not None and fine(before.obj):
                self._last_fine[name] = self.clock.time()
        self.on_write(
            key, None if before is None else before.obj, None if after is None else after.obj
        )

    def seems_fine(self, name: str) -> bool:
        """Whether a controller may take the pod of that name to be running and ready."""
        pod = self.get(PODS, name)
        if pod is not None and fine(pod):
            return True
        since = self._last_fine.get(name, float("-inf"))
        return self.clock.time() - since <= (STALE if self.storm else 0.0)

    def complain(self, text: str) -> None:
        self.violations.append(f"{self.clock.rfc3339()} {text}")

    # What users do. None of it may fail but for what is not there.

    async def patch(
        self, resource: Resource, name: str, patch: Any, *, subresource: str = "", merge=True
    ) -> None:
        patch_type = MERGE_PATCH if merge else STRATEGIC_MERGE_PATCH
        namespace = "default" if resource.namespaced else ""
        await self.user.patch(
            resource, name, patch, namespace, patch_type=patch_type, subresource=subresource
        )

    async def image(self, resource: Resource, name: str) -> None:
        version = f"example.com/app:{self.random.integer(1, 4)}"
        template = {"spec": {"containers": [{"name": "main", "image": version}]}}
        await self.patch(resource, name, {"spec": {"template": template}}, merge=False)

    async def delete_pod(self, pod: Obj) -> None:
        grace = self.random.choice((None, None, 0, 3))
        options = DeleteOptions(grace_period_seconds=grace)
        await self.user.delete(PODS, pod["metadata"]["name"], "default", options=options)

    async def evict_pod(self, pod: Obj) -> None:
        name = pod["metadata"]["name"]
        eviction = {"metadata": {"name": name}}
        await self.user.create(
            PODS, eviction, namespace="default", name=name, subresource="eviction"
        )

    async def fail_pod(self, pod: Obj) -> None:
        status = {"phase": "Failed", "conditions": None, "containerStatuses": None}
        name = pod["metadata"]["name"]
        await self.patch(PODS, name, {"status": status}, subresource="status")

    async def hurt_a_pod(self, owner: Obj) -> None:
        pods = self.pods_of(owner)
        if not pods:
            return
        act = self.random.choice((self.delete_pod, self.delete_pod, self.evict_pod, self.fail_pod))
        try:
            await act(self.random.choice(pods))
        except StatusError as error:
            # 429: a budget does not allow it.
            assert error.code in (404, 409, 422, 429), error


def fine(pod: Obj) -> bool:
    """Running, ready, and not on its way out."""
    status = pod.get("status") or {}
    return (
        status.get("phase") == "Running"
        and "deletionTimestamp" not in pod["metadata"]
        and any(
            c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or ()
        )
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "settings(**settings): of the cluster that `sim` is")


@pytest.fixture
async def sim(
    seed: int,
    storm: bool,
    steps: Steps,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> AsyncIterator[Sim]:
    made: list[FaultClient] = []

    def faulty(registry) -> FaultClient:
        made.append(FaultClient(InProcessClient(registry)))
        return made[-1]

    monkeypatch.setattr("miniplane.cluster.Store", ObservedStore)
    monkeypatch.setattr("miniplane.cluster.InProcessClient", faulty)
    mark = request.node.get_closest_marker("settings")
    settings = mark.kwargs if mark is not None else {}
    async with testing.cluster(nodes=3, seed=seed, pod_startup=1.5, **settings) as harness:
        yield Sim(harness, made[0], seed=seed, storm=storm, steps=steps)
