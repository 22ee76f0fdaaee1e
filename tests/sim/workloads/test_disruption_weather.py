"""PodDisruptionBudgets in a whole cluster: nothing that asks first goes below them."""

from typing import Any

import pytest

from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj
from miniplane.api.resources import (
    DEPLOYMENTS,
    NODES,
    POD_DISRUPTION_BUDGETS,
    PODS,
    STATEFUL_SETS,
    Resource,
)
from miniplane.controllers.scaling import scaled
from miniplane.testing import objects
from tests.sim.workloads import trouble
from tests.sim.workloads.trouble import Trouble, alive, name_of, ready


def a_budget(sim: Any) -> Obj:
    field, value = sim.random.choice(
        (
            ("minAvailable", 3),
            ("minAvailable", "60%"),
            ("maxUnavailable", 1),
            ("maxUnavailable", 2),
            ("maxUnavailable", "40%"),
        )
    )
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {field: value, "selector": {"matchLabels": {"app": "web"}}},
    }


class Budget:
    """How many pods have to be healthy, and whether they are."""

    def __init__(self, sim: Any, row: Resource, spec: Obj) -> None:
        self.sim, self.row, self.spec = sim, row, spec
        self.evictions = 0
        self.refusals = 0

    def least(self) -> int:
        wanted: int = self.sim.get(self.row, "web")["spec"]["replicas"]
        if "minAvailable" in self.spec:
            return scaled(self.spec["minAvailable"], wanted, round_up=True)
        return max(0, wanted - scaled(self.spec["maxUnavailable"], wanted, round_up=True))

    def healthy(self) -> int:
        return sum(ready(pod) for pod in self.sim.all(PODS) if alive(pod))

    async def evict(self, name: str) -> None:
        """AssertionError when a healthy pod goes that the budget needs."""
        pod = self.sim.get(PODS, name)
        if pod is None or not alive(pod):
            return
        # A new size of the workload counts from the next look at the budget on.
        noted = self.sim.get(POD_DISRUPTION_BUDGETS, "web")["status"].get("desiredHealthy", 0)
        before, least = self.healthy(), min(self.least(), noted)
        try:
            await self.sim.evict_pod(pod)
        except StatusError as error:
            assert error.code in (404, 409, 429), error
            self.refusals += error.code == 429
            return
        self.evictions += 1
        if ready(pod):
            assert before > least, f"{before} were healthy, {least} have to be"
        assert self.healthy() >= min(before, least)


@pytest.mark.seeds(1, steps=1_100)
@pytest.mark.parametrize("row", [DEPLOYMENTS, STATEFUL_SETS], ids=["Deployment", "StatefulSet"])
async def test_evictions_keep_to_the_budget(sim: Any, row: Resource) -> None:
    budget = a_budget(sim)
    make = objects.deployment if row is DEPLOYMENTS else objects.stateful_set
    await sim.user.create(row, make("web", replicas=5, pod_fields=trouble.FIELDS))
    await sim.user.create(POD_DISRUPTION_BUDGETS, budget)
    judge = Budget(sim, row, budget["spec"])
    # Pods that let their users down by themselves are nothing that a budget prevents.
    harm = Trouble(sim, moody=False)
    for _ in sim.turns():
        await harm.whims()
        await sim.pass_time()
        pods = [pod for pod in sim.all(PODS) if alive(pod)]
        change = sim.random.choice(("evict", "evict", "evict", "drain", "open", "up"))
        if change == "evict" and pods:
            for _ in range(sim.random.integer(1, 3)):
                await judge.evict(name_of(sim.random.choice(pods)))
        elif change == "drain":
            node = name_of(sim.random.choice(sim.all(NODES)))
            await sim.patch(NODES, node, {"spec": {"unschedulable": True}})
            for pod in pods:
                if pod["spec"].get("nodeName") == node:
                    await judge.evict(name_of(pod))
        elif change == "open":
            await harm.uncordon()
        elif change == "up":
            more = min(8, sim.get(row, "web")["spec"]["replicas"] + 1)
            await sim.patch(row, "web", {"spec": {"replicas": more}})

    def check() -> None:
        wanted = sim.get(row, "web")["spec"]["replicas"]
        assert judge.healthy() == wanted
        status = sim.get(POD_DISRUPTION_BUDGETS, "web")["status"]
        assert status["expectedPods"] == status["currentHealthy"] == wanted
        assert status["desiredHealthy"] == judge.least()
        assert status["disruptionsAllowed"] == wanted - judge.least()
        assert not status.get("disruptedPods")
        for pod in sim.all(PODS):
            assert alive(pod)
            told = {c["type"]: c["status"] for c in pod["status"]["conditions"]}
            assert told.get("DisruptionTarget", "False") == "False"

    await harm.mend(check)
    assert judge.evictions
    assert judge.refusals
