"""A pod's volumes (`pkg/apis/core/validation/validation.go`)."""

from collections.abc import Mapping
from typing import Any

from miniplane.api import field, names
from miniplane.api.validation import checks, claims, fieldrefs, govalues, selectors, sources
from miniplane.api.validation.checks import Errors

# The order in which a server looks for sources: the second one found is the error. Some carry
# another name in their errors than in the object.
_ORDER: tuple[tuple[str, str], ...] = (
    ("emptyDir", "emptyDir"),
    ("hostPath", "hostPath"),
    ("gitRepo", "gitRepo"),
    ("gcePersistentDisk", "gcePersistentDisk"),
    ("awsElasticBlockStore", "awsElasticBlockStore"),
    ("secret", "secret"),
    ("nfs", "nfs"),
    ("iscsi", "iscsi"),
    ("glusterfs", "glusterfs"),
    ("flocker", "flocker"),
    ("persistentVolumeClaim", "persistentVolumeClaim"),
    ("rbd", "rbd"),
    ("cinder", "cinder"),
    ("cephfs", "cephFS"),
    ("quobyte", "quobyte"),
    ("downwardAPI", "downwarAPI"),
    ("fc", "fc"),
    ("flexVolume", "flexVolume"),
    ("configMap", "configMap"),
    ("azureFile", "azureFile"),
    ("vsphereVolume", "vsphereVolume"),
    ("photonPersistentDisk", "photonPersistentDisk"),
    ("portworxVolume", "portworxVolume"),
    ("azureDisk", "azureDisk"),
    ("storageos", "storageos"),
    ("projected", "projected"),
    ("scaleIO", "scaleIO"),
    ("csi", "csi"),
    ("ephemeral", "ephemeral"),
    ("image", "image"),
)
_RANK = {name: rank for rank, (name, _) in enumerate(_ORDER)}

Volumes = dict[str, Mapping[str, Any]]


def pod_volumes(
    errors: Errors, path: str, volumes: list[dict[str, Any]] | None, *, pod_name: str = ""
) -> Volumes:
    """Answers the good ones by name; `pod_name` is that of a real pod, not of a template."""
    good: Volumes = {}
    if not volumes:
        return good
    created = (
        {f"{pod_name}-{v.get('name', '')}" for v in volumes if v.get("ephemeral") is not None}
        if pod_name
        else ()
    )
    for i, volume in enumerate(volumes):
        where = f"{path}[{i}]"
        before = len(errors)
        name = volume.get("name") or ""
        _source(errors, where, volume, name, pod_name)
        if not name:
            errors.append(field.required(f"{where}.name"))
        elif complaints := names.dns1123_label(name):
            checks.each(errors, f"{where}.name", name, complaints)
        if name in good:
            errors.append(field.duplicate(f"{where}.name", name))
        if len(errors) == before:
            good[name] = volume
        claim = volume.get("persistentVolumeClaim")
        if claim is not None and claim.get("claimName") in created:
            text = "must not reference a PVC that gets created for an ephemeral volume"
            claim_path = f"{where}.persistentVolumeClaim.claimName"
            errors.append(field.invalid(claim_path, claim["claimName"], text))
    return good


def _source(errors: Errors, path: str, volume: Mapping[str, Any], name: str, pod_name: str) -> None:
    found = [key for key in volume if key in _RANK and volume[key] is not None]
    if not found:
        errors.append(field.required(path, "must specify a volume type"))
        return
    if len(found) > 1:
        found.sort(key=_RANK.__getitem__)
    first = found[0]
    source = volume[first]
    check = _SOURCES.get(first)
    if check is not None:
        check(errors, f"{path}.{sources.PATHS.get(first, first)}", source)
    for other in found[1:]:
        shown = _ORDER[_RANK[other]][1]
        text = "may not specify more than 1 volume type"
        errors.append(field.forbidden(f"{path}.{shown}", text))
    if volume.get("iscsi") is not None:
        _iscsi_name(errors, path, volume["iscsi"], name)
    if first == "ephemeral" and pod_name and name:
        claim = f"{pod_name}-{name}"
        for complaint in names.dns1123_subdomain(claim):
            errors.append(field.invalid(f"{path}.name", name, f'PVC name "{claim}": {complaint}'))


def _iscsi_name(errors: Errors, path: str, source: Mapping[str, Any], name: str) -> None:
    portal = source.get("targetPortal", "")
    if source.get("initiatorName") is not None and names.size(f"{name}:{portal}") > 64:
        text = (
            "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if "
            "iscsi.initiatorName is specified."
        )
        errors.append(field.invalid(f"{path}.name", name, text))


def _empty_dir(errors: Errors, path: str, source: Mapping[str, Any]) -> None:
    limit = source.get("sizeLimit")
    if limit is not None and checks.parsed(limit).sign < 0:
        text = "SizeLimit field must be a valid resource quantity"
        errors.append(field.forbidden(f"{path}.sizeLimit", text))


def _git_repo(errors: Errors, path: str, source: Mapping[str, Any]) -> None:
    checks.required(errors, source, path, "repository")
    checks.local_path(errors, f"{path}.directory", source.get("directory") or "")


def _secret(errors: Errors, path: str, source: Mapping[str, Any]) -> None:
    _files(errors, path, source, "secretName")


def _config_map(errors: Errors, path: str, source: Mapping[str, Any]) -> None:
    _files(errors, path, source, "name")


def _files(errors: Errors, path: str, source: Mapping[str, Any], name: str) -> None:
    if not source.get(name):
        errors.append(field.required(f"{path}.{name}"))
    mode = source.get("defaultMode")
    if mode is not None and not 0 <= mode <= 0o777:
        errors.append(field.invalid(f"{path}.defaultMode", mode, checks.FILE_MODE))
    for i, item in enumerate(source.get("items") or ()):
        _key_to_path(errors, f"{path}.items[{i}]", item)


def _key_to_path(errors: Errors, path: str, item: Mapping[str, Any]) -> None:
    checks.required(errors, item, path, "key", "path")
    checks.reserved_path(errors, f"{path}.path", item.get("path") or "")
    checks.file_mode(errors, f"{path}.mode", item.get("mode"))


def _claim(errors: Errors, path: str, source: Mapping[str, Any]) -> None:
    checks.required(errors, source, path, "claimName")


def _downward_api(errors: Errors, path: str, source: Mapping[str, Any]) -> None:
    checks.file_mode(errors, f"{path}.defaultMode", source.get("defaultMode"))
    for item in source.get("items") or ():
        _downward_file(errors, path, item)


def _downward_file(errors: Errors, path: str, item: Mapping[str, Any]) -> None:
    checks.required(errors, item, path, "path")
    checks.reserved_path(errors, f"{path}.path", item.get("path") or "")
    by_field, by_resource = item.get("fieldRef"), item.get("resourceFieldRef")
    if by_field is not None:
        fieldrefs.field_selector(errors, f"{path}.fieldRef", by_field, fieldrefs.IN_VOLUMES)
        if by_resource is not None:
            text = "fieldRef and resourceFieldRef can not be specified simultaneously"
            errors.append(field.invalid(path, "resource", text))
    elif by_resource is not None:
        where = f"{path}.resourceFieldRef"
        fieldrefs.resource_selector(errors, where, by_resource, in_volume=True)
    else:
        errors.append(field.required(path, "one of fieldRef and resourceFieldRef is required"))
    checks.file_mode(errors, f"{path}.mode", item.get("mode"))


def _projected(errors: Errors, path: str, source: Mapping[str, Any]) -> None:
    checks.file_mode(errors, f"{path}.defaultMode", source.get("defaultMode"))
    taken: dict[str, None] = {}
    for i, projection in enumerate(source.get("sources") or ()):
        where = f"{path}.sources[{i}]"
        kinds = 0
        for kind in ("secret", "configMap"):
            if (part := projection.get(kind)) is not None:
                kinds += 1
                _projected_items(errors, path, f"{where}.{kind}", part, taken)
        if (part := projection.get("downwardAPI")) is not None:
            kinds += 1
            for item in part.get("items") or ():
                _downward_file(errors, f"{where}.downwardAPI", item)
                _take(errors, path, item.get("path") or "", item.get("path") or "", taken)
        if (part := projection.get("serviceAccountToken")) is not None:
            kinds += 1
            _token(errors, path, f"{where}.serviceAccountToken", part)
        if (part := projection.get("clusterTrustBundle")) is not None:
            kinds += 1
            _trust_bundle(errors, f"{where}.clusterTrustBundle", part)
            _take(errors, path, part.get("path") or "", part.get("path") or "", taken)
        if (part := projection.get("podCertificate")) is not None:
            kinds += 1
            _pod_certificate(errors, f"{where}.podCertificate", part)
        if kinds > 1:
            text = "may not specify more than 1 volume type per source"
            errors.append(field.forbidden(where, text))


def _projected_items(
    errors: Errors, volume_path: str, path: str, part: Mapping[str, Any], taken: dict[str, None]
) -> None:
    checks.required(errors, part, path, "name")
    for i, item in enumerate(part.get("items") or ()):
        _key_to_path(errors, f"{path}.items[{i}]", item)
        _take(errors, volume_path, item.get("path") or "", part.get("name") or "", taken)


def _take(errors: Errors, path: str, target: str, shown: str, taken: dict[str, None]) -> None:
    if target and target in taken:
        errors.append(field.invalid(path, shown, "conflicting duplicate paths"))
    taken[target] = None


def _token(errors: Errors, volume_path: str, path: str, part: Mapping[str, Any]) -> None:
    seconds = part.get("expirationSeconds") or 0
    if seconds < 600:
        text = "may not specify a duration less than 10 minutes"
        errors.append(field.invalid(f"{path}.expirationSeconds", seconds, text))
    if seconds > 1 << 32:
        text = "may not specify a duration larger than 2^32 seconds"
        errors.append(field.invalid(f"{path}.expirationSeconds", seconds, text))
    if not part.get("path"):
        errors.append(field.required(f"{volume_path}.path"))
    else:
        checks.reserved_path(errors, f"{volume_path}.path", part["path"])


_BUNDLE = (
    ("name", "Name", None),
    ("signerName", "SignerName", None),
    ("labelSelector", "LabelSelector", None),
    ("optional", "Optional", None),
    ("path", "Path", ""),
)


def _trust_bundle(errors: Errors, path: str, part: Mapping[str, Any]) -> None:
    name, signer = part.get("name"), part.get("signerName")
    if name is not None and signer is not None:
        text = "only one of name and signerName may be used"
        errors.append(field.invalid(path, govalues.struct(part, *_BUNDLE), text))
    elif name is not None:
        if not name:
            errors.append(field.required(f"{path}.name", "must be a valid object name"))
        for complaint in names.dns1123_subdomain(name.rpartition(":")[2]):
            text = f"not a valid clustertrustbundlename: {complaint}"
            errors.append(field.invalid(f"{path}.name", name, text))
        if part.get("labelSelector") is not None:
            shown = govalues.label_selector(part["labelSelector"])
            text = "labelSelector must be unset if name is specified"
            errors.append(field.invalid(f"{path}.labelSelector", shown, text))
    elif signer is not None:
        if not signer:
            errors.append(field.required(f"{path}.signerName", "must be a valid signer name"))
        sources.signer_name(errors, f"{path}.signerName", signer)
        selectors.label_selector(errors, f"{path}.labelSelector", part.get("labelSelector"))
    else:
        text = "either name or signerName must be specified"
        errors.append(field.required(path, text))
    checks.required(errors, part, path, "path")
    checks.reserved_path(errors, f"{path}.path", part.get("path") or "")


def _pod_certificate(errors: Errors, path: str, part: Mapping[str, Any]) -> None:
    sources.signer_name(errors, f"{path}.signerName", part.get("signerName") or "")
    kinds = ("ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519", "RSA3072", "RSA4096")
    checks.supported(errors, f"{path}.keyType", part.get("keyType") or "", kinds)


def _csi(errors: Errors, path: str, source: Mapping[str, Any]) -> None:
    sources.driver_name(errors, f"{path}.driver", source.get("driver") or "")
    reference = source.get("nodePublishSecretRef")
    if reference is not None:
        name = reference.get("name") or ""
        if not name:
            errors.append(field.required(f"{path}.nodePublishSecretRef.name"))
        else:
            checks.dns_subdomain(errors, f"{path}.name", name)


def _ephemeral(errors: Errors, path: str, source: Mapping[str, Any]) -> None:
    template = source.get("volumeClaimTemplate")
    if template is None:
        errors.append(field.required(f"{path}.volumeClaimTemplate"))
    else:
        claims.template(errors, f"{path}.volumeClaimTemplate", template)


def _image(errors: Errors, path: str, source: Mapping[str, Any]) -> None:
    checks.required(errors, source, path, "reference")
    policies = ("Always", "IfNotPresent", "Never")
    checks.one_of(errors, f"{path}.pullPolicy", source.get("pullPolicy"), policies)


_SOURCES = {
    **sources.COMMON,
    "emptyDir": _empty_dir,
    "gitRepo": _git_repo,
    "secret": _secret,
    "configMap": _config_map,
    "persistentVolumeClaim": _claim,
    "downwardAPI": _downward_api,
    "projected": _projected,
    "csi": _csi,
    "ephemeral": _ephemeral,
    "image": _image,
}
