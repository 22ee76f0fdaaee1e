"""Ingresses, network policies and endpoints."""

from collections.abc import Iterator, Mapping
from typing import Any

from miniplane.api.warnings import addresses

Obj = Mapping[str, Any]

_INGRESS_CLASS = "kubernetes.io/ingress.class"
_SLICE_MANAGERS = (
    "endpointslice-controller.k8s.io",
    "endpointslicemirroring-controller.k8s.io",
)


def ingress(obj: Obj) -> list[str]:
    """Warnings for a new Ingress."""
    named = _INGRESS_CLASS in (obj["metadata"].get("annotations") or ())
    if not named or "ingressClassName" in obj["spec"]:
        return []
    return [
        f"annotation \"{_INGRESS_CLASS}\" is deprecated, please use 'spec.ingressClassName' instead"
    ]


def network_policy(obj: Obj) -> list[str]:
    return [
        text
        for direction, peers in (("ingress", "from"), ("egress", "to"))
        for i, rule in enumerate(obj["spec"].get(direction) or ())
        for j, peer in enumerate(rule.get(peers) or ())
        if "ipBlock" in peer
        for text in _ip_block(f"spec.{direction}[{i}].{peers}[{j}].ipBlock", peer["ipBlock"])
    ]


def _ip_block(path: str, block: Obj) -> Iterator[str]:
    yield from addresses.cidr(f"{path}.cidr", block.get("cidr", ""))
    for index, value in enumerate(block.get("except") or ()):
        yield from addresses.cidr(f"{path}.except[{index}]", value)


def endpoints(obj: Obj) -> list[str]:
    labels = obj["metadata"].get("labels") or {}
    if labels.get("endpoints.kubernetes.io/managed-by") == "endpoint-controller":
        return []
    return [
        text
        for i, subset in enumerate(obj.get("subsets") or ())
        for key in ("addresses", "notReadyAddresses")
        for j, address in enumerate(subset.get(key) or ())
        for text in addresses.ip(f"subsets[{i}].{key}[{j}].ip", address.get("ip", ""))
    ]


def fqdn_slice(obj: Obj) -> list[str]:
    deprecated = obj.get("addressType") == "FQDN"
    return ["spec.addressType: FQDN endpoints are deprecated"] if deprecated else []


def endpoint_slice(obj: Obj) -> list[str]:
    labels = obj["metadata"].get("labels") or {}
    if labels.get("endpointslice.kubernetes.io/managed-by") in _SLICE_MANAGERS:
        return []
    return [
        text
        for i, endpoint in enumerate(obj.get("endpoints") or ())
        for j, address in enumerate(endpoint.get("addresses") or ())
        for text in addresses.ip(f"endpoints[{i}].addresses[{j}]", address)
    ]
