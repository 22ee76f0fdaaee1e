"""The collector on a real registry."""

import random

import pytest

from miniplane.api.errors import StatusError, is_not_found
from miniplane.api.objects import Obj
from miniplane.api.options import DeleteOptions
from miniplane.api.resources import (
    CONFIGMAPS,
    EVENTS,
    NAMESPACES,
    NODES,
    RESOURCES,
    SECRETS,
)
from miniplane.controllers.garbagecollector.controller import DEFINITIONS
from miniplane.testing import faults, objects
from miniplane.testing.harness import Harness, cluster

NAME = "garbage-collector-controller"


class Stage:
    def __init__(self, harness: Harness):
        self.c = harness
        self.client = harness.client
        self.uids: dict[str, str] = {}

    async def create(
        self, name: str, *owners: str, blocks: bool = False, finalizers: tuple[str, ...] = ()
    ) -> Obj:
        """A config map; owners are names of others, or references."""
        body = objects.config_map(name)
        refs = [owner if isinstance(owner, dict) else self.ref(owner) for owner in owners]
        if blocks:
            refs = [{**ref, "blockOwnerDeletion": True} for ref in refs]
        if refs:
            body["metadata"]["ownerReferences"] = refs
        if finalizers:
            body["metadata"]["finalizers"] = list(finalizers)
        made = await self.client.create(CONFIGMAPS, body)
        self.uids[name] = made["metadata"]["uid"]
        return made

    def ref(self, name: str, uid: str = "") -> Obj:
        uid = uid or self.uids[name]
        return {"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": uid}

    async def delete(self, name: str, policy: str | None = "Background") -> None:
        options = DeleteOptions(propagation_policy=policy)
        await self.client.delete(CONFIGMAPS, name, "default", options=options)

    async def get(self, name: str) -> Obj:
        return await self.client.get(CONFIGMAPS, name, "default")

    async def names(self) -> str:
        await self.c.settle()
        return " ".join(obj["metadata"]["name"] for obj in await self.c.list(CONFIGMAPS))

    async def owners(self, name: str) -> list[str]:
        refs = (await self.get(name))["metadata"].get("ownerReferences", [])
        return [ref["name"] for ref in refs]


@pytest.fixture
async def stage():
    async with cluster(nodes=0, controllers=NAME) as harness:
        yield Stage(harness)


async def test_background_takes_dependents_and_theirs(stage: Stage) -> None:
    await stage.create("a")
    await stage.create("b", "a")
    await stage.create("c", "b")
    await stage.create("x")
    await stage.delete("a")
    assert await stage.names() == "x"


async def test_an_owner_that_was_never_there(stage: Stage) -> None:
    await stage.create("a")
    await stage.create("b", stage.ref("none", "00000000-0000-0000-0000-000000000001"))
    await stage.create("c", stage.ref("a", "00000000-0000-0000-0000-000000000002"))
    assert await stage.names() == "a"


async def test_one_owner_is_enough(stage: Stage) -> None:
    await stage.create("a")
    await stage.create("b")
    await stage.create("c", "a", "b")
    await stage.delete("a")
    assert await stage.names() == "b c"
    assert await stage.owners("c") == ["b"]
    await stage.delete("b")
    assert await stage.names() == ""


async def test_orphan_leaves_dependents(stage: Stage) -> None:
    await stage.create("a")
    await stage.create("b", "a")
    await stage.create("c", "a", "b")
    await stage.delete("a", "Orphan")
    assert await stage.names() == "b c"
    assert (await stage.owners("b"), await stage.owners("c")) == ([], ["b"])


async def test_foreground_waits_for_those_that_block(stage: Stage) -> None:
    await stage.create("a")
    await stage.create("b", "a", blocks=True, finalizers=("example.com/hold",))
    await stage.create("c", "a", finalizers=("example.com/hold",))
    await stage.delete("a", "Foreground")
    assert await stage.names() == "a b c"
    assert (await stage.get("a"))["metadata"]["finalizers"] == ["foregroundDeletion"]
    for name in "bc":
        assert "deletionTimestamp" in (await stage.get(name))["metadata"]
    await stage.client.patch(CONFIGMAPS, "b", {"metadata": {"finalizers": None}}, "default")
    assert await stage.names() == "c"


async def test_foreground_goes_down_the_tree(stage: Stage) -> None:
    await stage.create("a")
    await stage.create("b", "a", blocks=True)
    await stage.create("c", "b", blocks=True, finalizers=("example.com/hold",))
    await stage.delete("a", "Foreground")
    assert await stage.names() == "a b c"
    assert (await stage.get("b"))["metadata"]["finalizers"] == ["foregroundDeletion"]
    await stage.client.patch(CONFIGMAPS, "c", {"metadata": {"finalizers": None}}, "default")
    assert await stage.names() == ""


async def test_letting_go_of_an_owner_lets_it_go(stage: Stage) -> None:
    await stage.create("a")
    await stage.create("b", "a", blocks=True, finalizers=("example.com/hold",))
    await stage.delete("a", "Foreground")
    assert await stage.names() == "a b"
    await stage.client.patch(CONFIGMAPS, "b", {"metadata": {"ownerReferences": None}}, "default")
    assert await stage.names() == "b"


async def test_no_longer_blocking_lets_it_go_as_well(stage: Stage) -> None:
    await stage.create("a")
    await stage.create("b", "a", blocks=True, finalizers=("example.com/hold",))
    await stage.delete("a", "Foreground")
    await stage.c.settle()
    refs = [{**stage.ref("a"), "blockOwnerDeletion": False}]
    await stage.client.patch(CONFIGMAPS, "b", {"metadata": {"ownerReferences": refs}}, "default")
    assert await stage.names() == "b"


async def test_a_circle_in_the_foreground_comes_to_an_end(stage: Stage) -> None:
    await stage.create("a")
    await stage.create("b", "a", blocks=True)
    refs = [{**stage.ref("b"), "blockOwnerDeletion": True}]
    await stage.client.patch(CONFIGMAPS, "a", {"metadata": {"ownerReferences": refs}}, "default")
    await stage.delete("a", "Foreground")
    assert await stage.names() == ""


async def test_finalizers_hold_dependents_back(stage: Stage) -> None:
    await stage.create("a")
    await stage.create("b", "a", finalizers=("example.com/hold",))
    await stage.delete("a")
    assert await stage.names() == "b"
    assert "deletionTimestamp" in (await stage.get("b"))["metadata"]


async def test_an_owner_in_another_namespace_is_none(stage: Stage) -> None:
    owner = await stage.create("a")
    await stage.client.create(NAMESPACES, objects.namespace("other"))
    body = objects.config_map("b", namespace="other")
    body["metadata"]["ownerReferences"] = [stage.ref("a")]
    await stage.client.create(CONFIGMAPS, body)
    assert await stage.names() == "a"
    assert await stage.c.list(CONFIGMAPS, "other") == []
    (event,) = await stage.c.list(EVENTS, "other")
    uid = owner["metadata"]["uid"]
    assert (event["type"], event["reason"]) == ("Warning", "OwnerRefInvalidNamespace")
    assert event["message"] == (
        f"ownerRef [v1/ConfigMap, namespace: other, name: a, uid: {uid}] does not exist in "
        'namespace "other"'
    )


async def test_an_owner_in_a_namespace_is_none_for_objects_of_the_cluster(stage: Stage) -> None:
    owner = await stage.create("a")
    body = objects.namespace("owned")
    body["metadata"]["ownerReferences"] = [stage.ref("a")]
    await stage.client.create(NAMESPACES, body)
    assert await stage.names() == "a"
    await stage.client.get(NAMESPACES, "owned")
    found = await stage.c.list(EVENTS, "default")
    (event,) = [e for e in found if e["reason"] == "OwnerRefInvalidNamespace"]
    uid = owner["metadata"]["uid"]
    assert event["message"] == (
        f'ownerRef [v1/ConfigMap, namespace: , name: a, uid: {uid}] does not exist in namespace ""'
    )


async def test_objects_of_the_cluster_own_anywhere_but_are_not_owned_by_others(
    stage: Stage,
) -> None:
    node = await stage.client.create(NODES, objects.node("n"))
    ref = {"apiVersion": "v1", "kind": "Node", "name": "n", "uid": node["metadata"]["uid"]}
    await stage.create("a", ref)
    await stage.create("b")
    await stage.client.patch(NODES, "n", {"metadata": {"ownerReferences": [stage.ref("b")]}}, "")
    await stage.delete("b")
    assert await stage.names() == "a"
    await stage.client.delete(NODES, "n")
    assert await stage.names() == ""


async def test_unknown_kinds_are_left_alone(stage: Stage) -> None:
    await stage.create("a")
    ref = {"apiVersion": "example.com/v1", "kind": "Thing", "name": "t", "uid": "u-1"}
    await stage.create("b", "a", ref)
    await stage.delete("a")
    assert await stage.names() == "b"


async def test_a_name_that_is_taken_again_is_another_object(stage: Stage) -> None:
    await stage.create("a")
    await stage.create("b", "a")
    await stage.delete("a")
    await stage.create("a")
    assert await stage.names() == "a"


async def test_a_thousand_dependents(stage: Stage) -> None:
    await stage.create("a")
    for number in range(1_000):
        await stage.create(f"b{number}", "a", blocks=True)
    await stage.c.settle()
    await stage.delete("a", "Foreground")
    assert await stage.names() == ""
    collector = stage.c.cluster.manager.find(NAME)
    collector.graph._check()
    assert not collector.graph.has_dependents(stage.uids["a"])


class Model:
    """What must be left in the end, worked out from the references alone."""

    def __init__(self, objs: dict[str, Obj]):
        self.objs = objs

    def check(self) -> None:
        uids = {obj["metadata"]["uid"] for obj in self.objs.values()}
        for name, obj in self.objs.items():
            refs = obj["metadata"].get("ownerReferences", ())
            assert not refs or any(ref["uid"] in uids for ref in refs), f"{name} has no owner left"
            assert all(ref["uid"] in uids for ref in refs), f"{name} names an owner that is gone"
            assert "deletionTimestamp" not in obj["metadata"], f"{name} is stuck"


@pytest.mark.parametrize("seed", range(25))
async def test_whatever_is_deleted_nothing_dangles_and_nothing_is_stuck(seed: int) -> None:
    rng = random.Random(seed)
    async with cluster(nodes=0, seed=seed, controllers=NAME) as harness:
        stage = Stage(harness)
        collector = harness.cluster.manager.find(NAME)
        if seed % 2:
            collector.client = faults.FaultClient(
                collector.client, plan=faults.weather(harness.ids.fork("weather"), rate=0.1)
            )
        roots = []
        for number in range(25):
            known = list(stage.uids)
            owners = rng.sample(known, min(len(known), rng.choice([0, 1, 1, 1, 2, 3])))
            if not owners:
                roots.append(f"c{number}")
            await stage.create(f"c{number}", *owners, blocks=rng.random() < 0.6)
        if rng.random() < 0.5:
            await harness.settle()
        deleted: dict[str, str] = {}
        for _ in range(6):
            name = rng.choice(list(stage.uids))
            policy = rng.choice(["Background", "Foreground", "Orphan"])
            try:
                await stage.delete(name, policy)
                deleted[name] = policy
            except StatusError as error:
                assert is_not_found(error)
            if rng.random() < 0.5:
                await harness.settle()
        await harness.settle()
        left = {obj["metadata"]["name"]: obj for obj in await harness.list(CONFIGMAPS)}
        Model(left).check()
        assert all(name not in left for name in deleted)
        untouched = [name for name in roots if name not in deleted]
        assert all(name in left for name in untouched), "who has no owner stays"
        collector.graph._check()
        collector.queue._check()


def make_definition() -> Obj:
    schema = {"openAPIV3Schema": {"type": "object"}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    names = {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"}
    return {
        "metadata": {"name": "things.example.com"},
        "spec": {
            "group": "example.com",
            "names": names,
            "scope": "Namespaced",
            "versions": [version],
        },
    }


async def test_kinds_may_come_and_go(stage: Stage) -> None:
    """Secrets play a custom resource here that is served later."""
    served = RESOURCES
    stage.c.cluster.manager.ctx.served = lambda: served
    served = tuple(row for row in RESOURCES if row is not SECRETS)
    await stage.client.create(DEFINITIONS, make_definition())
    await stage.c.settle()
    ref = {"apiVersion": "v1", "kind": "Secret", "name": "none", "uid": "u-1"}
    await stage.create("a", ref)
    body = {**objects.config_map("s"), "kind": "Secret"}
    body["metadata"]["ownerReferences"] = [stage.ref("none", "u-2")]
    await stage.client.create(SECRETS, body)
    assert await stage.names() == "a"
    assert len(await stage.c.list(SECRETS)) == 1
    served = RESOURCES
    patch = {"metadata": {"labels": {"now": "served"}}}
    await stage.client.patch(DEFINITIONS, "things.example.com", patch)
    assert await stage.names() == ""
    assert await stage.c.list(SECRETS) == []
