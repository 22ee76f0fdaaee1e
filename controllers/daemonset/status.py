"""What the status of a DaemonSet says.

Of several pods on a node only the oldest counts: while a surge goes on, that is the old one. A
terminating pod counts until its containers have stopped.
"""

from collections.abc import Iterable, Mapping, Sequence

from miniplane.api.models.daemonset import DaemonSet, DaemonSetStatus
from miniplane.api.objects import Obj
from miniplane.controllers.daemonset.placement import NodeView, Placement
from miniplane.controllers.daemonset.podspec import is_updated
from miniplane.controllers.pods import PodView


def status_of(
    daemon: DaemonSet,
    nodes: Iterable[NodeView],
    found: Mapping[str, Sequence[PodView]],
    *,
    placement: Placement,
    hash_: str,
    generation: str,
    collisions: int,
    now: float,
) -> DaemonSetStatus:
    """The status to write. `found` are the set's pods by node, the oldest first."""
    desired = current = misscheduled = ready = updated = available = 0
    for node in nodes:
        here = found.get(node.name)
        if not placement.of(node).should_run:
            misscheduled += bool(here)
            continue
        desired += 1
        if not here:
            continue
        current += 1
        pod = here[0]
        if pod.ready:
            ready += 1
            available += pod.available(daemon.spec.min_ready_seconds, now)
        updated += is_updated(pod, hash_=hash_, generation=generation)
    shown = daemon.status.collision_count is not None or collisions
    return DaemonSetStatus(
        current_number_scheduled=current,
        number_misscheduled=misscheduled,
        desired_number_scheduled=desired,
        number_ready=ready,
        observed_generation=daemon.metadata.generation,
        updated_number_scheduled=updated,
        number_available=available,
        number_unavailable=desired - available,
        collision_count=collisions if shown else None,
    )


def differs(old: DaemonSetStatus, new: DaemonSetStatus) -> bool:
    """Whether the new status is worth a write."""
    if new.observed_generation > old.observed_generation:
        return True
    return new != old.model_copy(update={"observed_generation": new.observed_generation})


def merged(status: Obj, new: DaemonSetStatus) -> Obj:
    """The status as an object: counts from `new`, what else there was (conditions) kept."""
    counts = {field.alias for field in DaemonSetStatus.model_fields.values()}
    kept = {key: value for key, value in status.items() if key not in counts}
    return {**new.to_obj(), **kept}
