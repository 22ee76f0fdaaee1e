"""The Python client `kr8s`: its objects, waits, watches; and its face without asyncio."""

import asyncio
import gc
import itertools
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

pytest.importorskip("kr8s", reason="no Python client `kr8s` here")

import httpx
import kr8s
import kr8s.asyncio
from kr8s.asyncio import objects
from kr8s.objects import ConfigMap as PlainConfigMap

from tests.clients import manifests, raw
from tests.clients.storm import CHANGES, END, Seen, seen

pytestmark = pytest.mark.filterwarnings("ignore:Kubernetes version .* is not supported")


@pytest.fixture(autouse=True)
async def cleared() -> AsyncIterator[None]:
    """kr8s leaves what it has not read to the end to the garbage collector: here it is cleared away
    while there is a loop to do it."""
    yield
    gc.collect()
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
async def api(cluster, namespace) -> kr8s.asyncio.Api:
    return await kr8s.asyncio.api(kubeconfig=str(cluster.kubeconfig), namespace=namespace)


async def config_map(api, name: str, *, labels: dict | None = None, **data: str):
    body = {"metadata": {"name": name, "labels": labels or {}}, "data": data}
    made = await objects.ConfigMap({**body, "kind": "ConfigMap", "apiVersion": "v1"}, api=api)
    await made.create()
    return made


async def names(api, kind: str = "configmaps", **options) -> list[str]:
    return [each.name async for each in api.get(kind, **options)]


def test_without_asyncio(cluster, namespace):
    api = kr8s.api(kubeconfig=str(cluster.kubeconfig), namespace=namespace)
    assert api.version()["gitVersion"].startswith("v1.36.")
    made = PlainConfigMap({"metadata": {"name": "a"}, "data": {"one": "1"}}, api=api)
    made.create()
    made.patch({"data": {"two": "2"}})
    made.label(tried="yes")
    (listed,) = api.get("cm", label_selector={"tried": "yes"})
    assert (listed.name, listed.data) == ("a", {"one": "1", "two": "2"})
    made.delete()
    assert not made.exists()
    assert [node.name for node in api.get("nodes")] == ["node-1", "node-2", "node-3"]


async def test_what_an_object_goes_through(api, namespace):
    made = await config_map(api, "a", one="1")
    found = await objects.ConfigMap.get("a", api=api)
    assert (found.raw, found.namespace) == (made.raw, namespace)
    with pytest.raises(kr8s.ServerError, match='configmaps "a" already exists') as refusal:
        await config_map(api, "a")
    assert refusal.value.response.status_code == 409
    with pytest.raises(kr8s.ServerError, match="Invalid value"):
        await config_map(api, "No Name")
    await made.delete()
    assert not await made.exists()
    with pytest.raises(kr8s.NotFoundError):
        await objects.ConfigMap.get("a", api=api, timeout=0)
    with pytest.raises(kr8s.NotFoundError):
        await made.refresh()


async def test_patches(api):
    made = await config_map(api, "a", one="1")
    await made.patch({"data": {"one": None, "two": "2"}})
    assert made.data == {"two": "2"}
    await made.patch([{"op": "add", "path": "/data/three", "value": "3"}], type="json")
    assert made.data == {"two": "2", "three": "3"}
    with pytest.raises(kr8s.ServerError) as refusal:
        await made.patch([{"op": "test", "path": "/data/two", "value": "3"}], type="json")
    assert refusal.value.response.status_code == 422
    await made.annotate({"a": "b"})
    await made.label({"x": "y"})
    await made.label("x-")
    assert (made.annotations, made.labels) == ({"a": "b"}, {})


async def test_server_side_apply(api, namespace):
    """kr8s knows no apply, but lets one ask for anything."""

    async def apply(manager: str, data: dict, **options) -> dict:
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data}
        async with api.call_api(
            "PATCH",
            version="v1",
            namespace=namespace,
            url="configmaps/a",
            params={"fieldManager": manager, **options},
            headers={"Content-Type": "application/apply-patch+yaml"},
            json=body,
        ) as answer:
            return answer.json()

    await apply("one", {"a": "1"})
    with pytest.raises(kr8s.ServerError, match=r'conflict with "one": \.data\.a'):
        await apply("two", {"a": "2"})
    assert (await apply("two", {"a": "2"}, force="true"))["data"] == {"a": "2"}


async def test_lists_in_pages(api, many):
    listed = await names(api, namespace=many, label_selector=f"label={many}")  # by 100
    assert listed == [f"many-{number:04}" for number in range(3000)]


async def test_pods(api):
    pod = await objects.Pod(manifests.pod("a"), api=api)
    await pod.create()
    await pod.wait("condition=Ready", timeout=30)
    assert await pod.ready() and pod.status.phase == "Running"
    await pod.wait("jsonpath='{.status.phase}'=Running", timeout=30)
    waiter = asyncio.create_task(pod.wait("delete", timeout=30))
    await pod.delete()
    await waiter
    assert not await pod.exists()


async def test_generated_pods_and_taints(api):
    pod = objects.Pod.gen(name="b", image="nginx")
    pod.api = api
    await pod.create()
    await pod.wait("condition=Ready", timeout=30)
    await pod.tolerate("tried", operator="Exists", effect="NoSchedule")
    assert "tried" in [toleration.key for toleration in pod.tolerations]
    node = await objects.Node.get("node-3", api=api)
    await node.cordon()
    await node.refresh()
    assert node.unschedulable
    await node.uncordon()
    await node.taint("tried", "yes", effect="NoSchedule")
    assert [taint["key"] for taint in node.taints] == ["tried"]
    await node.taint("tried", "yes", effect="NoSchedule-")


async def test_deployments(api):
    web = await objects.Deployment(manifests.deployment("web", replicas=1), api=api)
    await web.create()
    await web.scale(3)
    await web.wait("jsonpath='{.status.replicas}'=3", timeout=30)
    await web.wait("condition=Available", timeout=30)
    assert await web.ready() and len(await web.pods()) == 3
    (one, *_) = await web.pods()
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": one.name}}
    async with api.call_api(
        "POST",
        version="v1",
        namespace=one.namespace,
        url=f"pods/{one.name}/eviction",
        json=eviction,
    ) as answer:
        assert answer.json()["status"] == "Success"
    await one.wait("delete", timeout=30)
    tried = {"type": "Tried", "status": "True"}
    await web.patch({"status": {"conditions": [tried]}}, subresource="status")
    await web.wait("condition=Available", timeout=30)
    await web.delete(propagation_policy="Foreground")
    await web.wait("delete", timeout=30)
    assert await names(api, "pods") == []


async def test_custom_resources(api, widgets):
    async for found in api.get("customresourcedefinitions", "widgets.example.com"):
        assert found.spec.names.kind == "Widget"
    kind = kr8s.asyncio.objects.new_class("Widget", widgets.api_version, scalable=True)
    made = await kind(widgets.body("w", size=1), api=api)
    await made.create()
    assert made.spec.color == "red"
    await made.patch({"status": {"ready": 1}}, subresource="status")
    await made.patch({"spec": {"replicas": 3}}, subresource="scale")
    assert made.kind == "Scale" or made.raw["spec"]["replicas"] == 3
    (listed,) = [each async for each in api.get(f"widgets.{widgets.group}")]
    assert (listed.spec["size"], listed.status["ready"]) == (3, 1)
    with pytest.raises(kr8s.ServerError, match="Invalid value"):
        await listed.patch({"spec": {"size": "many"}})
    with pytest.raises(ValueError, match="not found"):
        async for _ in api.get("Nonsense", allow_unknown_type=False):
            pass


async def test_a_watch_goes_on_after_the_line_is_cut(api, wire, namespace):
    there = await kr8s.asyncio.api(url=wire.url, namespace=namespace)
    revision = (await config_map(api, "before")).metadata.resourceVersion
    found = []
    for number in itertools.count():
        await config_map(api, f"c{number}")
        async with aclosing(there.async_watch("configmaps", since=revision)) as events:
            event, each = await anext(events)
            found.append((event, each.name))
            revision = each.metadata.resourceVersion
            if number == 2:
                break
            wire.cut()
            with pytest.raises(httpx.HTTPError):
                await anext(events)
    assert found == [("ADDED", f"c{number}") for number in range(3)]


async def test_a_watch_from_a_revision_that_is_forgotten(forgetful, expired):
    namespace, revision = expired
    api = await kr8s.asyncio.api(url=forgetful.url, namespace=namespace)
    async with api.call_api(
        "GET",
        version="v1",
        namespace=namespace,
        url="configmaps",
        params={"watch": "true", "resourceVersion": revision},
    ) as answer:
        event = answer.json()
    assert (event["type"], event["object"]["code"]) == ("ERROR", 410)
    place = f"{forgetful.url}/api/v1/namespaces/{namespace}/configmaps"
    fresh = raw.call("GET", place)["metadata"]["resourceVersion"]
    async with aclosing(api.async_watch("configmaps", since=fresh)) as events:
        raw.call("DELETE", f"{place}/old-3")
        event, each = await anext(events)
    assert (event, each.name) == ("DELETED", "old-3")


async def test_a_watch_loses_nothing_in_a_storm(wire, namespace, storm):
    api = await kr8s.asyncio.api(url=wire.url, namespace=namespace)
    before = [each async for each in api.get("configmaps")]
    revision = max((each.metadata.resourceVersion for each in before), key=int)
    events: list[Seen] = []
    cuts = 0
    storm.start()
    while not (events and events[-1].name == END):
        try:
            async with aclosing(api.async_watch("configmaps", since=revision)) as stream:
                async for event, each in stream:
                    events.append(seen(event, each.raw))
                    revision = each.metadata.resourceVersion
                    if events[-1].name == END:
                        break
                    if storm.done > (cuts + 1) * CHANGES / 5:
                        cuts += wire.cut() > 0
        except httpx.HTTPError:
            pass
    assert cuts >= 3
    storm.end()
    storm.check(events)
