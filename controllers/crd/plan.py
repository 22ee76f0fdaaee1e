"""What the next status of a definition is (pure).

    names      those that nobody else of the group has are accepted; the rest is a conflict
    established  once all have been accepted, and for good
    approved   whether a group of the community may be used

After `pkg/controller/{status,establish,apiapproval}` of apiextensions-apiserver, whose controllers
write one after the other; so does this one, a step at a time.
"""

from collections.abc import Sequence

from miniplane.api.customresources import definitions
from miniplane.api.objects import Obj
from miniplane.api.validation import crds


def next_status(definition: Obj, others: Sequence[Obj], now: str) -> Obj | None:
    """The status after one more step, None when there is nothing left to do.

    `others` are the other definitions of the group. `now` is a Time.
    """
    return (
        definitions.accept(definition, others, now)
        or definitions.establish(definition, now)
        or definitions.approval(definition, crds.approval(definition), now)
    )


def names_of(definition: Obj) -> Obj:
    """The names that have been accepted."""
    return (definition.get("status") or {}).get("acceptedNames") or {}
