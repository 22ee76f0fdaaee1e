"""A pod as its ReplicaSet looks at it."""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import Any, Self

from miniplane.api.objects import annotations_of
from miniplane.controllers.pods import PodView

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_COST = re.compile(r"0|-?[1-9][0-9]{0,9}")
_INT32 = 2**31


@dataclasses.dataclass(frozen=True, slots=True)
class Member(PodView):
    """What tells, besides, which pod can best be spared: its cost by annotation, and the highest
    restart counts among its containers and among its sidecars."""

    cost: int = dataclasses.field(default=0, compare=False)
    restarts: tuple[int, int] = dataclasses.field(default=(0, 0), compare=False)

    @classmethod
    def of(cls, pod: Mapping[str, Any]) -> Self:
        # The zero-argument super() does not work in a dataclass with slots.
        view: Self = PodView.of.__func__(cls, pod)  # type: ignore[attr-defined]
        cost = deletion_cost(pod)
        if cost:
            object.__setattr__(view, "cost", cost)
        restarts = restarts_of(pod)
        if restarts != (0, 0):
            object.__setattr__(view, "restarts", restarts)
        return view


def deletion_cost(pod: Mapping[str, Any]) -> int:
    """The pod's deletion cost; 0 without one, or where it is no 32-bit number."""
    text = annotations_of(pod).get(DELETION_COST)
    if text is None or _COST.fullmatch(text) is None:
        return 0
    cost = int(text)
    return cost if -_INT32 <= cost < _INT32 else 0


def restarts_of(pod: Mapping[str, Any]) -> tuple[int, int]:
    status = pod.get("status") or {}
    regular = max(_counts(status.get("containerStatuses")), default=0)
    starters = status.get("initContainerStatuses")
    if not starters:
        return regular, 0
    sidecars = [
        c["name"]
        for c in (pod.get("spec") or {}).get("initContainers") or ()
        if c.get("restartPolicy") == "Always"
    ]
    return regular, max(_counts(s for s in starters if s.get("name") in sidecars), default=0)


def _counts(statuses: Any) -> Iterator[int]:
    for status in statuses or ():
        yield status.get("restartCount", 0)
