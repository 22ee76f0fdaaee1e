"""What follows from a node's conditions and from its silence. Pure; times are Unix seconds.

Follows `pkg/controller/nodelifecycle`
(https://kubernetes.io/docs/concepts/architecture/nodes/#node-controller).
"""

import dataclasses
from collections.abc import Iterable, Mapping

from miniplane.api.objects import Obj

MONITOR_SECONDS = 5.0
"""How often nodes are looked at."""
GRACE_SECONDS = 10.0
"""For how much longer than its lease lasts a node may be silent before its conditions are
unknown."""
STARTUP_GRACE_SECONDS = 20.0
"""The same for one that never had a status."""

SPACING = 10.0
"""How many seconds lie between two nodes of a zone that get a taint that evicts."""
SLOW_SPACING = 100.0
"""The same in a large zone most of whose nodes are away."""
LARGE_ZONE = 50
"""How many nodes make a zone large if there are more."""
UNHEALTHY_ZONE = 0.55
"""Which share of a zone's nodes has to be away for it to be disrupted."""

_EXCLUDED = "node.kubernetes.io/exclude-disruption"
NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"

_TAINT_OF: Mapping[str, Mapping[str, str]] = {
    "Ready": {"False": NOT_READY, "Unknown": UNREACHABLE},
    "MemoryPressure": {"True": "node.kubernetes.io/memory-pressure"},
    "DiskPressure": {"True": "node.kubernetes.io/disk-pressure"},
    "NetworkUnavailable": {"True": "node.kubernetes.io/network-unavailable"},
    "PIDPressure": {"True": "node.kubernetes.io/pid-pressure"},
}
_OWN_KEYS = (UNSCHEDULABLE, *(key for keys in _TAINT_OF.values() for key in keys.values()))

_REPORTED = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")
"""Conditions that a kubelet reports, and that nobody knows when it is silent."""

_LABEL_PAIRS = (
    ("kubernetes.io/os", "beta.kubernetes.io/os"),
    ("kubernetes.io/arch", "beta.kubernetes.io/arch"),
)


def conditions(node: Obj) -> dict[str, Obj]:
    return {c["type"]: c for c in (node.get("status") or {}).get("conditions") or ()}


def readiness(node: Obj) -> str:
    """`True`, `False`, `Unknown`, or `""` for a node that has no Ready condition."""
    ready = conditions(node).get("Ready")
    return ready.get("status", "") if ready else ""


def taints(node: Obj, *, now: str, evict: bool) -> list[Obj] | None:
    """The taints that the node should have, or None if it has them.

    Taints for scheduling follow from the conditions at once. The taint that evicts is added only
    if `evict`, and taken away from a node that is ready in any case. `now` is an RFC 3339 time.
    """
    wanted: dict[tuple[str, str], None] = {}
    for kind, condition in conditions(node).items():
        if key := _TAINT_OF.get(kind, {}).get(condition.get("status", "")):
            wanted[key, "NoSchedule"] = None
    if (node.get("spec") or {}).get("unschedulable"):
        wanted[UNSCHEDULABLE, "NoSchedule"] = None
    there = (node.get("spec") or {}).get("taints") or []
    ready = readiness(node)
    evicting = {"False": NOT_READY, "Unknown": UNREACHABLE}.get(ready)
    if evicting and (evict or any(_evicts(t) for t in there)):
        wanted[evicting, "NoExecute"] = None
    kept = []
    for taint in there:
        key, effect = taint.get("key", ""), taint.get("effect", "")
        ours = effect == "NoSchedule" and key in _OWN_KEYS
        # A node that came back, or that fails in another way now.
        over = _evicts(taint) and (ready == "True" or bool(evicting))
        if (key, effect) in wanted or not (ours or over):
            kept.append(taint)
    have = dict.fromkeys((t.get("key", ""), t.get("effect", "")) for t in kept)
    for key, effect in wanted:
        if (key, effect) not in have:
            kept.append({"key": key, "effect": effect, "timeAdded": now})
    return None if kept == there else kept


def _evicts(taint: Obj) -> bool:
    return taint.get("effect") == "NoExecute" and taint.get("key") in (NOT_READY, UNREACHABLE)


def without_evicting(node: Obj) -> list[Obj] | None:
    """The taints without those that evict; None if there are none of these."""
    there = (node.get("spec") or {}).get("taints") or []
    kept = [t for t in there if not _evicts(t)]
    return None if len(kept) == len(there) else kept


def missing_labels(node: Obj) -> dict[str, str]:
    """The old names of labels, where they do not repeat the new ones."""
    labels = node["metadata"].get("labels") or {}
    return {
        old: labels[new]
        for new, old in _LABEL_PAIRS
        if new in labels and labels.get(old) != labels[new]
    }


@dataclasses.dataclass(slots=True)
class Health:
    """What the monitor remembers of a node, so that it need not read it again to find it well."""

    uid: str
    seen: float
    """When it was heard of last."""
    lease: float = 40.0
    """How long its lease lasts."""
    heartbeat: str = ""
    ready: str = ""
    """The status of its Ready condition, `""` for none."""
    unknown: bool = False
    """Whether all that a kubelet reports is unknown already."""
    zone: str = ""
    """Region and zone, `""` for neither."""
    counts: bool = True
    """Whether it counts when its zone is found to be disrupted."""
    evicting: bool = False
    """Whether it has a taint that evicts."""

    def look(self, node: Obj, now: float) -> None:
        """Take note of what the node's status says; a new heartbeat is a sign of life."""
        ready = conditions(node).get("Ready") or {}
        self.ready = ready.get("status") or ""
        self.unknown = unknown(node, now="") is None
        labels = node["metadata"].get("labels") or {}
        self.zone = _zone(labels)
        self.counts = _EXCLUDED not in labels
        self.evicting = any(_evicts(t) for t in (node.get("spec") or {}).get("taints") or ())
        heartbeat = ready.get("lastHeartbeatTime") or ""
        if heartbeat != self.heartbeat:
            self.heartbeat = heartbeat
            self.seen = now

    def silent(self, now: float) -> bool:
        """Whether nothing was heard of the node for too long."""
        return now > self._until()

    def due(self, now: float) -> float:
        """When the monitor has to look again, if nothing is heard of the node: at once while it is
        not ready, else when it has been silent for too long (Unix seconds)."""
        if self.ready in ("False", "Unknown"):
            return now
        # Until somebody has acted on its silence it is looked at again and again.
        return max(now, self._until())

    def _until(self) -> float:
        grace = GRACE_SECONDS if self.ready else STARTUP_GRACE_SECONDS
        return self.seen + self.lease + grace


def unknown(node: Obj, *, now: str) -> list[Obj] | None:
    """The conditions of a silent node; None if they say so already."""
    before = conditions(node)
    changed = False
    found: dict[str, Obj] = dict(before)
    for kind in _REPORTED:
        condition = before.get(kind)
        if condition is None:
            changed = True
            found[kind] = {
                "type": kind,
                "status": "Unknown",
                "lastHeartbeatTime": node["metadata"].get("creationTimestamp"),
                "lastTransitionTime": now,
                "reason": "NodeStatusNeverUpdated",
                "message": "Kubelet never posted node status.",
            }
        elif condition.get("status") != "Unknown":
            changed = True
            found[kind] = {
                **condition,
                "status": "Unknown",
                "lastTransitionTime": now,
                "reason": "NodeStatusUnknown",
                "message": "Kubelet stopped posting node status.",
            }
    return list(found.values()) if changed else None


def _zone(labels: Mapping[str, str]) -> str:
    region, zone = (
        labels.get(f"failure-domain.beta.kubernetes.io/{kind}")
        or labels.get(f"topology.kubernetes.io/{kind}")
        or ""
        for kind in ("region", "zone")
    )
    return f"{region}:\0:{zone}" if region or zone else ""


def spacings(nodes: Iterable[Health]) -> dict[str, float | None]:
    """By zone: how many seconds lie between two nodes that get a taint that evicts; None where
    none gets any.

    That is so where all nodes of the cluster are away, or most of those of a small zone: then
    something else is wrong, and pods that leave would find no room.
    """
    ready: dict[str, int] = {}
    away: dict[str, int] = {}
    for health in nodes:
        if health.counts:
            tally = ready if health.ready == "True" else away
            tally[health.zone] = tally.get(health.zone, 0) + 1
    found: dict[str, float | None] = {}
    for zone in dict.fromkeys([*ready, *away]):
        well, gone = ready.get(zone, 0), away.get(zone, 0)
        if not ready:
            found[zone] = None
        elif well and gone > 2 and gone / (gone + well) >= UNHEALTHY_ZONE:
            found[zone] = SLOW_SPACING if gone + well > LARGE_ZONE else None
        else:
            found[zone] = SPACING
    return found


def all_down(nodes: Iterable[Health]) -> bool:
    """Whether no node is ready: then the fault is rather here than there, and nobody is evicted."""
    return not any(health.ready == "True" for health in nodes)
