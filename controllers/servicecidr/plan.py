"""What is to be done about one ServiceCIDR (pure).

Follows `pkg/controller/servicecidrs` (https://kubernetes.io/docs/tasks/network/extend-service-ip-ranges/).
"""

import dataclasses
import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from miniplane.api.objects import Obj, is_terminating

FINALIZER = "networking.k8s.io/service-cidr-finalizer"
GRACE = 10.0
"""For how many seconds a range that nobody needs is kept: an address may be under way."""
IN_USE = (
    "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new "
    "ServiceCIDR"
)
READY = "Kubernetes Service CIDR is ready"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclasses.dataclass(frozen=True, slots=True)
class AddFinalizer:
    """Hold the range back when it is deleted."""


@dataclasses.dataclass(frozen=True, slots=True)
class Tell:
    """Say in the Ready condition how it is with the range."""

    status: str
    reason: str
    message: str


@dataclasses.dataclass(frozen=True, slots=True)
class Wait:
    """Look again in so many seconds."""

    seconds: float


@dataclasses.dataclass(frozen=True, slots=True)
class DropFinalizer:
    """Let the range go."""


Action = AddFinalizer | Tell | Wait | DropFinalizer


def networks(cidr: Obj) -> Iterator[Network]:
    for text in (cidr.get("spec") or {}).get("cidrs") or ():
        yield ipaddress.ip_network(text, strict=False)


def holds(cidr: Obj, address: Address) -> bool:
    """Whether an address is one that the range gives out: neither its first nor, for IPv4, its
    last."""
    for network in networks(cidr):
        if address in network and address != network.network_address:
            return network.version == 6 or address != network.broadcast_address
    return False


def _covers(other: Obj, network: Network) -> bool:
    return any(
        wider.prefixlen <= network.prefixlen and network.network_address in wider
        for wider in networks(other)
        if wider.version == network.version
    )


def plan(
    cidr: Obj, others: Iterable[Obj], addresses: Iterable[str], *, deleted_for: float
) -> Sequence[Action]:
    """What to do now, in this order.

    `others` are all other ServiceCIDRs, `addresses` those that services have, of any range;
    `deleted_for` is how many seconds ago the deletion of `cidr` began.
    """
    finalizers = cidr["metadata"].get("finalizers") or ()
    if is_terminating(cidr):
        if not _may_go(cidr, list(others), addresses):
            return _told(cidr, Tell("False", "Terminating", IN_USE))
        if deleted_for < GRACE:
            return [Wait(GRACE - deleted_for)]
        return [DropFinalizer()] if FINALIZER in finalizers else []
    return [
        *(() if FINALIZER in finalizers else (AddFinalizer(),)),
        *_told(cidr, Tell("True", "", READY)),
    ]


def _told(cidr: Obj, tell: Tell) -> list[Action]:
    ready = condition(cidr)
    said = (ready.get("status"), ready.get("reason") or "", ready.get("message"))
    return [] if said == (tell.status, tell.reason, tell.message) else [tell]


def condition(cidr: Obj) -> dict[str, Any]:
    """The Ready condition; empty where there is none."""
    for found in (cidr.get("status") or {}).get("conditions") or ():
        if found["type"] == "Ready":
            return dict(found)
    return {}


def _may_go(cidr: Obj, others: list[Obj], addresses: Iterable[str]) -> bool:
    """Whether no address would be left without a range that holds it."""
    if all(any(_covers(other, network) for other in others) for network in networks(cidr)):
        return True
    for text in addresses:
        address = ipaddress.ip_address(text)
        if holds(cidr, address) and not any(holds(other, address) for other in others):
            return False
    return True
