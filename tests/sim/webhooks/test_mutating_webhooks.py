"""Webhooks that may change what is written."""

import asyncio

import pytest

from miniplane.api import resources
from miniplane.api.errors import StatusError
from miniplane.testing import objects
from tests.sim.webhooks.conftest import (
    MUTATING,
    RULE,
    VALIDATING,
    allow,
    config_map,
    configuration,
    hook,
    patched,
)

MAPS = resources.resource("configmaps")


def label(name: str, value: str = "1"):
    def answer(request):
        labels = {**(request["object"]["metadata"].get("labels") or {}), name: value}
        return patched({"op": "add", "path": "/metadata/labels", "value": labels})

    return answer


async def test_a_patch_changes_what_is_stored(cluster, hooks) -> None:
    hooks.answers["/a"] = label("seen")
    await cluster.client.create(MUTATING, configuration(hook()))
    made = await cluster.client.create(MAPS, config_map("x", labels={"app": "a"}))
    assert made["metadata"]["labels"] == {"app": "a", "seen": "1"}
    assert len(hooks.reviews) == 1
    assert "uid" not in hooks.reviews[0]["request"]["object"]["metadata"]


async def test_they_are_asked_in_order_and_see_what_others_did(cluster, hooks) -> None:
    hooks.answers["/a"], hooks.answers["/b"], hooks.answers["/c"] = map(label, "abc")
    await cluster.client.create(MUTATING, configuration(hook("b"), hook("c"), name="later"))
    await cluster.client.create(MUTATING, configuration(hook("a"), name="first"))
    made = await cluster.client.create(MAPS, config_map("x"))
    assert hooks.paths == ["/a", "/b", "/c"]
    assert made["metadata"]["labels"] == {"a": "1", "b": "1", "c": "1"}


async def test_reinvocation(cluster, hooks) -> None:
    hooks.answers["/a"] = label("a")
    hooks.answers["/b"] = label("b")
    willing = hook("a", reinvocationPolicy="IfNeeded")
    await cluster.client.create(MUTATING, configuration(willing, hook("b")))
    await cluster.client.create(MAPS, config_map("x"))
    assert hooks.paths == ["/a", "/b", "/a"]
    hooks.paths.clear()
    # Nothing changes the second time: nobody has to look again.
    await cluster.client.update(MAPS, config_map("x", labels={"a": "1", "b": "1"}))
    assert hooks.paths == ["/a", "/b"]


async def test_defaults_and_pruning_after_a_patch(cluster, hooks) -> None:
    container = {"name": "side", "image": "proxy", "unheard": "of"}
    hooks.answers["/a"] = lambda request: patched(
        {"op": "add", "path": "/spec/containers/-", "value": container}
    )
    rule = {**RULE, "resources": ["pods"], "operations": ["CREATE"]}
    await cluster.client.create(MUTATING, configuration(hook(rules=[rule])))
    pod = objects.pod("p")
    made = await cluster.client.create(resources.PODS, pod, namespace="default")
    side = made["spec"]["containers"][1]
    assert (side["image"], side["terminationMessagePath"]) == ("proxy", "/dev/termination-log")
    assert "unheard" not in side
    # Plugins that run before webhooks get to see it in the second round.
    assert side["volumeMounts"][0]["mountPath"].endswith("serviceaccount")


async def test_controllers_write_through_webhooks(cluster, hooks) -> None:
    hooks.answers["/a"] = label("injected")
    rule = {**RULE, "resources": ["pods"], "operations": ["CREATE"]}
    await cluster.client.create(MUTATING, configuration(hook(rules=[rule])))
    await cluster.client.create(
        resources.DEPLOYMENTS, objects.deployment("web", replicas=3), namespace="default"
    )
    await cluster.settle()
    pods = await cluster.pods(label_selector="injected")
    assert [pod["status"]["phase"] for pod in pods] == ["Running"] * 3
    assert len(hooks.reviews) == 3


async def test_a_refusal_holds_controllers_up(cluster, hooks) -> None:
    hooks.answers["/a"] = lambda request: {"allowed": False, "status": {"message": "no pods"}}
    rule = {**RULE, "resources": ["pods"], "operations": ["CREATE"]}
    await cluster.client.create(VALIDATING, configuration(hook(rules=[rule])))
    await cluster.client.create(
        resources.DEPLOYMENTS, objects.deployment("web", replicas=1), namespace="default"
    )
    await cluster.advance(5)
    assert await cluster.pods() == []
    events = [event["message"] for event in await cluster.list(resources.EVENTS)]
    denied = 'admission webhook "a.example.com" denied the request: no pods'
    assert any(denied in message for message in events)
    await cluster.client.delete(VALIDATING, "hooks")
    await cluster.settle()
    assert len(await cluster.pods()) == 1


async def test_status_updates_are_a_subresource(cluster, hooks) -> None:
    hooks.answers["/a"] = allow
    rule = {**RULE, "resources": ["namespaces", "namespaces/status"]}
    await cluster.client.create(VALIDATING, configuration(hook(rules=[rule])))
    await cluster.client.create(resources.NAMESPACES, {"metadata": {"name": "n"}})
    request = hooks.reviews[-1]["request"]
    assert (request["name"], request.get("namespace"), request["operation"]) == (
        "n",
        None,
        "CREATE",
    )
    patch = {"metadata": {"labels": {"a": "b"}}}
    await cluster.client.patch(resources.NAMESPACES, "n", patch)
    assert hooks.reviews[-1]["request"]["namespace"] == "n"
    patch = {"status": {"phase": "Active"}, "metadata": {"labels": {"c": "d"}}}
    await cluster.client.patch(resources.NAMESPACES, "n", patch, subresource="status")
    assert hooks.reviews[-1]["request"]["subResource"] == "status"


async def test_a_scale_is_reviewed_and_changed_as_a_scale(cluster, hooks) -> None:
    hooks.answers["/a"] = lambda request: patched(
        {"op": "replace", "path": "/spec/replicas", "value": 2}
    )
    deployment = objects.deployment("web", replicas=0)
    await cluster.client.create(resources.DEPLOYMENTS, deployment, namespace="default")
    rule = {**RULE, "apiGroups": ["apps"], "resources": ["deployments/scale"]}
    await cluster.client.create(MUTATING, configuration(hook(rules=[rule])))
    patch = {"spec": {"replicas": 5}}
    scaled = await cluster.client.patch(
        resources.DEPLOYMENTS,
        "web",
        patch,
        "default",
        subresource="scale",
        patch_type="application/merge-patch+json",
    )
    request = hooks.reviews[0]["request"]
    assert request["kind"] == {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    assert request["object"]["spec"] == {"replicas": 5}
    assert request["oldObject"]["kind"] == "Scale"
    assert scaled["spec"] == {"replicas": 2}


async def test_evictions_and_bindings_are_requests_of_their_own(cluster, hooks) -> None:
    hooks.answers["/a"] = allow
    parts = ["pods/eviction", "pods/binding", "pods"]
    rule = {**RULE, "resources": parts, "operations": ["CREATE", "DELETE"]}
    await cluster.client.create(VALIDATING, configuration(hook(rules=[rule])))
    await cluster.client.create(resources.PODS, objects.pod("p"), namespace="default")
    await cluster.settle()
    eviction = {"metadata": {"name": "p", "namespace": "default"}}
    await cluster.client.create(
        resources.PODS, eviction, namespace="default", name="p", subresource="eviction"
    )
    seen = [(r["request"]["kind"]["kind"], r["request"]["operation"]) for r in hooks.reviews]
    assert seen[:3] == [("Pod", "CREATE"), ("Binding", "CREATE"), ("Eviction", "CREATE")]
    hooks.answers["/a"] = lambda request: {"allowed": False}
    await cluster.client.create(MAPS, config_map("unconcerned"))


async def test_a_patch_of_what_is_deleted(cluster, hooks) -> None:
    await cluster.client.create(MAPS, config_map("x"))
    hooks.answers["/a"] = lambda request: patched({"op": "add", "path": "/a", "value": 1})
    await cluster.client.create(MUTATING, configuration(hook()))
    with pytest.raises(StatusError, match="attempted to modify the object") as caught:
        await cluster.client.delete(MAPS, "x", "default")
    assert caught.value.code == 500


async def test_a_patch_that_cannot_be_applied(cluster, hooks) -> None:
    hooks.answers["/a"] = lambda request: patched({"op": "remove", "path": "/data/zzz"})
    await cluster.client.create(MUTATING, configuration(hook()))
    with pytest.raises(StatusError) as caught:
        await cluster.client.create(MAPS, config_map("x"))
    assert caught.value.code == 500


async def test_others_do_not_wait_for_a_slow_webhook(cluster, hooks) -> None:
    hooks.answers["/a"] = allow
    waiting, release = hooks.hold = (asyncio.Event(), asyncio.Event())
    await cluster.client.create(VALIDATING, configuration(hook()))
    write = asyncio.create_task(cluster.client.create(MAPS, config_map("x")))
    await waiting.wait()
    await cluster.client.create(resources.NAMESPACES, {"metadata": {"name": "n"}})
    assert not write.done()
    cluster.clock.advance(100)
    release.set()
    made = await write
    (review,) = hooks.reviews
    # Time has gone on, but what was asked about is what is stored.
    created = review["request"]["object"]["metadata"]["creationTimestamp"]
    assert made["metadata"]["creationTimestamp"] == created


async def test_a_webhook_that_takes_too_long(cluster, hooks) -> None:
    hooks.hold = (asyncio.Event(), asyncio.Event())
    await cluster.client.create(VALIDATING, configuration(hook(timeoutSeconds=1)))
    words = r'/a\?timeout=1s": context deadline exceeded$'
    with pytest.raises(StatusError, match=words):
        await cluster.client.create(MAPS, config_map("x"))
    hooks.hold[1].set()
