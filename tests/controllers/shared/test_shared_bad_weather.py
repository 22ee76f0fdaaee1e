"""Writes that fail, or whose answers are lost: the sets must not care."""

import pytest

from miniplane.api.resources import (
    CONTROLLER_REVISIONS,
    DAEMON_SETS,
    PERSISTENT_VOLUME_CLAIMS,
    STATEFUL_SETS,
)
from miniplane.client.fault import Call, Fault, FaultClient, weather
from miniplane.client.inprocess import InProcessClient
from miniplane.clock import VirtualClock
from miniplane.ids import Ids
from miniplane.registry.registry import Registry
from miniplane.testing.harness import Harness, cluster


def workload(kind: str, name: str, **spec: object) -> dict[str, object]:
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [{"name": "c", "image": "v1"}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": template, **spec},
    }


async def images(c: Harness, app: str) -> dict[str, str]:
    pods = await c.pods(label_selector=f"app={app}")
    return {p["metadata"]["name"]: p["spec"]["containers"][0]["image"] for p in pods}


@pytest.mark.parametrize("seed", range(6))
async def test_sets_come_to_rest(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    storm = weather(Ids(seed), rate=0.25)

    def plan(call: Call) -> Fault | None:
        return storm(call) if call.manager == "kube-controller-manager" else None

    def faulty(registry: Registry) -> FaultClient:
        return FaultClient(InProcessClient(registry), plan=plan)

    monkeypatch.setattr("miniplane.cluster.InProcessClient", faulty)
    async with cluster(nodes=3, seed=seed, controllers="*") as c:
        client, clock = c.client, c.clock
        assert isinstance(client, FaultClient) and isinstance(clock, VirtualClock)
        claim = {
            "metadata": {"name": "data"},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}},
            },
        }
        web = workload(
            "StatefulSet",
            "web",
            serviceName="web",
            replicas=3,
            volumeClaimTemplates=[claim],
            persistentVolumeClaimRetentionPolicy={"whenDeleted": "Delete"},
        )
        await c.client.create(STATEFUL_SETS, web)
        await c.client.create(DAEMON_SETS, workload("DaemonSet", "agent"))
        await c.settle(max_seconds=3600)
        assert await images(c, "web") == {f"web-{n}": "v1" for n in range(3)}
        assert list((await images(c, "agent")).values()) == ["v1"] * 3
        update = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "v2"}]}}}}
        await c.client.patch(STATEFUL_SETS, "web", update, "default")
        await c.client.patch(DAEMON_SETS, "agent", update, "default")
        for _ in range(seed):
            await c.drain()
            client.break_watches()
            clock.step()
        await c.settle(max_seconds=3600)
        assert await images(c, "web") == {f"web-{n}": "v2" for n in range(3)}
        assert list((await images(c, "agent")).values()) == ["v2"] * 3
        claims = await c.list(PERSISTENT_VOLUME_CLAIMS)
        assert [claim["metadata"]["name"] for claim in claims] == [
            f"data-web-{n}" for n in range(3)
        ]
        assert all(len(claim["metadata"]["ownerReferences"]) == 1 for claim in claims)
        assert len(await c.list(CONTROLLER_REVISIONS)) == 4
        status = (await c.client.get(STATEFUL_SETS, "web", "default"))["status"]
        assert status["availableReplicas"] == status["currentReplicas"] == 3
        status = (await c.client.get(DAEMON_SETS, "agent", "default"))["status"]
        assert status["numberAvailable"] == status["updatedNumberScheduled"] == 3
