"""Containers that are given other resources while they run."""

import json

import pytest

from miniplane import testing
from miniplane.api.errors import StatusError
from miniplane.api.resources import EVENTS, PODS
from miniplane.testing import objects


def pod(name="web", *, cpu="1", policy=(), **spec):
    made = objects.pod(name, **spec)
    resources = {"requests": {"cpu": cpu, "memory": "1Gi"}, "limits": {"cpu": "4"}}
    made["spec"]["containers"][0] |= {"resources": resources, "resizePolicy": list(policy)}
    return made


async def get(c, name="web"):
    return await c.client.get(PODS, name, "default")


async def resize(c, name="web", **requests):
    patch = {"spec": {"containers": [{"name": "main", "resources": {"requests": requests}}]}}
    await c.client.patch(PODS, name, patch, "default", subresource="resize")


def has(found):
    """What its container has, what it was promised, and its restarts."""
    [one] = found["status"]["containerStatuses"]
    requests = one["resources"]["requests"]
    return requests["cpu"], one["allocatedResources"]["cpu"], one["restartCount"]


def resizing(found):
    return [
        (c["type"], c.get("reason"), c.get("message"), c["observedGeneration"])
        for c in found["status"]["conditions"]
        if c["type"].startswith("PodResize")
    ]


async def told(c, name="web"):
    return [
        (e["type"], e["reason"], *e["message"].split(": ", 1))
        for e in await c.list(EVENTS)
        if e["involvedObject"]["name"] == name and e["reason"].startswith("Resize")
    ]


def cluster(**settings):
    return testing.cluster(nodes=1, node_capacity={"cpu": "4"}, **settings)


async def test_what_fits_is_given():
    async with cluster(pod_startup=2.0) as c:
        await c.client.create(PODS, pod())
        await c.settle()
        assert has(await get(c)) == ("1", "1", 0)
        await resize(c, cpu="2")
        await c.drain()
        found = await get(c)
        assert has(found) == ("1", "2", 0)
        assert resizing(found) == [("PodResizeInProgress", None, None, 2)]
        await c.settle()
        found = await get(c)
        assert has(found) == ("2", "2", 0)
        assert resizing(found) == []
        assert found["status"]["observedGeneration"] == 2
        asked = {"limits": {"cpu": "4"}, "requests": {"cpu": "2", "memory": "1Gi"}}
        detail = json.dumps(
            {"containers": [{"name": "main", "resources": asked}], "generation": 2},
            separators=(",", ":"),
        )
        assert await told(c) == [
            ("Normal", "ResizeStarted", "Pod resize started", detail),
            ("Normal", "ResizeCompleted", "Pod resize completed", detail),
        ]


async def test_what_the_node_never_has_is_infeasible():
    async with cluster() as c:
        await c.client.create(PODS, pod())
        await c.settle()
        patch = {"resources": {"requests": {"cpu": "5"}, "limits": {"cpu": "5"}}}
        body = {"spec": {"containers": [{"name": "main", **patch}]}}
        await c.client.patch(PODS, "web", body, "default", subresource="resize")
        await c.settle()
        found = await get(c)
        text = "Node didn't have enough capacity: cpu, requested: 5000, capacity: 4000"
        assert has(found) == ("1", "1", 0)
        assert resizing(found) == [("PodResizePending", "Infeasible", text, 2)]
        [(kind, reason, prefix, detail)] = await told(c)
        assert (kind, reason, prefix) == ("Warning", "ResizeInfeasible", "Pod resize Infeasible")
        assert json.loads(detail)["error"] == text
        patch = {"resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "4"}}}
        body = {"spec": {"containers": [{"name": "main", **patch}]}}
        await c.client.patch(PODS, "web", body, "default", subresource="resize")
        await c.settle()
        assert resizing(await get(c)) == []


async def test_what_others_have_is_deferred_until_they_are_gone():
    async with cluster() as c:
        await c.client.create(PODS, pod())
        await c.client.create(PODS, pod("other", cpu="2"))
        await c.settle()
        await resize(c, cpu="3")
        await c.settle()
        found = await get(c)
        text = "Node didn't have enough resource: cpu, requested: 3000, used: 2000, capacity: 4000"
        assert has(found) == ("1", "1", 0)
        assert resizing(found) == [("PodResizePending", "Deferred", text, 2)]
        assert [reason for _, reason, *_ in await told(c)] == ["ResizeDeferred"]
        await c.client.delete(PODS, "other", "default")
        await c.settle()
        found = await get(c)
        assert (has(found), resizing(found)) == (("3", "3", 0), [])
        assert [reason for _, reason, *_ in await told(c)] == [
            "ResizeDeferred",
            "ResizeStarted",
            "ResizeCompleted",
        ]


async def test_another_that_shrinks_makes_room():
    async with cluster() as c:
        await c.client.create(PODS, pod())
        await c.client.create(PODS, pod("other", cpu="3"))
        await c.settle()
        await resize(c, cpu="2")
        await c.settle()
        assert has(await get(c))[0] == "1"
        await resize(c, "other", cpu="1")
        await c.settle()
        assert has(await get(c))[0] == "2"


async def test_some_are_started_again_for_it():
    async with cluster() as c:
        policy = [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]
        await c.client.create(PODS, pod(policy=policy))
        await c.settle()
        await resize(c, cpu="2")
        await c.settle()
        found = await get(c)
        assert has(found) == ("2", "2", 1)
        [one] = found["status"]["containerStatuses"]
        assert one["lastState"]["terminated"]["exitCode"] == 137
        assert one["ready"]
        killed = [e["message"] for e in await c.list(EVENTS) if e["reason"] == "Killing"]
        assert killed == ["Container main resize requires restart"]
        await resize(c, memory="2Gi")
        await c.settle()
        assert has(await get(c)) == ("2", "2", 1)


async def test_the_same_amount_in_other_words_is_no_resize():
    async with cluster() as c:
        await c.client.create(PODS, pod())
        await c.settle()
        await resize(c, cpu="1000m")
        await c.settle()
        assert await told(c) == []


async def test_a_class_of_service_stays():
    async with cluster() as c:
        await c.client.create(PODS, pod())
        await c.settle()
        patch = {
            "resources": {"requests": {"cpu": "4", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}
        }
        body = {"spec": {"containers": [{"name": "main", **patch}]}}
        with pytest.raises(
            StatusError, match="Pod QOS Class may not change as a result of resizing"
        ):
            await c.client.patch(PODS, "web", body, "default", subresource="resize")


async def test_what_a_container_waits_for_it_has_not_after_a_restart():
    async with cluster() as c:
        await c.client.create(PODS, pod())
        await c.client.create(PODS, pod("other", cpu="2"))
        await c.settle()
        await resize(c, cpu="3")
        await c.settle()
        await c.fail("web", "exit=1")
        await c.advance(1)
        assert has(await get(c)) == ("1", "1", 1)


async def test_a_container_that_crashes_has_it_with_its_next_start():
    async with cluster(pod_startup=3.0) as c:
        await c.client.create(PODS, pod())
        await c.settle()
        await c.fail("web", "exit=1")
        await resize(c, cpu="2")
        await c.advance(30)
        assert has(await get(c))[0] == "2"
        assert [reason for _, reason, *_ in await told(c)] == ["ResizeStarted", "ResizeCompleted"]
        assert [e["count"] for e in await c.list(EVENTS) if "Resize" in e["reason"]] == [1, 1]
