"""What each metric of an autoscaler proposes, and how its status says so (pure)."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from miniplane.api import quantity
from miniplane.api.objects import Obj
from miniplane.api.selectors import labels
from miniplane.controllers.podautoscaler import custom, replicas, usage
from miniplane.controllers.podautoscaler.replicas import Proposal, Question, Tolerances
from miniplane.controllers.podautoscaler.usage import MetricError

Condition = tuple[str, str, str, str]
Event = tuple[str, str, str]
"""Type, reason, message."""

UNABLE = "the HPA was unable to compute the replica count: "


@dataclasses.dataclass(frozen=True, slots=True)
class Observed:
    """What there is to know about the target's pods.

    `metrics` are the PodMetrics of its pods, or the reason why there are none. `current` is the
    size that the target is to have, `present` the one that it has.
    """

    pods: Sequence[Obj]
    metrics: Sequence[Obj] | str
    current: int
    now: float
    tolerances: Tolerances = replicas.DEFAULT
    present: int = 0
    namespace: str = ""
    noted: custom.Noted = dataclasses.field(default_factory=dict)

    def question(self, resource: str, container: str) -> Question:
        if isinstance(self.metrics, str):
            why = f"unable to fetch metrics from resource metrics API: {self.metrics}"
            raise MetricError(f"unable to get metrics for resource {resource}: {why}")
        try:
            usages = usage.of_pods(self.metrics, resource, container)
        except MetricError as error:
            raise MetricError(f"unable to get metrics for resource {resource}: {error}") from None
        return Question(self.pods, usages, resource, self.current, self.now, self.tolerances)


@dataclasses.dataclass(slots=True)
class Proposals:
    """What all metrics together ask for. `replicas` is None when that cannot be said."""

    replicas: int | None
    name: str
    """The metric that asks for the most."""
    statuses: list[Obj]
    conditions: list[Condition]
    events: list[Event]
    error: str = ""


def propose(specs: Sequence[Obj], observed: Observed) -> Proposals:
    """The most that any metric asks for. Metrics that fail keep replicas from going down."""
    best: int | None = None
    name, first = "", ""
    statuses: list[Obj] = []
    events: list[Event] = []
    failed: Condition | None = None
    invalid = 0
    for spec in specs:
        try:
            proposal, said, status = _one(spec, observed)
        except _Failed as failure:
            invalid += 1
            statuses.append({"type": ""})
            events.append(("Warning", failure.reason, failure.text))
            if failed is None:
                first = failure.whole
                text = UNABLE + failure.text
                failed = ("ScalingActive", "False", failure.reason, text)
            continue
        statuses.append(status)
        if best is None or proposal.replicas > best:
            best, name = proposal.replicas, said
    error = ""
    if failed is not None:
        error = f"invalid metrics ({invalid} invalid out of {len(specs)}), first error is: {first}"
        if best is None or best < observed.current:
            return Proposals(None, "", statuses, [failed], events, error)
    text = f"the HPA was able to successfully calculate a replica count from {name}"
    active = ("ScalingActive", "True", "ValidMetricFound", text)
    return Proposals(best or 0, name, statuses, [active], events, error)


class _Failed(Exception):
    def __init__(self, reason: str, text: str, whole: str):
        self.reason, self.text, self.whole = reason, text, whole


def _one(spec: Obj, observed: Observed) -> tuple[Proposal, str, Obj]:
    return _KINDS[spec["type"]](spec, observed)


def _resource(spec: Obj, observed: Observed) -> tuple[Proposal, str, Obj]:
    source = spec["resource"]
    name = source["name"]
    try:
        proposal, said, current = _usage(source["target"], observed, name, "")
    except MetricError as error:
        whole = f"failed to get {name} resource metric value: {error}"
        raise _Failed("FailedGetResourceMetric", str(error), whole) from None
    return proposal, said, {"type": "Resource", "resource": {"name": name, "current": current}}


def _container(spec: Obj, observed: Observed) -> tuple[Proposal, str, Obj]:
    source = spec["containerResource"]
    name, container = source["name"], source["container"]
    try:
        proposal, said, current = _usage(source["target"], observed, name, container)
    except MetricError as error:
        whole = f"failed to get {container} container metric value: {error}"
        raise _Failed("FailedGetContainerResourceMetric", str(error), whole) from None
    status = {"name": name, "container": container, "current": current}
    return proposal, said, {"type": "ContainerResource", "containerResource": status}


def _usage(
    target: Mapping[str, Any], observed: Observed, name: str, container: str
) -> tuple[Proposal, str, Obj]:
    if target.get("averageValue") is not None:
        try:
            question = observed.question(name, container)
            milli = quantity.to_milli(target["averageValue"])
            proposal = replicas.by_average(question, milli)
        except MetricError as error:
            raise MetricError(f"failed to get {name} usage: {error}") from None
        return proposal, f"{name} resource", {"averageValue": _text(proposal.average)}
    percent = target.get("averageUtilization")
    if percent is None:
        raise MetricError(
            "invalid resource metric source: neither an average utilization target nor an average "
            "value (usage) target was set"
        )
    try:
        question = observed.question(name, container)
        proposal = replicas.by_utilization(question, percent, container)
    except MetricError as error:
        raise MetricError(f"failed to get {name} utilization: {error}") from None
    kind = "container resource" if container else "resource"
    said = f"{name} {kind} utilization (percentage of request)"
    current = {
        "averageUtilization": proposal.utilization,
        "averageValue": _text(proposal.average),
    }
    return proposal, said, current


def _pods(spec: Obj, observed: Observed) -> tuple[Proposal, str, Obj]:
    source = spec["pods"]
    name = source["metric"]["name"]
    try:
        usages = custom.of_pods(observed.pods, name, observed.now)
        question = Question(
            observed.pods, usages, "", observed.current, observed.now, observed.tolerances
        )
        target = quantity.to_milli(source["target"]["averageValue"])
        proposal = replicas.by_average(question, target)
    except MetricError as error:
        whole = f"failed to get pods metric value: {error}"
        raise _Failed("FailedGetPodsMetric", str(error), whole) from None
    status = {"metric": source["metric"], "current": {"averageValue": _text(proposal.average)}}
    return proposal, f"pods metric {name}", {"type": "Pods", "pods": status}


def _object(spec: Obj, observed: Observed) -> tuple[Proposal, str, Obj]:
    source = spec["object"]
    target, metric = source["target"], source["metric"]
    share = target["type"] == "AverageValue"
    try:
        value = custom.of_object(spec, observed.noted, observed.namespace)
        proposal, current = _whole(observed, target, value, share=share)
    except MetricError as error:
        within = f"failed to get {metric['name']} object metric: " if share else ""
        whole = f"failed to get object metric value: {within}{error}"
        raise _Failed("FailedGetObjectMetric", str(error), whole) from None
    status = {"metric": metric, "current": current}
    if share:
        # The real controller leaves out which object it is, and calls the metric external.
        status["describedObject"] = {"kind": "", "name": ""}
        said = f"external metric {metric['name']}({labels.go_text(metric.get('selector'))})"
    else:
        status["describedObject"] = source["describedObject"]
        said = f"{source['describedObject']['kind']} metric {metric['name']}"
    return proposal, said, {"type": "Object", "object": status}


def _external(spec: Obj, observed: Observed) -> tuple[Proposal, str, Obj]:
    source = spec["external"]
    target, metric = source["target"], source["metric"]
    name, share = metric["name"], target.get("averageValue") is not None
    try:
        value = custom.of_namespace(spec, observed.noted, observed.namespace)
        proposal, current = _whole(observed, target, value, share=share)
    except MetricError as error:
        within = f"{name} external metric" if share else f"external metric {name}"
        whole = f"failed to get {name} external metric value: failed to get {within}: {error}"
        raise _Failed("FailedGetExternalMetric", str(error), whole) from None
    said = f"external metric {name}({labels.go_text(metric.get('selector'))})"
    status = {"metric": metric, "current": current}
    return proposal, said, {"type": "External", "external": status}


def _whole(
    observed: Observed, target: Mapping[str, Any], value: int, *, share: bool
) -> tuple[Proposal, Obj]:
    """What a value that all pods have in common asks for, and how the status says so."""
    size = custom.Size(observed.current, observed.present, observed.pods, observed.tolerances)
    if share:
        proposal = custom.by_share(size, value, quantity.to_milli(target["averageValue"]))
        return proposal, {"averageValue": _text(proposal.average)}
    proposal = custom.by_value(size, value, quantity.to_milli(target["value"]))
    return proposal, {"value": _text(proposal.average)}


_KINDS: dict[str, Callable[[Obj, Observed], tuple[Proposal, str, Obj]]] = {
    "Resource": _resource,
    "ContainerResource": _container,
    "Pods": _pods,
    "Object": _object,
    "External": _external,
}


def _text(milli: int) -> str:
    return quantity.canonical(f"{milli}m")
