"""Pods that have ended and are yet to be removed: who cares for a successor does so meanwhile."""

import pytest

from miniplane.api.resources import DAEMON_SETS, PODS
from miniplane.controllers.kubelet.view import CLEANUP
from miniplane.testing import objects
from miniplane.testing.harness import Harness, cluster


async def steps(c: Harness, since: str) -> list[tuple[str, str]]:
    """What was added and deleted since a revision, and each pod's image."""
    watch = await c.client.watch(PODS, "default", resource_version=since)
    found = []
    for event in await watch.next(0):
        assert event.handle is not None
        if event.type in ("ADDED", "DELETED"):
            found.append((event.type, event.handle.obj["spec"]["containers"][0]["image"]))
    watch.close()
    return found


async def test_a_daemon_pod_has_its_successor_before_it_is_removed() -> None:
    async with cluster(nodes=2, pod_startup=1.0) as c:
        await c.client.create(DAEMON_SETS, objects.daemon_set("agent"))
        await c.settle()
        since = (await c.client.list(PODS)).resource_version
        patch = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "v2"}]}}}}
        await c.client.patch(DAEMON_SETS, "agent", patch, "default")
        await c.settle()
        assert await steps(c, since) == [("ADDED", "v2"), ("DELETED", objects.IMAGE)] * 2


async def test_an_ended_pod_stays_for_a_moment() -> None:
    async with cluster(nodes=1, pod_startup=2.0) as c:
        await c.client.create(PODS, objects.pod("web"))
        await c.settle()
        begun = c.clock.time()
        await c.client.delete(PODS, "web", "default")
        await c.settle()
        assert await c.pods() == []
        assert c.clock.time() == pytest.approx(begun + 2.0 + CLEANUP)


async def test_where_starting_takes_no_time_nor_does_removal() -> None:
    async with cluster(nodes=1, pod_startup=0.0) as c:
        await c.client.create(PODS, objects.pod("web"))
        await c.settle()
        begun = c.clock.time()
        await c.client.delete(PODS, "web", "default")
        await c.settle()
        assert await c.pods() == []
        assert c.clock.time() == pytest.approx(begun)
