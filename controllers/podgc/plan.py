"""Which pods are to be removed, and what becomes of them before (pure).

After `pkg/controller/podgc/gc_controller.go`.
"""

import dataclasses
from collections.abc import Iterable, Sequence

from miniplane.api.objects import Obj, is_terminating
from miniplane.controllers import pods

TERMINATED_THRESHOLD = 12_500
"""How many ended pods may stay."""
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"


@dataclasses.dataclass(frozen=True, slots=True)
class Remove:
    """Delete a pod at once; before, if it has not ended, give it this part of a status, as no
    kubelet will any more."""

    pod: Obj
    status: Obj | None


def of_pod(pod: Obj) -> Remove | None:
    """What becomes of a pod by itself: one that is being deleted has nobody to end it before it
    has a node."""
    if pods.is_terminal(pod) or pods.node_name(pod) or not is_terminating(pod):
        return None
    return _remove(pod)


def of_node(node: Obj, there: Iterable[Obj]) -> list[Remove]:
    """What becomes of the pods of a node that is there: those that are being deleted go if it is
    dead for good."""
    if not is_out_of_service(node):
        return []
    return [_remove(pod) for pod in there if is_terminating(pod)]


def of_absent_node(there: Iterable[Obj], now: str) -> list[Remove]:
    """What becomes of the pods of a node that is gone."""
    return [_remove(pod, _orphaned(pod, now)) for pod in there]


def of_ended(ended: Sequence[Obj]) -> list[Remove]:
    """Which of all ended pods are too many: those that were evicted go first, then the oldest."""
    excess = len(ended) - TERMINATED_THRESHOLD
    return [_remove(pod) for pod in sorted(ended, key=_rank)[: max(0, excess)]]


def is_out_of_service(node: Obj) -> bool:
    """Whether somebody declared the node dead for good, and nothing speaks against it."""
    taints = (node.get("spec") or {}).get("taints") or ()
    if not any(t.get("key") == OUT_OF_SERVICE for t in taints):
        return False
    return not any(
        c["type"] == "Ready" and c["status"] == "True"
        for c in (node.get("status") or {}).get("conditions") or ()
    )


def _rank(pod: Obj) -> tuple[bool, str, str]:
    meta = pod["metadata"]
    evicted = (pod.get("status") or {}).get("reason") == "Evicted"
    return not evicted, meta.get("creationTimestamp", ""), meta["name"]


def _orphaned(pod: Obj, now: str) -> Obj:
    return {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "DeletionByPodGC",
        "message": "PodGC: node no longer exists",
        "observedGeneration": pod["metadata"].get("generation", 0),
        "lastProbeTime": None,
        "lastTransitionTime": now,
    }


def _remove(pod: Obj, condition: Obj | None = None) -> Remove:
    if pods.is_terminal(pod):
        return Remove(pod, None)
    status: Obj = {"phase": "Failed"}
    if condition is not None:
        status["conditions"] = [condition]
    return Remove(pod, status)
