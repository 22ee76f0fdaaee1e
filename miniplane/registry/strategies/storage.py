"""Volumes, claims, classes and attachments."""

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

    def initial_status(self, obj: Obj) -> None:
        obj["status"] = {"phase": "Pending"}


class StorageClassStrategy(Strategy):
    returns_deleted = True


class Driven(Strategy):
    """What drivers write: they have to say which revision they have seen."""

    returns_deleted = True
    unconditional_update = False


class VolumeAttachmentStrategy(Driven):
    def initial_status(self, obj: Obj) -> None:
        obj["status"] = {"attached": False}


class ReturnsDeleted(Strategy):
    returns_deleted = True


STRATEGIES: dict[tuple[str, str], type[Strategy]] = {
    ("", "PersistentVolume"): PersistentVolumeStrategy,
    ("", "PersistentVolumeClaim"): PersistentVolumeClaimStrategy,
    ("storage.k8s.io", "StorageClass"): StorageClassStrategy,
    ("storage.k8s.io", "VolumeAttachment"): VolumeAttachmentStrategy,
    ("storage.k8s.io", "CSIDriver"): Driven,
    ("storage.k8s.io", "CSINode"): Driven,
    ("storage.k8s.io", "CSIStorageCapacity"): Driven,
    ("storage.k8s.io", "VolumeAttributesClass"): ReturnsDeleted,
}
