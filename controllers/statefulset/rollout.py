"""Which pods are replaced next, in a RollingUpdate of a set that is otherwise as it should be.

One at a time, from the top: the next one only when all above it are available at the new revision
(`r` at an old revision, `R` at the new one, `N` new and not available; partition 0 but where said):

    r r r     delete the last
    r r N     none
    r r R     delete the second
    r R R     none with partition 1

Behind the feature gate MaxUnavailableStatefulSet, `maxUnavailable` pods of the whole set may be
unavailable at a time:

    maxUnavailable 2    r r r r     delete the last two
                        r r r N     delete the third
                        r r N N     none

A Parallel set may hold old pods that are unavailable already. With the gate, these go regardless:
they cost nothing, and may never become available.
"""

from collections.abc import Sequence

from miniplane.api.models.statefulset import StatefulSet
from miniplane.controllers import scaling
from miniplane.controllers.statefulset.replica import Replica


def choose(
    set_: StatefulSet,
    replicas: Sequence[Replica | None],
    *,
    update: str,
    now: float,
    max_unavailable_gate: bool,
) -> tuple[list[int], int | None]:
    """The positions of the pods to delete, and one that has to become available before more go.

    `replicas` are the wanted pods from the lowest ordinal on, `update` is the revision to go to.
    """
    rolling = set_.spec.update_strategy.rolling_update
    partition = rolling.partition if rolling is not None else 0
    min_ready = set_.spec.min_ready_seconds

    def available(pod: Replica) -> bool:
        return not pod.terminating and pod.available(min_ready, now)

    def outdated(pod: Replica) -> bool:
        return pod.revision != update and not pod.terminating

    candidates = range(len(replicas) - 1, partition - 1, -1)
    if not max_unavailable_gate:
        for position in candidates:
            pod = replicas[position]
            if pod is not None and outdated(pod):
                return [position], None
            if pod is None or not available(pod):
                return [], position
        return [], None

    limit = rolling.max_unavailable if rolling is not None else None
    allowed = 1
    if limit is not None:
        allowed = max(1, scaling.scaled(limit, len(replicas), round_up=False))
    lacking = [i for i, pod in enumerate(replicas) if pod is None or not available(pod)]
    useless: list[int] = []
    others: list[int] = []
    for position in candidates:
        pod = replicas[position]
        if pod is not None and outdated(pod):
            regardless = not set_.monotonic and not available(pod)
            (useless if regardless else others).append(position)
    going = useless + others[: max(0, allowed - len(lacking))]
    return going, lacking[-1] if lacking and not going else None
