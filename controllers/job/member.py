"""A pod as its Job looks at it."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Self

from miniplane.api.objects import Obj, annotations_of
from miniplane.clock import parse_time
from miniplane.controllers import pods
from miniplane.controllers.pods import PodView

FINALIZER = "batch.kubernetes.io/job-tracking"
"""Keeps a pod until its end has been counted."""
INDEX = "batch.kubernetes.io/job-completion-index"
FAILURE_COUNT = "batch.kubernetes.io/job-index-failure-count"
IGNORED_COUNT = "batch.kubernetes.io/job-index-ignored-failure-count"
NO_INDEX = -1
_INT32 = 2**31


@dataclasses.dataclass(frozen=True, slots=True)
class JobPod(PodView):
    """One revision of a pod of a Job. `exits` are (container, exit code) of containers that failed,
    then of init containers; `finished_at` says, in unix seconds, when a pod that has ended did."""

    tracked: bool = False
    index: int = NO_INDEX
    failures: int = 0
    """How often its index had failed before, by the pod's annotation."""
    ignored: int = 0
    """How often besides, without counting."""
    finished_at: float = 0.0
    exits: tuple[tuple[str, int], ...] = ()
    conditions: tuple[tuple[str, str], ...] = ()
    restarts: int = 0
    """Of all containers together."""
    most_restarts: tuple[int, int] = (0, 0)
    """Of one container, and of one sidecar."""

    @classmethod
    def of(cls, pod: Mapping[str, Any]) -> Self:
        # The zero-argument super() does not work in a dataclass with slots.
        view: Self = PodView.of.__func__(cls, pod)  # type: ignore[attr-defined]
        annotations = annotations_of(pod)
        status = pod.get("status") or {}
        found: dict[str, Any] = {
            "tracked": FINALIZER in (pod["metadata"].get("finalizers") or ()),
            "index": _index(annotations),
        }
        if FAILURE_COUNT in annotations:
            found["failures"] = _count(annotations.get(FAILURE_COUNT))
            found["ignored"] = _count(annotations.get(IGNORED_COUNT))
        if view.terminal or view.terminating:
            found["finished_at"] = finished_at(pod)
            found["exits"] = tuple(_exits(status))
            found["conditions"] = tuple(
                (c["type"], c["status"]) for c in status.get("conditions") or ()
            )
        else:
            found["restarts"], found["most_restarts"] = _restarts(pod)
        for name, value in found.items():
            object.__setattr__(view, name, value)
        return view

    def failed_for(self, *, only_failed: bool) -> bool:
        """Whether it counts as a failure. A pod on its way out does so before it has ended, unless
        the Job waits for the end (`podReplacementPolicy: Failed`)."""
        if self.phase == "Failed":
            return True
        return not only_failed and self.terminating and self.phase != "Succeeded"


def _index(annotations: Mapping[str, str]) -> int:
    try:
        return max(int(annotations.get(INDEX, NO_INDEX)), NO_INDEX)
    except ValueError:
        return NO_INDEX


def _count(text: str | None) -> int:
    """A counter in an annotation; 0 where it is none."""
    try:
        count = int(text or 0)
    except ValueError:
        return 0
    return count if 0 <= count < _INT32 else 0


def _exits(status: Obj) -> Iterator[tuple[str, int]]:
    for kind in ("containerStatuses", "initContainerStatuses"):
        for container in status.get(kind) or ():
            ended = (container.get("state") or {}).get("terminated")
            if ended is not None and ended.get("exitCode"):
                yield container["name"], ended["exitCode"]


def _restarts(pod: Mapping[str, Any]) -> tuple[int, tuple[int, int]]:
    status = pod.get("status") or {}
    regular = [c.get("restartCount", 0) for c in status.get("containerStatuses") or ()]
    starters = status.get("initContainerStatuses") or ()
    if not starters:
        return sum(regular), (max(regular, default=0), 0)
    specs = (pod.get("spec") or {}).get("initContainers") or ()
    sidecars = [c["name"] for c in specs if c.get("restartPolicy") == "Always"]
    counts = {c.get("name", ""): c.get("restartCount", 0) for c in starters}
    most = max((counts.get(name, 0) for name in sidecars), default=0)
    return sum(regular) + sum(counts.values()), (max(regular, default=0), most)


def finished_at(pod: Mapping[str, Any]) -> float:
    """When the pod ended: with its last container, else when it became unready, else when its
    deletion was asked for, else when it was created (`getFinishedTime` in `backoff_utils.go`)."""
    meta = pod["metadata"]
    ends: list[float] = []
    for container in (pod.get("status") or {}).get("containerStatuses") or ():
        ended = (container.get("state") or {}).get("terminated") or {}
        if not ended.get("finishedAt"):
            ends.clear()
            break
        ends.append(parse_time(ended["finishedAt"]))
    if ends:
        return max(ends)
    ready = pods.condition(pod, "Ready")
    if ready is not None and ready["status"] == "False" and ready.get("lastTransitionTime"):
        return parse_time(ready["lastTransitionTime"])
    if deleted := meta.get("deletionTimestamp"):
        return parse_time(deleted) - (meta.get("deletionGracePeriodSeconds") or 0)
    created = meta.get("creationTimestamp")
    return parse_time(created) if created else 0.0
