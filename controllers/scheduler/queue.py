"""Whose turn it is: pods that are to be placed, and pods that wait until that can help.

A pod is in one of three places (kube-scheduler's scheduling queue):

- *active*: to be tried now, the highest priority first, then in the order of arrival;
- *parked*: tried in vain; nothing has happened since that could help it;
- *backing off*: something has happened, but it was tried a moment ago. The wait is 1 s
  after the first try and doubles to 10 s. While nobody is active, a few of these are tried early;
  those that met an error are not.

Each parked pod knows which kinds of change could help it; a change of another kind leaves it
parked.
"""

import dataclasses
import heapq
from collections.abc import Collection, Iterable

FIRST_BACKOFF = 1.0
LONGEST_BACKOFF = 10.0
_EARLY = 64
"""How many pods may be backing off for them to be tried early: an event must not set off
thousands of tries that are not due."""

NODE_ADDED = "node added"
NODE_LABELS = "node labels"
NODE_TAINTS = "node taints"
NODE_ROOM = "node allocatable"
POD_GONE = "pod gone"
POD_THERE = "pod bound or labelled"
VOLUMES = "volumes"

_HELP: dict[str, tuple[str, ...]] = {
    "NodeUnschedulable": (NODE_ADDED, NODE_TAINTS),
    "TaintToleration": (NODE_ADDED, NODE_TAINTS),
    "NodeAffinity": (NODE_ADDED, NODE_LABELS),
    "NodePorts": (NODE_ADDED, POD_GONE),
    "NodeResourcesFit": (NODE_ADDED, NODE_ROOM, POD_GONE),
    "VolumeRestrictions": (POD_GONE, VOLUMES),
    "VolumeBinding": (NODE_ADDED, NODE_LABELS, VOLUMES),
    "NodeVolumeLimits": (POD_GONE, VOLUMES),
    "VolumeZone": (NODE_ADDED, NODE_LABELS, VOLUMES),
    "PodTopologySpread": (NODE_ADDED, NODE_LABELS, NODE_TAINTS, POD_GONE, POD_THERE),
    "InterPodAffinity": (NODE_ADDED, NODE_LABELS, POD_GONE, POD_THERE),
    "": (NODE_ADDED,),
}
"""Which changes may help a pod that a plugin refused; `""` when there was no node at all."""


def helpful(plugins: Iterable[str]) -> tuple[str, ...]:
    """The kinds of change that may help a pod that these plugins refused."""
    return tuple(dict.fromkeys(change for plugin in plugins for change in _HELP[plugin]))


@dataclasses.dataclass(slots=True)
class _Entry:
    priority: int
    attempts: int = 0
    tried: float = 0.0
    helpful: Collection[str] = ()
    active: int | None = None
    """Its number in the active heap, None when it is not there."""
    due: float | None = None
    """When its back-off ends, None when it is not backing off."""


class SchedulingQueue:
    """Pods without a node, by key. All methods take time in seconds from any fixed point."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._heap: list[tuple[int, int, str]] = []
        self._backoff: dict[str, None] = {}
        self._failed: dict[str, None] = {}
        self._interest: dict[str, int] = {}
        self._sequence = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def add(self, key: str, priority: int) -> None:
        """A new pod, or one that was changed: to be tried now."""
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = _Entry(priority)
        elif entry.priority != priority:
            entry.priority = priority
            entry.active = None
        self._activate(key, entry)

    def remove(self, key: str) -> None:
        """The pod has a node, or is gone."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._uninterest(entry)
            self._backoff.pop(key, None)
            self._failed.pop(key, None)

    def pop(self, now: float) -> str | None:
        """The pod whose turn it is. It stays in the queue's care until `remove` or `park`."""
        self._wake(now)
        while self._heap:
            _, number, key = heapq.heappop(self._heap)
            entry = self._entries.get(key)
            if entry is not None and entry.active == number:
                entry.active = None
                entry.attempts += 1
                entry.tried = now
                return key
        return None

    def park(self, key: str, changes: Collection[str]) -> None:
        """The pod found no node; one of `changes` may help it. Without effect on a pod that has
        been added again since it was popped."""
        entry = self._entries.get(key)
        if entry is not None and entry.active is None and entry.due is None:
            self._uninterest(entry)
            entry.helpful = changes
            for change in changes:
                self._interest[change] = self._interest.get(change, 0) + 1

    def retry(self, key: str, now: float) -> None:
        """Something went wrong that is not the pod's fault: try again after its back-off."""
        entry = self._entries.get(key)
        if entry is not None and entry.active is None and entry.due is None:
            entry.due = now + self._wait(entry)
            self._failed[key] = None

    def interested(self, change: str) -> bool:
        """Whether a parked pod hopes for such a change."""
        return bool(self._interest.get(change))

    def moved(self, change: str, now: float) -> None:
        """Something happened: whom it may help is tried again, now or when its back-off ends."""
        if not self._interest.get(change):
            return
        for key, entry in self._entries.items():
            if change in entry.helpful and entry.active is None and entry.due is None:
                due = entry.tried + self._wait(entry)
                if due <= now:
                    self._activate(key, entry)
                else:
                    entry.due = due
                    self._backoff[key] = None

    def flush(self, now: float, older: float) -> None:
        """Try again whoever has been parked for `older` seconds: a change may go unnoticed."""
        for key, entry in self._entries.items():
            if entry.active is None and entry.due is None and entry.tried + older <= now:
                self._activate(key, entry)

    def next_due(self, now: float) -> float | None:
        """In how many seconds `pop` may have something to give; None if only a change can do it."""
        if self._heap or 0 < len(self._backoff) <= _EARLY:
            return 0.0
        dues = [self._due(key) for waiting in (self._backoff, self._failed) for key in waiting]
        return max(0.0, min(dues) - now) if dues else None

    def _due(self, key: str) -> float:
        return self._entries[key].due or 0.0

    def _wake(self, now: float) -> None:
        ready = [key for key in self._failed if self._due(key) <= now]
        if self._heap or ready or len(self._backoff) > _EARLY:
            ready += [key for key in self._backoff if self._due(key) <= now]
        else:
            ready += self._backoff
        for key in ready:
            self._activate(key, self._entries[key])

    def _activate(self, key: str, entry: _Entry) -> None:
        self._uninterest(entry)
        if entry.due is not None:
            entry.due = None
            self._backoff.pop(key, None)
            self._failed.pop(key, None)
        if entry.active is None:
            self._sequence += 1
            entry.active = self._sequence
            heapq.heappush(self._heap, (-entry.priority, self._sequence, key))

    def _uninterest(self, entry: _Entry) -> None:
        for change in entry.helpful:
            self._interest[change] -= 1
        entry.helpful = ()

    def _wait(self, entry: _Entry) -> float:
        return min(FIRST_BACKOFF * 2.0 ** min(entry.attempts - 1, 10), LONGEST_BACKOFF)

    def _check(self) -> None:
        """Walk every invariant; AssertionError names the one that is broken."""
        numbers = {number: key for _, number, key in self._heap}
        interest: dict[str, int] = {}
        for key, entry in self._entries.items():
            if entry.active is not None:
                assert numbers.get(entry.active) == key, f"{key} is active but not in the heap"
                assert entry.due is None, f"{key} is active and backs off"
            waits = (key in self._backoff) + (key in self._failed)
            assert waits == (entry.due is not None), f"back-off of {key}"
            for change in entry.helpful:
                interest[change] = interest.get(change, 0) + 1
        assert interest == {k: v for k, v in self._interest.items() if v}, "interests"
