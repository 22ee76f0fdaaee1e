"""The pods of each budget, counted as they come, change and go."""

import random

import pytest

from miniplane.api.errors import StatusError
from miniplane.api.objects import labels_of
from miniplane.api.resources import POD_DISRUPTION_BUDGETS, PODS
from miniplane.api.selectors import labels as label_selectors
from miniplane.testing import objects
from miniplane.testing.harness import cluster


def make_budget(name, labels):
    spec = {"minAvailable": 1, "selector": {"matchLabels": labels}}
    return {"metadata": {"name": name}, "spec": spec}


@pytest.mark.parametrize("seed", range(5))
async def test_counts_are_those_of_the_pods_there_are(seed):
    rng = random.Random(seed)
    async with cluster(nodes=0, seed=seed, controllers="disruption-controller") as c:
        controller = c.cluster.manager.find("disruption-controller")
        for _ in range(60):
            name, budget = f"p{rng.randrange(6)}", f"b{rng.randrange(3)}"
            labels = {"app": rng.choice("xy"), "tier": rng.choice("xy")}
            act = rng.random()
            try:
                if act < 0.3:
                    await c.client.create(PODS, objects.pod(name, labels=labels))
                elif act < 0.5:
                    ready = {"type": "Ready", "status": rng.choice(["True", "False"])}
                    status = {"status": {"conditions": [ready]}}
                    await c.client.patch(PODS, name, status, "default", subresource="status")
                elif act < 0.6:
                    await c.client.patch(PODS, name, {"metadata": {"labels": labels}}, "default")
                elif act < 0.7:
                    await c.client.delete(PODS, name, "default")
                elif act < 0.85:
                    selector = dict(rng.sample(sorted(labels.items()), rng.randint(1, 2)))
                    await c.client.create(
                        POD_DISRUPTION_BUDGETS, make_budget(budget, selector), namespace="default"
                    )
                elif act < 0.9:
                    spec = {"spec": {"selector": {"matchLabels": labels}}}
                    await c.client.patch(POD_DISRUPTION_BUDGETS, budget, spec, "default")
                else:
                    await c.client.delete(POD_DISRUPTION_BUDGETS, budget, "default")
            except StatusError as error:
                assert error.reason in ("NotFound", "AlreadyExists"), error
            await c.settle()
            pods = await c.list(PODS)
            for found in await c.list(POD_DISRUPTION_BUDGETS):
                matches = label_selectors.from_obj(found["spec"]["selector"]).matches
                chosen = [pod for pod in pods if matches(labels_of(pod))]
                members = controller.members.of(found)
                members._check()
                assert sorted(members.pods) == [pod["metadata"]["name"] for pod in chosen]
                healthy = [
                    pod
                    for pod in chosen
                    if any(
                        condition["type"] == "Ready" and condition["status"] == "True"
                        for condition in pod["status"].get("conditions", ())
                    )
                ]
                assert found["status"]["currentHealthy"] == len(healthy)
                assert found["status"]["expectedPods"] == len(chosen)
