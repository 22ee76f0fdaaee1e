"""What a watch promises, as checks that any recorded stream has to pass.

A `History` is what was written, taken from the log write by write. A `Stream` is what one watcher
was told. The checks hold the one against the other:

    ordered       revisions only grow
    unique        no write is told twice
    filtered      nothing is told that was not asked for
    complete      between where the stream began and what it has seen, nothing is missing, and each
                  event has the type and the object that it must have
    bookmarkable  a bookmark stands after all that it covers, and before all that it does not
    initial       the state at the beginning is that of one moment, in the order of a list
    rebuildable   whoever applies the events to what he had, has what there is

That a stream is *resumable*, from each of its events and bookmarks, takes another watch to find
out: see the tests.

As in etcd's robustness tests (tests/robustness/validate/watch.go).
"""

import dataclasses
from collections.abc import Callable, Iterator

import pytest

from miniplane.api.objects import Obj

Chosen = Callable[[Obj], bool]


@dataclasses.dataclass(frozen=True, slots=True)
class Write:
    """One revision: what a key holds since, and what it held before. None: nothing."""

    revision: int
    key: str
    before: Obj | None
    after: Obj | None


class History:
    """All writes, densely numbered."""

    def __init__(self, first: int) -> None:
        self.first = first
        """The revision before the first write that is known."""
        self.writes: list[Write] = []
        self._state: dict[str, Obj] = {}

    def note(self, revision: int, key: str, after: Obj | None) -> None:
        assert revision == self.first + len(self.writes) + 1, "a revision is missing"
        self.writes.append(Write(revision, key, self._state.get(key), after))
        if after is None:
            del self._state[key]
        else:
            self._state[key] = after

    def between(self, after: int, until: int) -> list[Write]:
        return self.writes[max(0, after - self.first) : until - self.first]

    def at(self, revision: int) -> dict[str, Obj]:
        """What every key held right after a revision."""
        state = {}
        for write in self.between(self.first, revision):
            if write.after is None:
                state.pop(write.key, None)
            else:
                state[write.key] = write.after
        return dict(sorted(state.items()))


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """One event. A bookmark has no object."""

    type: str
    revision: int
    obj: Obj | None = None
    ends_initial: bool = False


@dataclasses.dataclass
class Stream:
    """What a watcher asked for, and what it was told.

    `after` is the revision that it started from. With `initial`, the state at that revision came
    first. `seen` is the revision up to which it has been told everything.
    """

    prefix: str
    chosen: Chosen
    after: int
    initial: bool = False
    marked: bool = False
    """Whether a bookmark was to stand at the end of the initial state."""
    events: list[Told] = dataclasses.field(default_factory=list)
    seen: int = 0
    begun: bool = False
    """Whether anything was read: the initial state comes with the first read."""
    expired: bool = False

    def key(self, obj: Obj) -> str:
        metadata = obj["metadata"]
        return f"{self.prefix.split('/')[0]}/{metadata['namespace']}/{metadata['name']}"

    def concerns(self, key: str) -> bool:
        return key.startswith(self.prefix)

    def split(self) -> tuple[list[Told], list[Told]]:
        """The events of the initial state, and those that came after."""
        if not self.initial:
            return [], self.events
        count = sum(1 for e in self.events if e.obj is not None and e.revision <= self.after)
        return self.events[:count], self.events[count:]

    @property
    def changes(self) -> list[Told]:
        """What was told after the initial state, bookmarks left out."""
        return [event for event in self.split()[1] if event.obj is not None]


def expected(stream: Stream, history: History, until: int) -> Iterator[tuple[str, int, Obj]]:
    """What a watch has to tell of the writes up to a revision: type, revision, object."""
    for write in history.between(stream.after, until):
        if not stream.concerns(write.key):
            continue
        before = write.before if write.before and stream.chosen(write.before) else None
        after = write.after if write.after and stream.chosen(write.after) else None
        if after is not None:
            yield "MODIFIED" if before is not None else "ADDED", write.revision, after
        elif before is not None:
            yield "DELETED", write.revision, before


def _but_for_revision(obj: Obj) -> Obj:
    metadata = {k: v for k, v in obj["metadata"].items() if k != "resourceVersion"}
    return {**obj, "metadata": metadata}


def ordered(stream: Stream, history: History) -> None:
    revisions = [event.revision for event in stream.changes]
    assert revisions == sorted(revisions)
    assert all(revision > stream.after for revision in revisions)


def unique(stream: Stream, history: History) -> None:
    told = [(event.revision, stream.key(event.obj)) for event in stream.changes if event.obj]
    assert len(set(told)) == len(told)


def filtered(stream: Stream, history: History) -> None:
    for event in stream.events:
        if event.obj is not None:
            assert stream.concerns(stream.key(event.obj))
            assert stream.chosen(event.obj)
            assert event.obj["metadata"]["resourceVersion"] == str(event.revision)


def complete(stream: Stream, history: History) -> None:
    told = [(e.type, e.revision, _but_for_revision(e.obj)) for e in stream.changes if e.obj]
    due = [
        (kind, revision, _but_for_revision(obj))
        for kind, revision, obj in expected(stream, history, stream.seen)
    ]
    assert told[: len(due)] == due
    assert len(told) == len(due), "more was told than is said to have been seen"


def bookmarkable(stream: Stream, history: History) -> None:
    covered = stream.after
    for event in stream.split()[1]:
        if event.obj is None:
            assert event.revision >= covered
            covered = event.revision
        else:
            assert event.revision > covered
            covered = event.revision


def initial(stream: Stream, history: History) -> None:
    if not stream.initial:
        return
    first, rest = stream.split()
    state = history.at(stream.after)
    there = [obj for key, obj in state.items() if stream.concerns(key) and stream.chosen(obj)]
    assert [event.type for event in first] == ["ADDED"] * len(there)
    assert [event.obj for event in first] == there
    marks = [event for event in rest if event.ends_initial]
    if stream.marked:
        assert rest[0] is marks[0], "the mark stands at the end of the initial state"
        assert marks[0].revision == stream.after
    assert len(marks) == stream.marked


def rebuildable(stream: Stream, history: History) -> None:
    def mine(revision: int) -> dict[str, Obj]:
        state = history.at(revision)
        return {k: v for k, v in state.items() if stream.concerns(k) and stream.chosen(v)}

    have = {} if stream.initial else mine(stream.after)
    for event in stream.events:
        if event.obj is None:
            continue
        key = stream.key(event.obj)
        assert (key in have) == (event.type != "ADDED")
        if event.type == "DELETED":
            del have[key]
        else:
            have[key] = event.obj
    assert dict(sorted(have.items())) == mine(stream.seen)


PROMISES = (ordered, unique, filtered, complete, bookmarkable, initial, rebuildable)


@dataclasses.dataclass(frozen=True)
class Guarantees:
    """The vocabulary above, for tests."""

    History = History
    Stream = Stream
    Told = Told
    promises = PROMISES

    @staticmethod
    def check(stream: Stream, history: History) -> None:
        if stream.initial and not stream.begun:
            assert not stream.events
            return
        for promise in PROMISES:
            promise(stream, history)


@pytest.fixture
def guarantees() -> Guarantees:
    return Guarantees()
