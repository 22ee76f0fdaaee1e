"""The status of a PodDisruptionBudget, from its pods and the scale of their owners. Pure.

Follows `pkg/controller/disruption/disruption.go`.
"""

import dataclasses
from collections.abc import Mapping

from miniplane.api.objects import Obj
from miniplane.clock import format_time, parse_time
from miniplane.controllers import pods
from miniplane.controllers.disruption.members import Members
from miniplane.controllers.scaling import scaled

DELETION_TIMEOUT = 120.0
"""How long an evicted pod counts as lost before anybody sees it go, in seconds."""
STALE_TIMEOUT = 120.0
"""How long a pod may be marked as a disruption's target and stay, in seconds."""
ALLOWED = "DisruptionAllowed"


@dataclasses.dataclass(frozen=True, slots=True)
class Disrupted:
    """What is left of the evictions that a budget has granted.

    `pending` are pods that should be gone soon, with the time of their eviction; `failed` those
    that should have been long ago; `recheck` is when the next of them will have failed, in seconds
    from now.
    """

    pending: dict[str, str]
    failed: tuple[str, ...]
    recheck: float | None


def needs_scale(budget: Obj) -> bool:
    """Whether the budget is a share of what the pods' owners want, not of the pods there are."""
    spec = budget["spec"]
    if spec.get("maxUnavailable") is not None:
        return True
    return isinstance(spec.get("minAvailable"), str)


def expected(budget: Obj, count: int) -> tuple[int, int]:
    """How many pods there should be, and how many of them healthy.

    `count` is the scale of the pods' owners where the budget needs it, else the number of pods.
    ValueError for a budget that is neither a number nor a percentage.
    """
    spec = budget["spec"]
    if spec.get("maxUnavailable") is not None:
        return count, max(0, count - scaled(spec["maxUnavailable"], count, round_up=True))
    if spec.get("minAvailable") is not None:
        return count, scaled(spec["minAvailable"], count, round_up=True)
    return 0, 0


def disrupted(budget: Obj, members: Members, now: float) -> Disrupted:
    """Go through the evictions that the budget has granted."""
    granted = (budget.get("status") or {}).get("disruptedPods") or {}
    pending: dict[str, str] = {}
    failed: list[str] = []
    recheck: float | None = None
    for name, pod in members.pods.items() if granted else ():
        if name not in granted or pod.terminating:
            continue
        left = parse_time(granted[name]) + DELETION_TIMEOUT - now
        if left < 0:
            failed.append(name)
        else:
            pending[name] = granted[name]
            recheck = left if recheck is None else min(recheck, left)
    return Disrupted(pending, tuple(failed), recheck)


def healthy(members: Members, pending: Mapping[str, str]) -> int:
    """How many pods are ready and not on their way out."""
    lost = sum(members.pods[name].healthy for name in pending if name in members.pods)
    return members.healthy - lost


def status(
    budget: Obj, *, count: int, members: Members, pending: Mapping[str, str], now: float
) -> Obj | None:
    """The status that the budget should have, None if it has it."""
    present = budget.get("status") or {}
    expected_pods, desired = expected(budget, count)
    current = healthy(members, pending)
    spare = current - desired
    allowed = spare if expected_pods > 0 and spare > 0 else 0
    generation = budget["metadata"].get("generation", 0)
    wanted: Obj = {
        "currentHealthy": current,
        "desiredHealthy": desired,
        "disruptionsAllowed": allowed,
        "expectedPods": expected_pods,
    }
    if pending:
        wanted["disruptedPods"] = dict(pending)
    if generation:
        wanted["observedGeneration"] = generation
    reason = "SufficientPods" if allowed else "InsufficientPods"
    wanted["conditions"] = _with_condition(
        present, allowed=allowed > 0, reason=reason, message="", generation=generation, now=now
    )
    return None if wanted == present else wanted


def failure(budget: Obj, why: str, now: float) -> Obj:
    """The status of a budget that cannot be worked out: nothing may be evicted."""
    present = budget.get("status") or {}
    conditions = _with_condition(
        present,
        allowed=False,
        reason="SyncFailed",
        message=why,
        generation=present.get("observedGeneration", 0),
        now=now,
    )
    return {**present, "disruptionsAllowed": 0, "conditions": conditions}


def _with_condition(
    present: Obj, *, allowed: bool, reason: str, message: str, generation: int, now: float
) -> list[Obj]:
    value = "True" if allowed else "False"
    conditions = [c for c in present.get("conditions") or () if c["type"] != ALLOWED]
    before = next((c for c in present.get("conditions") or () if c["type"] == ALLOWED), None)
    since = (
        before["lastTransitionTime"]
        if before is not None and before["status"] == value
        else format_time(now)
    )
    condition: Obj = {
        "type": ALLOWED,
        "status": value,
        "lastTransitionTime": since,
        "reason": reason,
        "message": message,
    }
    if generation:
        condition["observedGeneration"] = generation
    return [*conditions, condition]


def stale_after(pod: Obj, now: float) -> float | None:
    """In how many seconds a pod's mark as a disruption's target is stale; None if it never is."""
    if pods.is_terminating(pod) or pods.is_terminal(pod):
        return None
    mark = pods.condition(pod, "DisruptionTarget")
    if mark is None or mark.get("status") != "True":
        return None
    since = mark.get("lastTransitionTime")
    if mark.get("reason") == "TerminationByKubelet" or not since:
        return None
    return max(0.0, parse_time(since) + STALE_TIMEOUT - now)
