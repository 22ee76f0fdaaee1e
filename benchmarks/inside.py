"""Controllers at work, in a process of their own, on virtual time. Prints a JSON line."""

import asyncio
import json
import sys
import time

from miniplane import testing
from miniplane.api import resources

TEMPLATE = {
    "metadata": {"labels": {"app": "big"}},
    "spec": {"containers": [{"name": "c", "image": "nginx:1.27"}]},
}
SELECTOR = {"matchLabels": {"app": "big"}}
COUNT = 1_000


async def statefulset() -> dict[str, float]:
    async with testing.cluster(nodes=10, seed=1) as cluster:
        await cluster.settle()
        began, revision = time.process_time(), cluster.registry.revision
        spec = {
            "serviceName": "big",
            "replicas": COUNT,
            "podManagementPolicy": "Parallel",
            "selector": SELECTOR,
            "template": TEMPLATE,
        }
        obj = {"metadata": {"name": "big"}, "spec": spec}
        await cluster.client.create(resources.STATEFUL_SETS, obj, namespace="default")
        await cluster.settle()
        cpu = time.process_time() - began
        found = await cluster.client.get(resources.STATEFUL_SETS, "big", "default")
        assert found["status"]["readyReplicas"] == COUNT, found["status"]
        return {"cpu": cpu, "writes": cluster.registry.revision - revision}


async def daemonset() -> dict[str, float]:
    async with testing.cluster(nodes=COUNT, seed=1) as cluster:
        await cluster.settle()
        began, revision = time.process_time(), cluster.registry.revision
        obj = {"metadata": {"name": "big"}, "spec": {"selector": SELECTOR, "template": TEMPLATE}}
        await cluster.client.create(resources.DAEMON_SETS, obj, namespace="default")
        await cluster.settle()
        cpu = time.process_time() - began
        found = await cluster.client.get(resources.DAEMON_SETS, "big", "default")
        assert found["status"]["numberReady"] == COUNT, found["status"]
        return {"cpu": cpu, "writes": cluster.registry.revision - revision}


if __name__ == "__main__":
    scenario = {"statefulset": statefulset, "daemonset": daemonset}[sys.argv[1]]
    print(json.dumps(asyncio.run(scenario())))
