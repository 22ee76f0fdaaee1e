"""Hints that give each zone its share of a service's endpoints (pure).

After `staging/src/k8s.io/endpointslice/topologycache`. Where the annotation
`service.kubernetes.io/topology-mode: Auto` asks for it, each zone gets endpoints in proportion to
the CPUs of its nodes, first those that are in it:

    zones of 4 and 4 CPUs, 3 and 1 endpoints    one of the 3 is for the other zone
    zones of 4 and 4 CPUs, 1 endpoint           no hints: there are fewer endpoints than zones
    a node without a zone, or one zone only     no hints
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Any

from miniplane.api import quantity
from miniplane.api.objects import Obj, labels_of

ZONE = "topology.kubernetes.io/zone"
OVERLOAD = 0.2
"""By how much an endpoint may have more to do than it would have without hints."""
_EXCLUDED = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
_NO_NODE_INFO = (
    "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes"
)

Note = tuple[str, str, str]
"""Type, reason and message of an event."""
Counts = dict[str, int]
"""How many endpoints are for each zone."""


@dataclasses.dataclass(frozen=True, slots=True)
class NodeShare:
    """What counts of a node. `cpu` is in thousandths; changes of it alone are not followed."""

    zone: str
    ready: bool
    cpu: int = dataclasses.field(compare=False)
    excluded: bool = dataclasses.field(compare=False)

    @classmethod
    def of(cls, node: Mapping[str, Any]) -> "NodeShare":
        status, labels = node.get("status") or {}, labels_of(node)
        conditions = status.get("conditions") or ()
        ready: Obj = next((c for c in conditions if c["type"] == "Ready"), {})
        return cls(
            zone=labels.get(ZONE, ""),
            ready=ready.get("status") == "True",
            cpu=quantity.to_milli((status.get("allocatable") or {}).get("cpu") or 0),
            excluded=any(label in labels for label in _EXCLUDED),
        )


def ratios(nodes: Iterable[NodeShare]) -> dict[str, float]:
    """The share of each zone in the CPUs of all nodes; empty where that is not known."""
    cpus: dict[str, int] = {}
    for node in nodes:
        if node.excluded or not node.ready:
            continue
        if not node.zone or not node.cpu:
            return {}
        cpus[node.zone] = cpus.get(node.zone, 0) + node.cpu
    total = sum(cpus.values())
    return {zone: cpus[zone] / total for zone in sorted(cpus)} if len(cpus) > 1 else {}


class Topology:
    """The shares of the zones, and which services have hints. Keys are `namespace/name`."""

    def __init__(self) -> None:
        self._nodes: dict[str, NodeShare] = {}
        self._ratios: dict[str, float] | None = None
        self._given: dict[str, dict[str, Counts]] = {}
        self._populated: dict[str, None] = {}

    def node_changed(self, name: str, node: Obj | None) -> list[str]:
        """The keys of services whose hints may fit no more."""
        share = NodeShare.of(node) if node is not None else None
        before = self._nodes.get(name)
        if share is None:
            self._nodes.pop(name, None)
        else:
            self._nodes[name] = share
        if share == before:
            return []
        self._ratios = None
        return [
            key
            for key, families in self._given.items()
            if any(_is_overloaded(counts, self.ratios) for counts in families.values())
        ]

    @property
    def ratios(self) -> dict[str, float]:
        if self._ratios is None:
            self._ratios = ratios(self._nodes.values())
        return self._ratios

    def forget(self, key: str) -> None:
        self._given.pop(key, None)
        self._populated.pop(key, None)

    def drop(self, key: str, family: str) -> list[Note]:
        """The service wants no hints of this sort, or not any more."""
        if key not in self._populated and key not in self._given:
            return []
        was = key in self._populated
        self._take_back(key, family)
        return [_disabled("Topology Aware Hints has been disabled", family)] if was else []

    def share_out(
        self, key: str, family: str, create: list[Obj], update: list[Obj], unchanged: list[Obj]
    ) -> list[Note]:
        """Put hints on the slices that are written, and write more where that has to be."""
        total = sum(_ready(piece) for piece in (*create, *update, *unchanged))
        allocated = _allocate(self.ratios, total)
        if isinstance(allocated, str):
            return self._refuse(key, family, allocated, create, update, unchanged)
        counts: Counts = {}
        for piece in unchanged:
            hinted = _hinted(piece, counts, allocated)
            if hinted is None:
                update.append(dict(piece))
            else:
                for zone, count in hinted.items():
                    counts[zone] = counts.get(zone, 0) + count
        written = (*create, *update)
        for piece in written:
            for endpoint in piece["endpoints"]:
                if endpoint["conditions"]["ready"] and not endpoint.get("zone"):
                    why = "One or more endpoints do not have a zone specified"
                    return self._refuse(key, family, why, create, update, unchanged)
        for piece in written:
            for endpoint in piece["endpoints"]:
                if endpoint["conditions"]["ready"]:
                    zone = endpoint["zone"]
                    counts[zone] = counts.get(zone, 0) + 1
        moves = _moves(allocated, counts)
        for piece in written:
            piece["endpoints"] = [_with_hint(e, moves, counts) for e in piece["endpoints"]]
        if not counts:
            why = "No hints allocated for zones"
            return self._refuse(key, family, why, create, update, unchanged)
        self._given.setdefault(key, {})[family] = counts
        if key in self._populated:
            return []
        self._populated[key] = None
        text = f"Topology Aware Hints has been enabled, addressType: {family}"
        return [("Normal", "TopologyAwareHintsEnabled", text)]

    def _refuse(
        self,
        key: str,
        family: str,
        why: str,
        create: list[Obj],
        update: list[Obj],
        unchanged: Iterable[Obj],
    ) -> list[Note]:
        self._take_back(key, family)
        known = [piece["metadata"].get("name") for piece in update]
        update += (
            dict(piece)
            for piece in unchanged
            if piece["metadata"]["name"] not in known
            and any("hints" in endpoint for endpoint in piece.get("endpoints") or ())
        )
        for piece in (*create, *update):
            piece["endpoints"] = [bare(endpoint) for endpoint in piece.get("endpoints") or ()]
        return [_disabled(why, family)]

    def _take_back(self, key: str, family: str) -> None:
        families = self._given.get(key, {})
        families.pop(family, None)
        if not families:
            self._given.pop(key, None)
        self._populated.pop(key, None)


def bare(endpoint: Obj) -> Obj:
    """An endpoint without its hints."""
    return {k: v for k, v in endpoint.items() if k != "hints"}


def _disabled(why: str, family: str) -> Note:
    return "Warning", "TopologyAwareHintsDisabled", f"{why}, addressType: {family}"


def _ready(piece: Obj) -> int:
    return sum(bool(e["conditions"].get("ready")) for e in piece.get("endpoints") or ())


@dataclasses.dataclass(frozen=True, slots=True)
class _Allocation:
    maximum: int
    desired: float


def _allocate(shares: Mapping[str, float], total: int) -> dict[str, _Allocation] | str:
    """How many endpoints each zone should have, or why that cannot be."""
    if not shares:
        return _NO_NODE_INFO
    numbers = f"({total} endpoints, {len(shares)} zones)"
    if len(shares) > total:
        return f"Insufficient number of endpoints {numbers}"
    desired = {zone: share * total for zone, share in shares.items()}
    minimum = {zone: math.ceil(want * (1 / (1 + OVERLOAD))) for zone, want in desired.items()}
    spare = total - sum(minimum.values())
    if spare < 0:
        return (
            "Unable to allocate minimum required endpoints to each zone without exceeding "
            f"overload threshold {numbers}"
        )
    return {
        zone: _Allocation(minimum[zone] + spare, max(desired[zone], minimum[zone]))
        for zone in shares
    }


def _hinted(
    piece: Obj, counts: Mapping[str, int], allocated: Mapping[str, _Allocation]
) -> Counts | None:
    """What the hints of a slice give to each zone; None if they will not do."""
    found: Counts = {}
    for endpoint in piece.get("endpoints") or ():
        if not endpoint["conditions"].get("ready"):
            continue
        zones = (endpoint.get("hints") or {}).get("forZones") or ()
        if not zones:
            return None
        for zone in zones:
            if zone["name"] not in allocated:
                return None
            found[zone["name"]] = found.get(zone["name"], 0) + 1
    for zone, count in found.items():
        if count + counts.get(zone, 0) > allocated[zone].maximum:
            return None
    return found


def _moves(
    allocated: Mapping[str, _Allocation], counts: Mapping[str, int]
) -> tuple[Counts, Counts]:
    """How many endpoints zones give to others, and how many they get from others."""
    too_many = {z: counts.get(z, 0) - a.desired for z, a in allocated.items()}
    giving = {zone: number for zone, number in too_many.items() if number > 0}
    getting = {zone: -number for zone, number in too_many.items() if number < 0}
    give: Counts = {}
    get: Counts = {}
    while giving and getting:
        giver = max(giving, key=lambda zone: giving[zone])
        getter = max(getting, key=lambda zone: getting[zone])
        most, least = max(giving[giver], getting[getter]), min(giving[giver], getting[getter])
        if most < 1.0 or least < 0.5:
            break
        give[giver] = give.get(giver, 0) + 1
        giving[giver] -= 1
        get[getter] = get.get(getter, 0) + 1
        getting[getter] -= 1
    return give, get


def _with_hint(endpoint: Obj, moves: tuple[Counts, Counts], counts: Counts) -> Obj:
    """For its own zone, or for another as long as there is something to move."""
    if not endpoint["conditions"]["ready"]:
        return bare(endpoint)
    give, get = moves
    zone = endpoint["zone"]
    if give.get(zone) and any(get.values()):
        other = next(name for name, number in get.items() if number)
        give[zone] -= 1
        get[other] -= 1
        counts[zone] -= 1
        counts[other] = counts.get(other, 0) + 1
        zone = other
    return {**endpoint, "hints": {"forZones": [{"name": zone}]}}


def _is_overloaded(counts: Mapping[str, int], shares: Mapping[str, float]) -> bool:
    if not counts:
        return False
    if not shares:
        return True
    total = sum(counts.values())
    return any(
        counts.get(zone, 0) < math.ceil(total * share * (1 / (1 + OVERLOAD))) or zone not in counts
        for zone, share in shares.items()
    )
