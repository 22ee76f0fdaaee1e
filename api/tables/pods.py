"""The row of a pod: the one status word that sums up phase, conditions and container states.

Follows `printPod` of `pkg/printers/internalversion`. The word is the pod's phase or reason unless
something more telling is known: a failing or unfinished init container (`Init:0/2`,
`Init:Error`), a waiting or terminated container (`CrashLoopBackOff`, `Completed`,
`ExitCode:1`), or a pending deletion (`Terminating`, `Unknown`).
"""

from collections.abc import Mapping
from typing import Any

from miniplane.api import durations
from miniplane.api.objects import Obj
from miniplane.api.tables.model import AGE, NAME, Column, Printer, doc, printer
from miniplane.api.tables.parts import (
    NONE,
    age,
    condition_status,
    containers,
    deleted,
    flag,
    format_labels,
    name,
    number,
    part,
    parts,
    text,
    value,
)

_NODE_LOST = "NodeLost"


class _Restarts:
    """Counts restarts and remembers when the last one was."""

    __slots__ = ("count", "last", "last_text")

    def __init__(self) -> None:
        self.count = 0
        self.last = float("-inf")
        self.last_text: Any = None

    def add(self, status: Mapping[str, Any]) -> None:
        self.count += number(status, "restartCount")
        finished = value(status, "lastState", "terminated", "finishedAt")
        moment = durations.parse_time(finished)
        if moment is not None and moment > self.last:
            self.last, self.last_text = moment, finished

    def cell(self, now: float) -> str:
        if self.count and self.last_text is not None:
            return f"{self.count} ({durations.since(self.last_text, now)} ago)"
        return str(self.count)


def _ended(terminated: Mapping[str, Any]) -> str:
    """Why a container ended: its reason, or its signal or exit code."""
    if reason := text(terminated, "reason"):
        return reason
    if signal := number(terminated, "signal"):
        return f"Signal:{signal}"
    return f"ExitCode:{number(terminated, 'exitCode')}"


def _first_word(pod: Obj) -> str:
    for condition in parts(pod, "status", "conditions"):
        if condition.get("type") == "PodScheduled" and condition.get("reason") == "SchedulingGated":
            return "SchedulingGated"
    return text(pod, "status", "reason") or text(pod, "status", "phase")


def _init_word(status: Mapping[str, Any], index: int, total: int) -> str:
    """What an init container that holds the pod up says about it."""
    state = part(status, "state")
    terminated = state.get("terminated")
    if isinstance(terminated, dict):
        return f"Init:{_ended(terminated)}"
    waiting = text(state, "waiting", "reason")
    if waiting and waiting != "PodInitializing":
        return f"Init:{waiting}"
    return f"Init:{index}/{total}"


def _succeeded(status: Mapping[str, Any]) -> bool:
    terminated = value(status, "state", "terminated")
    return isinstance(terminated, dict) and number(terminated, "exitCode") == 0


def summary(pod: Obj, now: float) -> tuple[str, str, str]:
    """The READY, STATUS and RESTARTS cells of a pod."""
    word = _first_word(pod)
    init = parts(pod, "spec", "initContainers")
    sidecars = {text(c, "name") for c in init if text(c, "restartPolicy") == "Always"}
    total = len(parts(pod, "spec", "containers")) + sum(
        1 for c in init if text(c, "restartPolicy") == "Always"
    )
    ready = 0

    restarts, sidecar_restarts = _Restarts(), _Restarts()
    initializing = False
    for index, status in enumerate(parts(pod, "status", "initContainerStatuses")):
        sidecar = text(status, "name") in sidecars
        restarts.add(status)
        if sidecar:
            sidecar_restarts.add(status)
        if _succeeded(status):
            continue
        if sidecar and flag(status, "started"):
            ready += flag(status, "ready")
            continue
        word, initializing = _init_word(status, index, len(init)), True
        break

    if not initializing or condition_status(pod, "Initialized") == "True":
        restarts = sidecar_restarts
        running = False
        for status in reversed(parts(pod, "status", "containerStatuses")):
            restarts.add(status)
            state = part(status, "state")
            terminated = state.get("terminated")
            if waiting := text(state, "waiting", "reason"):
                word = waiting
            elif isinstance(terminated, dict):
                word = _ended(terminated)
            elif flag(status, "ready") and isinstance(state.get("running"), dict):
                running = True
                ready += 1
        if word == "Completed" and running:
            word = "Running" if condition_status(pod, "Ready") == "True" else "NotReady"

    if deleted(pod):
        if text(pod, "status", "reason") == _NODE_LOST:
            word = "Unknown"
        elif text(pod, "status", "phase") not in ("Succeeded", "Failed"):
            word = "Terminating"
    return f"{ready}/{total}", word, restarts.cell(now)


def _gates(pod: Obj) -> str:
    gates = parts(pod, "spec", "readinessGates")
    if not gates:
        return NONE
    met = sum(1 for g in gates if condition_status(pod, text(g, "conditionType")) == "True")
    return f"{met}/{len(gates)}"


def _cells(pod: Obj, now: float) -> list[Any]:
    ready, word, restarts = summary(pod, now)
    ips = parts(pod, "status", "podIPs")
    ip = text(ips[0], "ip") if ips else text(pod, "status", "podIP")
    return [
        name(pod),
        ready,
        word,
        restarts,
        age(pod, now),
        ip or NONE,
        text(pod, "spec", "nodeName") or NONE,
        text(pod, "status", "nominatedNodeName") or NONE,
        _gates(pod),
    ]


_COMPLETED = {
    "Succeeded": "The pod has completed successfully.",
    "Failed": "The pod failed.",
}


def _conditions(pod: Obj) -> list[Obj]:
    phase = text(pod, "status", "phase")
    message = _COMPLETED.get(phase)
    if message is None:
        return []
    return [{"type": "Completed", "status": "True", "reason": phase, "message": message}]


def _template_cells(obj: Obj, now: float) -> list[Any]:
    names, images = containers(part(obj, "template", "spec"))
    labels = format_labels(value(obj, "template", "metadata", "labels"))
    return [name(obj), names, images, labels]


PRINTERS: dict[tuple[str, str], Printer] = {
    ("", "Pod"): printer(
        _cells,
        NAME,
        Column(
            "Ready",
            "string",
            "The aggregate readiness state of this pod for accepting traffic.",
        ),
        Column("Status", "string", "The aggregate status of the containers in this pod."),
        Column(
            "Restarts",
            "string",
            "The number of times the containers in this pod have been restarted and when the "
            "last container in this pod has restarted.",
        ),
        AGE,
        Column("IP", "string", doc("core.v1.PodStatus", "podIP"), 1),
        Column("Node", "string", doc("core.v1.PodSpec", "nodeName"), 1),
        Column("Nominated Node", "string", doc("core.v1.PodStatus", "nominatedNodeName"), 1),
        Column("Readiness Gates", "string", doc("core.v1.PodSpec", "readinessGates"), 1),
        conditions=_conditions,
    ),
    ("", "PodTemplate"): printer(
        _template_cells,
        NAME,
        Column("Containers", "string", "Names of each container in the template."),
        Column("Images", "string", "Images referenced by each container in the template."),
        Column("Pod Labels", "string", "The labels for the pod template."),
    ),
}
