"""The controller on a real registry; the tests play kubelets and node controllers."""

from typing import Any

import pytest

from miniplane.api.objects import Obj
from miniplane.api.options import MERGE_PATCH, DeleteOptions
from miniplane.api.resources import CONTROLLER_REVISIONS, DAEMON_SETS, EVENTS, NODES, PODS
from miniplane.controllers.pods import is_ready
from miniplane.testing.harness import Harness, cluster

READY = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}


class Stage:
    """One DaemonSet, and nodes that nobody runs."""

    def __init__(self, harness: Harness):
        self.c = harness
        self.client = harness.client

    async def node(self, name: str, *, taints: Any = (), **labels: str) -> None:
        metadata = {"name": name, "labels": labels}
        spec = {"taints": list(taints)} if taints else {}
        body = {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec}
        made = await self.client.create(NODES, body)
        # As the node controller does when the node is ready.
        await self.client.update(NODES, {**made, "spec": spec})
        await self.c.settle()

    async def patch_node(self, name: str, patch: Obj) -> None:
        await self.client.patch(NODES, name, patch, patch_type=MERGE_PATCH)
        await self.c.settle()

    async def create(self, **spec: Any) -> Obj:
        template = {
            "metadata": {"labels": {"app": "agent"}},
            "spec": {"containers": [{"name": "main", "image": "v1"}], **spec.pop("pod", {})},
        }
        base = {"selector": {"matchLabels": {"app": "agent"}}, "template": template}
        metadata = {"name": "agent", "namespace": "default"}
        body = {"kind": "DaemonSet", "apiVersion": "apps/v1", "metadata": metadata}
        made = await self.client.create(DAEMON_SETS, {**body, "spec": {**base, **spec}})
        await self.c.settle()
        return made

    async def patch(self, patch: Obj) -> None:
        await self.client.patch(DAEMON_SETS, "agent", patch, "default")
        await self.c.settle()

    async def image(self, image: str) -> None:
        containers = [{"name": "main", "image": image}]
        await self.patch({"spec": {"template": {"spec": {"containers": containers}}}})

    async def poke(self) -> None:
        await self.patch({"metadata": {"annotations": {"poke": "1"}}})

    async def bind(self, pod: Obj) -> None:
        body = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": pod["metadata"]["name"], "namespace": "default"},
            "target": {"kind": "Node", "name": target(pod)},
        }
        name = pod["metadata"]["name"]
        await self.client.create(PODS, body, namespace="default", name=name, subresource="binding")
        await self.c.settle()

    async def pod_status(self, pod: Obj, **status: Any) -> None:
        name = pod["metadata"]["name"]
        await self.client.patch(PODS, name, {"status": status}, "default", subresource="status")
        await self.c.settle()

    async def ready(self) -> None:
        """Makes the pods that are there now ready, one after the other."""
        for name in [pod["metadata"]["name"] for pod in await self.c.pods()]:
            pod = next((p for p in await self.c.pods() if p["metadata"]["name"] == name), None)
            if pod is not None and not is_ready(pod):
                await self.pod_status(pod, phase="Running", conditions=[READY])

    async def nodes_with_pods(self) -> list[str]:
        return sorted(target(pod) for pod in await self.c.pods())

    async def status(self) -> Obj:
        return (await self.client.get(DAEMON_SETS, "agent", "default"))["status"]

    async def events(self) -> list[tuple[str, str]]:
        return [(e["reason"], e["message"]) for e in await self.c.list(EVENTS)]


def target(pod: Obj) -> str:
    required = pod["spec"]["affinity"]["nodeAffinity"][
        "requiredDuringSchedulingIgnoredDuringExecution"
    ]
    [term] = required["nodeSelectorTerms"]
    return term["matchFields"][0]["values"][0]


@pytest.fixture
async def stage():
    async with cluster(nodes=0, controllers="daemonset-controller") as harness:
        yield Stage(harness)


async def test_status_write_by_write(stage: Stage) -> None:
    await stage.node("a")
    watch = await stage.client.watch(DAEMON_SETS, "default", resource_version="")
    await stage.create(updateStrategy={"type": "OnDelete"})
    await stage.ready()
    await stage.image("v2")
    fields = ("observedGeneration", "desiredNumberScheduled", "numberMisscheduled")
    fields += ("numberReady", "numberAvailable", "numberUnavailable")
    written: list[tuple[Any, ...]] = []
    for event in await watch.next(0):
        obj = event.handle.obj
        seen = (obj["metadata"]["generation"], *(obj["status"].get(field) for field in fields))
        if seen not in written[-1:]:
            written.append(seen)
    watch.close()
    assert written == [
        (1, None, 0, 0, 0, None, None),
        (1, 1, 1, 0, 0, None, 1),
        (1, 1, 1, 0, 1, 1, None),
        (2, 1, 1, 0, 1, 1, None),
        (2, 2, 1, 0, 1, 1, None),
    ]
    assert "updatedNumberScheduled" not in await stage.status()


async def test_every_node_that_suits_gets_one(stage: Stage) -> None:
    await stage.node("a", pool="x")
    await stage.node("b", pool="y")
    await stage.create(pod={"nodeSelector": {"pool": "x"}})
    assert await stage.nodes_with_pods() == ["a"]
    await stage.node("c", pool="x")
    assert await stage.nodes_with_pods() == ["a", "c"]
    await stage.patch_node("b", {"metadata": {"labels": {"pool": "x"}}})
    assert await stage.nodes_with_pods() == ["a", "b", "c"]
    status = await stage.status()
    assert status == {
        "currentNumberScheduled": 3,
        "desiredNumberScheduled": 3,
        "numberMisscheduled": 0,
        "numberReady": 0,
        "numberUnavailable": 3,
        "observedGeneration": 1,
        "updatedNumberScheduled": 3,
    }


async def test_what_is_nobodys_turn(stage: Stage) -> None:
    """A node that goes, a label that only unbound pods lose, a NoSchedule taint: seen later."""
    for name in "abc":
        await stage.node(name, pool="x")
    await stage.create(pod={"nodeSelector": {"pool": "x"}})
    for pod in await stage.c.pods():
        if target(pod) == "a":
            await stage.bind(pod)
    busy = {"key": "busy", "effect": "NoSchedule"}
    await stage.patch_node("a", {"spec": {"taints": [busy]}})
    await stage.patch_node("b", {"metadata": {"labels": {"pool": None}}})
    await stage.client.delete(NODES, "c")
    await stage.c.settle()
    assert await stage.nodes_with_pods() == ["a", "b", "c"]
    assert (await stage.status())["desiredNumberScheduled"] == 3
    await stage.poke()
    assert await stage.nodes_with_pods() == ["a"]
    status = await stage.status()
    assert (status["desiredNumberScheduled"], status["numberMisscheduled"]) == (0, 1)
    assert status["currentNumberScheduled"] == 0
    # A misscheduled pod is looked after: the end of the taint is seen at once.
    await stage.patch_node("a", {"spec": {"taints": None}})
    status = await stage.status()
    assert (status["desiredNumberScheduled"], status["numberMisscheduled"]) == (1, 0)


async def test_a_no_execute_taint_drives_the_pod_out(stage: Stage) -> None:
    await stage.node("a")
    await stage.create()
    [pod] = await stage.c.pods()
    await stage.bind(pod)
    await stage.patch_node("a", {"spec": {"taints": [{"key": "x", "effect": "NoExecute"}]}})
    left = await stage.c.pods()
    assert all("deletionTimestamp" in pod["metadata"] for pod in left)


async def test_rolling_update(stage: Stage) -> None:
    for name in "abcd":
        await stage.node(name)
    await stage.create(updateStrategy={"rollingUpdate": {"maxUnavailable": "50%"}})
    await stage.ready()
    await stage.image("v2")
    images = [pod["spec"]["containers"][0]["image"] for pod in await stage.c.pods()]
    assert sorted(images) == ["v1", "v1", "v2", "v2"]
    status = await stage.status()
    assert (status["numberAvailable"], status["updatedNumberScheduled"]) == (2, 2)
    await stage.ready()
    await stage.ready()
    images = [pod["spec"]["containers"][0]["image"] for pod in await stage.c.pods()]
    assert images == ["v2"] * 4
    generations = {p["metadata"]["labels"]["pod-template-generation"] for p in await stage.c.pods()}
    assert generations == {"2"}


async def test_surge(stage: Stage) -> None:
    await stage.node("a")
    rolling = {"maxSurge": 1, "maxUnavailable": 0}
    await stage.create(updateStrategy={"rollingUpdate": rolling})
    await stage.ready()
    await stage.image("v2")
    images = sorted(pod["spec"]["containers"][0]["image"] for pod in await stage.c.pods())
    assert images == ["v1", "v2"]
    status = await stage.status()
    assert status["numberAvailable"] == 1
    assert "updatedNumberScheduled" not in status
    await stage.ready()
    [pod] = await stage.c.pods()
    assert pod["spec"]["containers"][0]["image"] == "v2"
    assert (await stage.status())["updatedNumberScheduled"] == 1


async def test_failed_pods_come_back_slower_and_slower(stage: Stage) -> None:
    await stage.node("a")
    await stage.create()
    waits = []
    for _ in range(4):
        [pod] = await stage.c.pods()
        began = stage.c.clock.time()
        await stage.pod_status(pod, phase="Failed")
        waits.append(stage.c.clock.time() - began)
        [after] = await stage.c.pods()
        assert after["metadata"]["uid"] != pod["metadata"]["uid"]
    assert waits == [0, 1, 2, 4]
    reasons = [reason for reason, _ in await stage.events()]
    assert sorted(reasons[:4]) == [
        "FailedDaemonPod",
        "SuccessfulCreate",
        "SuccessfulCreate",
        "SuccessfulDelete",
    ]


async def test_events(stage: Stage) -> None:
    await stage.node("a", pool="x")
    await stage.create(pod={"nodeSelector": {"pool": "x"}})
    [pod] = await stage.c.pods()
    name = pod["metadata"]["name"]
    await stage.patch_node("a", {"metadata": {"labels": {"pool": None}}})
    await stage.poke()
    assert await stage.events() == [
        ("SuccessfulCreate", f"Created pod: {name}"),
        ("SuccessfulDelete", f"Deleted pod: {name}"),
    ]
    [first, _] = await stage.c.list(EVENTS)
    assert first["source"] == {"component": "daemonset-controller"}


async def test_history_and_rollback(stage: Stage) -> None:
    await stage.create(revisionHistoryLimit=1)
    await stage.image("v2")
    found = await stage.c.list(CONTROLLER_REVISIONS)
    assert sorted(r["revision"] for r in found) == [1, 2]
    first = next(r for r in found if r["revision"] == 1)
    tail = first["metadata"]["name"].removeprefix("agent-")
    assert first["metadata"]["labels"] == {"app": "agent", "controller-revision-hash": tail}
    assert first["metadata"]["annotations"] == {"deprecated.daemonset.template.generation": "1"}
    await stage.patch(first["data"])
    found = await stage.c.list(CONTROLLER_REVISIONS)
    numbers = {r["metadata"]["name"]: r["revision"] for r in found}
    assert numbers.pop(first["metadata"]["name"]) == 3
    assert list(numbers.values()) == [2]
    await stage.image("v3")
    found = await stage.c.list(CONTROLLER_REVISIONS)
    assert sorted(r["revision"] for r in found) == [3, 4]


async def test_a_lost_revision_is_made_again(stage: Stage) -> None:
    await stage.create()
    [revision] = await stage.c.list(CONTROLLER_REVISIONS)
    name = revision["metadata"]["name"]
    await stage.client.delete(CONTROLLER_REVISIONS, name, "default")
    await stage.c.settle()
    [again] = await stage.c.list(CONTROLLER_REVISIONS)
    assert again["metadata"]["name"] == name
    assert again["metadata"]["uid"] != revision["metadata"]["uid"]


async def test_twins_among_the_revisions_are_reduced(stage: Stage) -> None:
    await stage.node("a")
    await stage.create()
    [revision] = await stage.c.list(CONTROLLER_REVISIONS)
    twin = {**revision, "metadata": {"name": "agent-twin", "namespace": "default"}, "revision": 5}
    twin["metadata"]["labels"] = {"app": "agent"}
    await stage.client.create(CONTROLLER_REVISIONS, twin)
    await stage.c.settle()
    [left] = await stage.c.list(CONTROLLER_REVISIONS)
    assert left["metadata"]["name"] == "agent-twin"
    assert left["metadata"]["labels"]["controller-revision-hash"] == "agent-twin"
    [pod] = await stage.c.pods()
    assert pod["metadata"]["labels"]["controller-revision-hash"] == "agent-twin"


async def test_adoption_and_release(stage: Stage) -> None:
    await stage.node("a")
    await stage.create()
    [pod] = await stage.c.pods()
    name = pod["metadata"]["name"]
    await stage.c.advance(1)
    free = {"metadata": {"labels": {"app": "mine"}}}
    await stage.client.patch(PODS, name, free, "default")
    await stage.c.settle()
    assert "ownerReferences" not in (await stage.client.get(PODS, name, "default"))["metadata"]
    assert len(await stage.c.pods()) == 2
    await stage.client.patch(PODS, name, {"metadata": {"labels": {"app": "agent"}}}, "default")
    await stage.c.settle()
    # Back again; of two pods on a node the older stays.
    [left] = await stage.c.pods()
    assert left["metadata"]["name"] == name
    assert left["metadata"]["ownerReferences"][0]["kind"] == "DaemonSet"


async def test_a_set_that_is_being_deleted_is_left_alone(stage: Stage) -> None:
    await stage.node("a")
    await stage.create()
    options = DeleteOptions(propagation_policy="Foreground")
    await stage.client.delete(DAEMON_SETS, "agent", "default", options=options)
    [pod] = await stage.c.pods()
    await stage.client.delete(PODS, pod["metadata"]["name"], "default")
    await stage.c.settle()
    assert await stage.c.pods() == []
