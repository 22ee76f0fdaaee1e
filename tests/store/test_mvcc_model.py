"""The store against a plain model: histories, ranges in the past, watches over compaction."""

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from miniplane.store.errors import (
    Compacted,
    FutureRevision,
    KeyExists,
    KeyNotFound,
    RevisionConflict,
)
from miniplane.store.mvcc import Store
from miniplane.store.watch import Watcher

KEYS = [f"{bucket}/{ns}/{name}" for bucket in ("p", "q") for ns in "ab" for name in ("x", "y-1")]
PREFIXES = ["p/", "q/", "p/a/", "p/b/", "q/a/", "p/a/x"]


class Follower:
    """A watcher and what it has been told so far."""

    def __init__(self, prefix: str, after: int, watcher: Watcher):
        self.prefix = prefix
        self.after = after
        self.watcher = watcher
        self.seen: list[tuple[int, str, bool]] = []
        self.expired = False


class StoreModel(RuleBasedStateMachine):
    """Random writes, reads and compactions; a dictionary of snapshots is the truth."""

    followers = Bundle("followers")

    def __init__(self) -> None:
        super().__init__()
        self.store: Store[tuple[str, int]] = Store(window=8)
        self.snapshots: list[dict[str, tuple[str, int]]] = [{}]
        self.writes: list[tuple[int, str, bool]] = []

    @property
    def now(self) -> dict[str, tuple[str, int]]:
        return self.snapshots[-1]

    def note(self, key: str, value: tuple[str, int] | None) -> None:
        state = dict(self.now)
        if value is None:
            del state[key]
        else:
            state[key] = value
        self.snapshots.append(state)
        self.writes.append((len(self.snapshots) - 1, key, value is None))

    @rule(key=st.sampled_from(KEYS))
    def create(self, key: str) -> None:
        if key in self.now:
            with pytest.raises(KeyExists):
                self.store.create(key, lambda revision: (key, revision))
            return
        self.note(key, self.store.create(key, lambda revision: (key, revision)))

    @rule(key=st.sampled_from(KEYS))
    def update(self, key: str) -> None:
        present = self.now.get(key)
        if present is None:
            with pytest.raises(KeyNotFound):
                self.store.update(key, lambda revision: (key, revision), expect=(key, 0))
            return
        with pytest.raises(RevisionConflict):
            self.store.update(key, lambda revision: (key, revision), expect=(key, -1))
        self.note(key, self.store.update(key, lambda revision: (key, revision), expect=present))

    @rule(key=st.sampled_from(KEYS))
    def delete(self, key: str) -> None:
        present = self.now.get(key)
        if present is None:
            with pytest.raises(KeyNotFound):
                self.store.delete(key, lambda revision: (key, revision), expect=(key, 0))
            return
        self.store.delete(key, lambda revision: (key, revision), expect=present)
        self.note(key, None)

    @rule(key=st.sampled_from(KEYS))
    def failing_write_changes_nothing(self, key: str) -> None:
        def fail(revision: int) -> tuple[str, int]:
            raise ZeroDivisionError

        if key not in self.now:
            with pytest.raises(ZeroDivisionError):
                self.store.create(key, fail)

    @rule(back=st.integers(0, 10))
    def compact(self, back: int) -> None:
        self.store.compact(max(0, self.store.revision - back))

    @rule(prefix=st.sampled_from(PREFIXES), back=st.integers(-1, 15))
    def read_the_past(self, prefix: str, back: int) -> None:
        revision = self.store.revision - back
        if back < 0:
            with pytest.raises(FutureRevision):
                self.store.range_items_at(prefix, revision)
            return
        if revision < 0:
            return
        if revision < self.store.oldest:
            with pytest.raises(Compacted):
                self.store.range_items_at(prefix, revision)
            return
        if not prefix.endswith("/"):
            return
        then = self.snapshots[revision]
        expected = sorted((k, v) for k, v in then.items() if k.startswith(prefix))
        assert self.store.range_items_at(prefix, revision) == expected

    @rule(target=followers, prefix=st.sampled_from(PREFIXES), back=st.integers(0, 12))
    def follow(self, prefix: str, back: int) -> Follower:
        after = max(0, self.store.revision - back)
        return Follower(prefix, after, self.store.watch(prefix, after=after))

    @rule(follower=followers, limit=st.integers(1, 5))
    def listen(self, follower: Follower, limit: int) -> None:
        if follower.expired or follower.watcher.closed:
            return
        try:
            events = follower.watcher.read(limit)
        except Compacted as gone:
            assert gone.oldest == self.store.oldest
            assert follower.watcher.seen < self.store.oldest
            follower.expired = True
            return
        follower.seen += [(e.revision, e.key, e.deleted) for e in events]
        concerned = [
            w
            for w in self.writes
            if follower.after < w[0] <= follower.watcher.seen
            and (w[1].startswith(follower.prefix) or w[1] == follower.prefix)
        ]
        assert follower.seen == concerned, "ordered, unique, complete, filtered"

    @rule(follower=followers)
    def hang_up(self, follower: Follower) -> None:
        follower.watcher.close()

    @invariant()
    def agrees(self) -> None:
        self.store._check()
        assert self.store.revision == len(self.snapshots) - 1
        for prefix in ("p/", "q/", "p/a/", "p/b/"):
            expected = [v for k, v in sorted(self.now.items()) if k.startswith(prefix)]
            assert self.store.range(prefix) == expected
            assert self.store.count(prefix) == len(expected)
        for key in KEYS:
            assert self.store.find(key) == self.now.get(key)


TestStoreModel = StoreModel.TestCase
TestStoreModel.settings = settings(
    max_examples=60, stateful_step_count=60, deadline=None, derandomize=True
)
