"""What a quota's status should say, and which changes give something back. Pure."""

import math
from collections.abc import Iterable, Sequence

from miniplane.api import resources
from miniplane.api.objects import Obj
from miniplane.api.podresources import Amounts, amounts
from miniplane.api.quantity import ZERO, Quantity
from miniplane.api.quotas import scopes, usage
from miniplane.api.resources import Resource
from miniplane.client.protocol import Handle
from miniplane.clock import parse_time

_Terms = tuple[tuple[str, int, int, str], ...]
"""Amounts, each as its name and what makes its `Quantity`, so that the format counts too."""


class _Use:
    """What an object uses until `expires_at`, and what it uses then: numbers of `_Terms`."""

    __slots__ = ("expires_at", "now", "then")

    def __init__(self, now: int, then: int, expires_at: float):
        self.now = now
        self.then = then
        self.expires_at = expires_at


class Tally:
    """What the objects of one resource use of a quota, by the quota's `names` for it.

    Each revision of an object is looked at once. Most use the same as many others, which then only
    have to be counted.
    """

    def __init__(self, spec: Obj, row: Resource, names: Sequence[str]):
        self._spec = spec
        self._row = row
        self._names = names
        self._known: dict[int, _Use] = {}
        """By the revision of the object."""
        self._terms: dict[_Terms, int] = {}

    def total(self, objects: Iterable[Handle], now: float) -> Amounts:
        """The sum over all objects."""
        known, self._known = self._known, {}
        counts: dict[int, int] = {}
        for handle in objects:
            revision = handle.revision
            use = known.get(revision)
            if use is None:
                use = self._look(handle.obj)
            self._known[revision] = use
            number = use.now if now <= use.expires_at else use.then
            counts[number] = counts.get(number, 0) + 1
        total: Amounts = {name: ZERO for name in self._names}
        terms = list(self._terms)
        # A sum has the format of its first term that is not zero: so the first object comes first.
        for number, count in counts.items():
            for name, mantissa, scale, form in terms[number]:
                total[name] = total[name] + Quantity(mantissa * count, scale, form)
        return total

    def _look(self, obj: Obj) -> _Use:
        spec = self._spec
        scoped = spec.get("scopes") or spec.get("scopeSelector")
        if scoped and not scopes.matches(spec, self._row, obj):
            nothing = self._number({})
            return _Use(nothing, nothing, math.inf)
        present = self._number(usage.of(self._row, obj))
        expires_at = _expires_at(obj)
        if expires_at == math.inf:
            return _Use(present, present, expires_at)
        then = self._number(usage.of(self._row, obj, expired=True))
        return _Use(present, then, expires_at)

    def _number(self, mine: Amounts) -> int:
        terms = tuple(
            (name, mine[name].mantissa, mine[name].scale, mine[name].format)
            for name in self._names
            if name in mine
        )
        return self._terms.setdefault(terms, len(self._terms))


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
