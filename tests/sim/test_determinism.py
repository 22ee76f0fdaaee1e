"""The same seed gives the same cluster, to the byte, whatever the hash seed of the interpreter."""

import asyncio
import hashlib
import os
import pathlib
import subprocess
import sys

from miniplane import testing
from miniplane.api import resources

ROOT = pathlib.Path(__file__).parents[2]
TEMPLATE = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {"containers": [{"name": "c", "image": "nginx:1.27"}]},
}
SELECTOR = {"matchLabels": {"app": "web"}}


async def scenario(seed: int) -> str:
    """A digest of everything that is stored after some workloads have come and gone."""
    async with testing.cluster(nodes=3, seed=seed) as cluster:
        create = cluster.client.create
        claim = {
            "metadata": {"name": "data"},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}},
            },
        }
        spec = {"replicas": 3, "selector": SELECTOR, "template": TEMPLATE}
        set_spec = {**spec, "serviceName": "web", "volumeClaimTemplates": [claim]}
        service = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
        for row, name, body in (
            (resources.STATEFUL_SETS, "web", set_spec),
            (resources.DEPLOYMENTS, "front", spec),
            (resources.DAEMON_SETS, "agent", {"selector": SELECTOR, "template": TEMPLATE}),
            (resources.SERVICES, "web", {**service, "type": "NodePort"}),
        ):
            obj = {"metadata": {"name": name}, "spec": body}
            await create(row, obj, namespace="default")
        await cluster.settle()
        await cluster.client.delete(resources.DEPLOYMENTS, "front", "default")
        await cluster.settle()
        await cluster.advance(60)
        digest = hashlib.sha256()
        for row in resources.RESOURCES:
            if row.stored:
                for handle in (await cluster.client.list(row)).items:
                    digest.update(handle.data)  # type: ignore[attr-defined]
        return digest.hexdigest()


async def test_the_same_seed_gives_the_same_cluster_and_another_one_does_not() -> None:
    assert await scenario(7) == await scenario(7)
    assert await scenario(7) != await scenario(8)


def test_the_hash_seed_of_the_interpreter_does_not_matter() -> None:
    digests = set()
    for hash_seed in ("1", "2"):
        env = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        found = subprocess.run(
            [sys.executable, __file__], env=env, capture_output=True, text=True, check=True
        )
        digests.add(found.stdout)
    assert len(digests) == 1


if __name__ == "__main__":
    print(asyncio.run(scenario(7)))
