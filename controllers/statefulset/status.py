"""What the status of a StatefulSet says.

Counts are of pods that the server has, as they were when the sync began: a pod that the sync makes
or deletes shows only in the next one. The exception is `currentReplicas`, from which a pod that is
deleted for an update is taken off at once.
"""

import dataclasses
from collections.abc import Iterable

from miniplane.api.models.statefulset import StatefulSet, StatefulSetStatus
from miniplane.controllers.statefulset.replica import Replica


@dataclasses.dataclass(frozen=True, slots=True)
class Counts:
    replicas: int
    ready: int
    available: int
    current: int
    updated: int


def count(
    pods: Iterable[Replica], *, min_ready_seconds: int, now: float, current: str, update: str
) -> Counts:
    """`current` and `update` are names of revisions; a pod can belong to both."""
    replicas = ready = available = at_current = at_update = 0
    for pod in pods:
        if not pod.phase:
            continue
        replicas += 1
        if pod.ready and pod.phase == "Running":
            ready += 1
            if pod.available(min_ready_seconds, now):
                available += 1
        if not pod.terminating:
            revision = pod.revision
            if revision == current:
                at_current += 1
            if revision == update:
                at_update += 1
    return Counts(replicas, ready, available, at_current, at_update)


def status_of(
    set_: StatefulSet,
    counts: Counts,
    *,
    current: str,
    update: str,
    collisions: int,
    updates: int = 0,
) -> StatefulSetStatus:
    """The status to write. `updates` is how many pods are being deleted for an update: they are
    taken off the current ones, even where they are of a third revision.

    A rolling update is complete when all pods are at the update revision and ready: that becomes
    the current revision then.
    """
    wanted = set_.spec.replicas
    complete = (
        set_.spec.update_strategy.type == "RollingUpdate"
        and counts.updated == counts.ready == counts.replicas == wanted
    )
    return StatefulSetStatus(
        observed_generation=set_.metadata.generation,
        replicas=counts.replicas,
        ready_replicas=counts.ready,
        current_replicas=counts.updated if complete else max(0, counts.current - updates),
        updated_replicas=counts.updated,
        current_revision=update if complete else current,
        update_revision=update,
        collision_count=collisions,
        available_replicas=counts.available,
    )


def differs(old: StatefulSetStatus, new: StatefulSetStatus) -> bool:
    """Whether the new status is worth a write. The collision count alone is not."""
    return new.observed_generation > old.observed_generation or (
        old.replicas,
        old.ready_replicas,
        old.current_replicas,
        old.updated_replicas,
        old.current_revision,
        old.update_revision,
        old.available_replicas,
    ) != (
        new.replicas,
        new.ready_replicas,
        new.current_replicas,
        new.updated_replicas,
        new.current_revision,
        new.update_revision,
        new.available_replicas,
    )
