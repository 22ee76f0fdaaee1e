"""Claims and volumes: protection while in use, and the default storage class."""

from typing import Any

from miniplane.api import errors, quantity, resources
from miniplane.api.objects import Obj
from miniplane.registry.admission.attributes import Attributes

DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
PROTECTION = {
    resources.PERSISTENT_VOLUME_CLAIMS: "kubernetes.io/pvc-protection",
    resources.PERSISTENT_VOLUMES: "kubernetes.io/pv-protection",
}


def in_use_protection(attributes: Attributes) -> None:
    """A finalizer keeps what is in use."""
    finalizer = PROTECTION.get(attributes.resource)
    if finalizer is None or attributes.operation != "CREATE":
        return
    metadata = attributes.obj["metadata"]
    finalizers = metadata.get("finalizers") or []
    if finalizer not in finalizers:
        metadata["finalizers"] = [*finalizers, finalizer]


def default_storage_class(attributes: Attributes) -> None:
    """A claim that names no class gets the default one; the empty name means: none."""
    if (
        attributes.operation != "CREATE"
        or attributes.resource is not resources.PERSISTENT_VOLUME_CLAIMS
    ):
        return
    obj = attributes.obj
    annotations = obj["metadata"].get("annotations") or {}
    if "storageClassName" in obj["spec"] or BETA_CLASS in annotations:
        return
    default = default_class(attributes.context.all(resources.STORAGE_CLASSES))
    if default is not None:
        obj["spec"]["storageClassName"] = default["metadata"]["name"]


def claim_resize(attributes: Attributes) -> None:
    """PersistentVolumeClaimResize: a claim grows once it is bound, if its class allows it."""
    if attributes.resource is not resources.PERSISTENT_VOLUME_CLAIMS or attributes.subresource:
        return
    obj, old = attributes.obj, attributes.old
    if attributes.operation != "UPDATE" or old is None:
        return
    new_size, old_size = _size(obj), _size(old)
    if new_size == old_size or quantity.compare(new_size, old_size) <= 0:
        return
    if (old.get("status") or {}).get("phase") != "Bound":
        why = "Only bound persistent volume claims can be expanded"
        raise errors.forbidden(attributes.resource, attributes.name, why)
    name = _class_name(obj)
    found = attributes.context.find(resources.STORAGE_CLASSES, "", name) if name else None
    if not name or name != _class_name(old) or not (found or {}).get("allowVolumeExpansion"):
        why = (
            "only dynamically provisioned pvc can be resized and the storageclass that provisions "
            "the pvc must support resize"
        )
        raise errors.forbidden(attributes.resource, attributes.name, why)


def _size(claim: Obj) -> str:
    requests = (claim["spec"].get("resources") or {}).get("requests") or {}
    return str(requests.get("storage", "0"))


def _class_name(claim: Obj) -> str:
    annotations = claim["metadata"].get("annotations") or {}
    return str(annotations.get(BETA_CLASS) or claim["spec"].get("storageClassName") or "")


def default_class(classes: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The default storage class: the newest of those marked so, by name where they are equal."""
    marked = [
        c for c in classes if (c["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) == "true"
    ]
    marked.sort(key=lambda c: c["metadata"]["name"])
    marked.sort(key=lambda c: c["metadata"]["creationTimestamp"], reverse=True)
    return marked[0] if marked else None
