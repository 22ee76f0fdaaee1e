"""Claims and volumes as they are written (pure)."""

from collections.abc import Mapping

from miniplane.api.objects import Obj, annotations_of
from miniplane.controllers.volumes import plan


def annotated(obj: Obj, changes: Mapping[str, str | None]) -> Obj:
    """The object with these annotations; None takes one away."""
    annotations = {**annotations_of(obj), **changes}
    kept = {key: value for key, value in annotations.items() if value is not None}
    return {**obj, "metadata": {**obj["metadata"], "annotations": kept}}


def claim_ref(claim: Obj) -> Obj:
    meta = claim["metadata"]
    return {
        "kind": "PersistentVolumeClaim",
        "namespace": meta["namespace"],
        "name": meta["name"],
        "uid": meta["uid"],
        "apiVersion": "v1",
        "resourceVersion": meta["resourceVersion"],
    }


def provisioned(claim: Obj, storage_class: Obj, provisioner: str) -> Obj:
    """The volume that a simulated provisioner makes for a claim: a folder on the host."""
    name = f"pvc-{claim['metadata']['uid']}"
    spec: Obj = {
        "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
        "accessModes": list(claim["spec"].get("accessModes") or ()),
        "claimRef": claim_ref(claim),
        "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
        "storageClassName": storage_class["metadata"]["name"],
        "volumeMode": claim["spec"].get("volumeMode", "Filesystem"),
        "hostPath": {"path": f"/var/lib/miniplane/volumes/{name}", "type": "DirectoryOrCreate"},
    }
    if storage_class.get("mountOptions"):
        spec["mountOptions"] = list(storage_class["mountOptions"])
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {plan.PROVISIONED_BY: provisioner}},
        "spec": spec,
    }


def bound_volume(volume: Obj, claim: Obj) -> Obj | None:
    """The volume with a reference to its claim; None if it has that."""
    if (volume["spec"].get("claimRef") or {}).get("uid") == claim["metadata"]["uid"]:
        return None
    if not plan.refers_to(volume, claim):
        volume = annotated(volume, {plan.BOUND_BY_CONTROLLER: "yes"})
    return {**volume, "spec": {**volume["spec"], "claimRef": claim_ref(claim)}}


def unbound_volume(volume: Obj) -> Obj:
    """The volume without what the controller put on it; a user's reservation stays one."""
    spec = dict(volume["spec"])
    if plan.BOUND_BY_CONTROLLER not in annotations_of(volume):
        spec["claimRef"] = {k: v for k, v in spec["claimRef"].items() if k != "uid"}
        return {**volume, "spec": spec}
    del spec["claimRef"]
    return {**annotated(volume, {plan.BOUND_BY_CONTROLLER: None}), "spec": spec}


def recycled_volume(volume: Obj) -> Obj:
    """The volume without any trace of a claim."""
    spec = {k: v for k, v in volume["spec"].items() if k != "claimRef"}
    return {**annotated(volume, {plan.BOUND_BY_CONTROLLER: None}), "spec": spec}


def bound_claim(claim: Obj, volume: Obj) -> Obj | None:
    """The claim with its volume's name; None if it has that."""
    annotations = annotations_of(claim)
    name = volume["metadata"]["name"]
    if claim["spec"].get("volumeName") == name and plan.BIND_COMPLETED in annotations:
        return None
    changes: dict[str, str | None] = {plan.BIND_COMPLETED: "yes"}
    if claim["spec"].get("volumeName") != name:
        changes[plan.BOUND_BY_CONTROLLER] = "yes"
    return {**annotated(claim, changes), "spec": {**claim["spec"], "volumeName": name}}


def bound_status(claim: Obj, volume: Obj) -> Obj | None:
    """The claim's status once it is bound to `volume`; None if it is that."""
    before = claim.get("status") or {}
    modes = list(volume["spec"].get("accessModes") or ())
    after = {**before, "phase": "Bound", "accessModes": modes}
    if before.get("phase") != "Bound":
        after["capacity"] = dict(volume["spec"].get("capacity") or {})
    return None if after == before else after
