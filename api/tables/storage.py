"""Rows of volumes, claims, storage classes and the CSI kinds."""

from typing import Any

from miniplane.api.objects import Obj
from miniplane.api.tables.model import AGE, NAME, Column, Printer, doc, printer
from miniplane.api.tables.parts import (
    NONE,
    UNSET,
    age,
    annotation,
    as_text,
    deleted,
    flag,
    listed,
    name,
    parts,
    text,
    texts,
    value,
)

_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}


def _access_modes(obj: Obj, *path: str) -> str:
    modes = texts(obj, *path)
    return ",".join(short for mode, short in _MODES.items() if mode in modes)


def _class(obj: Obj) -> str:
    """The storage class; the annotation from before the field existed still wins."""
    old = annotation(obj, "volume.beta.kubernetes.io/storage-class")
    return text(obj, "spec", "storageClassName") if old is None else old


def _optional(obj: Obj, *path: str) -> str:
    found = value(obj, *path)
    return UNSET if found is None else as_text(found)


def _phase(obj: Obj) -> str:
    return "Terminating" if deleted(obj) else text(obj, "status", "phase")


def _persistent_volume(obj: Obj, now: float) -> list[Any]:
    claim = value(obj, "spec", "claimRef")
    return [
        name(obj),
        text(obj, "spec", "capacity", "storage") or "0",
        _access_modes(obj, "spec", "accessModes"),
        text(obj, "spec", "persistentVolumeReclaimPolicy"),
        _phase(obj),
        "" if claim is None else f"{text(claim, 'namespace')}/{text(claim, 'name')}",
        _class(obj),
        _optional(obj, "spec", "volumeAttributesClassName"),
        text(obj, "status", "reason"),
        age(obj, now),
        _optional(obj, "spec", "volumeMode"),
    ]


def _persistent_volume_claim(obj: Obj, now: float) -> list[Any]:
    volume = text(obj, "spec", "volumeName")
    return [
        name(obj),
        _phase(obj),
        volume,
        (text(obj, "status", "capacity", "storage") or "0") if volume else "",
        _access_modes(obj, "status", "accessModes") if volume else "",
        _class(obj),
        _optional(obj, "spec", "volumeAttributesClassName"),
        age(obj, now),
        _optional(obj, "spec", "volumeMode"),
    ]


def _is_default(obj: Obj, *annotations: str) -> bool:
    return any(annotation(obj, key) == "true" for key in annotations)


def _storage_class(obj: Obj, now: float) -> list[Any]:
    default = _is_default(
        obj,
        "storageclass.kubernetes.io/is-default-class",
        "storageclass.beta.kubernetes.io/is-default-class",
    )
    return [
        f"{name(obj)} (default)" if default else name(obj),
        text(obj, "provisioner"),
        text(obj, "reclaimPolicy") or "Delete",
        text(obj, "volumeBindingMode") or "Immediate",
        flag(obj, "allowVolumeExpansion"),
        age(obj, now),
    ]


def _volume_attributes_class(obj: Obj, now: float) -> list[Any]:
    default = _is_default(obj, "volumeattributesclass.alpha.kubernetes.io/is-default-class")
    shown = f"{name(obj)} (default)" if default else name(obj)
    return [shown, text(obj, "driverName"), age(obj, now)]


def _volume_attachment(obj: Obj, now: float) -> list[Any]:
    return [
        name(obj),
        text(obj, "spec", "attacher"),
        text(obj, "spec", "source", "persistentVolumeName"),
        text(obj, "spec", "nodeName"),
        flag(obj, "status", "attached"),
        age(obj, now),
    ]


def _csi_node(obj: Obj, now: float) -> list[Any]:
    return [name(obj), len(listed(obj, "spec", "drivers")), age(obj, now)]


def _csi_driver(obj: Obj, now: float) -> list[Any]:
    tokens = UNSET
    if value(obj, "spec", "tokenRequests") is not None:
        tokens = ",".join(text(t, "audience") for t in parts(obj, "spec", "tokenRequests"))
    return [
        name(obj),
        flag(obj, "spec", "attachRequired", default=True),
        flag(obj, "spec", "podInfoOnMount"),
        flag(obj, "spec", "storageCapacity"),
        tokens,
        flag(obj, "spec", "requiresRepublish"),
        ",".join(texts(obj, "spec", "volumeLifecycleModes")) or NONE,
        age(obj, now),
    ]


def _csi_storage_capacity(obj: Obj, now: float) -> list[Any]:
    return [name(obj), text(obj, "storageClassName"), _optional(obj, "capacity")]


_PV, _PVC = "core.v1.PersistentVolumeSpec", "core.v1.PersistentVolumeClaimSpec"
_PV_STATUS, _PVC_STATUS = "core.v1.PersistentVolumeStatus", "core.v1.PersistentVolumeClaimStatus"
_CLASS, _DRIVER = "storage.v1.StorageClass", "storage.v1.CSIDriverSpec"
_GROUP = "storage.k8s.io"

PRINTERS: dict[tuple[str, str], Printer] = {
    ("", "PersistentVolume"): printer(
        _persistent_volume,
        NAME,
        Column("Capacity", "string", doc(_PV, "capacity")),
        Column("Access Modes", "string", doc(_PV, "accessModes")),
        Column("Reclaim Policy", "string", doc(_PV, "persistentVolumeReclaimPolicy")),
        Column("Status", "string", doc(_PV_STATUS, "phase")),
        Column("Claim", "string", doc(_PV, "claimRef")),
        Column("StorageClass", "string", "StorageClass of the pv"),
        Column("VolumeAttributesClass", "string", "VolumeAttributesClass of the pv"),
        Column("Reason", "string", doc(_PV_STATUS, "reason")),
        AGE,
        Column("VolumeMode", "string", doc(_PV, "volumeMode"), 1),
    ),
    ("", "PersistentVolumeClaim"): printer(
        _persistent_volume_claim,
        NAME,
        Column("Status", "string", doc(_PVC_STATUS, "phase")),
        Column("Volume", "string", doc(_PVC, "volumeName")),
        Column("Capacity", "string", doc(_PVC_STATUS, "capacity")),
        Column("Access Modes", "string", doc(_PVC_STATUS, "accessModes")),
        Column("StorageClass", "string", "StorageClass of the pvc"),
        Column("VolumeAttributesClass", "string", "VolumeAttributesClass of the pvc"),
        AGE,
        Column("VolumeMode", "string", doc(_PVC, "volumeMode"), 1),
    ),
    (_GROUP, "StorageClass"): printer(
        _storage_class,
        NAME,
        Column("Provisioner", "string", doc(_CLASS, "provisioner")),
        Column("ReclaimPolicy", "string", doc(_CLASS, "reclaimPolicy")),
        Column("VolumeBindingMode", "string", doc(_CLASS, "volumeBindingMode")),
        Column("AllowVolumeExpansion", "string", doc(_CLASS, "allowVolumeExpansion")),
        AGE,
    ),
    (_GROUP, "VolumeAttributesClass"): printer(
        _volume_attributes_class,
        NAME,
        Column("DriverName", "string", doc("storage.v1.VolumeAttributesClass", "driverName")),
        AGE,
    ),
    (_GROUP, "VolumeAttachment"): printer(
        _volume_attachment,
        NAME,
        Column(
            "Attacher", "string", doc("storage.v1.VolumeAttachmentSpec", "attacher"), format="name"
        ),
        Column("PV", "string", doc("storage.v1.VolumeAttachmentSource", "persistentVolumeName")),
        Column("Node", "string", doc("storage.v1.VolumeAttachmentSpec", "nodeName")),
        Column("Attached", "boolean", doc("storage.v1.VolumeAttachmentStatus", "attached")),
        AGE,
    ),
    (_GROUP, "CSINode"): printer(
        _csi_node,
        NAME,
        Column(
            "Drivers",
            "integer",
            "Drivers indicates the number of CSI drivers registered on the node",
        ),
        AGE,
    ),
    (_GROUP, "CSIDriver"): printer(
        _csi_driver,
        NAME,
        Column("AttachRequired", "boolean", doc(_DRIVER, "attachRequired")),
        Column("PodInfoOnMount", "boolean", doc(_DRIVER, "podInfoOnMount")),
        Column("StorageCapacity", "boolean", doc(_DRIVER, "storageCapacity")),
        Column("TokenRequests", "string", doc(_DRIVER, "tokenRequests")),
        Column("RequiresRepublish", "boolean", doc(_DRIVER, "requiresRepublish")),
        Column("Modes", "string", doc(_DRIVER, "volumeLifecycleModes")),
        AGE,
    ),
    (_GROUP, "CSIStorageCapacity"): printer(
        _csi_storage_capacity,
        NAME,
        Column(
            "StorageClassName", "string", doc("storage.v1.CSIStorageCapacity", "storageClassName")
        ),
        Column("Capacity", "string", doc("storage.v1.CSIStorageCapacity", "capacity")),
    ),
}
