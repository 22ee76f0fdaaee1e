"""What a quota's status should say, and which changes give something back. Pure."""

from collections.abc import Iterable, Mapping

from miniplane.api import resources
from miniplane.api.objects import Obj
from miniplane.api.podresources import Amounts, add_to, amounts
from miniplane.api.quantity import ZERO
from miniplane.api.quotas import scopes, usage
from miniplane.api.resources import Resource
from miniplane.clock import parse_time


def status(
    quota: Obj,
    counted: Mapping[Resource, list[str]],
    objects: Mapping[Resource, Iterable[Obj]],
    now: float,
) -> Obj | None:
    """The status that a quota should have, None if it has it.

    `counted` are the resources that it is about and its names for each; `objects` those of its
    namespace. What nobody can count keeps the value that it has.
    """
    spec = quota["spec"]
    hard = spec.get("hard") or {}
    present = quota.get("status") or {}
    used = amounts({n: v for n, v in (present.get("used") or {}).items() if n in hard})
    for row, names in counted.items():
        total: Amounts = {name: ZERO for name in names}
        for obj in objects[row]:
            if not (spec.get("scopes") or spec.get("scopeSelector")) or scopes.matches(
                spec, row, obj
            ):
                mine = usage.of(row, obj, expired=expired(obj, now))
                add_to(total, {name: mine[name] for name in names if name in mine})
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


def expired(obj: Obj, now: float) -> bool:
    """Whether the time that a deleted pod had to end is over: it is stuck, and nobody's fault."""
    metadata = obj["metadata"]
    deleted, grace = metadata.get("deletionTimestamp"), metadata.get("deletionGracePeriodSeconds")
    return deleted is not None and grace is not None and now > parse_time(deleted) + grace


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
