"""What a Deployment's status says: counts and conditions (pure).

After `pkg/controller/deployment/{progress,sync}.go`.
"""

from collections.abc import Sequence

from miniplane.api.objects import Obj
from miniplane.clock import parse_time
from miniplane.controllers.deployment import conditions
from miniplane.controllers.deployment import plan as plans
from miniplane.controllers.deployment import replicasets as sets
from miniplane.controllers.deployment.conditions import (
    AVAILABLE,
    PROGRESSING,
    REPLICA_FAILURE,
    Moment,
)
from miniplane.controllers.deployment.replicasets import count, total, wanted_of

NEW_AVAILABLE = "NewReplicaSetAvailable"
TIMED_OUT = "ProgressDeadlineExceeded"
PAUSED = "DeploymentPaused"
NO_DEADLINE = 2**31 - 1


def deadline_of(deployment: Obj) -> int | None:
    """Seconds that a rollout may be without progress; None if it may for ever."""
    seconds = deployment["spec"].get("progressDeadlineSeconds", NO_DEADLINE)
    return None if seconds == NO_DEADLINE else seconds


def counts(deployment: Obj, replica_sets: Sequence[Obj], new: Obj | None) -> Obj:
    """The status without conditions; zero counts are left out but for terminatingReplicas."""
    available = sum(count(rs, "availableReplicas") for rs in replica_sets)
    numbers = {
        "replicas": sum(count(rs, "replicas") for rs in replica_sets),
        "updatedReplicas": count(new, "replicas") if new is not None else 0,
        "readyReplicas": sum(count(rs, "readyReplicas") for rs in replica_sets),
        "availableReplicas": available,
        "unavailableReplicas": max(0, total(replica_sets) - available),
    }
    out: Obj = {
        "observedGeneration": deployment["metadata"].get("generation", 0),
        **{key: number for key, number in numbers.items() if number},
        "terminatingReplicas": sum(count(rs, "terminatingReplicas") for rs in replica_sets),
    }
    before = deployment.get("status") or {}
    if "collisionCount" in before:
        out["collisionCount"] = before["collisionCount"]
    return out


def compute(
    deployment: Obj, replica_sets: Sequence[Obj], new: Obj | None, *, rollout: bool, now: Moment
) -> Obj:
    """The whole status. Outside a rollout (paused, scaling) Progressing stays as it is."""
    status = counts(deployment, replica_sets, new)
    found = conditions.put(conditions.of(deployment), _available(deployment, status, now))
    if rollout:
        found = _progress(deployment, status, found, new, now)
        failure = _failure(new, replica_sets)
        if failure is not None:
            found = conditions.put(found, failure)
        else:
            found = conditions.without(found, REPLICA_FAILURE)
    status["conditions"] = found
    return status


def _available(deployment: Obj, status: Obj, now: Moment) -> Obj:
    _, unavailable = sets.bounds(deployment)
    if status.get("availableReplicas", 0) >= wanted_of(deployment) - unavailable:
        message = "Deployment has minimum availability."
        return conditions.make(AVAILABLE, "True", "MinimumReplicasAvailable", message, now.text)
    message = "Deployment does not have minimum availability."
    return conditions.make(AVAILABLE, "False", "MinimumReplicasUnavailable", message, now.text)


def _progress(
    deployment: Obj, status: Obj, found: list[Obj], new: Obj | None, now: Moment
) -> list[Obj]:
    if deadline_of(deployment) is None:
        return conditions.without(found, PROGRESSING)
    present = conditions.find(found, PROGRESSING)
    settled = status.get("replicas", 0) == status.get("updatedReplicas", 0)
    if settled and present is not None and present.get("reason") == NEW_AVAILABLE:
        return found
    what = f'Deployment "{deployment["metadata"]["name"]}"'
    if new is not None:
        what = f'ReplicaSet "{new["metadata"]["name"]}"'
    if plans.is_complete(deployment, status):
        message = f"{what} has successfully progressed."
        condition = conditions.make(PROGRESSING, "True", NEW_AVAILABLE, message, now.text)
    elif has_progressed(deployment.get("status") or {}, status):
        # Every progress is noted, even if it is told in the same words as the one before.
        since = None
        if present is not None and present["status"] == "True":
            since = present["lastTransitionTime"]
        found = conditions.without(found, PROGRESSING)
        message = f"{what} is progressing."
        condition = conditions.make(
            PROGRESSING, "True", "ReplicaSetUpdated", message, now.text, since=since
        )
    elif is_late(deployment, present, now):
        message = f"{what} has timed out progressing."
        condition = conditions.make(PROGRESSING, "False", TIMED_OUT, message, now.text)
    else:
        return found
    return conditions.put(found, condition)


def has_progressed(before: Obj, after: Obj) -> bool:
    """Whether there are more new, ready or available pods than before, or fewer old ones."""

    def old_count(status: Obj) -> int:
        return status.get("replicas", 0) - status.get("updatedReplicas", 0)

    return (
        after.get("updatedReplicas", 0) > before.get("updatedReplicas", 0)
        or old_count(after) < old_count(before)
        or after.get("readyReplicas", 0) > before.get("readyReplicas", 0)
        or after.get("availableReplicas", 0) > before.get("availableReplicas", 0)
    )


def is_late(deployment: Obj, progressing: Obj | None, now: Moment) -> bool:
    """Whether the deadline has passed since the last progress."""
    if progressing is None or progressing.get("reason") == NEW_AVAILABLE:
        return False
    if progressing.get("reason") == TIMED_OUT:
        return True
    left = _left(deployment, progressing, now)
    return left is not None and left < 0


def _left(deployment: Obj, progressing: Obj, now: Moment) -> float | None:
    """Seconds until a rollout without further progress counts as stuck."""
    deadline = deadline_of(deployment)
    if deadline is None:
        return None
    last = progressing.get("lastUpdateTime") or progressing["lastTransitionTime"]
    return parse_time(last) + deadline - now.seconds


def seconds_left(deployment: Obj, status: Obj, now: Moment) -> float | None:
    """How long until a rollout that does not progress is to be looked at again."""
    progressing = conditions.find(status.get("conditions") or (), PROGRESSING)
    if progressing is None or progressing.get("reason") in (NEW_AVAILABLE, TIMED_OUT):
        return None
    if plans.is_complete(deployment, status):
        return None
    left = _left(deployment, progressing, now)
    # A second more, since the time of the last progress is written in whole seconds.
    return None if left is None else max(left, 0.0) + 1.0


def after_pausing(deployment: Obj, now: Moment) -> list[Obj] | None:
    """The conditions after a pause or resumption that they do not tell of yet, else None.

    While paused, time does not count; a rollout that is late already stays so.
    """
    if deadline_of(deployment) is None:
        return None
    present = conditions.of(deployment)
    progressing = conditions.find(present, PROGRESSING)
    reason = progressing.get("reason") if progressing is not None else None
    paused = deployment["spec"].get("paused", False)
    if reason == TIMED_OUT or paused == (reason == PAUSED):
        return None
    if paused:
        words = PAUSED, "Deployment is paused"
    else:
        words = "DeploymentResumed", "Deployment is resumed"
    return conditions.put(present, conditions.make(PROGRESSING, "Unknown", *words, now.text))


def after_creating(deployment: Obj, new: Obj, now: Moment) -> list[Obj]:
    """The conditions once the new ReplicaSet has been made."""
    message = f'Created new replica set "{new["metadata"]["name"]}"'
    return _progressing(deployment, "True", "NewReplicaSetCreated", message, now)


def after_finding(deployment: Obj, new: Obj, now: Moment) -> list[Obj]:
    """The conditions where the new ReplicaSet has been there; progress counts from now at least."""
    present = conditions.of(deployment)
    if conditions.find(present, PROGRESSING) is not None:
        return present
    message = f'Found new replica set "{new["metadata"]["name"]}"'
    return _progressing(deployment, "True", "FoundNewReplicaSet", message, now)


def after_failing(deployment: Obj, message: str, now: Moment) -> list[Obj]:
    """The conditions when the new ReplicaSet could not be made."""
    return _progressing(deployment, "False", "ReplicaSetCreateError", message, now)


def _progressing(deployment: Obj, status: str, reason: str, message: str, now: Moment) -> list[Obj]:
    present = conditions.of(deployment)
    if deadline_of(deployment) is None:
        return present
    return conditions.put(present, conditions.make(PROGRESSING, status, reason, message, now.text))


def _failure(new: Obj | None, replica_sets: Sequence[Obj]) -> Obj | None:
    """The failure of a ReplicaSet, the new one's first, as a condition of the Deployment."""
    others = (rs for rs in replica_sets if rs is not new)
    for rs in (*((new,) if new is not None else ()), *others):
        found = conditions.find(conditions.of(rs), REPLICA_FAILURE)
        if found is not None:
            since = found.get("lastTransitionTime")
            return {**found, "lastUpdateTime": since, "lastTransitionTime": since}
    return None
