"""Namespaces in a whole cluster: full of everything, and gone."""

import pytest

from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj
from miniplane.api.resources import (
    CONFIGMAPS,
    DAEMON_SETS,
    DEPLOYMENTS,
    NAMESPACES,
    PERSISTENT_VOLUMES,
    PODS,
    SERVICES,
    STATEFUL_SETS,
)
from miniplane.testing import objects
from miniplane.testing.harness import Harness, cluster

NS = "busy"


async def fill(c: Harness) -> None:
    await c.client.create(NAMESPACES, objects.namespace(NS))
    await c.client.create(DEPLOYMENTS, objects.deployment("web", namespace=NS, replicas=2))
    await c.client.create(DAEMON_SETS, objects.daemon_set("agent", namespace=NS))
    claim = {
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    body = objects.stateful_set("db", namespace=NS, replicas=2, volumeClaimTemplates=[claim])
    await c.client.create(STATEFUL_SETS, body)
    await c.client.create(SERVICES, objects.service("web", namespace=NS))
    await c.settle()


async def left(c: Harness) -> dict[str, int]:
    """What is still in the namespace, by kind."""
    found = {}
    for row in c.cluster.manager.ctx.served():
        if row.namespaced and row.stored:
            count = len((await c.client.list(row, NS)).items)
            if count:
                found[row.plural] = count
    return found


async def exists(c: Harness) -> bool:
    try:
        await c.client.get(NAMESPACES, NS)
    except StatusError as error:
        assert error.reason == "NotFound"
        return False
    return True


async def test_a_busy_namespace_goes_with_all_that_is_in_it() -> None:
    async with cluster(pod_startup=1.0) as c:
        await fill(c)
        assert len(await c.pods(NS)) == 7
        await c.client.delete(NAMESPACES, NS)
        await c.settle()
        assert not await exists(c)
        assert await left(c) == {}
        assert await c.list(PERSISTENT_VOLUMES, "") == []


async def test_a_held_object_holds_the_namespace() -> None:
    async with cluster() as c:
        await fill(c)
        body = objects.config_map("held", namespace=NS)
        body["metadata"]["finalizers"] = ["example.com/hold"]
        await c.client.create(CONFIGMAPS, body)
        await c.client.delete(NAMESPACES, NS)
        await c.settle()
        assert await exists(c)
        assert await left(c) == {"configmaps": 1}
        conditions: list[Obj] = (await c.client.get(NAMESPACES, NS))["status"]["conditions"]
        told = {x["type"]: x["status"] for x in conditions}
        assert told == {
            "NamespaceDeletionDiscoveryFailure": "False",
            "NamespaceDeletionGroupVersionParsingFailure": "False",
            "NamespaceDeletionContentFailure": "False",
            "NamespaceContentRemaining": "True",
            "NamespaceFinalizersRemaining": "True",
        }
        with pytest.raises(StatusError, match="is forbidden: unable to create new content"):
            await c.client.create(PODS, objects.pod("late", namespace=NS))
        await c.client.patch(CONFIGMAPS, "held", {"metadata": {"finalizers": None}}, NS)
        await c.settle()
        assert not await exists(c)


async def test_a_namespace_can_be_made_again() -> None:
    async with cluster() as c:
        for _ in range(3):
            await fill(c)
            assert len(await c.pods(NS)) == 7
            await c.client.delete(NAMESPACES, NS)
            await c.settle()
        assert not await exists(c)
