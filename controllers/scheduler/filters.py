"""Which nodes can take a pod: the filters of kube-scheduler's default profile, in their order.

The first plugin that refuses a node speaks for it. A refusal is *resolvable* when pods that leave
the node could undo it; only then is preemption worth a thought
(https://kubernetes.io/docs/concepts/scheduling-eviction/kube-scheduler/).
"""

import dataclasses
from collections.abc import Sequence

from miniplane.api.objects import Obj
from miniplane.api.selectors import nodes as node_selectors
from miniplane.controllers.scheduler import demand, disks, interpod, limits, spread, terms, volumes
from miniplane.controllers.scheduler.cache import Cache, NodeInfo, PodInfo

UNSCHEDULABLE_TAINT: Obj = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


@dataclasses.dataclass(frozen=True, slots=True)
class Refusal:
    """Why a node cannot take a pod."""

    plugin: str
    reasons: tuple[str, ...]
    resolvable: bool = False


UNSCHEDULABLE = Refusal("NodeUnschedulable", ("node(s) were unschedulable",))
TAINTED = Refusal("TaintToleration", ("node(s) had untolerated taint(s)",))
AFFINITY = Refusal("NodeAffinity", ("node(s) didn't match Pod's node affinity/selector",))
NOT_NAMED = Refusal("NodeAffinity", ("node(s) didn't satisfy plugin(s) [NodeAffinity]",))
PORTS = Refusal(
    "NodePorts", ("node(s) didn't have free ports for the requested pod ports",), resolvable=True
)
ONE_POD_CLAIM = Refusal(
    "VolumeRestrictions",
    (
        "node has pod using PersistentVolumeClaim with the same name and "
        "ReadWriteOncePod access mode",
    ),
    resolvable=True,
)
DISK = Refusal("VolumeRestrictions", ("node(s) had no available disk",), resolvable=True)
TOO_MANY_VOLUMES = Refusal("NodeVolumeLimits", (limits.EXCEEDED,), resolvable=True)
WRONG_ZONE = Refusal("VolumeZone", ("node(s) had no available volume zone",))
TOO_MANY_PODS = "Too many pods"
CONFLICTING_TERMS = "pod affinity terms conflict"
"""What is said where the names that its node affinity admits leave no node at all."""


@dataclasses.dataclass(slots=True)
class Want:
    """A pod that looks for a node, with everything that its filters ask for again and again."""

    pod: Obj
    info: PodInfo
    tolerations: Sequence[Obj]
    selective: bool
    """Whether it has a node selector or required node affinity."""
    pinned: tuple[str, ...] | None
    """The only node names that its affinity admits, if it names any (pods of DaemonSets do)."""
    tolerates_unschedulable: bool
    hard_spread: tuple[terms.SpreadConstraint, ...]
    soft_spread: tuple[terms.SpreadConstraint, ...]
    affinity: tuple[terms.AffinityTerm, ...]
    volumes: volumes.Volumes
    attach_limits: limits.Limits | None = None
    """How many volumes nodes can have, where they say so of a driver."""
    taint_verdicts: dict[object, bool] = dataclasses.field(default_factory=dict)
    """By a node's taints: whether one of them is not tolerated."""


def want(pod: Obj, info: PodInfo, claims: volumes.Volumes = volumes.NONE) -> Want:
    spec = pod["spec"]
    tolerations = spec.get("tolerations") or ()
    affinity = spec.get("affinity")
    node_affinity = affinity.get("nodeAffinity") if affinity else None
    required = (node_affinity or {}).get("requiredDuringSchedulingIgnoredDuringExecution")
    constraints = terms.spread_constraints(pod)
    return Want(
        pod=pod,
        info=info,
        tolerations=tolerations,
        selective=bool(spec.get("nodeSelector")) or required is not None,
        pinned=_pinned(required) if required else None,
        tolerates_unschedulable=node_selectors.tolerated(tolerations, UNSCHEDULABLE_TAINT),
        hard_spread=tuple(c for c in constraints if c.hard),
        soft_spread=tuple(c for c in constraints if not c.hard),
        affinity=terms.required(pod, "podAffinity") if affinity else (),
        volumes=claims,
    )


def _pinned(required: Obj) -> tuple[str, ...] | None:
    """Node names to which the terms, ORed, restrict a pod; None where one term does not."""
    names: dict[str, None] = {}
    for term in required.get("nodeSelectorTerms") or ():
        admitted: list[str] | None = None
        for field in term.get("matchFields") or ():
            if field.get("key") == "metadata.name" and field.get("operator") == "In":
                values = list(field.get("values") or ())
                admitted = values if admitted is None else [v for v in admitted if v in values]
        if admitted is None:
            return None
        names.update(dict.fromkeys(admitted))
    return tuple(names)


@dataclasses.dataclass(frozen=True, slots=True)
class Surroundings:
    """What the filters that look beyond one node found out before they look at any."""

    interpod: "interpod.State | None"
    spread: "spread.State | None"


EMPTY = Surroundings(None, None)


@dataclasses.dataclass(slots=True)
class Placement:
    """Where a pod may go, or why it cannot."""

    fitting: list[NodeInfo]
    refusals: dict[str, Refusal]
    absent: int = 0
    """Nodes that were not looked at, because the pod names others."""


def survey(want: Want, cache: Cache) -> Surroundings:
    """Prepare the filters that count pods elsewhere."""
    affinity = interpod.prepare(want.info, want.affinity, cache)
    spreading = spread.prepare(want, cache) if want.hard_spread else None
    if affinity is None and spreading is None:
        return EMPTY
    return Surroundings(affinity, spreading)


def check(want: Want, node: NodeInfo, around: Surroundings, cache: Cache) -> Refusal | None:
    """Why `node` cannot take the pod, or None if it can."""
    if node.unschedulable and not want.tolerates_unschedulable:
        return UNSCHEDULABLE
    if node.hard_taints and has_untolerated_taint(want, node):
        return TAINTED
    if want.selective and not node_selectors.required_affinity_matches(
        want.pod["spec"], node.obj or {}
    ):
        return AFFINITY
    wanted = want.info.demand
    if wanted.ports and _ports_taken(wanted.ports, node):
        return PORTS
    if wanted.requests or len(node.pods) >= node.max_pods:
        refusal = _check_room(wanted, node)
        if refusal is not None:
            return refusal
    if (own := want.info.disks) and any(disks.conflict(own, p.disks) for p in node.pods.values()):
        return DISK
    if want.volumes is not volumes.NONE:
        refusal = _check_claims(want, node, cache)
        if refusal is not None:
            return refusal
    return None if around is EMPTY else _check_others(node, around)


def has_untolerated_taint(want: Want, node: NodeInfo) -> bool:
    verdict = want.taint_verdicts.get(node.taint_key)
    if verdict is None:
        verdict = bool(node_selectors.untolerated(node.hard_taints, want.tolerations))
        want.taint_verdicts[node.taint_key] = verdict
    return verdict


def _check_room(wanted: demand.Demand, node: NodeInfo) -> Refusal | None:
    """Number of pods and resources."""
    full = len(node.pods) >= node.max_pods
    allocatable, requested = node.allocatable, node.requested
    short: list[str] = []
    for name, value in wanted.requests.items():
        if value > allocatable.get(name, 0) - requested.get(name, 0):
            short.append(name)
    if not full and not short:
        return None
    reasons = [f"Insufficient {name}" for name in short]
    if full:
        reasons.insert(0, TOO_MANY_PODS)
    # A node for no pods at all counts as one whose pods may leave: so it is in kube-scheduler.
    resolvable = all(wanted.requests[name] <= allocatable.get(name, 0) for name in short)
    return Refusal("NodeResourcesFit", tuple(reasons), resolvable)


def _ports_taken(wanted: Sequence[demand.HostPort], node: NodeInfo) -> bool:
    for address, protocol, port in wanted:
        for taken_address, taken_protocol, taken_port in node.ports:
            if (
                port == taken_port
                and protocol == taken_protocol
                and (address == taken_address or "0.0.0.0" in (address, taken_address))
            ):
                return True
    return False


def _check_claims(want: Want, node: NodeInfo, cache: Cache) -> Refusal | None:
    """The pod's volumes."""
    wanted = want.volumes
    for claim in wanted.one_pod:
        if cache.claims.get(claim):
            return ONE_POD_CLAIM
    if want.attach_limits is not None and want.attach_limits.exceeded(node):
        return TOO_MANY_VOLUMES
    if wanted.by_node:
        assert node.obj is not None
        reasons = volumes.refuse(wanted, node.obj)
        if reasons:
            return Refusal("VolumeBinding", reasons)
    if wanted.zones and not volumes.in_zones(wanted.zones, node.labels):
        return WRONG_ZONE
    return None


def _check_others(node: NodeInfo, around: Surroundings) -> Refusal | None:
    """Topology spread and inter-pod affinity."""
    if around.spread is not None and (found := spread.check(around.spread, node)):
        return Refusal("PodTopologySpread", (found,), found == spread.SKEWED)
    if around.interpod is not None and (found := interpod.check(around.interpod, node)):
        return Refusal("InterPodAffinity", (found,), found != interpod.AFFINITY)
    return None
