"""How pods of an old template are replaced, in a RollingUpdate.

Without surge, old pods are deleted and the next plan creates new ones. An old pod that is not
available goes at once: it costs nothing. Others go as long as fewer than `maxUnavailable` nodes
are without an available pod (`a` available, `o` old, `n` new, `-` none):

    maxUnavailable 1    oa oa oa      delete the first
                        -  oa oa      none: one node is without
                        n  oa oa      none: the new one is not available yet
                        na oa oa      delete the second
                        na o  oa      delete the second
                        n  o  oa      delete the second: it is of no use, and goes regardless

With `maxSurge`, the new pod comes first, on at most so many nodes at a time, and the old one goes
when the new one is available:

    maxSurge 1          oa      oa    create on the first node
                        oa n    oa    none
                        oa na   oa    delete the old one
                        na      oa    create on the second node

Follows `pkg/controller/daemon/update.go`.
"""

from collections.abc import Mapping, Sequence

from miniplane.api.models.daemonset import DaemonSet
from miniplane.controllers import scaling
from miniplane.controllers.daemonset.placement import NodeView, Placement
from miniplane.controllers.daemonset.podspec import is_updated
from miniplane.controllers.pods import PodView


def max_unavailable(daemon: DaemonSet, desired: int) -> int:
    """How many of `desired` nodes may be without an available pod."""
    rolling = daemon.spec.update_strategy.rolling_update
    if daemon.spec.update_strategy.type != "RollingUpdate" or rolling is None:
        return 0
    return scaling.scaled(rolling.max_unavailable or 0, desired, round_up=True)


def max_surge(daemon: DaemonSet, desired: int) -> int:
    """How many of `desired` nodes may run a second, newer pod."""
    rolling = daemon.spec.update_strategy.rolling_update
    if daemon.spec.update_strategy.type != "RollingUpdate" or rolling is None:
        return 0
    return scaling.scaled(rolling.max_surge or 0, desired, round_up=True)


def allows_surge(daemon: DaemonSet) -> bool:
    return max_surge(daemon, 1) > 0


def plan(
    daemon: DaemonSet,
    nodes: Sequence[NodeView],
    found: Mapping[str, Sequence[PodView]],
    *,
    placement: Placement,
    hash_: str,
    generation: str,
    now: float,
) -> tuple[list[str], list[PodView]]:
    """The nodes to create a pod on, and the pods to delete."""
    if daemon.spec.update_strategy.type != "RollingUpdate":
        return [], []
    return _Rollout(daemon, nodes, found, placement, hash_, generation, now).plan()


def superfluous(
    running: Sequence[PodView], *, hash_: str, min_ready_seconds: int, now: float
) -> list[PodView]:
    """Of several pods on one node of a set that may surge, those that have to go.

    An old and a new one stay together as long as the old one is ready and the new one is not
    available yet.
    """
    new = [pod for pod in running if pod.revision == hash_]
    old = [pod for pod in running if pod.revision != hash_]
    kept = (*new[:1], *old[:1])
    going = [pod for pod in running if pod not in kept]
    if new and old and (not old[0].ready or new[0].available(min_ready_seconds, now)):
        going.append(old[0])
    return going


class _Rollout:
    """The working memory of one plan."""

    def __init__(
        self,
        daemon: DaemonSet,
        nodes: Sequence[NodeView],
        found: Mapping[str, Sequence[PodView]],
        placement: Placement,
        hash_: str,
        generation: str,
        now: float,
    ):
        self.min_ready = daemon.spec.min_ready_seconds
        self.hash = hash_
        self.generation = generation
        self.now = now
        self.suits = {node.name: placement.of(node).should_run for node in nodes}
        self.desired = sum(self.suits.values())
        # All nodes that should have a pod, and all that have one, in a fixed order.
        wanted = (name for name, suits in self.suits.items() if suits or name in found)
        self.found = {name: found.get(name, ()) for name in dict.fromkeys((*wanted, *found))}
        self.max_unavailable = max_unavailable(daemon, self.desired)
        self.max_surge = max_surge(daemon, self.desired)
        if self.desired and not self.max_unavailable and not self.max_surge:
            self.max_unavailable = 1

    def plan(self) -> tuple[list[str], list[PodView]]:
        return self._surging() if self.max_surge else self._in_place()

    def _available(self, pod: PodView) -> bool:
        return pod.available(self.min_ready, self.now)

    def _pair(self, here: Sequence[PodView]) -> tuple[PodView | None, PodView | None] | None:
        """The new and the old pod of a node; None where there are several of one sort."""
        new: PodView | None = None
        old: PodView | None = None
        for pod in here:
            if pod.terminating:
                continue
            if is_updated(pod, hash_=self.hash, generation=self.generation):
                if new is not None:
                    return None
                new = pod
            else:
                if old is not None:
                    return None
                old = pod
        return new, old

    def _in_place(self) -> tuple[list[str], list[PodView]]:
        unavailable = 0
        useless: list[PodView] = []
        candidates: list[PodView] = []
        for here in self.found.values():
            pair = self._pair(here)
            if pair is None:
                unavailable += 1
                continue
            new, old = pair
            if (new is None) == (old is None):
                unavailable += 1
            elif new is not None:
                unavailable += not self._available(new)
            elif old is not None and not self._available(old):
                useless.append(old)
                unavailable += 1
            elif old is not None and unavailable < self.max_unavailable:
                candidates.append(old)
        room = max(0, self.max_unavailable - unavailable)
        return [], useless + candidates[:room]

    def _surging(self) -> tuple[list[str], list[PodView]]:
        going: list[PodView] = []
        misplaced: list[PodView] = []
        regardless: list[str] = []
        candidates: list[str] = []
        surging = available = 0
        for name, here in self.found.items():
            pair = self._pair(here)
            if pair is None:
                surging += 1
                continue
            new, old = pair
            counted = old or new
            if counted is not None and self._available(counted):
                available += 1
            if old is None:
                continue
            if new is not None:
                if self._available(new):
                    going.append(old)
                else:
                    surging += 1
            elif not self._available(old):
                if self.suits.get(name):
                    regardless.append(name)
                else:
                    going.append(old)
            elif not self.suits.get(name):
                misplaced.append(old)
            elif surging < self.max_surge:
                candidates.append(name)
        # Pods on nodes that no longer suit stay until enough others are available.
        going += misplaced[: max(0, available - self.desired)]
        room = max(0, self.max_surge - surging)
        return regardless + candidates[:room], going
