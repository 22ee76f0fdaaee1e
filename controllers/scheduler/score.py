"""Which of the nodes that can take a pod is the best: the score plugins of the default profile.

Each plugin gives 0 to 100 points, times its weight: the node that is used least (1) and most
evenly (1), that has no taint to put up with (3), that the pod prefers (2), that is near the pods
it wants to be near (2), and that has the fewest pods of the same workload (2).
"""

import math
from collections.abc import Iterator, Mapping, Sequence

from miniplane.api.selectors import nodes as node_selectors
from miniplane.controllers.scheduler import interpod, terms
from miniplane.controllers.scheduler.cache import Cache, NodeInfo, Question
from miniplane.controllers.scheduler.demand import CPU, MEMORY, Demand
from miniplane.controllers.scheduler.filters import Want

_FULL = 100
_TAINTS, _AFFINITY, _SPREAD, _INTERPOD = 3, 2, 2, 2

HOSTNAME = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"
_DEFAULT_SKEWS = ((HOSTNAME, 3), (ZONE, 5))
"""The constraints that spread workloads which have none of their own."""


def parts(
    want: Want, nodes: Sequence[NodeInfo], cache: Cache
) -> Iterator[tuple[str, int, list[float]]]:
    """What tells `nodes` from each other: a name, its weight, and the points of each node."""
    yield "resources", 1, _resources(want.info.demand, nodes)
    for name, weight, points in (
        ("TaintToleration", _TAINTS, _taints(want, nodes)),
        ("NodeAffinity", _AFFINITY, _node_affinity(want, nodes)),
        ("PodTopologySpread", _SPREAD, _spread(want, nodes, cache)),
        ("InterPodAffinity", _INTERPOD, _interpod(want, nodes, cache)),
    ):
        if points is not None:
            yield name, weight, points


def scores(want: Want, nodes: Sequence[NodeInfo], cache: Cache) -> list[float]:
    """One score for each of `nodes`, in their order; the highest is best."""
    totals = [0.0] * len(nodes)
    if len(nodes) > 1:
        for _, weight, points in parts(want, nodes, cache):
            totals = [total + weight * p for total, p in zip(totals, points, strict=True)]
    return totals


def best(nodes: Sequence[NodeInfo], found: Sequence[float]) -> list[NodeInfo]:
    """The nodes with the highest score: more than one where they are equally good."""
    highest = max(found)
    return [node for node, score in zip(nodes, found, strict=True) if score == highest]


def _resources(wanted: Demand, nodes: Sequence[NodeInfo]) -> list[float]:
    """LeastAllocated and BalancedAllocation over CPU and memory."""
    more_cpu, more_memory = wanted.assumed_cpu, wanted.assumed_memory
    asked_cpu, asked_memory = wanted.requests.get(CPU, 0), wanted.requests.get(MEMORY, 0)
    points: list[float] = []
    for node in nodes:
        cpu, memory = node.cpu, node.memory
        # Not rounded: a pod is less than a hundredth of a big node, and would not be seen.
        total = 0.0
        if cpu > 0:
            free = cpu - node.assumed_cpu - more_cpu
            total = free * _FULL / cpu if free > 0 else 0.0
        if memory > 0:
            free = memory - node.assumed_memory - more_memory
            total += free * _FULL / memory if free > 0 else 0.0
        if cpu > 0 and memory > 0:
            # Balance looks at what was really asked for.
            requested = node.requested
            used_cpu = (requested.get(CPU, 0) + asked_cpu) / cpu
            used_memory = (requested.get(MEMORY, 0) + asked_memory) / memory
            total = total / 2 + (1 - abs(used_cpu - used_memory) / 2) * _FULL
        points.append(total)
    return points


def _normalized(points: Sequence[float], *, reverse: bool = False) -> list[float] | None:
    """Points brought to 0..100 by their maximum; None where they tell no node from another."""
    highest = max(points)
    if highest == min(points):
        return None
    if reverse:
        return [_FULL - int(p * _FULL / highest) for p in points]
    return [int(p * _FULL / highest) for p in points]


def _taints(want: Want, nodes: Sequence[NodeInfo]) -> list[float] | None:
    if not any(node.soft_taints for node in nodes):
        return None
    preferring = (node_selectors.PREFER_NO_SCHEDULE,)
    return _normalized(
        [
            len(node_selectors.untolerated(node.soft_taints, want.tolerations, preferring))
            for node in nodes
        ],
        reverse=True,
    )


def _node_affinity(want: Want, nodes: Sequence[NodeInfo]) -> list[float] | None:
    spec = want.pod["spec"]
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    if not affinity.get("preferredDuringSchedulingIgnoredDuringExecution"):
        return None
    return _normalized(
        [node_selectors.preferred_affinity_weight(spec, node.obj or {}) for node in nodes]
    )


def _spread(want: Want, nodes: Sequence[NodeInfo], cache: Cache) -> list[float] | None:
    """Few matching pods in a node's domains are good; the more domains, the more it weighs."""
    counted: list[tuple[str, int, Mapping[str, int]]]
    if want.soft_spread:
        keys = [c.topology_key for c in want.soft_spread]
        counted = [
            (
                c.topology_key,
                c.max_skew,
                _by_value(cache, c.topology_key, cache.matching(Question((c.term,), living=True))),
            )
            for c in want.soft_spread
        ]
    elif want.info.owner and not want.hard_spread:
        owner = want.info.owner
        keys = []
        counted = [(key, skew, cache.spread(owner, key)) for key, skew in _DEFAULT_SKEWS]
    else:
        return None
    usable = [not keys or all(key in node.labels for key in keys) for node in nodes]
    totals = [0.0] * len(nodes)
    for key, skew, counts in counted:
        values = [node.labels.get(key) for node in nodes]
        chosen = zip(values, usable, strict=True)
        domains = dict.fromkeys(value for value, ok in chosen if ok and value is not None)
        weight = math.log(len(domains) + 2)
        points_of = {value: counts.get(value, 0) * weight + (skew - 1) for value in domains}
        totals = [
            total + points_of[value] if ok and value is not None else total
            for total, value, ok in zip(totals, values, usable, strict=True)
        ]
    points = [round(total) for total in totals]
    considered = [p for p, ok in zip(points, usable, strict=True) if ok]
    if not considered:
        return None
    lowest, highest = min(considered), max(considered)
    if not highest:
        return [float(_FULL) if ok else 0.0 for ok in usable]
    return [
        float(_FULL * (highest + lowest - p) // highest) if ok else 0.0
        for p, ok in zip(points, usable, strict=True)
    ]


def _by_value(cache: Cache, key: str, by_node: Mapping[str, int]) -> dict[str, int]:
    """Counts by node, added up by the value of a node label."""
    counts: dict[str, int] = {}
    for name, count in by_node.items():
        info = cache.nodes.get(name)
        value = info.labels.get(key) if info is not None else None
        if value is not None:
            counts[value] = counts.get(value, 0) + count
    return counts


def _interpod(want: Want, nodes: Sequence[NodeInfo], cache: Cache) -> list[float] | None:
    near = terms.preferred(want.pod, "podAffinity")
    far = terms.preferred(want.pod, "podAntiAffinity")
    if not near and not far and not cache.inclinations:
        return None
    own = [*((t, 1) for t in near), *((t, -1) for t in far)]
    rules = interpod.preference(want.info, own, cache)
    points = [
        sum(by_value.get(node.labels.get(key, ""), 0) for key, by_value in rules) for node in nodes
    ]
    lowest, highest = min(points), max(points)
    if lowest == highest:
        return None
    return [_FULL * (p - lowest) / (highest - lowest) for p in points]
