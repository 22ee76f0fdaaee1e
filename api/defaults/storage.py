"""Defaults of the storage group (`pkg/apis/storage/v1/defaults.go`)."""

from miniplane.api.objects import Obj


def storage_class(obj: Obj) -> None:
    if obj.get("reclaimPolicy") is None:
        obj["reclaimPolicy"] = "Delete"
    if obj.get("volumeBindingMode") is None:
        obj["volumeBindingMode"] = "Immediate"


def csi_driver(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    for name, value in (
        ("attachRequired", True),
        ("podInfoOnMount", False),
        ("storageCapacity", False),
        ("fsGroupPolicy", "ReadWriteOnceWithFSType"),
        ("requiresRepublish", False),
        ("seLinuxMount", False),
    ):
        if spec.get(name) is None:
            spec[name] = value
    if not spec.get("volumeLifecycleModes"):
        spec["volumeLifecycleModes"] = ["Persistent"]


def volume_attachment(obj: Obj) -> None:
    """A claimless volume, spelled out inline, has a persistent volume's mode."""
    source = (obj.get("spec") or {}).get("source") or {}
    inline = source.get("inlineVolumeSpec")
    if inline is not None and inline.get("volumeMode") is None:
        inline["volumeMode"] = "Filesystem"
