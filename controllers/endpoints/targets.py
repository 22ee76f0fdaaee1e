"""A pod as services see it (pure).

After `staging/src/k8s.io/endpointslice/util/controller_utils.go`. A pod is a target as long as it
has an address and its phase is not final.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from miniplane.api.objects import Obj, labels_of
from miniplane.controllers import pods


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """While two are equal, services have no reason to look at the pod again.

    `ports` are the named ports of its containers: name, protocol, number. `changed_at` is the time
    of the last change of its readiness, as it is written, or `""`.
    """

    namespace: str
    name: str
    uid: str
    ips: tuple[str, ...]
    ready: bool
    terminating: bool
    node: str
    hostname: str
    subdomain: str
    ports: tuple[tuple[str, str, int], ...]
    labels: Mapping[str, str] = dataclasses.field(compare=False)
    changed_at: str = dataclasses.field(compare=False)

    @classmethod
    def of(cls, pod: Mapping[str, Any] | None) -> "Target | None":
        if pod is None:
            return None
        status = pod.get("status") or {}
        ips = tuple(entry["ip"] for entry in status.get("podIPs") or () if entry.get("ip"))
        if not ips and status.get("podIP"):
            ips = (status["podIP"],)
        if not ips or pods.is_terminal(pod):
            return None
        meta, spec = pod["metadata"], pod.get("spec") or {}
        condition = pods.condition(pod, "Ready") or {}
        return cls(
            namespace=meta.get("namespace", ""),
            name=meta["name"],
            uid=meta.get("uid", ""),
            ips=ips,
            ready=condition.get("status") == "True",
            terminating=pods.is_terminating(pod),
            node=spec.get("nodeName", ""),
            hostname=spec.get("hostname", ""),
            subdomain=spec.get("subdomain", ""),
            ports=tuple(_named_ports(spec)),
            labels=labels_of(pod),
            changed_at=condition.get("lastTransitionTime") or "",
        )

    @property
    def reference(self) -> Obj:
        return {
            "kind": "Pod",
            "namespace": self.namespace,
            "name": self.name,
            "uid": self.uid,
        }

    def hostname_for(self, service: Mapping[str, Any]) -> str:
        """The name that the pod has under the service's, `""` if none."""
        return self.hostname if self.subdomain == service["metadata"]["name"] else ""

    def ip_of(self, family: str) -> str:
        """The first address of a family (`IPv4`, `IPv6`), or `""`."""
        for ip in self.ips:
            if family_of(ip) == family:
                return ip
        return ""


def _named_ports(spec: Mapping[str, Any]) -> Iterator[tuple[str, str, int]]:
    sidecars = (c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always")
    for container in (*(spec.get("containers") or ()), *sidecars):
        for port in container.get("ports") or ():
            if port.get("name"):
                yield port["name"], port.get("protocol", "TCP"), port["containerPort"]


def family_of(ip: str) -> str:
    return "IPv6" if ":" in ip else "IPv4"


def families_of(service: Mapping[str, Any]) -> list[str]:
    """The address families of a service, the primary one first."""
    spec = service["spec"]
    families = spec.get("ipFamilies")
    if families:
        return list(families)
    address = spec.get("clusterIP", "")
    return [family_of(address)] if address and address != "None" else ["IPv4"]


def is_headless(service: Mapping[str, Any]) -> bool:
    return service["spec"].get("clusterIP", "") in ("", "None")


def publishes_not_ready(service: Mapping[str, Any]) -> bool:
    return bool(service["spec"].get("publishNotReadyAddresses"))


def selector_of(service: Mapping[str, Any]) -> Mapping[str, str] | None:
    """The labels of the pods that the service has endpoints for; None where others write them."""
    spec = service["spec"]
    if spec.get("type") == "ExternalName":
        return None
    return spec.get("selector") or None
