"""The logs of a cluster's pods, by name: what servers and tests hold in their hands."""

from collections.abc import Callable

from miniplane.api.objects import Obj, uid_of
from miniplane.clock import Clock
from miniplane.runtime.logs import runs
from miniplane.runtime.logs.reading import LogOptions, Reader
from miniplane.runtime.logs.spoken import lines_of
from miniplane.runtime.logs.written import STDERR, STDOUT, Book

_MICRO = 1_000_000


class PodLogs:
    """Writes into logs, and opens them."""

    def __init__(self, clock: Clock, find: Callable[[str, str], Obj]):
        """`find` gives a pod by namespace and name, or raises StatusError 404."""
        self.clock = clock
        self.book = Book()
        self._find = find

    def write(
        self,
        namespace: str,
        pod: str,
        text: str | bytes,
        *,
        container: str = "",
        stream: str = STDOUT,
        previous: bool = False,
    ) -> None:
        """Write the lines of `text` into the log of a container, now; `container` may be left out
        where there is one only. One that has ended can still be written for; `previous` is the run
        before the last restart.

        StatusError 404 without such a pod, 400 without such a container, and for one that has not
        started; ValueError for a `stream` other than `stdout` and `stderr`.
        """
        if stream not in (STDOUT, STDERR):
            raise ValueError(f"neither {STDOUT} nor {STDERR}: {stream!r}")
        found = self._find(namespace, pod)
        run = runs.find(found, runs.container_of(found, container), previous=previous)
        key = (uid_of(found), run.container, run.number)
        data = text.encode(errors="replace") if isinstance(text, str) else text
        at = round(self.clock.time() * _MICRO)
        if lines := lines_of(data):
            self.book.write(key, lines, at=at, stream=stream)

    def read(
        self,
        namespace: str,
        pod: str,
        *,
        container: str = "",
        previous: bool = False,
        since: float | None = None,
        timestamps: bool = False,
        tail_lines: int | None = None,
    ) -> str:
        """The log of a container so far. StatusError as for `write`. `since` is in Unix seconds."""
        options = LogOptions(
            container=container,
            previous=previous,
            since=since,
            timestamps=timestamps,
            tail_lines=tail_lines,
        )
        reader = self.open(self._find(namespace, pod), options)
        try:
            return reader.read().decode(errors="replace")
        finally:
            reader.close()

    def open(
        self, pod: Obj, options: LogOptions, news: Callable[[], object] = lambda: None
    ) -> Reader:
        """A reader of the log that is asked for; `news` is called when there may be more to read.
        StatusError 400 where there is none."""
        run = runs.find(pod, runs.container_of(pod, options.container), previous=options.previous)
        return Reader(pod, run, options, book=self.book, clock=self.clock, news=news)
