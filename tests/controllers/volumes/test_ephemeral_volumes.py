"""The claims of generic ephemeral volumes live and die with their pod."""

from collections.abc import AsyncIterator

import pytest

from miniplane.api.objects import Obj
from miniplane.api.options import DeleteOptions
from miniplane.api.resources import EVENTS, PERSISTENT_VOLUME_CLAIMS, PODS
from miniplane.controllers.volumes.ephemeral import EphemeralVolumes
from miniplane.runtime import settle
from miniplane.runtime.manager import ControllerManager
from miniplane.testing import objects
from miniplane.testing.harness import Harness, cluster

CONTROLLERS = (
    "garbage-collector-controller,persistentvolume-binder-controller,"
    "persistentvolumeclaim-protection-controller"
)
CLAIM_SPEC = {
    "accessModes": ["ReadWriteOnce"],
    "resources": {"requests": {"storage": "1Gi"}},
}


class Stage:
    def __init__(self, harness: Harness, manager: ControllerManager):
        self.c = harness
        self.manager = manager

    async def settle(self) -> None:
        await settle.settle(self.c.clock, lambda: [*self.c.parts(), *self.manager.parts()])

    async def pod(self) -> Obj:
        template = {"metadata": {"labels": {"kind": "scratch"}}, "spec": CLAIM_SPEC}
        volumes = [{"name": "tmp", "ephemeral": {"volumeClaimTemplate": template}}]
        made = await self.c.client.create(PODS, objects.pod("p", volumes=volumes))
        await self.settle()
        return made

    async def claims(self) -> list[Obj]:
        return await self.c.list(PERSISTENT_VOLUME_CLAIMS)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with cluster(nodes=0, controllers=CONTROLLERS) as harness:
        manager = ControllerManager(harness.cluster.manager.ctx, [EphemeralVolumes])
        for controller in manager.controllers:
            controller.setup()
            await controller.start()
        yield Stage(harness, manager)
        for controller in manager.controllers:
            await controller.stop()


async def test_a_claim_is_made_and_goes_with_its_pod(stage: Stage) -> None:
    pod = await stage.pod()
    (claim,) = await stage.claims()
    assert claim["metadata"]["name"] == "p-tmp"
    assert claim["metadata"]["labels"] == {"kind": "scratch"}
    assert claim["metadata"]["ownerReferences"] == [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "name": "p",
            "uid": pod["metadata"]["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]
    assert claim["status"]["phase"] == "Bound"
    await stage.c.client.delete(PODS, "p", "default", options=DeleteOptions(grace_period_seconds=0))
    await stage.settle()
    assert await stage.claims() == []


async def test_a_claim_of_somebody_else_is_left_alone(stage: Stage) -> None:
    body = {"metadata": {"name": "p-tmp", "namespace": "default"}, "spec": CLAIM_SPEC}
    await stage.c.client.create(PERSISTENT_VOLUME_CLAIMS, body)
    pod = await stage.pod()
    (claim,) = await stage.claims()
    assert "ownerReferences" not in claim["metadata"]
    told = [e["message"] for e in await stage.c.list(EVENTS) if e["reason"] == "FailedBinding"]
    assert told == [
        "ephemeral volume tmp: PVC default/p-tmp was not created for pod default/p (pod is not "
        "owner)"
    ]
    await stage.c.client.delete(PERSISTENT_VOLUME_CLAIMS, "p-tmp", "default")
    await stage.settle()
    (claim,) = await stage.claims()
    assert claim["metadata"]["ownerReferences"][0]["uid"] == pod["metadata"]["uid"]
