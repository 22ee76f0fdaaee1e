"""The controller on a real registry; the tests play the kubelet."""

from typing import Any

import pytest

from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj
from miniplane.api.options import DeleteOptions
from miniplane.api.resources import (
    CONTROLLER_REVISIONS,
    EVENTS,
    PERSISTENT_VOLUME_CLAIMS,
    PODS,
    STATEFUL_SETS,
)
from miniplane.testing.harness import Harness, cluster

READY = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
CLAIM = {
    "metadata": {"name": "data", "labels": {"kind": "store"}, "annotations": {"note": "mine"}},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}


class Stage:
    """One set on a cluster without nodes."""

    def __init__(self, harness: Harness):
        self.c = harness
        self.client = harness.client
        self.counts: list[tuple[Any, ...]] = []

    async def create(self, replicas: int = 2, image: str = "v1", **spec: Any) -> Obj:
        template = {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "main", "image": image}]},
        }
        spec = {
            "replicas": replicas,
            "serviceName": "web",
            "selector": {"matchLabels": {"app": "web"}},
            "template": template,
            **spec,
        }
        metadata = {"name": "web", "namespace": "default", "annotations": {"team": "x"}}
        body = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata, "spec": spec}
        made = await self.client.create(STATEFUL_SETS, body)
        await self.c.settle()
        return made

    async def patch(self, spec: Obj) -> None:
        await self.client.patch(STATEFUL_SETS, "web", {"spec": spec}, "default")
        await self.c.settle()

    async def image(self, image: str) -> None:
        containers = [{"name": "main", "image": image}]
        await self.patch({"template": {"spec": {"containers": containers}}})

    async def pod_status(self, name: str, **status: Any) -> None:
        await self.client.patch(PODS, name, {"status": status}, "default", subresource="status")
        await self.c.settle()

    async def ready(self, *names: str) -> None:
        for name in names:
            await self.pod_status(name, phase="Running", conditions=[READY])

    async def names(self) -> list[str]:
        return [pod["metadata"]["name"] for pod in await self.c.pods()]

    async def pod(self, name: str) -> Obj:
        return await self.client.get(PODS, name, "default")

    async def status(self) -> Obj:
        return (await self.client.get(STATEFUL_SETS, "web", "default"))["status"]

    async def events(self) -> list[tuple[str, str, int]]:
        found = await self.c.list(EVENTS)
        return [
            (e["reason"], e["message"], e["count"])
            for e in found
            if e["involvedObject"]["kind"] == "StatefulSet"
        ]

    async def claims(self) -> dict[str, list[tuple[str, str]]]:
        found = await self.c.list(PERSISTENT_VOLUME_CLAIMS)
        return {
            claim["metadata"]["name"]: [
                (ref["kind"], ref["name"]) for ref in claim["metadata"].get("ownerReferences", [])
            ]
            for claim in found
        }


@pytest.fixture
async def stage():
    async with cluster(nodes=0, controllers="statefulset-controller") as harness:
        yield Stage(harness)


def counts(status: Obj) -> tuple[Any, ...]:
    fields = ("replicas", "ready", "available", "current", "updated")
    keys = ("replicas", *(f"{field}Replicas" for field in fields[1:]))
    return tuple(status.get(key, "-") for key in keys)


async def test_status_write_by_write(stage: Stage) -> None:
    watch = await stage.client.watch(STATEFUL_SETS, "default", resource_version="")
    await stage.create()
    await stage.ready("web-0")
    await stage.ready("web-1")
    await stage.image("v2")
    await stage.ready("web-1")
    await stage.ready("web-0")
    written = []
    for event in await watch.next(0):
        status = event.handle.obj["status"]
        if "observedGeneration" in status:
            seen = (status["observedGeneration"], *counts(status))
            if seen not in written[-1:]:
                written.append(seen)
    watch.close()
    assert written == [
        (1, 0, "-", 0, "-", "-"),
        (1, 1, "-", 0, 1, 1),
        (1, 1, 1, 1, 1, 1),
        (1, 2, 1, 1, 2, 2),
        (1, 2, 2, 2, 2, 2),
        # The new template: web-1 is deleted, and off the current ones at once.
        (2, 2, 2, 2, 1, "-"),
        (2, 1, 1, 1, 1, "-"),
        (2, 2, 1, 1, 1, 1),
        (2, 2, 2, 2, "-", 1),
        (2, 1, 1, 1, "-", 1),
        (2, 2, 1, 1, "-", 2),
        (2, 2, 2, 2, 2, 2),
    ]
    status = await stage.status()
    assert status["currentRevision"] == status["updateRevision"]
    assert status["collisionCount"] == 0


async def test_pods_have_an_identity(stage: Stage) -> None:
    made = await stage.create(ordinals={"start": 3})
    pod = await stage.pod("web-3")
    revision = (await stage.status())["updateRevision"]
    assert pod["metadata"]["generateName"] == "web-"
    assert pod["metadata"]["labels"] == {
        "app": "web",
        "apps.kubernetes.io/pod-index": "3",
        "controller-revision-hash": revision,
        "statefulset.kubernetes.io/pod-name": "web-3",
    }
    assert pod["metadata"]["ownerReferences"] == [
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "name": "web",
            "uid": made["metadata"]["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]
    assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("web-3", "web")


async def test_revisions_hold_a_patch_that_brings_the_template_back(stage: Stage) -> None:
    await stage.create()
    [revision] = await stage.c.list(CONTROLLER_REVISIONS)
    tail = revision["metadata"]["name"].removeprefix("web-")
    assert revision["metadata"]["labels"] == {"app": "web", "controller.kubernetes.io/hash": tail}
    assert revision["metadata"]["annotations"] == {"team": "x"}
    assert revision["revision"] == 1
    assert revision["data"]["spec"]["template"]["$patch"] == "replace"
    await stage.ready("web-0", "web-1")
    await stage.image("v2")
    await stage.ready("web-1", "web-0")
    await stage.client.patch(STATEFUL_SETS, "web", revision["data"], "default")
    await stage.c.settle()
    await stage.ready("web-1", "web-0")
    found = await stage.c.list(CONTROLLER_REVISIONS)
    assert {r["metadata"]["name"]: r["revision"] for r in found} == {
        revision["metadata"]["name"]: 3,
        next(r["metadata"]["name"] for r in found if r["revision"] == 2): 2,
    }
    assert (await stage.status())["currentRevision"] == revision["metadata"]["name"]
    assert (await stage.pod("web-0"))["spec"]["containers"][0]["image"] == "v1"


async def test_history_limit(stage: Stage) -> None:
    await stage.create(0, revisionHistoryLimit=1)
    for number in range(2, 5):
        await stage.image(f"v{number}")
    found = await stage.c.list(CONTROLLER_REVISIONS)
    assert sorted(r["revision"] for r in found) == [3, 4]


async def test_events(stage: Stage) -> None:
    await stage.create(1)
    await stage.ready("web-0")
    await stage.patch({"replicas": 0})
    await stage.patch({"replicas": 1})
    assert await stage.events() == [
        ("SuccessfulCreate", "Create Pod web-0 in StatefulSet web successful", 2),
        ("SuccessfulDelete", "Delete Pod web-0 in StatefulSet web successful", 1),
    ]


async def test_failed_pods_come_back(stage: Stage) -> None:
    await stage.create(1)
    for phase in ("Failed", "Succeeded"):
        before = (await stage.pod("web-0"))["metadata"]["uid"]
        await stage.pod_status("web-0", phase=phase)
        after = await stage.pod("web-0")
        assert after["metadata"]["uid"] != before
        assert after["status"]["phase"] == "Pending"


async def test_a_name_that_is_taken(stage: Stage) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web-0", "labels": {"app": "other"}},
        "spec": {"containers": [{"name": "c", "image": "busybox"}]},
    }
    await stage.client.create(PODS, pod, namespace="default")
    await stage.create(1)  # it tries again and again, and nobody waits for it any longer
    assert counts(await stage.status()) == (0, "-", 0, "-", "-")
    assert await stage.events() == []
    await stage.client.delete(PODS, "web-0", "default")
    await stage.c.advance(200)
    assert (await stage.pod("web-0"))["metadata"]["labels"]["app"] == "web"


async def test_adoption_and_release(stage: Stage) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web-0", "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "image": "busybox"}]},
    }
    before = await stage.client.create(PODS, pod, namespace="default")
    await stage.create(1, updateStrategy={"type": "OnDelete"})
    after = await stage.pod("web-0")
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["metadata"]["ownerReferences"][0]["name"] == "web"
    assert after["metadata"]["labels"] == {"app": "web"}
    await stage.ready("web-0")
    assert (await stage.pod("web-0"))["metadata"]["labels"] == {
        "app": "web",
        "apps.kubernetes.io/pod-index": "0",
        "statefulset.kubernetes.io/pod-name": "web-0",
    }
    assert counts(await stage.status()) == (1, 1, 1, "-", "-")
    assert ("SuccessfulUpdate", "Update Pod web-0 in StatefulSet web successful", 1) in (
        await stage.events()
    )
    # Without the label it is somebody else's; the set cannot have another of that name.
    patch = {"metadata": {"labels": {"app": "mine"}}}
    await stage.client.patch(PODS, "web-0", patch, "default")
    await stage.c.drain()
    assert "ownerReferences" not in (await stage.pod("web-0"))["metadata"]


async def test_claims_are_made_kept_and_found_again(stage: Stage) -> None:
    await stage.create(2, volumeClaimTemplates=[CLAIM])
    await stage.ready("web-0", "web-1")
    found = await stage.c.list(PERSISTENT_VOLUME_CLAIMS)
    assert [claim["metadata"]["name"] for claim in found] == ["data-web-0", "data-web-1"]
    assert found[0]["metadata"]["labels"] == {"app": "web", "kind": "store"}
    assert found[0]["metadata"]["annotations"]["note"] == "mine"
    assert found[0]["spec"]["resources"] == {"requests": {"storage": "1Gi"}}
    volumes = (await stage.pod("web-1"))["spec"]["volumes"]
    assert volumes[0] == {"name": "data", "persistentVolumeClaim": {"claimName": "data-web-1"}}
    uids = [claim["metadata"]["uid"] for claim in found]
    await stage.patch({"replicas": 1})
    await stage.patch({"replicas": 2})
    found = await stage.c.list(PERSISTENT_VOLUME_CLAIMS)
    assert [claim["metadata"]["uid"] for claim in found] == uids
    text = "Create Claim data-web-0 Pod web-0 in StatefulSet web success"
    assert ("SuccessfulCreate", text, 1) in await stage.events()


OWNERS = [
    ("Retain", "Retain", [], []),
    ("Delete", "Retain", [("StatefulSet", "web")], [("StatefulSet", "web")]),
    ("Retain", "Delete", [], [("Pod", "web-1")]),
    ("Delete", "Delete", [("StatefulSet", "web")], [("Pod", "web-1")]),
]


@pytest.mark.parametrize(("deleted", "scaled", "wanted", "away"), OWNERS)
async def test_retention_policy(
    stage: Stage, deleted: str, scaled: str, wanted: list[Any], away: list[Any]
) -> None:
    policy = {"whenDeleted": deleted, "whenScaled": scaled}
    await stage.create(2, volumeClaimTemplates=[CLAIM], persistentVolumeClaimRetentionPolicy=policy)
    await stage.ready("web-0", "web-1")
    assert await stage.claims() == {"data-web-0": wanted, "data-web-1": wanted}
    await stage.patch({"replicas": 1})
    assert await stage.names() == ["web-0"]
    assert await stage.claims() == {"data-web-0": wanted, "data-web-1": away}


async def test_retention_policy_can_change(stage: Stage) -> None:
    await stage.create(1, volumeClaimTemplates=[CLAIM])
    await stage.ready("web-0")
    for deleted, owners in (("Delete", [("StatefulSet", "web")]), ("Retain", [])):
        await stage.patch({"persistentVolumeClaimRetentionPolicy": {"whenDeleted": deleted}})
        assert await stage.claims() == {"data-web-0": owners}


async def test_a_pod_waits_until_its_predecessors_claim_is_gone(stage: Stage) -> None:
    policy = {"whenDeleted": "Retain", "whenScaled": "Delete"}
    await stage.create(1, volumeClaimTemplates=[CLAIM], persistentVolumeClaimRetentionPolicy=policy)
    await stage.ready("web-0")
    await stage.patch({"replicas": 0})
    await stage.patch({"replicas": 1})
    assert await stage.names() == []
    await stage.client.delete(PERSISTENT_VOLUME_CLAIMS, "data-web-0", "default")
    if await stage.claims():
        free = {"metadata": {"finalizers": None}}
        await stage.client.patch(PERSISTENT_VOLUME_CLAIMS, "data-web-0", free, "default")
    await stage.c.settle()
    assert await stage.names() == ["web-0"]


async def test_quota_stops_a_batch_and_is_told(stage: Stage) -> None:
    controller = stage.c.cluster.manager.find("statefulset-controller")
    real = controller.client.create

    async def refuse(resource: Any, obj: Obj, **more: Any) -> Obj:
        if resource is PODS and obj["metadata"]["name"] != "web-0":
            message = f'pods "{obj["metadata"]["name"]}" is forbidden: exceeded quota: few'
            raise StatusError(403, "Forbidden", message)
        return await real(resource, obj, **more)

    controller.client.create = refuse
    await stage.create(9, podManagementPolicy="Parallel")
    assert await stage.names() == ["web-0"]
    reasons = {(reason, message) for reason, message, _ in await stage.events()}
    text = 'Create Pod web-{0} in StatefulSet web failed error: pods "web-{0}" is forbidden: '
    for ordinal in (1, 2):
        assert ("FailedCreate", f"{text.format(ordinal)}exceeded quota: few") in reasons
    assert not any("web-3" in message for _, message in reasons)
    controller.client.create = real
    await stage.c.advance(200)
    assert len(await stage.names()) == 9
    assert (await stage.status())["replicas"] == 9


async def test_a_set_that_is_being_deleted_is_left_to_the_garbage_collector(stage: Stage) -> None:
    await stage.create(2)
    await stage.ready("web-0", "web-1")
    options = DeleteOptions(propagation_policy="Foreground")
    await stage.client.delete(STATEFUL_SETS, "web", "default", options=options)
    await stage.client.delete(PODS, "web-1", "default")
    await stage.c.settle()
    assert await stage.names() == ["web-0"]
    assert counts(await stage.status())[0] == 1
