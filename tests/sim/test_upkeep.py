"""What the API server keeps by itself: its own service, and events for an hour."""

from miniplane import testing
from miniplane.api import errors, resources


async def test_the_service_kubernetes_comes_back() -> None:
    async with testing.cluster(nodes=0) as cluster:
        before = await cluster.client.get(resources.SERVICES, "kubernetes", "default")
        await cluster.client.delete(resources.SERVICES, "kubernetes", "default")
        await cluster.advance(11)
        after = await cluster.client.get(resources.SERVICES, "kubernetes", "default")
        assert after["metadata"]["uid"] != before["metadata"]["uid"]
        assert after["spec"]["clusterIP"] == before["spec"]["clusterIP"] == "10.96.0.1"
        await cluster.client.get(resources.ENDPOINTS, "kubernetes", "default")


async def test_events_expire_an_hour_after_they_were_last_written() -> None:
    async with testing.cluster(nodes=0) as cluster:
        where = {"kind": "Pod", "name": "p", "namespace": "default"}
        for name in ("old", "renewed"):
            event = {"metadata": {"name": name}, "involvedObject": where, "reason": "Tested"}
            await cluster.client.create(resources.EVENTS, event, namespace="default")
        await cluster.advance(3_000)
        patch = {"count": 2}
        await cluster.client.patch(resources.EVENTS, "renewed", patch, "default")
        await cluster.advance(1_000)
        names = [e["metadata"]["name"] for e in await cluster.list(resources.EVENTS, "default")]
        assert names == ["renewed"]
        await cluster.advance(3_000)
        assert await cluster.list(resources.EVENTS, "default") == []


async def test_a_deleted_namespace_takes_its_time_and_goes() -> None:
    async with testing.cluster(nodes=0) as cluster:
        await cluster.client.create(resources.NAMESPACES, {"metadata": {"name": "x"}})
        await cluster.settle()
        await cluster.client.delete(resources.NAMESPACES, "x")
        await cluster.settle()
        try:
            await cluster.client.get(resources.NAMESPACES, "x")
        except errors.StatusError as error:
            assert errors.is_not_found(error)
        else:
            raise AssertionError("the namespace is still there")
