"""Controllers at work, in a process of their own, on virtual time. Prints a JSON line.

`python -m benchmarks.inside pods 10000` plays one scene, with its size where it has one. The
process treats its memory as that of a server does.
"""

import asyncio
import json
import sys
import time

from benchmarks.process import resident
from miniplane import testing
from miniplane.api import resources
from miniplane.cli import heap
from miniplane.testing import Harness, objects

COUNT = 1_000


class Meter:
    """CPU seconds and writes since it was made or last read."""

    def __init__(self, cluster: Harness):
        self._cluster = cluster
        self._read()

    def _read(self) -> tuple[float, int]:
        self._then = time.process_time(), self._cluster.registry.revision
        return self._then

    def read(self) -> dict[str, float]:
        cpu, revision = self._then
        now, last = self._read()
        return {"cpu": now - cpu, "writes": last - revision}


async def statefulset() -> dict[str, float]:
    async with testing.cluster(nodes=10, seed=1) as cluster:
        await cluster.settle()
        meter = Meter(cluster)
        made = objects.stateful_set("big", replicas=COUNT, podManagementPolicy="Parallel")
        await cluster.client.create(resources.STATEFUL_SETS, made)
        await cluster.settle()
        found = await cluster.client.get(resources.STATEFUL_SETS, "big", "default")
        assert found["status"]["readyReplicas"] == COUNT, found["status"]
        return meter.read()


async def daemonset() -> dict[str, float]:
    async with testing.cluster(nodes=COUNT, seed=1) as cluster:
        await cluster.settle()
        meter = Meter(cluster)
        await cluster.client.create(resources.DAEMON_SETS, objects.daemon_set("big"))
        await cluster.settle()
        found = await cluster.client.get(resources.DAEMON_SETS, "big", "default")
        assert found["status"]["numberReady"] == COUNT, found["status"]
        return meter.read()


async def deployment(count: int) -> dict[str, float]:
    """Made on 10 nodes, ready, and then given another image; only that is measured."""
    async with testing.cluster(nodes=10, seed=1) as cluster:
        made = objects.deployment("big", replicas=count)
        await cluster.client.create(resources.DEPLOYMENTS, made)
        await cluster.settle()
        meter = Meter(cluster)
        container = {"name": "c", "image": "nginx:next"}
        patch = {"spec": {"template": {"spec": {"containers": [container]}}}}
        await cluster.client.patch(resources.DEPLOYMENTS, "big", patch, "default")
        await cluster.settle()
        status = (await cluster.client.get(resources.DEPLOYMENTS, "big", "default"))["status"]
        assert status["updatedReplicas"] == status["replicas"] == count, status
        return meter.read()


async def pods(count: int) -> dict[str, float]:
    """Pods of nobody on 1,000 nodes: made and ready, then deleted and gone."""
    async with testing.cluster(nodes=1_000, seed=1) as cluster:
        await cluster.settle()
        empty, meter = resident(), Meter(cluster)
        for i in range(count):
            await cluster.client.create(resources.PODS, objects.pod(f"p{i:06}"))
        await cluster.settle()
        made = meter.read()
        full = resident()
        last = await cluster.client.get(resources.PODS, f"p{count - 1:06}", "default")
        assert last["status"]["phase"] == "Running", last["status"]
        meter.read()
        await cluster.client.delete_collection(resources.PODS, "default")
        await cluster.settle()
        gone = meter.read()
        assert not await cluster.pods()
        return {
            "made": made["cpu"] / count,
            "gone": gone["cpu"] / count,
            "writes": made["writes"] / count,
            "grown": (full - empty) / count,
            "peak": full,
        }


SCENES = {
    "statefulset": statefulset,
    "daemonset": daemonset,
    "deployment": deployment,
    "pods": pods,
}

if __name__ == "__main__":
    heap.settle_in()
    print(json.dumps(asyncio.run(SCENES[sys.argv[1]](*map(int, sys.argv[2:])))))
