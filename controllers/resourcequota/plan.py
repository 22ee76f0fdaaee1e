"""What a quota's status should say, and which changes give something back. Pure."""

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence

from miniplane.api import resources
from miniplane.api.objects import Obj
from miniplane.api.podresources import Amounts, amounts
from miniplane.api.quantity import ZERO, Quantity
from miniplane.api.quotas import scopes, usage
from miniplane.api.resources import Resource
from miniplane.clock import parse_time


@dataclasses.dataclass(frozen=True, slots=True)
class _Use:
    """What an object uses until `expires_at`, and what it uses then."""

    now: tuple[tuple[str, Quantity], ...]
    then: tuple[tuple[str, Quantity], ...]
    expires_at: float


class Tally:
    """What the objects of one resource use of a quota, by the quota's `names` for it.

    Each revision of an object is looked at once.
    """

    def __init__(self, spec: Obj, row: Resource, names: Sequence[str]):
        self._spec = spec
        self._row = row
        self._names = names
        self._known: dict[int, _Use] = {}
        """By the revision of the object."""

    def total(self, objects: Iterable[tuple[int, Callable[[], Obj]]], now: float) -> Amounts:
        """The sum over all objects, each given as its revision and how to get it."""
        known, self._known = self._known, {}
        # Most objects use the same as many others, and a sum has the format of its first term.
        counts: dict[tuple[tuple[str, Quantity], ...], int] = {}
        for revision, get in objects:
            use = known.get(revision)
            if use is None:
                use = self._look(get())
            self._known[revision] = use
            mine = use.now if now <= use.expires_at else use.then
            counts[mine] = counts.get(mine, 0) + 1
        total: Amounts = {name: ZERO for name in self._names}
        for mine, count in counts.items():
            for name, value in mine:
                term = Quantity(value.mantissa * count, value.scale, value.format)
                total[name] = total[name] + term
        return total

    def _look(self, obj: Obj) -> _Use:
        spec = self._spec
        scoped = spec.get("scopes") or spec.get("scopeSelector")
        if scoped and not scopes.matches(spec, self._row, obj):
            return _Use((), (), math.inf)
        expires_at = _expires_at(obj)
        return _Use(
            self._of(obj),
            () if expires_at == math.inf else self._of(obj, expired=True),
            expires_at,
        )

    def _of(self, obj: Obj, *, expired: bool = False) -> tuple[tuple[str, Quantity], ...]:
        mine = usage.of(self._row, obj, expired=expired)
        return tuple((name, mine[name]) for name in self._names if name in mine)


def status(quota: Obj, totals: Iterable[Amounts]) -> Obj | None:
    """The status that a quota should have, None if it has it.

    `totals` are sums by the quota's names. What nobody can count keeps the value that it has.
    """
    hard = quota["spec"].get("hard") or {}
    present = quota.get("status") or {}
    used = amounts({n: v for n, v in (present.get("used") or {}).items() if n in hard})
    for total in totals:
        used |= total
    unchanged = (
        "hard" in present
        and "used" in present
        and amounts(present["hard"]) == amounts(hard)
        and amounts(present["used"]) == used
    )
    if unchanged:
        return None
    return {"hard": dict(hard), "used": {name: str(used[name]) for name in sorted(used)}}


def _expires_at(obj: Obj) -> float:
    """When the time that a deleted object has to end is over: then it is stuck, and nobody's
    fault. Infinity for one that is not deleted."""
    metadata = obj["metadata"]
    deleted, grace = metadata.get("deletionTimestamp"), metadata.get("deletionGracePeriodSeconds")
    return math.inf if deleted is None or grace is None else parse_time(deleted) + grace


def gives_back(row: Resource, old: Obj | None, new: Obj | None) -> bool:
    """Whether a change may have freed something. What takes is counted by the server itself."""
    if old is None:
        return False
    if new is None:
        return True
    if row is resources.PODS:
        return usage.runs(old) and not usage.runs(new)
    if row is resources.SERVICES:
        return _kind(old) != _kind(new)
    if row is resources.PERSISTENT_VOLUME_CLAIMS:
        return usage.of(row, old) != usage.of(row, new)
    return False


def _kind(service: Obj) -> str:
    kind = service["spec"].get("type", "")
    return kind if kind in ("NodePort", "LoadBalancer") else ""
