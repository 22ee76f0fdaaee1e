"""What a server warns of although it stores it: deprecated and pointless settings.

After `pkg/api/service/warnings.go`.
"""

from collections.abc import Mapping
from typing import Any


def service(obj: Mapping[str, Any], old: Mapping[str, Any] | None = None) -> list[str]:
    """Warnings for a Service that is created, or updated from `old`."""
    spec = obj.get("spec") or {}
    out = []
    if old is not None and (old["spec"].get("type"), old["spec"].get("clusterIP")) == (
        spec.get("type"),
        spec.get("clusterIP"),
    ):
        before = old["spec"].get("externalIPs") or []
        if spec.get("externalIPs") and not before:
            out.append(_EXTERNAL_IPS)
        return out
    if spec.get("externalIPs"):
        if spec.get("type") == "ExternalName":
            out.append('spec.externalIPs is ignored when spec.type is "ExternalName"')
        else:
            out.append(_EXTERNAL_IPS)
    if spec.get("type") != "ExternalName" and spec.get("externalName"):
        out.append('spec.externalName is ignored when spec.type is not "ExternalName"')
    if spec.get("clusterIP") == "None":
        if spec.get("loadBalancerIP"):
            out.append("spec.loadBalancerIP is ignored for headless services")
        if spec.get("externalIPs"):
            out.append("spec.externalIPs is ignored for headless services")
        if spec.get("sessionAffinity", "None") != "None":
            out.append("spec.SessionAffinity is ignored for headless services")
    return out


_EXTERNAL_IPS = "spec.externalIPs is deprecated and may no longer be implemented in some clusters"
