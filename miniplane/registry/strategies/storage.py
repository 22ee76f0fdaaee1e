"""Volumes, claims, classes and attachments, and the devices that are claimed likewise."""

from typing import Any

from miniplane.api.objects import Obj
from miniplane.registry.context import Context
from miniplane.registry.strategy import Strategy


class PersistentVolumeStrategy(Strategy):
    returns_deleted = True

    def prepare_for_create(self, obj: Obj, context: Context) -> None:
        obj["status"] = {
            "phase": "Pending",
            "lastPhaseTransitionTime": context.clock.rfc3339(),
        }

    def prepare_for_status(self, obj: Obj, old: Obj, context: Context) -> None:
        super().prepare_for_status(obj, old, context)
        before = old.get("status") or {}
        status = obj.setdefault("status", {})
        if status.get("phase") != before.get("phase"):
            stamp = status.get("lastPhaseTransitionTime")
            if not stamp or stamp == before.get("lastPhaseTransitionTime"):
                status["lastPhaseTransitionTime"] = context.clock.rfc3339()
        elif "lastPhaseTransitionTime" in before:
            status.setdefault("lastPhaseTransitionTime", before["lastPhaseTransitionTime"])


class PersistentVolumeClaimStrategy(Strategy):
    returns_deleted = True

    def prepare_for_create(self, obj: Obj, context: Context) -> None:
        super().prepare_for_create(obj, context)
        _one_source(obj["spec"])

    def initial_status(self, obj: Obj) -> None:
        obj["status"] = {"phase": "Pending"}


_SOURCES = (("PersistentVolumeClaim", ""), ("VolumeSnapshot", "snapshot.storage.k8s.io"))


def _one_source(spec: dict[str, Any]) -> None:
    """Make `dataSource` and `dataSourceRef` say the same.

    Follows `pkg/api/persistentvolumeclaim/util.go`. The older field never held anything but claims
    and snapshots; namespaces in the newer one are behind a feature that is off.
    """
    if (spec.get("dataSourceRef") or {}).get("namespace"):
        del spec["dataSourceRef"]
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    if reference is None and source is not None:
        if (source.get("kind"), source.get("apiGroup") or "") in _SOURCES:
            spec["dataSourceRef"] = dict(source)
        else:
            del spec["dataSource"]
    elif reference is not None and source is None:
        spec["dataSource"] = dict(reference)


class StorageClassStrategy(Strategy):
    returns_deleted = True


class Driven(Strategy):
    """What drivers write: they have to say which revision they have seen."""

    unconditional_update = False


class DrivenReturned(Driven):
    returns_deleted = True


_CHANGEABLE = (
    "tokenRequests",
    "requiresRepublish",
    "seLinuxMount",
    "nodeAllocatableUpdatePeriodSeconds",
)


class CSIDriverStrategy(DrivenReturned):
    """Has no generation until something changes that may."""

    generation = True

    def prepare_for_create(self, obj: Obj, context: Context) -> None:
        super().prepare_for_create(obj, context)
        del obj["metadata"]["generation"]

    def spec_changed(self, obj: Obj, old: Obj) -> bool:
        return any(obj["spec"].get(key) != old["spec"].get(key) for key in _CHANGEABLE)


class VolumeAttachmentStrategy(DrivenReturned):
    def initial_status(self, obj: Obj) -> None:
        obj["status"] = {"attached": False}


class ReturnsDeleted(Strategy):
    returns_deleted = True


class Devices(Strategy):
    """Classes and slices of devices."""

    generation = True
    returns_deleted = True


STRATEGIES: dict[tuple[str, str], type[Strategy]] = {
    ("", "PersistentVolume"): PersistentVolumeStrategy,
    ("", "PersistentVolumeClaim"): PersistentVolumeClaimStrategy,
    ("storage.k8s.io", "StorageClass"): StorageClassStrategy,
    ("storage.k8s.io", "VolumeAttachment"): VolumeAttachmentStrategy,
    ("storage.k8s.io", "CSIDriver"): CSIDriverStrategy,
    ("storage.k8s.io", "CSINode"): DrivenReturned,
    ("storage.k8s.io", "CSIStorageCapacity"): Driven,
    ("storage.k8s.io", "VolumeAttributesClass"): ReturnsDeleted,
    ("resource.k8s.io", "DeviceClass"): Devices,
    ("resource.k8s.io", "ResourceSlice"): Devices,
    ("resource.k8s.io", "ResourceClaim"): ReturnsDeleted,
    ("resource.k8s.io", "ResourceClaimTemplate"): ReturnsDeleted,
}
