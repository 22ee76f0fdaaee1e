"""HorizontalPodAutoscalers by their plan alone, of all sorts of behaviour, for thousands of steps.

A load is shared by the pods that are ready; pods start slowly and fail; users set sizes and bounds;
every fifteen seconds the autoscaler looks. How fast it may go is found from the sizes that there
really were, not from what it remembers.
"""

import dataclasses
import math
import random
from typing import Any

import pytest

from miniplane.api.objects import Obj
from miniplane.clock import START, format_time
from miniplane.controllers.podautoscaler import metrics
from miniplane.controllers.podautoscaler.behavior import History
from miniplane.controllers.podautoscaler.metrics import Observed
from miniplane.controllers.podautoscaler.plan import INTERVAL, needs_metrics, plan
from miniplane.testing import objects
from tests.sim.steps import Steps

REQUEST, TARGET = 100, 50
"""Thousandths of a core that each pod asks for, and percent of it that it should use."""


@dataclasses.dataclass(slots=True)
class Pod:
    number: int
    since: float
    ready: bool = False


class Scaled:
    """A target, its load, its autoscaler, and what that promises."""

    def __init__(self, seed: Any, steps: Steps) -> None:
        self.random = random.Random(f"autoscaler/{seed}")
        self.steps = steps
        self.now = float(START)
        self.size = 3
        self.pods: list[Pod] = []
        self.number = 0
        self.load = 150
        self.weather = 0.15
        self.spec: Obj = {"minReplicas": 1, "maxReplicas": 10, "metrics": [metric()]}
        self.history = History()
        self.sizes: list[tuple[float, int]] = [(self.now, self.size)]
        """When the target got which size, since somebody else has set one."""
        self.asked: list[tuple[float, int]] = []
        """What the metrics alone have asked for, and when."""

    # The autoscaler.

    def look(self) -> bool:
        """One turn of its; whether it left everything as it was."""
        self.steps.take()
        current = self.size
        observed = Observed((), (), current, self.now)
        raw = None
        if needs_metrics(self.spec, current):
            observed = Observed(self.pod_objects(), self.usages(), current, self.now)
            raw = metrics.propose(self.spec["metrics"], observed).replicas
        if not self.history.recommendations:
            self.asked.append((self.now, current))  # To begin with, the size is right.
        decision = plan(self.spec, observed, self.history)
        self.check(decision.replicas, raw)
        if decision.replicas is None:
            return True
        assert decision.replicas != current, "a write that changes nothing"
        if self.random.random() >= self.weather:
            self.resize(decision.replicas)
            self.history.scaled(self.now, current, decision.replicas, self.spec.get("behavior"))
        elif self.random.random() < 0.4:
            # It was done, and the answer is lost: what it does not know of it cannot count.
            self.resize(decision.replicas)
            self.begin_anew()
        return False

    def resize(self, size: int) -> None:
        self.steps.take()
        self.size = size
        self.sizes.append((self.now, size))

    def begin_anew(self) -> None:
        self.history = History()
        self.sizes = [(self.now, self.size)]
        self.asked.clear()

    def pod_objects(self) -> list[Obj]:
        made = []
        for pod in self.pods:
            obj = objects.pod(f"web-{pod.number}")
            requests = {"requests": {"cpu": f"{REQUEST}m"}}
            obj["spec"]["containers"][0]["resources"] = requests
            since = format_time(pod.since)
            ready = {
                "type": "Ready",
                "status": "True" if pod.ready else "False",
                "lastTransitionTime": since,
            }
            obj["status"] = {"phase": "Running", "startTime": since, "conditions": [ready]}
            made.append(obj)
        return made

    def usages(self) -> list[Obj] | str:
        if self.random.random() < self.weather / 2:
            return "the server is currently unable to handle the request"
        ready = sum(pod.ready for pod in self.pods)
        return [
            {
                "metadata": {"name": f"web-{pod.number}", "namespace": "default"},
                "timestamp": format_time(self.now),
                "window": "15s",
                "containers": [
                    {"name": "main", "usage": {"cpu": f"{self.load // ready if pod.ready else 0}m"}}
                ],
            }
            for pod in self.pods
        ]

    # What is promised.

    def check(self, wanted: int | None, raw: int | None) -> None:
        low, high = self.spec["minReplicas"], self.spec["maxReplicas"]
        current = self.size
        if raw is not None:
            self.asked.append((self.now, raw))
            settled = all(pod.ready and pod.since <= self.now - 60 for pod in self.pods)
            if settled and 0.9 * TARGET <= self.load // len(self.pods) <= 1.1 * TARGET:
                assert raw == current, "a small difference is none"
        if current == 0:
            assert wanted is None, "what is switched off is scaled"
            return
        if not low <= current <= high:
            assert wanted == (low if current < low else high)
            return
        if raw is None:
            assert wanted is None, "nobody knows why"
            return
        size = current if wanted is None else wanted
        assert low <= size <= high
        behavior = self.spec.get("behavior")
        if behavior is None:
            # The most that was asked for in five minutes counts, on the way up as well.
            most = max(self.lately(300.001))
            assert size <= max(2 * current, 4, low), "it goes up too fast"
            assert size <= max(most, low)
            assert size >= min(most, current), "it goes down too early"
            return
        up, down = behavior["scaleUp"], behavior["scaleDown"]
        if size > current:
            asked = self.lately(up["stabilizationWindowSeconds"])
            assert size <= max(min(asked), low), "it goes up too early"
            assert size <= self.limit(up, 1), "it goes up too fast"
        elif size < current:
            asked = self.lately(down["stabilizationWindowSeconds"])
            assert size >= max(asked), "it goes down too early"
            assert size >= self.limit(down, -1), "it goes down too fast"

    def lately(self, seconds: float) -> list[int]:
        found = [n for when, n in self.asked if when > self.now - seconds]
        return [*found, self.asked[-1][1]]

    def limit(self, rules: Obj, sign: int) -> float:
        """How far the policies let the size go, by the sizes that there were."""
        if rules["selectPolicy"] == "Disabled":
            return self.size
        found = []
        for policy in rules["policies"]:
            begin = self.now - policy["periodSeconds"]
            before = [size for when, size in self.sizes if when <= begin]
            start = before[-1] if before else self.sizes[0][1]
            if policy["type"] == "Pods":
                found.append(start + sign * policy["value"])
            else:
                share = start * (1 + sign * policy["value"] / 100)
                found.append(math.ceil(share) if sign > 0 else math.floor(share))
        far = max if (rules["selectPolicy"] == "Max") == (sign > 0) else min
        return max(far(found), self.size) if sign > 0 else min(far(found), self.size)

    # Everybody else.

    def kubelets(self, *, whims: bool = True) -> None:
        self.steps.take()
        del self.pods[self.size :]
        while len(self.pods) < self.size:
            self.number += 1
            self.pods.append(Pod(self.number, self.now))
        for pod in self.pods:
            if not pod.ready and self.random.random() < 0.7:
                pod.ready, pod.since = True, self.now
            elif whims and pod.ready and self.random.random() < 0.02:
                pod.ready, pod.since = False, self.now

    def edit(self) -> None:
        self.steps.take()
        choose, change = self.random.choice, self.random.random()
        if change < 0.3:
            self.load = choose((5, 40, 150, 160, 300, 1_000))
        elif change < 0.35:
            low = self.random.randint(1, 4)
            high = low + self.random.randint(0, 12)
            self.spec = {**self.spec, "minReplicas": low, "maxReplicas": high}
        elif change < 0.4:
            self.resize(choose((0, 1, 2, 3, 12, 20)))
            self.begin_anew()
        elif change < 0.45:
            self.spec = {k: v for k, v in self.spec.items() if k != "behavior"}
            if self.random.random() < 0.8:
                self.spec["behavior"] = {"scaleUp": self.rules(), "scaleDown": self.rules()}
            self.begin_anew()

    def rules(self) -> Obj:
        random = self.random
        policies = [
            {
                "type": random.choice(("Pods", "Percent")),
                "value": random.choice((1, 2, 10, 50, 100)),
                "periodSeconds": random.choice((15, 60, 300)),
            }
            for _ in range(random.randint(1, 2))
        ]
        return {
            "policies": policies,
            "selectPolicy": random.choice(("Max", "Max", "Min", "Disabled")),
            "stabilizationWindowSeconds": random.choice((0, 60, 300)),
        }

    def rest(self) -> None:
        """The load stays as it is: before long, so does the size, and it is one that fits."""
        self.weather = 0.0
        self.size = self.size or 1
        self.spec = {k: v for k, v in self.spec.items() if k != "behavior"}
        self.begin_anew()
        for _ in range(120):
            self.turn(whims=False)
        size = self.size
        for _ in range(30):
            assert self.turn(whims=False), "it never rests"
        low, high = self.spec["minReplicas"], self.spec["maxReplicas"]
        ratio = self.load / (size * REQUEST * TARGET / 100)
        assert size == low or ratio > 0.5, "too many"
        assert size == high or ratio <= 1.2, "too few"
        # What it remembers does not grow.
        assert len(self.history.recommendations) <= 300 / INTERVAL + 2
        self.weather = 0.15
        self.begin_anew()

    def turn(self, *, whims: bool = True) -> bool:
        self.kubelets(whims=whims)
        unchanged = self.look()
        self.now += INTERVAL
        return unchanged


def metric() -> Obj:
    target = {"type": "Utilization", "averageUtilization": TARGET}
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


@pytest.mark.seeds(3, steps=2_000)
def test_sizes_follow_the_load(seed: int, steps: Steps) -> None:
    sim = Scaled(seed, steps)
    for turn in steps.turns():
        if sim.random.random() < 0.3:
            sim.edit()
        sim.turn()
        if turn % 200 == 199:
            sim.rest()
    sim.rest()
