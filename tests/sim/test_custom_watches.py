"""Watches of custom resources end when their definition changes, so that clients start anew."""

import aiohttp
import orjson
import pytest

from miniplane import testing
from miniplane.api import resources
from miniplane.client.protocol import WatchEnded

DEFINITIONS = resources.resource("customresourcedefinitions", "apiextensions.k8s.io")
PATH = "/apis/a.io/v1/namespaces/default/widgets"


def definition(**schema):
    names = {"plural": "widgets", "singular": "widget", "kind": "Widget"}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", **schema}},
    }
    spec = {"group": "a.io", "scope": "Namespaced", "names": names, "versions": [version]}
    return {"metadata": {"name": "widgets.a.io"}, "spec": spec}


@pytest.fixture
async def cluster():
    async with testing.cluster(http=True, nodes=0) as made:
        await made.client.create(DEFINITIONS, definition())
        await made.settle()
        yield made


async def opened(cluster):
    row = cluster.resource("widgets", "a.io")
    return row, await cluster.client.watch(row, "default", resource_version="0")


async def change(cluster, patch):
    await cluster.client.patch(
        DEFINITIONS, "widgets.a.io", patch, patch_type="application/merge-patch+json"
    )


async def test_a_new_schema_ends_them_after_a_moment(cluster):
    row, watch = await opened(cluster)
    await change(cluster, definition(properties={"spec": {"type": "object"}}))
    await cluster.advance(0.5)
    widget = {"apiVersion": "a.io/v1", "kind": "Widget", "metadata": {"name": "w"}}
    await cluster.client.create(row, widget, namespace="default")
    await cluster.advance(0.6)
    [event] = await watch.next()
    assert event.type == "ADDED"
    with pytest.raises(WatchEnded):
        await watch.next(10.0)
    _, again = await opened(cluster)
    assert [e.type for e in await again.next(0)] == ["ADDED"]
    await cluster.advance(5)
    assert await again.next(0) == []


async def test_labels_and_status_end_none(cluster):
    _, watch = await opened(cluster)
    await change(cluster, {"metadata": {"labels": {"a": "b"}}})
    await cluster.advance(5)
    assert await watch.next(0) == []


async def test_the_end_of_the_definition_ends_them(cluster):
    _, watch = await opened(cluster)
    await cluster.client.delete(DEFINITIONS, "widgets.a.io")
    await cluster.settle()
    await cluster.advance(2)
    with pytest.raises(WatchEnded):
        await watch.next(10.0)


async def test_the_stream_ends_as_if_its_time_were_up(cluster):
    url = f"{cluster.url}{PATH}?watch=1"
    async with aiohttp.ClientSession() as session, session.get(url) as stream:
        assert stream.status == 200
        widget = {"apiVersion": "a.io/v1", "kind": "Widget", "metadata": {"name": "w"}}
        await session.post(cluster.url + PATH, json=widget)
        line = await stream.content.readline()
        assert orjson.loads(line)["type"] == "ADDED"
        await change(cluster, definition(description="new"))
        await cluster.advance(1)
        assert await stream.content.read() == b""
