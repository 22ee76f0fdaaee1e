"""HorizontalPodAutoscalers over Deployments, with usage that jumps about, in bad weather."""

from typing import Any

import pytest

from miniplane.api.objects import Obj, annotations_of
from miniplane.api.resources import DEPLOYMENTS, PODS, resource
from miniplane.testing import objects
from tests.sim.workloads import trouble
from tests.sim.workloads.trouble import Trouble, alive, name_of

AUTOSCALERS = resource("horizontalpodautoscalers", "autoscaling", "v2")
USAGE = "metrics.miniplane.dev/cpu"
REQUEST = 100
"""Thousandths of a core that each pod asks for."""


def an_autoscaler(low: int, high: int) -> Obj:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "minReplicas": low,
            "maxReplicas": high,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {
                        "name": "cpu",
                        "target": {"type": "Utilization", "averageUtilization": 50},
                    },
                }
            ],
        },
    }


class Judge:
    """Sizes stay between their bounds, and shrink only when five minutes have agreed to it."""

    def __init__(self, sim: Any) -> None:
        self.sim = sim
        self.calm = False
        """Whether users have stopped setting sizes themselves."""
        self.sizes: list[tuple[float, int]] = []
        """When the autoscaler wrote which size, since a user last set one."""
        sim.judge = self.judge

    def judge(self, call: Any) -> None:
        if (call.resource, call.subresource) != (DEPLOYMENTS, "scale") or call.verb != "update":
            return
        spec = self.sim.get(AUTOSCALERS, "web")["spec"]
        present = self.sim.get(DEPLOYMENTS, "web")["spec"]["replicas"]
        size = call.body["spec"]["replicas"]
        if self.sim.storm:
            return
        if not present:
            self.sim.complain("what was switched off is scaled")
        if not spec["minReplicas"] <= size <= spec["maxReplicas"]:
            self.sim.complain(f"{size} is not between the bounds")
        if size > max(2 * present, present + 4, spec["minReplicas"]):
            self.sim.complain(f"{present} grow to {size} at once")
        now = self.sim.clock.time()
        within = spec["minReplicas"] <= present <= spec["maxReplicas"]
        recent = [when for when, was in self.sizes if was > size and now - when < 299]
        if size < present and within and recent:
            self.sim.complain(
                f"{present} shrink to {size} {now - recent[-1]} seconds after growing"
            )
        if size > present:
            self.sizes.append((now, size))


async def use(sim: Any, amount: int) -> None:
    """All pods use so much; those to come as well, as soon as they are there."""
    for pod in sim.all(PODS):
        if alive(pod) and annotations_of(pod).get(USAGE) != f"{amount}m":
            note = {"metadata": {"annotations": {USAGE: f"{amount}m"}}}
            await sim.patch(PODS, name_of(pod), note)


@pytest.mark.seeds(1, steps=1_100)
@pytest.mark.settings(metrics_server=True)
async def test_sizes_follow_usage(sim: Any) -> None:
    random = sim.random
    made = objects.deployment("web", replicas=2, pod_fields=trouble.FIELDS)
    [container] = made["spec"]["template"]["spec"]["containers"]
    container["resources"] = {"requests": {"cpu": f"{REQUEST}m"}}
    await sim.user.create(DEPLOYMENTS, made)
    await sim.user.create(AUTOSCALERS, an_autoscaler(2, 9))
    judge = Judge(sim)
    harm = Trouble(sim, moody=False)
    usage = 50
    for _ in sim.turns():
        await harm.whims()
        await sim.pass_time()
        change = random.choice(("usage", "usage", "usage", "bounds", "size", "pod", "node", ""))
        if change == "usage":
            usage = random.choice((5, 40, 50, 54, 80, 200))
        elif change == "bounds":
            low = random.integer(1, 4)
            spec = {"minReplicas": low, "maxReplicas": low + random.integer(0, 6)}
            await sim.patch(AUTOSCALERS, "web", {"spec": spec})
            judge.sizes.clear()
        elif change == "size":
            size = random.choice((0, 1, 3, 12))
            await sim.patch(DEPLOYMENTS, "web", {"spec": {"replicas": size}})
            judge.sizes.clear()
        elif change == "pod":
            for rs in sim.all(resource("replicasets", "apps")):
                await sim.hurt_a_pod(rs)
        elif change == "node":
            await harm.nodes()
        await use(sim, usage)
    bounds = {"minReplicas": 2, "maxReplicas": 9}
    await sim.patch(AUTOSCALERS, "web", {"spec": bounds})
    await sim.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 3}})
    judge.sizes.clear()
    sim.clear()
    await harm.uncordon()
    # Each pod uses all that it asks for, which is twice the target: there are never enough.
    for expected, amount in ((9, 100), (2, 10)):
        for _ in range(60):
            await harm.whims()
            await use(sim, amount)
            await sim.harness.advance(20)
        assert sim.get(DEPLOYMENTS, "web")["spec"]["replicas"] == expected

    def check() -> None:
        assert sim.get(DEPLOYMENTS, "web")["status"]["availableReplicas"] == 2
        status = sim.get(AUTOSCALERS, "web")["status"]
        assert (status["currentReplicas"], status["desiredReplicas"]) == (2, 2)
        [metric] = status["currentMetrics"]
        assert metric["resource"]["current"]["averageUtilization"] == 10
        found = {c["type"]: (c["status"], c["reason"]) for c in status["conditions"]}
        assert found["AbleToScale"][0] == found["ScalingActive"][0] == "True"
        assert found["ScalingLimited"] == ("True", "TooFewReplicas")

    await harm.mend(check)
