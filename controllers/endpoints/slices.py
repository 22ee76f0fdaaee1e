"""What the EndpointSlices of a service say (pure).

After `staging/src/k8s.io/endpointslice/{reconciler,utils}.go`. Endpoints with the same ports share
slices of up to 100. Those that are in a slice stay in it; new ones first go where something has to
be written anyway:

    slices of 100, 60 and 30     5 new endpoints, none gone     -> fill the one of 60
                                 5 new, one of the 100 is gone  -> 100, and 4 into the one of 60
                                 80 new                         -> a new slice
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from miniplane.api import resources
from miniplane.api.objects import Obj, annotations_of, is_terminating, labels_of, uid_of
from miniplane.controllers import owners
from miniplane.controllers.endpoints import ports as portlib
from miniplane.controllers.endpoints.ports import Port, Ports
from miniplane.controllers.endpoints.subsets import HEADLESS, TRIGGER_TIME
from miniplane.controllers.endpoints.targets import (
    Target,
    families_of,
    family_of,
    is_headless,
    publishes_not_ready,
)

MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
SERVICE_NAME = "kubernetes.io/service-name"
MANAGER = "endpointslice-controller.k8s.io"
PER_SLICE = 100

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


def plan(
    service: Obj,
    targets: Iterable[Target],
    present: Sequence[Obj],
    *,
    zones: Mapping[str, str],
    changed_at: str,
) -> Changes:
    """`zones` are the known nodes with their zones (`""` for none); `changed_at` is the time of the
    change that leads to this one, or `""`."""
    changes = Changes()
    present = [piece for piece in present if not is_terminating(piece)]
    chosen = sorted(targets, key=lambda target: target.name)
    if not publishes_not_ready(service):
        changes.missing = [target for target in chosen if target.node not in zones]
    families = families_of(service)
    changes.delete += (piece for piece in present if piece.get("addressType") not in families)
    for family in families:
        pieces = [piece for piece in present if piece.get("addressType") == family]
        _plan_family(changes, service, chosen, pieces, family=family, zones=zones)
    for piece in (*changes.create, *changes.update):
        _note_change(piece, changed_at)
    return changes


def _plan_family(
    changes: Changes,
    service: Obj,
    targets: Iterable[Target],
    present: Sequence[Obj],
    *,
    family: str,
    zones: Mapping[str, str],
) -> None:
    publish = publishes_not_ready(service)
    resolve = portlib.resolver(service, portlib.in_slices)
    hint = _hinter(service)
    desired: dict[Ports, dict[Identity, Obj]] = {}
    for target in targets:
        group = desired.setdefault(resolve(target), {})
        if target.node not in zones and not publish:
            continue
        ips = [ip for ip in target.ips if family_of(ip) == family]
        if ips:
            endpoint = _endpoint(service, target, ips, zones.get(target.node, ""), publish=publish)
            hint(endpoint)
            group[_identity(endpoint)] = endpoint
    kept: dict[Ports, list[Obj]] = {}
    create: list[Obj] = []
    update: list[Obj] = []
    delete: list[Obj] = []
    for piece in present:
        ports = tuple(map(Port.of, piece.get("ports") or ()))
        ports = tuple(sorted(ports, key=portlib.in_slices))
        if ports in desired and _is_owned(piece, service):
            kept.setdefault(ports, []).append(piece)
        else:
            delete.append(piece)
    for ports, group in desired.items():
        part = _distribute(service, kept.get(ports, ()), group, ports=ports, family=family)
        create += part.create
        update += part.update
        delete += part.delete
    if len(present) == len(delete) and not create:
        # One empty slice shows that the service has been seen.
        placeholder = _skeleton(service, (), family)
        if len(delete) == 1 and _is_same(delete[0], placeholder):
            delete = []
        else:
            create.append(placeholder)
    _recycle(service, create, update, delete)
    changes.create += create
    changes.update += update
    changes.delete += delete


def _distribute(
    service: Obj,
    present: Iterable[Obj],
    desired: dict[Identity, Obj],
    *,
    ports: Ports,
    family: str,
) -> Changes:
    """Put the endpoints of one set of ports into slices. Empties `desired`."""
    changes = Changes()
    labels = labels_for(service)
    changed: list[tuple[Obj, list[Obj]]] = []
    unchanged: list[Obj] = []
    for piece in present:
        before = piece.get("endpoints") or []
        kept = []
        for endpoint in before:
            latest = desired.pop(_identity(endpoint), None)
            if latest is not None:
                kept.append(latest)
        if kept == before and not _labels_differ(piece, labels):
            unchanged.append(piece)
        elif not kept and before:
            changes.delete.append(piece)
        else:
            changed.append((piece, kept))
    left = list(desired.values())
    for _, kept in sorted(changed, key=lambda item: -len(item[1])):
        room = PER_SLICE - len(kept)
        kept += left[:room]
        left = left[room:]
    while left:
        closest = None
        if len(left) < PER_SLICE:
            fitting = [
                piece
                for piece in unchanged
                if len(left) + len(piece.get("endpoints") or ()) <= PER_SLICE
            ]
            closest = max(
                fitting, key=lambda piece: len(piece.get("endpoints") or ()), default=None
            )
        if closest is not None:
            changed.append((closest, [*(closest.get("endpoints") or ()), *left]))
            break
        new = _skeleton(service, ports, family)
        new["endpoints"] = left[:PER_SLICE]
        changes.create.append(new)
        left = left[PER_SLICE:]
    for piece, kept in changed:
        metadata = {**piece["metadata"], "labels": labels}
        changes.update.append({**piece, "metadata": metadata, "endpoints": kept})
    return changes


def _recycle(service: Obj, create: list[Obj], update: list[Obj], delete: list[Obj]) -> None:
    """Rewrite slices that would be deleted instead of creating others."""
    for piece in list(delete):
        if not create:
            return
        new = create[-1]
        if piece.get("addressType") == new["addressType"] and _is_owned(piece, service):
            create.pop()
            delete.remove(piece)
            metadata = {**new["metadata"], "name": piece["metadata"]["name"]}
            update.append({**new, "metadata": metadata})


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
    """Adds the hints that the service's traffic distribution asks for."""
    wish = service["spec"].get("trafficDistribution")
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


def labels_for(service: Obj) -> dict[str, str]:
    """The labels of a service's slices: its own, and those that say whose they are."""
    labels = {k: v for k, v in labels_of(service).items() if k not in _RESERVED}
    if is_headless(service):
        labels[HEADLESS] = ""
    return {**labels, SERVICE_NAME: service["metadata"]["name"], MANAGED_BY: MANAGER}


_RESERVED = (SERVICE_NAME, MANAGED_BY, HEADLESS)


def _labels_differ(piece: Obj, labels: Mapping[str, str]) -> bool:
    """The reserved labels alone are no reason to write."""
    present = {k: v for k, v in labels_of(piece).items() if k not in _RESERVED}
    return present != {k: v for k, v in labels.items() if k not in _RESERVED}


def _skeleton(service: Obj, ports: Ports, family: str) -> Obj:
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


def _is_same(piece: Obj, other: Obj) -> bool:
    """Whether a slice says what another would."""
    return (
        labels_of(piece) == labels_of(other)
        and piece["metadata"].get("ownerReferences") == other["metadata"]["ownerReferences"]
        and (piece.get("endpoints") or []) == other["endpoints"]
        and (piece.get("ports") or []) == other["ports"]
    )


def _note_change(piece: Obj, changed_at: str) -> None:
    annotations = dict(annotations_of(piece))
    if changed_at:
        annotations[TRIGGER_TIME] = changed_at
    else:
        annotations.pop(TRIGGER_TIME, None)
    piece["metadata"] = {**piece["metadata"], "annotations": annotations}


def _is_owned(piece: Obj, service: Obj) -> bool:
    return any(
        ref["uid"] == uid_of(service) and (ref["apiVersion"], ref["kind"]) == ("v1", "Service")
        for ref in piece["metadata"].get("ownerReferences") or ()
    )


def _identity(endpoint: Mapping[str, Any]) -> Identity:
    addresses = endpoint["addresses"]
    return (
        addresses[0] if len(addresses) == 1 else ",".join(sorted(addresses)),
        endpoint.get("hostname", ""),
        (endpoint.get("targetRef") or {}).get("name", ""),
    )
