"""A node out of reach: what becomes of it and of its pods, and how it comes back."""

from miniplane import testing
from miniplane.api.options import DeleteOptions
from miniplane.api.resources import DAEMON_SETS, DEPLOYMENTS, EVENTS, NODES, PODS, STATEFUL_SETS
from miniplane.clock import format_time
from miniplane.controllers.kubelet import faults
from miniplane.testing import objects

OUT_OF_SERVICE = {
    "key": "node.kubernetes.io/out-of-service",
    "value": "nodeshutdown",
    "effect": "NoExecute",
}


async def node(c, name="node-1"):
    """Its readiness, the reason, and its taints."""
    found = await c.client.get(NODES, name)
    ready = next(x for x in found["status"]["conditions"] if x["type"] == "Ready")
    taints = [f"{t['key']}:{t['effect']}" for t in found["spec"].get("taints") or ()]
    return ready["status"], ready["reason"], [t.removeprefix("node.kubernetes.io/") for t in taints]


UNREACHABLE = (
    "Unknown",
    "NodeStatusUnknown",
    ["unreachable:NoSchedule", "unreachable:NoExecute"],
)
READY = ("True", "KubeletReady", [])


async def told(c, name):
    found = [e for e in await c.list(EVENTS) if e["involvedObject"]["name"] == name]
    return [(e["reason"], e["count"]) for e in found if "NodeNotReady" in e["reason"]] + [
        (e["reason"], e["count"]) for e in found if e["reason"] == "NodeReady"
    ]


async def pods(c, app, *, on="node-1"):
    """By name on a node: whether the pod is ready, and whether it is being deleted."""
    found = [
        p for p in await c.pods(label_selector=f"app={app}") if p["spec"].get("nodeName") == on
    ]
    return [
        (
            next(x for x in p["status"]["conditions"] if x["type"] == "Ready")["status"],
            "deletionTimestamp" in p["metadata"],
        )
        for p in found
    ]


async def ready_elsewhere(c, app):
    found = await c.pods(label_selector=f"app={app}")
    return sum(
        p["spec"].get("nodeName") != "node-1" and p["status"]["phase"] == "Running" for p in found
    )


async def test_an_outage_from_beginning_to_end():
    async with testing.cluster(nodes=2) as c:
        await c.client.create(DAEMON_SETS, objects.daemon_set("agent"))
        await c.client.create(DEPLOYMENTS, objects.deployment("web", replicas=2))
        await c.client.create(STATEFUL_SETS, objects.stateful_set("db", replicas=2))
        await c.settle()
        assert await pods(c, "web") == await pods(c, "db") == await pods(c, "agent")
        await c.advance(100)
        await c.fail_node("node-1")
        await c.advance(35)
        assert await node(c) == READY
        await c.advance(25)
        assert await node(c) == UNREACHABLE
        assert await told(c, "node-1") == [("NodeNotReady", 1), ("NodeReady", 1)]
        for app in ("web", "db", "agent"):
            assert await pods(c, app) == [("False", False)], "the pods stay, but are not ready"
        await c.advance(285)
        assert await pods(c, "web") == [("False", False)]
        await c.advance(20)
        assert await pods(c, "web") == [("False", True)]
        assert await ready_elsewhere(c, "web") == 2
        assert await pods(c, "db") == [("False", True)]
        assert await ready_elsewhere(c, "db") == 1, "its successor has to wait"
        assert await pods(c, "agent") == [("False", False)]
        await c.advance(3600)
        assert await pods(c, "web") == await pods(c, "db") == [("False", True)]
        await c.heal_node("node-1")
        await c.settle()
        assert await node(c) == READY
        assert await pods(c, "agent") == [("True", False)]
        assert await pods(c, "web") == []
        assert len(await c.pods(label_selector="app=db")) == 2
        assert all(p["status"]["phase"] == "Running" for p in await c.pods())
        assert all("deletionTimestamp" not in p["metadata"] for p in await c.pods())
        await c.advance(3600)
        assert await node(c) == READY


async def test_a_short_outage_passes_unnoticed():
    async with testing.cluster(nodes=2) as c:
        await c.client.create(PODS, objects.pod("web", nodeName="node-1"))
        await c.settle()
        await c.fail_node("node-1", seconds=30)
        await c.client.create(PODS, objects.pod("late", nodeName="node-1"))
        await c.client.delete(PODS, "web", "default")
        await c.advance(29)
        waits, goes = await c.pods()
        assert "startTime" not in waits["status"]
        assert goes["status"]["phase"] == "Running"
        await c.advance(2)
        [pod] = await c.pods()
        assert (pod["metadata"]["name"], pod["status"]["phase"]) == ("late", "Running")
        assert await told(c, "node-1") == [("NodeReady", 1)]


async def test_an_outage_for_a_time_ends_by_itself():
    async with testing.cluster(nodes=2) as c:
        await c.client.create(PODS, objects.pod("web", nodeName="node-1"))
        await c.settle()
        await c.fail_node("node-1", seconds=200)
        await c.advance(199)
        assert await node(c) == UNREACHABLE
        await c.advance(2)
        assert await node(c) == READY
        [pod] = await c.pods()
        assert {x["type"]: x["status"] for x in pod["status"]["conditions"]}["Ready"] == "True"
        await c.advance(600)
        assert len(await c.pods()) == 1, "nobody evicts it any more"


async def test_a_pod_of_a_stateful_set_can_be_deleted_by_force():
    async with testing.cluster(nodes=2) as c:
        await c.client.create(STATEFUL_SETS, objects.stateful_set("db", replicas=2))
        await c.settle()
        [name] = [
            p["metadata"]["name"] for p in await c.pods() if p["spec"]["nodeName"] == "node-1"
        ]
        await c.fail_node("node-1")
        await c.advance(400)
        assert await pods(c, "db") == [("False", True)]
        await c.client.delete(PODS, name, "default", options=DeleteOptions(grace_period_seconds=0))
        await c.settle()
        assert await ready_elsewhere(c, "db") == 2


async def test_a_node_that_is_out_of_service_frees_its_pods():
    async with testing.cluster(nodes=2) as c:
        await c.client.create(STATEFUL_SETS, objects.stateful_set("db", replicas=2))
        await c.settle()
        await c.fail_node("node-1")
        await c.advance(400)
        assert await pods(c, "db") == [("False", True)]
        taints = (await c.client.get(NODES, "node-1"))["spec"]["taints"]
        await c.client.patch(NODES, "node-1", {"spec": {"taints": [*taints, OUT_OF_SERVICE]}})
        await c.advance(25)
        assert await ready_elsewhere(c, "db") == 2


async def test_a_node_that_never_was_in_reach():
    async with testing.cluster(nodes=1) as c:
        meta = {
            "name": "late",
            "annotations": {"miniplane.dev/simulated": "true", faults.STOPPED: "true"},
        }
        await c.client.create(NODES, {"apiVersion": "v1", "kind": "Node", "metadata": meta})
        await c.settle()
        assert "conditions" not in (await c.client.get(NODES, "late"))["status"]
        await c.advance(70)
        found = await node(c, "late")
        assert found[:2] == ("Unknown", "NodeStatusNeverUpdated")
        await c.heal_node("late")
        await c.settle()
        assert await node(c, "late") == READY


async def test_a_time_that_is_over_or_none_at_all():
    async with testing.cluster(nodes=1) as c:
        for text in (format_time(c.clock.time() - 5), "false", "soon"):
            notes = {"metadata": {"annotations": {faults.STOPPED: text}}}
            await c.client.patch(NODES, "node-1", notes)
            await c.advance(100)
            assert await node(c) == READY
        warnings = [e["message"] for e in await c.list(EVENTS) if e["type"] == "Warning"]
        assert warnings == [
            "sim.miniplane.dev/stopped: 'soon' is neither true nor a time such as "
            "2026-01-01T00:00:00Z"
        ]


async def test_nodes_of_several_zones_and_sizes():
    async with testing.cluster(
        nodes=3,
        node_zones="a,b",
        node_capacity="cpu=4,example.com/gpu=2",
        node_labels="team=x",
    ) as c:
        found = await c.list(NODES, "")
        zones = [n["metadata"]["labels"]["topology.kubernetes.io/zone"] for n in found]
        assert zones == ["a", "b", "a"]
        assert all(n["metadata"]["labels"]["team"] == "x" for n in found)
        for size in ("capacity", "allocatable"):
            assert found[0]["status"][size]["cpu"] == "4"
            assert found[0]["status"][size]["example.com/gpu"] == "2"
            assert found[0]["status"][size]["memory"] == "256Gi"
