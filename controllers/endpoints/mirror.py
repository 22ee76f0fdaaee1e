"""Slices for Endpoints that were made by hand, for a service without a selector (pure).

After `pkg/controller/endpointslicemirroring`. One slice for each set of ports and address family.
"""

from collections.abc import Iterator, Mapping, Sequence

from miniplane.api import resources
from miniplane.api.objects import Obj, annotations_of, is_terminating, labels_of
from miniplane.controllers import owners
from miniplane.controllers.endpoints import ports as portlib
from miniplane.controllers.endpoints.ports import Port, Ports
from miniplane.controllers.endpoints.slices import MANAGED_BY, SERVICE_NAME, Changes
from miniplane.controllers.endpoints.subsets import TRIGGER_TIME, Entry, repack
from miniplane.controllers.endpoints.targets import family_of

MANAGER = "endpointslicemirroring-controller.k8s.io"
SKIP = "endpointslice.kubernetes.io/skip-mirror"
LEADER = "control-plane.alpha.kubernetes.io/leader"
PER_SLICE = 1_000
_NOT_COPIED = (TRIGGER_TIME, "kubectl.kubernetes.io/last-applied-configuration")


def is_mirrored(endpoints: Obj, service: Obj | None) -> bool:
    """Whether Endpoints were written by hand, for a service that has no endpoints of its own."""
    if service is None or service["spec"].get("selector"):
        return False
    return labels_of(endpoints).get(SKIP) != "true" and LEADER not in annotations_of(endpoints)


def plan(endpoints: Obj, present: Sequence[Obj]) -> Changes:
    """What makes the slices mirror `endpoints`."""
    changes = Changes()
    known: dict[tuple[Ports, str], list[Obj]] = {}
    for piece in present:
        if not is_terminating(piece):
            ports = _sorted(piece.get("ports") or ())
            known.setdefault((ports, piece.get("addressType", "")), []).append(piece)
    by_ports, changes.skipped = _by_ports(endpoints)
    for (ports, family), wanted in by_ports.items():
        new = _slice(endpoints, wanted, ports=ports, family=family)
        same = known.pop((ports, family), [])
        changes.delete += same[1:]
        if not same:
            changes.create.append(new)
        elif not _is_same(same[0], new):
            metadata = {**new["metadata"], "name": same[0]["metadata"]["name"]}
            changes.update.append({**new, "metadata": metadata})
    for left in known.values():
        changes.delete += left
    _recycle(changes)
    return changes


def _recycle(changes: Changes) -> None:
    """Rewrite slices of the same family that would be deleted instead of creating others."""
    for piece in list(changes.delete):
        for new in changes.create:
            if new["addressType"] == piece.get("addressType"):
                changes.create.remove(new)
                changes.delete.remove(piece)
                metadata = {**new["metadata"], "name": piece["metadata"]["name"]}
                changes.update.append({**new, "metadata": metadata})
                break


def _by_ports(endpoints: Obj) -> tuple[dict[tuple[Ports, str], list[Obj]], int]:
    """The endpoints by ports and family, and how many addresses are left out: of each subset, only
    so many as fit into a slice are mirrored."""
    out: dict[tuple[Ports, str], list[Obj]] = {}
    skipped = 0
    for subset in repack(_entries(endpoints)):
        ports = _sorted(subset.get("ports") or ())
        both = [
            (address, ready)
            for field, ready in (("addresses", True), ("notReadyAddresses", False))
            for address in subset.get(field) or ()
        ]
        for address, ready in both[:PER_SLICE]:
            group = out.setdefault((ports, family_of(address["ip"])), [])
            group.append(_endpoint(address, ready=ready))
        skipped += max(0, len(both) - PER_SLICE)
    return out, skipped


def _entries(endpoints: Obj) -> Iterator[Entry]:
    for subset in endpoints.get("subsets") or ():
        ports = tuple(map(Port.of, subset.get("ports") or ()))
        for field, ready in (("addresses", True), ("notReadyAddresses", False)):
            for address in subset.get(field) or ():
                yield ports, ready, address


def _sorted(ports: Sequence[Mapping[str, object]]) -> Ports:
    return tuple(sorted(map(Port.of, ports), key=portlib.in_slices))


def _endpoint(address: Obj, *, ready: bool) -> Obj:
    endpoint: Obj = {"addresses": [address["ip"]], "conditions": {"ready": ready}}
    for field in ("hostname", "targetRef", "nodeName"):
        if address.get(field):
            endpoint[field] = address[field]
    return endpoint


def _slice(endpoints: Obj, wanted: list[Obj], *, ports: Ports, family: str) -> Obj:
    meta = endpoints["metadata"]
    labels = {**labels_of(endpoints), SERVICE_NAME: meta["name"], MANAGED_BY: MANAGER}
    copied = {k: v for k, v in annotations_of(endpoints).items() if k not in _NOT_COPIED}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "generateName": f"{meta['name']}-",
            "namespace": meta["namespace"],
            "labels": labels,
            "annotations": copied,
            "ownerReferences": [owners.controller_ref(resources.ENDPOINTS, endpoints)],
        },
        "addressType": family,
        "endpoints": wanted,
        "ports": portlib.objs(ports, named=True),
    }


def _is_same(piece: Obj, new: Obj) -> bool:
    return (
        (piece.get("endpoints") or []) == new["endpoints"]
        and labels_of(piece) == labels_of(new)
        and annotations_of(piece) == annotations_of(new)
    )
