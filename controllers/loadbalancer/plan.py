"""Which address a load balancer gets, and what is to be done about one service (pure).

Follows `staging/src/k8s.io/cloud-provider/controllers/service/controller.go`, with a range of
addresses in the place of a cloud.
"""

import dataclasses
import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from miniplane.api.objects import Obj, is_terminating

FINALIZER = "service.kubernetes.io/load-balancer-cleanup"


@dataclasses.dataclass(frozen=True, slots=True)
class Nothing:
    """All is as it should be."""


@dataclasses.dataclass(frozen=True, slots=True)
class Ensure:
    """Give the service its address, `""` if there is none to give."""

    address: str


@dataclasses.dataclass(frozen=True, slots=True)
class Clean:
    """Take address and finalizer away."""


Action = Nothing | Ensure | Clean


class Addresses:
    """The usable addresses of a range. The first one is kept for ingresses."""

    def __init__(self, cidr: str):
        self._network = ipaddress.ip_network(cidr)
        first = int(self._network.network_address)
        last = int(self._network.broadcast_address)
        if last - first >= 3:
            first, last = first + 1, last - 1  # neither the network's own nor the broadcast one
        self._first, self._last = first, last
        self._make = type(self._network.network_address)

    @property
    def of_ingresses(self) -> str:
        return str(self._make(self._first))

    @property
    def family(self) -> str:
        return f"IPv{self._network.version}"

    def free(self, taken: Mapping[str, object], wanted: str = "") -> str:
        """`wanted` or else the lowest one that nobody has; `""` if that cannot be."""
        if wanted:
            try:
                number = int(ipaddress.ip_address(wanted))
            except ValueError:
                return ""
            inside = self._first < number <= self._last
            return wanted if inside and wanted not in taken else ""
        for number in range(self._first + 1, self._last + 1):
            address = str(self._make(number))
            if address not in taken:
                return address
        return ""


def wants(service: Mapping[str, Any]) -> bool:
    """Whether it is for us to give this service an address."""
    spec = service["spec"]
    return spec.get("type") == "LoadBalancer" and not spec.get("loadBalancerClass")


def address_of(service: Mapping[str, Any]) -> str:
    """The address that a service has, or `""`."""
    entries = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    return next((entry["ip"] for entry in entries if entry.get("ip")), "")


def plan(
    service: Obj, addresses: Addresses, taken: Mapping[str, object], *, changed: bool = False
) -> Action:
    """`taken` are the addresses of other services; `changed` tells whether something else about
    the load balancer has to be brought up to date."""
    marked = FINALIZER in (service["metadata"].get("finalizers") or ())
    if is_terminating(service) or not wants(service):
        return Clean() if marked else Nothing()
    present = address_of(service)
    wanted = service["spec"].get("loadBalancerIP", "")
    if marked and present and present not in taken and wanted in ("", present):
        return Ensure(present) if changed else Nothing()
    families: Iterable[str] = service["spec"].get("ipFamilies") or (addresses.family,)
    if addresses.family not in families:
        return Ensure("")
    return Ensure(addresses.free(taken, wanted))


Told = tuple[str, str]
"""Reason and message of an event."""


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[bool, Told | None]:
    """Whether a change of a service is one of its load balancer, and what there is to say of it."""
    had, has = wants(old), wants(new)
    was, now = old["spec"], new["spec"]
    if not had and not has:
        return False, None
    if had != has:
        return True, ("Type", f"{was.get('type')} -> {now.get('type')}")
    if (change := _values(was, now, "loadBalancerSourceRanges")) is not None:
        return True, ("LoadBalancerSourceRanges", change)
    if (
        _ports(was) != _ports(now)
        or was.get("sessionAffinity") != now.get("sessionAffinity")
        or was.get("sessionAffinityConfig") != now.get("sessionAffinityConfig")
    ):
        return True, None
    if (change := _value(was, now, "loadBalancerIP")) is not None:
        return True, ("LoadbalancerIP", change)
    addresses, added = was.get("externalIPs") or [], now.get("externalIPs") or []
    if len(addresses) != len(added):
        return True, ("ExternalIP", f"Count: {len(addresses)} -> {len(added)}")
    for before, after in zip(addresses, added, strict=True):
        if before != after:
            return True, ("ExternalIP", f"Added: {after}")
    if old["metadata"].get("annotations") != new["metadata"].get("annotations"):
        return True, None
    if (change := _value(was, now, "externalTrafficPolicy")) is not None:
        return True, ("ExternalTrafficPolicy", change)
    if (change := _value(was, now, "healthCheckNodePort", 0)) is not None:
        return True, ("HealthCheckNodePort", change)
    return False, None


def _value(was: Mapping[str, Any], now: Mapping[str, Any], key: str, none: Any = "") -> str | None:
    before, after = was.get(key) or none, now.get(key) or none
    return None if before == after else f"{before} -> {after}"


def _values(was: Mapping[str, Any], now: Mapping[str, Any], key: str) -> str | None:
    before, after = was.get(key) or [], now.get(key) or []
    return None if before == after else f"[{' '.join(before)}] -> [{' '.join(after)}]"


def _ports(spec: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    keys = ("name", "protocol", "port", "nodePort")
    return [tuple(port.get(key) for key in keys) for port in spec.get("ports") or ()]
