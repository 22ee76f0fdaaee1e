"""The Python client `lightkube`: its models, generic resources, apply, waits and watches."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("lightkube", reason="no Python client `lightkube` here")

from lightkube import ALL_NS, ApiError, AsyncClient, Client, KubeConfig, codecs, operators
from lightkube.core.exceptions import ConditionError, ObjectDeleted
from lightkube.generic_resource import create_namespaced_resource
from lightkube.models import autoscaling_v1
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apiextensions_v1 import CustomResourceDefinition
from lightkube.resources.apps_v1 import DaemonSet, Deployment
from lightkube.resources.core_v1 import ConfigMap, Node, Pod, PodEviction, Secret
from lightkube.types import CascadeType, PatchType, on_error_retry

from tests.clients import manifests
from tests.clients.storm import CHANGES, END, Seen, seen
from tests.serving import eventually

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def client(cluster, namespace) -> Iterator[Client]:
    config = KubeConfig.from_file(cluster.kubeconfig)
    with Client(config, namespace=namespace, field_manager="lightkube") as client:
        yield client


def at(url: str, namespace: str) -> Client:
    named = {"name": "there", "cluster": {"server": url}, "user": {}}
    context = {"name": "there", "context": {"cluster": "there", "user": "there"}}
    parts = {"clusters": [named], "users": [named], "contexts": [context]}
    config = KubeConfig.from_dict({**parts, "current-context": "there"})
    return Client(config, namespace=namespace, trust_env=False)


def config_map(name: str, *, labels: dict[str, str] | None = None, **data: str) -> ConfigMap:
    return ConfigMap(metadata=ObjectMeta(name=name, labels=labels), data=data)


def refused(code: int, reason: str, call, *args, **kwargs) -> str:
    """The message of the Status with which the call is refused."""
    with pytest.raises(ApiError) as refusal:
        call(*args, **kwargs)
    status = refusal.value.status
    assert (status.code, status.reason) == (code, reason)
    return status.message


def test_what_an_object_goes_through(client):
    made = client.create(config_map("a", one="1"))
    assert made.metadata.managedFields[0].manager == "lightkube"
    made.data["two"] = "2"
    replaced = client.replace(made)
    assert client.get(ConfigMap, "a") == replaced
    refused(409, "Conflict", client.replace, made)
    refused(409, "AlreadyExists", client.create, config_map("a"))
    refused(422, "Invalid", client.create, config_map("No Name"))
    client.create(config_map("b"), dry_run=True)
    refused(404, "NotFound", client.get, ConfigMap, "b")
    shown = client.set(ConfigMap, "a", labels={"x": "y"}, annotations={"a": "b"})
    assert (shown.metadata.labels, shown.metadata.annotations) == ({"x": "y"}, {"a": "b"})
    client.delete(ConfigMap, "a")
    assert refused(404, "NotFound", client.get, ConfigMap, "a") == 'configmaps "a" not found'


def test_lists(client, many):
    listed = client.list(ConfigMap, namespace=many, chunk_size=700, labels={"label": many})
    assert [each.metadata.name for each in listed] == [f"many-{n:04}" for n in range(3000)]
    assert int(listed.resourceVersion) > 0
    client.create(config_map("a", labels={"size": "s"}))
    client.create(config_map("b", labels={"size": "m"}))

    def names(**selectors) -> list[str]:
        return [each.metadata.name for each in client.list(ConfigMap, **selectors)]

    assert names(labels={"size": operators.in_(["s", "l"])}) == ["a"]
    assert names(labels={"size": operators.exists()}) == ["a", "b"]
    assert names(labels={"size": operators.not_equal("s")}) == ["b", "kube-root-ca.crt"]
    assert names(fields={"metadata.name": "b"}) == ["b"]
    assert names(namespace=ALL_NS, fields={"metadata.name": "many-0001"}) == ["many-0001"]
    client.deletecollection(ConfigMap)
    eventually(lambda: names() == ["kube-root-ca.crt"])
    assert [node.metadata.name for node in client.list(Node)] == ["node-1", "node-2", "node-3"]


def test_patches(client):
    client.create(codecs.from_dict(manifests.deployment("web", replicas=0)))

    def patch(patch_type: PatchType, body) -> list[str]:
        shown = client.patch(Deployment, "web", body, patch_type=patch_type)
        return [f"{c.name}={c.image}" for c in shown.spec.template.spec.containers]

    sidecar = {"spec": {"template": {"spec": {"containers": [{"name": "log", "image": "log:1"}]}}}}
    assert patch(PatchType.STRATEGIC, sidecar) == ["log=log:1", "web=nginx"]
    assert patch(PatchType.MERGE, sidecar) == ["log=log:1"]
    path = "/spec/template/spec/containers/0/image"
    steps = [{"op": "replace", "path": path, "value": "log:2"}]
    assert patch(PatchType.JSON, steps) == ["log=log:2"]
    wrong = [{"op": "test", "path": path, "value": "log:1"}]
    refused(422, "Invalid", patch, PatchType.JSON, wrong)


def test_server_side_apply(client):
    client.apply(config_map("a", one="1", two="1"), field_manager="one")
    other = config_map("a", one="2")
    message = refused(409, "Conflict", client.apply, other, field_manager="two")
    assert message == 'Apply failed with 1 conflict: conflict with "one": .data.one'
    assert client.apply(other, field_manager="two", force=True).data == {"one": "2", "two": "1"}
    scale = Deployment.Scale(spec=autoscaling_v1.ScaleSpec(replicas=2))
    client.apply(codecs.from_dict(manifests.deployment("web", replicas=1)))
    scaled = client.apply(scale, "web", field_manager="scaler", force=True)
    assert scaled.spec.replicas == 2
    deployment = codecs.from_dict(manifests.deployment("web", replicas=1))
    assert ".spec.replicas" in refused(409, "Conflict", client.apply, deployment)


def test_everything_of_a_file(client):
    with (EXAMPLES / "fluentd.yaml").open() as file:
        for each in codecs.load_all_yaml(file):
            client.apply(each)
    read = DaemonSet.Status
    eventually(lambda: client.get(read, "fluentd").status.numberReady == 3)
    client.delete(DaemonSet, "fluentd", cascade=CascadeType.FOREGROUND)
    eventually(lambda: not list(client.list(Pod)))


def test_waits_and_subresources(client):
    client.create(codecs.from_dict(manifests.deployment("web", replicas=1)))
    shown = client.wait(Deployment, "web", for_conditions=["Available"])
    assert shown.status.availableReplicas == 1
    client.patch(Deployment.Scale, "web", {"spec": {"replicas": 2}}, patch_type=PatchType.MERGE)
    eventually(lambda: client.get(Deployment, "web").status.readyReplicas == 2)
    pod, _ = client.list(Pod)
    client.wait(Pod, pod.metadata.name, for_conditions=["Ready"])
    with pytest.raises(ConditionError):
        client.wait(
            Pod, pod.metadata.name, for_conditions=["Never"], raise_for_conditions=["Ready"]
        )
    eviction = PodEviction(metadata=ObjectMeta(name=pod.metadata.name))
    evictor = threading.Timer(0.1, client.create, (eviction, pod.metadata.name))
    evictor.start()
    with pytest.raises(ObjectDeleted):
        client.wait(Pod, pod.metadata.name, for_conditions=["Never"])
    evictor.join()
    status = {"status": {"conditions": [{"type": "Tried", "status": "True"}]}}
    client.patch(Deployment.Status, "web", status)
    client.wait(Deployment, "web", for_conditions=["Tried"])


def test_custom_resources(client, widgets):
    definition = client.get(CustomResourceDefinition, "widgets.example.com")
    assert definition.spec.names.kind == widgets.kind
    widget = create_namespaced_resource(widgets.group, "v1", "Widget", "widgets")
    made = client.create(widget(metadata=ObjectMeta(name="w"), spec={"size": 1}))
    assert made["spec"] == {"size": 1, "color": "red"}
    refused(422, "Invalid", client.create, widget(metadata={"name": "x"}, spec={"size": -1}))
    shown = client.patch(widget, "w", {"spec": {"size": 2}}, patch_type=PatchType.MERGE)
    assert (shown["spec"]["size"], shown.metadata.generation) == (2, 2)
    refused(
        415, "UnsupportedMediaType", client.patch, widget, "w", {}, patch_type=PatchType.STRATEGIC
    )
    shown = client.patch(widget.Status, "w", {"status": {"ready": 2}}, patch_type=PatchType.MERGE)
    assert shown.status == {"ready": 2}
    assert client.get(widget.Scale, "w").status.replicas == 2
    shown = client.apply(widget(metadata=ObjectMeta(name="y"), spec={"size": 7}))
    assert [each.metadata.name for each in client.list(widget)] == ["w", "y"]
    events = client.watch(widget)
    assert [next(events)[1].metadata.name for _ in range(2)] == ["w", "y"]
    events.close()


async def test_with_asyncio(cluster, namespace):
    config = KubeConfig.from_file(cluster.kubeconfig)
    client = AsyncClient(config, namespace=namespace)
    made = await client.create(Secret(metadata=ObjectMeta(name="s"), stringData={"a": "b"}))
    assert made.data == {"a": "Yg=="}
    await client.create(codecs.from_dict(manifests.pod("p")))
    await client.wait(Pod, "p", for_conditions=["Ready"])
    version = made.metadata.resourceVersion
    events = client.watch(Secret, resource_version=version, server_timeout=30)
    await client.delete(Secret, "s")
    event, each = await anext(events)
    assert (event, each.metadata.name) == ("DELETED", "s")
    await events.aclose()
    assert [pod.metadata.name async for pod in client.list(Pod)] == ["p"]
    await client.close()


def test_a_watch_from_a_revision_that_is_forgotten(forgetful, expired):
    namespace, revision = expired
    with at(forgetful.url, namespace) as client:
        events = client.watch(ConfigMap, resource_version=revision)
        assert "too old resource version" in refused(410, "Expired", next, events)
        # Who tries again begins anew, with all that is there.
        events = client.watch(ConfigMap, resource_version=revision, on_error=on_error_retry)
        found = [next(events) for _ in range(31)]
        assert {event for event, _ in found} == {"ADDED"}
        client.delete(ConfigMap, "old-7")
        event, each = next(events)
        assert (event, each.metadata.name) == ("DELETED", "old-7")
        events.close()


def test_a_watch_loses_nothing_in_a_storm(wire, namespace, storm):
    events: list[Seen] = []
    cuts = 0
    with at(wire.url, namespace) as client:
        listed = client.list(ConfigMap)
        list(listed)
        storm.start()
        # Ends each second, and goes on by itself; so it does when its line is cut.
        for event, each in client.watch(
            ConfigMap,
            resource_version=listed.resourceVersion,
            server_timeout=1,
            on_error=on_error_retry,
        ):
            events.append(seen(event, each.to_dict()))
            if events[-1].name == END:
                break
            if storm.done > (cuts + 1) * CHANGES / 3:
                cuts += wire.cut() > 0
    assert cuts
    storm.end()
    storm.check(events)
