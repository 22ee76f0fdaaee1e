"""Which volume a claim gets, and what becomes of a volume (pure).

After `pkg/controller/volume/persistentvolume/{pv_controller.go,index.go}`.

    claim   a volume fits  -> bind: the volume's claimRef first, then the claim's volumeName
            none fits      -> have one provisioned, or say in an event what is waited for
            bound before   -> see that both sides still say so
    volume  no claimRef -> Available; its claim is there -> Bound; its claim is gone -> Released,
            and reclaimed as its policy says
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from miniplane.api import quantity
from miniplane.api.objects import Obj, annotations_of, is_terminating, labels_of
from miniplane.api.selectors import labels as label_selectors

PROVISIONER_DOMAIN = "miniplane.dev/"
"""Provisioners of this domain are simulated: their claims get a volume at once."""
BUILT_IN = "kubernetes.io/"

BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
STORAGE_PROVISIONER = "volume.kubernetes.io/storage-provisioner"
BETA_STORAGE_PROVISIONER = "volume.beta.kubernetes.io/storage-provisioner"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"

_DRIVERS = {
    "kubernetes.io/aws-ebs": "ebs.csi.aws.com",
    "kubernetes.io/azure-disk": "disk.csi.azure.com",
    "kubernetes.io/azure-file": "file.csi.azure.com",
    "kubernetes.io/cinder": "cinder.csi.openstack.org",
    "kubernetes.io/gce-pd": "pd.csi.storage.gke.io",
    "kubernetes.io/portworx-volume": "pxd.portworx.com",
    "kubernetes.io/vsphere-volume": "csi.vsphere.vmware.com",
}
"""Built-in provisioners that are drivers of their own by now."""


@dataclasses.dataclass(frozen=True, slots=True)
class Bind:
    """Bind the claim to `volume`, or see that it is bound."""

    volume: Obj


@dataclasses.dataclass(frozen=True, slots=True)
class Provision:
    """Have a volume made: here if `simulated`, else by whoever listens to that name."""

    storage_class: Obj
    provisioner: str
    simulated: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Assign:
    """Give the claim the default storage class."""

    storage_class: str


@dataclasses.dataclass(frozen=True, slots=True)
class Tell:
    """The claim stays Pending; the event says why."""

    type: str
    reason: str
    message: str


@dataclasses.dataclass(frozen=True, slots=True)
class Lose:
    """The claim's volume is not its volume any more."""

    reason: str
    message: str


ClaimAction = Bind | Provision | Assign | Tell | Lose | None


def class_of(obj: Mapping[str, Any]) -> str:
    """The storage class that a claim or volume names, `""` for none."""
    annotations = annotations_of(obj)
    if BETA_CLASS in annotations:
        return annotations[BETA_CLASS]
    return obj["spec"].get("storageClassName") or ""


def refers_to(volume: Mapping[str, Any], claim: Mapping[str, Any]) -> bool:
    """Whether the volume is reserved for, or bound to, this very claim."""
    ref = volume["spec"].get("claimRef")
    meta = claim["metadata"]
    return (
        ref is not None
        and ref.get("name") == meta["name"]
        and ref.get("namespace") == meta["namespace"]
        and ref.get("uid", "") in ("", meta["uid"])
    )


def capacity(volume: Mapping[str, Any]) -> int:
    return quantity.value((volume["spec"].get("capacity") or {}).get("storage", "0"))


def requested(claim: Mapping[str, Any]) -> int:
    requests = (claim["spec"].get("resources") or {}).get("requests") or {}
    return quantity.value(requests.get("storage", "0"))


def same_mode(volume: Mapping[str, Any], claim: Mapping[str, Any]) -> bool:
    modes = (obj["spec"].get("volumeMode", "Filesystem") for obj in (volume, claim))
    return len(dict.fromkeys(modes)) == 1


def _modes(obj: Mapping[str, Any]) -> Sequence[str]:
    return obj["spec"].get("accessModes") or ()


def _has_modes(volume: Mapping[str, Any], claim: Mapping[str, Any]) -> bool:
    offered = _modes(volume)
    return all(mode in offered for mode in _modes(claim))


def mismatch(volume: Mapping[str, Any], claim: Mapping[str, Any]) -> str:
    """Why a claim cannot have the volume that it names, `""` if it can."""
    if is_terminating(volume):
        return f'the volume is marked for deletion "{volume["metadata"]["name"]}"'
    if capacity(volume) < requested(claim):
        return "requested PV is too small"
    if class_of(volume) != class_of(claim):
        return "storageClassName does not match"
    if not same_mode(volume, claim):
        return "incompatible volumeMode"
    if not _has_modes(volume, claim):
        return "incompatible accessMode"
    return ""


def choose(claim: Obj, volumes: Iterable[Obj], *, delayed: bool) -> Obj | None:
    """The volume for a claim that names none.

    Volumes with the fewest access modes are preferred; among equals the one that is reserved for
    the claim, else the smallest. A `delayed` claim gets none but a reserved one: the scheduler
    reserves it.
    """
    best: tuple[Any, ...] | None = None
    chosen = None
    wanted = requested(claim)
    selector = claim["spec"].get("selector")
    for volume in volumes:
        reserved = refers_to(volume, claim)
        size = capacity(volume)
        if is_terminating(volume) or size < wanted or not same_mode(volume, claim):
            continue
        if not _has_modes(volume, claim):
            continue
        if not reserved:
            if delayed or not is_free(volume) or class_of(volume) != class_of(claim):
                continue
            if selector and not label_selectors.from_obj(selector).matches(labels_of(volume)):
                continue
        rank = (len(_modes(volume)), not reserved, size, volume["metadata"]["name"])
        if best is None or rank < best:
            best, chosen = rank, volume
    return chosen


def is_free(volume: Mapping[str, Any]) -> bool:
    phase = (volume.get("status") or {}).get("phase")
    return volume["spec"].get("claimRef") is None and phase == "Available"


def plan_claim(
    claim: Obj,
    *,
    named: Obj | None,
    candidates: Callable[[], Iterable[Obj]],
    storage_class: Obj | None,
    default_class: str,
    waiting_pods: Callable[[], Sequence[str]],
) -> ClaimAction:
    """What is to be done for a claim; None: wait for something to happen.

    `named` is the volume that it names; `candidates` gives those that may fit; `waiting_pods` the
    names of its pods without a node.
    """
    if BIND_COMPLETED in annotations_of(claim):
        return _plan_bound(claim, named)
    if claim["spec"].get("volumeName"):
        return _plan_named(claim, named)
    delayed = (storage_class or {}).get("volumeBindingMode") == "WaitForFirstConsumer"
    volume = choose(claim, candidates(), delayed=delayed)
    if volume is not None:
        return Bind(volume)
    if default_class and not _has_class(claim):
        return Assign(default_class)
    if delayed and SELECTED_NODE not in annotations_of(claim):
        return _waits(waiting_pods())
    name = class_of(claim)
    if not name:
        message = "no persistent volumes available for this claim and no storage class is set"
        return Tell("Normal", "FailedBinding", message)
    if storage_class is None:
        message = f'storageclass.storage.k8s.io "{name}" not found'
        return Tell("Warning", "ProvisioningFailed", message)
    provisioner: str = storage_class.get("provisioner", "")
    driver = _DRIVERS.get(provisioner, provisioner)
    if driver.startswith(BUILT_IN):
        message = f"no volume plugin matched name: {provisioner}"
        return Tell("Warning", "ProvisioningFailed", message)
    if is_terminating(claim):
        return None
    return Provision(storage_class, driver, driver.startswith(PROVISIONER_DOMAIN))


def _plan_bound(claim: Obj, volume: Obj | None) -> ClaimAction:
    if not claim["spec"].get("volumeName"):
        what = "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!"
        return Lose("ClaimLost", what)
    if volume is None:
        what = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
        return Lose("ClaimLost", what)
    ref = volume["spec"].get("claimRef")
    if ref is None or ref.get("uid") == claim["metadata"]["uid"]:
        return Bind(volume)
    what = "Two claims are bound to the same volume, this one is bound incorrectly"
    return Lose("ClaimMisbound", what)


def _plan_named(claim: Obj, volume: Obj | None) -> ClaimAction:
    if volume is None:
        return None
    name = volume["metadata"]["name"]
    if volume["spec"].get("claimRef") is None:
        why = mismatch(volume, claim)
        if why:
            message = f'Cannot bind to requested volume "{name}": {why}'
            return Tell("Warning", "VolumeMismatch", message)
        return Bind(volume)
    if refers_to(volume, claim):
        return Bind(volume)
    message = f'volume "{name}" already bound to a different claim.'
    return Tell("Warning", "FailedBinding", message)


def _has_class(claim: Obj) -> bool:
    """Whether the claim says anything of a class, be it that it wants none."""
    return BETA_CLASS in annotations_of(claim) or claim["spec"].get("storageClassName") is not None


def _waits(pods: Sequence[str]) -> Tell:
    if not pods:
        message = "waiting for first consumer to be created before binding"
        return Tell("Normal", "WaitForFirstConsumer", message)
    which = f"pod {pods[0]}" if len(pods) == 1 else f"pods {','.join(pods)}"
    return Tell("Normal", "WaitForPodScheduled", f"waiting for {which} to be scheduled")


def default_class(classes: Iterable[Obj]) -> str:
    """The name of the default storage class: the newest that says it is, `""` without any."""
    marked = [c for c in classes if annotations_of(c).get(DEFAULT_CLASS) == "true"]
    marked.sort(key=lambda c: c["metadata"]["name"])
    newest = max(marked, key=lambda c: c["metadata"].get("creationTimestamp", ""), default=None)
    return newest["metadata"]["name"] if newest is not None else ""


@dataclasses.dataclass(frozen=True, slots=True)
class SetPhase:
    phase: str


@dataclasses.dataclass(frozen=True, slots=True)
class Release:
    """The claim is gone: note that, then do as the reclaim policy says."""


@dataclasses.dataclass(frozen=True, slots=True)
class Unbind:
    """Take back a reservation: the claim has got another volume."""


@dataclasses.dataclass(frozen=True, slots=True)
class SyncClaim:
    """The claim does not know of the volume yet: it has to be looked at."""


VolumeAction = SetPhase | Release | Unbind | SyncClaim


def plan_volume(volume: Obj, claim: Obj | None) -> VolumeAction:
    """`claim` is the one that the volume refers to, None where it is not there."""
    ref = volume["spec"].get("claimRef")
    if ref is None or not ref.get("uid"):
        return SetPhase("Available")
    if claim is None or claim["metadata"]["uid"] != ref["uid"]:
        return Release()
    named = claim["spec"].get("volumeName")
    if not named:
        return SyncClaim()
    if named == volume["metadata"]["name"]:
        return SetPhase("Bound")
    if PROVISIONED_BY in annotations_of(volume) and _policy(volume) == "Delete":
        return Release()
    return Unbind()


def _policy(volume: Obj) -> str:
    return volume["spec"].get("persistentVolumeReclaimPolicy", "Retain")


@dataclasses.dataclass(frozen=True, slots=True)
class Remove:
    """Delete the volume's object, as its storage is gone."""


@dataclasses.dataclass(frozen=True, slots=True)
class Recycle:
    """Make the volume available again, emptied."""


@dataclasses.dataclass(frozen=True, slots=True)
class Fail:
    """The storage could not be reclaimed: phase Failed, and an event that says why."""

    reason: str
    message: str


def plan_reclaim(volume: Obj) -> Remove | Recycle | Fail | None:
    """What the reclaim policy of a released volume means for it. None: somebody else's business.

    The storage of simulated provisioners goes at once; so do folders below `/tmp/`, the only ones
    that the real controller dares to remove.
    """
    policy, spec = _policy(volume), volume["spec"]
    if policy == "Recycle":
        if "hostPath" in spec or "nfs" in spec:
            return Recycle()
        return Fail("VolumeFailedRecycle", "No recycler plugin found for the volume!")
    if policy != "Delete":
        return None
    provisioner = annotations_of(volume).get(PROVISIONED_BY, "")
    if provisioner.startswith(PROVISIONER_DOMAIN):
        return Remove()
    if provisioner and not provisioner.startswith(BUILT_IN):
        return None
    if "hostPath" in spec:
        path = spec["hostPath"].get("path", "")
        if path.startswith("/tmp/") and len(path) > len("/tmp/"):
            return Remove()
        message = f"host_path deleter only supports /tmp/.+ but received provided {path}"
        return Fail("VolumeFailedDelete", message)
    name = volume["metadata"]["name"]
    why = "no deletable volume plugin matched"
    message = f'error getting deleter volume plugin for volume "{name}": {why}'
    return Fail("VolumeFailedDelete", message)
