"""Custom resources in a whole cluster: served, collected, and gone with their definition."""

import json
from typing import Any

import aiohttp
import pytest

from miniplane.api import resources
from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj
from miniplane.api.options import MERGE_PATCH, DeleteOptions
from miniplane.testing.harness import Harness, cluster

DEFINITIONS = resources.resource("customresourcedefinitions", "apiextensions.k8s.io")
SPEC = {"type": "object", "properties": {"size": {"type": "integer", "default": 3}}}
SCHEMA = {"type": "object", "properties": {"spec": SPEC}}


def version(name: str = "v1", *, storage: bool = True, **more: Any) -> Obj:
    schema = more.pop("schema", SCHEMA)
    return {
        "name": name,
        "served": True,
        "storage": storage,
        "schema": {"openAPIV3Schema": schema},
        **more,
    }


def definition(plural: str = "widgets", kind: str = "Widget", *versions: Obj, **spec: Any) -> Obj:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind},
            "versions": list(versions) or [version()],
            **spec,
        },
    }


def widget(name: str, api_version: str = "v1", **fields: Any) -> Obj:
    metadata = {"name": name, "namespace": "default", **fields.pop("metadata", {})}
    return {
        "apiVersion": f"example.com/{api_version}",
        "kind": "Widget",
        "metadata": metadata,
        **fields,
    }


async def define(c: Harness, obj: Obj) -> Obj:
    await c.client.create(DEFINITIONS, obj)
    await c.settle()
    return await c.client.get(DEFINITIONS, obj["metadata"]["name"])


def condition(obj: Obj, kind: str) -> tuple[str, str]:
    found = next(one for one in obj["status"]["conditions"] if one["type"] == kind)
    return found["status"], found["reason"]


async def test_a_definition_is_established_even_without_controllers() -> None:
    async with cluster(nodes=0, controllers="-namespace-controller") as c:
        made = await define(c, definition())
        assert condition(made, "Established") == ("True", "InitialNamesAccepted")
        assert made["status"]["acceptedNames"]["listKind"] == "WidgetList"
        row = c.resource("widgets", "example.com")
        created = await c.client.create(row, widget("a"))
        assert created["apiVersion"] == "example.com/v1"
        assert created["metadata"]["generation"] == 1


async def test_names_that_are_taken_become_free() -> None:
    async with cluster(nodes=0) as c:
        await define(c, definition())
        second = await define(c, definition("gadgets"))
        assert condition(second, "NamesAccepted") == ("False", "ListKindConflict")
        with pytest.raises(KeyError):
            c.resource("gadgets", "example.com")
        await c.client.delete(DEFINITIONS, "widgets.example.com")
        await c.settle()
        second = await c.client.get(DEFINITIONS, "gadgets.example.com")
        assert condition(second, "Established")[0] == "True"
        assert c.resource("gadgets", "example.com").kind == "Widget"


async def test_instances_go_with_their_definition() -> None:
    async with cluster(nodes=0) as c:
        await define(c, definition())
        row = c.resource("widgets", "example.com")
        await c.client.create(row, widget("a"))
        await c.client.create(row, widget("b", metadata={"finalizers": ["example.com/wait"]}))
        await c.client.delete(DEFINITIONS, "widgets.example.com")
        await c.settle()
        left = await c.client.get(DEFINITIONS, "widgets.example.com")
        assert condition(left, "Terminating") == ("True", "InstanceDeletionInProgress")
        row = c.resource("widgets", "example.com")
        assert [obj["metadata"]["name"] for obj in await c.list(row)] == ["b"]
        with pytest.raises(StatusError, match="create not allowed while"):
            await c.client.create(row, widget("c"))
        patch = {"metadata": {"finalizers": None}}
        await c.client.patch(row, "b", patch, "default", patch_type=MERGE_PATCH)
        await c.advance(6.0)
        assert not await c.list(DEFINITIONS, "")
        assert not c.registry.custom.rows()


async def test_owners_and_dependents_may_be_custom() -> None:
    async with cluster(nodes=0) as c:
        await define(c, definition())
        row = c.resource("widgets", "example.com")
        owner = await c.client.create(row, widget("owner"))
        reference = {
            "apiVersion": "example.com/v1",
            "kind": "Widget",
            "name": "owner",
            "uid": owner["metadata"]["uid"],
        }
        owned = {"ownerReferences": [reference]}
        await c.client.create(row, widget("dependent", metadata=owned))
        await c.client.create(
            resources.CONFIGMAPS,
            {"metadata": {"name": "settings", "namespace": "default", **owned}},
        )
        await c.settle()
        await c.client.delete(row, "owner", "default", options=DeleteOptions())
        await c.settle()
        assert not await c.list(row)
        names = [obj["metadata"]["name"] for obj in await c.list(resources.CONFIGMAPS)]
        assert "settings" not in names


async def test_a_namespace_takes_its_custom_objects_along() -> None:
    async with cluster(nodes=0) as c:
        await define(c, definition())
        row = c.resource("widgets", "example.com")
        await c.client.create(resources.NAMESPACES, {"metadata": {"name": "mine"}})
        await c.client.create(row, widget("a", metadata={"namespace": "mine"}))
        await c.client.delete(resources.NAMESPACES, "mine")
        await c.settle()
        assert not await c.list(row, "mine")
        assert "mine" not in [
            ns["metadata"]["name"] for ns in await c.list(resources.NAMESPACES, "")
        ]


async def test_a_new_schema_shows_in_what_is_stored() -> None:
    async with cluster(nodes=0) as c:
        await define(c, definition())
        row = c.resource("widgets", "example.com")
        await c.client.create(row, widget("a", spec={"size": 1}))
        wider = {**SPEC, "properties": {"color": {"type": "string", "default": "red"}}}
        await c.client.patch(
            DEFINITIONS,
            "widgets.example.com",
            {
                "spec": {
                    "versions": [version(schema={"type": "object", "properties": {"spec": wider}})]
                }
            },
            patch_type=MERGE_PATCH,
        )
        await c.settle()
        row = c.resource("widgets", "example.com")
        assert (await c.client.get(row, "a", "default"))["spec"] == {"color": "red"}
        assert [obj["spec"] for obj in await c.list(row)] == [{"color": "red"}]


async def test_versions_share_their_objects() -> None:
    narrow = {
        "type": "object",
        "properties": {"spec": {"type": "object", "properties": {"old": {"type": "string"}}}},
    }
    async with cluster(nodes=0) as c:
        old = version("v1beta1", storage=False, schema=narrow)
        await define(c, definition("widgets", "Widget", version("v1"), old))
        v1, beta = (c.resource("widgets", "example.com", name) for name in ("v1", "v1beta1"))
        assert (v1.preferred, beta.preferred) == (True, False)
        watch = await c.client.watch(beta, "default", resource_version="0")
        await c.client.create(v1, widget("a", spec={"size": 5}))
        seen = await c.client.get(beta, "a", "default")
        assert (seen["apiVersion"], seen["spec"]) == ("example.com/v1beta1", {})
        (event,) = await watch.next()
        assert event.handle is not None
        assert event.handle.obj["apiVersion"] == "example.com/v1beta1"
        watch.close()
        await c.client.create(beta, widget("b", "v1beta1", spec={"old": "x"}))
        assert (await c.client.get(v1, "b", "default"))["spec"] == {"size": 3}


async def test_the_server_shows_them() -> None:
    async with cluster(nodes=0, http=True) as c, aiohttp.ClientSession() as session:

        async def get(path: str, **headers: str) -> tuple[int, Any]:
            async with session.get(c.url + path, headers=headers) as response:
                text = await response.text()
                is_json = text.startswith("{")
                return response.status, json.loads(text) if is_json else text

        assert (await get("/apis/example.com"))[0] == 404
        columns = [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}]
        shown = version(additionalPrinterColumns=columns, subresources={"status": {}})
        await define(c, definition("widgets", "Widget", shown))
        await c.client.create(c.resource("widgets", "example.com"), widget("a", spec={}))
        base = "/apis/example.com/v1"
        _, group = await get("/apis/example.com")
        assert group["preferredVersion"]["version"] == "v1"
        _, listed = await get(base)
        assert [entry["name"] for entry in listed["resources"]] == ["widgets", "widgets/status"]
        assert base in (await get("/"))[1]["paths"]
        _, found = await get(f"{base}/namespaces/default/widgets")
        assert (found["kind"], found["metadata"]["continue"]) == ("WidgetList", "")
        table = "application/json;as=Table;v=v1;g=meta.k8s.io"
        _, found = await get(f"{base}/widgets", Accept=table)
        assert found["rows"][0]["cells"] == ["a", 3]
        _, index = await get("/openapi/v3")
        _, document = await get(index["paths"]["apis/example.com/v1"]["serverRelativeURL"])
        schema = document["components"]["schemas"]["com.example.v1.Widget"]
        assert set(schema["properties"]) == {"apiVersion", "kind", "metadata", "spec"}
        assert (await get(f"{base}/namespaces/default/widgets/a/scale"))[0] == 404
        assert await get(f"{base}/namespaces/default/gadgets") == (404, "404 page not found\n")
        assert await get(f"{base}/widgets/a") == (404, "404 page not found\n")
        await c.client.delete(DEFINITIONS, "widgets.example.com")
        await c.settle()
        assert (await get("/apis/example.com"))[0] == 404
        assert "apis/example.com/v1" not in (await get("/openapi/v3"))[1]["paths"]


async def test_versions_that_only_a_webhook_could_convert_to_are_refused() -> None:
    client = {"url": "https://127.0.0.1:1/convert"}
    webhook = {"clientConfig": client, "conversionReviewVersions": ["v1"]}
    conversion = {"strategy": "Webhook", "webhook": webhook}
    versions = (version("v1"), version("v1beta1", storage=False))
    async with cluster(nodes=0, http=True) as c:
        await define(c, definition("widgets", "Widget", *versions, conversion=conversion))
        async with aiohttp.ClientSession() as session:
            url = f"{c.url}/apis/example.com/%s/namespaces/default/widgets"
            async with session.post(url % "v1", json=widget("w")) as response:
                assert response.status == 201
            for path in ("", "/w", "?watch=1"):
                async with session.get(url % "v1beta1" + path) as response:
                    said = await response.json()
                    assert (response.status, said["kind"]) == (500, "Status")
                    assert said["message"].startswith(
                        "conversion webhook for example.com/v1, Kind=Widget failed: miniplane does "
                    )
            async with session.get(url % "v1") as response:
                assert len((await response.json())["items"]) == 1
