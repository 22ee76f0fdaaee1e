"""Topology spread constraints that must be kept (`whenUnsatisfiable: DoNotSchedule`).

https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/
"""

import dataclasses
import typing
from collections.abc import Mapping, Sequence

from miniplane.api.selectors import nodes as node_selectors
from miniplane.controllers.scheduler import terms
from miniplane.controllers.scheduler.cache import Cache, NodeInfo, Question

if typing.TYPE_CHECKING:
    from miniplane.controllers.scheduler.filters import Want

SKEWED = "node(s) didn't match pod topology spread constraints"
UNLABELLED = SKEWED + " (missing required label)"


@dataclasses.dataclass(slots=True)
class State:
    rules: Sequence[tuple[terms.SpreadConstraint, Mapping[str, int], int]]
    """Each constraint, its matching pods by topology value, and the smallest of these counts."""


def prepare(want: "Want", cache: Cache) -> State:
    """Count the matching pods in each domain of each hard constraint."""
    keys = [c.topology_key for c in want.hard_spread]
    rules = []
    for constraint in want.hard_spread:
        counts: dict[str, int] = {}
        matching = cache.matching(Question((constraint.term,), living=True))
        for name, info in cache.nodes.items():
            if not all(key in info.labels for key in keys) or not _counts(want, constraint, info):
                continue
            value = info.labels[constraint.topology_key]
            counts[value] = counts.get(value, 0) + matching.get(name, 0)
        least = min(counts.values(), default=0)
        if len(counts) < constraint.min_domains:
            least = 0
        rules.append((constraint, counts, least))
    return State(rules)


def _counts(want: "Want", constraint: terms.SpreadConstraint, node: NodeInfo) -> bool:
    """Whether the node is one over which the constraint spreads."""
    if constraint.honor_affinity and want.selective:
        assert node.obj is not None
        if not node_selectors.required_affinity_matches(want.pod["spec"], node.obj):
            return False
    return not (
        constraint.honor_taints and node_selectors.untolerated(node.hard_taints, want.tolerations)
    )


def check(state: State, node: NodeInfo) -> str:
    """The reason why the node does not suit, `""` if it does."""
    for constraint, counts, least in state.rules:
        value = node.labels.get(constraint.topology_key)
        if value is None:
            return UNLABELLED
        there = counts.get(value, 0) + (1 if constraint.self_match else 0)
        if there - least > constraint.max_skew:
            return SKEWED
    return ""
