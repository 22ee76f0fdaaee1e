"""Defaults of networking and of endpoint slices.

Follows `pkg/apis/networking/v1/defaults.go` and `pkg/apis/discovery/v1/defaults.go`.
"""

from miniplane.api.objects import Obj


def network_policy(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    rules = (*(spec.get("ingress") or ()), *(spec.get("egress") or ()))
    for rule in rules:
        for port in rule.get("ports") or ():
            if port.get("protocol") is None:
                port["protocol"] = "TCP"
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


def ingress_class(obj: Obj) -> None:
    parameters = (obj.get("spec") or {}).get("parameters")
    if parameters is not None and parameters.get("scope") is None:
        parameters["scope"] = "Cluster"


def endpoint_slice(obj: Obj) -> None:
    for port in obj.get("ports") or ():
        if port.get("name") is None:
            port["name"] = ""
        if port.get("protocol") is None:
            port["protocol"] = "TCP"
