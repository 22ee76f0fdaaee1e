"""A Deployment's ReplicaSets: which is the new one, their annotations and revisions (pure).

After `pkg/controller/deployment/util/deployment_util.go`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from miniplane.api import resources
from miniplane.api.objects import Obj, annotations_of, thaw
from miniplane.controllers import owners, revisions
from miniplane.controllers.scaling import scaled

HASH = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"
ROLLBACK_TO = "deprecated.deployment.rollback.to"
_OWN = (
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    REVISION_HISTORY,
    DESIRED,
    MAXIMUM,
    ROLLBACK_TO,
)
"""Annotations that are not copied from the Deployment to its ReplicaSets."""

_HISTORY_LENGTH = 2_000
"""Characters that the annotation of former revisions may take."""


def is_own_annotation(key: str) -> bool:
    """Whether an annotation says something of the object that has it alone."""
    return key in _OWN


def wanted_of(deployment: Mapping[str, Any]) -> int:
    """How many pods the Deployment is to have."""
    return deployment["spec"].get("replicas", 1)


def replicas(replica_set: Mapping[str, Any]) -> int:
    return replica_set["spec"].get("replicas", 0)


def count(replica_set: Mapping[str, Any], key: str) -> int:
    """A count in a ReplicaSet's status."""
    return (replica_set.get("status") or {}).get(key, 0)


def total(replica_sets: Iterable[Mapping[str, Any]]) -> int:
    return sum(replicas(rs) for rs in replica_sets)


def by_age(replica_sets: Iterable[Obj]) -> list[Obj]:
    return sorted(replica_sets, key=age_key)


def age_key(replica_set: Obj) -> tuple[str, str]:
    meta = replica_set["metadata"]
    return meta.get("creationTimestamp", ""), meta["name"]


def active(replica_sets: Iterable[Obj]) -> list[Obj]:
    return [rs for rs in replica_sets if replicas(rs) > 0]


def is_rolling(deployment: Mapping[str, Any]) -> bool:
    return deployment["spec"].get("strategy", {}).get("type", "RollingUpdate") != "Recreate"


def bounds(deployment: Mapping[str, Any]) -> tuple[int, int]:
    """maxSurge and maxUnavailable as numbers of pods. Not both are zero, unless no pods are wanted
    or all old ones go first."""
    if not is_rolling(deployment):
        return 0, 0
    rolling = deployment["spec"].get("strategy", {}).get("rollingUpdate") or {}
    wanted = wanted_of(deployment)
    surge = scaled(rolling.get("maxSurge", 0), wanted, round_up=True)
    unavailable = scaled(rolling.get("maxUnavailable", 0), wanted, round_up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return surge, min(unavailable, wanted)


def same_template(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two pod templates are equal but for the hash label."""
    return one.get("spec") == other.get("spec") and _plain(one) == _plain(other)


def _plain(template: Mapping[str, Any]) -> Obj:
    """The template's metadata without the hash."""
    meta = dict(template.get("metadata") or {})
    labels = {k: v for k, v in (meta.get("labels") or {}).items() if k != HASH}
    meta.pop("labels", None)
    meta.pop("creationTimestamp", None)
    return {**meta, "labels": labels}


def find_new(deployment: Obj, replica_sets: Iterable[Obj]) -> Obj | None:
    """The oldest ReplicaSet with the Deployment's present template."""
    template = deployment["spec"]["template"]
    equal = (rs for rs in replica_sets if same_template(rs["spec"].get("template") or {}, template))
    return min(equal, key=age_key, default=None)


def number_in(obj: Mapping[str, Any], annotation: str) -> int | None:
    """The number in an annotation, None without one."""
    try:
        return int(annotations_of(obj).get(annotation, ""))
    except ValueError:
        return None


def revision_of(obj: Mapping[str, Any]) -> int:
    return number_in(obj, REVISION) or 0


def next_revision(old: Iterable[Obj]) -> int:
    return max((revision_of(rs) for rs in old), default=0) + 1


def annotations(
    deployment: Obj, present: Mapping[str, str], revision: int, *, exists: bool
) -> dict[str, str]:
    """The annotations of the new ReplicaSet, which had `present` before.

    Where it `exists` and its revision rises, this is a rollback, and the history is noted. One with
    a revision that is no number is left alone.
    """
    out = dict(present)
    for key, value in annotations_of(deployment).items():
        if key not in _OWN:
            out[key] = value
    before = present.get(REVISION, "")
    if before and not before.isdigit():
        return dict(present)
    if int(before or 0) < revision:
        out[REVISION] = str(revision)
        if before and exists:
            out[REVISION_HISTORY] = _history(present.get(REVISION_HISTORY, ""), before)
    if not exists:
        out.update(size_annotations(deployment))
    return out


def _history(present: str, revision: str) -> str:
    """`1,3` and `5` give `1,3,5`; the oldest go when it gets too long."""
    numbers = [*filter(None, present.split(",")), revision]
    while len(numbers) > 1 and len(",".join(numbers)) > _HISTORY_LENGTH:
        del numbers[0]
    return ",".join(numbers)


def size_annotations(deployment: Obj) -> dict[str, str]:
    """What a ReplicaSet is told of the Deployment's size when it is scaled."""
    wanted = wanted_of(deployment)
    surge, _ = bounds(deployment)
    return {DESIRED: str(wanted), MAXIMUM: str(wanted + surge)}


def template_hash(deployment: Obj) -> str:
    collisions = (deployment.get("status") or {}).get("collisionCount", 0)
    return revisions.digest(deployment["spec"]["template"], collisions)


def build(deployment: Obj, old: Sequence[Obj], *, size: int) -> Obj:
    """The ReplicaSet for the Deployment's present template."""
    digest = template_hash(deployment)
    spec = deployment["spec"]
    template = thaw(spec["template"])
    meta = template.setdefault("metadata", {})
    meta["labels"] = {**(meta.get("labels") or {}), HASH: digest}
    selector = thaw(spec["selector"])
    selector["matchLabels"] = {**(selector.get("matchLabels") or {}), HASH: digest}
    new: Obj = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{deployment['metadata']['name']}-{digest}",
            "namespace": deployment["metadata"]["namespace"],
            "labels": dict(meta["labels"]),
            "annotations": annotations(deployment, {}, next_revision(old), exists=False),
            "ownerReferences": [owners.controller_ref(resources.DEPLOYMENTS, deployment)],
        },
        "spec": {"replicas": size, "selector": selector, "template": template},
    }
    if spec.get("minReadySeconds"):
        new["spec"]["minReadySeconds"] = spec["minReadySeconds"]
    return new
