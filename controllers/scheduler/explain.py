"""Why a pod went where it went, in words, for whoever asks with an annotation.

The choice itself is not made here, and is the same whether anybody asks or not.
"""

from collections.abc import Sequence

from miniplane.api.objects import Obj
from miniplane.controllers.scheduler import messages, score
from miniplane.controllers.scheduler.cache import Cache, NodeInfo
from miniplane.controllers.scheduler.filters import Placement, Want

ANNOTATION = "sim.miniplane.dev/explain"
_MOST = 10
"""How many nodes are told of; those with the fewest points are left out."""


def is_asked(pod: Obj) -> bool:
    """Whether the scheduler is to explain itself."""
    return (pod["metadata"].get("annotations") or {}).get(ANNOTATION) == "true"


def explain(
    want: Want,
    placement: Placement,
    best: Sequence[NodeInfo],
    chosen: NodeInfo,
    cache: Cache,
) -> str:
    """Where the pod goes, with the points of all nodes that fit, and why the others do not.

    `node-2, 1 of 2 with the most points, drawn by the seed. node-2: 272 = resources 172 +
    InterPodAffinity 2*50; node-3: ... 1 of 3 nodes refused: 1 node(s) had untolerated taint(s).`
    """
    nodes = placement.fitting
    if len(nodes) == 1:
        text = f"{chosen.name}, the only node that fits."
    elif len(best) == 1:
        text = f"{chosen.name}, which has the most points."
    else:
        text = f"{chosen.name}, 1 of {len(best)} with the most points, drawn by the seed."
    if len(nodes) > 1:
        text += f" {_points(want, nodes, cache)}."
    seen = len(nodes) + len(placement.refusals)
    if placement.refusals:
        counts = messages.histogram(
            reason for refusal in placement.refusals.values() for reason in refusal.reasons
        )
        told = ", ".join(sorted(f"{count} {reason}" for reason, count in counts.items()))
        text += f" {len(placement.refusals)} of {seen} nodes refused: {told}."
    return text


def _points(want: Want, nodes: Sequence[NodeInfo], cache: Cache) -> str:
    parts = list(score.parts(want, nodes, cache))
    told: list[tuple[float, str]] = []
    for index, node in enumerate(nodes):
        total = sum(weight * points[index] for _, weight, points in parts)
        terms = [
            f"{name} {f'{weight}*' if weight > 1 else ''}{_number(points[index])}"
            for name, weight, points in parts
        ]
        told.append((total, f"{node.name}: {_number(total)} = {' + '.join(terms)}"))
    told.sort(key=lambda item: -item[0])
    more = f"; {len(told) - _MOST} more" if len(told) > _MOST else ""
    return "; ".join(text for _, text in told[:_MOST]) + more


def _number(value: float) -> str:
    """Rounded for people; nodes that seem equal then may differ by what is not shown."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
