"""PodDisruptionBudgets by their plan alone, for thousands of steps.

The server grants evictions by the status that the controller wrote last, and takes notes in it;
pods that were to be evicted go a while later, or stay after all; others come, fail and go by
themselves.
"""

import random
from typing import Any

import pytest

from miniplane.api.objects import Obj, thaw
from miniplane.clock import START, format_time, parse_time
from miniplane.controllers.disruption import plan as plans
from miniplane.controllers.disruption.members import Member, Members
from miniplane.testing import objects
from tests.sim.steps import Steps

BUDGETS: tuple[Obj, ...] = (
    {"minAvailable": 3},
    {"minAvailable": "60%"},
    {"minAvailable": 0},
    {"maxUnavailable": 1},
    {"maxUnavailable": 0},
    {"maxUnavailable": "40%"},
)


class Budget:
    """A budget, the pods that it is for, and what it promises."""

    def __init__(self, seed: Any, steps: Steps) -> None:
        self.random = random.Random(f"budget/{seed}")
        self.steps = steps
        self.now = float(START)
        self.wanted = 5
        self.pods: dict[str, Obj] = {}
        self.number = 0
        self.weather = 0.15
        self.budget: Obj = {"metadata": {"name": "web", "generation": 1}, "spec": BUDGETS[0]}
        self.calm = False
        """Whether nothing but evictions has made a pod unhealthy since the last sync."""
        self.granted = 0
        self.refused = 0

    @property
    def status(self) -> Obj:
        found: Obj = self.budget.get("status") or {}
        return found

    # The controller.

    def sync(self) -> bool:
        """One sync; whether there was nothing to be written."""
        self.steps.take()
        members = Members({})
        for pod in self.pods.values():
            members.put(Member.of(pod))
        count = self.wanted if plans.needs_scale(self.budget) else len(members)
        evicted = plans.disrupted(self.budget, members, self.now)
        new = plans.status(
            self.budget, count=count, members=members, pending=evicted.pending, now=self.now
        )
        self.check(new or self.status, evicted, count)
        if new is None:
            self.calm = True
            return True
        if self.random.random() < self.weather and self.random.random() < 0.6:
            return False
        self.budget = {**self.budget, "status": thaw(new)}
        self.calm = True
        return False

    def check(self, status: Obj, evicted: plans.Disrupted, count: int) -> None:
        healthy = [name for name in self.healthy() if name not in evicted.pending]
        desired = self.desired(count)
        assert status["currentHealthy"] == len(healthy)
        assert status["desiredHealthy"] == desired
        assert status["expectedPods"] == count
        allowed = max(0, len(healthy) - desired) if count else 0
        assert status["disruptionsAllowed"] == allowed
        [condition] = status["conditions"]
        assert condition["status"] == ("True" if allowed else "False")
        assert status["observedGeneration"] == self.budget["metadata"]["generation"]
        marks = self.status.get("disruptedPods") or {}
        for name, since in marks.items():
            age = self.now - parse_time(since)
            there = name in self.pods and "deletionTimestamp" not in self.pods[name]["metadata"]
            assert (name in evicted.pending) == (there and age <= plans.DELETION_TIMEOUT)
        left = [
            parse_time(since) + plans.DELETION_TIMEOUT - self.now
            for since in evicted.pending.values()
        ]
        assert evicted.recheck == (min(left) if left else None)

    def desired(self, count: int) -> int:
        """How many have to be healthy, in whole pods."""
        [(field, value)] = self.budget["spec"].items()
        share = value if isinstance(value, int) else -(-int(value[:-1]) * count // 100)
        return share if field == "minAvailable" else max(0, count - share)

    def healthy(self) -> list[str]:
        return [
            name
            for name, pod in self.pods.items()
            if "deletionTimestamp" not in pod["metadata"]
            and pod["status"]["conditions"][0]["status"] == "True"
        ]

    # The server.

    def evict(self, name: str) -> None:
        """As the server does it: a note in the budget, then the pod is deleted."""
        self.steps.take()
        status, ready = self.status, name in self.healthy()
        meta = self.budget["metadata"]
        if not ready and len(self.healthy()) >= status.get("desiredHealthy", 0) > 0:
            return  # Such a pod goes without asking; nothing is promised of it.
        if status.get("observedGeneration") != meta["generation"]:
            return
        if status.get("disruptionsAllowed", 0) <= 0:
            self.refused += 1
            return
        marks = {**(status.get("disruptedPods") or {}), name: format_time(self.now)}
        allowed = status["disruptionsAllowed"] - 1
        noted = {**status, "disruptionsAllowed": allowed, "disruptedPods": marks}
        self.budget = {**self.budget, "status": noted}
        if self.random.random() < 0.1:
            return  # The server is gone before the pod is.
        self.granted += ready
        self.pods[name]["metadata"]["deletionTimestamp"] = format_time(self.now)
        if self.calm and ready:
            left = [n for n in self.healthy() if n not in marks]
            assert len(left) >= status["desiredHealthy"], "a pod goes that is needed"

    # Everybody else.

    def kubelets(self, *, whims: bool = True) -> None:
        self.steps.take()
        for name, pod in list(self.pods.items()):
            condition, chance = pod["status"]["conditions"][0], self.random.random()
            if "deletionTimestamp" in pod["metadata"]:
                if chance < 0.6:
                    del self.pods[name]
            elif condition["status"] == "False" and chance < 0.6:
                condition["status"] = "True"
            elif whims and chance < 0.02:
                condition["status"] = "False"
                self.calm = False
        alive = [p for p in self.pods.values() if "deletionTimestamp" not in p["metadata"]]
        for _ in range(self.wanted - len(alive)):
            self.number += 1
            made = objects.pod(f"web-{self.number}")
            made["status"] = {"conditions": [{"type": "Ready", "status": "False"}]}
            self.pods[made["metadata"]["name"]] = made
        for pod in alive[self.wanted :]:
            pod["metadata"]["deletionTimestamp"] = format_time(self.now)
            self.calm = False

    def edit(self) -> None:
        choose, change = self.random.choice, self.random.random()
        if change < 0.6 and self.pods:
            for _ in range(self.random.randint(1, 4)):
                self.evict(choose(list(self.pods)))
        elif change < 0.65 and self.pods:
            self.pods.pop(choose(list(self.pods)))
            self.calm = False
        elif change < 0.70:
            self.wanted = self.random.randint(0, 8)
            self.calm = False
        elif change < 0.75:
            meta = self.budget["metadata"]
            meta = {**meta, "generation": meta["generation"] + 1}
            self.budget = {**self.budget, "metadata": meta, "spec": choose(BUDGETS)}

    def rest(self) -> None:
        """Nobody evicts any more: the status tells the truth, and is not written again."""
        self.weather = 0.0
        self.now += 2 * plans.DELETION_TIMEOUT
        for _ in range(40):
            self.kubelets(whims=False)
            self.sync()
        assert self.sync(), "it never rests"
        assert len(self.pods) == self.wanted == self.status["currentHealthy"]
        assert "disruptedPods" not in self.status
        spare = self.wanted - self.desired(self.wanted)
        assert self.status["disruptionsAllowed"] == max(0, spare)
        self.weather = 0.15


@pytest.mark.seeds(3, steps=2_000)
def test_evictions_leave_enough(seed: int, steps: Steps) -> None:
    sim = Budget(seed, steps)
    for turn in steps.turns():
        sim.kubelets()
        sim.edit()
        if sim.random.random() < 0.7:
            sim.sync()
        sim.now += sim.random.choice((0, 1, 10, 100))
        if turn % 150 == 149:
            sim.rest()
    sim.rest()
    assert sim.granted > 30
    assert sim.refused > 30
