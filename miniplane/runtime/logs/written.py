"""What users have written into the logs of containers, and who wants to hear of more.

A container's log holds `LIMIT` bytes, as much as a kubelet keeps before it starts a new file
(`containerLogMaxSize`); the oldest lines go first. All logs together hold `TOTAL`: beyond that the
longest loses its older half. A line counts with the memory that it takes.

Nobody polls: a reader registers a listener, which is called after each write and each change of the
pod. It keeps its own place in the log, so a slow one holds nobody up; it misses what has gone.
"""

import itertools
from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

from miniplane.api.objects import Obj, uid_of

LIMIT = 10 * 2**20
TOTAL = 64 * 2**20
OVERHEAD = 160
"""What a line takes beside its text, in bytes."""

STDOUT, STDERR = "stdout", "stderr"

Key = tuple[str, str, int]
"""A run of a container: the pod's uid, the container's name, and the restarts before it."""
Listener = Callable[[Obj | None, bool], object]
"""Called with the pod as it is now, and whether it is gone; with None after a write."""


class Line(NamedTuple):
    """`at` is in microseconds of Unix time; `text` has no line feed."""

    at: int
    stream: str
    text: bytes


class Log:
    """The lines of one run, numbered from 0. `first` is the number of the oldest that is left."""

    __slots__ = ("first", "key", "lines", "listeners", "size")

    def __init__(self, key: Key):
        self.key = key
        self.lines: deque[Line] = deque()
        self.first = 0
        self.size = 0
        self.listeners: dict[int, Listener] = {}

    @property
    def next(self) -> int:
        """The number that the next line will have."""
        return self.first + len(self.lines)

    def since(self, number: int) -> list[Line]:
        """The lines from a number on, those of them that are left."""
        return list(itertools.islice(self.lines, max(0, number - self.first), None))

    def append(self, line: Line) -> None:
        self.lines.append(line)
        self.size += len(line.text) + OVERHEAD

    def shrink(self, limit: int) -> None:
        """Let go of the oldest lines until the log is no larger than `limit` bytes."""
        while self.size > limit:
            self.size -= len(self.lines.popleft().text) + OVERHEAD
            self.first += 1


class Book:
    """All logs that have lines or listeners."""

    def __init__(self) -> None:
        self._pods: dict[str, dict[Key, Log]] = {}
        self._numbers = itertools.count()
        self.size = 0
        """Bytes that the logs of pods which are there take together."""

    def __len__(self) -> int:
        return sum(map(len, self._pods.values()))

    def write(self, key: Key, texts: Iterable[bytes], *, at: int, stream: str) -> None:
        """Append lines to a run. Of the runs before, only the last one is kept."""
        uid, container, run = key
        log = self._open(key)
        before = log.size
        for text in texts:
            log.append(Line(at, stream, text[: LIMIT - OVERHEAD]))
        log.shrink(LIMIT)
        self.size += log.size - before
        logs = self._pods[uid]
        for old in [k for k in logs if k[1] == container and k[2] < run - 1]:
            if not logs[old].listeners:
                self.size -= logs.pop(old).size
        while self.size > TOTAL:
            longest = max(self._logs(), key=lambda log: log.size)
            size = longest.size
            longest.shrink(size // 2)
            self.size -= size - longest.size
            self._tidy(longest)
        _tell(log, None, gone=False)
        self._tidy(log)

    def find(self, key: Key) -> list[Line]:
        """What has been written into a run."""
        log = self._pods.get(key[0], {}).get(key)
        return list(log.lines) if log is not None else []

    def listen(self, key: Key, listener: Listener) -> tuple[Log, Callable[[], None]]:
        """A run's log, and how to end the calls of `listener`. The log can still be read when the
        pod is gone."""
        log = self._open(key)
        number = next(self._numbers)
        log.listeners[number] = listener

        def close() -> None:
            log.listeners.pop(number, None)
            self._tidy(log)

        return log, close

    def pod_changed(self, old: Obj | None, new: Obj | None) -> None:
        """For an informer of pods: tells listeners, and forgets the logs of pods that are gone."""
        if not self._pods:
            return
        pod = new or old
        assert pod is not None
        logs = self._pods.get(uid_of(pod))
        if not logs:
            return
        if new is None:
            del self._pods[uid_of(pod)]
            self.size -= sum(log.size for log in logs.values())
        for log in list(logs.values()):
            _tell(log, pod, gone=new is None)

    def _open(self, key: Key) -> Log:
        logs = self._pods.setdefault(key[0], {})
        log = logs.get(key)
        if log is None:
            log = logs[key] = Log(key)
        return log

    def _logs(self) -> Iterable[Log]:
        for logs in self._pods.values():
            yield from logs.values()

    def _tidy(self, log: Log) -> None:
        """Drop a log in which there is nothing and that nobody listens to."""
        logs = self._pods.get(log.key[0], {})
        if log.lines or log.listeners or logs.get(log.key) is not log:
            return
        del logs[log.key]
        if not logs:
            del self._pods[log.key[0]]


def _tell(log: Log, pod: Obj | None, *, gone: bool) -> None:
    for listener in list(log.listeners.values()):
        listener(pod, gone)
