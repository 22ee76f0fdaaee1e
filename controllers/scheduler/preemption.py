"""Whom to send away so that a pod of higher priority finds room.

https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/

On each node that pods of lower priority may be the trouble of, all of these are taken away in
thought; if the pod fits then, as many as possible are let back in, those first whose budget would
be broken and then by priority. The node is chosen where this hurts least. The cache itself is
used for thinking, and is as it was when the functions return.
"""

import dataclasses
from collections.abc import Container, Iterable, Mapping, Sequence

from miniplane.api.objects import Obj
from miniplane.api.selectors import labels as label_selectors
from miniplane.api.selectors.labels import LabelSelector
from miniplane.controllers.scheduler import filters, messages
from miniplane.controllers.scheduler.cache import Cache, NodeInfo, PodInfo
from miniplane.controllers.scheduler.filters import Refusal, Want

_MOST_NODES = 100
_OFFSET = 1 << 31


@dataclasses.dataclass(frozen=True, slots=True)
class Budget:
    """What a PodDisruptionBudget allows now."""

    namespace: str
    selector: LabelSelector
    allowed: int
    disrupted: Container[str] = ()
    """Names of pods that are counted as gone already."""


def budgets(found: Iterable[Obj]) -> list[Budget]:
    """PodDisruptionBudgets, as preemption sees them."""
    return [
        Budget(
            budget["metadata"]["namespace"],
            label_selectors.from_obj(budget["spec"].get("selector")),
            (budget.get("status") or {}).get("disruptionsAllowed", 0),
            (budget.get("status") or {}).get("disruptedPods") or (),
        )
        for budget in found
    ]


@dataclasses.dataclass(frozen=True, slots=True)
class Candidate:
    """A node on which the pod fits once the victims are gone."""

    node: str
    victims: tuple[PodInfo, ...]
    """The most important first."""
    violations: int
    """How many victims the budgets do not allow."""


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """Either the best candidate, or what is said instead."""

    candidate: Candidate | None = None
    message: str = ""


def find(
    want: Want,
    refusals: Mapping[str, Refusal],
    cache: Cache,
    budgets: Sequence[Budget],
    *,
    nominated: str = "",
) -> Outcome:
    """Look for victims. `refusals` holds why each node was refused, `nominated` is the node for
    which the pod has sent others away already."""
    if want.pod["spec"].get("preemptionPolicy") == "Never":
        return Outcome(message=messages.NEVER_PREEMPTS)
    priority = want.info.priority
    if nominated and _leaving(cache.nodes.get(nominated), refusals.get(nominated), priority):
        return Outcome(message=messages.VICTIMS_LEAVING)
    reasons: list[str] = []
    best: Candidate | None = None
    tried = 0
    for name, refusal in refusals.items():
        if not refusal.resolvable or tried >= _MOST_NODES:
            continue
        tried += 1
        found = _try(want, cache.nodes[name], cache, budgets)
        if isinstance(found, Candidate):
            if best is None or _cost(found) < _cost(best):
                best = found
        else:
            reasons.extend(found)
    if best is not None:
        return Outcome(candidate=best)
    counts = messages.histogram(reasons)
    counts[messages.PREEMPTION_USELESS] = len(cache.nodes) - tried
    return Outcome(message=messages.count(len(cache.nodes), counts.items()))


def _leaving(node: NodeInfo | None, refusal: Refusal | None, priority: int) -> bool:
    if node is None or (refusal is not None and not refusal.resolvable):
        return False
    return any(p.preempted and p.priority < priority for p in node.pods.values())


def _try(
    want: Want, node: NodeInfo, cache: Cache, budgets: Sequence[Budget]
) -> Candidate | Sequence[str]:
    """The victims on `node`, or the reasons why there are none."""
    lower = [pod for pod in node.pods.values() if pod.priority < want.info.priority]
    if not lower:
        return (messages.NO_VICTIMS,)
    lower.sort(key=lambda pod: (-pod.priority, pod.created, pod.key))
    away: dict[str, PodInfo] = {}
    try:
        for pod in lower:
            cache.remove_pod(pod.key)
            away[pod.key] = pod
        if (refusal := _refusal(want, node, cache)) is not None:
            return refusal.reasons
        breaking, others = _by_budget(lower, budgets)
        violations = 0
        victims: dict[str, PodInfo] = {}
        for pod, breaks in [*((p, True) for p in breaking), *((p, False) for p in others)]:
            cache.add_pod(pod)
            if _refusal(want, node, cache) is None:
                del away[pod.key]
                continue
            cache.remove_pod(pod.key)
            victims[pod.key] = pod
            violations += breaks
    finally:
        for pod in away.values():
            cache.add_pod(pod)
    ordered = tuple(pod for pod in lower if pod.key in victims)
    return Candidate(node.name, ordered, violations)


def _refusal(want: Want, node: NodeInfo, cache: Cache) -> Refusal | None:
    return filters.check(want, node, filters.survey(want, cache), cache)


def _by_budget(
    pods: Iterable[PodInfo], budgets: Sequence[Budget]
) -> tuple[list[PodInfo], list[PodInfo]]:
    """The pods whose eviction a budget does not allow, and the others; in the order of `pods`."""
    left = [budget.allowed for budget in budgets]
    breaking: list[PodInfo] = []
    others: list[PodInfo] = []
    for pod in pods:
        breaks = False
        for i, budget in enumerate(budgets):
            if (
                pod.labels
                and budget.namespace == pod.namespace
                and not budget.selector.empty
                and budget.selector.matches(pod.labels)
                and pod.key.partition("/")[2] not in budget.disrupted
            ):
                left[i] -= 1
                breaks = breaks or left[i] < 0
        (breaking if breaks else others).append(pod)
    return breaking, others


def _cost(candidate: Candidate) -> tuple[object, ...]:
    """What makes one candidate worse than another, the weightiest first."""
    victims = candidate.victims
    if not victims:
        return (0, -_OFFSET, 0, 0, ())
    highest = victims[0].priority
    youngest = min(pod.created for pod in victims if pod.priority == highest)
    return (
        candidate.violations,
        highest,
        sum(pod.priority + _OFFSET for pod in victims),
        len(victims),
        # Whoever has run for the shortest time has the least to lose.
        tuple(-ord(c) for c in youngest),
    )
