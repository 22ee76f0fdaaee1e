"""When a pod has to leave a tainted node. Pure.

https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/#taint-based-evictions
"""

from collections.abc import Sequence

from miniplane.api.objects import Obj
from miniplane.api.selectors import nodes as node_selectors


def no_execute(node: Obj) -> list[Obj]:
    """The taints of a node that evict."""
    taints = (node.get("spec") or {}).get("taints") or ()
    return [t for t in taints if t.get("effect") == node_selectors.NO_EXECUTE]


def patience(pod: Obj, taints: Sequence[Obj]) -> float | None:
    """For how many seconds the pod may stay with these taints; None for as long as it likes."""
    if not taints:
        return None
    used = node_selectors.matching_tolerations(taints, pod["spec"].get("tolerations"))
    if used is None:
        return 0.0
    limits = [t["tolerationSeconds"] for t in used if t.get("tolerationSeconds") is not None]
    return max(0.0, float(min(limits))) if limits else None
