"""Volumes, claims and classes (`pkg/api/persistentvolume`, `persistentvolumeclaim`, `storage`)."""

from collections.abc import Iterator, Mapping
from typing import Any

from miniplane.api import quantity
from miniplane.api.warnings import nodes

Obj = Mapping[str, Any]

REMOVED = {
    "cephfs": "deprecated in v1.28, non-functional in v1.31+",
    "photonPersistentDisk": "deprecated in v1.11, non-functional in v1.16+",
    "scaleIO": "deprecated in v1.16, non-functional in v1.22+",
    "flocker": "deprecated in v1.22, non-functional in v1.25+",
    "storageos": "deprecated in v1.22, non-functional in v1.25+",
    "quobyte": "deprecated in v1.22, non-functional in v1.25+",
    "glusterfs": "deprecated in v1.25, non-functional in v1.26+",
    "rbd": "deprecated in v1.28, non-functional in v1.31+",
}
"""Kinds of volumes that have gone, and what to say of them."""
_SHOWN = {"storageos": "storageOS"}
_BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
_BETA_OPTIONS = "volume.beta.kubernetes.io/mount-options"


def removed(path: str, source: Obj) -> Iterator[str]:
    """Warnings for the volume source at `path`."""
    for kind in source:
        if kind in REMOVED:
            yield f"{path}.{_SHOWN.get(kind, kind)}: {REMOVED[kind]}"


def fractional(path: str, amounts: Obj | None, *names: str) -> Iterator[str]:
    """Warnings for amounts of bytes that are no whole numbers."""
    for name in names:
        amount = (amounts or {}).get(name)
        if amount is not None and quantity.to_milli(amount) % 1000:
            shown = quantity.canonical(amount)
            yield f'{path}[{name}]: fractional byte value "{shown}" is invalid, must be an integer'


def claim_spec(path: str, spec: Obj) -> list[str]:
    resources = spec.get("resources") or {}
    out = list(fractional(f"{path}.resources.requests", resources.get("requests"), "storage"))
    return out + list(fractional(f"{path}.resources.limits", resources.get("limits"), "storage"))


def claim(obj: Obj) -> list[str]:
    return [
        *_annotation(obj, _BETA_CLASS, "storageClassName", "v1.8"),
        *claim_spec("spec", obj["spec"]),
    ]


def persistent_volume(obj: Obj) -> list[str]:
    spec = obj["spec"]
    out = [
        *_annotation(obj, _BETA_CLASS, "storageClassName", "v1.8"),
        *_annotation(obj, _BETA_OPTIONS, "mountOptions", "v1.31"),
    ]
    if spec.get("persistentVolumeReclaimPolicy") == "Recycle":
        out.append(
            "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. "
            "Instead, the recommended approach is to use dynamic provisioning."
        )
    required = (spec.get("nodeAffinity") or {}).get("required") or {}
    path = "spec.nodeAffinity.required.nodeSelectorTerms"
    out += nodes.selector_terms(path, required.get("nodeSelectorTerms") or ())
    return out + list(removed("spec", spec))


def _annotation(obj: Obj, key: str, instead: str, since: str) -> Iterator[str]:
    if key in (obj["metadata"].get("annotations") or ()):
        text = f'deprecated since {since}; use "{instead}" attribute instead'
        yield f"metadata.annotations[{key}]: {text}"


def storage_class(obj: Obj) -> list[str]:
    out = []
    for i, topology in enumerate(obj.get("allowedTopologies") or ()):
        for j, term in enumerate(topology.get("matchLabelExpressions") or ()):
            if text := nodes.label(term.get("key", "")):
                out.append(f"allowedTopologies[{i}].matchLabelExpressions[{j}].key: {text}")
    return out


def storage_capacity(obj: Obj) -> list[str]:
    topology = obj.get("nodeTopology") or {}
    path = "nodeTopology.matchExpressions"
    out = list(nodes.expressions(path, topology.get("matchExpressions") or ()))
    for key in topology.get("matchLabels") or ():
        if text := nodes.label(key):
            out.append(f"nodeTopology.matchLabels.{key}: {text}")
    return out
