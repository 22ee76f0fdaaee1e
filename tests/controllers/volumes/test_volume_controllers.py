"""Claims and volumes on a real registry."""

from typing import Any

import pytest

from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj
from miniplane.api.options import DeleteOptions
from miniplane.api.resources import (
    EVENTS,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
    STORAGE_CLASSES,
    Resource,
)
from miniplane.controllers.volumes import plan
from miniplane.controllers.volumes.protection import CLAIM_FINALIZER, VOLUME_FINALIZER
from miniplane.testing import objects
from miniplane.testing.harness import Harness, cluster

CONTROLLERS = (
    "persistentvolume-binder-controller,persistentvolumeclaim-protection-controller,"
    "persistentvolume-protection-controller"
)


class Stage:
    def __init__(self, harness: Harness):
        self.c = harness
        self.client = harness.client

    async def claim(self, name: str = "data", *, size: str = "1Gi", **spec: Any) -> Obj:
        body = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": size}},
                **spec,
            },
        }
        made = await self.client.create(PERSISTENT_VOLUME_CLAIMS, body)
        await self.c.settle()
        return made

    async def volume(self, name: str, *, size: str = "1Gi", **spec: Any) -> Obj:
        body = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name},
            "spec": {
                "storageClassName": "by-hand",
                "capacity": {"storage": size},
                "accessModes": ["ReadWriteOnce"],
                "hostPath": {"path": "/srv/data"},
                **spec,
            },
        }
        made = await self.client.create(PERSISTENT_VOLUMES, body)
        await self.c.settle()
        return made

    async def storage_class(self, name: str, provisioner: str, **fields: Any) -> None:
        body = {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": name},
            "provisioner": provisioner,
            **fields,
        }
        await self.client.create(STORAGE_CLASSES, body)
        await self.c.settle()

    async def pod(self, name: str, claim: str = "data", **spec: Any) -> None:
        volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": claim}}]
        await self.client.create(PODS, objects.pod(name, volumes=volumes, **spec))
        await self.c.settle()

    async def get(self, row: Resource, name: str) -> Obj | None:
        try:
            return await self.client.get(row, name, "default" if row.namespaced else "")
        except StatusError as error:
            assert error.reason == "NotFound"
            return None

    async def phases(self, claim: str, volume: str) -> tuple[str | None, str | None]:
        found = (
            await self.get(PERSISTENT_VOLUME_CLAIMS, claim),
            await self.get(PERSISTENT_VOLUMES, volume),
        )
        one, other = (obj and obj["status"]["phase"] for obj in found)
        return one, other

    async def delete(self, row: Resource, name: str) -> None:
        await self.client.delete(row, name, "default" if row.namespaced else "")
        await self.c.settle()

    async def events(self) -> list[str]:
        return [f"{e['reason']}: {e['message']}" for e in await self.c.list(EVENTS)]


@pytest.fixture
async def stage():
    async with cluster(nodes=0, controllers=CONTROLLERS) as harness:
        yield Stage(harness)


async def test_a_claim_is_provisioned_and_its_volume_goes_with_it(stage: Stage) -> None:
    made = await stage.claim(size="3Gi")
    claim = await stage.get(PERSISTENT_VOLUME_CLAIMS, "data")
    assert claim is not None
    name = claim["spec"]["volumeName"]
    assert name == f"pvc-{made['metadata']['uid']}"
    assert claim["spec"]["storageClassName"] == "standard"
    assert claim["status"] == {
        "phase": "Bound",
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": "3Gi"},
    }
    volume = await stage.get(PERSISTENT_VOLUMES, name)
    assert volume is not None
    assert volume["spec"]["claimRef"]["uid"] == made["metadata"]["uid"]
    assert volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete"
    assert f"ProvisioningSucceeded: Successfully provisioned volume {name}" in await stage.events()
    await stage.delete(PERSISTENT_VOLUME_CLAIMS, "data")
    assert await stage.phases("data", name) == (None, None)


async def test_a_claim_binds_to_a_volume_that_is_there(stage: Stage) -> None:
    await stage.volume("small")
    await stage.volume("large", size="5Gi")
    assert await stage.phases("data", "large") == (None, "Available")
    await stage.claim(size="2Gi", storageClassName="by-hand")
    assert await stage.phases("data", "large") == ("Bound", "Bound")
    claim = await stage.get(PERSISTENT_VOLUME_CLAIMS, "data")
    assert claim is not None
    assert claim["metadata"]["annotations"] == {
        plan.BIND_COMPLETED: "yes",
        plan.BOUND_BY_CONTROLLER: "yes",
    }
    assert claim["status"]["capacity"] == {"storage": "5Gi"}
    await stage.delete(PERSISTENT_VOLUME_CLAIMS, "data")
    assert await stage.phases("data", "large") == (None, "Released"), "it is retained"
    await stage.claim(size="2Gi", storageClassName="by-hand")
    assert await stage.phases("data", "large") == ("Pending", "Released"), "and stays its own"


async def test_a_claim_waits_for_a_volume(stage: Stage) -> None:
    await stage.claim(storageClassName="by-hand")
    assert await stage.events() == [
        'ProvisioningFailed: storageclass.storage.k8s.io "by-hand" not found'
    ]
    await stage.volume("v")
    assert await stage.phases("data", "v") == ("Bound", "Bound")


async def test_a_claim_waits_for_its_class(stage: Stage) -> None:
    await stage.claim(storageClassName="late")
    await stage.storage_class("late", "miniplane.dev/standard")
    claim = await stage.get(PERSISTENT_VOLUME_CLAIMS, "data")
    assert claim is not None and claim["status"]["phase"] == "Bound"


async def test_an_external_provisioner_is_told_by_an_annotation(stage: Stage) -> None:
    await stage.storage_class("disks", "example.com/disks")
    await stage.claim(storageClassName="disks")
    claim = await stage.get(PERSISTENT_VOLUME_CLAIMS, "data")
    assert claim is not None and claim["status"]["phase"] == "Pending"
    assert claim["metadata"]["annotations"][plan.STORAGE_PROVISIONER] == "example.com/disks"
    (event,) = await stage.events()
    assert event.startswith("ExternalProvisioning: Waiting for a volume to be created either by")
    ref = {"namespace": "default", "name": "data", "uid": claim["metadata"]["uid"]}
    await stage.volume("made", storageClassName="disks", claimRef=ref)
    assert await stage.phases("data", "made") == ("Bound", "Bound")


async def test_a_reservation_is_kept_for_its_claim(stage: Stage) -> None:
    await stage.volume("v", claimRef={"namespace": "default", "name": "data"})
    await stage.claim("other", storageClassName="by-hand")
    assert await stage.phases("other", "v") == ("Pending", "Available")
    await stage.claim(storageClassName="by-hand")
    assert await stage.phases("data", "v") == ("Bound", "Bound")
    volume = await stage.get(PERSISTENT_VOLUMES, "v")
    assert volume is not None
    assert plan.BOUND_BY_CONTROLLER not in volume["metadata"].get("annotations", {})


async def test_a_claim_that_asks_for_what_the_volume_is_not(stage: Stage) -> None:
    await stage.volume("v")
    await stage.claim(storageClassName="by-hand", size="2Gi", volumeName="v")
    assert await stage.phases("data", "v") == ("Pending", "Available")
    assert await stage.events() == [
        'VolumeMismatch: Cannot bind to requested volume "v": requested PV is too small'
    ]


async def test_a_bound_volume_stays_until_its_claim_goes(stage: Stage) -> None:
    made = await stage.volume("v")
    assert made["metadata"]["finalizers"] == [VOLUME_FINALIZER]
    await stage.claim(storageClassName="by-hand")
    await stage.delete(PERSISTENT_VOLUMES, "v")
    assert await stage.phases("data", "v") == ("Bound", "Bound")
    await stage.delete(PERSISTENT_VOLUME_CLAIMS, "data")
    assert await stage.phases("data", "v") == (None, None)


async def test_a_claim_that_loses_its_volume_is_lost(stage: Stage) -> None:
    await stage.volume("v")
    await stage.claim(storageClassName="by-hand")
    await stage.client.delete(PERSISTENT_VOLUMES, "v")
    # Protection is undone by force, as people do.
    await stage.client.patch(PERSISTENT_VOLUMES, "v", {"metadata": {"finalizers": None}})
    await stage.c.settle()
    assert await stage.phases("data", "v") == ("Lost", None)
    lost = "ClaimLost: Bound claim has lost its PersistentVolume. Data on the volume is lost!"
    assert lost in await stage.events()


async def test_a_claim_is_bound_again_to_a_volume_that_somebody_cut_off(stage: Stage) -> None:
    await stage.volume("v")
    await stage.claim(storageClassName="by-hand")
    await stage.client.patch(PERSISTENT_VOLUMES, "v", {"spec": {"claimRef": None}})
    await stage.c.settle()
    assert await stage.phases("data", "v") == ("Bound", "Available")
    await stage.c.advance(15)
    assert await stage.phases("data", "v") == ("Bound", "Bound")
    volume = await stage.get(PERSISTENT_VOLUMES, "v")
    assert volume is not None and volume["spec"]["claimRef"]["name"] == "data"


async def test_a_lost_claim_is_found_when_its_volume_is_made_again(stage: Stage) -> None:
    await stage.volume("v")
    await stage.claim(storageClassName="by-hand")
    await stage.delete(PERSISTENT_VOLUMES, "v")
    await stage.client.patch(PERSISTENT_VOLUMES, "v", {"metadata": {"finalizers": None}})
    await stage.c.settle()
    assert await stage.phases("data", "v") == ("Lost", None)
    await stage.volume("v")
    await stage.c.advance(15)
    assert await stage.phases("data", "v") == ("Bound", "Bound")
    claim = await stage.get(PERSISTENT_VOLUME_CLAIMS, "data")
    assert claim is not None and claim["status"]["capacity"] == {"storage": "1Gi"}


async def test_a_claim_learns_that_its_volume_was_given_to_another(stage: Stage) -> None:
    await stage.volume("v")
    await stage.claim(storageClassName="by-hand")
    other = {"namespace": "default", "name": "other", "uid": None, "resourceVersion": None}
    await stage.client.patch(PERSISTENT_VOLUMES, "v", {"spec": {"claimRef": other}})
    await stage.c.advance(15)
    assert await stage.phases("data", "v") == ("Lost", "Available")
    told = "Two claims are bound to the same volume, this one is bound incorrectly"
    assert f"ClaimMisbound: {told}" in await stage.events()


async def test_a_claim_in_use_stays_until_its_pods_are_gone(stage: Stage) -> None:
    made = await stage.claim()
    assert made["metadata"]["finalizers"] == [CLAIM_FINALIZER]
    await stage.pod("one", nodeName="somewhere")
    await stage.pod("two", nodeName="somewhere")
    await stage.delete(PERSISTENT_VOLUME_CLAIMS, "data")
    done = {"status": {"phase": "Succeeded"}}
    await stage.client.patch(PODS, "one", done, "default", subresource="status")
    await stage.c.settle()
    for name in ("one", "two"):
        claim = await stage.get(PERSISTENT_VOLUME_CLAIMS, "data")
        assert claim is not None and "deletionTimestamp" in claim["metadata"]
        now = DeleteOptions(grace_period_seconds=0)
        await stage.client.delete(PODS, name, "default", options=now)
        await stage.c.settle()
    assert await stage.get(PERSISTENT_VOLUME_CLAIMS, "data") is None


async def test_a_pod_without_a_node_does_not_use_its_claim(stage: Stage) -> None:
    await stage.claim()
    await stage.pod("waits")
    await stage.delete(PERSISTENT_VOLUME_CLAIMS, "data")
    assert await stage.get(PERSISTENT_VOLUME_CLAIMS, "data") is None


async def test_protection_is_put_back_on_what_lives(stage: Stage) -> None:
    await stage.claim()
    patch = {"metadata": {"finalizers": None}}
    await stage.client.patch(PERSISTENT_VOLUME_CLAIMS, "data", patch, "default")
    await stage.c.settle()
    claim = await stage.get(PERSISTENT_VOLUME_CLAIMS, "data")
    assert claim is not None and claim["metadata"]["finalizers"] == [CLAIM_FINALIZER]


async def test_recycled_volumes_are_free_again(stage: Stage) -> None:
    await stage.volume("v", persistentVolumeReclaimPolicy="Recycle")
    await stage.claim(storageClassName="by-hand")
    await stage.delete(PERSISTENT_VOLUME_CLAIMS, "data")
    assert await stage.phases("data", "v") == (None, "Available")
    assert "VolumeRecycled: Volume recycled" in await stage.events()


async def test_what_cannot_be_reclaimed_has_failed(stage: Stage) -> None:
    await stage.volume("v", persistentVolumeReclaimPolicy="Delete")
    await stage.claim(storageClassName="by-hand")
    await stage.delete(PERSISTENT_VOLUME_CLAIMS, "data")
    assert await stage.phases("data", "v") == (None, "Failed")
    volume = await stage.get(PERSISTENT_VOLUMES, "v")
    assert volume is not None
    why = "host_path deleter only supports /tmp/.+ but received provided /srv/data"
    assert volume["status"]["message"] == why


async def test_a_claim_that_waits_is_told_again_and_again(stage: Stage) -> None:
    await stage.storage_class("late", "x.io/y", volumeBindingMode="WaitForFirstConsumer")
    await stage.claim(storageClassName="late")
    await stage.claim("other", storageClassName="")
    await stage.c.advance(61)
    counts = {e["reason"]: e["count"] for e in await stage.c.list(EVENTS)}
    assert counts == {"WaitForFirstConsumer": 5, "FailedBinding": 5}


async def test_many_claims(stage: Stage) -> None:
    for number in range(200):
        body = numbered(number)
        await stage.client.create(PERSISTENT_VOLUME_CLAIMS, body)
    await stage.c.settle()
    claims = await stage.c.list(PERSISTENT_VOLUME_CLAIMS)
    assert {claim["status"]["phase"] for claim in claims} == {"Bound"}
    assert len({claim["spec"]["volumeName"] for claim in claims}) == 200


def numbered(number: int) -> Obj:
    return {
        "metadata": {"name": f"c{number}", "namespace": "default"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
