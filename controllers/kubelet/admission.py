"""Whether a kubelet takes a pod that has been bound to its node (pure).

A pod that is refused fails at once, with the reason. After `pkg/kubelet/lifecycle/predicate.go` and
`Admit` of `pkg/kubelet/eviction/eviction_manager.go`. What the scheduler has seen to already is not
asked again, but for a node that is short of something.
"""

import dataclasses
from collections.abc import Iterable, Sequence

from miniplane.api import podresources
from miniplane.api.objects import Obj
from miniplane.api.selectors import nodes
from miniplane.controllers.kubelet.evictions import EVICTED, is_critical

_MEMORY = "MemoryPressure"


@dataclasses.dataclass(frozen=True, slots=True)
class Refusal:
    """Why a pod is not taken. `message` is that of the event."""

    reason: str
    message: str


def refusal(
    pod: Obj, node: Obj, others: Iterable[Obj], *, pressures: Sequence[str]
) -> Refusal | None:
    """Why the kubelet of `node`, which has these `pressures` and on which `others` are, refuses a
    pod; None if it takes it."""
    if pressures and not is_critical(pod) and not _bears(pod, pressures):
        return Refusal(EVICTED, f"The node had condition: [{' '.join(pressures)}]. ")
    if is_scheduled(pod):
        return None
    if found := shortage(pod["spec"], node, others):
        name, asked, used, there = found
        text = f"Node didn't have enough resource: {name}, requested: {asked}, used: {used}, "
        return Refusal(f"OutOf{name}", f"{text}capacity: {there}")
    if not nodes.required_affinity_matches(pod["spec"], node):
        text = "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"
        return Refusal("NodeAffinity", text)
    taints = (node.get("spec") or {}).get("taints")
    if nodes.untolerated(taints, pod["spec"].get("tolerations"), (nodes.NO_EXECUTE,)):
        why = "node(s) had taints that the pod didn't tolerate"
        return Refusal("TaintToleration", f"Predicate TaintToleration failed: {why}")
    return None


def is_scheduled(pod: Obj) -> bool:
    """Whether the scheduler has chosen the node, and not whoever made the pod."""
    return any(
        c["type"] == "PodScheduled" and c["status"] == "True"
        for c in (pod.get("status") or {}).get("conditions") or ()
    )


def _bears(pod: Obj, pressures: Sequence[str]) -> bool:
    """Of a node that lacks memory only, all but BestEffort pods are taken, and whoever says that he
    can do with that."""
    if list(pressures) != [_MEMORY]:
        return False
    if (pod.get("status") or {}).get("qosClass") != "BestEffort":
        return True
    taint = {"key": "node.kubernetes.io/memory-pressure", "effect": "NoSchedule"}
    return nodes.tolerated(pod["spec"].get("tolerations"), taint)


def shortage(spec: Obj, node: Obj, others: Iterable[Obj]) -> tuple[str, int, int, int] | None:
    """The first resource of which a node has too little for a pod: its name, how much is asked
    for, is in use and is there. Cpu is in thousandths."""
    allocatable = podresources.amounts((node.get("status") or {}).get("allocatable"))
    wanted = podresources.requests(spec)
    others = list(others)
    if "pods" in allocatable and len(others) + 1 > allocatable["pods"].scaled(0):
        return "pods", 1, len(others), allocatable["pods"].scaled(0)
    used: podresources.Amounts = {}
    for other in others:
        podresources.add_to(used, podresources.requests(other["spec"]))
    for name, asked in wanted.items():
        if not asked or name not in allocatable:
            continue
        scale = -3 if name == "cpu" else 0
        taken = used[name].scaled(scale) if name in used else 0
        if asked.scaled(scale) + taken > allocatable[name].scaled(scale):
            return name, asked.scaled(scale), taken, allocatable[name].scaled(scale)
    return None
