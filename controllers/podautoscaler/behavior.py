"""How fast replicas may come and go (pure, but for a history that the caller keeps).

After `normalizeDesiredReplicas` and `normalizeDesiredReplicasWithBehaviors` in
`pkg/controller/podautoscaler/horizontal.go`.
"""

import dataclasses
import math
from collections.abc import Iterable

from miniplane.api.objects import Obj

STABILIZATION = 300.0
"""For how long the highest recommendation counts on the way down, in seconds."""
FACTOR, AT_LEAST = 2.0, 4.0
"""Without rules, replicas at most double, or become 4."""

Condition = tuple[str, str, str, str]
"""Type, status, reason, message."""

_IN_RANGE = ("DesiredWithinRange", "the desired count is within the acceptable range")
_TOO_MANY = (
    "TooManyReplicas",
    "the desired replica count is more than the maximum replica count",
)
_TOO_FEW = ("TooFewReplicas", "the desired replica count is less than the minimum replica count")
_UP_LIMIT = (
    "ScaleUpLimit",
    "the desired replica count is increasing faster than the maximum scale rate",
)
_DOWN_LIMIT = (
    "ScaleDownLimit",
    "the desired replica count is decreasing faster than the maximum scale rate",
)
_UP_STABLE = (
    "ScaleUpStabilized",
    "recent recommendations were lower than current one, applying the lowest recent recommendation",
)
_DOWN_STABLE = (
    "ScaleDownStabilized",
    "recent recommendations were higher than current one, "
    "applying the highest recent recommendation",
)
_READY = ("ReadyForNewScale", "recommended size matches current size")


@dataclasses.dataclass(slots=True)
class History:
    """What was recommended and done for one autoscaler. Times are Unix seconds."""

    recommendations: list[tuple[float, int]] = dataclasses.field(default_factory=list)
    ups: list[tuple[float, int]] = dataclasses.field(default_factory=list)
    downs: list[tuple[float, int]] = dataclasses.field(default_factory=list)

    def recommend(self, now: float, replicas: int, keep: float) -> None:
        """Note a recommendation, and forget those older than `keep` seconds."""
        self.recommendations = [r for r in self.recommendations if r[0] >= now - keep]
        self.recommendations.append((now, replicas))

    def scaled(self, now: float, before: int, after: int, behavior: Obj | None) -> None:
        """Note that replicas were changed, as far as rules ask about that."""
        if behavior is None:
            return
        events, rules = (self.ups, "scaleUp") if after > before else (self.downs, "scaleDown")
        longest = max((p["periodSeconds"] for p in _policies(behavior.get(rules))), default=0)
        events[:] = [event for event in events if event[0] >= now - longest]
        events.append((now, abs(after - before)))


def normalize(
    history: History,
    *,
    now: float,
    current: int,
    wanted: int,
    least: int,
    most: int,
    behavior: Obj | None,
) -> tuple[int, list[Condition]]:
    """The replicas to be had now, and the conditions that say what held them back."""
    if behavior is None:
        stable = max([wanted, *_recent(history, now - STABILIZATION, inclusive=True)])
        history.recommend(now, wanted, STABILIZATION)
        told = _DOWN_STABLE
        replicas, why = _by_default(current, stable, least, most)
    else:
        up, down = behavior.get("scaleUp") or {}, behavior.get("scaleDown") or {}
        up_window = up.get("stabilizationWindowSeconds") or 0
        down_window = down.get("stabilizationWindowSeconds")
        down_window = STABILIZATION if down_window is None else down_window
        lowest = min([wanted, *_recent(history, now - up_window)])
        highest = max([wanted, *_recent(history, now - down_window)])
        stable = min(max(current, lowest), highest)
        history.recommend(now, wanted, max(up_window, down_window))
        told = _UP_STABLE if wanted >= current else _DOWN_STABLE
        replicas, why = _by_rules(history, now, current, stable, least, most, up, down)
    able = _READY if stable == wanted else told
    limited = "False" if replicas == stable else "True"
    return replicas, [("AbleToScale", "True", *able), ("ScalingLimited", limited, *why)]


def _recent(history: History, since: float, *, inclusive: bool = False) -> Iterable[int]:
    for time, replicas in history.recommendations:
        if time > since or (inclusive and time == since):
            yield replicas


def _by_default(current: int, wanted: int, least: int, most: int) -> tuple[int, tuple[str, str]]:
    limit = int(max(FACTOR * current, AT_LEAST))
    highest, why = (limit, _UP_LIMIT) if most > limit else (most, _TOO_MANY)
    if wanted < least:
        return least, _TOO_FEW
    if wanted > highest:
        return highest, why
    return wanted, _IN_RANGE


def _by_rules(
    history: History,
    now: float,
    current: int,
    wanted: int,
    least: int,
    most: int,
    up: Obj,
    down: Obj,
) -> tuple[int, tuple[str, str]]:
    if wanted > current:
        limit = max(_limit(history, now, current, up, sign=1), current)
        highest, why = (limit, _UP_LIMIT) if most > limit else (most, _TOO_MANY)
        return (highest, why) if wanted > highest else (wanted, _IN_RANGE)
    if wanted < current:
        limit = min(_limit(history, now, current, down, sign=-1), current)
        lowest, why = (limit, _DOWN_LIMIT) if least < limit else (least, _TOO_FEW)
        return (lowest, why) if wanted < lowest else (wanted, _IN_RANGE)
    return wanted, _IN_RANGE


def _limit(history: History, now: float, current: int, rules: Obj, *, sign: int) -> int:
    """How far the policies of one direction (`sign`) let the replicas go."""
    select = rules.get("selectPolicy") or "Max"
    policies = list(_policies(rules))
    if select == "Disabled" or not policies:
        return current
    proposals = []
    for policy in policies:
        since = now - policy["periodSeconds"]
        added = sum(change for time, change in history.ups if time > since)
        removed = sum(change for time, change in history.downs if time > since)
        start = current - added + removed
        if policy["type"] == "Pods":
            proposals.append(start + sign * policy["value"])
        elif sign > 0:
            # Rounded up, or one replica could never become two.
            proposals.append(math.ceil(start * (1 + policy["value"] / 100)))
        else:
            proposals.append(int(start * (1 - policy["value"] / 100)))
    far = (select == "Max") == (sign > 0)
    return max(proposals) if far else min(proposals)


def _policies(rules: Obj | None) -> Iterable[Obj]:
    return (rules or {}).get("policies") or ()
