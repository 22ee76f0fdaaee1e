"""What an Endpoints object says (pure).

After `pkg/controller/endpoint/endpoints_controller.go` and `RepackSubsets` of
`pkg/api/v1/endpoints/util.go`. Addresses with the same ports share a subset. Two pods of which one
listens for `http` on another port, and both for `metrics` on 9100:

    [pod a] http 8080      [pod b] http 8081      [pod a, pod b] metrics 9100
"""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from miniplane.api.objects import Obj, annotations_of, labels_of
from miniplane.controllers.endpoints import ports as portlib
from miniplane.controllers.endpoints.ports import Port, Ports
from miniplane.controllers.endpoints.targets import (
    Target,
    families_of,
    is_headless,
    publishes_not_ready,
)

MANAGED_BY = "endpoints.kubernetes.io/managed-by"
HEADLESS = "service.kubernetes.io/headless"
TRIGGER_TIME = "endpoints.kubernetes.io/last-change-trigger-time"
OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity"
CAPACITY = 1_000
"""How many addresses an Endpoints object holds at most."""

Entry = tuple[Ports, bool, Obj]
"""The ports of an address, whether it is ready, and itself."""

Identity = tuple[str, str]
"""The IP of an address, and the uid of its pod."""


def body(
    service: Obj, targets: Iterable[Target], present: Obj | None, *, changed_at: str
) -> Obj | None:
    """The Endpoints as they should be, or None if `present` will do.

    `changed_at` is the time of the change that leads to this one, or `""`.
    """
    found, truncated = truncate(repack(entries(service, targets)))
    labels = labels_for(service)
    if present is not None:
        over = annotations_of(present).get(OVER_CAPACITY) is not None
        if (present.get("subsets") or [], labels_of(present), over) == (found, labels, truncated):
            return None
    meta = dict(present["metadata"]) if present is not None else _metadata(service)
    annotations = dict(meta.get("annotations") or {})
    noted = {TRIGGER_TIME: changed_at, OVER_CAPACITY: "truncated" if truncated else ""}
    for key, value in noted.items():
        if value:
            annotations[key] = value
        else:
            annotations.pop(key, None)
    meta["labels"] = labels
    meta["annotations"] = annotations
    return {**(present or {}), "metadata": meta, "subsets": found}


def _metadata(service: Obj) -> Obj:
    meta = service["metadata"]
    return {"name": meta["name"], "namespace": meta["namespace"]}


def labels_for(service: Obj) -> dict[str, str]:
    labels = dict(labels_of(service))
    labels[MANAGED_BY] = "endpoint-controller"
    if is_headless(service):
        labels[HEADLESS] = ""
    else:
        labels.pop(HEADLESS, None)
    return labels


def entries(service: Mapping[str, Any], targets: Iterable[Target]) -> Iterable[Entry]:
    """The service's targets as addresses. Terminating pods have no place among them, unless
    readiness does not matter; nor have pods without any of the service's ports."""
    family = families_of(service)[0]
    publish = publishes_not_ready(service)
    resolve = portlib.resolver(service, portlib.in_subsets)
    bare = is_headless(service) and not service["spec"].get("ports")
    for target in targets:
        ip = target.ip_of(family)
        if not ip or (target.terminating and not publish):
            continue
        ports = resolve(target)
        if not ports and not bare:
            continue
        address: Obj = {"ip": ip, "nodeName": target.node, "targetRef": target.reference}
        hostname = target.hostname_for(service)
        if hostname:
            address["hostname"] = hostname
        yield ports, publish or target.ready, address


def repack(found: Iterable[Entry]) -> list[Obj]:
    """Subsets in their canonical form: ports that have the same addresses stand together."""
    addresses: dict[Identity, Obj] = {}
    users: dict[Port | None, dict[Identity, bool]] = {}
    for ports, ready, address in found:
        identity = address["ip"], (address.get("targetRef") or {}).get("uid", "")
        addresses.setdefault(identity, address)
        for port in ports or (None,):
            states = users.setdefault(port, {})
            # Of one address that is listed twice, being not ready counts.
            states[identity] = ready and states.get(identity, True)
    shared: dict[frozenset[tuple[Identity, bool]], list[Port | None]] = {}
    for port, states in users.items():
        shared.setdefault(frozenset(states.items()), []).append(port)
    subsets = []
    for together in shared.values():
        states = users[together[0]]
        subset: Obj = {}
        for field, wanted in (("addresses", True), ("notReadyAddresses", False)):
            chosen = sorted(identity for identity, ready in states.items() if ready == wanted)
            if chosen:
                subset[field] = [addresses[identity] for identity in chosen]
        known = sorted((port for port in together if port is not None), key=portlib.in_subsets)
        if known:
            subset["ports"] = portlib.objs(known, named=False)
        subsets.append(subset)
    subsets.sort(key=_order)
    return subsets


def _order(subset: Obj) -> tuple[Any, ...]:
    ports = [(p.get("name", ""), p["port"], p["protocol"]) for p in subset.get("ports") or ()]
    addresses = subset.get("addresses") or subset["notReadyAddresses"]
    return ports, addresses[0]["ip"]


def truncate(subsets: list[Obj]) -> tuple[list[Obj], bool]:
    """At most `CAPACITY` addresses, and whether that meant to leave some out.

    Ready ones are kept first, and each subset keeps its share.
    """
    ready, unready = _total(subsets, "addresses"), _total(subsets, "notReadyAddresses")
    if ready + unready <= CAPACITY:
        return subsets, False
    if ready > CAPACITY:
        keep = _shares(subsets, "addresses", ready, CAPACITY)
        return [_cut(s, {"addresses": keep(s), "notReadyAddresses": 0}) for s in subsets], True
    keep = _shares(subsets, "notReadyAddresses", unready, CAPACITY - ready)
    return [_cut(s, {"notReadyAddresses": keep(s)}) for s in subsets], True


def _total(subsets: Iterable[Obj], field: str) -> int:
    return sum(len(subset.get(field) or ()) for subset in subsets)


def _shares(subsets: Iterable[Obj], field: str, total: int, room: int) -> Callable[[Obj], int]:
    left = room

    def keep(subset: Obj) -> int:
        nonlocal left
        share = math.ceil(len(subset.get(field) or ()) * room / total)
        share = min(share, left, len(subset.get(field) or ()))
        left -= share
        return share

    return keep


def _cut(subset: Obj, sizes: Mapping[str, int]) -> Obj:
    out = dict(subset)
    for field, size in sizes.items():
        kept = (out.pop(field, None) or [])[:size]
        if kept:
            out[field] = kept
    return out
