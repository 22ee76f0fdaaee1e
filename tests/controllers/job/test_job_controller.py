"""Jobs on virtual time, with the kubelet that ends their pods."""

from typing import Any

import pytest

from miniplane import testing
from miniplane.api.objects import Obj
from miniplane.api.options import MERGE_PATCH, DeleteOptions
from miniplane.api.resources import EVENTS, JOBS, PODS, RESOURCE_QUOTAS
from miniplane.testing import objects

FINALIZER = "batch.kubernetes.io/job-tracking"


def job(notes: dict[str, str] | None = None, **spec: Any) -> Obj:
    made = objects.job("work", **spec)
    annotations = {f"sim.miniplane.dev/{key}": value for key, value in (notes or {}).items()}
    made["spec"]["template"]["metadata"] = {"annotations": annotations}
    return made


async def status(c: testing.Harness) -> Obj:
    return (await c.client.get(JOBS, "work", "default"))["status"]


async def change(c: testing.Harness, **spec: Any) -> None:
    patch = {"spec": spec}
    await c.client.patch(JOBS, "work", patch, "default", patch_type=MERGE_PATCH)


async def told(c: testing.Harness) -> list[str]:
    events = await c.list(EVENTS)
    return [e["reason"] for e in events if e["involvedObject"]["kind"] == "Job"]


def indexes(pods: list[Obj]) -> list[str]:
    return sorted(
        pod["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"] for pod in pods
    )


async def test_parallel_pods_up_to_the_completions() -> None:
    async with testing.cluster(nodes=2) as c:
        await c.client.create(JOBS, job(parallelism=2, completions=3))
        await c.advance(3)
        assert (await status(c))["active"] == 2
        await c.settle()
        found = await status(c)
        assert found["succeeded"] == 3 and "active" not in found
        assert await told(c) == ["SuccessfulCreate"] * 3 + ["Completed"]
        assert not any("finalizers" in pod["metadata"] for pod in await c.pods())


async def test_failures_are_tried_again_until_the_limit() -> None:
    async with testing.cluster(nodes=1) as c:
        notes = {"run-for": "1s", "exit-code": "3"}
        await c.client.create(JOBS, job(notes, backoffLimit=2))
        await c.settle()
        found = await status(c)
        assert found["failed"] == 3
        assert [c["type"] for c in found["conditions"]] == ["FailureTarget", "Failed"]
        created = [pod["metadata"]["creationTimestamp"][14:19] for pod in await c.pods()]
        assert sorted(created) == ["00:00", "00:11", "00:32"]


async def test_a_policy_fails_the_job_at_once() -> None:
    async with testing.cluster(nodes=1) as c:
        rule = {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}
        notes = {"exit-code": "42"}
        await c.client.create(JOBS, job(notes, podFailurePolicy={"rules": [rule]}))
        await c.settle()
        [_, failed] = (await status(c))["conditions"]
        assert failed["reason"] == "PodFailurePolicy"
        assert failed["message"].endswith("exit code 42 matching FailJob rule at index 0")


async def test_an_elastic_indexed_job() -> None:
    async with testing.cluster(nodes=1, job_duration=1_000.0) as c:
        spec = {"parallelism": 2, "completions": 2, "completionMode": "Indexed"}
        await c.client.create(JOBS, job(**spec))
        await c.advance(2)
        assert indexes(await c.pods()) == ["0", "1"]
        await change(c, parallelism=4, completions=4)
        await c.advance(2)
        assert indexes(await c.pods()) == ["0", "1", "2", "3"]
        await change(c, parallelism=1, completions=1)
        await c.advance(5)
        assert indexes(await c.pods()) == ["0"]


async def test_suspending_takes_the_pods_and_the_start_time_away() -> None:
    async with testing.cluster(nodes=1, pod_startup=0.5) as c:
        await c.client.create(JOBS, job(activeDeadlineSeconds=30))
        await c.advance(5)
        await change(c, suspend=True)
        await c.advance(60)
        assert await c.pods() == []
        assert "startTime" not in await status(c)
        await change(c, suspend=False)
        await c.settle()
        assert (await status(c))["succeeded"] == 1
        assert await told(c) == [
            *("SuccessfulCreate", "SuccessfulDelete", "Suspended"),
            *("SuccessfulCreate", "Resumed", "Completed"),
        ]


async def test_a_job_that_somebody_else_manages_is_left_alone() -> None:
    async with testing.cluster(nodes=1) as c:
        await c.client.create(JOBS, job(managedBy="example.com/queue"))
        await c.advance(30)
        assert await c.pods() == [] and await status(c) == {}


@pytest.mark.parametrize(("policy", "left"), [("Background", 0), ("Foreground", 0), ("Orphan", 1)])
async def test_deleting(policy: str, left: int) -> None:
    async with testing.cluster(nodes=1, job_duration=1_000.0) as c:
        await c.client.create(JOBS, job())
        await c.advance(3)
        options = DeleteOptions(propagation_policy=policy)
        await c.client.delete(JOBS, "work", "default", options=options)
        await c.advance(60)
        pods = await c.pods()
        assert await c.list(JOBS) == [] and len(pods) == left
        assert not any(FINALIZER in pod["metadata"].get("finalizers", ()) for pod in pods)


async def test_pods_that_match_are_adopted_with_the_finalizer() -> None:
    async with testing.cluster(nodes=1, job_duration=1_000.0) as c:
        made = job(manualSelector=True, selector={"matchLabels": {"app": "work"}})
        made["spec"]["template"]["metadata"]["labels"] = {"app": "work"}
        pod = objects.pod("there", labels={"app": "work"}, restartPolicy="Never")
        await c.client.create(PODS, pod)
        await c.settle()
        await c.client.create(JOBS, made)
        await c.advance(5)
        [adopted] = await c.pods()
        assert adopted["metadata"]["name"] == "there"
        assert adopted["metadata"]["finalizers"] == [FINALIZER]
        patch = {"metadata": {"labels": {"app": "other"}}}
        await c.client.patch(PODS, "there", patch, "default", patch_type=MERGE_PATCH)
        await c.advance(5)
        released = await c.client.get(PODS, "there", "default")
        assert "ownerReferences" not in released["metadata"]
        assert "finalizers" not in released["metadata"]
        assert len(await c.pods()) == 2


async def test_without_its_controller_a_job_only_stands_there() -> None:
    async with testing.cluster(nodes=1, controllers="*,-job-controller") as c:
        await c.client.create(JOBS, job())
        await c.settle()
        assert await c.pods() == []


async def test_what_the_server_refuses_is_tried_again_after_seconds() -> None:
    async with testing.cluster(nodes=1) as c:
        quota = {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
        await c.client.create(RESOURCE_QUOTAS, quota, namespace="default")
        await c.drain()
        await c.client.create(JOBS, job(parallelism=3, completions=3))
        counts = []
        for seconds in (0.5, 1, 2, 4, 8):
            await c.advance(seconds)
            counts.append((await told(c)).count("FailedCreate"))
        assert counts == [1, 2, 3, 4, 5]
        await c.client.delete(RESOURCE_QUOTAS, "none", "default")
        await c.settle()
        assert (await status(c))["succeeded"] == 3
