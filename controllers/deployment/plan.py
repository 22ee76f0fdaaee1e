"""The next step of a rollout (pure).

After `pkg/controller/deployment/{deployment_controller,rolling,recreate,sync}.go`. One sync takes
one step: make the new ReplicaSet, or scale it up, or scale old ones down, or clean up. With 4
replicas, maxSurge 1 and maxUnavailable 1, and new pods that become ready at once:

    new 0 old 4   make new, as large as the surge allows;
                  all 4 old pods are available: one can be spared      new 1 old 3
    new 1 old 3   one more is allowed                                  new 2 old 3
    new 2 old 3   5 pods, of which 3 must be available                 new 2 old 1
    new 2 old 1   two more are allowed                                 new 4 old 1
    new 4 old 1   nothing holds the last one                           new 4 old 0
"""

import dataclasses
from collections.abc import Sequence

from miniplane.api.objects import Obj, annotations_of, is_terminating
from miniplane.controllers.deployment import replicasets as sets
from miniplane.controllers.deployment import rollback
from miniplane.controllers.deployment.proportions import shares
from miniplane.controllers.deployment.replicasets import bounds, count, replicas, total, wanted_of


@dataclasses.dataclass(frozen=True, slots=True)
class Create:
    """Make the new ReplicaSet."""

    replica_set: Obj


@dataclasses.dataclass(frozen=True, slots=True)
class Annotate:
    """Bring the new ReplicaSet's annotations and minReadySeconds up to date."""

    replica_set: Obj
    annotations: dict[str, str]
    min_ready_seconds: int


@dataclasses.dataclass(frozen=True, slots=True)
class Scale:
    """Scale a ReplicaSet, and note the Deployment's size on it. The size may be what it was."""

    replica_set: Obj
    to: int


@dataclasses.dataclass(frozen=True, slots=True)
class Delete:
    """Remove a ReplicaSet that is only history."""

    replica_set: Obj


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """First `prepare`, which sees to the new ReplicaSet; then its revision is noted on the
    Deployment; then `steps`, in order. A ReplicaSet may be scaled twice.

    `rollout` tells which of the two status computations applies: scaling leaves Progressing alone.
    With `back_to`, a revision to go back to, there are neither steps nor a status.
    """

    prepare: Create | Annotate | None = None
    steps: tuple[Scale | Delete, ...] = ()
    new: Obj | None = None
    rollout: bool = False
    back_to: int | None = None


def plan(deployment: Obj, replica_sets: Sequence[Obj], *, old_pods: bool) -> Plan:
    """`old_pods` tells whether pods of old ReplicaSets still run (only asked for Recreate)."""
    new = sets.find_new(deployment, replica_sets)
    old = sets.by_age(rs for rs in replica_sets if rs is not new)
    noted = _annotate(deployment, new, old)
    if is_terminating(deployment):
        return Plan(noted, new=new)
    paused = deployment["spec"].get("paused", False)
    back_to = None if paused else rollback.target_of(deployment)
    if back_to is not None:
        made = new or sets.build(deployment, old, size=first_size(deployment, old))
        return Plan(noted if new is not None else Create(made), new=made, back_to=back_to)
    if paused or is_scaling(deployment, replica_sets):
        steps: list[Scale | Delete] = list(scale(deployment, new, old))
        if paused:
            steps += cleanup(deployment, old)
        return Plan(noted, tuple(steps), new)
    if sets.is_rolling(deployment):
        return _roll(deployment, new, old, noted)
    return _recreate(deployment, new, old, noted, old_pods=old_pods)


def is_scaling(deployment: Obj, replica_sets: Sequence[Obj]) -> bool:
    """Whether the Deployment's size was changed since its ReplicaSets were last scaled."""
    wanted = wanted_of(deployment)
    return any(
        sets.number_in(rs, sets.DESIRED) not in (None, wanted) for rs in sets.active(replica_sets)
    )


def _annotate(deployment: Obj, new: Obj | None, old: Sequence[Obj]) -> Annotate | None:
    if new is None:
        return None
    present = annotations_of(new)
    wanted = sets.annotations(deployment, present, sets.next_revision(old), exists=True)
    min_ready = deployment["spec"].get("minReadySeconds", 0)
    if wanted == present and min_ready == new["spec"].get("minReadySeconds", 0):
        return None
    return Annotate(new, wanted, min_ready)


def _roll(
    deployment: Obj, new: Obj | None, old: Sequence[Obj], noted: Create | Annotate | None
) -> Plan:
    if new is None:
        new = sets.build(deployment, old, size=first_size(deployment, old))
        return Plan(Create(new), tuple(shrink_old(deployment, new, old)), new, rollout=True)
    wanted, present = wanted_of(deployment), replicas(new)
    size = wanted if present > wanted else new_size(deployment, new, old)
    steps: Sequence[Scale | Delete]
    if size != present:
        steps = [Scale(new, size)]
    else:
        steps = shrink_old(deployment, new, old)
        if not steps and is_complete(deployment, deployment.get("status") or {}):
            steps = cleanup(deployment, old)
    return Plan(noted, tuple(steps), new, rollout=True)


def first_size(deployment: Obj, old: Sequence[Obj]) -> int:
    """With how many pods the new ReplicaSet is made."""
    if sets.is_rolling(deployment):
        return new_size(deployment, None, old)
    return wanted_of(deployment)


def new_size(deployment: Obj, new: Obj | None, old: Sequence[Obj]) -> int:
    """How large the new ReplicaSet may be now."""
    wanted = wanted_of(deployment)
    present = replicas(new) if new is not None else 0
    surge, _ = bounds(deployment)
    room = wanted + surge - present - total(old)
    return present if room <= 0 else present + min(room, wanted - present)


def shrink_old(deployment: Obj, new: Obj, old: Sequence[Obj]) -> list[Scale]:
    """Scale old ReplicaSets (the oldest first) down as far as availability allows: first by their
    unhealthy pods, which nobody misses, then by healthy ones."""
    sizes = {rs["metadata"]["name"]: replicas(rs) for rs in old}
    wanted = wanted_of(deployment)
    _, unavailable = bounds(deployment)
    least = wanted - unavailable
    most = total([new, *old]) - least - (replicas(new) - _available(new))
    if total(old) == 0 or most <= 0:
        return []
    steps: list[Scale] = []

    def shrink(rs: Obj, by: int) -> int:
        name = rs["metadata"]["name"]
        by = max(0, min(by, sizes[name]))
        if by:
            sizes[name] -= by
            steps.append(Scale(rs, sizes[name]))
        return by

    for rs in old:
        most -= shrink(rs, min(most, replicas(rs) - _available(rs)))
    spare = sum(map(_available, [new, *old])) - least
    for rs in old:
        spare -= shrink(rs, spare)
    return steps


def _available(rs: Obj) -> int:
    """The available pods that will stay: the status may not know yet of a smaller size."""
    return min(replicas(rs), count(rs, "availableReplicas"))


def _recreate(
    deployment: Obj,
    new: Obj | None,
    old: Sequence[Obj],
    noted: Create | Annotate | None,
    *,
    old_pods: bool,
) -> Plan:
    down = [Scale(rs, 0) for rs in sets.active(old)]
    if down or old_pods or any(count(rs, "replicas") for rs in old):
        return Plan(noted, tuple(down), new, rollout=True)
    wanted = wanted_of(deployment)
    if new is None:
        new = sets.build(deployment, old, size=wanted)
        return Plan(Create(new), (), new, rollout=True)
    steps: list[Scale | Delete] = []
    if replicas(new) != wanted:
        steps.append(Scale(new, wanted))
    if is_complete(deployment, deployment.get("status") or {}):
        steps += cleanup(deployment, old)
    return Plan(noted, tuple(steps), new, rollout=True)


def scale(deployment: Obj, new: Obj | None, old: Sequence[Obj]) -> list[Scale]:
    """Spread a new size over the ReplicaSets.

    One that has pods alone, or the newest if none has, simply gets the size. In the middle of a
    rollout each gets its share; a complete one lets old ones that were adopted go.
    """
    wanted = wanted_of(deployment)
    running = sets.active([*old, new] if new is not None else old)
    if len(running) <= 1:
        one = running[0] if running else new or next(reversed(old), None)
        if one is None:
            return []
        # Where the size is right already, a note that is out of date would stay so for ever.
        outdated = bool(running) and sets.number_in(one, sets.DESIRED) not in (None, wanted)
        return [Scale(one, wanted)] if replicas(one) != wanted or outdated else []
    if new is not None and _is_saturated(deployment, new):
        return [Scale(rs, 0) for rs in sets.active(old)]
    if not sets.is_rolling(deployment):
        return []
    return [
        Scale(rs, size)
        for rs, size in shares(deployment, running)
        if size != replicas(rs) or not _knows_size(deployment, rs)
    ]


def _knows_size(deployment: Obj, rs: Obj) -> bool:
    return sets.size_annotations(deployment).items() <= annotations_of(rs).items()


def _is_saturated(deployment: Obj, new: Obj) -> bool:
    wanted = wanted_of(deployment)
    return (
        replicas(new) == wanted
        and sets.number_in(new, sets.DESIRED) == wanted
        and count(new, "availableReplicas") == wanted
    )


def cleanup(deployment: Obj, old: Sequence[Obj]) -> list[Delete]:
    """The empty ReplicaSets beyond the history limit, the oldest revisions first."""
    limit = deployment["spec"].get("revisionHistoryLimit", 10)
    candidates = [rs for rs in old if not is_terminating(rs)]
    candidates.sort(key=lambda rs: (sets.revision_of(rs), *sets.age_key(rs)))
    surplus = candidates[: max(0, len(candidates) - limit)]
    return [Delete(rs) for rs in surplus if _is_empty(rs)]


def _is_empty(rs: Obj) -> bool:
    seen = count(rs, "observedGeneration") >= rs["metadata"].get("generation", 0)
    return seen and replicas(rs) == 0 and count(rs, "replicas") == 0


def is_complete(deployment: Obj, status: Obj) -> bool:
    """Whether all replicas are of the new template, and available, and no others are there."""
    wanted = wanted_of(deployment)
    return (
        status.get("updatedReplicas", 0) == wanted
        and status.get("replicas", 0) == wanted
        and status.get("availableReplicas", 0) == wanted
        and status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
    )
