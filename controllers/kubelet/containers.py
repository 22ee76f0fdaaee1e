"""The life of containers: how long they run, how they end, and when they are started again (pure).

What a container does is decided by its pod's annotations, then, for the pods of Jobs, by its
command, then by how long a Job's containers take unless they say otherwise. All others run until
they are stopped.

    sim.miniplane.dev/run-for: 5s            how long the pod's containers run; `forever`
    sim.miniplane.dev/exit-code: "3"         with what they exit; "1,0": first 1, then always 0
    sim.miniplane.dev/run-for.NAME           the same of one container, an init container or a
    sim.miniplane.dev/exit-code.NAME         sidecar too

What a container suffers from (`faults`) goes before that.

Restarts follow `doBackOff` in `pkg/kubelet/kuberuntime/kuberuntime_manager.go` and client-go's
`util/flowcontrol/backoff.go`: at once the first time, then 10 s after the end, doubling to 300 s;
ten minutes after the last start all is forgotten. Times are unix seconds.
"""

import dataclasses
from collections.abc import Hashable, Mapping

from miniplane.api import downward, durations, restarts
from miniplane.api.objects import Obj, annotations_of, controller_of
from miniplane.clock import parse_time
from miniplane.controllers.kubelet import commands
from miniplane.controllers.kubelet import status as reports
from miniplane.controllers.kubelet.faults import Fault

PREFIX = "sim.miniplane.dev/"
RUN_FOR = f"{PREFIX}run-for"
EXIT_CODE = f"{PREFIX}exit-code"
FOREVER = "forever"

FIRST_BACKOFF = 10.0
LONGEST_BACKOFF = 300.0
FIRST_MOUNT = 0.5
LONGEST_MOUNT = 122.0
"""Between two attempts to mount a volume, as in `pkg/util/goroutinemap/exponentialbackoff`."""
TERMINATED = 143
"""The exit code of what is stopped before it is through: 128 and SIGTERM."""
CRASHES_AFTER = 1.0
"""How many seconds a container runs that is told to exit."""
NO_FAULTS: Mapping[str, Fault] = {}


@dataclasses.dataclass(frozen=True, slots=True)
class Behaviour:
    """What a container does: it exits `seconds` after its start, in its nth run with the nth of
    `exit_codes`. None: it runs until it is stopped."""

    seconds: float | None = None
    exit_codes: tuple[int, ...] = (0,)
    reason: str = ""
    """Why it exits; `""` for what follows from the code."""

    def exit_code(self, run: int) -> int:
        return self.exit_codes[min(run, len(self.exit_codes) - 1)]


def is_of_job(pod: Obj) -> bool:
    """Whether a Job waits for the pod's end."""
    ref = controller_of(pod)
    if ref is None or ref.get("kind") != "Job" or ref.get("apiVersion") != "batch/v1":
        return False
    return pod["spec"].get("restartPolicy") != "Always"


def behaviours(
    pod: Obj, *, job_duration: float, faults: Mapping[str, Fault] = NO_FAULTS
) -> dict[str, Behaviour]:
    """Of the containers that end by themselves, by name; empty for most pods."""
    notes = {k: v for k, v in annotations_of(pod).items() if k.startswith(PREFIX)}
    of_job = is_of_job(pod)
    if not notes and not of_job:
        return {}
    spec = pod["spec"]
    found = {}
    for container in spec["containers"]:
        told = _noted(notes, container["name"], whole=True, otherwise=job_duration)
        if told is None and of_job:
            told = _of_job(pod, container, job_duration)
        if told is not None and told.seconds is not None:
            found[container["name"]] = told
    for container in spec.get("initContainers") or ():
        otherwise = job_duration if reports.is_sidecar(container) else 0.0
        told = _noted(notes, container["name"], whole=False, otherwise=otherwise)
        if told is not None and told.seconds is not None:
            found[container["name"]] = told
    for name, fault in faults.items():
        if fault.ends:
            found[name] = Behaviour(CRASHES_AFTER, (fault.code,), fault.reason)
    return found


def _noted(
    notes: Mapping[str, str], name: str, *, whole: bool, otherwise: float
) -> Behaviour | None:
    """What the annotations say of a container; with `whole`, those of the whole pod count too."""

    def value(key: str) -> str | None:
        return notes.get(f"{key}.{name}", notes.get(key) if whole else None)

    run_for, code = value(RUN_FOR), value(EXIT_CODE)
    codes = _codes(code) if code is not None else None
    if run_for == FOREVER:
        return Behaviour()
    seconds = durations.parse(run_for) if run_for is not None else None
    if seconds is None and codes is None:
        return None
    return Behaviour(max(0.0, otherwise if seconds is None else seconds), codes or (0,))


def complaint(pod: Obj) -> str:
    """What is to be said of annotations that cannot be meant, `""` for most pods."""
    texts = []
    for key, text in (pod["metadata"].get("annotations") or {}).items():
        name = key.removeprefix(PREFIX).partition(".")[0] if key.startswith(PREFIX) else ""
        if name == "run-for" and text != FOREVER and durations.parse(text) is None:
            texts.append(f"{key}: {text!r} is neither a duration such as 5s nor {FOREVER}")
        if name == "exit-code" and _codes(text) is None:
            texts.append(f"{key}: {text!r} is no list of numbers from 0 to 255")
    return "; ".join(texts)


def _codes(text: str) -> tuple[int, ...] | None:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) < 256 for part in parts):
        return None
    return tuple(int(part) for part in parts)


def _of_job(pod: Obj, container: Obj, job_duration: float) -> Behaviour:
    argv = [*(container.get("command") or ()), *(container.get("args") or ())]
    env: Mapping[str, str] = {}
    if any("$(" in text or "printenv" in text for text in argv):
        env = downward.environment(pod, container)
        argv = [downward.expand(text, env) for text in argv]
    foreseen = commands.foresee(argv, env)
    if foreseen is None:
        return Behaviour(job_duration)
    return Behaviour(foreseen.seconds, (foreseen.exit_code,))


class Life:
    """What a kubelet remembers of a pod's containers beside its status: exact times, and back-offs.

    `begin` and `end` are told of what has happened; whatever nobody told of is taken from the
    status, whose times are whole seconds.
    """

    __slots__ = (
        "_backoffs",
        "_began",
        "_changed",
        "_ended",
        "_failed",
        "_healed",
        "_met",
        "_mount",
        "_pulls",
        "_reminded",
        "complained",
        "faults",
        "uid",
    )

    def __init__(self, uid: str, now: float):
        self.uid = uid
        self.faults: Mapping[str, Fault] = {}
        """What its containers suffer from, by name."""
        self.complained = ""
        """What was said of annotations that cannot be meant."""
        self._met = now
        self._changed: dict[str, float] = {}
        """By container: since when it suffers from what it does, or from nothing."""
        self._healed: dict[str, float] = {}
        self._failed: dict[str, float] = {}
        """By container: the last failure of a probe that was told."""
        self._pulls: dict[str, tuple[float, float]] = {}
        """By container: when its image was asked for last, and how long to wait from then on."""
        self._reminded: dict[str, float] = {}
        """By container: when it was told last that it waits."""
        self._mount: tuple[Hashable, float, float] | None = None
        """The volume that cannot be mounted, when it was tried last, and how long to wait."""
        self._began: dict[str, tuple[int, float]] = {}
        """By container: which run, and since when it runs."""
        self._ended: dict[str, tuple[int, float]] = {}
        self._backoffs: dict[str, tuple[float, float]] = {}
        """By container: the back-off that its next end is due, and when it was set."""

    def learn(self, faults: Mapping[str, Fault], now: float) -> None:
        """Take note of what the containers suffer from as of now. Who is rid of it need not wait
        any longer to be started."""
        if faults == self.faults:
            return
        for name in dict.fromkeys((*self.faults, *faults)):
            if faults.get(name) != self.faults.get(name):
                self._changed[name] = now
                self._pulls.pop(name, None)
                if name not in faults:
                    self._healed[name] = now
        self.faults = faults

    def changed(self, name: str) -> float:
        """Since when a container suffers from what it does."""
        return self._changed.get(name, self._met)

    def fail(self, name: str, at: float) -> None:
        """It has been told that a probe failed."""
        self._failed[name] = at

    def failed(self, name: str) -> float:
        """The last failure of a probe that was told."""
        return self._failed.get(name, 0.0)

    def pull(self, name: str, now: float) -> None:
        """An image could not be pulled."""
        _, delay = self._pulls.get(name, (0.0, 0.0))
        self._pulls[name] = (now, min(2 * delay, LONGEST_BACKOFF) if delay else FIRST_BACKOFF)

    def pulled(self, name: str) -> tuple[float, float]:
        """When an image was asked for last, and when it will be asked for again."""
        at, delay = self._pulls.get(name, (0.0, 0.0))
        return at, at + delay

    def remind(self, name: str, now: float) -> None:
        """It has been told that a container waits."""
        self._reminded[name] = now

    def reminded(self, name: str) -> float:
        """When it was told last that a container waits."""
        return self._reminded.get(name, self._met)

    def mount(self, volume: Hashable, now: float) -> None:
        """A volume could not be mounted."""
        _, delay = self.mounted(volume)
        self._mount = (volume, now, min(2 * delay, LONGEST_MOUNT) if delay else FIRST_MOUNT)

    def mounted(self, volume: Hashable) -> tuple[float, float]:
        """When a volume was tried last to mount, and how long to wait then; zeros if never."""
        if self._mount is None or self._mount[0] != volume:
            return 0.0, 0.0
        return self._mount[1:]

    def begin(self, name: str, run: int, now: float) -> None:
        """A container has been started; run 0 is the first."""
        self._began[name] = (run, now)
        self._failed.pop(name, None)
        if run:
            delay, since = self._backoffs.get(name, (0.0, now))
            if not delay or now - since > 2 * LONGEST_BACKOFF:
                delay = FIRST_BACKOFF
            else:
                delay = min(2 * delay, LONGEST_BACKOFF)
            self._backoffs[name] = (delay, now)

    def end(self, name: str, run: int, now: float) -> None:
        """A container has exited."""
        self._ended[name] = (run, now)

    def began(self, status: Obj) -> float:
        """When a running container was started."""
        known = self._began.get(status["name"])
        if known is not None and known[0] == status["restartCount"]:
            return known[1]
        return moment(status["state"]["running"].get("startedAt"))

    def restarts_at(self, status: Obj) -> tuple[float, float]:
        """When a container that has exited may be started again, and the back-off that makes it
        wait: 0 where there is none."""
        name = status["name"]
        known = self._ended.get(name)
        if known is not None and known[0] == status["restartCount"]:
            ended = known[1]
        else:
            ended = moment(last_exit(status).get("finishedAt"))
        delay, since = self._backoffs.get(name, (0.0, 0.0))
        if not delay or ended - since > 2 * LONGEST_BACKOFF:
            return ended, 0.0
        if self._healed.get(name, 0.0) >= ended:
            return ended, 0.0
        return ended + delay, delay


def moment(text: str | None) -> float:
    """Unix seconds of a time stamp; 0 where there is none."""
    return parse_time(text) if text else 0.0


def last_exit(status: Obj) -> Obj:
    """The `terminated` of a container's last end; empty if it has not ended yet."""
    state = status["state"].get("terminated") or (status.get("lastState") or {}).get("terminated")
    found: Obj = state or {}
    return found


def comes_back(container: Obj, spec: Obj, status: Obj, *, init: bool = False) -> bool:
    """Whether a container that has exited is started again, as it says itself or as its pod does.
    An init container that was successful is through."""
    code = last_exit(status).get("exitCode", 0)
    own = restarts.own_answer(container, code)
    if own is not None and not (init and code == 0 and not reports.is_sidecar(container)):
        return own
    policy = policy_of(container, spec, init=init)
    return policy == "Always" or (policy == "OnFailure" and code != 0)


def policy_of(container: Obj, spec: Obj, *, init: bool) -> str:
    """The restart policy of a container: its own, or the pod's. An init container that was
    successful is through."""
    policy: str = container.get("restartPolicy") or spec.get("restartPolicy") or "Always"
    if not init or reports.is_sidecar(container):
        return policy
    return "Never" if policy == "Never" else "OnFailure"


def phase_of(spec: Obj, known: Mapping[str, Obj]) -> str:
    """The phase that the containers of a pod that runs have brought it to (`getPhase` in
    `pkg/kubelet/kubelet_pods.go`); `Pending` while it is not initialized."""
    for container in spec.get("initContainers") or ():
        status = known.get(container["name"], {})
        if reports.is_sidecar(container) or not status:
            continue
        failed = status["state"].get("terminated", {}).get("exitCode", 0) != 0
        if failed and not comes_back(container, spec, status, init=True):
            return "Failed"
    pairs = [(c, known[c["name"]]) for c in spec["containers"] if c["name"] in known]
    if not pairs or not all(reports.has_run(status) for _, status in pairs):
        return "Pending"
    if any("terminated" not in s["state"] or comes_back(c, spec, s) for c, s in pairs):
        return "Running"
    well = all(s["state"]["terminated"].get("exitCode") == 0 for _, s in pairs)
    return "Succeeded" if well else "Failed"
