"""PersistentVolumes (`pkg/apis/core/validation/validation.go`)."""

import posixpath
from collections.abc import Mapping
from typing import Any

from miniplane.api import field
from miniplane.api.validation import checks, claims, govalues, selectors, sources
from miniplane.api.validation.checks import Errors

_RECLAIM = ("Delete", "Recycle", "Retain")
_ORDER = (
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "glusterfs",
    "flocker",
    "nfs",
    "rbd",
    "quobyte",
    "cephfs",
    "iscsi",
    "cinder",
    "fc",
    "flexVolume",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "scaleIO",
    "local",
    "storageos",
    "csi",
)
_SECRET_REFS = (
    "controllerPublishSecretRef",
    "controllerExpandSecretRef",
    "nodePublishSecretRef",
    "nodeExpandSecretRef",
)

Volume = Mapping[str, Any]


def create(errors: Errors, obj: Volume) -> None:
    _spec(errors, "spec", obj.get("spec") or {})


def update(errors: Errors, obj: Volume, old: Volume) -> None:
    create(errors, obj)
    spec, before = dict(obj.get("spec") or {}), old.get("spec") or {}
    csi, old_csi = spec.get("csi"), before.get("csi")
    if csi is not None and old_csi is not None and not old_csi.get("controllerExpandSecretRef"):
        # A volume may learn later how it can grow.
        spec["csi"] = {k: v for k, v in csi.items() if k != "controllerExpandSecretRef"}
    new_source = {key: spec[key] for key in _ORDER if spec.get(key) is not None}
    old_source = {key: before[key] for key in _ORDER if before.get(key) is not None}
    if not checks.equal(new_source, old_source):
        changes = govalues.diff(old_source, new_source, "source")
        text = f"spec.persistentvolumesource is immutable after creation\n{changes}"
        errors.append(field.forbidden("spec.persistentvolumesource", text))
    checks.immutable(errors, "volumeMode", spec.get("volumeMode"), before.get("volumeMode"))
    if before.get("nodeAffinity") is not None:
        checks.immutable(errors, "nodeAffinity", spec.get("nodeAffinity"), before["nodeAffinity"])
    name, old_name = spec.get("volumeAttributesClassName"), before.get("volumeAttributesClassName")
    if old_name is not None and name is None:
        text = "update from non-nil value to nil is forbidden"
        errors.append(field.forbidden("spec.volumeAttributesClassName", text))


def _spec(errors: Errors, path: str, spec: Volume) -> None:
    modes = spec.get("accessModes") or ()
    if not modes:
        errors.append(field.required(f"{path}.accessModes"))
    claims.access_modes(errors, f"{path}.accessModes", modes)
    capacity = spec.get("capacity") or {}
    if not capacity:
        errors.append(field.required(f"{path}.capacity"))
    if "storage" not in capacity or len(capacity) > 1:
        shown = govalues.string_map(capacity)
        errors.append(field.not_supported(f"{path}.capacity", shown, ["storage"]))
    for name, amount in capacity.items():
        claims.basic_amount(errors, f"{path}.capacity[{name}]", amount)
        checks.positive_quantity(errors, f"{path}.capacity[{name}]", amount)
    policy = spec.get("persistentVolumeReclaimPolicy")
    if policy:
        checks.supported(errors, f"{path}.persistentVolumeReclaimPolicy", policy, _RECLAIM)
    affinity = spec.get("nodeAffinity")
    if affinity is not None:
        required = affinity.get("required")
        if required is None:
            text = "must specify required node constraints"
            errors.append(field.required(f"{path}.nodeAffinity.required", text))
        else:
            selectors.node_selector(errors, f"{path}.nodeAffinity.required", required)
    _source(errors, path, spec)
    host_path = spec.get("hostPath")
    if host_path is not None and policy == "Recycle":
        target = host_path.get("path") or ""
        if target and posixpath.normpath(target) in ("/", "//"):
            text = "may not be 'recycle' for a hostPath mount of '/'"
            errors.append(field.forbidden(f"{path}.persistentVolumeReclaimPolicy", text))
    if spec.get("storageClassName"):
        checks.dns_subdomain(errors, f"{path}.storageClassName", spec["storageClassName"])
    mode = spec.get("volumeMode")
    checks.supported(errors, f"{path}.volumeMode", mode, claims.VOLUME_MODES)
    name = spec.get("volumeAttributesClassName")
    if name is not None:
        where = f"{path}.volumeAttributesClassName"
        if not name:
            errors.append(field.required(where, "an empty string is disallowed"))
        else:
            checks.dns_subdomain(errors, where, name)
        if spec.get("csi") is None:
            text = "has to be specified when using volumeAttributesClassName"
            errors.append(field.required(f"{path}.csi", text))


def _source(errors: Errors, path: str, spec: Volume) -> None:
    found = [key for key in _ORDER if spec.get(key) is not None]
    if not found:
        errors.append(field.required(path, "must specify a volume type"))
        return
    first = found[0]
    where = f"{path}.{sources.PATHS.get(first, first)}"
    check = _OWN.get(first) or sources.COMMON.get(first)
    if check is not None:
        check(errors, where, spec[first])
    if first == "local" and spec.get("nodeAffinity") is None:
        text = "Local volume requires node affinity"
        errors.append(field.required(f"{path}.nodeAffinity", text))
    for other in found[1:]:
        shown = "cephFS" if other == "cephfs" else other
        text = "may not specify more than 1 volume type"
        errors.append(field.forbidden(f"{path}.{shown}", text))


def _local(errors: Errors, path: str, source: Volume) -> None:
    if not source.get("path"):
        errors.append(field.required(f"{path}.path"))
    else:
        checks.no_backsteps(errors, f"{path}.path", source["path"])


def _csi(errors: Errors, path: str, source: Volume) -> None:
    sources.driver_name(errors, f"{path}.driver", source.get("driver") or "")
    checks.required(errors, source, path, "volumeHandle")
    for key in _SECRET_REFS:
        reference = source.get(key)
        if reference is None:
            continue
        name, namespace = reference.get("name") or "", reference.get("namespace") or ""
        if not name:
            errors.append(field.required(f"{path}.{key}.name"))
        else:
            checks.dns_subdomain(errors, f"{path}.{key}.name", name)
        if not namespace:
            errors.append(field.required(f"{path}.{key}.namespace"))
        else:
            checks.dns_label(errors, f"{path}.{key}.namespace", namespace)


_OWN = {"local": _local, "csi": _csi}
