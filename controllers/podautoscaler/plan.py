"""What an autoscaler does next: the size of its target, its status, its events (pure).

After `reconcileAutoscaler` in `pkg/controller/podautoscaler/horizontal.go`.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

from miniplane.api.objects import Obj
from miniplane.controllers.podautoscaler import metrics
from miniplane.controllers.podautoscaler.behavior import Condition, History, normalize
from miniplane.controllers.podautoscaler.metrics import Event, Observed

INTERVAL = 15.0
"""How often each autoscaler is looked at, in seconds."""


@dataclasses.dataclass(slots=True)
class Decision:
    """`replicas` is the size that the target is to get, None to leave it as it is."""

    replicas: int | None
    reason: str
    conditions: list[Condition]
    events: list[Event]
    statuses: list[Obj]
    """The status of each metric; of one that is not known only `type`, and that is empty."""
    desired: int | None
    """`status.desiredReplicas`; None leaves what is there."""


def bounds(spec: Obj) -> tuple[int, int]:
    least = spec.get("minReplicas")
    return (1 if least is None else least), spec["maxReplicas"]


def needs_metrics(spec: Obj, current: int) -> bool:
    """Whether the size is within its bounds, so that metrics decide."""
    least, most = bounds(spec)
    return not (current == 0 and least != 0) and least <= current <= most


def plan(spec: Obj, observed: Observed, history: History) -> Decision:
    """What to do about a target whose scale is known. Notes the recommendation in `history`."""
    current, now = observed.current, observed.now
    least, most = bounds(spec)
    if not history.recommendations:
        history.recommendations.append((now, current))
    if current == 0 and least != 0:
        text = "scaling is disabled since the replica count of the target is zero"
        condition = ("ScalingActive", "False", "ScalingDisabled", text)
        return Decision(None, "", [condition], [], [], 0)
    if current > most:
        reason = "Current number of replicas above Spec.MaxReplicas"
        return Decision(most, reason, [], [], [], most)
    if current < least:
        reason = "Current number of replicas below Spec.MinReplicas"
        return Decision(least, reason, [], [], [], least)
    found = metrics.propose(spec.get("metrics") or (), observed)
    conditions = found.conditions
    if found.replicas is None:
        failed = ("Warning", "FailedComputeMetricsReplicas", found.error)
        return Decision(None, "", conditions, [*found.events, failed], found.statuses, None)
    wanted = found.replicas
    reason = ""
    if wanted > current:
        reason = f"{found.name} above target"
    elif wanted < current:
        reason = "All metrics below target"
    size, held = normalize(
        history,
        now=now,
        current=current,
        wanted=wanted,
        least=least,
        most=most,
        behavior=spec.get("behavior"),
    )
    changed = size if size != current else None
    return Decision(changed, reason, conditions + held, found.events, found.statuses, size)


def with_conditions(present: Sequence[Obj], changes: Sequence[Condition], now: str) -> list[Obj]:
    """The list with these conditions in it; the time changes with the status only."""
    result = [dict(condition) for condition in present]
    for kind, status, reason, message in changes:
        found: dict[str, Any] | None = next((c for c in result if c["type"] == kind), None)
        if found is None:
            found = {"type": kind, "status": "", "lastTransitionTime": now}
            result.append(found)
        if found["status"] != status:
            found["lastTransitionTime"] = now
        found |= {"status": status, "reason": reason, "message": message}
    return result
