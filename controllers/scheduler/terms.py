"""Which other pods a pod's affinity and spreading terms speak of.

https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#inter-pod-affinity-and-anti-affinity
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj
from miniplane.api.selectors import labels as label_selectors
from miniplane.api.selectors.labels import LabelSelector

NamespaceLabels = Callable[[str], Mapping[str, str]]
"""The labels of a namespace by its name; `{}` for an unknown one."""


@dataclasses.dataclass(frozen=True, slots=True)
class Term:
    """Pods with these labels in one of these namespaces."""

    selector: LabelSelector
    namespaces: tuple[str, ...]
    namespace_selector: LabelSelector | None = None
    """More namespaces, by their labels."""

    def matches(
        self, namespace: str, labels: Mapping[str, str], namespace_labels: NamespaceLabels
    ) -> bool:
        if namespace not in self.namespaces and (
            self.namespace_selector is None
            or not self.namespace_selector.matches(namespace_labels(namespace))
        ):
            return False
        return self.selector.matches(labels)


@dataclasses.dataclass(frozen=True, slots=True)
class AffinityTerm:
    """A Term and the node label whose equal values make two nodes one place."""

    term: Term
    topology_key: str
    weight: int = 0
    """Of a preferred term, 1 to 100; 0 for a required one. See `inclinations` for others."""


@dataclasses.dataclass(frozen=True, slots=True)
class SpreadConstraint:
    """One of `spec.topologySpreadConstraints`."""

    term: Term
    topology_key: str
    max_skew: int
    min_domains: int
    hard: bool
    honor_affinity: bool
    honor_taints: bool
    self_match: bool
    """Whether the pod counts among the pods that it spreads."""


def _selector(
    pod: Obj, selector: Obj | None, match_keys: Sequence[str], mismatch_keys: Sequence[str]
) -> LabelSelector:
    try:
        parsed = label_selectors.from_obj(selector)
    except StatusError:
        return label_selectors.NOTHING
    if parsed.nothing or not (match_keys or mismatch_keys):
        return parsed
    labels = pod["metadata"].get("labels") or {}
    more = [
        label_selectors.Requirement(key, operator, (labels[key],))
        for keys, operator in (
            (match_keys, label_selectors.IN),
            (mismatch_keys, label_selectors.NOT_IN),
        )
        for key in keys
        if key in labels
    ]
    return LabelSelector([*parsed.requirements, *more])


def _affinity_term(pod: Obj, term: Obj, weight: int = 0) -> AffinityTerm:
    selector = _selector(
        pod,
        term.get("labelSelector"),
        term.get("matchLabelKeys") or (),
        term.get("mismatchLabelKeys") or (),
    )
    namespace_selector = None
    namespaces = tuple(term.get("namespaces") or ())
    if (selecting := term.get("namespaceSelector")) is not None:
        try:
            namespace_selector = label_selectors.from_obj(selecting)
        except StatusError:
            namespace_selector = label_selectors.NOTHING
    elif not namespaces:
        namespaces = (pod["metadata"].get("namespace", ""),)
    return AffinityTerm(
        Term(selector, namespaces, namespace_selector), term.get("topologyKey") or "", weight
    )


def required(pod: Obj, kind: str) -> tuple[AffinityTerm, ...]:
    """The required terms of `kind`: `podAffinity` or `podAntiAffinity`."""
    affinity = pod["spec"].get("affinity")
    rules: Any = affinity and affinity.get(kind)
    if not rules:
        return ()
    terms = rules.get("requiredDuringSchedulingIgnoredDuringExecution") or ()
    return tuple(_affinity_term(pod, t) for t in terms)


def preferred(pod: Obj, kind: str) -> tuple[AffinityTerm, ...]:
    """The preferred terms of `kind`, each with its weight."""
    affinity = pod["spec"].get("affinity")
    rules: Any = affinity and affinity.get(kind)
    if not rules:
        return ()
    terms = rules.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
    return tuple(
        _affinity_term(pod, t.get("podAffinityTerm") or {}, t.get("weight") or 0) for t in terms
    )


_HARD_WEIGHT = 1
"""What a pod counts for that must be near the one that comes (`hardPodAffinityWeight`)."""


def inclinations(pod: Obj) -> tuple[AffinityTerm, ...]:
    """Whom the pod would have near it, once it is there; the weight is negative for whom it would
    rather not."""
    return (
        *(dataclasses.replace(t, weight=_HARD_WEIGHT) for t in required(pod, "podAffinity")),
        *preferred(pod, "podAffinity"),
        *(dataclasses.replace(t, weight=-t.weight) for t in preferred(pod, "podAntiAffinity")),
    )


def spread_constraints(pod: Obj) -> tuple[SpreadConstraint, ...]:
    constraints = pod["spec"].get("topologySpreadConstraints")
    if not constraints:
        return ()
    meta = pod["metadata"]
    labels = meta.get("labels") or {}
    found = []
    for c in constraints:
        selector = _selector(pod, c.get("labelSelector"), c.get("matchLabelKeys") or (), ())
        found.append(
            SpreadConstraint(
                term=Term(selector, (meta.get("namespace", ""),)),
                topology_key=c.get("topologyKey") or "",
                max_skew=c.get("maxSkew") or 1,
                min_domains=c.get("minDomains") or 1,
                hard=c.get("whenUnsatisfiable") != "ScheduleAnyway",
                honor_affinity=c.get("nodeAffinityPolicy") != "Ignore",
                honor_taints=c.get("nodeTaintsPolicy") == "Honor",
                self_match=selector.matches(labels),
            )
        )
    return tuple(found)
