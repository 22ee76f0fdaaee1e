"""The persistent volumes of a pod: whether its claims are bound, and to what, and where that is.

Follows the VolumeBinding plugin. A claim of a class with `volumeBindingMode:
WaitForFirstConsumer` is bound only when a pod that uses it has found a node: the scheduler then
reserves a volume that is there (`claimRef`), or tells the provisioner the node in an annotation
of the claim (https://kubernetes.io/docs/concepts/storage/storage-classes/#volume-binding-mode).
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence

from miniplane.api import quantity
from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj
from miniplane.api.selectors import labels as label_selectors
from miniplane.api.selectors import nodes as node_selectors

SELECTED_NODE = "volume.kubernetes.io/selected-node"
BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
NO_PROVISIONER = "kubernetes.io/no-provisioner"

UNBOUND = "pod has unbound immediate PersistentVolumeClaims"
WRONG_NODE = "node(s) didn't match PersistentVolume's node affinity"
NO_VOLUME = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"
NOTHING_TO_BIND = "node(s) didn't find available persistent volumes to bind"

Lookup = Callable[[str], Obj | None]


@dataclasses.dataclass(frozen=True, slots=True)
class Delayed:
    """A claim that is bound once its first consumer has a node."""

    claim: Obj
    candidates: tuple[Obj, ...]
    """Volumes that would do, the smallest first."""
    provisioned: bool
    """Whether the class can make a volume on any node that its topologies allow."""
    topologies: tuple[Obj, ...] = ()


Zone = tuple[str, frozenset[str]]
"""A topology label, and the values of it that a volume can be used with."""


@dataclasses.dataclass(frozen=True, slots=True)
class Volumes:
    """What the volumes of a pod mean for where it can go."""

    problem: str = ""
    """Why no node at all will do."""
    bound: tuple[Obj, ...] = ()
    """Volumes whose node affinity binds the pod."""
    missing: bool = False
    """A claim is bound to a volume that does not exist."""
    delayed: tuple[Delayed, ...] = ()
    waiting: bool = False
    """A claim has been told its node, but is not bound yet."""
    one_pod: tuple[str, ...] = ()
    """Keys of claims that one pod alone may use."""
    zones: tuple["Zone", ...] = ()
    """Where the volumes are, by their labels."""

    @property
    def by_node(self) -> bool:
        return bool(self.bound or self.missing or self.delayed)


NONE = Volumes()


def claim_names(pod: Obj) -> list[tuple[str, bool]]:
    """The names of the claims that a pod uses, each with whether it is a generic ephemeral one."""
    names = []
    for volume in pod["spec"].get("volumes") or ():
        if claim := volume.get("persistentVolumeClaim"):
            names.append((claim["claimName"], False))
        elif "ephemeral" in volume:
            names.append((f"{pod['metadata']['name']}-{volume['name']}", True))
    return names


def survey(
    pod: Obj,
    *,
    claim: Lookup,
    volume: Lookup,
    storage_class: Lookup,
    volumes: Callable[[], Iterable[Obj]],
) -> Volumes:
    """Look up the claims of `pod` and what they are bound to. The look-ups are by name."""
    names = claim_names(pod)
    if not names:
        return NONE
    claims: list[tuple[Obj, bool]] = []
    for name, ephemeral in names:
        found = claim(name)
        problem = _problem(pod, name, found, ephemeral=ephemeral)
        if problem:
            return Volumes(problem=problem)
        assert found is not None
        claims.append((found, ephemeral))

    bound: list[Obj] = []
    delayed: list[Delayed] = []
    one_pod: list[str] = []
    zones: list[Zone] = []
    lost = ""
    missing = waiting = False
    for found, ephemeral in claims:
        spec, meta = found["spec"], found["metadata"]
        if "ReadWriteOncePod" in (spec.get("accessModes") or ()):
            one_pod.append(f"{meta['namespace']}/{meta['name']}")
        annotations = meta.get("annotations") or {}
        if spec.get("volumeName") and "pv.kubernetes.io/bind-completed" in annotations:
            if (named := volume(spec["volumeName"])) is not None:
                bound.append(named)
                zones += () if ephemeral else _zones(named)
            else:
                missing = True
                if not ephemeral:
                    lost = lost or f'persistentvolume "{spec["volumeName"]}" not found'
            continue
        name = spec.get("storageClassName") or ""
        kind = storage_class(name) if name else None
        if kind is None or kind.get("volumeBindingMode") != "WaitForFirstConsumer":
            return Volumes(problem=UNBOUND)
        there = list(volumes())
        if spec.get("volumeName") or SELECTED_NODE in annotations or _is_reserved(found, there):
            waiting = True
            continue
        delayed.append(
            Delayed(
                found,
                tuple(_candidates(found, there)),
                kind.get("provisioner") != NO_PROVISIONER,
                tuple(kind.get("allowedTopologies") or ()),
            )
        )
    if lost:
        return Volumes(problem=lost)
    return Volumes(
        bound=tuple(v for v in bound if (v["spec"].get("nodeAffinity") or {}).get("required")),
        missing=missing,
        delayed=tuple(delayed),
        waiting=waiting,
        one_pod=tuple(one_pod),
        zones=tuple(zones),
    )


def _problem(pod: Obj, name: str, claim: Obj | None, *, ephemeral: bool) -> str:
    if claim is None:
        if ephemeral:
            return (
                "waiting for ephemeral volume controller to create the "
                f'persistentvolumeclaim "{name}"'
            )
        return f'persistentvolumeclaim "{name}" not found'
    if (claim.get("status") or {}).get("phase") == "Lost":
        volume = claim["spec"].get("volumeName", "")
        return f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{volume}"'
    if "deletionTimestamp" in claim["metadata"]:
        return f'persistentvolumeclaim "{name}" is being deleted'
    if ephemeral:
        owners = claim["metadata"].get("ownerReferences") or ()
        meta = pod["metadata"]
        if not any(o.get("uid") == meta["uid"] and o.get("controller") for o in owners):
            return (
                f"PVC {meta['namespace']}/{name} was not created for pod "
                f"{meta['namespace']}/{meta['name']} (pod is not owner)"
            )
    return ""


_TOPOLOGY = {
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region": "topology.kubernetes.io/region",
}
"""The labels that tell where a volume or a node is, each with its present name."""


def _zones(volume: Obj) -> list[Zone]:
    """Where a volume can be used; several values of a label are parted by `__`."""
    labels = volume["metadata"].get("labels") or {}
    found: list[Zone] = []
    for key in _TOPOLOGY:
        if key in labels:
            values = [value.strip() for value in labels[key].split("__")]
            if all(values):  # any other label is not understood
                found.append((key, frozenset(values)))
    return found


def in_zones(zones: Sequence[Zone], labels: Mapping[str, str]) -> bool:
    """Whether volumes that are there can be used from a node with these labels. A node that does
    not say where it is can use any."""
    if not any(key in labels for key in _TOPOLOGY):
        return True
    return all(labels.get(key, labels.get(_TOPOLOGY[key], "")) in values for key, values in zones)


def _is_reserved(claim: Obj, volumes: Iterable[Obj]) -> bool:
    """Whether a volume is kept for the claim already."""
    uid = claim["metadata"]["uid"]
    return any((v["spec"].get("claimRef") or {}).get("uid") == uid for v in volumes)


def _candidates(claim: Obj, volumes: Iterable[Obj]) -> list[Obj]:
    """Volumes that a claim could be bound to, the smallest first."""
    spec = claim["spec"]
    wanted = quantity.parse(((spec.get("resources") or {}).get("requests") or {}).get("storage", 0))
    modes = spec.get("accessModes") or ()
    selector = spec.get("selector")
    try:
        labels = label_selectors.from_obj(selector) if selector else label_selectors.EVERYTHING
    except StatusError:
        labels = label_selectors.NOTHING
    found: list[tuple[quantity.Quantity, str, Obj]] = []
    for volume in volumes:
        there, meta = volume["spec"], volume["metadata"]
        if (
            there.get("claimRef")
            or "deletionTimestamp" in meta
            or (volume.get("status") or {}).get("phase") != "Available"
            or (there.get("storageClassName") or "") != (spec.get("storageClassName") or "")
            or (there.get("volumeMode") or "Filesystem") != (spec.get("volumeMode") or "Filesystem")
            or any(mode not in (there.get("accessModes") or ()) for mode in modes)
            or not labels.matches(meta.get("labels") or {})
        ):
            continue
        size = quantity.parse((there.get("capacity") or {}).get("storage", 0))
        if size >= wanted:
            found.append((size, meta["name"], volume))
    found.sort(key=lambda item: (item[0], item[1]))
    return [volume for _, _, volume in found]


def suits(volume: Obj, node: Obj) -> bool:
    """Whether the node affinity of a volume admits the node."""
    required = (volume["spec"].get("nodeAffinity") or {}).get("required")
    return not required or node_selectors.node_selector_matches(required, node)


def refuse(wanted: Volumes, node: Obj) -> tuple[str, ...]:
    """The reasons why the volumes cannot be had on the node; empty if they can."""
    reasons: list[str] = []
    if wanted.missing:
        reasons.append(NO_VOLUME)
    if any(not suits(volume, node) for volume in wanted.bound):
        reasons.append(WRONG_NODE)
    if wanted.delayed and choose(wanted, node) is None:
        reasons.append(NOTHING_TO_BIND)
    return tuple(reasons)


def choose(wanted: Volumes, node: Obj) -> list[tuple[Obj, Obj | None]] | None:
    """For each delayed claim the volume it gets on the node, or None where one is to be
    provisioned. None in all where the node will not do."""
    chosen: list[tuple[Obj, Obj | None]] = []
    taken: list[str] = []
    for delayed in wanted.delayed:
        for volume in delayed.candidates:
            name = volume["metadata"]["name"]
            if name not in taken and suits(volume, node):
                taken.append(name)
                chosen.append((delayed.claim, volume))
                break
        else:
            if not delayed.provisioned or not _allowed(delayed.topologies, node):
                return None
            chosen.append((delayed.claim, None))
    return chosen


def _allowed(topologies: Sequence[Obj], node: Obj) -> bool:
    """Whether the node is in one of a storage class's allowed topologies (none means anywhere)."""
    labels = node["metadata"].get("labels") or {}
    return not topologies or any(
        all(
            labels.get(e.get("key")) in (e.get("values") or ())
            for e in topology.get("matchLabelExpressions") or ()
        )
        for topology in topologies
    )


def reserved(volume: Obj, claim: Obj) -> Obj:
    """The volume, kept for the claim: the binder of volumes does the rest."""
    meta, owner = volume["metadata"], claim["metadata"]
    annotations = {**(meta.get("annotations") or {}), BOUND_BY_CONTROLLER: "yes"}
    claim_ref = {
        "kind": "PersistentVolumeClaim",
        "apiVersion": "v1",
        "namespace": owner["namespace"],
        "name": owner["name"],
        "uid": owner["uid"],
        "resourceVersion": owner["resourceVersion"],
    }
    return {
        **volume,
        "metadata": {**meta, "annotations": annotations},
        "spec": {**volume["spec"], "claimRef": claim_ref},
    }
