"""What somebody has told containers and nodes to suffer from, by annotation (pure).

On a pod, or in a template; changing or removing it takes effect on what runs already:

    sim.miniplane.dev/fail: crashloop        the pod's containers exit with 1, again and again
                            exit=3           ... with 3
                            oom              ... for want of memory
                            image-pull       their images cannot be pulled
                            not-ready        they run, but are not ready
                            liveness         their liveness probes fail
                            startup          their startup probes fail
    sim.miniplane.dev/fail.NAME              the same of one container, an init container or a
                                             sidecar too; `none` keeps it out of what the pod has

On a node with a simulated kubelet:

    sim.miniplane.dev/stopped: "true"        the machine is out of reach
    sim.miniplane.dev/stopped: 2026-...Z     ... until then
    sim.miniplane.dev/memory-pressure        it is short of memory, of disk space, of process
    sim.miniplane.dev/disk-pressure          numbers: "true", or a time until which it is
    sim.miniplane.dev/pid-pressure
"""

import dataclasses
import math
import re
from collections.abc import Mapping

from miniplane.api.objects import Obj
from miniplane.clock import parse_time

PREFIX = "sim.miniplane.dev/"
FAIL = f"{PREFIX}fail"
STOPPED = f"{PREFIX}stopped"
PRESSURES: Mapping[str, str] = {
    f"{PREFIX}memory-pressure": "MemoryPressure",
    f"{PREFIX}disk-pressure": "DiskPressure",
    f"{PREFIX}pid-pressure": "PIDPressure",
}
"""By annotation of a node, the condition that it brings about. The most pressing come first."""

EXIT, OOM, IMAGE_PULL, NOT_READY, LIVENESS, STARTUP = (
    "exit",
    "oom",
    "image-pull",
    "not-ready",
    "liveness",
    "startup",
)
_KINDS = (OOM, IMAGE_PULL, NOT_READY, LIVENESS, STARTUP)
_NONE = "none"
_CODES: Mapping[str, int] = {OOM: 137}
_EXIT = re.compile(r"exit=([0-9]{1,3})")
WORDS = ("crashloop", "exit=CODE", *_KINDS)
"""What can be asked for."""

_PROBES: Mapping[str, str] = {LIVENESS: "livenessProbe", STARTUP: "startupProbe"}


@dataclasses.dataclass(frozen=True, slots=True)
class Fault:
    """What a container suffers from: one of the words above; `code` is with what it exits."""

    kind: str
    code: int = 0

    @property
    def ends(self) -> bool:
        """Whether the container exits because of it, each time that it is started."""
        return self.kind in (EXIT, OOM)

    @property
    def reason(self) -> str:
        """Of the containers that it ends; `""` for what follows from the exit code."""
        return "OOMKilled" if self.kind == OOM else ""


def parse(text: str) -> Fault | None:
    """None for what is none.

    >>> parse("exit=3"), parse("crashloop"), parse("flood")
    (Fault(kind='exit', code=3), Fault(kind='exit', code=1), None)
    """
    if text == "crashloop":
        return Fault(EXIT, 1)
    if found := _EXIT.fullmatch(text):
        code = int(found[1])
        return Fault(EXIT, code) if code < 256 else None
    return Fault(text, _CODES.get(text, 0)) if text in _KINDS else None


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """What a pod's annotations say: faults by container, and what cannot be meant."""

    faults: Mapping[str, Fault] = dataclasses.field(default_factory=dict)
    complaint: str = ""


NOTHING = Asked()


def of_pod(pod: Obj) -> Asked:
    """What the containers of a pod suffer from."""
    annotations = pod["metadata"].get("annotations")
    if not annotations:
        return NOTHING
    notes = {k: v for k, v in annotations.items() if k == FAIL or k.startswith(f"{FAIL}.")}
    if not notes:
        return NOTHING
    spec = pod["spec"]
    complaints = []
    faults: dict[str, Fault] = {}
    every = {c["name"]: c for c in (*(spec.get("initContainers") or ()), *spec["containers"])}
    for key, text in notes.items():
        name = key[len(FAIL) + 1 :]
        if text != _NONE and parse(text) is None:
            complaints.append(f"{key}: {text!r} is none of {', '.join(WORDS)}")
        elif name and name not in every:
            complaints.append(f"{key}: the pod has no container {name!r}")
    for container in every.values():
        name = container["name"]
        key = f"{FAIL}.{name}"
        of_all = key not in notes and any(container is c for c in spec["containers"])
        text = notes.get(FAIL if of_all else key, _NONE)
        fault = parse(text)
        if fault is None:
            continue
        probe = _PROBES.get(fault.kind)
        if probe is None or container.get(probe):
            faults[name] = fault
        elif not of_all:
            complaints.append(f"{key}: container {name!r} has no {probe}")
    whole = parse(notes.get(FAIL, ""))
    probe = _PROBES.get(whole.kind) if whole is not None else None
    if probe is not None and not any(c.get(probe) for c in spec["containers"]):
        complaints.append(f"{FAIL}: no container has a {probe}")
    return Asked(faults, "; ".join(complaints))


FOREVER = math.inf


@dataclasses.dataclass(frozen=True, slots=True)
class OfNode:
    """What a machine suffers from; times are in Unix seconds, `FOREVER` among them."""

    out_until: float = 0.0
    """Until when it is out of reach, 0 for not at all."""
    pressures: Mapping[str, float] = dataclasses.field(default_factory=dict)
    """By condition, until when it is short of something."""
    complaint: str = ""
    """What is to be said of annotations that cannot be meant."""

    def pressed(self, now: float) -> tuple[str, ...]:
        """The conditions that it is in."""
        return tuple(kind for kind, until in self.pressures.items() if now < until)

    def changes_at(self, now: float) -> float | None:
        """When the next of these troubles is over by itself."""
        ends = [t for t in (self.out_until, *self.pressures.values()) if now < t < FOREVER]
        return min(ends, default=None)


WELL = OfNode()


def of_node(node: Obj) -> OfNode:
    """What a node's annotations say."""
    annotations = node["metadata"].get("annotations") or {}
    until: dict[str, float] = {}
    complaints = []
    for key in (STOPPED, *PRESSURES):
        text = annotations.get(key)
        if text is None or text == "false":
            continue
        try:
            until[key] = FOREVER if text == "true" else parse_time(text)
        except ValueError:
            why = "neither true nor a time such as 2026-01-01T00:00:00Z"
            complaints.append(f"{key}: {text!r} is {why}")
    if not until and not complaints:
        return WELL
    pressures = {PRESSURES[key]: until[key] for key in PRESSURES if key in until}
    return OfNode(until.get(STOPPED, 0.0), pressures, "; ".join(complaints))
