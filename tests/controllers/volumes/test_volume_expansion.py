"""Claims that ask for more than they have, step by step."""

import pytest

from miniplane.api.errors import StatusError
from miniplane.api.resources import (
    EVENTS,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
    STORAGE_CLASSES,
)
from miniplane.testing import objects
from miniplane.testing.harness import cluster


async def storage_class(c, name="grows", provisioner="miniplane.dev/standard", **fields):
    body = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name},
        "provisioner": provisioner,
        "allowVolumeExpansion": True,
        **fields,
    }
    await c.client.create(STORAGE_CLASSES, body)


async def claim(c, **spec):
    body = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": "default"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
            "storageClassName": "grows",
            **spec,
        },
    }
    await c.client.create(PERSISTENT_VOLUME_CLAIMS, body)
    await c.settle()


async def ask(c, size):
    body = {"spec": {"resources": {"requests": {"storage": size}}}}
    await c.client.patch(PERSISTENT_VOLUME_CLAIMS, "data", body, "default")
    await c.settle()


async def get(c):
    return await c.client.get(PERSISTENT_VOLUME_CLAIMS, "data", "default")


async def use(c):
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]
    await c.client.create(PODS, objects.pod("web", volumes=volumes))
    await c.settle()


async def told(c, name="data"):
    return [
        (e["source"]["component"], e["reason"], e["message"])
        for e in await c.list(EVENTS)
        if e["involvedObject"]["name"] == name and ("xpand" in e["reason"] or "esiz" in e["reason"])
    ]


async def test_a_volume_grows_at_once_and_its_file_system_with_a_pod():
    async with cluster(nodes=1) as c:
        await storage_class(c)
        await claim(c)
        await ask(c, "4Gi")
        found = await get(c)
        name = found["spec"]["volumeName"]
        status = found["status"]
        assert status["capacity"] == {"storage": "1Gi"}
        assert status["allocatedResources"] == {"storage": "4Gi"}
        assert status["allocatedResourceStatuses"] == {"storage": "NodeResizePending"}
        [condition] = status["conditions"]
        assert (condition["type"], condition["status"]) == ("FileSystemResizePending", "True")
        assert condition["message"] == (
            "Waiting for user to (re-)start a pod to finish file system resize of volume on node."
        )
        volume = await c.client.get(PERSISTENT_VOLUMES, name)
        assert volume["spec"]["capacity"] == {"storage": "4Gi"}
        resizer = "external-resizer miniplane.dev/standard"
        so_far = [
            (
                "volume_expand",
                "ExternalExpanding",
                "waiting for an external controller to expand this PVC",
            ),
            (resizer, "Resizing", f"External resizer is resizing volume {name}"),
            (resizer, "FileSystemResizeRequired", "Require file system resize of volume on node"),
        ]
        assert await told(c) == so_far
        await use(c)
        status = (await get(c))["status"]
        assert status["capacity"] == {"storage": "4Gi"}
        assert status["allocatedResources"] == {"storage": "4Gi"}
        assert not status.get("conditions") and "allocatedResourceStatuses" not in status
        text = f'MountVolume.NodeExpandVolume succeeded for volume "{name}" node-1'
        done = ("kubelet", "FileSystemResizeSuccessful", text)
        assert await told(c) == [*so_far, done]
        assert await told(c, "web") == [done]


async def test_a_volume_in_use_grows_at_once():
    async with cluster(nodes=1) as c:
        await storage_class(c)
        await claim(c)
        await use(c)
        await ask(c, "2Gi")
        assert (await get(c))["status"]["capacity"] == {"storage": "2Gi"}
        await ask(c, "3Gi")
        assert (await get(c))["status"]["capacity"] == {"storage": "3Gi"}


async def test_a_block_device_has_no_file_system():
    async with cluster(nodes=1) as c:
        await storage_class(c)
        await claim(c, volumeMode="Block")
        await ask(c, "2Gi")
        assert (await get(c))["status"]["capacity"] == {"storage": "2Gi"}
        assert (await told(c))[-1][1:] == ("VolumeResizeSuccessful", "Resize volume succeeded")


async def test_others_see_to_volumes_of_their_own():
    async with cluster(nodes=1) as c:
        await storage_class(c, provisioner="example.com/disks")
        body = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": "v"},
            "spec": {
                "storageClassName": "grows",
                "capacity": {"storage": "1Gi"},
                "accessModes": ["ReadWriteOnce"],
                "hostPath": {"path": "/srv/data"},
            },
        }
        await c.client.create(PERSISTENT_VOLUMES, body)
        await c.settle()
        await claim(c)
        await ask(c, "2Gi")
        assert (await get(c))["status"]["capacity"] == {"storage": "1Gi"}
        assert [reason for _, reason, _ in await told(c)] == ["ExternalExpanding"]


@pytest.mark.parametrize(
    ("allow", "size", "complaint"),
    [
        (False, "2Gi", "only dynamically provisioned pvc can be resized"),
        (True, "512Mi", "field can not be less than"),
    ],
)
async def test_what_is_refused(allow, size, complaint):
    async with cluster(nodes=1) as c:
        await storage_class(c, allowVolumeExpansion=allow)
        await claim(c)
        with pytest.raises(StatusError, match=complaint):
            await ask(c, size)


async def test_who_asked_for_too_much_may_ask_for_less():
    async with cluster(nodes=1) as c:
        await storage_class(c)
        await claim(c)
        await ask(c, "8Gi")
        await ask(c, "4Gi")
        found = await get(c)
        assert found["status"]["allocatedResources"] == {"storage": "4Gi"}
        await use(c)
        assert (await get(c))["status"]["capacity"] == {"storage": "4Gi"}


async def test_a_volume_that_cannot_grow():
    async with cluster(nodes=1) as c:
        await storage_class(c)
        await claim(c)
        note = {"metadata": {"annotations": {"sim.miniplane.dev/fail": "resize"}}}
        await c.client.patch(PERSISTENT_VOLUME_CLAIMS, "data", note, "default")
        await ask(c, "8Gi")
        found = await get(c)
        name, status = found["spec"]["volumeName"], found["status"]
        text = (
            f'resize volume "{name}" by resizer "miniplane.dev/standard" failed: '
            "rpc error: code = OutOfRange desc = the requested size is too large"
        )
        assert status["allocatedResourceStatuses"] == {"storage": "ControllerResizeInfeasible"}
        [condition] = status["conditions"]
        assert (condition["type"], condition["message"]) == ("ControllerResizeError", text)
        assert (await told(c))[-1][1:] == ("VolumeResizeFailed", text)
        volume = await c.client.get(PERSISTENT_VOLUMES, name)
        assert volume["spec"]["capacity"] == {"storage": "1Gi"}
        note = {"metadata": {"annotations": {"sim.miniplane.dev/fail": None}}}
        await c.client.patch(PERSISTENT_VOLUME_CLAIMS, "data", note, "default")
        await use(c)
        status = (await get(c))["status"]
        assert (status["capacity"], status.get("conditions") or []) == ({"storage": "8Gi"}, [])
