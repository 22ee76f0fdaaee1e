"""Volume mounts and volume devices (`pkg/apis/core/validation/validation.go`)."""

from collections.abc import Mapping
from typing import Any

from miniplane.api import field
from miniplane.api.validation import checks
from miniplane.api.validation.checks import Errors

_PROPAGATIONS = ("Bidirectional", "HostToContainer", "None")
_RECURSIVE = ("Disabled", "Enabled", "IfPossible")

Volumes = Mapping[str, Mapping[str, Any]]


def of_container(errors: Errors, path: str, container: Mapping[str, Any], volumes: Volumes) -> None:
    mounts, devices = container.get("volumeMounts"), container.get("volumeDevices")
    if mounts:
        _mounts(errors, f"{path}.volumeMounts", mounts, devices or [], volumes, container)
    if devices:
        _devices(errors, f"{path}.volumeDevices", devices, mounts or [], volumes)


def _mounts(
    errors: Errors,
    path: str,
    mounts: list[dict[str, Any]],
    devices: list[dict[str, Any]],
    volumes: Volumes,
    container: Mapping[str, Any],
) -> None:
    device_paths = {d.get("name") or "": d.get("devicePath") or "" for d in devices}
    seen: dict[str, None] = {}
    for i, mount in enumerate(mounts):
        where = f"{path}[{i}]"
        name, target = mount.get("name") or "", mount.get("mountPath") or ""
        if not name:
            errors.append(field.required(f"{where}.name"))
        volume = volumes.get(name)
        if volume is None:
            errors.append(field.not_found(f"{where}.name", name))
        if not target:
            errors.append(field.required(f"{where}.mountPath"))
        if target in seen:
            errors.append(field.invalid(f"{where}.mountPath", target, "must be unique"))
        seen[target] = None
        if device_paths:
            if name in device_paths:
                text = "must not already exist in volumeDevices"
                errors.append(field.invalid(f"{where}.name", name, text))
            if target in device_paths.values():
                text = "must not already exist as a path in volumeDevices"
                errors.append(field.invalid(f"{where}.mountPath", target, text))
        if len(mount) > 2:
            _details(errors, path, where, mount, volume, container)


def _details(
    errors: Errors,
    path: str,
    where: str,
    mount: Mapping[str, Any],
    volume: Mapping[str, Any] | None,
    container: Mapping[str, Any],
) -> None:
    sub_path, expression = mount.get("subPath") or "", mount.get("subPathExpr") or ""
    if volume is not None and volume.get("image") is not None and expression:
        text = "not allowed in image volume sources"
        errors.append(field.invalid(f"{where}.subPathExpr", expression, text))
    if sub_path:
        checks.local_path(errors, f"{path}.subPath", sub_path)
    if expression:
        if sub_path:
            text = "subPathExpr and subPath are mutually exclusive"
            errors.append(field.invalid(f"{where}.subPathExpr", expression, text))
        checks.local_path(errors, f"{path}.subPathExpr", expression)
    propagation = mount.get("mountPropagation")
    if propagation is not None:
        spot = f"{path}.mountPropagation"
        checks.supported(errors, spot, propagation, _PROPAGATIONS)
        privileged = (container.get("securityContext") or {}).get("privileged")
        if propagation == "Bidirectional" and not privileged:
            text = "Bidirectional mount propagation is available only to privileged containers"
            errors.append(field.forbidden(spot, text))
    recursive = mount.get("recursiveReadOnly")
    if recursive in ("Enabled", "IfPossible"):
        spot = f"{path}.recursiveReadOnly"
        if not mount.get("readOnly"):
            text = "may only be specified when readOnly is true"
            errors.append(field.forbidden(spot, text))
        if propagation not in (None, "None"):
            text = "may only be specified when mountPropagation is None or not specified"
            errors.append(field.forbidden(spot, text))
    elif recursive is not None:
        checks.supported(errors, f"{path}.recursiveReadOnly", recursive, _RECURSIVE)


def _devices(
    errors: Errors,
    path: str,
    devices: list[dict[str, Any]],
    mounts: list[dict[str, Any]],
    volumes: Volumes,
) -> None:
    mount_paths = {m.get("name") or "": m.get("mountPath") or "" for m in mounts}
    seen_names: dict[str, None] = {}
    seen_paths: dict[str, None] = {}
    for i, device in enumerate(devices):
        where = f"{path}[{i}]"
        name, target = device.get("name") or "", device.get("devicePath") or ""
        volume = volumes.get(name)
        if not name:
            errors.append(field.required(f"{where}.name"))
        if name in seen_names:
            errors.append(field.invalid(f"{where}.name", name, "must be unique"))
        if volume is None:
            errors.append(field.not_found(f"{where}.name", name))
        elif volume.get("persistentVolumeClaim") is None and volume.get("ephemeral") is None:
            text = (
                "can only use volume source type of PersistentVolumeClaim or Ephemeral for block "
                "mode"
            )
            errors.append(field.invalid(f"{where}.name", name, text))
        if not target:
            errors.append(field.required(f"{where}.devicePath"))
        if target in seen_paths:
            errors.append(field.invalid(f"{where}.devicePath", target, "must be unique"))
        if ".." in target.split("/"):
            text = "can not contain backsteps ('..')"
            errors.append(field.invalid(f"{where}.devicePath", target, text))
        else:
            seen_paths[target] = None
        if name in mount_paths:
            text = "must not already exist in volumeMounts"
            errors.append(field.invalid(f"{where}.name", name, text))
        if target in mount_paths.values():
            text = "must not already exist as a path in volumeMounts"
            errors.append(field.invalid(f"{where}.devicePath", target, text))
        if name:
            seen_names[name] = None
