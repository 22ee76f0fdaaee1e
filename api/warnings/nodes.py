"""Deprecated labels and fields of nodes, and whoever selects by them (`pkg/api/node`)."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from miniplane.api.warnings import addresses

_INSTEAD = {
    "beta.kubernetes.io/arch": ("v1.14", "kubernetes.io/arch"),
    "beta.kubernetes.io/os": ("v1.14", "kubernetes.io/os"),
    "failure-domain.beta.kubernetes.io/region": ("v1.17", "topology.kubernetes.io/region"),
    "failure-domain.beta.kubernetes.io/zone": ("v1.17", "topology.kubernetes.io/zone"),
    "beta.kubernetes.io/instance-type": ("v1.17", "node.kubernetes.io/instance-type"),
}


def label(key: str) -> str:
    """What to say of a node label; empty for one that is good."""
    if key not in _INSTEAD:
        return ""
    since, better = _INSTEAD[key]
    return f'deprecated since {since}; use "{better}" instead'


def node(obj: Mapping[str, Any]) -> list[str]:
    spec = obj.get("spec") or {}
    out = []
    if "configSource" in spec:
        out.append("spec.configSource: the feature is removed")
    if spec.get("externalID"):
        out.append("spec.externalID: this field is deprecated, and is unused by Kubernetes")
    for index, value in enumerate(spec.get("podCIDRs") or ()):
        out += addresses.cidr(f"spec.podCIDRs[{index}]", value)
    return out


def runtime_class(obj: Mapping[str, Any]) -> list[str]:
    selector = (obj.get("scheduling") or {}).get("nodeSelector") or {}
    return [f"scheduling.nodeSelector: {label(key)}" for key in selector if label(key)]


def expressions(path: str, terms: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Warnings for the `matchExpressions` that stand at `path`."""
    for index, term in enumerate(terms):
        key = term.get("key", "")
        if text := label(key):
            yield f"{path}[{index}].key: {key} is {text}"


def selector_terms(path: str, terms: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Warnings for the NodeSelectorTerms that stand at `path`."""
    for index, term in enumerate(terms):
        found = term.get("matchExpressions")
        if found:
            yield from expressions(f"{path}[{index}].matchExpressions", found)
