"""Webhooks that may refuse a write."""

import aiohttp
import pytest
from aiohttp import web

from miniplane.api import resources
from miniplane.api.errors import StatusError
from tests.sim.webhooks.conftest import RULE, VALIDATING, allow, config_map, configuration, hook

MAPS = resources.resource("configmaps")


async def test_a_review_is_what_the_real_server_sends(cluster, hooks) -> None:
    hooks.answers["/a"] = allow
    await cluster.client.create(VALIDATING, configuration(hook()))
    made = await cluster.client.create(MAPS, config_map("x"))
    (review,) = hooks.reviews
    assert (review["apiVersion"], review["kind"]) == ("admission.k8s.io/v1", "AdmissionReview")
    request = review["request"]
    kind = {"group": "", "version": "v1", "kind": "ConfigMap"}
    resource = {"group": "", "version": "v1", "resource": "configmaps"}
    assert request["kind"] == request["requestKind"] == kind
    assert request["resource"] == request["requestResource"] == resource
    assert (request["name"], request["namespace"]) == ("x", "default")
    assert (request["operation"], request["dryRun"]) == ("CREATE", False)
    assert request["userInfo"]["username"] == "kubernetes-admin"
    assert request["options"]["kind"] == "CreateOptions"
    assert request["oldObject"] is None
    seen = request["object"]
    assert (seen["kind"], seen["apiVersion"], seen["data"]) == ("ConfigMap", "v1", {"a": "1"})
    # What the webhook saw is what was stored, though the write was made twice.
    assert seen["metadata"]["uid"] == made["metadata"]["uid"]


async def test_a_refusal_has_the_webhooks_words(cluster, hooks) -> None:
    hooks.answers["/a"] = lambda request: {
        "allowed": False,
        "status": {"code": 403, "message": "not today", "reason": "Forbidden"},
    }
    await cluster.client.create(VALIDATING, configuration(hook()))
    with pytest.raises(StatusError) as caught:
        await cluster.client.create(MAPS, config_map("x"))
    assert caught.value.message == 'admission webhook "a.example.com" denied the request: not today'
    assert (caught.value.code, caught.value.reason) == (403, "Forbidden")
    hooks.answers["/a"] = lambda request: {"allowed": False}
    with pytest.raises(StatusError, match="denied the request without explanation") as caught:
        await cluster.client.create(MAPS, config_map("x"))
    assert caught.value.code == 400
    assert await cluster.list(MAPS, label_selector="app") == []


async def test_a_generated_name_stays_the_same(cluster, hooks) -> None:
    hooks.answers["/a"] = allow
    await cluster.client.create(VALIDATING, configuration(hook()))
    made = await cluster.client.create(MAPS, config_map(generateName="x-"))
    (review,) = hooks.reviews
    assert review["request"]["name"] == made["metadata"]["name"]


async def test_a_service_keeps_the_address_that_was_asked_about(cluster, hooks) -> None:
    hooks.answers["/a"] = allow
    rule = {**RULE, "resources": ["services"]}
    await cluster.client.create(VALIDATING, configuration(hook(rules=[rule])))
    spec = {"ports": [{"port": 80}], "type": "NodePort"}
    service = {"metadata": {"name": "s", "namespace": "default"}, "spec": spec}
    made = await cluster.client.create(resources.SERVICES, service)
    (review,) = hooks.reviews
    assert review["request"]["object"]["spec"]["clusterIP"] == made["spec"]["clusterIP"]
    assert review["request"]["object"]["spec"]["ports"] == made["spec"]["ports"]


async def test_all_are_asked_at_once_and_the_first_one_speaks(cluster, hooks) -> None:
    for name in "ab":
        hooks.answers[f"/{name}"] = lambda request: {"allowed": False, "warnings": ["careful"]}
    await cluster.client.create(VALIDATING, configuration(hook("a"), hook("b")))
    with pytest.raises(StatusError, match=r'"a\.example\.com"'):
        await cluster.client.create(MAPS, config_map("x"))
    assert sorted(hooks.paths) == ["/a", "/b"]


async def test_warnings_reach_the_client(cluster, hooks) -> None:
    hooks.answers["/a"] = lambda request: {"warnings": ["careful", "very"]}
    await cluster.client.create(VALIDATING, configuration(hook()))
    async with aiohttp.ClientSession() as session:
        url = f"{cluster.url}/api/v1/namespaces/default/configmaps"
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}
        async with session.post(url, json=body) as response:
            assert response.status == 201
            assert response.headers.getall("Warning") == ['299 - "careful"', '299 - "very"']


async def test_deletes_are_asked_about(cluster, hooks) -> None:
    hooks.answers["/a"] = lambda request: {"allowed": request["operation"] != "DELETE"}
    await cluster.client.create(VALIDATING, configuration(hook()))
    await cluster.client.create(MAPS, config_map("x"))
    with pytest.raises(StatusError, match="denied the request"):
        await cluster.client.delete(MAPS, "x", "default")
    request = hooks.reviews[-1]["request"]
    assert (request["object"], request["oldObject"]["data"]) == (None, {"a": "1"})
    assert request["options"]["kind"] == "DeleteOptions"


async def test_a_collection_is_asked_about_one_by_one(cluster, hooks) -> None:
    hooks.answers["/a"] = allow
    for name in ("x", "y", "z"):
        await cluster.client.create(MAPS, config_map(name, labels={"app": "a"}))
    await cluster.client.create(VALIDATING, configuration(hook()))
    async with aiohttp.ClientSession() as session:
        url = f"{cluster.url}/api/v1/namespaces/default/configmaps?labelSelector=app"
        async with session.delete(url) as response:
            deleted = [item["metadata"]["name"] for item in (await response.json())["items"]]
    assert deleted == ["x", "y", "z"]
    assert [r["request"]["oldObject"]["metadata"]["name"] for r in hooks.reviews] == deleted
    assert await cluster.list(MAPS, label_selector="app") == []


async def test_an_object_that_changes_meanwhile_is_asked_about_again(cluster, hooks) -> None:
    await cluster.client.create(MAPS, config_map("x"))
    registry = cluster.cluster.registry

    def meddle(request):
        if len(hooks.reviews) == 1:
            registry.exempt.patch(
                MAPS,
                "default",
                "x",
                {"data": {"b": "2"}},
                cluster.client._write,
                patch_type="application/merge-patch+json",
            )
        return {}

    hooks.answers["/a"] = meddle
    await cluster.client.create(VALIDATING, configuration(hook()))
    made = await cluster.client.patch(MAPS, "x", {"data": {"c": "3"}}, "default")
    assert made["data"] == {"a": "1", "b": "2", "c": "3"}
    assert [len(r["request"]["oldObject"]["data"]) for r in hooks.reviews] == [1, 2]


async def test_an_object_that_never_rests_is_a_conflict(cluster, hooks) -> None:
    await cluster.client.create(MAPS, config_map("x"))

    def meddle(request):
        cluster.cluster.registry.exempt.patch(
            MAPS,
            "default",
            "x",
            {"data": {"b": str(len(hooks.reviews))}},
            cluster.client._write,
            patch_type="application/merge-patch+json",
        )
        return {}

    hooks.answers["/a"] = meddle
    await cluster.client.create(VALIDATING, configuration(hook()))
    with pytest.raises(StatusError, match="the object has been modified") as caught:
        await cluster.client.patch(MAPS, "x", {"data": {"c": "3"}}, "default")
    assert caught.value.code == 409


@pytest.mark.parametrize("effects", ["None", "NoneOnDryRun"])
async def test_dry_runs(cluster, hooks, effects) -> None:
    hooks.answers["/a"] = allow
    await cluster.client.create(VALIDATING, configuration(hook(sideEffects=effects)))
    async with aiohttp.ClientSession() as session:
        url = f"{cluster.url}/api/v1/namespaces/default/configmaps?dryRun=All"
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}
        async with session.post(url, json=body) as response:
            assert response.status == 201
    assert [review["request"]["dryRun"] for review in hooks.reviews] == [True]
    assert hooks.reviews[0]["request"]["options"]["dryRun"] == ["All"]


async def test_status_and_selectors_and_conditions(cluster, hooks) -> None:
    hooks.answers["/a"] = allow
    selective = hook(
        objectSelector={"matchLabels": {"app": "a"}},
        matchConditions=[{"name": "not-y", "expression": "request.name != 'y'"}],
    )
    await cluster.client.create(VALIDATING, configuration(selective))
    await cluster.client.create(MAPS, config_map("w"))
    await cluster.client.create(MAPS, config_map("x", labels={"app": "a"}))
    await cluster.client.create(MAPS, config_map("y", labels={"app": "a"}))
    assert [review["request"]["name"] for review in hooks.reviews] == ["x"]


async def test_webhooks_are_not_asked_about_webhooks(cluster, hooks) -> None:
    rule = {**RULE, "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"]}
    nobody = hook(rules=[rule], clientConfig={"url": "https://127.0.0.1:1/nobody"})
    await cluster.client.create(VALIDATING, configuration(nobody))
    with pytest.raises(StatusError, match="connection refused"):
        await cluster.client.create(MAPS, config_map("x"))
    await cluster.client.delete(VALIDATING, "hooks")
    await cluster.client.create(MAPS, config_map("x"))


async def test_a_version_that_is_not_the_rules_own(cluster, hooks) -> None:
    hooks.answers["/a"] = allow
    rule = {
        "apiGroups": ["autoscaling"],
        "apiVersions": ["v1"],
        "operations": ["*"],
        "resources": ["horizontalpodautoscalers"],
    }
    await cluster.client.create(VALIDATING, configuration(hook(rules=[rule])))
    target = {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"}
    scaler = {
        "metadata": {"name": "h", "namespace": "default"},
        "spec": {"maxReplicas": 3, "scaleTargetRef": target},
    }
    row = resources.resource("horizontalpodautoscalers", "autoscaling", "v2")
    await cluster.client.create(row, scaler)
    request = hooks.reviews[0]["request"]
    assert request["kind"]["version"] == "v1"
    assert request["requestKind"]["version"] == "v2"
    assert request["object"]["apiVersion"] == "autoscaling/v1"
    assert "targetCPUUtilizationPercentage" in request["object"]["spec"]


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (
            {"status": 500, "text": "oh no"},
            'failed to call webhook: an error on the server ("oh no") has prevented the request '
            "from succeeding",
        ),
        (
            {"status": 404, "text": ""},
            "failed to call webhook: the server could not find the requested resource",
        ),
        ({"text": "{}"}, "received invalid webhook response: webhook response was absent"),
        (
            {"text": '{"response": {"uid": "u", "allowed": true}}'},
            "received invalid webhook response: expected response.uid=",
        ),
    ],
)
async def test_failures_and_the_failure_policy(cluster, hooks, reply, words) -> None:
    await cluster.client.create(VALIDATING, configuration(hook()))
    hooks.replies["/a"] = web.Response(**reply)
    with pytest.raises(StatusError) as caught:
        await cluster.client.create(MAPS, config_map("x"))
    start = 'Internal error occurred: failed calling webhook "a.example.com": '
    assert caught.value.message.startswith(start + words), caught.value.message
    assert (caught.value.code, caught.value.reason) == (500, "InternalError")
    await cluster.client.delete(VALIDATING, "hooks")
    await cluster.client.create(VALIDATING, configuration(hook(failurePolicy="Ignore")))
    hooks.replies["/a"] = web.Response(**reply)
    await cluster.client.create(MAPS, config_map("x"))


async def test_a_service_that_nobody_stands_behind(cluster, hooks) -> None:
    lost = hook(clientConfig={"service": {"namespace": "default", "name": "lost", "path": "/p"}})
    await cluster.client.create(VALIDATING, configuration(lost))
    url = "https://lost.default.svc:443/p?timeout=10s"
    words = f'failed calling webhook "a.example.com": failed to call webhook: Post "{url}": '
    with pytest.raises(StatusError) as caught:
        await cluster.client.create(MAPS, config_map("x"))
    assert caught.value.message == f'Internal error occurred: {words}service "lost" not found'
    service = {
        "metadata": {"name": "lost", "namespace": "default"},
        "spec": {"ports": [{"port": 443}]},
    }
    made = await cluster.client.create(resources.SERVICES, service)
    with pytest.raises(StatusError) as caught:
        await cluster.client.create(MAPS, config_map("x"))
    ip = made["spec"]["clusterIP"]
    assert caught.value.message.endswith(f"dial tcp {ip}:443: connect: connection refused")


async def test_an_old_version_of_reviews(cluster, hooks) -> None:
    hooks.answers["/a"] = lambda request: {"uid": "", "warnings": ["old"]}
    old = hook(admissionReviewVersions=["v2", "v1beta1", "v1"])
    await cluster.client.create(VALIDATING, configuration(old))
    await cluster.client.create(MAPS, config_map("x"))
    assert hooks.reviews[0]["apiVersion"] == "admission.k8s.io/v1beta1"
