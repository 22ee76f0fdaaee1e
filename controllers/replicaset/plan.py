"""How many pods to make, which to take away, and what the status says (pure).

After `pkg/controller/replicaset/replica_set.go` and `ActivePodsWithRanks` in
`pkg/controller/controller_utils.go`. `survey` looks at every pod once; all else goes by its
counts, so a sync of thousands of pods takes a few milliseconds.
"""

import dataclasses
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from miniplane.api.objects import Obj
from miniplane.clock import parse_time
from miniplane.controllers.replicaset.member import Member

BURST = 500
"""How many pods are made or taken away in one sync at most."""

_PHASES = {"Unknown": 1, "Running": 2}


@dataclasses.dataclass(slots=True)
class Survey:
    """What there is of a set.

    `active` pods are neither finished nor on their way out. `strangers` are active and point to the
    set, but match its selector no more. `next_available` is the number of seconds until the next
    ready pod counts as available, None if there is none to wait for.
    """

    active: list[Member] = dataclasses.field(default_factory=list)
    strangers: list[Member] = dataclasses.field(default_factory=list)
    labelled: int = 0
    ready: int = 0
    available: int = 0
    terminating: int = 0
    next_available: float | None = None


def survey(
    owner: Obj,
    members: Iterable[Member],
    *,
    matches: Callable[[Mapping[str, str]], bool],
    now: float,
) -> Survey:
    """Count the pods that point to `owner`, and those that it takes over."""
    spec = owner["spec"]
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    template = labels.items()
    # Then whoever has the template's labels matches the selector, which is cheap to see.
    simple = not (spec.get("selector") or {}).get("matchExpressions")
    min_ready = spec.get("minReadySeconds", 0)
    found = Survey()
    active = found.active
    labelled = ready = available = terminating = 0
    soonest: float | None = None
    for pod in members:
        if pod.phase == "Failed" or pod.phase == "Succeeded":
            continue
        full = template <= pod.labels.items()
        if not (full and simple) and not matches(pod.labels):
            if not pod.terminating:
                found.strangers.append(pod)
            continue
        if pod.terminating:
            terminating += 1
            continue
        active.append(pod)
        labelled += full
        if not pod.ready:
            continue
        ready += 1
        if not min_ready:
            available += 1
        elif pod.ready_since is not None:
            left = pod.ready_since + min_ready - now
            if left <= 0:
                available += 1
            elif soonest is None or left < soonest:
                soonest = left
    found.labelled, found.ready, found.available = labelled, ready, available
    found.terminating, found.next_available = terminating, soonest
    return found


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """Create `create` pods, or delete `delete`, in this order."""

    create: int = 0
    delete: tuple[Member, ...] = ()


def plan(
    replicas: int, active: Sequence[Member], *, related: Iterable[Member] = (), now: float
) -> Plan:
    """`related` are the pods of all sets with the same controller: of two nodes, the one with more
    of them is relieved first. A set that nobody controls has none."""
    missing = replicas - len(active)
    if missing > 0:
        return Plan(create=min(missing, BURST))
    if missing == 0:
        return Plan()
    surplus = min(-missing, BURST)
    if surplus == len(active):
        return Plan(delete=tuple(active))
    return Plan(delete=tuple(deletion_order(active, related, now)[:surplus]))


def deletion_order(pods: Collection[Member], related: Iterable[Member], now: float) -> list[Member]:
    """The pods, those that can best be spared first.

    Unassigned before assigned, Pending before Unknown before Running, unready before ready, cheap
    before dear, doubled up on a node before alone, ready for a short time before long, restarted
    often before seldom, young before old. Times are compared by powers of two, so that not always
    the youngest zone or node loses; what is equal then is ordered by uid, by chance that is.
    """
    on_node: dict[str, int] = {}
    for pod in related:
        if not (pod.terminating or pod.terminal):
            node = pod.node if pod.bound else ""
            on_node[node] = on_node.get(node, 0) + 1

    def rank(pod: Member) -> tuple[Any, ...]:
        regular, sidecars = pod.restarts
        return (
            pod.bound,
            _PHASES.get(pod.phase, 0),
            pod.ready,
            pod.cost,
            -on_node.get(pod.node if pod.bound else "", 0),
            _log_age(pod.ready_since, now) if pod.ready else 0,
            -regular,
            -sidecars,
            _log_age(parse_time(pod.created_at) if pod.created_at else None, now),
            pod.uid,
        )

    return sorted(pods, key=rank)


def _log_age(since: float | None, now: float) -> int:
    """The power of two below an age in nanoseconds; less than any for an unknown time."""
    if since is None:
        return -2
    age = round((now - since) * 1e9)
    return age.bit_length() - 1 if age > 0 else -1


def status(owner: Obj, found: Survey, *, failure: Obj | None) -> Obj:
    """The status of a set.

    `failure` is the condition ReplicaFailure, or None. Zero counts are left out, but for replicas
    and, on ReplicaSets, terminatingReplicas.
    """
    out: Obj = {"replicas": len(found.active)}
    counts = {
        "fullyLabeledReplicas": found.labelled,
        "readyReplicas": found.ready,
        "availableReplicas": found.available,
    }
    out.update((key, count) for key, count in counts.items() if count)
    if owner["kind"] == "ReplicaSet":
        out["terminatingReplicas"] = found.terminating
    out["observedGeneration"] = owner["metadata"].get("generation", 0)
    conditions = [c for c in _conditions(owner) if c["type"] != "ReplicaFailure"]
    if failure is not None:
        conditions.append(failure)
    if conditions:
        out["conditions"] = conditions
    return out


def failure_condition(owner: Obj, reason: str, message: str, now: str) -> Obj:
    """ReplicaFailure; one that is there already is kept as it is."""
    for condition in _conditions(owner):
        if condition["type"] == "ReplicaFailure":
            return condition
    return {
        "type": "ReplicaFailure",
        "status": "True",
        "lastTransitionTime": now,
        "reason": reason,
        "message": message,
    }


def _conditions(owner: Obj) -> Sequence[Obj]:
    return (owner.get("status") or {}).get("conditions") or ()
