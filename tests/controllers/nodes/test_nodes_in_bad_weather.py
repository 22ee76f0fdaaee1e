"""Scheduler, kubelets and the controllers of nodes against an API server that fails often."""

import pytest

from miniplane import testing
from miniplane.api.resources import NODES, PODS
from miniplane.testing import faults, objects

NAMES = (
    "scheduler",
    "kubelet",
    "node-lifecycle-controller",
    "node-ipam-controller",
    "ttl-controller",
    "taint-eviction-controller",
    "pod-garbage-collector-controller",
)


def shake(c, seed):
    """Have a third of their writes fail, some of them after they were done."""
    plan = faults.weather(c.ids.fork(f"weather {seed}"), rate=0.33)
    for name in NAMES:
        controller = c.cluster.manager.find(name)
        controller.client = faults.FaultClient(controller.client, plan)
        if name == "scheduler":
            controller.writes._client = controller.client


@pytest.mark.parametrize("seed", range(6))
async def test_pods_run_and_go_all_the_same(seed):
    async with testing.cluster(nodes=2, seed=seed, pod_startup=0.5) as c:
        shake(c, seed)
        annotations = {"miniplane.dev/simulated": "true"}
        meta = {"name": "late", "annotations": annotations}
        await c.client.create(NODES, {"apiVersion": "v1", "kind": "Node", "metadata": meta})
        for i in range(15):
            init = [{"name": "init", "image": "x:1"}] if i % 3 == 0 else []
            await c.client.create(PODS, objects.pod(f"p{i}", initContainers=init))
        await c.settle()
        pods = await c.pods()
        assert {p["status"]["phase"] for p in pods} == {"Running"}
        assert len({p["status"]["podIP"] for p in pods}) == 15
        for node in await c.list(NODES, ""):
            assert node["spec"]["podCIDR"]
            assert "taints" not in node["spec"]

        taint = {"key": "repair", "effect": "NoExecute"}
        await c.client.patch(NODES, "node-1", {"spec": {"taints": [taint]}})
        await c.settle()
        assert not [p for p in await c.pods() if p["spec"]["nodeName"] == "node-1"]
        await c.client.delete_collection(PODS, "default")
        await c.settle()
        assert await c.pods() == []

        scheduler = c.cluster.manager.find("scheduler")
        scheduler.cache._check()
        scheduler.pending._check()
        assert not scheduler.cache.pods
        assert not len(scheduler.pending)
        kubelet = c.cluster.manager.find("kubelet")
        assert not (kubelet._written or kubelet._since or kubelet.views.taken)
        await c.advance(120)
        assert all(
            {"Ready": "True"}.items()
            <= {x["type"]: x["status"] for x in n["status"]["conditions"]}.items()
            for n in await c.list(NODES, "")
        )
