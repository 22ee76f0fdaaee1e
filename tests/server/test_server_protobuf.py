"""Answers in protobuf, and a client that speaks nothing else."""

import asyncio
import contextlib
import json

import aiohttp
import pytest

from miniplane import testing
from miniplane.api import errors, protobuf, resources
from miniplane.server import messages

PROTOBUF = "application/vnd.kubernetes.protobuf"
PARTIAL = "as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
PARTIALS = "as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
POD = "/api/v1/namespaces/default/pods/web-0"
PODS = "/api/v1/namespaces/default/pods"
WATCH_EVENT = "io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent"


def frames(data):
    """The events in the bytes of a watch."""
    while data:
        size = int.from_bytes(data[:4], "big")
        yield protobuf.decode_message(WATCH_EVENT, data[4 : 4 + size])
        data = data[4 + size :]


async def test_an_object(http, pod):
    answer = await http(f"GET {POD}", Accept=PROTOBUF)
    assert (answer.status, answer.type) == (200, PROTOBUF)
    assert answer.body == protobuf.encode(pod.obj)


async def test_the_first_type_that_can_be_written_is_taken(http, pod):
    both = await http(f"GET {POD}", Accept=f"{PROTOBUF},application/json")
    assert both.type == PROTOBUF
    table = "as=Table;g=meta.k8s.io;v=v1"
    asked = f"{PROTOBUF};{table},application/json;{table}"
    answer = await http(f"GET {POD}", Accept=asked)
    assert (answer.type, answer.json["kind"]) == ("application/json", "Table")
    answer = await http(f"GET {POD}", Accept=f"{PROTOBUF};{table}")
    assert (answer.status, answer.json["reason"]) == (406, "NotAcceptable")


async def test_failures_are_statuses_in_protobuf(http):
    answer = await http(f"GET {POD}", Accept=PROTOBUF)
    assert (answer.status, answer.type) == (404, PROTOBUF)
    assert answer.body == protobuf.encode(errors.not_found(resources.PODS, "web-0").to_status())


async def test_a_failure_that_cannot_be_written_is_json_for_people(http):
    answer = await http(f"GET {PODS}", Accept="text/plain")
    assert (answer.status, answer.type) == (406, "application/json")
    assert answer.body == json.dumps(answer.json, indent=2).encode()


async def test_a_list(http, registry, pod):
    registry.put(resources.PODS, {"metadata": {"name": "web-1", "namespace": "default"}})
    answer = await http(f"GET {PODS}", Accept=PROTOBUF)
    assert answer.type == PROTOBUF
    plain = await http(f"GET {PODS}")
    assert answer.body == protobuf.encode(plain.json)
    assert len(protobuf.decode(answer.body)["items"]) == 2


async def test_metadata_alone(http, pod):
    answer = await http(f"GET {POD}", Accept=f"{PROTOBUF};{PARTIAL}")
    plain = await http(f"GET {POD}", Accept=f"application/json;{PARTIAL}")
    assert answer.body == protobuf.encode(plain.json)
    for version in ("v1", "v1beta1"):
        form = PARTIALS.replace("v1", version)
        answer = await http(f"GET {PODS}", Accept=f"{PROTOBUF};{form}")
        plain = await http(f"GET {PODS}", Accept=f"application/json;{form}")
        assert answer.body == protobuf.encode(plain.json)
        assert protobuf.decode(answer.body)["items"][0]["metadata"]["name"] == "web-0"


@pytest.mark.parametrize("path", ["/api", "/api/v1", "/apis", "/apis/apps", "/apis/apps/v1"])
async def test_discovery(http, path):
    plain = await http(f"GET {path}")
    answer = await http(f"GET {path}", Accept=PROTOBUF)
    assert (answer.type, answer.headers["Vary"]) == (PROTOBUF, "Accept")
    assert answer.body == protobuf.encode(plain.json)


async def test_aggregated_discovery(http):
    form = ";g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    plain = await http("GET /apis", Accept=f"application/json{form}")
    answer = await http("GET /apis", Accept=f"{PROTOBUF}{form},application/json")
    assert answer.type == PROTOBUF + form
    assert answer.body == protobuf.encode(plain.json)
    assert answer.headers["ETag"] == plain.headers["ETag"]
    again = await http("GET /apis", Accept=PROTOBUF + form, If_None_Match=plain.headers["ETag"])
    assert again.status == 304


async def test_a_watch_is_a_row_of_frames(http, registry, pod):
    async with http.open(f"GET {PODS}?watch=true", Accept=f"{PROTOBUF};stream=watch") as response:
        assert response.headers["Content-Type"] == f"{PROTOBUF};stream=watch"
        assert "Content-Encoding" not in response.headers
        registry.watches[0].put(
            registry.event("ADDED", pod, 11),
            registry.event("BOOKMARK", None, 12, initial_events_end=True),
            errors.expired("too old"),
        )
        data = await asyncio.wait_for(response.read(), 5)
    added, bookmark, error = frames(data)
    assert (added["type"], added["object"]["metadata"]["name"]) == ("ADDED", "web-0")
    assert added["object"] == protobuf.decode(protobuf.encode(pod.obj))
    meta = bookmark["object"]["metadata"]
    assert (bookmark["type"], meta["resourceVersion"]) == ("BOOKMARK", "12")
    assert meta["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert (error["type"], error["object"]["kind"]) == ("ERROR", "Status")
    assert error["object"]["code"] == 410


async def test_a_watch_of_metadata(http, registry, pod):
    async with http.open(f"GET {PODS}?watch=true", Accept=f"{PROTOBUF};{PARTIAL}") as response:
        registry.watches[0].put(
            registry.event("MODIFIED", pod, 11),
            registry.event("BOOKMARK", None, 12),
            errors.expired("too old"),
        )
        data = await asyncio.wait_for(response.read(), 5)
    kinds = [event["object"]["kind"] for event in frames(data)]
    assert kinds == ["PartialObjectMetadata", "PartialObjectMetadata", "Status"]


def test_messages_are_remembered_within_bounds(registry):
    pods = [
        registry.put(resources.PODS, {"metadata": {"name": f"p-{i}", "namespace": "a"}})
        for i in range(20)
    ]
    kept = messages.Messages(kept=2_000)
    first = kept.of(pods[0])
    assert kept.of(pods[0]) is first
    for pod in pods:
        kept.of(pod)
        kept._check()
    assert kept.of(pods[0]) == first
    assert kept.of(pods[0]) is not first


async def test_watches_share_their_frames(http, registry, pod):
    head = {"Accept": f"{PROTOBUF};stream=watch"}
    some = {"Accept": f"{PROTOBUF};{PARTIAL}"}
    seen = []
    async with (
        http.open(f"GET {PODS}?watch=true", **head) as one,
        http.open(f"GET {PODS}?watch=true", **head) as two,
        http.open(f"GET {PODS}?watch=true", **some) as three,
    ):
        for watch in registry.watches:
            watch.put(
                registry.event("ADDED", pod, 11),
                registry.event("DELETED", pod, 12),
                errors.expired("too old"),
            )
        for response in (one, two, three):
            seen.append(list(frames(await asyncio.wait_for(response.read(), 5))))
    assert seen[0] == seen[1]
    assert [event["type"] for event in seen[0]] == ["ADDED", "DELETED", "ERROR"]
    assert [event["object"]["kind"] for event in seen[0][:2]] == ["Pod", "Pod"]
    assert [event["object"]["kind"] for event in seen[2][:2]] == ["PartialObjectMetadata"] * 2


async def test_long_lists_are_remembered(registry):
    pods = [
        registry.put(resources.PODS, {"metadata": {"name": f"p-{i}", "namespace": "a"}})
        for i in range(messages.SLICE + messages.WORTHWHILE)
    ]
    kept = messages.Messages()
    await kept.prepare(pods)
    data = kept.items(pods)
    assert kept.items(pods) is data
    assert kept.items(list(pods)) == data
    assert b"".join(map(kept.of, pods[:3])) == kept.items(pods[:3])


class Client:
    """Speaks nothing but protobuf, and takes nothing else for an answer."""

    def __init__(self, session, url):
        self.session = session
        self.url = url

    async def call(self, method, path, obj=None, *, expected=200):
        headers = {"Accept": PROTOBUF}
        data = None
        if obj is not None:
            headers["Content-Type"] = PROTOBUF
            data = protobuf.encode(obj)
        async with self.session.request(
            method, self.url + path, data=data, headers=headers
        ) as response:
            assert response.headers["Content-Type"] == PROTOBUF
            assert response.status == expected
            return protobuf.decode(await response.read())

    @contextlib.asynccontextmanager
    async def watch(self, path):
        headers = {"Accept": f"{PROTOBUF};stream=watch"}
        async with self.session.get(self.url + path, headers=headers) as response:
            assert response.headers["Content-Type"] == f"{PROTOBUF};stream=watch"

            async def following():
                head = await asyncio.wait_for(response.content.readexactly(4), 5)
                body = await response.content.readexactly(int.from_bytes(head, "big"))
                return protobuf.decode_message(WATCH_EVENT, body)

            yield following


async def test_a_client_of_protobuf_alone_lives_here():
    maps = "/api/v1/namespaces/default/configmaps"
    deployments = "/apis/apps/v1/namespaces/default/deployments"
    async with (
        testing.cluster(nodes=1, http=True) as cluster,
        aiohttp.ClientSession() as session,
    ):
        client = Client(session, cluster.url)
        groups = await client.call("GET", "/apis")
        assert "apps" in [group["name"] for group in groups["groups"]]

        new = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
        new["data"] = {"k": ""}
        made = await client.call("POST", maps, new, expected=201)
        assert made["data"] == {"k": ""}
        assert await client.call("GET", f"{maps}/a") == made
        before = (await client.call("GET", maps))["metadata"]["resourceVersion"]

        async with client.watch(f"{maps}?watch=1&resourceVersion={before}") as following:
            made["data"]["l"] = "m"
            changed = await client.call("PUT", f"{maps}/a", made)
            event = await following()
            assert (event["type"], event["object"]) == ("MODIFIED", changed)
            made["metadata"]["uid"] = ""
            conflict = await client.call("PUT", f"{maps}/a", made, expected=409)
            assert conflict["reason"] == "Conflict"
            gone = await client.call("DELETE", f"{maps}/a")
            assert (gone["kind"], gone["status"]) == ("Status", "Success")
            event = await following()
            assert (event["type"], event["object"]["data"]) == ("DELETED", changed["data"])

        template = {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "c", "image": "i"}]},
        }
        await client.call(
            "POST",
            deployments,
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "web"},
                "spec": {
                    "replicas": 2,
                    "selector": {"matchLabels": {"app": "web"}},
                    "template": template,
                },
            },
            expected=201,
        )
        await cluster.settle()
        scale = await client.call("GET", f"{deployments}/web/scale")
        assert (scale["kind"], scale["status"]["replicas"]) == ("Scale", 2)
        scale["spec"]["replicas"] = 3
        await client.call("PUT", f"{deployments}/web/scale", scale)
        await cluster.settle()
        pods = await client.call("GET", f"{PODS}?labelSelector=app%3Dweb")
        assert [pod["status"]["phase"] for pod in pods["items"]] == ["Running"] * 3
        page = await client.call("GET", f"{PODS}?limit=2")
        assert page["metadata"]["remainingItemCount"] == 1
        token = page["metadata"]["continue"]
        rest = await client.call("GET", f"{PODS}?limit=2&continue={token}")
        assert len(page["items"] + rest["items"]) == 3
        deleted = await client.call("DELETE", deployments)
        assert deleted["kind"] == "DeploymentList"
