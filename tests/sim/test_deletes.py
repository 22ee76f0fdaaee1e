"""Deleting a tree of objects in a whole cluster: background, foreground, orphaning."""

from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj
from miniplane.api.options import DeleteOptions
from miniplane.api.resources import DEPLOYMENTS, PODS, REPLICA_SETS, Resource
from miniplane.testing import objects
from miniplane.testing.harness import Harness, cluster


async def make(c: Harness) -> None:
    await c.client.create(DEPLOYMENTS, objects.deployment("web", replicas=3))
    await c.settle()


async def delete(c: Harness, policy: str) -> None:
    options = DeleteOptions(propagation_policy=policy)
    await c.client.delete(DEPLOYMENTS, "web", "default", options=options)


async def count(c: Harness) -> tuple[int, int, int]:
    rows: tuple[Resource, ...] = (DEPLOYMENTS, REPLICA_SETS, PODS)
    one, two, three = [len(await c.list(row)) for row in rows]
    return one, two, three


async def test_background() -> None:
    async with cluster() as c:
        await make(c)
        await delete(c, "Background")
        assert await count(c) == (0, 1, 3), "the Deployment is gone at once"
        await c.settle()
        assert await count(c) == (0, 0, 0)


async def test_foreground_goes_from_the_leaves_up() -> None:
    async with cluster(pod_startup=1.0) as c:
        await make(c)
        gone: list[str] = []
        watches = []
        for row in (DEPLOYMENTS, REPLICA_SETS, PODS):
            listed = await c.client.list(row)
            watches.append(
                await c.client.watch(row, "default", resource_version=listed.resource_version)
            )
        await delete(c, "Foreground")
        deployment = await c.client.get(DEPLOYMENTS, "web", "default")
        assert deployment["metadata"]["finalizers"] == ["foregroundDeletion"]
        await c.settle()
        assert await count(c) == (0, 0, 0)
        revisions = {}
        for watch in watches:
            for event in await watch.next(0):
                if event.type == "DELETED":
                    revisions[int(event.resource_version)] = event.handle.obj["kind"]
        gone = [revisions[revision] for revision in sorted(revisions)]
        assert gone == ["Pod"] * 3 + ["ReplicaSet", "Deployment"]


async def test_orphans_stay_and_are_taken_over_by_the_next() -> None:
    async with cluster() as c:
        await make(c)
        before = {pod["metadata"]["uid"] for pod in await c.pods()}
        await delete(c, "Orphan")
        await c.settle()
        assert await count(c) == (0, 1, 3)
        (left,) = await c.list(REPLICA_SETS)
        assert "ownerReferences" not in left["metadata"]
        await make(c)
        assert await count(c) == (1, 1, 3)
        (taken,) = await c.list(REPLICA_SETS)
        assert taken["metadata"]["ownerReferences"][0]["name"] == "web"
        assert {pod["metadata"]["uid"] for pod in await c.pods()} == before


async def test_orphaning_a_replicaset_lets_the_deployment_make_another() -> None:
    async with cluster() as c:
        await make(c)
        (first,) = await c.list(REPLICA_SETS)
        options = DeleteOptions(propagation_policy="Orphan")
        name = first["metadata"]["name"]
        await c.client.delete(REPLICA_SETS, name, "default", options=options)
        await c.settle()
        assert await count(c) == (1, 1, 3), "its pods were adopted"
        (second,) = await c.list(REPLICA_SETS)
        assert second["metadata"]["uid"] != first["metadata"]["uid"]


async def test_a_pod_that_is_held_holds_up_a_foreground_deletion() -> None:
    async with cluster() as c:
        await make(c)
        name = (await c.pods())[0]["metadata"]["name"]
        hold: Obj = {"metadata": {"finalizers": ["example.com/hold"]}}
        await c.client.patch(PODS, name, hold, "default")
        await delete(c, "Foreground")
        await c.settle()
        assert await count(c) == (1, 1, 1)
        await c.client.patch(PODS, name, {"metadata": {"finalizers": None}}, "default")
        await c.settle()
        assert await count(c) == (0, 0, 0)


async def test_deleting_twice_is_harmless() -> None:
    async with cluster() as c:
        await make(c)
        await delete(c, "Foreground")
        try:
            await delete(c, "Background")
        except StatusError as error:
            assert error.reason == "NotFound"
        await c.settle()
        assert await count(c) == (0, 0, 0)
