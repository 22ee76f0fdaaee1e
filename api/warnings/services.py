"""Services (`pkg/api/service/warnings.go`)."""

from collections.abc import Mapping
from typing import Any

from miniplane.api.warnings import addresses

_HINTS = "service.kubernetes.io/topology-aware-hints"
_MODE = "service.kubernetes.io/topology-mode"


def service(obj: Mapping[str, Any]) -> list[str]:
    """Warnings for a Service that is created or updated."""
    spec = obj.get("spec") or {}
    kind = spec.get("type")
    headless = kind == "ClusterIP" and spec.get("clusterIP") == "None"
    external = spec.get("externalIPs") or ()
    out: list[str] = []
    if _HINTS in (obj["metadata"].get("annotations") or ()):
        out.append(f"annotation {_HINTS} is deprecated, please use {_MODE} instead")
    if spec.get("clusterIP") not in (None, "", "None"):
        for index, address in enumerate(spec.get("clusterIPs") or ()):
            out += addresses.ip(f"spec.clusterIPs[{index}]", address)
    if headless:
        if spec.get("loadBalancerIP"):
            out.append("spec.loadBalancerIP is ignored for headless services")
        if external:
            out.append("spec.externalIPs is ignored for headless services")
        if spec.get("sessionAffinity", "None") != "None":
            out.append("spec.SessionAffinity is ignored for headless services")
    for index, address in enumerate(external):
        out += addresses.ip(f"spec.externalIPs[{index}]", address)
    if external and not headless and kind != "ExternalName":
        out.append(
            "spec.externalIPs is deprecated and may no longer be implemented in some clusters"
        )
    if spec.get("loadBalancerIP"):
        out += addresses.ip("spec.loadBalancerIP", spec["loadBalancerIP"])
    for index, value in enumerate(spec.get("loadBalancerSourceRanges") or ()):
        out += addresses.cidr(f"spec.loadBalancerSourceRanges[{index}]", value)
    if kind == "ExternalName" and external:
        out.append('spec.externalIPs is ignored when spec.type is "ExternalName"')
    if kind != "ExternalName" and spec.get("externalName"):
        out.append('spec.externalName is ignored when spec.type is not "ExternalName"')
    if spec.get("trafficDistribution") == "PreferClose":
        out.append('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"')
    return out
