"""A claim for each claim template and pod, and who owns it when.

Claims outlive their pods: the pod that comes back finds the same storage. What ends them is
`spec.persistentVolumeClaimRetentionPolicy`, kept as owner references for the garbage collector:

    whenDeleted  whenScaled   owner while the pod is wanted   owner once it is scaled away
    Retain       Retain       nobody                          nobody
    Delete       Retain       the set                         the set
    Retain       Delete       nobody                          the pod
    Delete       Delete       the set                         the pod

A claim that something else controls is left alone.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from miniplane.api import objects
from miniplane.api.models.statefulset import StatefulSet
from miniplane.api.objects import Obj
from miniplane.controllers import owners
from miniplane.controllers.statefulset import identity

RETAIN, DELETE = "Retain", "Delete"


@dataclasses.dataclass(frozen=True, slots=True)
class ClaimView:
    """What a plan needs to know of a claim that is there."""

    name: str
    terminating: bool
    owners: tuple[Obj, ...]

    @classmethod
    def of(cls, claim: Mapping[str, Any]) -> "ClaimView":
        return cls(
            name=objects.name_of(claim),
            terminating=objects.is_terminating(claim),
            owners=tuple(owners.owner_references(claim)),
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Owning:
    """The owner references that a claim is to have.

    `conflict` tells that something else controls the claim, which is worth an event.
    """

    claim: str
    owners: tuple[Obj, ...]
    conflict: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """The pod for whose sake claims are looked at; one that is yet to be made has no uid."""

    ordinal: int
    name: str
    uid: str

    @property
    def ref(self) -> Obj:
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "name": self.name,
            "uid": self.uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }


def names_for(set_: StatefulSet, ordinal: int) -> Iterator[str]:
    for template in set_.spec.volume_claim_templates:
        yield identity.claim_name(template, set_.metadata.name, ordinal)


def new_claim(set_: StatefulSet, template: Obj, ordinal: int) -> Obj:
    """The claim of a template and a pod; it has the labels that the set selects by."""
    metadata = dict(template["metadata"])
    metadata["name"] = identity.claim_name(template, set_.metadata.name, ordinal)
    metadata["namespace"] = set_.metadata.namespace
    labels = {**(metadata.get("labels") or {}), **set_.spec.selector.match_labels}
    if labels:
        metadata["labels"] = labels
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata,
        "spec": template.get("spec") or {},
    }


def missing(
    set_: StatefulSet, claims: Mapping[str, ClaimView], ordinal: int
) -> tuple[tuple[Obj, ...], tuple[str, ...]]:
    """The claims to make for a pod, and the names of those that are on their way out."""
    absent: list[Obj] = []
    going: list[str] = []
    for template in set_.spec.volume_claim_templates:
        name = identity.claim_name(template, set_.metadata.name, ordinal)
        claim = claims.get(name)
        if claim is None:
            absent.append(new_claim(set_, template, ordinal))
        elif claim.terminating:
            going.append(name)
    return tuple(absent), tuple(going)


def is_stale(set_: StatefulSet, claims: Mapping[str, ClaimView], member: Member) -> bool:
    """Whether a claim still belongs to an earlier pod of that name, and goes with it.

    A new pod has to wait until it is gone, or it would lose its storage.
    """
    if set_.spec.persistent_volume_claim_retention_policy.when_scaled == RETAIN:
        return False
    found = (claims.get(name) for name in names_for(set_, member.ordinal))
    return any(_has_stale_owner(claim, member.ref) for claim in found if claim is not None)


def misowned(
    set_: StatefulSet, claims: Mapping[str, ClaimView], member: Member
) -> tuple[Owning, ...]:
    """The claims of a pod whose owners are not what the retention policy asks for."""
    if not set_.spec.volume_claim_templates:
        return ()
    set_ref, pod_ref = identity.owner_ref(set_), member.ref
    changes = []
    for name in names_for(set_, member.ordinal):
        claim = claims.get(name)
        if claim is None:
            continue
        conflict = _has_other_controller(set_, claim, set_ref, pod_ref)
        if not _is_right(set_, claim, member, set_ref, pod_ref, conflict=conflict):
            wanted = _wanted(set_, claim, member, set_ref, pod_ref, conflict=conflict)
            changes.append(Owning(name, wanted, conflict))
    return tuple(changes)


def _wants(set_: StatefulSet, member: Member) -> tuple[bool, bool]:
    """Whether the set, and whether the pod, should own the claims of the pod."""
    policy = set_.spec.persistent_volume_claim_retention_policy
    scaled_away = not set_.start <= member.ordinal < set_.end
    if policy.when_scaled == RETAIN:
        return policy.when_deleted == DELETE, False
    return policy.when_deleted == DELETE and not scaled_away, scaled_away


def _names(ref: Obj, other: Obj) -> bool:
    """Whether both point to an object of the same kind and name, be it another life of it."""
    return (
        ref.get("name") == other["name"]
        and ref.get("kind") == other["kind"]
        and ref.get("apiVersion") == other["apiVersion"]
    )


def _has_owner(claim: ClaimView, owner: Obj) -> bool:
    return any(ref.get("uid") == owner["uid"] for ref in claim.owners)


def _has_stale_owner(claim: ClaimView, owner: Obj) -> bool:
    for ref in claim.owners:
        if _names(ref, owner):
            return ref.get("uid") != owner["uid"]
    return False


def _has_other_controller(set_: StatefulSet, claim: ClaimView, set_ref: Obj, pod_ref: Obj) -> bool:
    policy = set_.spec.persistent_volume_claim_retention_policy
    if policy.when_scaled == RETAIN and policy.when_deleted == RETAIN:
        return False
    for ref in claim.owners:
        ours = next((own for own in (set_ref, pod_ref) if _names(ref, own)), None)
        if ours is not None:
            if ref.get("uid") != ours["uid"]:
                return True
        elif ref.get("controller"):
            return True
    return False


def _is_right(
    set_: StatefulSet,
    claim: ClaimView,
    member: Member,
    set_ref: Obj,
    pod_ref: Obj,
    *,
    conflict: bool,
) -> bool:
    if _has_stale_owner(claim, set_ref) or _has_stale_owner(claim, pod_ref):
        return True  # of an earlier life: the garbage collector's business
    by_set, by_pod = _has_owner(claim, set_ref), _has_owner(claim, pod_ref)
    if conflict:
        return not by_set and not by_pod
    ours = (set_ref["uid"], pod_ref["uid"])
    if any(ref.get("uid") in ours and not ref.get("controller") for ref in claim.owners):
        return False
    return (by_set, by_pod) == _wants(set_, member)


def _wanted(
    set_: StatefulSet,
    claim: ClaimView,
    member: Member,
    set_ref: Obj,
    pod_ref: Obj,
    *,
    conflict: bool,
) -> tuple[Obj, ...]:
    refs = [ref for ref in claim.owners if not _names(ref, set_ref) and not _names(ref, pod_ref)]
    if not conflict:
        set_wanted, pod_wanted = _wants(set_, member)
        if set_wanted:
            refs.append(set_ref)
        if pod_wanted:
            refs.append(pod_ref)
    return tuple(refs)
