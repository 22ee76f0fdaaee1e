"""Custom and external metrics: what annotations say (pure).

`metrics.miniplane.dev/custom.NAME` of a pod or of any other object is its value of the custom
metric NAME, `metrics.miniplane.dev/external.NAME` of a namespace that of an external metric there.
Whatever selector an autoscaler gives for the metric, it selects them. A metric that no annotation
speaks of is one whose API nobody serves.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence

from miniplane.api import quantity
from miniplane.api.objects import Obj, annotations_of
from miniplane.api.resourcemetrics.usage import PREFIX
from miniplane.api.selectors import labels
from miniplane.controllers import pods as podlib
from miniplane.controllers.podautoscaler.replicas import Proposal, Tolerances
from miniplane.controllers.podautoscaler.usage import MetricError, Usage, Usages

CUSTOM, EXTERNAL = f"{PREFIX}custom.", f"{PREFIX}external."

Ref = tuple[str, str]
"""Kind and name of an object that a metric is about."""
Noted = Mapping[Ref, Mapping[str, str]]
"""Annotations of the objects that metrics are about. Those of the namespace are among them."""

_NO_CUSTOM = (
    "unable to fetch metrics from custom metrics API: no custom metrics API "
    "(custom.metrics.k8s.io) registered"
)


def needed(specs: Sequence[Obj], namespace: str) -> list[tuple[str, str, str]]:
    """The apiVersion, kind and name of each object whose annotations `value_of` will ask for."""
    found: dict[tuple[str, str, str], None] = {}
    for spec in specs:
        if spec["type"] == "External":
            found["v1", "Namespace", namespace] = None
        elif spec["type"] == "Object":
            ref = spec["object"]["describedObject"]
            # An autoscaler sees no other namespace than its own, whatever name it gives.
            own = ref["kind"] == "Namespace" and ref.get("apiVersion", "v1") == "v1"
            name = namespace if own else ref["name"]
            found[ref.get("apiVersion", ""), ref["kind"], name] = None
    return list(found)


def of_pods(pods: Sequence[Obj], name: str, now: float) -> Usages:
    """The value of a custom metric for each pod that has one. MetricError without any."""
    found: Usages = {}
    for pod in pods:
        amount = _value(annotations_of(pod), CUSTOM + name)
        if amount is not None:
            found[pod["metadata"]["name"]] = Usage(amount, now)
    if not found:
        raise MetricError(f"unable to get metric {name}: {_NO_CUSTOM}")
    return found


def of_object(spec: Obj, noted: Noted, namespace: str) -> int:
    """The value, in thousandths, of the custom metric of an object. MetricError without one."""
    [(_, kind, name)] = needed([spec], namespace)
    metric, ref = spec["object"]["metric"]["name"], spec["object"]["describedObject"]
    amount = _value(noted.get((kind, name), {}), CUSTOM + metric)
    if amount is None:
        # The real controller, too, puts the parts of this sentence in this order.
        where = f"{ref['kind']} on {namespace} {ref['name']}/{_NO_CUSTOM}"
        raise MetricError(f"unable to get metric {metric}: {where}")
    return amount


def of_namespace(spec: Obj, noted: Noted, namespace: str) -> int:
    """The value, in thousandths, of an external metric. MetricError without one."""
    metric = spec["external"]["metric"]
    amount = _value(noted.get(("Namespace", namespace), {}), EXTERNAL + metric["name"])
    if amount is None:
        why = (
            "unable to fetch metrics from external metrics API: the server could not find the "
            f"requested resource (get {metric['name']}.external.metrics.k8s.io)"
        )
        which = f"{namespace}/{metric['name']}/{labels.go_text(metric.get('selector'))}"
        raise MetricError(f"unable to get external metric {which}: {why}")
    return amount


def _value(annotations: Mapping[str, str], key: str) -> int | None:
    text = annotations.get(key)
    if text is None:
        return None
    try:
        return quantity.to_milli(text)
    except ValueError:
        return None


@dataclasses.dataclass(frozen=True, slots=True)
class Size:
    """The target: the size that it is to have, the one that it has, and its pods."""

    wanted: int
    present: int
    pods: Sequence[Obj]
    tolerances: Tolerances


def by_value(size: Size, value: int, target: int) -> Proposal:
    """For a target of the value as a whole. MetricError when there are no pods.

    The ready pods were enough for `value`: as many times more of them as it is above its target.
    """
    ratio = value / target
    if not size.wanted:
        return Proposal(math.ceil(ratio), value)
    if size.tolerances.hold(ratio):
        return Proposal(size.wanted, value)
    if not size.pods:
        why = "no pods returned by selector while calculating replica count"
        raise MetricError(f"unable to calculate ready pods: {why}")
    ready = sum(podlib.is_ready(pod) and podlib.phase(pod) == "Running" for pod in size.pods)
    return Proposal(math.ceil(ratio * ready), value)


def by_share(size: Size, value: int, target: int) -> Proposal:
    """For a target of the value divided by the number of pods."""
    present = size.present
    if not present:
        return Proposal(math.ceil(value / target), value)
    if size.tolerances.hold(value / (target * present)):
        return Proposal(present, math.ceil(value / present))
    return Proposal(math.ceil(value / target), math.ceil(value / present))
