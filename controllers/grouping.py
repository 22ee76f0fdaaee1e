"""The index by which controllers find what they own, and what they may adopt; and how long to
gather changes to it."""

from collections.abc import Sequence

from miniplane.api.objects import Obj, controller_of
from miniplane.runtime.informer import Informer

INDEX = "group"

FEW = 50
"""With so many members, every change is acted on at once."""
RATE = 4_000
"""Members that may be looked at in a second, on average."""


def group(obj: Obj) -> Sequence[str]:
    """Index function: the uid of the controller, or the orphans of the namespace."""
    ref = controller_of(obj)
    return (ref["uid"] if ref is not None else f"orphans/{obj['metadata']['namespace']}",)


def add_to(informer: Informer) -> None:
    informer.add_index(INDEX, group)


def owned(informer: Informer, uid: str) -> list[Obj]:
    """The objects that the owner with this uid controls."""
    return informer.by_index(INDEX, uid)


def candidates(informer: Informer, owner: Obj) -> list[Obj]:
    """What the owner controls, and the orphans of its namespace."""
    meta = owner["metadata"]
    orphans = informer.by_index(INDEX, f"orphans/{meta['namespace']}")
    return [*owned(informer, meta["uid"]), *orphans]


def patience(members: int) -> float:
    """Seconds to gather changes of a large group before all of it is looked at again.

    Otherwise a thousand pods that become ready one after the other would be counted a thousand
    times. A real cluster gathers them too: its controllers are held to so many requests a second.

    >>> patience(50), patience(1000), patience(100_000)
    (0.0, 0.25, 1.0)
    """
    return 0.0 if members <= FEW else min(members / RATE, 1.0)
