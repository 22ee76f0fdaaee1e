"""The Python client `kubernetes`: its generated API, watches, dynamic client, utilities."""

import itertools
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("kubernetes", reason="no Python client `kubernetes` here")

import urllib3
from kubernetes import client, config, dynamic, informer, utils, watch
from kubernetes.client import ApiException
from kubernetes.dynamic import exceptions
from kubernetes.leaderelection import electionconfig, leaderelection
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock

from tests.clients import manifests
from tests.clients.storm import END, Seen, seen
from tests.serving import PATIENCE, eventually

EXAMPLES = Path(__file__).parents[2] / "examples"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"


@pytest.fixture(scope="module")
def api(cluster) -> Iterator[client.ApiClient]:
    with config.new_client_from_config(str(cluster.kubeconfig)) as api:
        yield api


@pytest.fixture(scope="module")
def core(api) -> client.CoreV1Api:
    return client.CoreV1Api(api)


@pytest.fixture(scope="module")
def apps(api) -> client.AppsV1Api:
    return client.AppsV1Api(api)


def config_map(name: str, **data: str) -> client.V1ConfigMap:
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name), data=data)


def refused(status: int, reason: str, call, *args, **kwargs) -> str:
    """The message of the Status with which the call is refused."""
    with pytest.raises(ApiException) as refusal:
        call(*args, **kwargs)
    body = json.loads(refusal.value.body)
    assert (refusal.value.status, body["kind"], body["reason"]) == (status, "Status", reason)
    return body["message"]


def test_what_an_object_goes_through(core, namespace):
    made = core.create_namespaced_config_map(namespace, config_map("a", one="1"))
    assert made.metadata.uid and made.metadata.creation_timestamp.tzinfo
    made.data["two"] = "2"
    replaced = core.replace_namespaced_config_map("a", namespace, made)
    assert core.read_namespaced_config_map("a", namespace) == replaced
    message = refused(409, "Conflict", core.replace_namespaced_config_map, "a", namespace, made)
    assert "the object has been modified" in message
    status = core.delete_namespaced_config_map("a", namespace)
    assert (status["status"], status["details"]["uid"]) == ("Success", made.metadata.uid)
    assert refused(404, "NotFound", core.read_namespaced_config_map, "a", namespace) == (
        'configmaps "a" not found'
    )


def test_refusals(core, namespace):
    core.create_namespaced_config_map(namespace, config_map("a"))
    create = core.create_namespaced_config_map
    refused(409, "AlreadyExists", create, namespace, config_map("a"))
    refused(404, "NotFound", create, "nowhere", config_map("a"))
    refused(422, "Invalid", create, namespace, config_map("No Name"))
    patch = core.patch_namespaced_config_map
    refused(422, "Invalid", patch, "a", namespace, {"dat": {}}, field_validation="Strict")
    refused(400, "BadRequest", core.list_namespaced_config_map, namespace, label_selector="a b")
    assert not core.create_namespaced_config_map(namespace, config_map("c"), dry_run="All").data
    refused(404, "NotFound", core.read_namespaced_config_map, "c", namespace)


def test_lists_in_pages(core, many):
    whole = core.list_namespaced_config_map(many, label_selector=f"label={many}")
    assert len(whole.items) == 3000
    paged, token = [], None
    while token != "":
        page = core.list_namespaced_config_map(
            many, label_selector=f"label={many}", limit=700, _continue=token
        )
        paged += page.items
        token = page.metadata._continue or ""
        remaining = page.metadata.remaining_item_count
        assert remaining is None or not token
    assert paged == whole.items
    everywhere = core.list_config_map_for_all_namespaces(
        field_selector=f"metadata.namespace={many}"
    )
    assert len(everywhere.items) >= 3000


def test_patches(apps, namespace):
    apps.create_namespaced_deployment(namespace, manifests.deployment("web", replicas=0))

    def patch(body, content_type=None):
        return apps.patch_namespaced_deployment(
            "web", namespace, body, _content_type=content_type
        ).spec.template.spec.containers

    sidecar = {"spec": {"template": {"spec": {"containers": [{"name": "log", "image": "log:1"}]}}}}
    assert [c.name for c in patch(sidecar, STRATEGIC)] == ["log", "web"]
    assert [c.name for c in patch(sidecar, MERGE)] == ["log"]
    path = "/spec/template/spec/containers/0/image"
    assert patch([{"op": "replace", "path": path, "value": "log:2"}], JSON)[0].image == "log:2"
    wrong = [{"op": "test", "path": path, "value": "log:1"}]
    refused(422, "Invalid", patch, wrong, JSON)
    # Without a content type the client takes the first it knows, a JSON patch for a list of steps
    # as much as for none: the server is asked with what the client makes of it.
    assert patch([{"op": "replace", "path": path, "value": "log:3"}])[0].image == "log:3"


def test_server_side_apply(core, namespace):
    def apply(manager: str, body: dict, **options):
        whole = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, **body}
        return core.patch_namespaced_config_map(
            "a", namespace, whole, field_manager=manager, _content_type=APPLY, **options
        )

    apply("one", {"data": {"a": "1", "b": "1"}})
    message = refused(409, "Conflict", apply, "two", {"data": {"a": "2"}})
    assert message == 'Apply failed with 1 conflict: conflict with "one": .data.a'
    forced = apply("two", {"data": {"a": "2"}}, force=True)
    assert forced.data == {"a": "2", "b": "1"}
    assert [f.manager for f in forced.metadata.managed_fields] == ["one", "two"]
    assert apply("one", {}).data == {"a": "2"}


def test_collections_are_deleted(core, namespace):
    for number in range(5):
        body = config_map(f"c{number}")
        body.metadata.labels = {"half": str(number % 2)}
        core.create_namespaced_config_map(namespace, body)
    core.delete_collection_namespaced_config_map(namespace, label_selector="half=1")
    left = core.list_namespaced_config_map(namespace).items
    assert [each.metadata.name for each in left] == ["c0", "c2", "c4", "kube-root-ca.crt"]


def test_scale_and_status(apps, namespace):
    apps.create_namespaced_deployment(namespace, manifests.deployment("web", replicas=1))
    scale = apps.read_namespaced_deployment_scale("web", namespace)
    assert (scale.spec.replicas, scale.status.selector) == (1, "app=web")
    scale.spec.replicas = 3
    scale.metadata.resource_version = None  # its controller writes it, too
    apps.replace_namespaced_deployment_scale("web", namespace, scale)
    apps.patch_namespaced_deployment_scale("web", namespace, {"spec": {"replicas": 2}})
    eventually(lambda: apps.read_namespaced_deployment("web", namespace).status.ready_replicas == 2)
    condition = {"type": "Tried", "status": "True"}
    shown = apps.patch_namespaced_deployment_status(
        "web", namespace, {"spec": {"replicas": 9}, "status": {"conditions": [condition]}}
    )
    assert shown.spec.replicas == 2
    assert "Tried" in [each.type for each in shown.status.conditions]


def test_pods(core, api, namespace):
    core.create_namespaced_pod(namespace, manifests.pod("a"))
    eventually(lambda: core.read_namespaced_pod("a", namespace).status.phase == "Running")
    budget = {"metadata": {"name": "a"}, "spec": {"minAvailable": 1, "selector": {}}}
    policy = client.PolicyV1Api(api)
    policy.create_namespaced_pod_disruption_budget(namespace, budget)
    read = policy.read_namespaced_pod_disruption_budget
    eventually(lambda: read("a", namespace).status.current_healthy == 1)
    eviction = client.V1Eviction(metadata=client.V1ObjectMeta(name="a"))
    evict = core.create_namespaced_pod_eviction
    message = refused(429, "TooManyRequests", evict, "a", namespace, eviction)
    assert message == "Cannot evict pod as it would violate the pod's disruption budget."
    policy.delete_namespaced_pod_disruption_budget("a", namespace)
    evict("a", namespace, eviction)
    eventually(lambda: not core.list_namespaced_pod(namespace).items)
    reviewed = client.AuthorizationV1Api(api).create_self_subject_access_review(
        {"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}}
    )
    assert reviewed.status.allowed
    token = core.create_namespaced_service_account_token("default", namespace, {"spec": {}})
    assert token.status.token.count(".") == 2


def test_custom_objects(api, namespace, widgets):
    custom = client.CustomObjectsApi(api)
    where = (*widgets.group_version, namespace, "widgets")
    custom.create_namespaced_custom_object(*where, widgets.body("w", size=3))
    shown = custom.patch_namespaced_custom_object(*where, "w", {"spec": {"size": 4}})
    assert (shown["spec"], shown["metadata"]["generation"]) == ({"size": 4, "color": "red"}, 2)
    shown = custom.patch_namespaced_custom_object_status(*where, "w", {"status": {"ready": 4}})
    assert (shown["status"], shown["metadata"]["generation"]) == ({"ready": 4}, 2)
    scale = custom.get_namespaced_custom_object_scale(*where, "w")
    assert (scale["spec"], scale["status"]["replicas"]) == ({"replicas": 4}, 4)
    wrong = widgets.body("x", size="many")
    refused(422, "Invalid", custom.create_namespaced_custom_object, *where, wrong)
    events = watch.Watch().stream(
        custom.list_namespaced_custom_object, *where, resource_version="0", timeout_seconds=5
    )
    assert next(events)["object"]["metadata"]["name"] == "w"
    events.close()
    custom.delete_collection_namespaced_custom_object(*where)
    assert custom.list_namespaced_custom_object(*where)["items"] == []


def test_the_dynamic_client(api, namespace, widgets):
    resources = dynamic.DynamicClient(api).resources
    kind = resources.get(api_version=widgets.api_version, kind="Widget")
    kind.create(widgets.body("w", size=1), namespace=namespace)
    with pytest.raises(exceptions.ConflictError):
        kind.create(widgets.body("w", size=1), namespace=namespace)
    with pytest.raises(exceptions.UnprocessibleEntityError):
        kind.create(widgets.body("x", size=-1), namespace=namespace)
    assert kind.get(name="w", namespace=namespace).spec.size == 1
    patch = {"metadata": {"name": "w"}, "spec": {"size": 2}}
    with pytest.raises(exceptions.DynamicApiError) as refusal:
        kind.patch(patch, namespace=namespace)
    assert refusal.value.status == 415
    kind.patch(patch, namespace=namespace, content_type=MERGE)
    applied = {**widgets.body("w", size=3), "metadata": {"name": "w"}}
    with pytest.raises(exceptions.ConflictError):
        kind.server_side_apply(applied, namespace=namespace, field_manager="me")
    shown = kind.server_side_apply(
        applied, namespace=namespace, field_manager="me", force_conflicts=True
    )
    assert shown.spec.size == 3
    kind.status.patch(
        {"metadata": {"name": "w"}, "status": {"ready": 3}}, namespace=namespace, content_type=MERGE
    )
    events = kind.watch(namespace=namespace, timeout=10)
    event = next(events)
    assert (event["type"], event["object"].status.ready) == ("ADDED", 3)
    kind.delete(name="w", namespace=namespace)
    assert next(events)["type"] == "DELETED"
    events.close()
    with pytest.raises(exceptions.NotFoundError):
        kind.get(name="w", namespace=namespace)
    with pytest.raises(exceptions.ResourceNotFoundError):
        resources.get(api_version="v1", kind="Nonsense")


def test_create_from_yaml(api, core, apps, namespace):
    file = str(EXAMPLES / "mysql.yaml")
    utils.create_from_yaml(api, file, namespace=namespace)
    read = apps.read_namespaced_stateful_set_status
    eventually(lambda: read("mysql", namespace).status.ready_replicas == 3)
    claims = core.list_namespaced_persistent_volume_claim(namespace).items
    assert [claim.status.phase for claim in claims] == ["Bound"] * 3
    with pytest.raises(utils.FailToCreateError) as refusal:
        utils.create_from_yaml(api, file, namespace=namespace)
    assert [each.reason for each in refusal.value.api_exceptions] == ["Conflict"] * 2
    apps.delete_namespaced_stateful_set("mysql", namespace)
    for _ in range(2):
        utils.create_from_yaml(api, str(EXAMPLES / "fluentd.yaml"), namespace=namespace, apply=True)
    (applied,) = apps.list_namespaced_daemon_set(namespace).items
    assert applied.metadata.managed_fields[0].manager == "python-client"


def test_leader_election(cluster, namespace):
    config.load_kube_config(str(cluster.kubeconfig))
    leases = client.CoordinationV1Api()
    told: list[str] = []

    def candidate(name: str) -> leaderelection.LeaderElection:
        settings = electionconfig.Config(
            LeaseLock("lock", namespace, name),
            **dict(lease_duration=3, renew_deadline=2, retry_period=1),
            onstarted_leading=lambda: told.append(name),
            onstopped_leading=lambda: told.append(f"not {name}"),
        )
        settings.renew_deadline, settings.retry_period = 0.5, 0.05  # it takes seconds only
        return leaderelection.LeaderElection(settings)

    first, second = candidate("first"), candidate("second")
    assert first.try_acquire_or_renew() and not second.try_acquire_or_renew()
    assert first.try_acquire_or_renew()
    lease = leases.read_namespaced_lease("lock", namespace)
    assert lease.spec.holder_identity == "first"
    # Whom the lease names leads, for as long as it is named.
    leases.patch_namespaced_lease("lock", namespace, {"spec": {"holderIdentity": "second"}})
    leader = threading.Thread(target=second.run)
    leader.start()
    eventually(lambda: told == ["second"])
    assert not first.try_acquire_or_renew()

    def renew_for_another() -> bool:
        leases.patch_namespaced_lease("lock", namespace, {"spec": {"holderIdentity": "first"}})
        return "not second" in told

    eventually(renew_for_another)
    leader.join()


def test_a_watch_goes_on_after_the_server_ended_it(core, namespace):
    start = core.list_namespaced_config_map(namespace).metadata.resource_version
    names = [f"c{number}" for number in range(3)]
    watcher = watch.Watch()
    seen = []
    for name in names:
        core.create_namespaced_config_map(namespace, config_map(name))
        # Ends by itself, after a second, and goes on where it was.
        for event in watcher.stream(
            core.list_namespaced_config_map,
            namespace,
            resource_version=watcher.resource_version or start,
            timeout_seconds=1,
        ):
            seen.append((event["type"], event["object"].metadata.name))
            if len(seen) > 1:
                watcher.stop()
    assert seen == [("ADDED", name) for name in names]


def test_a_watch_whose_line_is_cut(wire, core, namespace):
    there = client.CoreV1Api(client.ApiClient(client.Configuration(host=wire.url)))
    start = core.list_namespaced_config_map(namespace).metadata.resource_version
    watcher = watch.Watch()
    watcher.resource_version = start
    seen = []
    for number in itertools.count():
        core.create_namespaced_config_map(namespace, config_map(f"c{number}"))
        stream = watcher.stream(
            there.list_namespaced_config_map, namespace, resource_version=watcher.resource_version
        )
        seen.append(next(stream)["object"].metadata.name)
        if number == 3:
            break
        wire.cut()
        with pytest.raises(urllib3.exceptions.ProtocolError):
            next(stream)
    assert seen == ["c0", "c1", "c2", "c3"]


def test_a_watch_from_a_revision_that_is_forgotten(forgetful, expired):
    namespace, revision = expired
    core = client.CoreV1Api(client.ApiClient(client.Configuration(host=forgetful.url)))
    page = core.list_namespaced_config_map
    watcher = watch.Watch()
    with pytest.raises(ApiException) as refusal:
        next(watcher.stream(page, namespace, resource_version=revision))
    assert refusal.value.status == 410
    assert refusal.value.reason.startswith("Expired: too old resource version")
    fresh = page(namespace)
    assert len(fresh.items) == 31
    stream = watcher.stream(page, namespace, resource_version=fresh.metadata.resource_version)
    core.delete_namespaced_config_map("old-0", namespace)
    event = next(stream)
    assert (event["type"], event["object"].metadata.name) == ("DELETED", "old-0")
    # A page of a list that is forgotten can be had no more either.
    token = page(namespace, limit=10).metadata._continue
    for number in range(1, 30):
        core.delete_namespaced_config_map(f"old-{number}", namespace)
    refused(410, "Expired", page, namespace, limit=10, _continue=token)


def test_logs(core, cluster, namespace):
    core.create_namespaced_pod(namespace, manifests.pod("a"))
    eventually(lambda: core.read_namespaced_pod("a", namespace).status.phase == "Running")
    assert "is simulated" in core.read_namespaced_pod_log("a", namespace)
    lines = watch.Watch().stream(core.read_namespaced_pod_log, "a", namespace, tail_lines=0)
    writer = threading.Timer(0.2, cluster.miniplane, ["log", "-n", namespace, "a", "one", "line"])
    writer.start()
    assert next(lines) == "one line"
    lines.close()
    writer.join()
    assert core.read_namespaced_pod_log("a", namespace, tail_lines=1) == "one line\n"
    with pytest.raises(ApiException) as refusal:
        core.read_namespaced_pod_log("a", namespace, previous=True)
    assert refusal.value.status == 400


def test_a_watch_loses_nothing_in_a_storm(core, namespace, storm):
    watcher = watch.Watch()
    watcher.resource_version = core.list_namespaced_config_map(namespace).metadata.resource_version
    events: list[Seen] = []
    restarts = 0
    storm.start()
    while not (events and events[-1].name == END):
        for event in watcher.stream(
            core.list_namespaced_config_map,
            namespace,
            resource_version=watcher.resource_version,
            timeout_seconds=1,
        ):
            events.append(seen(event["type"], event["raw_object"]))
            if events[-1].name == END:
                watcher.stop()
        restarts += 1
    assert restarts > 1
    storm.end()
    storm.check(events)


def test_an_informer_keeps_in_step_with_a_storm(wire, namespace, storm):
    core = client.CoreV1Api(client.ApiClient(client.Configuration(host=wire.url)))
    events: list[Seen] = []

    def note(type: str):
        return lambda body: events.append(seen(type, as_json(body)))

    as_json = core.api_client.sanitize_for_serialization
    shared = informer.SharedInformer(core.list_namespaced_config_map, namespace)
    for type in ("ADDED", "MODIFIED", "DELETED"):
        shared.add_event_handler(type, note(type))
    shared.start()
    eventually(lambda: shared.cache.list_keys())
    storm.start()
    for part in (0.2, 0.4, 0.6, 0.8):
        storm.reach(part)
        wire.cut()
    listed = storm.end()
    eventually(lambda: shared.cache.get_by_key(f"{namespace}/{END}"), patience=4 * PATIENCE)
    shared.stop()
    held = {each.metadata.name: int(each.metadata.resource_version) for each in shared.cache.list()}
    assert held == listed
    storm.check(events)
