"""Where a pod may run: node affinity, taints and tolerations, as pure functions.

Follows `k8s.io/component-helpers/scheduling/corev1`. Terms that validation would refuse match
no node, so that a scheduler never places a pod on a misreading.
"""

import functools
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

from miniplane.api.objects import Obj
from miniplane.api.selectors import requirements
from miniplane.api.selectors.labels import NOTHING, LabelSelector
from miniplane.api.selectors.requirements import parse_int64, requirement

NO_SCHEDULE = "NoSchedule"
PREFER_NO_SCHEDULE = "PreferNoSchedule"
NO_EXECUTE = "NoExecute"

_OPERATORS = {
    "In": requirements.IN,
    "NotIn": requirements.NOT_IN,
    "Exists": requirements.EXISTS,
    "DoesNotExist": requirements.DOES_NOT_EXIST,
    "Gt": requirements.GREATER_THAN,
    "Lt": requirements.LESS_THAN,
}


def _metadata(node: Mapping[str, Any]) -> Mapping[str, Any]:
    return node.get("metadata") or {}


def _labels(node: Mapping[str, Any]) -> Mapping[str, str]:
    return _metadata(node).get("labels") or {}


@functools.lru_cache(maxsize=4096)
def _expressions(
    parts: tuple[tuple[str, str, tuple[str, ...]], ...],
) -> LabelSelector:
    try:
        return LabelSelector(
            [requirement(key, _OPERATORS[op], values) for key, op, values in parts]
        )
    except (KeyError, ValueError):
        return NOTHING


def _parts(expressions: Iterable[Mapping[str, Any]]) -> tuple[Any, ...]:
    return tuple(
        (e.get("key") or "", e.get("operator") or "", tuple(e.get("values") or ()))
        for e in expressions
    )


def _fields_match(expressions: Sequence[Mapping[str, Any]], node: Mapping[str, Any]) -> bool:
    """`matchFields` knows one field, `metadata.name`, with In and NotIn and a single value."""
    name = _metadata(node).get("name", "")
    for key, operator, values in _parts(expressions):
        if operator not in ("In", "NotIn") or len(values) != 1:
            return False
        actual = name if key == "metadata.name" else ""
        if (actual == values[0]) != (operator == "In"):
            return False
    return True


def _term_matches(term: Mapping[str, Any] | None, node: Mapping[str, Any]) -> bool:
    expressions = (term or {}).get("matchExpressions") or ()
    fields = (term or {}).get("matchFields") or ()
    if not expressions and not fields:
        return False
    if expressions and not _expressions(_parts(expressions)).matches(_labels(node)):
        return False
    return _fields_match(fields, node)


def node_selector_matches(term: Mapping[str, Any] | None, node: Mapping[str, Any]) -> bool:
    """Whether a NodeSelectorTerm, or a NodeSelector (its terms ORed), selects the node.

    A term without any requirement selects no node, and so does a selector without terms.
    """
    if term is None:
        return False
    if "nodeSelectorTerms" in term:
        return any(_term_matches(t, node) for t in term["nodeSelectorTerms"] or ())
    return _term_matches(term, node)


def required_affinity_matches(pod_spec: Mapping[str, Any], node: Mapping[str, Any]) -> bool:
    """Whether the node suits `spec.nodeSelector` and the required node affinity of a pod spec."""
    if selector := pod_spec.get("nodeSelector"):
        node_labels = _labels(node)
        if any(node_labels.get(key) != value for key, value in selector.items()):
            return False
    affinity = (pod_spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    return required is None or node_selector_matches(
        {"nodeSelectorTerms": required.get("nodeSelectorTerms")}, node
    )


def preferred_affinity_weight(pod_spec: Mapping[str, Any], node: Mapping[str, Any]) -> int:
    """The sum of the weights of the preferred node affinity terms that the node satisfies."""
    affinity = (pod_spec.get("affinity") or {}).get("nodeAffinity") or {}
    total = 0
    for preferred in affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ():
        if _term_matches(preferred.get("preference"), node):
            total += preferred.get("weight") or 0
    return total


def tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    """Whether one toleration tolerates one taint.

    An empty effect stands for all effects, an empty key for all keys; the operator is Equal
    unless it says Exists, or Gt or Lt, which compare integers.
    """
    effect = toleration.get("effect")
    if effect and effect != taint.get("effect"):
        return False
    key = toleration.get("key")
    if key and key != taint.get("key"):
        return False
    operator = toleration.get("operator") or "Equal"
    if operator == "Exists":
        return True
    wanted, actual = toleration.get("value") or "", taint.get("value") or ""
    if operator == "Equal":
        return wanted == actual
    if operator in ("Gt", "Lt"):
        limit, number = parse_int64(wanted), parse_int64(actual)
        if limit is None or number is None:
            return False
        return number > limit if operator == "Gt" else number < limit
    return False


def tolerated(tolerations: Iterable[Mapping[str, Any]] | None, taint: Mapping[str, Any]) -> bool:
    """Whether any of the tolerations tolerates the taint."""
    return any(tolerates(toleration, taint) for toleration in tolerations or ())


def untolerated(
    taints: Iterable[Obj] | None,
    tolerations: Sequence[Mapping[str, Any]] | None,
    effects: Container[str] = (NO_SCHEDULE, NO_EXECUTE),
) -> list[Obj]:
    """The taints of these effects that no toleration tolerates, in the node's order."""
    return [
        taint
        for taint in taints or ()
        if taint.get("effect") in effects and not tolerated(tolerations, taint)
    ]


def matching_tolerations(
    taints: Iterable[Mapping[str, Any]], tolerations: Sequence[Obj] | None
) -> list[Obj] | None:
    """The tolerations that the taints need, or None where one taint is not tolerated."""
    used: list[Obj] = []
    for taint in taints:
        found = [t for t in tolerations or () if tolerates(t, taint)]
        if not found:
            return None
        used.append(found[0])
    return used
