"""Claims in a whole cluster: provisioned, used, protected, waited for."""

from typing import Any

from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj
from miniplane.api.resources import (
    EVENTS,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
    STORAGE_CLASSES,
)
from miniplane.testing import objects
from miniplane.testing.harness import Harness, cluster


async def make_claim(c: Harness, **spec: Any) -> None:
    body = {
        "metadata": {"name": "data", "namespace": "default"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
            **spec,
        },
    }
    await c.client.create(PERSISTENT_VOLUME_CLAIMS, body)


def user(name: str) -> Obj:
    volumes = [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]
    return objects.pod(name, volumes=volumes, terminationGracePeriodSeconds=1)


async def phase(c: Harness) -> str | None:
    try:
        found = await c.client.get(PERSISTENT_VOLUME_CLAIMS, "data", "default")
    except StatusError:
        return None
    return found["status"]["phase"]


async def test_a_pod_waits_for_its_claim_and_the_claim_for_its_pod_to_go() -> None:
    async with cluster(pod_startup=1.0) as c:
        await c.client.create(PODS, user("p"))
        await c.settle()
        assert (await c.pods())[0]["status"]["phase"] == "Pending"
        await make_claim(c)
        await c.settle()
        assert (await c.pods())[0]["status"]["phase"] == "Running"
        await c.client.delete(PERSISTENT_VOLUME_CLAIMS, "data", "default")
        await c.settle()
        assert await phase(c) == "Bound"
        await c.client.delete(PODS, "p", "default")
        await c.settle()
        assert await phase(c) is None
        assert await c.list(PERSISTENT_VOLUMES, "") == []


async def test_a_claim_that_waits_for_its_first_consumer() -> None:
    async with cluster(pod_startup=1.0) as c:
        body = {
            "metadata": {"name": "later"},
            "provisioner": "miniplane.dev/standard",
            "volumeBindingMode": "WaitForFirstConsumer",
        }
        await c.client.create(STORAGE_CLASSES, body)
        await make_claim(c, storageClassName="later")
        await c.settle()
        assert await phase(c) == "Pending"
        told = {e["reason"] for e in await c.list(EVENTS)}
        assert "WaitForFirstConsumer" in told
        await c.client.create(PODS, user("p"))
        await c.settle()
        assert await phase(c) == "Bound"
        assert (await c.pods())[0]["status"]["phase"] == "Running"


async def test_a_pod_goes_where_its_volume_was_made() -> None:
    async with cluster(nodes=5) as c:
        body = {
            "metadata": {"name": "later"},
            "provisioner": "miniplane.dev/standard",
            "volumeBindingMode": "WaitForFirstConsumer",
        }
        await c.client.create(STORAGE_CLASSES, body)
        await make_claim(c, storageClassName="later")
        for _ in range(8):
            await c.client.create(PODS, user("p"))
            await c.settle()
            claim = await c.client.get(PERSISTENT_VOLUME_CLAIMS, "data", "default")
            selected = claim["metadata"]["annotations"]["volume.kubernetes.io/selected-node"]
            assert (await c.pods())[0]["spec"]["nodeName"] == selected
            await c.client.delete(PODS, "p", "default")
            await c.client.delete(PERSISTENT_VOLUME_CLAIMS, "data", "default")
            await c.settle()
            await make_claim(c, storageClassName="later")
        assert not c.cluster.manager.find("scheduler").promised


async def test_a_retained_volume_can_be_used_again_by_hand() -> None:
    async with cluster() as c:
        volume = {
            "metadata": {"name": "v"},
            "spec": {
                "storageClassName": "by-hand",
                "capacity": {"storage": "1Gi"},
                "accessModes": ["ReadWriteOnce"],
                "persistentVolumeReclaimPolicy": "Retain",
                "hostPath": {"path": "/srv"},
            },
        }
        await c.client.create(PERSISTENT_VOLUMES, volume)
        for _ in range(2):
            await make_claim(c, storageClassName="by-hand")
            await c.settle()
            assert await phase(c) == "Bound"
            await c.client.delete(PERSISTENT_VOLUME_CLAIMS, "data", "default")
            await c.settle()
            found = await c.client.get(PERSISTENT_VOLUMES, "v")
            assert found["status"]["phase"] == "Released"
            await c.client.patch(PERSISTENT_VOLUMES, "v", {"spec": {"claimRef": None}})
            await c.settle()
            found = await c.client.get(PERSISTENT_VOLUMES, "v")
            assert found["status"]["phase"] == "Available"


async def test_what_comes_after_a_claim_is_found_by_the_resync() -> None:
    volume = {
        "metadata": {"name": "pv"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": "1Gi"},
            "hostPath": {"path": "/data"},
            "storageClassName": "",
        },
    }
    async with cluster() as c:
        await make_claim(c, storageClassName="")
        await c.settle()
        await c.advance(6)
        await c.client.create(PERSISTENT_VOLUMES, volume)
        await c.advance(2)
        assert (await c.client.get(PERSISTENT_VOLUMES, "pv"))["status"]["phase"] == "Available"
        assert await phase(c) == "Pending"
        await c.advance(15)
        assert await phase(c) == "Bound"
    async with cluster() as c:
        await make_claim(c, storageClassName="")
        await c.settle()
        await c.client.create(PERSISTENT_VOLUMES, volume)
        await c.settle()
        assert await phase(c) == "Bound", "what will come by itself is waited for"
