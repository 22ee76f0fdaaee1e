"""The operator framework `kopf`: handlers, finalizers, timers, daemons, indexes, restarts."""

import asyncio
import dataclasses
import threading
import urllib.error
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

kopf = pytest.importorskip("kopf", reason="no operator framework `kopf` here")

from tests.clients import raw  # noqa: E402
from tests.serving import PATIENCE, eventually  # noqa: E402


class Operator:
    """Runs handlers against a server, in a thread of its own, between `start` and `stop`."""

    def __init__(self, url: str, namespace: str) -> None:
        self.registry = kopf.OperatorRegistry()
        self.settings = kopf.OperatorSettings()
        self.settings.posting.level = 20
        self._namespace = namespace
        self._stop = threading.Event()
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)

        @kopf.on.login(registry=self.registry)
        def login(**_: Any) -> kopf.ConnectionInfo:
            return kopf.ConnectionInfo(server=url)

    def __enter__(self) -> "Operator":
        self._thread.start()
        assert self._ready.wait(PATIENCE)
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        if self._failure:
            raise self._failure

    def ask(self, question: Callable[[], Any]) -> Any:
        """What a function returns that is called between the operator's own steps."""

        async def answer() -> Any:
            return question()

        return asyncio.run_coroutine_threadsafe(answer(), self._loop).result(PATIENCE)

    def _run(self) -> None:
        try:
            kopf.run(
                loop=self._loop,
                registry=self.registry,
                settings=self.settings,
                namespaces=[self._namespace],
                standalone=True,
                stop_flag=self._stop,
                ready_flag=self._ready,
            )
        except BaseException as failure:
            self._failure = failure
        finally:
            self._loop.close()


@dataclasses.dataclass
class Place:
    """Where the Widgets of a test are."""

    url: str

    def get(self, name: str) -> Any:
        return raw.call("GET", f"{self.url}/{name}")

    def status(self, name: str) -> dict[str, Any]:
        return self.get(name).get("status", {})

    def gone(self, name: str) -> bool:
        try:
            self.get(name)
        except urllib.error.HTTPError as refusal:
            return refusal.code == 404
        return False

    def finalizers(self, name: str) -> list[str]:
        return self.get(name)["metadata"].get("finalizers", [])

    def create(self, body: Any) -> None:
        raw.call("POST", self.url, body)

    def resize(self, name: str, size: int) -> None:
        raw.call("PATCH", f"{self.url}/{name}", {"spec": {"size": size}})

    def delete(self, name: str) -> None:
        raw.call("DELETE", f"{self.url}/{name}")


@pytest.fixture
def place(cluster, namespace, widgets) -> Place:
    return Place(f"{cluster.url}/apis/{widgets.api_version}/namespaces/{namespace}/widgets")


@pytest.fixture
def operator(cluster, namespace) -> Operator:
    return Operator(cluster.url, namespace)


def handle(operator: Operator, decorator: Any, *what: str, **options: Any) -> Any:
    """A decorator of kopf's, for Widgets if nothing else is said, in the operator's registry."""
    what = what or ("example.com", "v1", "widgets")

    def decorate(function: Any) -> Any:
        # Without an id it would be the function's whole name, with the test's in it.
        own = {"registry": operator.registry, "id": function.__name__}
        return decorator(*what, **own, **options)(function)

    return decorate


def test_an_object_from_its_creation_to_its_end(operator, place, widgets, cluster, namespace):
    told = []

    @handle(operator, kopf.on.create)
    def create(body: Any, patch: Any, retry: int, **_: Any) -> dict[str, Any]:
        if not retry:
            raise kopf.TemporaryError("not yet", delay=0.1)
        kopf.info(body, reason="Tried", message="twice")
        patch.status["ready"] = body["spec"]["size"]
        return {"retries": retry}

    @handle(operator, kopf.on.update, field="spec.size")
    def update(old: int, new: int, patch: Any, **_: Any) -> None:
        told.append((old, new))
        patch.status["ready"] = new

    @handle(operator, kopf.on.delete)
    def delete(name: str, **_: Any) -> None:
        told.append(f"{name} is deleted")

    with operator:
        place.create(widgets.body("w", size=1))
        eventually(lambda: place.status("w").get("ready") == 1)
        eventually(lambda: place.status("w").get("create") == {"retries": 1})
        assert place.finalizers("w") == [operator.settings.persistence.finalizer]
        place.resize("w", 5)
        eventually(lambda: place.status("w")["ready"] == 5)
        place.delete("w")
        eventually(lambda: place.gone("w"))
        assert told == [(1, 5), "w is deleted"]
        events = f"{cluster.url}/api/v1/namespaces/{namespace}/events"
        eventually(lambda: "Tried" in [e["reason"] for e in raw.call("GET", events)["items"]])


def test_children_go_with_their_parent(operator, place, widgets, cluster, namespace):
    children = f"{cluster.url}/api/v1/namespaces/{namespace}/configmaps"

    @handle(operator, kopf.on.create)
    def create(name: str, **_: Any) -> None:
        child = {"metadata": {"name": f"{name}-child"}}
        kopf.adopt(child)
        raw.call("POST", children, child)

    def names() -> list[str]:
        return [each["metadata"]["name"] for each in raw.call("GET", children)["items"]]

    with operator:
        place.create(widgets.body("w", size=1))
        eventually(lambda: "w-child" in names())
        place.delete("w")
        eventually(lambda: "w-child" not in names())


def test_timers_and_daemons(operator, place, widgets):
    ticks: Counter[str] = Counter()
    ended = []

    @handle(operator, kopf.timer, interval=0.1)
    def tick(name: str, **_: Any) -> None:
        ticks[name] += 1

    @handle(operator, kopf.daemon, cancellation_timeout=5)
    async def watch_over(name: str, stopped: Any, patch: Any, **_: Any) -> None:
        patch.status["watched"] = True
        while not stopped:
            await stopped.wait(0.05)
        ended.append(name)

    with operator:
        place.create(widgets.body("w", size=1))
        eventually(lambda: ticks["w"] > 2)
        place.delete("w")
        # The finalizer holds the object until its daemon has ended.
        eventually(lambda: place.gone("w"))
        assert ended == ["w"]
        place.create(widgets.body("x", size=1))
        eventually(lambda: ticks["x"])
    assert ended == ["w", "x"]
    assert not place.gone("x")


def test_an_operator_that_was_away(cluster, namespace, place, widgets):
    told: list[str] = []

    def operator() -> Operator:
        operator = Operator(cluster.url, namespace)

        @handle(operator, kopf.on.create)
        @handle(operator, kopf.on.resume)
        @handle(operator, kopf.on.update)
        @handle(operator, kopf.on.delete)
        def note(name: str, reason: str, **_: Any) -> None:
            told.append(f"{reason} {name}")

        return operator

    with operator():
        for name in ("stays", "grows", "goes"):
            place.create(widgets.body(name, size=1))
        eventually(lambda: len(told) == 3)
        for name in ("stays", "grows", "goes"):
            eventually(lambda name=name: place.finalizers(name))
            eventually(lambda name=name: "annotations" in place.get(name)["metadata"])
    told.clear()
    place.resize("grows", 2)
    place.delete("goes")
    place.create(widgets.body("comes", size=1))
    assert not place.gone("goes")
    with operator():
        eventually(lambda: place.gone("goes"))
        eventually(lambda: len(set(told)) == 4)
        assert set(told) == {"resume stays", "update grows", "delete goes", "create comes"}
        for name in ("stays", "grows", "comes"):
            place.delete(name)
            eventually(lambda name=name: place.gone(name))


def test_indexes_keep_in_step_with_a_storm(wire, namespace, storm):
    operator = Operator(wire.url, namespace)
    operator.settings.watching.server_timeout = 1
    operator.settings.watching.reconnect_backoff = 0.01
    operator.settings.watching.initial_streaming = True
    indexes: dict[str, Any] = {}
    indexed: list[int] = []

    @handle(operator, kopf.index, "configmaps")
    async def revisions(name: str, meta: Any, **_: Any) -> dict[str, int]:
        indexed.append(int(meta["resourceVersion"]))
        return {name: indexed[-1]}

    @handle(operator, kopf.on.event, "serviceaccounts")
    async def show(revisions: Any, **_: Any) -> None:
        indexes["revisions"] = revisions

    def held() -> dict[str, int]:
        return {name: revision for name, (revision,) in indexes["revisions"].items()}

    with operator:
        eventually(lambda: indexes and operator.ask(held))
        indexed.clear()
        storm.start()
        storm.reach(0.5)
        wire.cut()
        listed = storm.end()
        eventually(lambda: operator.ask(held) == listed, patience=4 * PATIENCE)
    # Workers for many objects run side by side: in order is each object for itself.
    assert sorted(indexed) == storm.revisions()
