"""The conditions of a Deployment, as values in a list that is replaced, never changed (pure)."""

import dataclasses
from collections.abc import Sequence

from miniplane.api.objects import Obj

AVAILABLE = "Available"
PROGRESSING = "Progressing"
REPLICA_FAILURE = "ReplicaFailure"


@dataclasses.dataclass(frozen=True, slots=True)
class Moment:
    """Now, in Unix seconds and as it is written."""

    seconds: float
    text: str


def of(obj: Obj) -> list[Obj]:
    return list((obj.get("status") or {}).get("conditions") or ())


def find(conditions: Sequence[Obj], kind: str) -> Obj | None:
    return next((c for c in conditions if c["type"] == kind), None)


def without(conditions: Sequence[Obj], kind: str) -> list[Obj]:
    return [c for c in conditions if c["type"] != kind]


def make(
    kind: str, status: str, reason: str, message: str, now: str, *, since: str | None = None
) -> Obj:
    return {
        "type": kind,
        "status": status,
        "lastUpdateTime": now,
        "lastTransitionTime": since or now,
        "reason": reason,
        "message": message,
    }


def put(conditions: Sequence[Obj], new: Obj) -> list[Obj]:
    """The conditions with `new`.

    One of the same type, status and reason stays as it is, even if its message differs; one of the
    same status keeps the time of its transition.
    """
    present = find(conditions, new["type"])
    if present is not None and present["status"] == new["status"]:
        if present.get("reason") == new["reason"]:
            return list(conditions)
        new = {**new, "lastTransitionTime": present["lastTransitionTime"]}
    return [*without(conditions, new["type"]), new]
