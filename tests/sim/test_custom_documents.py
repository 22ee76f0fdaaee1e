"""OpenAPI v2 with custom resources: kubectl up to 1.28 validates by it, in protobuf."""

import asyncio

import aiohttp

from miniplane import testing
from miniplane.api import resources
from miniplane.api.protobuf import wire
from miniplane.server.openapi_protobuf import OLD_MEDIA_TYPE

DEFINITIONS = resources.resource("customresourcedefinitions", "apiextensions.k8s.io")
SCHEMA = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "required": ["size", "colour"],
            "properties": {
                "size": {
                    "x-kubernetes-int-or-string": True,
                    "anyOf": [{"type": "integer"}, {"type": "string"}],
                },
                "colour": {"type": "string", "nullable": True},
                "allOf": {"type": "integer", "description": "Only a name."},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "part": {
                    "type": "object",
                    "x-kubernetes-embedded-resource": True,
                    "properties": {"spec": {"type": "object"}},
                },
            },
        }
    },
}


def definition():
    names = {"plural": "widgets", "singular": "widget", "kind": "Widget"}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": SCHEMA}}
    spec = {"group": "a.io", "scope": "Namespaced", "names": names, "versions": [version]}
    return {"metadata": {"name": "widgets.a.io"}, "spec": spec}


async def test_custom_kinds_take_part_in_version_2():
    async with (
        testing.cluster(http=True, nodes=0) as cluster,
        aiohttp.ClientSession(cluster.url) as session,
    ):

        async def document():
            async with session.get("/openapi/v2") as answer:
                return answer.headers["ETag"], await answer.json()

        async def protobuf():
            async with session.get("/openapi/v2", headers={"Accept": OLD_MEDIA_TYPE}) as answer:
                return await answer.read()

        before, plain = await document()
        await cluster.client.create(DEFINITIONS, definition())
        await cluster.settle()
        after, found = await document()
        assert before != after
        assert set(plain["paths"]) < set(found["paths"])
        assert "/apis/a.io/v1/namespaces/{namespace}/widgets/{name}" in found["paths"]
        widget = found["definitions"]["io.a.v1.Widget"]
        assert widget["properties"]["metadata"]["$ref"] == (
            "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
        )
        spec = widget["properties"]["spec"]
        assert spec["required"] == ["size"]
        fields = spec["properties"]
        assert fields["size"] == {"x-kubernetes-int-or-string": True}
        assert fields["colour"] == {}
        assert fields["allOf"] == {"type": "integer", "description": "Only a name."}
        assert fields["free"] == {"x-kubernetes-preserve-unknown-fields": True}
        assert "$ref" in fields["part"]["properties"]["metadata"]
        items = found["definitions"]["io.a.v1.WidgetList"]["properties"]["items"]
        assert items["items"] == {"$ref": "#/definitions/io.a.v1.Widget"}
        binary = await protobuf()
        assert b"io.a.v1.WidgetList" in binary
        assert {number for number, _, _ in wire.fields(binary)} >= {1, 2, 8, 9}
        await cluster.client.delete(DEFINITIONS, "widgets.a.io")
        await cluster.settle()
        assert (await document())[0] == before


async def test_documents_can_be_asked_for_at_the_same_time():
    async with (
        testing.cluster(http=True, nodes=0, metrics_server=True) as cluster,
        aiohttp.ClientSession(cluster.url) as session,
    ):
        answers = await asyncio.gather(*(session.get("/openapi/v2") for _ in range(3)))
        bodies = [await answer.json() for answer in answers]
        assert bodies[0] == bodies[1] == bodies[2]
        assert "/apis/metrics.k8s.io/v1beta1/nodes" in bodies[0]["paths"]
