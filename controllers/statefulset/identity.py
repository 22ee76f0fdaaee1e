"""Ordinals, names, and the pod that belongs to an ordinal.

The set `web` with `ordinals.start` 5 and 2 replicas has the pods `web-5` and `web-6`; with a claim
template `data` their claims are `data-web-5` and `data-web-6`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from miniplane.api.models.statefulset import StatefulSet
from miniplane.api.objects import Obj
from miniplane.api.resources import STATEFUL_SETS
from miniplane.controllers import pods
from miniplane.controllers.statefulset.replica import Replica


def pod_name(set_name: str, ordinal: int) -> str:
    return f"{set_name}-{ordinal}"


def claim_name(template: Mapping[str, Any], set_name: str, ordinal: int) -> str:
    return f"{template['metadata']['name']}-{set_name}-{ordinal}"


def labels_for(set_name: str, ordinal: int) -> dict[str, str]:
    """The labels that tell a pod who it is."""
    return {
        pods.POD_NAME_LABEL: pod_name(set_name, ordinal),
        pods.POD_INDEX_LABEL: str(ordinal),
    }


def storage_matches(set_: StatefulSet, pod: Replica) -> bool:
    """Whether the pod mounts the claim of every claim template."""
    templates = set_.spec.volume_claim_templates
    if not templates:
        return True
    mounted = dict(pod.claims)
    return all(
        mounted.get(t["metadata"]["name"]) == claim_name(t, set_.metadata.name, pod.ordinal)
        for t in templates
    )


def claim_volumes(set_: StatefulSet, ordinal: int) -> tuple[Obj, ...]:
    """The volumes through which a pod mounts its claims; each has its template's name."""
    name = set_.metadata.name
    return tuple(
        {
            "name": template["metadata"]["name"],
            "persistentVolumeClaim": {"claimName": claim_name(template, name, ordinal)},
        }
        for template in set_.spec.volume_claim_templates
    )


def with_claims(claims: Sequence[Obj], volumes: Sequence[Obj]) -> list[Obj]:
    """A pod's volumes with those of its claims first; others of the same name give way."""
    taken = dict.fromkeys(volume["name"] for volume in claims)
    return [*claims, *(volume for volume in volumes if volume["name"] not in taken)]


def new_pod(
    set_: StatefulSet, template: Obj, *, ordinal: int, revision: str, owner_ref: Obj
) -> Obj:
    """The pod of an ordinal, made from a revision's template.

    Its hostname is its name and its subdomain the set's service, so that DNS knows it as
    `web-0.nginx.default.svc.cluster.local`.
    """
    name = set_.metadata.name
    pod = pods.from_template(template, owner=name, owner_ref=owner_ref)
    metadata, spec = pod["metadata"], pod["spec"]
    metadata["name"] = pod_name(name, ordinal)
    metadata["namespace"] = set_.metadata.namespace
    metadata["labels"].update(labels_for(name, ordinal))
    metadata["labels"][pods.REVISION_LABEL] = revision
    spec["hostname"] = metadata["name"]
    if set_.spec.service_name:
        spec["subdomain"] = set_.spec.service_name
    if set_.spec.volume_claim_templates:
        spec["volumes"] = with_claims(claim_volumes(set_, ordinal), spec.get("volumes") or [])
    return pod


def owner_ref(set_: StatefulSet) -> Obj:
    """The controller reference of the set's pods, revisions and claims."""
    return {
        "apiVersion": STATEFUL_SETS.api_version,
        "kind": STATEFUL_SETS.kind,
        "name": set_.metadata.name,
        "uid": set_.metadata.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
