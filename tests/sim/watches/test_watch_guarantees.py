"""Random writes, many watchers, a short memory: every stream keeps every promise.

The promises are in this folder's conftest. Writers and watchers are driven by a seed; nothing waits
for anything.
"""

import random

import pytest

from miniplane.api import resources
from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj
from miniplane.api.options import MERGE_PATCH, DeleteOptions, ListOptions, WriteOptions
from miniplane.clock import VirtualClock
from miniplane.config import Config
from miniplane.ids import Ids
from miniplane.registry import catalog
from miniplane.registry.registry import Registry
from miniplane.store.mvcc import Store
from miniplane.testing import objects

KINDS = (resources.CONFIGMAPS, resources.SECRETS, resources.PODS, resources.SERVICES)
NAMESPACES = ("a", "b")
NAMES = ("one", "two", "three", "four")
WRITE = WriteOptions(field_manager="writer")
LABELS = {
    "": lambda obj: True,
    "colour=red": lambda obj: labels(obj).get("colour") == "red",
    "colour!=red": lambda obj: labels(obj).get("colour") != "red",
    "colour in (red,blue),size": lambda obj: (
        labels(obj).get("colour") in ("red", "blue") and "size" in labels(obj)
    ),
}
FIELDS = {
    "": lambda obj: True,
    "metadata.name=one": lambda obj: obj["metadata"]["name"] == "one",
    "metadata.name!=one": lambda obj: obj["metadata"]["name"] != "one",
}
NODES = {
    "spec.nodeName=n": lambda obj: obj["spec"].get("nodeName") == "n",
    "status.phase=Running": lambda obj: obj["status"]["phase"] == "Running",
}


def labels(obj: Obj) -> dict[str, str]:
    return obj["metadata"].get("labels") or {}


class NotingStore(Store):
    """Tells a history of every write, whatever its log and its watchers make of it."""

    history = None

    def _write(self, key, build, previous, *, deleted=False):
        value = super()._write(key, build, previous, deleted=deleted)
        if self.history is not None:
            self.history.note(value.revision, key, None if deleted else value.obj)
        return value


class Run:
    """One seed's world: a writer who notes what he wrote, and watchers who come and go."""

    def __init__(self, seed: int, guarantees) -> None:
        self.random = random.Random(seed)
        self.guarantees = guarantees
        self.window = self.random.choice((4, 16, 60, 1000))
        config = Config(nodes=0, watch_window=self.window)
        self.store = NotingStore(window=self.window)
        self.registry = Registry(
            store=self.store, clock=VirtualClock(), ids=Ids(seed), config=config
        )
        for name in NAMESPACES:
            self.registry.create(resources.NAMESPACES, "", objects.namespace(name), WRITE)
        self.history = self.store.history = guarantees.History(self.registry.revision)
        self.watchers: list[Watcher] = []
        self.done: list[Watcher] = []

    # The writer.

    def write(self) -> None:
        kind, namespace, name = (self.random.choice(c) for c in (KINDS, NAMESPACES, NAMES))
        act = self.random.choice(
            (self.create, self.create, self.label, self.label, self.touch, self.delete)
        )
        try:
            act(kind, namespace, name)
        except StatusError as error:
            assert error.code in (404, 409, 422), error
        assert self.history.first + len(self.history.writes) == self.registry.revision

    def some_labels(self) -> dict[str, str]:
        pairs = (("colour", self.random.choice(("red", "blue", "green"))), ("size", "big"))
        return dict(pair for pair in pairs if self.random.random() < 0.6)

    def create(self, kind, namespace, name) -> None:
        obj: Obj = {"metadata": {"name": name, "labels": self.some_labels()}}
        if self.random.random() < 0.2:
            obj["metadata"]["finalizers"] = ["example.com/hold"]
        if kind is resources.PODS:
            obj["spec"] = objects.pod_spec()
            if self.random.random() < 0.5:
                obj["spec"]["nodeName"] = "n"
        if kind is resources.SERVICES:
            obj["spec"] = {"ports": [{"port": 80}]}
        self.registry.create(kind, namespace, obj, WRITE)

    def patch(self, kind, namespace, name, patch, subresource="") -> None:
        self.registry.patch(
            kind, namespace, name, patch, WRITE, patch_type=MERGE_PATCH, subresource=subresource
        )

    def label(self, kind, namespace, name) -> None:
        some = {"colour": None, "size": None, **self.some_labels()}
        self.patch(kind, namespace, name, {"metadata": {"labels": some}})

    def touch(self, kind, namespace, name) -> None:
        if kind is resources.PODS:
            phase = self.random.choice(("Pending", "Running", "Succeeded"))
            self.patch(kind, namespace, name, {"status": {"phase": phase}}, "status")
        else:
            self.patch(kind, namespace, name, {"metadata": {"finalizers": None}})

    def delete(self, kind, namespace, name) -> None:
        grace = self.random.choice((None, 0))
        options = DeleteOptions(grace_period_seconds=grace)
        if self.random.random() < 0.1:
            self.registry.delete_collection(kind, namespace, options, ListOptions())
        else:
            self.registry.delete(kind, namespace, name, options)

    # The watchers.

    def start(self) -> None:
        kind = self.random.choice(KINDS)
        namespace = self.random.choice(("", *NAMESPACES))
        label = self.random.choice(list(LABELS))
        fields = {**FIELDS, **(NODES if kind is resources.PODS else {})}
        field = self.random.choice(list(fields))

        def chosen(obj: Obj) -> bool:
            return LABELS[label](obj) and fields[field](obj)

        now = self.registry.revision
        how = self.random.choice(("now", "past", "zero", "streaming", "marked"))
        options: dict = {"label_selector": label, "field_selector": field}
        after = now
        if how == "past":
            after = self.random.randint(max(self.history.first, now - 2 * self.window), now)
            options["resource_version"] = str(after)
        elif how == "now":
            options["resource_version"] = str(now)
        elif how == "zero":
            options["resource_version"] = self.random.choice(("", "0"))
        else:
            options["send_initial_events"] = True
            options["allow_watch_bookmarks"] = how == "marked"
        stream = self.guarantees.Stream(
            prefix=catalog.prefix(kind, namespace),
            chosen=chosen,
            after=after,
            initial=how in ("zero", "streaming", "marked"),
            marked=how == "marked",
            seen=after,
        )
        self.watchers.append(Watcher(self, kind, namespace, ListOptions(**options), stream))

    def step(self) -> None:
        self.write()
        if self.random.random() < 0.15:
            self.start()
        if self.random.random() < 0.05:
            self.store.compact(self.registry.revision - self.random.randint(0, self.window))
        for watcher in list(self.watchers):
            if self.random.random() < watcher.eagerness:
                watcher.read()
            if watcher.stream.expired or self.random.random() < 0.01:
                watcher.watch.close()
                self.watchers.remove(watcher)
                self.done.append(watcher)
        self.store._check()

    def finish(self) -> "list[Watcher]":
        for watcher in self.watchers:
            while not watcher.watch.idle and not watcher.stream.expired:
                watcher.read()
            watcher.bookmark()
            watcher.watch.close()
        return [*self.done, *self.watchers]


class Watcher:
    """Reads a watch now and then, and writes down what it is told."""

    def __init__(self, run: Run, kind, namespace: str, options: ListOptions, stream) -> None:
        self.run = run
        self.kind = kind
        self.namespace = namespace
        self.options = options
        self.stream = stream
        self.eagerness = run.random.choice((1.0, 0.5, 0.1, 0.02))
        self.watch = run.registry.watch(kind, namespace, options)

    def read(self) -> None:
        stream = self.stream
        try:
            batch = self.watch.poll()
        except StatusError as error:
            assert (error.code, error.reason) == (410, "Expired")
            assert stream.seen < self.run.store.oldest, "it had missed nothing"
            stream.expired = True
            return
        stream.begun = True
        for event in batch:
            obj = None if event.stored is None else event.stored.obj
            stream.events.append(
                self.run.guarantees.Told(event.type, event.revision, obj, event.initial_events_end)
            )
        stream.seen = self.watch.revision
        if self.run.random.random() < 0.2:
            self.bookmark()

    def bookmark(self) -> None:
        if not self.stream.begun or self.stream.expired:
            return
        mark = self.watch.bookmark()
        self.stream.events.append(self.run.guarantees.Told("BOOKMARK", mark.revision))
        assert mark.revision == self.watch.revision
        self.stream.seen = mark.revision


def selected(options: ListOptions, **more) -> ListOptions:
    return ListOptions(
        label_selector=options.label_selector, field_selector=options.field_selector, **more
    )


@pytest.mark.seeds(60)
def test_every_stream_keeps_every_promise(guarantees, seed) -> None:
    run = Run(seed, guarantees)
    for _ in range(250):
        run.step()
    watchers = run.finish()
    assert len(watchers) > 10
    for watcher in watchers:
        guarantees.check(watcher.stream, run.history)
    check_resumable(run, watchers)
    check_lists(run)


def check_resumable(run: Run, watchers: list[Watcher]) -> None:
    """From wherever a stream may be taken up again, it goes on as it went on."""
    oldest = run.store.oldest
    for watcher in watchers:
        stream = watcher.stream
        if stream.expired or watcher in run.done:
            continue
        changes = stream.split()[1]
        for index in range(0, len(changes), 1 + len(changes) // 5):
            at = changes[index].revision
            if at < oldest:
                continue
            options = selected(watcher.options, resource_version=str(at))
            again = run.registry.watch(watcher.kind, watcher.namespace, options)
            told = [(e.type, e.revision, e.stored.data) for e in again.poll()]
            assert again.idle
            again.close()
            rest = [e for e in changes[index + 1 :] if e.obj is not None]
            assert [(kind, revision) for kind, revision, _ in told] == [
                (e.type, e.revision) for e in rest
            ]


def check_lists(run: Run) -> None:
    """What is listed at a revision is what the writes up to it amount to."""
    for revision in range(max(run.store.oldest, run.history.first), run.registry.revision + 1, 7):
        state = run.history.at(revision)
        for kind in KINDS:
            options = ListOptions(resource_version=str(revision), resource_version_match="Exact")
            found = run.registry.list(kind, "", options)
            prefix = catalog.prefix(kind)
            expected = [obj for key, obj in state.items() if key.startswith(prefix)]
            assert [stored.obj for stored in found.items] == expected


def lose_an_event(events):
    del events[len(events) // 2]


def swap_events(events):
    events[0], events[1] = events[1], events[0]


def repeat_an_event(events):
    events.insert(1, events[0])


@pytest.mark.parametrize("spoil", [lose_an_event, swap_events, repeat_an_event])
def test_the_checks_notice(guarantees, spoil) -> None:
    """A check that never fails would be none."""
    run = Run(1, guarantees)
    watcher = None
    while watcher is None:
        run.start()
        last = run.watchers[-1]
        if last.options.resource_version == str(run.registry.revision) and last.kind is KINDS[0]:
            watcher = last if not last.options.label_selector + last.namespace else None
    while len(watcher.stream.changes) < 6:
        run.write()
        watcher.read()
    guarantees.check(watcher.stream, run.history)
    watcher.stream.events[:] = watcher.stream.changes
    spoil(watcher.stream.events)
    with pytest.raises(AssertionError):
        guarantees.check(watcher.stream, run.history)
