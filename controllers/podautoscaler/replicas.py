"""How many replicas what pods use asks for (pure).

After `pkg/controller/podautoscaler/replica_calculator.go`:

    wanted = ceil(pods that count * usage / target)

A ratio within the tolerance of 1 changes nothing. Pods that are pending, or not ready after their
start, do not count; when the others use too much, they count as using nothing, so that those that
are on their way are not asked for again. Pods of which nothing is known count so that they
dampen the change: as using nothing on the way up, as using all they may on the way down.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence

from miniplane.api import podresources, quantity
from miniplane.api.objects import Obj
from miniplane.clock import parse_time
from miniplane.controllers import pods as podlib
from miniplane.controllers.podautoscaler.usage import MetricError, Usage, Usages

CPU_INITIALIZATION = 300.0
"""How long after its start a pod's cpu usage says little, in seconds."""
INITIAL_READINESS = 30.0
"""How long after its start a pod that never was ready is still one that starts, in seconds."""


@dataclasses.dataclass(frozen=True, slots=True)
class Tolerances:
    """How far from 1 the ratio may be on either side before anything is changed."""

    down: float = 0.1
    up: float = 0.1

    def hold(self, ratio: float) -> bool:
        return 1.0 - self.down <= ratio <= 1.0 + self.up


DEFAULT = Tolerances()


@dataclasses.dataclass(frozen=True, slots=True)
class Proposal:
    """Replicas, and the usage that led to them: thousandths on average, percent of the requests."""

    replicas: int
    average: int
    utilization: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """What the two ways of counting have in common."""

    pods: Sequence[Obj]
    usages: Usages
    resource: str
    """`cpu`, `memory`, ...; `""` for a metric of another kind."""
    current: int
    now: float
    tolerances: Tolerances = DEFAULT


@dataclasses.dataclass(frozen=True, slots=True)
class _Groups:
    ready: int
    known: Usages
    unready: tuple[str, ...]
    missing: tuple[str, ...]


def by_utilization(question: Question, target: int, container: str = "") -> Proposal:
    """For a target in percent of the requests. MetricError when that cannot be said."""
    groups = _group(question)
    requests = {
        pod["metadata"]["name"]: _request(pod, container, question.resource)
        for pod in question.pods
    }
    ratio, utilization, average = _utilization(groups.known, requests, target)

    def filled(name: str) -> int:
        return requests[name] * max(100, target) // 100

    replicas = _replicas(
        question, groups, ratio, filled, lambda usages: _utilization(usages, requests, target)[0]
    )
    return Proposal(replicas, average, utilization)


def by_average(question: Question, target: int) -> Proposal:
    """For a target in thousandths a pod. MetricError when that cannot be said."""
    groups = _group(question)
    average = _average(groups.known)
    replicas = _replicas(
        question,
        groups,
        average / target,
        lambda name: target,
        lambda usages: _average(usages) / target,
    )
    return Proposal(replicas, average)


def _replicas(
    question: Question,
    groups: _Groups,
    ratio: float,
    filled: Callable[[str], int],
    ratio_of: Callable[[Usages], float],
) -> int:
    """`filled` is what a pod of which nothing is known counts as on the way down."""
    rising = bool(groups.unready) and ratio > 1.0
    current = question.current
    if not rising and not groups.missing:
        if question.tolerances.hold(ratio):
            return current
        return math.ceil(ratio * groups.ready)
    usages = dict(groups.known)
    if ratio < 1.0:
        usages |= {name: Usage(filled(name), 0.0) for name in groups.missing}
    elif ratio > 1.0:
        usages |= {name: Usage(0, 0.0) for name in groups.missing}
    if rising:
        usages |= {name: Usage(0, 0.0) for name in groups.unready}
    again = ratio_of(usages)
    if question.tolerances.hold(again) or (ratio < 1.0 < again) or (again < 1.0 < ratio):
        return current
    wanted = math.ceil(again * len(usages))
    turned = (again < 1.0 and wanted > current) or (again > 1.0 and wanted < current)
    return current if turned else wanted


def _group(question: Question) -> _Groups:
    if not question.pods:
        raise MetricError("no pods returned by selector while calculating replica count")
    ready = 0
    known = dict(question.usages)
    unready, missing = [], []
    for pod in question.pods:
        name = pod["metadata"]["name"]
        if podlib.is_terminating(pod) or podlib.is_failed(pod):
            known.pop(name, None)
        elif podlib.is_pending(pod):
            unready.append(name)
        elif name not in question.usages:
            missing.append(name)
        elif question.resource == "cpu" and _starts(pod, question.usages[name], question.now):
            unready.append(name)
        else:
            ready += 1
    for name in unready:
        known.pop(name, None)
    if not known:
        raise MetricError("did not receive metrics for targeted pods (pods might be unready)")
    return _Groups(ready, known, tuple(unready), tuple(missing))


def _starts(pod: Obj, usage: Usage, now: float) -> bool:
    """Whether a running pod is still so young that its cpu usage says little."""
    condition = podlib.condition(pod, "Ready")
    started = (pod.get("status") or {}).get("startTime")
    if condition is None or started is None:
        return True
    start, changed = parse_time(started), parse_time(condition["lastTransitionTime"])
    unready = condition["status"] == "False"
    if start + CPU_INITIALIZATION > now:
        return unready or usage.time < changed + usage.window
    return unready and start + INITIAL_READINESS > changed


def _request(pod: Obj, container: str, resource: str) -> int:
    """What a pod, or one container of it, asks for, in thousandths. MetricError without that."""
    spec, name = pod["spec"], pod["metadata"]["name"]
    if not container and podresources.has_own(spec):
        own = ((spec.get("resources") or {}).get("requests") or {}).get(resource)
        if own is not None:
            return quantity.to_milli(own)
    sidecars = [c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]
    total = 0
    for part in (*spec["containers"], *sidecars):
        if container and part["name"] != container:
            continue
        request = ((part.get("resources") or {}).get("requests") or {}).get(resource)
        if request is None:
            raise MetricError(
                f"missing request for {resource} in container {part['name']} of Pod {name}"
            )
        total += quantity.to_milli(request)
    return total


def _utilization(
    usages: Usages, requests: Mapping[str, int], target: int
) -> tuple[float, int, int]:
    """Ratio to the target, percent of the requests, thousandths a pod."""
    shared = [name for name in usages if name in requests]
    requested = sum(requests[name] for name in shared)
    if not requested:
        raise MetricError("no metrics returned matched known pods")
    used = sum(usages[name].amount for name in shared)
    percent = used * 100 // requested
    return percent / target, percent, used // len(shared)


def _average(usages: Usages) -> int:
    return sum(usage.amount for usage in usages.values()) // len(usages)
