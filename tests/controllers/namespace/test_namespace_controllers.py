"""Namespaces on a real registry: what they get, and how they go."""

import pytest

from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj
from miniplane.api.options import DeleteOptions
from miniplane.api.resources import (
    CONFIGMAPS,
    DEPLOYMENTS,
    NAMESPACES,
    PODS,
    SECRETS,
    SERVICE_ACCOUNTS,
)
from miniplane.controllers.serviceaccounts.controller import ROOT_CA
from miniplane.testing import objects
from miniplane.testing.harness import Harness, cluster

CONTROLLERS = (
    "namespace-controller,serviceaccount-controller,root-ca-certificate-publisher-controller,"
    "deployment-controller,replicaset-controller"
)
HOLD = "example.com/hold"


class Stage:
    def __init__(self, harness: Harness):
        self.c = harness
        self.client = harness.client

    async def create(self) -> None:
        await self.client.create(NAMESPACES, objects.namespace("a"))
        await self.c.settle()

    async def config(self, name: str, *finalizers: str) -> None:
        body = objects.config_map(name, namespace="a")
        body["metadata"]["finalizers"] = list(finalizers)
        await self.client.create(CONFIGMAPS, body)

    async def delete(self) -> None:
        await self.client.delete(NAMESPACES, "a")

    async def get(self) -> Obj | None:
        try:
            return await self.client.get(NAMESPACES, "a")
        except StatusError as error:
            assert error.reason == "NotFound"
            return None

    async def conditions(self) -> dict[str, str]:
        namespace = await self.get()
        assert namespace is not None
        found = namespace["status"]["conditions"]
        return {c["type"]: c["message"] for c in found if c["status"] == "True"}


@pytest.fixture
async def stage():
    async with cluster(nodes=0, controllers=CONTROLLERS) as harness:
        yield Stage(harness)


async def test_every_namespace_has_an_account_and_a_certificate(stage: Stage) -> None:
    await stage.create()
    account = await stage.client.get(SERVICE_ACCOUNTS, "default", "a")
    ca = await stage.client.get(CONFIGMAPS, ROOT_CA, "a")
    assert ca["data"]["ca.crt"].startswith("-----BEGIN CERTIFICATE-----")
    await stage.client.delete(SERVICE_ACCOUNTS, "default", "a")
    await stage.client.delete(CONFIGMAPS, ROOT_CA, "a")
    await stage.c.settle()
    again = await stage.client.get(SERVICE_ACCOUNTS, "default", "a")
    assert again["metadata"]["uid"] != account["metadata"]["uid"]
    await stage.client.patch(CONFIGMAPS, ROOT_CA, {"data": {"ca.crt": "mine"}}, "a")
    await stage.c.settle()
    restored = await stage.client.get(CONFIGMAPS, ROOT_CA, "a")
    assert restored["data"] == ca["data"]
    for namespace in ("default", "kube-system", "kube-node-lease"):
        await stage.client.get(SERVICE_ACCOUNTS, "default", namespace)


async def test_a_namespace_goes_with_all_that_is_in_it(stage: Stage) -> None:
    await stage.create()
    await stage.config("c")
    await stage.client.create(DEPLOYMENTS, objects.deployment("web", namespace="a", replicas=3))
    await stage.c.settle()
    assert len(await stage.c.pods("a")) == 3
    await stage.delete()
    namespace = await stage.get()
    assert namespace is not None and namespace["status"]["phase"] == "Terminating"
    await stage.c.advance(4.9)
    assert len(await stage.c.pods("a")) == 3, "nothing happens for five seconds"
    await stage.c.settle()
    assert await stage.get() is None
    for row in (PODS, CONFIGMAPS, DEPLOYMENTS, SERVICE_ACCOUNTS):
        assert await stage.c.list(row, "a") == []
    assert await stage.c.list(SERVICE_ACCOUNTS, "default") != []


async def test_what_has_a_finalizer_is_waited_for_and_told_of(stage: Stage) -> None:
    await stage.create()
    await stage.config("held", HOLD)
    await stage.config("free")
    await stage.delete()
    await stage.c.settle()
    assert await stage.conditions() == {
        "NamespaceContentRemaining": (
            "Some resources are remaining: configmaps. has 1 resource instances"
        ),
        "NamespaceFinalizersRemaining": (
            "Some content in the namespace has finalizers remaining: "
            f"{HOLD} in 1 resource instances"
        ),
    }
    with pytest.raises(StatusError, match="because it is being terminated"):
        await stage.config("late")
    await stage.client.patch(CONFIGMAPS, "held", {"metadata": {"finalizers": None}}, "a")
    await stage.c.settle()
    assert await stage.get() is None


async def test_pods_go_first(stage: Stage) -> None:
    await stage.create()
    await stage.config("c")
    body = objects.pod("p", namespace="a", nodeName="n", terminationGracePeriodSeconds=10)
    await stage.client.create(PODS, body)
    await stage.delete()
    await stage.c.settle()
    assert [c["metadata"]["name"] for c in await stage.c.list(CONFIGMAPS, "a")] == ["c", ROOT_CA]
    assert list(await stage.conditions()) == ["NamespaceContentRemaining"]
    await stage.c.advance(30)
    assert sorted(await stage.conditions()) == [
        "NamespaceContentRemaining",
        "NamespaceDeletionContentFailure",
    ], "the pod should be gone by now"
    options = DeleteOptions(grace_period_seconds=0)
    await stage.client.delete(PODS, "p", "a", options=options)
    await stage.c.settle()
    assert await stage.get() is None


async def test_finalizers_of_others_on_the_namespace_are_theirs(stage: Stage) -> None:
    await stage.create()
    await stage.config("c")
    namespace = await stage.get()
    assert namespace is not None
    spec = {"finalizers": ["kubernetes", HOLD]}
    await stage.client.update(NAMESPACES, {**namespace, "spec": spec}, subresource="finalize")
    await stage.delete()
    await stage.c.settle()
    namespace = await stage.get()
    assert namespace is not None and namespace["spec"]["finalizers"] == [HOLD]
    assert await stage.c.list(CONFIGMAPS, "a") == []
    body = {**namespace, "spec": {"finalizers": []}}
    await stage.client.update(NAMESPACES, body, subresource="finalize")
    await stage.c.settle()
    assert await stage.get() is None


async def test_other_namespaces_are_left_alone(stage: Stage) -> None:
    await stage.create()
    await stage.client.create(NAMESPACES, objects.namespace("b"))
    await stage.client.create(SECRETS, {**objects.config_map("s", namespace="b"), "kind": "Secret"})
    await stage.delete()
    await stage.c.settle()
    assert len(await stage.c.list(SECRETS, "b")) == 1
