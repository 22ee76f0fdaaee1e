"""Machines that are short of something: which pods go, what is told, and who is not taken."""

import pytest

from miniplane import testing
from miniplane.api.resources import DAEMON_SETS, EVENTS, NODES, PODS
from miniplane.controllers.kubelet import evictions
from miniplane.testing import objects

MEMORY, DISK, PIDS = evictions.PRESSURES


def pod(name, *, uses=None, asks=None, priority=0, **spec):
    made = objects.pod(name, **spec)
    if uses:
        made["metadata"]["annotations"] = {"metrics.miniplane.dev/memory": uses}
    if asks:
        made["spec"]["containers"][0]["resources"] = {"requests": {"memory": asks}}
    if priority:
        made["spec"]["priority"] = priority
    return made


def running(name, **more):
    made = pod(name, **more)
    made["metadata"].update(namespace="default", uid=name)
    made["status"] = {"phase": "Running"}
    return made


async def status(c, name):
    return (await c.client.get(PODS, name, "default"))["status"]


async def conditions(c, name="node-1"):
    node = await c.client.get(NODES, name)
    return {x["type"]: (x["status"], x["reason"]) for x in node["status"]["conditions"]}


async def taints(c, name="node-1"):
    node = await c.client.get(NODES, name)
    return [(t["key"], t["effect"]) for t in node["spec"].get("taints") or ()]


async def told(c, name):
    return [
        (e["reason"], e["message"])
        for e in await c.list(EVENTS)
        if e["involvedObject"]["name"] == name and e["source"].get("component") == "kubelet"
    ]


async def evicted(c):
    pods = await c.pods()
    return [p["metadata"]["name"] for p in pods if p["status"].get("reason") == "Evicted"]


@pytest.mark.parametrize(
    ("pressure", "pods", "order"),
    [
        (
            MEMORY,
            [
                running("modest", uses="10Mi", asks="1Gi"),
                running("greedy", uses="2Gi", asks="1Gi", priority=5),
                running("greedier", uses="3Gi", asks="1Gi", priority=5),
                running("cheap", uses="1Mi"),
            ],
            ["cheap", "greedier", "greedy", "modest"],
        ),
        (
            PIDS,
            [running("b"), running("a"), running("c", priority=-1), running("d", priority=1)],
            ["c", "a", "b", "d"],
        ),
        (DISK, [running("system", priority=2_000_000_000), running("web")], ["web"]),
    ],
)
def test_order(pressure, pods, order):
    found = []
    while (next_one := evictions.choose(pods, pressure, now=0.0)) is not None:
        found.append(next_one["metadata"]["name"])
        pods = [p for p in pods if p is not next_one]
    assert found == order


async def test_a_node_without_memory_evicts_one_pod_after_the_other():
    async with testing.cluster(nodes=1) as c:
        await c.client.create(PODS, pod("small", uses="100Mi", asks="1Gi"))
        await c.client.create(PODS, pod("big", uses="2Gi", asks="1Gi"))
        await c.settle()
        await c.fail_node("node-1", "memory-pressure")
        await c.settle()
        assert (await conditions(c))["MemoryPressure"] == ("True", "KubeletHasInsufficientMemory")
        assert await taints(c) == [("node.kubernetes.io/memory-pressure", "NoSchedule")]
        assert await evicted(c) == ["big"]
        found = await status(c, "big")
        message = (
            "The node was low on resource: memory. Threshold quantity: 100Mi, available: 65536Ki. "
            "Container main was using 2097152Ki, request is 1Gi, "
            "has larger consumption of memory. "
        )
        assert (found["phase"], found["message"]) == ("Failed", message)
        words = {x["type"]: (x["status"], x.get("reason")) for x in found["conditions"]}
        assert words["DisruptionTarget"] == ("True", "TerminationByKubelet")
        assert words["Ready"] == ("False", "PodFailed")
        [ended] = found["containerStatuses"]
        assert ended["state"]["terminated"]["exitCode"] == 137
        assert (await told(c, "big"))[-2:] == [
            ("Evicted", message),
            ("Killing", "Stopping container main"),
        ]
        [event] = [e for e in await c.list(EVENTS) if e["reason"] == "Evicted"]
        assert event["metadata"]["annotations"] == {
            "offending_containers": "main",
            "offending_containers_usage": "2097152Ki",
            "starved_resource": "memory",
        }
        assert [t for t in await told(c, "node-1") if t[0] != "NodeReady"] == [
            ("NodeHasInsufficientMemory", "Node node-1 status is now: NodeHasInsufficientMemory"),
            ("EvictionThresholdMet", "Attempting to reclaim memory"),
        ]
        await c.advance(10)
        assert await evicted(c) == ["big", "small"]
        await c.heal_node("node-1")
        await c.settle()
        assert (await conditions(c))["MemoryPressure"] == ("False", "KubeletHasSufficientMemory")
        assert await taints(c) == []


async def test_a_pressure_ends_when_its_time_is_over():
    async with testing.cluster(nodes=1) as c:
        for number in range(5):
            await c.client.create(PODS, pod(f"web-{number}"))
        await c.settle()
        await c.fail_node("node-1", "disk-pressure", seconds=15)
        await c.settle()
        assert (await conditions(c))["DiskPressure"] == ("True", "KubeletHasDiskPressure")
        await c.advance(60)
        assert len(await evicted(c)) == 2
        assert (await conditions(c))["DiskPressure"] == ("False", "KubeletHasNoDiskPressure")
        assert ("NodeHasNoDiskPressure", "Node node-1 status is now: NodeHasNoDiskPressure") in (
            await told(c, "node-1")
        )


async def test_heartbeats_do_not_heal():
    async with testing.cluster(nodes=1) as c:
        await c.fail_node("node-1", "pid-pressure")
        await c.advance(700)
        assert (await conditions(c))["PIDPressure"] == ("True", "KubeletHasInsufficientPID")
        assert (await conditions(c))["Ready"] == ("True", "KubeletReady")


async def test_who_is_not_taken_by_a_node_that_is_short_of_something():
    async with testing.cluster(nodes=1) as c:
        await c.fail_node("node-1", "memory-pressure")
        await c.settle()
        await c.client.create(PODS, pod("effort", nodeName="node-1"))
        await c.client.create(PODS, pod("asks", asks="1Gi", nodeName="node-1"))
        bears = [{"key": "node.kubernetes.io/memory-pressure", "operator": "Exists"}]
        await c.client.create(PODS, pod("bears", nodeName="node-1", tolerations=bears))
        await c.drain()
        found = await status(c, "effort")
        message = "The node had condition: [MemoryPressure]. "
        assert (found["phase"], found["reason"]) == ("Failed", "Evicted")
        assert found["message"] == f"Pod was rejected: {message}"
        assert "containerStatuses" not in found
        assert await told(c, "effort") == [("Evicted", message)]
        assert (await status(c, "asks"))["phase"] == "Running"
        assert (await status(c, "bears"))["phase"] == "Running"


async def test_who_does_not_fit_is_not_taken():
    async with testing.cluster(nodes=1, node_capacity={"cpu": "2"}) as c:
        made = objects.pod("big", nodeName="node-1")
        made["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "1500m"}}
        await c.client.create(PODS, made)
        await c.settle()
        assert (await status(c, "big"))["phase"] == "Running"
        again = {**made, "metadata": {"name": "second", "namespace": "default"}}
        await c.client.create(PODS, again)
        elsewhere = objects.pod("elsewhere", nodeName="node-1", nodeSelector={"disk": "fast"})
        await c.client.create(PODS, elsewhere)
        await c.settle()
        text = "Node didn't have enough resource: cpu, requested: 1500, used: 1500, capacity: 2000"
        found = await status(c, "second")
        assert (found["phase"], found["reason"]) == ("Failed", "OutOfcpu")
        assert found["message"] == f"Pod was rejected: {text}"
        assert await told(c, "second") == [("OutOfcpu", text)]
        assert (await status(c, "elsewhere"))["reason"] == "NodeAffinity"


async def test_a_daemon_set_replaces_an_evicted_pod_once_the_node_is_well():
    async with testing.cluster(nodes=1) as c:
        await c.client.create(DAEMON_SETS, objects.daemon_set("agent"))
        await c.settle()
        [before] = await c.pods()
        await c.fail_node("node-1", "disk-pressure", seconds=5)
        await c.advance(120)
        [after] = await c.pods()
        assert after["metadata"]["uid"] != before["metadata"]["uid"]
        assert after["status"]["phase"] == "Running"


async def test_a_pressure_that_cannot_be_meant_is_told():
    async with testing.cluster(nodes=1) as c:
        note = {"metadata": {"annotations": {"sim.miniplane.dev/disk-pressure": "soon"}}}
        await c.client.patch(NODES, "node-1", note)
        await c.settle()
        text = "'soon' is neither true nor a time such as 2026-01-01T00:00:00Z"
        assert ("InvalidAnnotation", f"sim.miniplane.dev/disk-pressure: {text}") in (
            await told(c, "node-1")
        )
        with pytest.raises(ValueError, match="flood"):
            await c.fail_node("node-1", "flood")
