"""What is to be done with one object, given its owners and dependents (pure).

After `attemptToDeleteItem` in `pkg/controller/garbagecollector/garbagecollector.go`. The owners
that an object names are

    solid      there, and staying             keeps the object
    waiting    being deleted in the foreground: they wait for their dependents to go
    dangling   not there (or of another uid)
    unknown    of a kind that is not served, or not where it could be looked for

    an unknown owner        -> nothing: who knows
    solid owners            -> drop the references to the others, if any
    only waiting/dangling   -> delete; in the foreground too if an owner waits and the object has
                               dependents of its own
"""

import dataclasses
import enum
from collections.abc import Sequence

from miniplane.api.objects import Obj
from miniplane.controllers.garbagecollector.graph import FOREGROUND, ORPHAN


class Owner(enum.Enum):
    SOLID = "solid"
    WAITING = "waiting"
    DANGLING = "dangling"
    UNKNOWN = "unknown"


@dataclasses.dataclass(frozen=True, slots=True)
class DropReferences:
    """Remove the owner references with these uids."""

    uids: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Delete:
    """Delete the object. `unblock`: first let its owners not wait for it, since some dependent of
    it waits too, and they may wait for each other."""

    policy: str
    unblock: bool = False


def plan(
    obj: Obj,
    owners: Sequence[tuple[str, Owner]],
    *,
    dependents: bool,
    waiting_dependents: bool = False,
) -> DropReferences | Delete | None:
    """`owners` are the uids that the object names, with what was found of them.

    `dependents` tells whether it has any, `waiting_dependents` whether one of them is being deleted
    in the foreground.
    """
    kinds = [kind for _, kind in owners]
    if not owners or Owner.UNKNOWN in kinds:
        return None
    if Owner.SOLID in kinds:
        others = tuple(uid for uid, kind in owners if kind is not Owner.SOLID)
        return DropReferences(others) if others else None
    finalizers = obj["metadata"].get("finalizers") or ()
    if Owner.WAITING in kinds and dependents:
        return Delete("Foreground", unblock=waiting_dependents)
    if ORPHAN in finalizers:
        return Delete("Orphan")
    if FOREGROUND in finalizers:
        return Delete("Foreground")
    return Delete("Background")


def unblocked(obj: Obj) -> list[Obj]:
    """The owner references, none of which blocks the owner's deletion."""
    refs = obj["metadata"].get("ownerReferences") or ()
    return [{**ref, "blockOwnerDeletion": False} for ref in refs]


def without_owners(obj: Obj, uids: Sequence[str]) -> list[Obj]:
    """The owner references that are left when those with `uids` are dropped."""
    return [ref for ref in obj["metadata"].get("ownerReferences") or () if ref["uid"] not in uids]
