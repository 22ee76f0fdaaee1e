"""Defaults of the core group's other kinds (`pkg/apis/core/v1/defaults.go`)."""

import base64

from miniplane.api.defaults.pods import pod_template
from miniplane.api.defaults.quantities import round_up
from miniplane.api.objects import Obj

_METADATA_NAME = "kubernetes.io/metadata.name"
_AFFINITY_SECONDS = 10800
_LIMIT_LISTS = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")


def namespace(obj: Obj) -> None:
    meta = obj.setdefault("metadata", {})
    if meta.get("name"):
        meta["labels"] = {**(meta.get("labels") or {}), _METADATA_NAME: meta["name"]}
    status = obj.setdefault("status", {})
    if not status.get("phase"):
        status["phase"] = "Active"


def node(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    ranges = spec.get("podCIDRs")
    if spec.get("podCIDR") and (not ranges or ranges[0] != spec["podCIDR"]):
        spec["podCIDRs"] = [spec["podCIDR"]]
    elif ranges and not spec.get("podCIDR"):
        spec["podCIDR"] = ranges[0]
    status = obj.setdefault("status", {})
    capacity = status.get("capacity")
    round_up(capacity)
    round_up(status.get("allocatable"))
    if capacity and status.get("allocatable") is None:
        status["allocatable"] = dict(capacity)


def secret(obj: Obj) -> None:
    if not obj.get("type"):
        obj["type"] = "Opaque"
    plain = obj.pop("stringData", None)
    if plain:
        data = dict(obj.get("data") or {})
        for key, value in plain.items():
            data[key] = base64.b64encode(value.encode("utf-8", "surrogatepass")).decode()
        obj["data"] = data


def endpoints(obj: Obj) -> None:
    for subset in obj.get("subsets") or ():
        for port in subset.get("ports") or ():
            if not port.get("protocol"):
                port["protocol"] = "TCP"


def replication_controller(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    template = spec.get("template")
    if template is not None:
        labels = (template.get("metadata") or {}).get("labels")
        if labels:
            if not spec.get("selector"):
                spec["selector"] = dict(labels)
            meta = obj.setdefault("metadata", {})
            if not meta.get("labels"):
                meta["labels"] = dict(labels)
        pod_template(template)
    if spec.get("replicas") is None:
        spec["replicas"] = 1


def pod_template_object(obj: Obj) -> None:
    pod_template(obj.setdefault("template", {}))


def resource_quota(obj: Obj) -> None:
    round_up((obj.get("spec") or {}).get("hard"))
    status = obj.get("status") or {}
    round_up(status.get("hard"))
    round_up(status.get("used"))


def limit_range(obj: Obj) -> None:
    for item in (obj.get("spec") or {}).get("limits") or ():
        if item.get("type") == "Container":
            default = {**(item.get("max") or {}), **(item.get("default") or {})}
            request = {
                **(item.get("min") or {}),
                **default,
                **(item.get("defaultRequest") or {}),
            }
            if default:
                item["default"] = default
            if request:
                item["defaultRequest"] = request
        for name in _LIMIT_LISTS:
            round_up(item.get(name))


def service(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    affinity = spec.get("sessionAffinity")
    if not affinity:
        affinity = spec["sessionAffinity"] = "None"
    if affinity == "None":
        spec.pop("sessionAffinityConfig", None)
    elif affinity == "ClientIP":
        config = spec.get("sessionAffinityConfig") or {}
        if (config.get("clientIP") or {}).get("timeoutSeconds") is None:
            spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": _AFFINITY_SECONDS}}
    kind = spec.get("type")
    if not kind:
        kind = spec["type"] = "ClusterIP"
    for port in spec.get("ports") or ():
        if not port.get("protocol"):
            port["protocol"] = "TCP"
        if not port.get("targetPort"):
            port["targetPort"] = port.get("port", 0)
    external = kind in ("LoadBalancer", "NodePort") or (
        kind == "ClusterIP" and bool(spec.get("externalIPs"))
    )
    if external and not spec.get("externalTrafficPolicy"):
        spec["externalTrafficPolicy"] = "Cluster"
    if spec.get("internalTrafficPolicy") is None and kind in (
        "ClusterIP",
        "NodePort",
        "LoadBalancer",
    ):
        spec["internalTrafficPolicy"] = "Cluster"
    if kind == "LoadBalancer":
        if spec.get("allocateLoadBalancerNodePorts") is None:
            spec["allocateLoadBalancerNodePorts"] = True
        balancer = (obj.get("status") or {}).get("loadBalancer") or {}
        for ingress in balancer.get("ingress") or ():
            if ingress.get("ip") and ingress.get("ipMode") is None:
                ingress["ipMode"] = "VIP"
