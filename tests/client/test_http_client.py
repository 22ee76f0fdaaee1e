"""What the HTTP client puts on the wire, and what it makes of the answers."""

import asyncio
import json

import pytest
from aiohttp import web

from miniplane.api.errors import StatusError, is_expired, is_not_found
from miniplane.api.options import APPLY_PATCH, MERGE_PATCH, DeleteOptions, User
from miniplane.api.resources import CONFIGMAPS, DEPLOYMENTS, NODES, PODS
from miniplane.client.http import HttpClient, path
from miniplane.client.protocol import WatchEnded

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "a"}}


class Server:
    """Notes every request and answers what it is told to."""

    def __init__(self):
        self.requests = []
        self.status = 200
        self.answer = POD
        self.stream = asyncio.Queue()

    async def handle(self, request):
        body = await request.read()
        self.requests.append(
            (
                request.method,
                request.path,
                dict(request.query),
                request.headers.get("Content-Type", "") if body else "",
                json.loads(body) if body else None,
            )
        )
        self.headers = request.headers
        if "watch" in request.query and self.status == 200:
            return await self.watch(request)
        if isinstance(self.answer, str):
            return web.Response(status=self.status, text=self.answer)
        return web.json_response(self.answer, status=self.status)

    async def watch(self, request):
        response = web.StreamResponse()
        await response.prepare(request)
        while (chunk := await self.stream.get()) is not None:
            await response.write(chunk)
        return response

    def event(self, kind, obj, cut=None):
        line = json.dumps({"type": kind, "object": obj}).encode() + b"\n"
        for part in [line] if cut is None else [line[:cut], line[cut:]]:
            self.stream.put_nowait(part)


@pytest.fixture
async def server():
    return Server()


@pytest.fixture
async def client(server, aiohttp_server):
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", server.handle)
    running = await aiohttp_server(app)
    async with HttpClient(str(running.make_url("/")), "the-manager", token="t") as client:
        yield client
    server.stream.put_nowait(None)


def test_paths():
    assert path(PODS) == "/api/v1/pods"
    assert path(PODS, "a", "p", "status") == "/api/v1/namespaces/a/pods/p/status"
    assert path(NODES, "", "n") == "/api/v1/nodes/n"
    assert path(DEPLOYMENTS, "a") == "/apis/apps/v1/namespaces/a/deployments"


async def test_requests(client, server):
    managed = {"fieldManager": "the-manager"}
    where = "/api/v1/namespaces/a/pods"
    assert await client.get(PODS, "p", "a") == POD
    await client.create(PODS, POD)
    await client.create(PODS, {"target": {}}, namespace="a", name="p", subresource="binding")
    await client.update(PODS, POD, subresource="status")
    await client.patch(PODS, "p", {"x": 1}, "a", patch_type=MERGE_PATCH)
    await client.patch(PODS, "p", {"x": 1}, "a")
    await client.delete(PODS, "p", "a")
    gone = DeleteOptions(
        grace_period_seconds=0, propagation_policy="Orphan", uid="u", resource_version="5"
    )
    await client.delete(PODS, "p", "a", options=gone)
    await client.delete_collection(PODS, "a", label_selector="x=1", field_selector="y=2")
    json_type = "application/json"
    strategic = "application/strategic-merge-patch+json"
    assert server.requests == [
        ("GET", f"{where}/p", {}, "", None),
        ("POST", where, managed, json_type, POD),
        ("POST", f"{where}/p/binding", managed, json_type, {"target": {}}),
        ("PUT", f"{where}/p/status", managed, json_type, POD),
        ("PATCH", f"{where}/p", managed, MERGE_PATCH, {"x": 1}),
        ("PATCH", f"{where}/p", managed, strategic, {"x": 1}),
        ("DELETE", f"{where}/p", {}, "", None),
        (
            "DELETE",
            f"{where}/p",
            {},
            json_type,
            {
                "kind": "DeleteOptions",
                "apiVersion": "v1",
                "gracePeriodSeconds": 0,
                "propagationPolicy": "Orphan",
                "preconditions": {"uid": "u", "resourceVersion": "5"},
            },
        ),
        ("DELETE", where, {"labelSelector": "x=1", "fieldSelector": "y=2"}, "", None),
    ]
    assert server.headers["Authorization"] == "Bearer t"


async def test_list_items_get_their_kind(client, server):
    item = {"metadata": {"name": "c"}}
    server.answer = {"metadata": {"resourceVersion": "42"}, "items": [item]}
    found = await client.list(CONFIGMAPS, label_selector="x=1")
    assert found.resource_version == "42"
    assert [h.obj for h in found.items] == [{"apiVersion": "v1", "kind": "ConfigMap", **item}]
    assert server.requests[-1][1:3] == ("/api/v1/configmaps", {"labelSelector": "x=1"})


async def test_managers_share_a_session(client, server):
    other = client.with_manager("other")
    await other.create(PODS, POD)
    assert server.requests[-1][2] == {"fieldManager": "other"}
    await other.close()
    await client.get(PODS, "p", "a")


async def test_another_user_is_impersonated(client, server):
    jane = client.with_manager("other", user=User("jane", ("devs", "ops")))
    for impersonating in (jane, jane.with_manager("third")):
        await impersonating.get(PODS, "p", "a")
        assert server.headers["Impersonate-User"] == "jane"
        assert server.headers.getall("Impersonate-Group") == ["devs", "ops"]
    await client.get(PODS, "p", "a")
    assert "Impersonate-User" not in server.headers


async def test_what_is_applied_is_forced(client, server):
    await client.patch(PODS, "p", POD, "a", patch_type=APPLY_PATCH)
    assert server.requests[-1][2]["force"] == "true"
    await client.patch(PODS, "p", POD, "a", patch_type=MERGE_PATCH)
    assert "force" not in server.requests[-1][2]


async def test_a_status_becomes_a_status_error(client, server):
    server.status = 404
    server.answer = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": 'pods "p" not found',
        "reason": "NotFound",
        "details": {"name": "p", "kind": "pods"},
        "code": 404,
    }
    with pytest.raises(StatusError) as failed:
        await client.get(PODS, "p", "a")
    assert is_not_found(failed.value)
    assert failed.value.details == {"name": "p", "kind": "pods"}


async def test_any_other_failure_is_a_status_error_too(client, server):
    server.status, server.answer = 502, "bad gateway"
    with pytest.raises(StatusError, match="bad gateway") as failed:
        await client.get(PODS, "p", "a")
    assert failed.value.code == 502
    async with HttpClient("http://127.0.0.1:9") as nowhere:
        with pytest.raises(StatusError) as failed:
            await nowhere.get(PODS, "p", "a")
        assert failed.value.reason == "ServiceUnavailable"
        with pytest.raises(StatusError):
            await nowhere.watch(PODS, resource_version="1")


def revised(version):
    return {**POD, "metadata": {**POD["metadata"], "resourceVersion": version}}


async def test_watch_events(client, server):
    watch = await client.watch(PODS, "a", resource_version="3", label_selector="x=1")
    assert server.requests[-1][2] == {
        "watch": "1",
        "resourceVersion": "3",
        "labelSelector": "x=1",
        "allowWatchBookmarks": "true",
    }
    assert await watch.next(0.01) == []
    server.event("ADDED", revised("4"), cut=20)
    server.event("MODIFIED", revised("5"))
    events = []
    while len(events) < 2:
        events += await watch.next(5)
    server.event("BOOKMARK", {"metadata": {"resourceVersion": "9"}})
    events += await watch.next(5)
    assert [(e.type, e.resource_version) for e in events] == [
        ("ADDED", "4"),
        ("MODIFIED", "5"),
        ("BOOKMARK", "9"),
    ]
    assert events[1].handle.obj == revised("5")
    assert events[2].handle is None
    assert not watch.pending
    server.stream.put_nowait(None)
    with pytest.raises(WatchEnded):
        await watch.next(5)
    watch.close()


async def test_watch_errors(client, server):
    watch = await client.watch(PODS, resource_version="3")
    server.event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "old"})
    with pytest.raises(StatusError) as failed:
        await watch.next(5)
    assert is_expired(failed.value)
    watch.close()
    with pytest.raises(WatchEnded):
        await watch.next()
    server.status, server.answer = 410, {"kind": "Status", "reason": "Expired", "message": "old"}
    with pytest.raises(StatusError) as failed:
        await client.watch(PODS, resource_version="1")
    assert is_expired(failed.value)


async def test_a_watch_that_is_closed_wakes_its_reader(client, server):
    watch = await client.watch(PODS, resource_version="3")
    reader = asyncio.create_task(watch.next())
    await asyncio.sleep(0.01)
    watch.close()
    with pytest.raises(WatchEnded):
        await asyncio.wait_for(reader, 5)
