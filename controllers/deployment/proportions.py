"""Scaling in the middle of a rollout: every ReplicaSet gets its share (pure).

After `scale` and `GetReplicaSetProportion` of `pkg/controller/deployment`. A Deployment of 4 with
maxSurge 1 that is being rolled out (old 4, new 1) and is scaled to 9 may have 10 pods. Its sizes
are multiplied by 10/5, which gives old 8, new 2; what rounding leaves over goes to the largest.
"""

from collections.abc import Sequence

from miniplane.api.objects import Obj
from miniplane.controllers.deployment import replicasets as sets
from miniplane.controllers.deployment.replicasets import bounds, replicas, total, wanted_of


def shares(deployment: Obj, running: Sequence[Obj]) -> list[tuple[Obj, int]]:
    """The new sizes of the ReplicaSets that have pods, the largest first.

    Of equal ones the newest come first when growing and the oldest when shrinking.
    """
    wanted = wanted_of(deployment)
    surge, _ = bounds(deployment)
    allowed = wanted + surge if wanted > 0 else 0
    to_add = allowed - total(running)
    ordered = sorted(running, key=sets.age_key, reverse=to_add > 0)
    ordered.sort(key=replicas, reverse=True)
    if to_add == 0:
        return [(rs, replicas(rs)) for rs in ordered]
    sizes: list[int] = []
    added = 0
    for rs in ordered:
        part = _part(deployment, rs, to_add=to_add, added=added)
        sizes.append(replicas(rs) + part)
        added += part
    sizes[0] = max(0, sizes[0] + to_add - added)
    return list(zip(ordered, sizes, strict=True))


def _part(deployment: Obj, rs: Obj, *, to_add: int, added: int) -> int:
    if to_add == added:
        return 0
    part = _growth(deployment, rs)
    left = to_add - added
    return min(part, left) if to_add > 0 else max(part, left)


def _growth(deployment: Obj, rs: Obj) -> int:
    """By how much a ReplicaSet would grow if all grew alike."""
    wanted, size = wanted_of(deployment), replicas(rs)
    if wanted == 0:
        return -size
    surge, _ = bounds(deployment)
    before = sets.number_in(rs, sets.MAXIMUM) or 0
    before = before or (deployment.get("status") or {}).get("replicas", 0)
    if before <= 0:
        return 0
    # Rounded half up, in whole numbers.
    return (2 * size * (wanted + surge) + before) // (2 * before) - size
