"""Volume sources that pods and persistent volumes have in common.

Follows `pkg/apis/core/validation/validation.go`; drivers long gone are still checked there.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from miniplane.api import field, names
from miniplane.api.validation import checks
from miniplane.api.validation.checks import Errors

PATHS = {"gcePersistentDisk": "persistentDisk"}
"""Sources whose errors stand below another name."""

_HOST_PATH_TYPES = (
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
)
_IQN = re.compile(r"iqn\.\d{4}-\d{2}\.([a-z0-9.-]+)(:[^,;*&$|\s]+)")
_EUI = re.compile("eui\\.[0-9a-fA-F]{16}")
_NAA = re.compile("naa\\.[0-9a-fA-F]{32}|naa\\.[0-9a-fA-F]{16}")
_BYTE = names.between(0, 255)
_PARTITION = names.between(1, 255)

Source = Mapping[str, Any]


def driver_name(errors: Errors, path: str, name: str) -> None:
    """The name of a CSI driver."""
    if not name:
        errors.append(field.required(path))
    if names.size(name) > 63:
        errors.append(field.too_long(path, "", 63))
    checks.each(errors, path, name, names.dns1123_subdomain(name.lower()))


def signer_name(errors: Errors, path: str, name: str) -> None:
    """`domain/path`, as certificate signers are named."""
    if not name:
        errors.append(field.required(path))
        return
    domain, slash, rest = name.partition("/")
    if not slash or "/" in rest:
        text = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        errors.append(field.invalid(path, name, text))
        return
    if names.size(domain) > 253:
        errors.append(field.too_long(path, "", 253))
    _labels(errors, path, domain, names.dns1123_label)
    if domain.count(".") < 1:
        text = "should be a domain with at least two segments separated by dots"
        errors.append(field.invalid(path, domain, text))
    _labels(errors, path, rest, names.dns1123_subdomain)
    if names.size(name) > 571:
        errors.append(field.too_long(path, "", 571))


def _labels(errors: Errors, path: str, text: str, rule: names.NameRule) -> None:
    """What is wrong with the first bad one of the labels between dots."""
    for label in text.split("."):
        complaints = rule(label)
        for complaint in complaints:
            why = f'validating label "{label}": {complaint}'
            errors.append(field.invalid(path, text, why))
        if complaints:
            return


def host_path(errors: Errors, path: str, source: Source) -> None:
    target = source.get("path") or ""
    if not target:
        errors.append(field.required(f"{path}.path"))
        return
    checks.no_backsteps(errors, f"{path}.path", target)
    checks.supported(errors, f"{path}.type", source.get("type"), _HOST_PATH_TYPES)


def nfs(errors: Errors, path: str, source: Source) -> None:
    checks.required(errors, source, path, "server", "path")
    if not (source.get("path") or "").startswith("/"):
        text = "must be an absolute path"
        errors.append(field.invalid(f"{path}.path", source.get("path") or "", text))


def iscsi(errors: Errors, path: str, source: Source) -> None:
    checks.required(errors, source, path, "targetPortal")
    iqn = source.get("iqn") or ""
    if not iqn:
        errors.append(field.required(f"{path}.iqn"))
    else:
        _initiator(errors, f"{path}.iqn", iqn)
    lun = source.get("lun") or 0
    if not 0 <= lun <= 255:
        errors.append(field.invalid(f"{path}.lun", lun, _BYTE))
    by_password = source.get("chapAuthDiscovery") or source.get("chapAuthSession")
    if by_password and source.get("secretRef") is None:
        errors.append(field.required(f"{path}.secretRef"))
    initiator = source.get("initiatorName")
    if initiator is not None:
        _initiator(errors, f"{path}.initiatorname", initiator)


def _initiator(errors: Errors, path: str, name: str) -> None:
    for prefix, pattern in (("iqn", _IQN), ("eui", _EUI), ("naa", _NAA)):
        if name.startswith(prefix):
            if not pattern.fullmatch(name):
                errors.append(field.invalid(path, name, "must be valid format"))
            return
    text = "must be valid format starting with iqn, eui, or naa"
    errors.append(field.invalid(path, name, text))


def fibre_channel(errors: Errors, path: str, source: Source) -> None:
    targets, wwids = source.get("targetWWNs"), source.get("wwids")
    if not targets and not wwids:
        text = "must specify either targetWWNs or wwids, but not both"
        errors.append(field.required(f"{path}.targetWWNs", text))
    if targets and wwids:
        text = "targetWWNs and wwids can not be specified simultaneously"
        errors.append(field.invalid(f"{path}.targetWWNs", targets, text))
    if targets:
        lun = source.get("lun")
        if lun is None:
            text = "lun is required if targetWWNs is specified"
            errors.append(field.required(f"{path}.lun", text))
        elif not 0 <= lun <= 255:
            errors.append(field.invalid(f"{path}.lun", lun, _BYTE))


def _disk(key: str) -> Callable[[Errors, str, Source], None]:
    def check(errors: Errors, path: str, source: Source) -> None:
        checks.required(errors, source, path, key)
        partition = source.get("partition") or 0
        if not 0 <= partition <= 255:
            errors.append(field.invalid(f"{path}.partition", partition, _PARTITION))

    return check


def _needs(*keys: str) -> Callable[[Errors, str, Source], None]:
    def check(errors: Errors, path: str, source: Source) -> None:
        checks.required(errors, source, path, *keys)

    return check


def _quobyte(errors: Errors, path: str, source: Source) -> None:
    registry = source.get("registry") or ""
    text = "must be a host:port pair or multiple pairs separated by commas"
    if not registry:
        errors.append(field.required(f"{path}.registry", text))
    elif names.size(source.get("tenant") or "") >= 65:
        length = "must be a UUID and may not exceed a length of 64 characters"
        errors.append(field.required(f"{path}.tenant", length))
    else:
        for pair in registry.split(","):
            if ":" not in pair:
                errors.append(field.invalid(f"{path}.registry", registry, text))
    checks.required(errors, source, path, "volume")


def _flocker(errors: Errors, path: str, source: Source) -> None:
    name, uuid = source.get("datasetName") or "", source.get("datasetUUID") or ""
    if not name and not uuid:
        errors.append(field.required(path, "one of datasetName and datasetUUID is required"))
    if name and uuid:
        text = "datasetName and datasetUUID can not be specified simultaneously"
        errors.append(field.invalid(path, "resource", text))
    if "/" in name:
        errors.append(field.invalid(f"{path}.datasetName", name, "must not contain '/'"))


def _cinder(errors: Errors, path: str, source: Source) -> None:
    checks.required(errors, source, path, "volumeID")
    reference = source.get("secretRef")
    if reference is not None:
        checks.required(errors, reference, f"{path}.secretRef", "name")


def _flex(errors: Errors, path: str, source: Source) -> None:
    checks.required(errors, source, path, "driver")
    for key in source.get("options") or ():
        domain = f".{key.partition('/')[0].lower()}"
        if domain.endswith((".kubernetes.io", ".k8s.io")):
            text = "kubernetes.io and k8s.io namespaces are reserved"
            errors.append(field.invalid(f"{path}.options[{key}]", key, text))


def _azure_disk(errors: Errors, path: str, source: Source) -> None:
    checks.required(errors, source, path, "diskName", "diskURI")
    caching, kind = source.get("cachingMode"), source.get("kind")
    modes = ("None", "ReadOnly", "ReadWrite")
    checks.supported(errors, f"{path}.cachingMode", caching, modes)
    checks.supported(errors, f"{path}.kind", kind, ("Dedicated", "Managed", "Shared"))
    uri = source.get("diskURI") or ""
    if kind == "Managed" and not uri.startswith("/subscriptions/"):
        form = (
            "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/"
            "disks/{disk-id}"
        )
        errors.append(field.not_supported(f"{path}.diskURI", uri, [form]))
    if kind is not None and kind != "Managed" and not uri.startswith("https://"):
        form = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"
        errors.append(field.not_supported(f"{path}.diskURI", uri, [form]))


def _storage_os(errors: Errors, path: str, source: Source) -> None:
    name, namespace = source.get("volumeName") or "", source.get("volumeNamespace") or ""
    if not name:
        errors.append(field.required(f"{path}.volumeName"))
    else:
        checks.dns_label(errors, f"{path}.volumeName", name)
    if namespace:
        checks.dns_label(errors, f"{path}.volumeNamespace", namespace)
    reference = source.get("secretRef")
    if reference is not None:
        checks.required(errors, reference, f"{path}.secretRef", "name")


COMMON: dict[str, Callable[[Errors, str, Source], None]] = {
    "hostPath": host_path,
    "gcePersistentDisk": _disk("pdName"),
    "awsElasticBlockStore": _disk("volumeID"),
    "nfs": nfs,
    "iscsi": iscsi,
    "glusterfs": _needs("endpoints", "path"),
    "flocker": _flocker,
    "rbd": _needs("monitors", "image"),
    "cinder": _cinder,
    "cephfs": _needs("monitors"),
    "quobyte": _quobyte,
    "fc": fibre_channel,
    "flexVolume": _flex,
    "azureFile": _needs("secretName", "shareName"),
    "vsphereVolume": _needs("volumePath"),
    "photonPersistentDisk": _needs("pdID"),
    "portworxVolume": _needs("volumeID"),
    "azureDisk": _azure_disk,
    "storageos": _storage_os,
    "scaleIO": _needs("gateway", "system", "volumeName"),
}
"""Checks by the source's name in the object."""
