"""Simulated kubelets in a running cluster."""

import contextlib

import pytest

from miniplane import testing
from miniplane.api.options import DeleteOptions
from miniplane.api.resources import CONFIGMAPS, EVENTS, LEASES, NODES, PODS, SECRETS
from miniplane.controllers.kubelet.view import CLEANUP
from miniplane.testing import objects


@contextlib.asynccontextmanager
async def cluster(**settings):
    """A cluster that writes down what its pods go through."""
    async with testing.cluster(**settings) as c:
        seen = []

        def note(old, new):
            pod = new or old
            phase = pod["status"]["phase"] if new else "gone"
            seen.append((pod["metadata"]["name"], phase))

        c.cluster.manager.ctx.informers.of(PODS).on_change(note)
        c.seen = seen
        yield c


async def make(c, name, **spec):
    return await c.client.create(PODS, objects.pod(name, **spec))


async def get(c, name):
    return await c.client.get(PODS, name, "default")


def phases(c, name):
    """The phases that the pod went through, each once."""
    return list(dict.fromkeys(phase for who, phase in c.seen if who == name))


async def test_a_pod_runs_and_goes():
    async with cluster(nodes=1) as c:
        await make(c, "web")
        await c.settle()
        pod = await get(c, "web")
        assert pod["status"]["podIP"] == "10.244.0.2"
        found = [e for e in await c.list(EVENTS) if e["involvedObject"]["kind"] == "Pod"][1:]
        assert [e["reason"] for e in found] == ["Pulling", "Pulled", "Created", "Started"]
        assert found[0]["source"] == {"component": "kubelet", "host": "node-1"}
        assert found[0]["involvedObject"]["fieldPath"] == "spec.containers{main}"
        await c.client.delete(PODS, "web", "default")
        await c.settle()
        assert await c.pods() == []
        assert phases(c, "web") == ["Pending", "Running", "Succeeded", "gone"]
        # At most: created, bound, accepted, running, deleted, ended, grace taken away, gone.
        assert len(c.seen) <= 8


async def test_starting_and_stopping_takes_time():
    async with cluster(nodes=1, pod_startup=5.0) as c:
        await make(c, "web")
        await c.drain()
        begun = c.clock.time()
        assert (await get(c, "web"))["status"]["phase"] == "Pending"
        await c.settle()
        assert c.clock.time() == begun + 5
        assert (await get(c, "web"))["status"]["phase"] == "Running"
        options = DeleteOptions(grace_period_seconds=2)
        await c.client.delete(PODS, "web", "default", options=options)
        await c.drain()
        pod = await get(c, "web")
        assert pod["status"]["observedGeneration"] == 2
        await c.settle()
        assert c.clock.time() == pytest.approx(begun + 7 + CLEANUP)
        assert await c.pods() == []


async def test_a_pod_deleted_while_it_starts():
    async with cluster(nodes=1, pod_startup=5.0) as c:
        await make(c, "web")
        await c.drain()
        await c.client.delete(PODS, "web", "default")
        await c.settle()
        assert phases(c, "web") == ["Pending", "Failed", "gone"]


async def test_a_finalizer_keeps_the_stopped_pod():
    async with cluster(nodes=1) as c:
        pod = objects.pod("web")
        pod["metadata"]["finalizers"] = ["example.com/hold"]
        await c.client.create(PODS, pod)
        await c.settle()
        await c.client.delete(PODS, "web", "default")
        await c.settle()
        pod = await get(c, "web")
        assert (pod["status"]["phase"], pod["metadata"]["deletionGracePeriodSeconds"]) == (
            "Succeeded",
            0,
        )
        await c.client.patch(PODS, "web", {"metadata": {"finalizers": None}}, "default")
        await c.settle()
        assert await c.pods() == []


async def test_a_pod_recreated_under_its_name_starts_anew():
    async with cluster(nodes=1, pod_startup=3.0) as c:
        for _ in range(3):
            await make(c, "web")
            await c.settle()
            assert (await get(c, "web"))["status"]["phase"] == "Running"
            options = DeleteOptions(grace_period_seconds=0)
            await c.client.delete(PODS, "web", "default", options=options)
        await c.settle()
        kubelet = c.cluster.manager.find("kubelet")
        assert not (kubelet._written or kubelet._since or kubelet.views.taken)


async def test_addresses_are_unique_and_come_back():
    async with cluster(nodes=1) as c:
        for i in range(20):
            await make(c, f"p{i}")
        await c.settle()
        found = [p["status"]["podIP"] for p in await c.pods()]
        assert len(dict.fromkeys(found)) == 20
        await c.client.delete_collection(PODS, "default")
        await c.settle()
        for i in range(245):
            await make(c, f"q{i:03}")
        await c.settle()
        found = [p["status"]["podIP"] for p in await c.pods()]
        assert len(dict.fromkeys(found)) == 245
        assert all(address.startswith("10.244.0.") for address in found)


async def test_a_full_range_overflows():
    async with cluster(nodes=1, pod_cidr="10.9.0.0/29") as c:
        for i in range(8):
            await make(c, f"p{i}")
        await c.settle()
        found = [p["status"]["podIP"] for p in await c.pods()]
        assert len(dict.fromkeys(found)) == 8
        assert sum(address.startswith("100.64.") for address in found) == 3


async def test_a_gate_that_somebody_opens():
    async with cluster(nodes=1) as c:
        await make(c, "web", readinessGates=[{"conditionType": "example.com/warm"}])
        await c.settle()
        status = {"conditions": [{"type": "example.com/warm", "status": "True"}]}
        await c.client.patch(PODS, "web", {"status": status}, "default", subresource="status")
        await c.settle()
        found = {x["type"]: x for x in (await get(c, "web"))["status"]["conditions"]}
        assert found["Ready"]["status"] == "True"
        assert not {"reason", "message"} & set(found["Ready"])


async def test_a_phase_that_somebody_writes_is_kept():
    async with cluster(nodes=1) as c:
        await make(c, "web")
        await c.settle()
        status = {"phase": "Failed", "reason": "Evicted"}
        await c.client.patch(PODS, "web", {"status": status}, "default", subresource="status")
        await c.settle()
        status = (await get(c, "web"))["status"]
        assert (status["phase"], status["reason"]) == ("Failed", "Evicted")
        assert "terminated" in status["containerStatuses"][0]["state"]


async def test_missing_objects_hold_up_a_pod_until_they_come():
    async with cluster(nodes=1) as c:
        pod = objects.pod("web", volumes=[{"name": "v", "secret": {"secretName": "keys"}}])
        pod["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "settings"}}]
        await c.client.create(PODS, pod)
        await c.settle()
        assert (await get(c, "web"))["status"]["phase"] == "Pending"
        meta = {"name": "keys", "namespace": "default"}
        await c.client.create(SECRETS, {"apiVersion": "v1", "kind": "Secret", "metadata": meta})
        await c.settle()
        state = (await get(c, "web"))["status"]["containerStatuses"][0]["state"]
        assert state["waiting"]["message"] == 'configmap "settings" not found'
        meta = {"name": "settings", "namespace": "default"}
        config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}
        await c.client.create(CONFIGMAPS, config)
        await c.settle()
        assert (await get(c, "web"))["status"]["phase"] == "Running"
        warnings = [e["reason"] for e in await c.list(EVENTS) if e["type"] == "Warning"]
        assert warnings == ["FailedMount", "Failed"]
        assert not len(c.cluster.manager.find("kubelet").views.needs)


async def test_nodes_are_registered_with_leases():
    async with cluster(nodes=3) as c:
        names = [n["metadata"]["name"] for n in await c.list(NODES, "")]
        assert names == ["node-1", "node-2", "node-3"]
        leases = await c.list(LEASES, "kube-node-lease")
        assert [x["spec"]["holderIdentity"] for x in leases] == names
        assert leases[0]["spec"]["leaseDurationSeconds"] == 40
        assert "controller" not in leases[0]["metadata"]["ownerReferences"][0]


async def test_leases_are_renewed_and_nodes_stay_ready():
    async with cluster(nodes=3) as c:
        before = [x["spec"]["renewTime"] for x in await c.list(LEASES, "kube-node-lease")]
        await c.advance(11)
        after = [x["spec"]["renewTime"] for x in await c.list(LEASES, "kube-node-lease")]
        assert all(a > b for a, b in zip(after, before, strict=True))
        assert len(dict.fromkeys(after)) == 3, "all at the same moment"
        await c.advance(400)
        for node in await c.list(NODES, ""):
            ready = {x["type"]: x for x in node["status"]["conditions"]}["Ready"]
            assert ready["status"] == "True"
            assert ready["lastHeartbeatTime"] > ready["lastTransitionTime"]
            assert "taints" not in node["spec"]


async def test_a_lease_that_was_deleted_is_made_again():
    async with cluster(nodes=1) as c:
        await c.client.delete(LEASES, "node-1", "kube-node-lease")
        await c.advance(25)
        assert len(await c.list(LEASES, "kube-node-lease")) == 1


async def test_a_node_with_the_annotation_gets_a_kubelet():
    async with cluster(nodes=0) as c:
        meta = {"name": "extra", "annotations": {"miniplane.dev/simulated": "true"}}
        status = {"capacity": {"cpu": "2"}}
        node = {"apiVersion": "v1", "kind": "Node", "metadata": meta, "status": status}
        await c.client.create(NODES, node)
        await c.settle()
        node = await c.client.get(NODES, "extra")
        assert node["metadata"]["labels"]["kubernetes.io/hostname"] == "extra"
        assert node["status"]["allocatable"]["cpu"] == "2"
        assert node["status"]["nodeInfo"]["kubeletVersion"]
        await make(c, "web")
        await c.settle()
        assert (await get(c, "web"))["status"]["phase"] == "Running"


async def test_a_node_without_the_annotation_has_none():
    async with cluster(nodes=0) as c:
        conditions = [{"type": "Ready", "status": "True"}]
        status = {"allocatable": {"cpu": "4", "pods": "9"}, "conditions": conditions}
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "bare"}, "status": status}
        await c.client.create(NODES, node)
        await make(c, "web")
        await c.settle()
        pod = await get(c, "web")
        assert (pod["spec"]["nodeName"], pod["status"]["phase"]) == ("bare", "Pending")
        assert "startTime" not in pod["status"]


async def test_pods_of_a_removed_node_can_still_be_stopped():
    async with cluster(nodes=2) as c:
        await make(c, "web", nodeName="node-2")
        await c.settle()
        await c.client.delete(NODES, "node-2")
        await c.settle()
        assert [n["metadata"]["name"] for n in await c.list(NODES, "")] == ["node-1"]
        await c.client.delete(PODS, "web", "default")
        await c.settle()
        assert await c.pods() == []
        assert phases(c, "web") == ["Pending", "Running", "Succeeded", "gone"]
        assert "node-2" not in c.cluster.manager.find("kubelet").machines


async def test_a_node_that_is_made_again_has_one_heart():
    async with cluster(nodes=1) as c:
        node = await c.client.get(NODES, "node-1")
        for _ in range(3):
            await c.client.delete(NODES, "node-1")
            await c.settle()
            meta = {"name": "node-1", "annotations": node["metadata"]["annotations"]}
            await c.client.create(NODES, {"apiVersion": "v1", "kind": "Node", "metadata": meta})
            await c.settle()
        await c.advance(20)
        before = c.cluster.store.revision
        await c.advance(100)
        assert c.cluster.store.revision - before == 10
