"""Going back to an old revision by annotation (pure).

`deprecated.deployment.rollback.to` is what is left of a field that only extensions/v1beta1 had.
`kubectl rollout undo` patches the template itself; clients of old set the annotation, and the
controller does the rest. After `pkg/controller/deployment/rollback.go`.
"""

import dataclasses
import re
from collections.abc import Sequence

from miniplane.api.objects import Obj, annotations_of, thaw
from miniplane.controllers.deployment import replicasets as sets

_NUMBER = re.compile(r"[+-]?[0-9]{1,19}")
_LARGEST = 2**63 - 1


@dataclasses.dataclass(frozen=True, slots=True)
class Rollback:
    """The Deployment as it is to be written, without the annotation, and the event that tells of
    it. `done` is False where the template stays as it is."""

    deployment: Obj
    reason: str
    message: str
    done: bool = False


def target_of(deployment: Obj) -> int | None:
    """The revision to go back to, 0 for the one before the last. None: none is asked for."""
    text = annotations_of(deployment).get(sets.ROLLBACK_TO, "")
    if _NUMBER.fullmatch(text) is None or abs(int(text)) > _LARGEST:
        return None
    return int(text)


def plan(deployment: Obj, replica_sets: Sequence[Obj], target: int) -> Rollback:
    """`replica_sets` are all that the Deployment has, the new one among them."""
    stays = _without_request(deployment)
    if target == 0:
        target = _last_but_one(replica_sets)
        if target == 0:
            message = "Unable to find last revision."
            return Rollback(stays, "DeploymentRollbackRevisionNotFound", message)
    found = next((rs for rs in replica_sets if sets.revision_of(rs) == target), None)
    if found is None:
        message = "Unable to find the revision to rollback to."
        return Rollback(stays, "DeploymentRollbackRevisionNotFound", message)
    name = deployment["metadata"]["name"]
    template = found["spec"]["template"]
    if sets.same_template(deployment["spec"]["template"], template):
        message = f'The rollback revision contains the same template as current deployment "{name}"'
        return Rollback(stays, "DeploymentRollbackTemplateUnchanged", message)
    message = f'Rolled back deployment "{name}" to revision {target}'
    return Rollback(_with_template(stays, found), "DeploymentRollback", message, done=True)


def _last_but_one(replica_sets: Sequence[Obj]) -> int:
    """The second highest revision, 0 where there is none."""
    revisions = sorted(map(sets.revision_of, replica_sets), reverse=True)
    return max(0, revisions[1]) if len(revisions) > 1 else 0


def _without_request(deployment: Obj) -> Obj:
    out = thaw(deployment)
    del out["metadata"]["annotations"][sets.ROLLBACK_TO]
    return out


def _with_template(deployment: Obj, replica_set: Obj) -> Obj:
    """With the ReplicaSet's template, and with the annotations that were copied to it when it was
    the new one (`kubernetes.io/change-cause`, above all)."""
    template = thaw(replica_set["spec"]["template"])
    labels = template.setdefault("metadata", {}).get("labels") or {}
    template["metadata"]["labels"] = {k: v for k, v in labels.items() if k != sets.HASH}
    own = {k: v for k, v in annotations_of(deployment).items() if sets.is_own_annotation(k)}
    others = {k: v for k, v in annotations_of(replica_set).items() if not sets.is_own_annotation(k)}
    deployment["spec"]["template"] = template
    deployment["metadata"]["annotations"] = {**own, **others}
    return deployment
