"""The keys, their present values, and every write.

Keys are sorted by their characters, as in etcd, so that lists come in the order of a real
cluster. The first segment of a key names its bucket; buckets are sorted apart, so that a range in
one never pays for the others:

    pods/default/web-0, pods/default/web-1      bucket pods
    statefulsets.apps/default/web               bucket statefulsets.apps

A prefix ends with `/` and stays within a bucket (`pods/`, `pods/default/`); a whole key is the
prefix of itself alone.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

from sortedcontainers import SortedDict

from miniplane.store.errors import FutureRevision, KeyExists, KeyNotFound, RevisionConflict
from miniplane.store.events import Event
from miniplane.store.log import Log
from miniplane.store.watch import Hub, Watcher

V = TypeVar("V")
Build = Callable[[int], V]
"""Makes the value to be stored, given the revision that it will have."""


class _Bucket(Generic[V]):
    __slots__ = ("items", "revision", "snapshot")

    def __init__(self) -> None:
        self.items: SortedDict = SortedDict()
        self.revision = 0
        # The latest whole range that was read, with the prefix; any write voids it.
        self.snapshot: tuple[str, list[V]] | None = None


class Store(Generic[V]):
    """A sorted map of keys to values, with revisions, history and watches.

    A write takes a callable that builds the value from its revision: it must not write itself. If
    it raises, nothing has happened.

    `window` is how many revisions of history are kept at the least. Numbers start at `first`.
    """

    def __init__(self, *, window: int = 20_000, first: int = 1):
        self._log: Log[V] = Log(window, first=first)
        self._buckets: dict[str, _Bucket[V]] = {}
        self._hub: Hub[V] = Hub(self._log)

    @property
    def revision(self) -> int:
        """The revision of the latest write."""
        return self._log.last

    @property
    def oldest(self) -> int:
        """The oldest revision that can still be read, or watched from."""
        return self._log.first - 1

    def sizes(self) -> dict[str, int]:
        """How many keys each bucket has, by the buckets' names."""
        return {name: len(bucket.items) for name, bucket in self._buckets.items()}

    def find(self, key: str) -> V | None:
        """The present value of a key, or None. O(1)."""
        bucket = self._buckets.get(key.partition("/")[0])
        return None if bucket is None else bucket.items.get(key)

    def get(self, key: str) -> V:
        """The present value of a key. KeyNotFound."""
        value = self.find(key)
        if value is None:
            raise KeyNotFound(key)
        return value

    def range(self, prefix: str) -> list[V]:
        """The present values under a prefix, in the order of their keys. Not to be changed.

        O(n) for n results, O(1) when nothing in the bucket was written since the same range was
        read.
        """
        bucket = self._buckets.get(prefix.partition("/")[0])
        if bucket is None:
            return []
        if bucket.snapshot is not None and bucket.snapshot[0] == prefix:
            return bucket.snapshot[1]
        items = bucket.items
        if prefix.count("/") == 1 and prefix.endswith("/"):
            keys = iter(items)
        elif prefix.endswith("/"):
            keys = items.irange(prefix, prefix[:-1] + "0", (True, False))
        else:
            found = items.get(prefix)
            return [] if found is None else [found]
        values = [items[key] for key in keys]
        bucket.snapshot = (prefix, values)
        return values

    def range_items(self, prefix: str, *, start: str = "") -> list[tuple[str, V]]:
        """The present keys and values under a prefix, from the key `start` on."""
        bucket = self._buckets.get(prefix.partition("/")[0])
        if bucket is None:
            return []
        items = bucket.items
        keys = items.irange(max(prefix, start), prefix[:-1] + "0", (True, False))
        return [(key, items[key]) for key in keys]

    def range_items_at(self, prefix: str, revision: int, *, start: str = "") -> list[tuple[str, V]]:
        """The keys and values under a prefix as they were right after `revision`.

        The writes since then are undone one by one: O(n + writes since). Compacted, FutureRevision.
        """
        if revision > self.revision:
            raise FutureRevision(revision, self.revision)
        undo = self._log.back_to(revision)
        if self.bucket_revision(prefix) <= revision:
            return self.range_items(prefix, start=start)
        past: dict[str, V] = dict(self.range_items(prefix, start=start))
        for event in undo:
            key = event.key
            if key.startswith(prefix) and key >= start:
                if event.previous is None:
                    del past[key]
                else:
                    past[key] = event.previous
        return sorted(past.items())

    def count(self, prefix: str) -> int:
        """How many keys there are under a prefix."""
        bucket = self._buckets.get(prefix.partition("/")[0])
        if bucket is None:
            return 0
        if prefix.count("/") == 1 and prefix.endswith("/"):
            return len(bucket.items)
        items = bucket.items
        return items.bisect_left(prefix[:-1] + "0") - items.bisect_left(prefix)

    def bucket_revision(self, prefix: str) -> int:
        """The revision of the latest write to the bucket that a key or prefix belongs to."""
        bucket = self._buckets.get(prefix.partition("/")[0])
        return 0 if bucket is None else bucket.revision

    def create(self, key: str, build: Build[V]) -> V:
        """Store a value under a new key. KeyExists. O(log n)."""
        if self.find(key) is not None:
            raise KeyExists(key)
        return self._write(key, build, None)

    def update(self, key: str, build: Build[V], *, expect: V) -> V:
        """Replace the value `expect`, which must be the present one (the very object).

        KeyNotFound, RevisionConflict.
        """
        return self._write(key, build, self._expected(key, expect))

    def delete(self, key: str, build: Build[V], *, expect: V) -> V:
        """Remove a key that holds `expect`. `build` makes the value that the watchers are told."""
        return self._write(key, build, self._expected(key, expect), deleted=True)

    def _expected(self, key: str, expect: V) -> V:
        present = self.find(key)
        if present is None:
            raise KeyNotFound(key)
        if present is not expect:
            raise RevisionConflict(key)
        return present

    def _write(self, key: str, build: Build[V], previous: V | None, *, deleted: bool = False) -> V:
        revision = self._log.last + 1
        value = build(revision)
        name = key.partition("/")[0]
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = _Bucket()
        if deleted:
            del bucket.items[key]
        else:
            bucket.items[key] = value
        bucket.revision = revision
        bucket.snapshot = None
        event = Event(revision, key, value, previous, deleted)
        self._log.append(event)
        self._hub.publish(event)
        return value

    def compact(self, revision: int) -> None:
        """Forget the history up to and including `revision`: watchers behind it have expired."""
        self._log.compact(revision)

    def watch(
        self, prefix: str, *, after: int, woken: Callable[[], object] | None = None
    ) -> Watcher[V]:
        """A cursor on the writes under `prefix` after revision `after`. FutureRevision.

        Where some of them have left the window, its first read raises Compacted. The watcher must
        be closed. `woken()` is called by the write that leaves it behind when it was idle; it must
        neither read nor write.
        """
        if after > self.revision:
            raise FutureRevision(after, self.revision)
        return Watcher(self._hub, prefix, after, woken)

    def _check(self) -> None:
        """Walk every invariant; for tests."""
        self._log._check()
        self._hub._check()
        for name, bucket in self._buckets.items():
            bucket.items._check()
            for key in bucket.items:
                assert key.partition("/")[0] == name, (key, name)
            assert bucket.revision <= self.revision
            if bucket.snapshot is not None:
                prefix, values = bucket.snapshot
                now = [v for k, v in bucket.items.items() if k.startswith(prefix)]
                assert len(now) == len(values)
                assert all(a is b for a, b in zip(now, values, strict=True))
        holders = {k: v for b in self._buckets.values() for k, v in b.items.items()}
        latest: dict[str, Event[V]] = {}
        for event in self._log.back_to(self.oldest):
            latest.setdefault(event.key, event)
        for key, event in latest.items():
            assert (holders.get(key) is None) if event.deleted else holders[key] is event.value
