"""What an Endpoints object says (pure).

After `pkg/controller/endpoint/endpoints_controller.go` and `RepackSubsets` of
`pkg/api/v1/endpoints/util.go`. Addresses with the same ports share a subset. Two pods of which one
listens for `http` on another port, and both for `metrics` on 9100:

    [pod a] http 8080      [pod b] http 8081      [pod a, pod b] metrics 9100
"""

import heapq
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sortedcontainers import SortedList

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


class _Entry(NamedTuple):
    """A pod's address, by which addresses are sorted: by IP, then by the uid of the pod."""

    ip: str
    uid: str
    pod: str


_Lists = tuple[SortedList, SortedList]
"""Entries that are ready, and those that are not."""


class Addresses:
    """The addresses of one revision of a service, kept in order from one sync to the next.

    Terminating pods have no place among them, unless readiness does not matter; nor have pods
    without any of the service's ports.
    """

    def __init__(self, service: Obj, targets: Mapping[str, Target]):
        self._service = service
        self._targets = targets
        self._family = families_of(service)[0]
        self._publish = publishes_not_ready(service)
        self._bare = is_headless(service) and not service["spec"].get("ports")
        self._resolve = portlib.resolver(service, portlib.in_subsets)
        self._by_ports: dict[Ports, _Lists] = {}
        found: dict[Ports, tuple[list[_Entry], list[_Entry]]] = {}
        for target in targets.values():
            place = self._place(target)
            if place is not None:
                ports, ready, entry = place
                found.setdefault(ports, ([], []))[not ready].append(entry)
        for ports, (ready_ones, others) in found.items():
            self._by_ports[ports] = SortedList(ready_ones), SortedList(others)

    def update(self, targets: Mapping[str, Target], changed: Mapping[str, Target | None]) -> None:
        """`targets` are the service's now; `changed` those that came, changed or went since they
        were told last, as they were then."""
        self._targets = targets
        for name, old in changed.items():
            new = targets.get(name)
            if old == new:
                continue
            place = self._place(old)
            if place is not None:
                ports, ready, entry = place
                lists = self._by_ports[ports]
                lists[not ready].remove(entry)
                if not any(lists):
                    del self._by_ports[ports]
            place = self._place(new)
            if place is not None:
                ports, ready, entry = place
                found = self._by_ports.get(ports)
                if found is None:
                    found = self._by_ports[ports] = SortedList(), SortedList()
                found[not ready].add(entry)

    def body(self, present: Obj | None, *, changed_at: str) -> Obj | None:
        """The Endpoints as they should be, or None if `present` will do.

        `changed_at` is the time of the change that leads to this one, or `""`.
        """
        found, truncated = self.subsets()
        labels = labels_for(self._service)
        if present is not None:
            over = annotations_of(present).get(OVER_CAPACITY) is not None
            now = present.get("subsets") or [], labels_of(present), over
            if now == (found, labels, truncated):
                return None
        meta = dict(present["metadata"]) if present is not None else _metadata(self._service)
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

    def subsets(self) -> tuple[list[Obj], bool]:
        """The subsets in their canonical form, with at most `CAPACITY` addresses, and whether that
        meant to leave some out."""
        users: dict[Port | None, list[_Lists]] = {}
        for ports, lists in self._by_ports.items():
            for port in dict.fromkeys(ports) or (None,):
                users.setdefault(port, []).append(lists)
        # Each address is in the lists of one set of ports, so ports have the same addresses where
        # they have the same lists.
        shared: dict[tuple[int, ...], list[Port | None]] = {}
        for port, used in users.items():
            shared.setdefault(tuple(map(id, used)), []).append(port)
        drafts = [_Draft(together, users[together[0]]) for together in shared.values()]
        drafts.sort(key=_Draft.order)
        truncated = _share_out(drafts)
        return [self._subset(draft) for draft in drafts], truncated

    def _subset(self, draft: "_Draft") -> Obj:
        subset: Obj = {}
        for field, ready, size in (
            ("addresses", True, draft.ready),
            ("notReadyAddresses", False, draft.unready),
        ):
            if size:
                chosen = itertools.islice(draft.entries(ready=ready), size)
                subset[field] = [self._address(entry) for entry in chosen]
        if draft.ports:
            subset["ports"] = portlib.objs(draft.ports, named=False)
        return subset

    def _place(self, target: Target | None) -> tuple[Ports, bool, _Entry] | None:
        """The ports of a target, whether it is ready, and its entry; None if it has no place."""
        if target is None or (target.terminating and not self._publish):
            return None
        ip = target.ip_of(self._family)
        if not ip:
            return None
        ports = self._resolve(target)
        if not ports and not self._bare:
            return None
        return ports, self._publish or target.ready, _Entry(ip, target.uid, target.name)

    def _address(self, entry: _Entry) -> Obj:
        target = self._targets[entry.pod]
        address: Obj = {
            "ip": entry.ip,
            "nodeName": target.node,
            "targetRef": target.reference,
        }
        hostname = target.hostname_for(self._service)
        if hostname:
            address["hostname"] = hostname
        return address


class _Draft:
    """A subset to be: its ports, where its addresses are, and how many of them it may have."""

    def __init__(self, ports: Iterable[Port | None], lists: Sequence[_Lists]):
        known = (port for port in ports if port is not None)
        self.ports = sorted(known, key=portlib.in_subsets)
        self.lists = lists
        self.ready = sum(len(ready) for ready, _ in lists)
        self.unready = sum(len(unready) for _, unready in lists)

    def entries(self, *, ready: bool) -> Iterator[_Entry]:
        found = [lists[not ready] for lists in self.lists]
        return iter(found[0]) if len(found) == 1 else heapq.merge(*found)

    def order(self) -> tuple[Any, ...]:
        ports = [(port.name, port.number, port.protocol) for port in self.ports]
        return ports, next(self.entries(ready=self.ready > 0)).ip


def _share_out(drafts: Iterable[_Draft]) -> bool:
    """Keep to `CAPACITY`, and tell whether that meant to leave some out.

    Ready ones are kept first, and each subset keeps its share.
    """
    drafts = list(drafts)
    ready = sum(draft.ready for draft in drafts)
    unready = sum(draft.unready for draft in drafts)
    if ready + unready <= CAPACITY:
        return False
    if ready > CAPACITY:
        left = CAPACITY
        for draft in drafts:
            draft.ready = min(math.ceil(draft.ready * CAPACITY / ready), left, draft.ready)
            draft.unready = 0
            left -= draft.ready
        return True
    left = room = CAPACITY - ready
    for draft in drafts:
        draft.unready = min(math.ceil(draft.unready * room / unready), left, draft.unready)
        left -= draft.unready
    return True


def body(
    service: Obj, targets: Iterable[Target], present: Obj | None, *, changed_at: str
) -> Obj | None:
    """What new `Addresses` come to."""
    addresses = Addresses(service, {target.name: target for target in targets})
    return addresses.body(present, changed_at=changed_at)


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
