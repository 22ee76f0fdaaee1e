"""Defaults of volumes and claims (`pkg/apis/core/v1/defaults.go`)."""

from miniplane.api.defaults.images import pull_policy
from miniplane.api.defaults.quantities import round_up, round_up_requirements
from miniplane.api.objects import Obj

_FILE_MODE = 420
_HOUR = 3600


def volume(obj: Obj) -> None:
    """One entry of a pod's `volumes`; without a source it is an empty directory."""
    sourceless = True
    for name, source in obj.items():
        if name != "name" and source is not None:
            sourceless = False
            fill = _SOURCES.get(name)
            if fill is not None:
                fill(source)
    if sourceless:
        obj["emptyDir"] = {}


def persistent_volume(obj: Obj) -> None:
    status = obj.setdefault("status", {})
    if not status.get("phase"):
        status["phase"] = "Pending"
    spec = obj.setdefault("spec", {})
    if not spec.get("persistentVolumeReclaimPolicy"):
        spec["persistentVolumeReclaimPolicy"] = "Retain"
    if spec.get("volumeMode") is None:
        spec["volumeMode"] = "Filesystem"
    round_up(spec.get("capacity"))
    for name in ("hostPath", "iscsi", "rbd", "azureDisk", "scaleIO"):
        if spec.get(name) is not None:
            _SOURCES[name](spec[name])


def persistent_volume_claim(obj: Obj) -> None:
    status = obj.setdefault("status", {})
    if not status.get("phase"):
        status["phase"] = "Pending"
    round_up(status.get("capacity"))
    round_up(status.get("allocatedResources"))
    claim_spec(obj.setdefault("spec", {}))


def claim_template(obj: Obj) -> None:
    """One of a StatefulSet's claim templates: a whole claim, written back with its kind."""
    persistent_volume_claim(obj)
    obj["apiVersion"] = "v1"
    obj["kind"] = "PersistentVolumeClaim"


def claim_spec(spec: Obj) -> None:
    if spec.get("volumeMode") is None:
        spec["volumeMode"] = "Filesystem"
    round_up_requirements(spec.get("resources"))


def _with_mode(source: Obj) -> None:
    if source.get("defaultMode") is None:
        source["defaultMode"] = _FILE_MODE


def _downward_items(source: Obj) -> None:
    for item in source.get("items") or ():
        selector = item.get("fieldRef")
        if selector is not None and not selector.get("apiVersion"):
            selector["apiVersion"] = "v1"


def _downward_api(source: Obj) -> None:
    _with_mode(source)
    _downward_items(source)


def _projected(source: Obj) -> None:
    _with_mode(source)
    for projection in source.get("sources") or ():
        if projection.get("downwardAPI"):
            _downward_items(projection["downwardAPI"])
        token = projection.get("serviceAccountToken")
        if token is not None and token.get("expirationSeconds") is None:
            token["expirationSeconds"] = _HOUR


def _host_path(source: Obj) -> None:
    if source.get("type") is None:
        source["type"] = ""


def _ephemeral(source: Obj) -> None:
    template = source.get("volumeClaimTemplate")
    if template is not None:
        claim_spec(template.setdefault("spec", {}))


def _image(source: Obj) -> None:
    if not source.get("pullPolicy"):
        source["pullPolicy"] = pull_policy(source.get("reference") or "")


def _iscsi(source: Obj) -> None:
    if not source.get("iscsiInterface"):
        source["iscsiInterface"] = "default"


def _rbd(source: Obj) -> None:
    for name, value in (("pool", "rbd"), ("user", "admin"), ("keyring", "/etc/ceph/keyring")):
        if not source.get(name):
            source[name] = value


def _azure_disk(source: Obj) -> None:
    for name, value in (("cachingMode", "ReadWrite"), ("fsType", "ext4"), ("kind", "Shared")):
        if source.get(name) is None:
            source[name] = value
    if source.get("readOnly") is None:
        source["readOnly"] = False


def _scale_io(source: Obj) -> None:
    for name, value in (("storageMode", "ThinProvisioned"), ("fsType", "xfs")):
        if not source.get(name):
            source[name] = value


_SOURCES = {
    "secret": _with_mode,
    "configMap": _with_mode,
    "downwardAPI": _downward_api,
    "projected": _projected,
    "hostPath": _host_path,
    "ephemeral": _ephemeral,
    "image": _image,
    "iscsi": _iscsi,
    "rbd": _rbd,
    "azureDisk": _azure_disk,
    "scaleIO": _scale_io,
}
