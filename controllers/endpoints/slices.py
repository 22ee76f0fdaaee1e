"""What the EndpointSlices of a service say (pure).

After `staging/src/k8s.io/endpointslice/{reconciler,utils}.go`.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from miniplane.api import resources
from miniplane.api.objects import Obj, annotations_of, labels_of, uid_of
from miniplane.controllers import owners
from miniplane.controllers.endpoints import ports as portlib
from miniplane.controllers.endpoints.ports import Ports
from miniplane.controllers.endpoints.subsets import HEADLESS, TRIGGER_TIME
from miniplane.controllers.endpoints.targets import (
    Target,
    family_of,
    is_headless,
    publishes_not_ready,
)

MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
SERVICE_NAME = "kubernetes.io/service-name"
MANAGER = "endpointslice-controller.k8s.io"
PER_SLICE = 100

_RESERVED = (SERVICE_NAME, MANAGED_BY, HEADLESS)

Identity = tuple[str, str, str]
"""The addresses, hostname and pod of an endpoint: what makes it the same one."""


@dataclasses.dataclass(slots=True)
class Changes:
    """What makes the slices as they should be, as bodies of requests."""

    create: list[Obj] = dataclasses.field(default_factory=list)
    update: list[Obj] = dataclasses.field(default_factory=list)
    delete: list[Obj] = dataclasses.field(default_factory=list)
    missing: list[Target] = dataclasses.field(default_factory=list)
    """Pods left out because their node is not known (yet)."""
    skipped: int = 0
    """How many addresses of Endpoints are not mirrored, because there are too many."""


def writer(service: Obj, zones: Mapping[str, str]) -> Callable[[Target, str], Obj | None]:
    """A function that gives the endpoint of a target in slices of a family; None if it has no
    place in them. `zones` are the known nodes with their zones (`""` for none)."""
    publish = publishes_not_ready(service)
    hint = _hinter(service)

    def write(target: Target, family: str) -> Obj | None:
        zone = zones.get(target.node)
        if zone is None and not publish:
            return None
        ips = [ip for ip in target.ips if family_of(ip) == family]
        if not ips:
            return None
        endpoint = _endpoint(service, target, ips, zone or "", publish=publish)
        hint(endpoint)
        return endpoint

    return write


def _endpoint(service: Obj, target: Target, ips: list[str], zone: str, *, publish: bool) -> Obj:
    endpoint: Obj = {
        "addresses": ips,
        "conditions": {
            "ready": publish or (target.ready and not target.terminating),
            "serving": target.ready,
            "terminating": target.terminating,
        },
        "targetRef": target.reference,
    }
    hostname = target.hostname_for(service)
    if hostname:
        endpoint["hostname"] = hostname
    if target.node:
        endpoint["nodeName"] = target.node
    if zone:
        endpoint["zone"] = zone
    return endpoint


def _hinter(service: Obj) -> Callable[[Obj], None]:
    """Adds the hints that the service's traffic distribution asks for. The older annotation, which
    wants shares for each zone, goes before it."""
    wish = None if asks_for_shares(service) else service["spec"].get("trafficDistribution")
    by_node = wish == "PreferSameNode"
    by_zone = by_node or wish in ("PreferClose", "PreferSameZone")

    def hint(endpoint: Obj) -> None:
        if not by_zone or not endpoint["conditions"]["ready"]:
            return
        hints: Obj = {}
        if "zone" in endpoint:
            hints["forZones"] = [{"name": endpoint["zone"]}]
        if by_node and "nodeName" in endpoint:
            hints["forNodes"] = [{"name": endpoint["nodeName"]}]
        if hints:
            endpoint["hints"] = hints

    return hint


def asks_for_shares(service: Obj) -> bool:
    """Whether an annotation asks for hints in proportion to the CPUs of the zones."""
    annotations = annotations_of(service)
    mode = annotations.get("service.kubernetes.io/topology-aware-hints")
    if mode is None:
        mode = annotations.get("service.kubernetes.io/topology-mode")
    return mode in ("Auto", "auto")


def labels_for(service: Obj) -> dict[str, str]:
    """The labels of a service's slices: its own, and those that say whose they are."""
    labels = {k: v for k, v in labels_of(service).items() if k not in _RESERVED}
    if is_headless(service):
        labels[HEADLESS] = ""
    return {**labels, SERVICE_NAME: service["metadata"]["name"], MANAGED_BY: MANAGER}


def labels_differ(piece: Obj, labels: Mapping[str, str]) -> bool:
    """The reserved labels alone are no reason to write."""
    present = {k: v for k, v in labels_of(piece).items() if k not in _RESERVED}
    return present != {k: v for k, v in labels.items() if k not in _RESERVED}


def skeleton(service: Obj, ports: Ports, family: str) -> Obj:
    meta = service["metadata"]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "generateName": f"{meta['name']}-",
            "namespace": meta["namespace"],
            "labels": labels_for(service),
            "ownerReferences": [owners.controller_ref(resources.SERVICES, service)],
        },
        "addressType": family,
        "endpoints": [],
        "ports": portlib.objs(ports, named=True),
    }


def is_same(piece: Obj, other: Obj) -> bool:
    """Whether a slice says what another would."""
    return (
        labels_of(piece) == labels_of(other)
        and piece["metadata"].get("ownerReferences") == other["metadata"]["ownerReferences"]
        and (piece.get("endpoints") or []) == other["endpoints"]
        and (piece.get("ports") or []) == other["ports"]
    )


def note_change(piece: Obj, changed_at: str) -> None:
    annotations = dict(annotations_of(piece))
    if changed_at:
        annotations[TRIGGER_TIME] = changed_at
    else:
        annotations.pop(TRIGGER_TIME, None)
    piece["metadata"] = {**piece["metadata"], "annotations": annotations}


def is_owned(piece: Obj, service: Obj) -> bool:
    return any(
        ref["uid"] == uid_of(service) and (ref["apiVersion"], ref["kind"]) == ("v1", "Service")
        for ref in piece["metadata"].get("ownerReferences") or ()
    )


def identity_of(endpoint: Mapping[str, Any]) -> Identity:
    addresses = endpoint["addresses"]
    return (
        addresses[0] if len(addresses) == 1 else ",".join(sorted(addresses)),
        endpoint.get("hostname", ""),
        (endpoint.get("targetRef") or {}).get("name", ""),
    )
