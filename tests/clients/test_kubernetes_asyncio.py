"""The Python client `kubernetes_asyncio`: its generated API, watches, dynamic client, utilities."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

pytest.importorskip("kubernetes_asyncio", reason="no Python client `kubernetes_asyncio` here")

from kubernetes_asyncio import client, config, dynamic, utils, watch
from kubernetes_asyncio.client import ApiException
from kubernetes_asyncio.leaderelection import electionconfig, leaderelection
from kubernetes_asyncio.leaderelection.resourcelock.leaselock import LeaseLock

from tests.clients import manifests
from tests.clients.storm import CHANGES, END, Seen, seen
from tests.serving import eventually_async

EXAMPLES = Path(__file__).parents[2] / "examples"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"


@pytest.fixture
async def api(cluster) -> AsyncIterator[client.ApiClient]:
    async with await config.new_client_from_config(str(cluster.kubeconfig)) as api:
        yield api


@pytest.fixture
def core(api) -> client.CoreV1Api:
    return client.CoreV1Api(api)


@pytest.fixture
def apps(api) -> client.AppsV1Api:
    return client.AppsV1Api(api)


@pytest.fixture
def at():
    """Makes an ApiClient, to be closed, for a server's address."""
    return lambda url: client.ApiClient(client.Configuration(host=url))


def config_map(name: str, **data: str) -> client.V1ConfigMap:
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name), data=data)


async def refused(status: int, reason: str, call, *args, **kwargs) -> str:
    """The message of the Status with which the call is refused."""
    with pytest.raises(ApiException) as refusal:
        await call(*args, **kwargs)
    body = json.loads(refusal.value.body)
    assert (refusal.value.status, body["kind"], body["reason"]) == (status, "Status", reason)
    return body["message"]


async def test_what_an_object_goes_through(core, namespace):
    create = core.create_namespaced_config_map
    made = await create(namespace, config_map("a", one="1"))
    made.data["two"] = "2"
    replaced = await core.replace_namespaced_config_map("a", namespace, made)
    assert await core.read_namespaced_config_map("a", namespace) == replaced
    await refused(409, "Conflict", core.replace_namespaced_config_map, "a", namespace, made)
    await refused(409, "AlreadyExists", create, namespace, config_map("a"))
    await refused(422, "Invalid", create, namespace, config_map("No Name"))
    status = await core.delete_namespaced_config_map("a", namespace)
    assert (status.status, status.details.uid) == ("Success", made.metadata.uid)
    await refused(404, "NotFound", core.read_namespaced_config_map, "a", namespace)


async def test_many_at_once(core, namespace):
    names = [f"c{number:02}" for number in range(50)]
    async with asyncio.TaskGroup() as group:
        for name in names:
            body = config_map(name)
            body.metadata.labels = {"half": str(int(name[1:]) % 2)}
            group.create_task(core.create_namespaced_config_map(namespace, body))
    listed = await core.list_namespaced_config_map(namespace, label_selector="half")
    assert [each.metadata.name for each in listed.items] == names
    await core.delete_collection_namespaced_config_map(namespace, label_selector="half=1")
    listed = await core.list_namespaced_config_map(namespace, label_selector="half")
    assert [each.metadata.name for each in listed.items] == names[::2]


async def test_lists_in_pages(core, many):
    lists = core.list_namespaced_config_map
    whole = await lists(many, label_selector=f"label={many}")
    paged, token = [], None
    while token != "":
        options = {"_continue": token} if token else {}
        page = await lists(many, label_selector=f"label={many}", limit=1100, **options)
        paged += page.items
        token = page.metadata._continue or ""
    assert len(paged) == 3000 and paged == whole.items


async def test_patches(apps, namespace):
    await apps.create_namespaced_deployment(namespace, manifests.deployment("web", replicas=0))

    async def patch(body, content_type=None):
        options = {"_content_type": content_type} if content_type else {}
        shown = await apps.patch_namespaced_deployment("web", namespace, body, **options)
        return shown.spec.template.spec.containers

    sidecar = {"spec": {"template": {"spec": {"containers": [{"name": "log", "image": "log:1"}]}}}}
    assert [c.name for c in await patch(sidecar)] == ["log", "web"]
    assert [c.name for c in await patch(sidecar, STRATEGIC)] == ["log", "web"]
    assert [c.name for c in await patch(sidecar, MERGE)] == ["log"]
    path = "/spec/template/spec/containers/0/image"
    steps = [{"op": "replace", "path": path, "value": "log:2"}]
    for content_type in (None, JSON):
        assert (await patch(steps, content_type))[0].image == "log:2"
    wrong = [{"op": "test", "path": path, "value": "log:1"}]
    await refused(422, "Invalid", patch, wrong, JSON)


async def test_server_side_apply(core, namespace):
    async def apply(manager: str, data: dict, **options):
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data}
        return await core.patch_namespaced_config_map(
            "a", namespace, body, field_manager=manager, _content_type=APPLY, **options
        )

    await apply("one", {"a": "1", "b": "1"})
    message = await refused(409, "Conflict", apply, "two", {"a": "2"})
    assert message == 'Apply failed with 1 conflict: conflict with "one": .data.a'
    forced = await apply("two", {"a": "2"}, force=True)
    assert forced.data == {"a": "2", "b": "1"}


async def test_subresources(apps, core, api, namespace):
    await apps.create_namespaced_deployment(namespace, manifests.deployment("web", replicas=1))
    scale = await apps.read_namespaced_deployment_scale("web", namespace)
    scale.spec.replicas = 2
    scale.metadata.resource_version = None  # its controller writes it, too
    await apps.replace_namespaced_deployment_scale("web", namespace, scale)

    async def pods() -> list[str]:
        found = (await core.list_namespaced_pod(namespace, label_selector="app=web")).items
        return [pod.metadata.name for pod in found if pod.status.phase == "Running"]

    async def are(number: int) -> bool:
        return len(await pods()) == number

    await eventually_async(lambda: are(2))
    first, *_ = await pods()
    eviction = client.V1Eviction(metadata=client.V1ObjectMeta(name=first))
    await core.create_namespaced_pod_eviction(first, namespace, eviction)

    async def replaced() -> bool:
        return first not in (now := await pods()) and len(now) == 2

    await eventually_async(replaced)
    await refused(404, "NotFound", core.delete_namespaced_pod, first, namespace)


async def test_custom_objects(api, namespace, widgets):
    custom = client.CustomObjectsApi(api)
    where = (*widgets.group_version, namespace, "widgets")
    await custom.create_namespaced_custom_object(*where, widgets.body("w", size=3))
    shown = await custom.patch_namespaced_custom_object(
        *where, "w", {"spec": {"size": 4}}, _content_type=MERGE
    )
    assert (shown["spec"], shown["metadata"]["generation"]) == ({"size": 4, "color": "red"}, 2)
    shown = await custom.patch_namespaced_custom_object_status(
        *where, "w", {"status": {"ready": 4}}, _content_type=MERGE
    )
    assert shown["status"] == {"ready": 4}
    scale = await custom.get_namespaced_custom_object_scale(*where, "w")
    assert (scale["spec"], scale["status"]["replicas"]) == ({"replicas": 4}, 4)
    wrong = widgets.body("x", size="many")
    await refused(422, "Invalid", custom.create_namespaced_custom_object, *where, wrong)
    async with watch.Watch() as watcher:
        async for event in watcher.stream(custom.list_namespaced_custom_object, *where):
            assert event["object"]["metadata"]["name"] == "w"
            break
    await custom.delete_collection_namespaced_custom_object(*where)
    assert (await custom.list_namespaced_custom_object(*where))["items"] == []


async def test_the_dynamic_client(api, namespace, widgets):
    async with dynamic.DynamicClient(api) as there:
        kind = await there.resources.get(api_version=widgets.api_version, kind="Widget")
        await kind.create(widgets.body("w", size=1), namespace=namespace)
        # Here this client raises nothing: it hands out the Status like an object.
        again = await kind.create(widgets.body("w", size=1), namespace=namespace)
        assert (again.kind, again.reason, again.code) == ("Status", "AlreadyExists", 409)
        patch = {"metadata": {"name": "w"}, "spec": {"size": 2}}
        await kind.patch(patch, namespace=namespace, content_type=MERGE)
        applied = {**widgets.body("w", size=3), "metadata": {"name": "w"}}
        conflict = await kind.server_side_apply(applied, namespace=namespace, field_manager="me")
        assert conflict.details.causes[0].field == ".spec.size"
        shown = await kind.server_side_apply(
            applied, namespace=namespace, field_manager="me", force_conflicts=True
        )
        assert shown.spec.size == 3
        events = kind.watch(namespace=namespace, timeout=10)
        assert (await anext(events))["type"] == "ADDED"
        await kind.delete(name="w", namespace=namespace)
        assert (await anext(events))["type"] == "DELETED"
        await events.aclose()
        assert (await kind.get(name="w", namespace=namespace)).reason == "NotFound"


async def test_create_from_yaml(api, apps, namespace):
    file = str(EXAMPLES / "fluentd.yaml")
    await utils.create_from_yaml(api, file, namespace=namespace)
    with pytest.raises(utils.FailToCreateError) as refusal:
        await utils.create_from_yaml(api, file, namespace=namespace)
    (document,) = refusal.value.api_exceptions
    assert [each.status for each in document.api_exceptions] == [409]

    async def ready() -> bool:
        read = apps.read_namespaced_daemon_set_status
        return (await read("fluentd", namespace)).status.number_ready == 3

    await eventually_async(ready)


async def test_leader_election(api, namespace):
    told: list[str] = []

    async def tell(text: str) -> None:
        told.append(text)

    def candidate(name: str) -> leaderelection.LeaderElection:
        settings = electionconfig.Config(
            LeaseLock("lock", namespace, name, api),
            **dict(lease_duration=3, renew_deadline=2, retry_period=1),
            onstarted_leading=lambda: tell(name),
            onstopped_leading=lambda: tell(f"not {name}"),
        )
        settings.renew_deadline, settings.retry_period = 0.5, 0.05  # it takes seconds only
        return leaderelection.LeaderElection(settings)

    leader = asyncio.create_task(candidate("first").run())

    async def leads() -> bool:
        return told == ["first"]

    await eventually_async(leads)
    assert not await candidate("second").try_acquire_or_renew()
    lease = await client.CoordinationV1Api(api).read_namespaced_lease("lock", namespace)
    assert (lease.spec.holder_identity, lease.spec.lease_duration_seconds) == ("first", 3)
    leader.cancel()
    await asyncio.gather(leader, return_exceptions=True)


async def test_a_watch_goes_on_after_the_server_ended_it(core, namespace):
    listed = await core.list_namespaced_config_map(namespace)
    names = ["c0", "c1", "c2"]
    found = []
    async with watch.Watch() as watcher:
        watcher.resource_version = listed.metadata.resource_version
        for name in names:
            await core.create_namespaced_config_map(namespace, config_map(name))
            async for event in watcher.stream(
                core.list_namespaced_config_map,
                namespace,
                resource_version=watcher.resource_version,
                timeout_seconds=1,
            ):
                found.append((event["type"], event["object"].metadata.name))
                if len(found) > 1:
                    break
            watcher.resp = None
    assert found == [("ADDED", name) for name in names]


async def test_a_watch_from_a_revision_that_is_forgotten(forgetful, expired, at):
    namespace, revision = expired
    async with at(forgetful.url) as api, watch.Watch() as watcher:
        core = client.CoreV1Api(api)
        lists = core.list_namespaced_config_map
        with pytest.raises(ApiException) as refusal:
            await anext(watcher.stream(lists, namespace, resource_version=revision))
        assert refusal.value.status == 410
        fresh = await lists(namespace)
        watcher.resp = None
        events = watcher.stream(lists, namespace, resource_version=fresh.metadata.resource_version)
        await core.delete_namespaced_config_map("old-0", namespace)
        event = await anext(events)
        assert (event["type"], event["object"].metadata.name) == ("DELETED", "old-0")


async def test_a_watch_loses_nothing_in_a_storm(wire, namespace, storm, at):
    events: list[Seen] = []
    async with at(wire.url) as api:
        lists = client.CoreV1Api(api).list_namespaced_config_map
        revision = (await lists(namespace)).metadata.resource_version
        storm.start()
        ends = cuts = 0
        while not (events and events[-1].name == END):
            async with watch.Watch() as watcher:
                stream = watcher.stream(
                    lists, namespace, resource_version=revision, timeout_seconds=1
                )
                try:
                    async for event in stream:
                        events.append(seen(event["type"], event["raw_object"]))
                        revision = watcher.resource_version
                        if events[-1].name == END:
                            break
                        if not cuts and storm.done > CHANGES / 2:
                            cuts = wire.cut()
                    else:
                        ends += 1
                except aiohttp.ClientError:
                    pass
        assert ends and cuts
    storm.end()
    storm.check(events)
