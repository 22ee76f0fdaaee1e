"""The controllers of nodes in a running cluster."""

from miniplane import testing
from miniplane.api.errors import is_not_found
from miniplane.api.resources import EVENTS, NODES, PODS
from miniplane.testing import objects

OWN = {"key": "example.com/only", "effect": "NoSchedule"}


async def add(c, name, *, ready="True", taints=(OWN,)):
    """A node that has no kubelet."""
    conditions = [{"type": "Ready", "status": ready}] if ready else []
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name},
        "spec": {"taints": list(taints)},
        "status": {"allocatable": {"cpu": "4", "pods": "110"}, "conditions": conditions},
    }
    await c.client.create(NODES, node)


async def keys(c, name):
    node = await c.client.get(NODES, name)
    found = [f"{t['key']}:{t['effect']}" for t in node["spec"].get("taints") or ()]
    return [text.removeprefix("node.kubernetes.io/") for text in found]


async def events(c, name):
    found = [e for e in await c.list(EVENTS) if e["involvedObject"]["name"] == name]
    return [(e["reason"], e["message"]) for e in found if e["source"]["component"] != "kubelet"]


async def readiness(c, name):
    node = await c.client.get(NODES, name)
    return {x["type"]: x["status"] for x in node["status"]["conditions"]}["Ready"]


async def make(c, name, node, **spec):
    await c.client.create(PODS, objects.pod(name, nodeName=node, **spec))


async def exists(c, name):
    try:
        await c.client.get(PODS, name, "default")
    except Exception as error:
        assert is_not_found(error)
        return False
    return True


async def test_a_new_node_becomes_usable_and_is_told_of():
    async with testing.cluster(nodes=1) as c:
        await add(c, "a")
        assert await keys(c, "a") == ["example.com/only:NoSchedule", "not-ready:NoSchedule"]
        await c.settle()
        assert await keys(c, "a") == ["example.com/only:NoSchedule"]
        node = await c.client.get(NODES, "a")
        assert node["metadata"]["annotations"] == {"node.alpha.kubernetes.io/ttl": "0"}
        assert node["spec"]["podCIDRs"] == [node["spec"]["podCIDR"]] == ["10.244.1.0/24"]
        await c.client.delete(NODES, "a")
        await c.settle()
        assert await events(c, "a") == [
            ("RegisteredNode", "Node a event: Registered Node a in Controller"),
            ("RemovingNode", "Node a event: Removing Node a from Controller"),
        ]


async def test_cordon_and_uncordon():
    async with testing.cluster(nodes=1) as c:
        await c.client.patch(NODES, "node-1", {"spec": {"unschedulable": True}})
        await c.settle()
        assert await keys(c, "node-1") == ["unschedulable:NoSchedule"]
        await c.client.patch(NODES, "node-1", {"spec": {"unschedulable": None}})
        await c.settle()
        assert await keys(c, "node-1") == []


async def test_a_silent_node_becomes_unknown_and_is_emptied():
    async with testing.cluster(nodes=1) as c:
        await add(c, "a", taints=())
        await c.settle()
        await make(c, "web", "a")
        status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        await c.client.patch(PODS, "web", {"status": status}, "default", subresource="status")
        await c.settle()
        await c.advance(45)
        assert await readiness(c, "a") == "True"
        await c.advance(15)
        assert await readiness(c, "a") == "Unknown"
        assert await keys(c, "a") == ["unreachable:NoSchedule", "unreachable:NoExecute"]
        assert ("NodeNotReady", "Node a status is now: NodeNotReady") in await events(c, "a")
        pod = await c.client.get(PODS, "web", "default")
        assert pod["status"]["conditions"][0]["status"] == "False"
        assert ("NodeNotReady", "Node is not ready") in await events(c, "web")
        # The pod tolerates this for five minutes.
        await c.advance(280)
        assert "deletionTimestamp" not in (await c.client.get(PODS, "web", "default"))["metadata"]
        await c.advance(30)
        assert "deletionTimestamp" in (await c.client.get(PODS, "web", "default"))["metadata"]
        assert await readiness(c, "node-1") == "True"


async def test_a_node_that_comes_back_keeps_its_pods():
    async with testing.cluster(nodes=1) as c:
        await add(c, "a", taints=())
        await make(c, "web", "a")
        await c.advance(100)
        assert "unreachable:NoExecute" in await keys(c, "a")
        ready = {"type": "Ready", "status": "True", "lastHeartbeatTime": c.clock.rfc3339()}
        patch = {"status": {"conditions": [ready]}}
        await c.client.patch(NODES, "a", patch, subresource="status")
        await c.settle()
        assert "unreachable:NoExecute" not in await keys(c, "a")
        cancelled = ("TaintManagerEviction", "Cancelling deletion of Pod default/web")
        assert cancelled in await events(c, "web")


async def test_nobody_is_evicted_while_all_nodes_are_down():
    async with testing.cluster(nodes=0) as c:
        for name in "ab":
            await add(c, name, ready="False", taints=())
        await c.advance(30)
        assert [await keys(c, name) for name in "ab"] == [["not-ready:NoSchedule"]] * 2
        await add(c, "c", taints=())
        await c.advance(10)
        assert "not-ready:NoExecute" in await keys(c, "a")


async def test_a_no_execute_taint_evicts_who_does_not_tolerate_it():
    async with testing.cluster(nodes=1) as c:
        await make(c, "plain", "node-1")
        tolerant = [{"key": "repair", "operator": "Exists"}]
        await make(c, "tolerant", "node-1", tolerations=tolerant)
        patient = [{**tolerant[0], "effect": "NoExecute", "tolerationSeconds": 60}]
        await make(c, "patient", "node-1", tolerations=patient)
        await c.settle()
        last = {}
        c.cluster.manager.ctx.informers.of(PODS).on_change(
            lambda old, new: last.update({(new or old)["metadata"]["name"]: new or old})
        )
        taint = {"key": "repair", "effect": "NoExecute"}
        await c.client.patch(NODES, "node-1", {"spec": {"taints": [taint]}})
        await c.settle()
        assert [await exists(c, n) for n in ("plain", "tolerant", "patient")] == [
            False,
            True,
            True,
        ]
        found = {x["type"]: x for x in last["plain"]["status"]["conditions"]}["DisruptionTarget"]
        assert (found["status"], found["reason"], found["message"]) == (
            "True",
            "DeletionByTaintManager",
            "Taint manager: deleting due to NoExecute taint",
        )
        marked = ("TaintManagerEviction", "Marking for deletion Pod default/plain")
        assert marked in await events(c, "plain")
        await c.advance(61)
        assert [await exists(c, n) for n in ("tolerant", "patient")] == [True, False]


async def test_pods_of_an_absent_node_are_collected():
    async with testing.cluster(nodes=1) as c:
        await add(c, "a")
        await make(c, "web", "a")
        await make(c, "lost", "never-there")
        await make(c, "safe", "node-1")
        await c.settle()
        last = {}
        c.cluster.manager.ctx.informers.of(PODS).on_change(
            lambda old, new: last.update({(new or old)["metadata"]["name"]: new or old})
        )
        await c.client.delete(NODES, "a")
        await c.advance(30)
        assert await exists(c, "web")
        await c.advance(30)
        assert [await exists(c, n) for n in ("web", "lost", "safe")] == [False, False, True]
        status = last["web"]["status"]
        found = {x["type"]: x for x in status["conditions"]}["DisruptionTarget"]
        assert (status["phase"], found["reason"]) == ("Failed", "DeletionByPodGC")


async def test_a_node_that_is_back_in_time_keeps_its_pods():
    async with testing.cluster(nodes=1) as c:
        await add(c, "a")
        await make(c, "web", "a")
        await c.settle()
        await c.client.delete(NODES, "a")
        await c.advance(20)
        await add(c, "a")
        await c.advance(60)
        assert await exists(c, "web")


async def test_an_unscheduled_pod_that_hangs_in_deletion_is_marked():
    async with testing.cluster(nodes=0) as c:
        pod = objects.pod("web")
        pod["metadata"]["finalizers"] = ["example.com/hold"]
        await c.client.create(PODS, pod)
        await c.client.delete(PODS, "web", "default")
        await c.advance(25)
        assert (await c.client.get(PODS, "web", "default"))["status"]["phase"] == "Failed"


async def test_ranges_run_out_and_come_back():
    async with testing.cluster(nodes=0, pod_cidr="10.244.0.0/24") as c:
        for name in "ab":
            await add(c, name)
        await c.settle()
        assert "podCIDR" not in (await c.client.get(NODES, "b"))["spec"]
        waits = ("CIDRNotAvailable", "Node b status is now: CIDRNotAvailable")
        assert waits in await events(c, "b")
        await c.client.delete(NODES, "a")
        await c.settle()
        assert (await c.client.get(NODES, "b"))["spec"]["podCIDR"] == "10.244.0.0/24"


async def test_a_cluster_at_rest_writes_next_to_nothing():
    async with testing.cluster(nodes=3) as c:
        await c.advance(10)
        before = c.cluster.store.revision
        await c.advance(100)
        # Three leases, each renewed ten times.
        assert c.cluster.store.revision - before == 30


async def test_who_waits_to_be_evicted_keeps_to_the_first_time_and_is_struck_off_when_gone():
    async with testing.cluster(nodes=1) as c:
        tolerations = [
            {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds}
            for key, seconds in (("slow", 100), ("fast", 10))
        ]
        for name in ("stays", "goes"):
            await make(c, name, "node-1", tolerations=tolerations)
        await c.settle()
        slow, fast = ({"key": key, "effect": "NoExecute"} for key in ("slow", "fast"))
        await c.client.patch(NODES, "node-1", {"spec": {"taints": [slow]}})
        await c.advance(5)
        await c.client.patch(NODES, "node-1", {"spec": {"taints": [slow, fast]}})
        await c.client.delete(PODS, "goes", "default")
        await c.advance(30)
        cancelled = ("TaintManagerEviction", "Cancelling deletion of Pod default/goes")
        assert cancelled in await events(c, "goes")
        assert await exists(c, "stays")
        await c.advance(70)
        assert not await exists(c, "stays")


async def test_who_is_leaving_an_unreachable_node_is_evicted_once_all_the_same():
    async with testing.cluster(nodes=1) as c:
        await add(c, "a")
        await make(c, "web", "a")
        await c.settle()
        await c.client.delete(PODS, "web", "default")
        taint = {"key": "repair", "effect": "NoExecute"}
        await c.client.patch(NODES, "a", {"spec": {"taints": [taint]}})
        await c.advance(10)
        pod = await c.client.get(PODS, "web", "default")
        reasons = [x.get("reason") for x in pod["status"]["conditions"]]
        assert reasons.count("DeletionByTaintManager") == 1
        marked = ("TaintManagerEviction", "Marking for deletion Pod default/web")
        await c.client.patch(NODES, "a", {"spec": {"taints": [taint, {**taint, "key": "more"}]}})
        await c.settle()
        assert (await events(c, "web")).count(marked) == 1
        assert [e["count"] for e in await c.list(EVENTS) if e["message"] == marked[1]] == [1]


async def test_a_kubelet_tells_of_cordons():
    async with testing.cluster(nodes=1) as c:
        await c.settle()
        told = []
        for cordoned in (True, None, True):
            await c.client.patch(NODES, "node-1", {"spec": {"unschedulable": cordoned}})
            await c.settle()
            found = [e for e in await c.list(EVENTS) if e["source"]["component"] == "kubelet"]
            told.append({e["reason"]: e["count"] for e in found if "chedulable" in e["reason"]})
        assert told == [
            {"NodeNotSchedulable": 1},
            {"NodeNotSchedulable": 1, "NodeSchedulable": 1},
            {"NodeNotSchedulable": 2, "NodeSchedulable": 1},
        ]
        texts = {e["message"] for e in await c.list(EVENTS)}
        assert "Node node-1 status is now: NodeNotSchedulable" in texts


async def tainted(c, *names):
    """Which of the nodes have a taint that evicts."""
    return [name for name in names if any(k.endswith("NoExecute") for k in await keys(c, name))]


async def test_one_node_after_the_other_is_emptied():
    async with testing.cluster(nodes=3) as c:
        for name in "ab":
            await add(c, name, ready="False", taints=())
        await c.advance(5)
        assert await tainted(c, "a", "b") == ["a"]
        await c.advance(10)
        assert await tainted(c, "a", "b") == ["a", "b"]


async def test_each_zone_has_its_own_turn():
    async with testing.cluster(nodes=2) as c:
        for name in "ab":
            await add(c, name, ready="False", taints=())
            labels = {"topology.kubernetes.io/zone": name}
            await c.client.patch(NODES, name, {"metadata": {"labels": labels}})
        await c.advance(5)
        assert await tainted(c, "a", "b") == ["a", "b"]


async def test_nobody_is_evicted_while_most_nodes_of_a_small_zone_are_away():
    async with testing.cluster(nodes=2) as c:
        for name in "abc":
            await add(c, name, ready="False", taints=())
        await c.advance(25)
        assert await tainted(c, "a", "b", "c") == []
        patch = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
        await c.client.patch(NODES, "c", patch, subresource="status")
        await c.advance(20)
        assert await tainted(c, "a", "b", "c") == ["a", "b"]
