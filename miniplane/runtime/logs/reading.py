"""Reading the log of one run: in order, selected, as bytes.

Follows `ReadLogs` of a kubelet (`k8s.io/cri-client/pkg/logs`): the tail is taken of all lines,
whatever `since` drops of them later; the limit counts the time stamps too, and cuts the last line
in two.
"""

import dataclasses
from collections.abc import Callable

from miniplane.api.objects import Obj
from miniplane.clock import Clock, Timer, format_time
from miniplane.runtime.logs import runs
from miniplane.runtime.logs.runs import Run
from miniplane.runtime.logs.spoken import Script
from miniplane.runtime.logs.written import Book, Line

_MICRO = 1_000_000


@dataclasses.dataclass(frozen=True, slots=True)
class LogOptions:
    """`PodLogOptions`, once they are known to be good. `since` is in Unix seconds; `stream` is
    `stdout`, `stderr` or, for both, `""`."""

    container: str = ""
    follow: bool = False
    previous: bool = False
    since: float | None = None
    timestamps: bool = False
    tail_lines: int | None = None
    limit_bytes: int | None = None
    stream: str = ""


class Reader:
    """Gives the log of one run, and then what has come since. Must be closed.

    `news` is called when it is worth looking again. Between two looks nothing is kept but a place
    in the log.
    """

    def __init__(
        self,
        pod: Obj,
        run: Run,
        options: LogOptions,
        *,
        book: Book,
        clock: Clock,
        news: Callable[[], object] = lambda: None,
    ):
        self._run = run
        self._options = options
        self._clock = clock
        self._news = news
        self._script = Script(pod, run)
        self._gone = False
        self._number = 0
        self._repetition = 1
        self._begun = False
        self._closed = False
        self._left = options.limit_bytes
        key = (pod["metadata"]["uid"], run.container, run.number)
        self._log, self._close = book.listen(key, self._told)
        self._timer = None if not options.follow else self._wait()

    def close(self) -> None:
        self._close()
        if self._timer is not None:
            self._timer.cancel()

    @property
    def over(self) -> bool:
        """Whether nothing more will come after the next look."""
        return self._gone or self._run.ended is not None or self.full

    @property
    def full(self) -> bool:
        """Whether as many bytes have been read as were asked for."""
        return self._left == 0

    def read(self) -> bytes:
        """What there is since the last look."""
        if self.full:
            return b""
        lines = self._look()
        if not self._begun:
            self._begun = True
            tail = self._options.tail_lines
            if tail is not None:
                lines = lines[max(0, len(lines) - tail) :]
        return self._cut(b"".join(map(self._shown, filter(self._wanted, lines))))

    def _look(self) -> list[Line]:
        run, script = self._run, self._script
        now = self._clock.time()
        until = now if run.finished is None else min(now, run.finished + script.margin)
        lines = [] if self._begun else script.opening()
        lines += script.between(self._repetition, now=until)
        self._repetition = script.repetitions(until) + 1
        lines += self._log.since(self._number)
        self._number = self._log.next
        lines.sort(key=lambda line: line.at)
        if run.ended is None or self._closed:
            return lines
        self._closed = True
        # Its end is known by the second, and is the last thing of that second.
        end = round((now if run.finished is None else run.finished) * _MICRO)
        before = [line for line in lines if line.at < end + _MICRO]
        end = max([end, *(line.at for line in before)])
        return [*before, *script.closing(run.ended, at=end), *lines[len(before) :]]

    def _wanted(self, line: Line) -> bool:
        since, stream = self._options.since, self._options.stream
        if since is not None and line.at < since * _MICRO:
            return False
        return not stream or line.stream == stream

    def _shown(self, line: Line) -> bytes:
        if not self._options.timestamps:
            return line.text + b"\n"
        return b"%s %s\n" % (stamp(line.at).encode(), line.text)

    def _cut(self, data: bytes) -> bytes:
        if self._left is not None:
            data = data[: self._left]
            self._left -= len(data)
        return data

    # What happens meanwhile.

    def _told(self, pod: Obj | None, gone: bool) -> None:
        if pod is not None:
            self._run = runs.now(pod, self._run)
        self._gone = self._gone or gone
        if pod is None or self.over:
            self._news()

    def _wait(self) -> Timer | None:
        """Look again when the container says something by itself."""
        now = self._clock.time()
        at = self._script.next_time(now)
        if at is None or self.over:
            return None

        def fire() -> None:
            self._timer = self._wait()
            self._news()

        return self._clock.call_later(at - now, fire, background=True, label=("log", self._log.key))


def stamp(at: int) -> str:
    """Microseconds of Unix time with nine decimals, as a kubelet writes them.

    >>> stamp(1_767_225_600_250_000)
    '2026-01-01T00:00:00.250000000Z'
    """
    seconds, micro = divmod(at, _MICRO)
    return f"{format_time(seconds)[:-1]}.{micro:06d}000Z"
