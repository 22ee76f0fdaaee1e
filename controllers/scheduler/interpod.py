"""Inter-pod affinity and anti-affinity, of the pod that comes and of those that are there.

A rule says "on a node (in a zone...) with the same value of the topology label as one that has
such a pod". So a state holds, for each topology label, the values where such pods are; checking a
node is a look-up.
"""

import dataclasses
from collections.abc import Mapping, Sequence

from miniplane.controllers.scheduler import terms
from miniplane.controllers.scheduler.cache import Cache, NodeInfo, PodInfo, Question

AFFINITY = "node(s) didn't match pod affinity rules"
ANTI_AFFINITY = "node(s) didn't match pod anti-affinity rules"
EXISTING = "node(s) didn't satisfy existing pods anti-affinity rules"


@dataclasses.dataclass(slots=True)
class State:
    wanted: list[tuple[str, frozenset[str]]]
    """Topology label, and the values of it that the pod has to be near, for each affinity term."""
    first_of_its_kind: bool
    """No pod matches the affinity terms yet, but the pod itself would."""
    avoided: list[tuple[str, frozenset[str]]]
    """Topology label, and the values of it that the pod has to keep off."""
    guarded: list[tuple[str, frozenset[str]]]
    """Topology label, and the values of it that other pods keep this one off."""


def prepare(pod: PodInfo, affinity: Sequence[terms.AffinityTerm], cache: Cache) -> State | None:
    """What holds for the pod on any node, or None where there are no rules at all."""
    if not affinity and not pod.anti_affinity and not cache.anti_affinity:
        return None
    guarded = [
        (term.topology_key, _values(nodes, term.topology_key, cache))
        for term, nodes in cache.anti_affinity.items()
        if term.term.matches(pod.namespace, pod.labels, cache.namespace_labels)
    ]
    if not affinity and not pod.anti_affinity and not guarded:
        return None
    wanted: list[tuple[str, frozenset[str]]] = []
    first = False
    if affinity:
        # A pod counts for the terms only if it matches all of them.
        nodes = cache.matching(Question(tuple(t.term for t in affinity)))
        wanted = [(t.topology_key, _values(nodes, t.topology_key, cache)) for t in affinity]
        first = not any(values for _, values in wanted) and all(
            t.term.matches(pod.namespace, pod.labels, cache.namespace_labels) for t in affinity
        )
    avoided = [
        (t.topology_key, _values(cache.matching(Question((t.term,))), t.topology_key, cache))
        for t in pod.anti_affinity
    ]
    return State(wanted, first, avoided, guarded)


def _values(nodes: Mapping[str, int], key: str, cache: Cache) -> frozenset[str]:
    """The values of a topology label on these nodes."""
    found = []
    for name in nodes:
        info = cache.nodes.get(name)
        if info is not None and key in info.labels:
            found.append(info.labels[key])
    return frozenset(found)


def check(state: State, node: NodeInfo) -> str:
    """The reason why the node does not suit, `""` if it does."""
    labels = node.labels
    for key, values in state.wanted:
        if key not in labels:
            return AFFINITY
        if labels[key] not in values and not state.first_of_its_kind:
            return AFFINITY
    for key, values in state.avoided:
        if labels.get(key) in values:
            return ANTI_AFFINITY
    for key, values in state.guarded:
        if labels.get(key) in values:
            return EXISTING
    return ""


def preference(
    pod: PodInfo, preferred: Sequence[tuple[terms.AffinityTerm, int]], cache: Cache
) -> list[tuple[str, dict[str, int]]]:
    """For each preferred term with its sign, and for what the pods there would have of this one,
    the points that a node gets by its topology value."""
    rules = [
        (term, sign * term.weight, cache.matching(Question((term.term,))))
        for term, sign in preferred
    ]
    rules += [
        (term, term.weight, nodes)
        for term, nodes in cache.inclinations.items()
        if term.term.matches(pod.namespace, pod.labels, cache.namespace_labels)
    ]
    points: list[tuple[str, dict[str, int]]] = []
    for term, weight, nodes in rules:
        by_value: dict[str, int] = {}
        for name, count in nodes.items():
            info = cache.nodes.get(name)
            value = info.labels.get(term.topology_key) if info is not None else None
            if value is not None:
                by_value[value] = by_value.get(value, 0) + weight * count
        points.append((term.topology_key, by_value))
    return points
