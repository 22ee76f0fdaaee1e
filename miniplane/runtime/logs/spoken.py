"""What a simulated container says by itself (pure).

Nothing runs, so a container says that it is simulated, when it starts, and how it ended. Pods can
let their containers say something else:

    sim.miniplane.dev/log: text       what the pod's containers say when they start, and nothing
                                      else; several lines, if it has several
    sim.miniplane.dev/log-every: 5s   say it again and again; without a text, how long they run
    sim.miniplane.dev/log.NAME        the same of one container, an init container, a sidecar or an
    sim.miniplane.dev/log-every.NAME  ephemeral container too

A text may name the container's variables, as commands do: `$(POD_NAME)`. Without any of these, a
container whose command does nothing but print (`printed`) says what that prints.

Times follow from the pod's status, so they are whole seconds. What was said is not kept but made
anew whenever it is read: `Script` knows all of it.

>>> pod = {
...     "metadata": {"annotations": {"sim.miniplane.dev/log-every": "5s"}},
...     "spec": {"containers": [{"name": "web"}]},
... }
>>> script = Script(pod, Run("web", 0, "nginx", started=100.0))
>>> for line in script.between(1, now=112.0):
...     print(line.at, line.text.decode())
105000000 miniplane: container "web" has been running for 5s
110000000 miniplane: container "web" has been running for 10s
>>> script.next_time(112.0)
115.0
"""

from collections.abc import Mapping

from miniplane.api import downward, durations
from miniplane.api.objects import Obj, annotations_of
from miniplane.clock import parse_time
from miniplane.runtime.logs import printed
from miniplane.runtime.logs.runs import Run
from miniplane.runtime.logs.written import LIMIT, OVERHEAD, STDOUT, Line

LOG = "sim.miniplane.dev/log"
EVERY = "sim.miniplane.dev/log-every"

SHORTEST = 0.1
"""The shortest time between two repetitions, in seconds."""
KEPT = 10_000
"""How many repetitions are remembered, at most: the older ones are gone, as if from a file that was
rotated away."""

_FOREVER = 10.0**9
_ENDINGS = ("", "Completed", "Error")
_MICRO = 1_000_000
_SECOND = 0.999_999


class Script:
    """All that one run of a container says. Repetitions are numbered from 1."""

    def __init__(self, pod: Obj, run: Run):
        self._run = run
        notes = annotations_of(pod)
        regular = any(c["name"] == run.container for c in pod["spec"]["containers"])
        text = _noted(notes, LOG, run.container, whole=regular)
        if text is not None and "$(" in text:
            env = downward.environment(pod, _container(pod, run.container))
            text = downward.expand(text, env)
        self._text = text
        every = durations.parse(_noted(notes, EVERY, run.container, whole=regular) or "")
        self._every = 0
        if every is not None and every > 0 and run.started is not None:
            self._every = round(max(SHORTEST, every) * _MICRO)
        start = run.started
        if start is None:
            start = parse_time(pod["metadata"]["creationTimestamp"])
        self._start = round(start * _MICRO)
        self._printed = [] if self._text is not None or self._every else _printed(pod, run)
        """What its command prints, with the seconds from its start."""
        self.margin = _SECOND if self._printed else 0.0
        """Within how many seconds of the end that its status tells it may still have said
        something: a status tells whole seconds, and commands print before that one is over."""
        self._kept = min(KEPT, LIMIT // (len(self._text or "") + OVERHEAD))

    def opening(self) -> list[Line]:
        """What it says when it starts."""
        if self._text is not None:
            return self._say(self._start, self._text)
        if self._printed:
            return [line for line in self._prints() if line.at <= self._start]
        run = self._run
        again = f" again, restart {run.number}," if run.number else ""
        text = f'container "{run.container}" was started{again} from image "{run.image}"'
        return self._say(self._start, f"miniplane: {text}; it is simulated: nothing runs in it")

    def between(self, first: int, *, now: float) -> list[Line]:
        """Its repetitions from a number on, until `now`; of a command that prints, what comes
        later."""
        if self._printed:
            return self._later()[first - 1 : self.repetitions(now)]
        last = self.repetitions(now)
        lines: list[Line] = []
        for number in range(max(first, last - self._kept + 1), last + 1):
            after = number * self._every
            text = self._text
            if text is None:
                time = f"{after / _MICRO:g}s"
                text = f'miniplane: container "{self._run.container}" has been running for {time}'
            lines += self._say(self._start + after, text)
        return lines

    def repetitions(self, now: float) -> int:
        """How many there have been until `now`."""
        if self._printed:
            return sum(line.at <= now * _MICRO for line in self._later())
        if not self._every:
            return 0
        return max(0, (round(now * _MICRO) - self._start) // self._every)

    def next_time(self, now: float) -> float | None:
        """When the next one comes, in Unix seconds."""
        if self._printed:
            to_come = (line.at / _MICRO for line in self._later() if line.at > now * _MICRO)
            return next(to_come, None)
        if not self._every:
            return None
        return (self._start + (self.repetitions(now) + 1) * self._every) / _MICRO

    def closing(self, ended: Obj, *, at: int) -> list[Line]:
        """What it says last: how it ended. `at` is in microseconds."""
        if self._text is not None or self._printed:
            return []
        reason = ended.get("reason", "")
        why = "" if reason in _ENDINGS else f": {reason}"
        text = f'container "{self._run.container}" ended with exit code {ended.get("exitCode", 0)}'
        return [Line(at, STDOUT, f"miniplane: {text}{why}".encode())]

    def _prints(self) -> list[Line]:
        return [
            Line(self._start + round(after * _MICRO), STDOUT, text.encode())
            for after, text in self._printed
            if after < _FOREVER
        ]

    def _later(self) -> list[Line]:
        return [line for line in self._prints() if line.at > self._start]

    def _say(self, at: int, text: str) -> list[Line]:
        return [Line(at, STDOUT, line) for line in lines_of(text.encode())]


def _printed(pod: Obj, run: Run) -> list[tuple[float, str]]:
    container = _container(pod, run.container)
    argv = [*(container.get("command") or ()), *(container.get("args") or ())]
    if not argv:
        return []
    spec = pod["spec"]
    host = spec.get("hostnameOverride") or spec.get("hostname") or pod["metadata"]["name"]
    env = {"HOSTNAME": host}
    return printed.printed(argv, env | downward.environment(pod, container)) or []


def _container(pod: Obj, name: str) -> Obj:
    spec = pod["spec"]
    for kind in ("containers", "initContainers", "ephemeralContainers"):
        for container in spec.get(kind) or ():
            if container["name"] == name:
                found: Obj = container
                return found
    return {}


def _noted(notes: Mapping[str, str], key: str, name: str, *, whole: bool) -> str | None:
    """An annotation about a container; with `whole`, the one about the whole pod counts too."""
    return notes.get(f"{key}.{name}", notes.get(key) if whole else None)


def lines_of(text: bytes) -> list[bytes]:
    """The lines of a text, whose last one need not be ended."""
    lines = text.split(b"\n")
    return lines[:-1] if not lines[-1] else lines
