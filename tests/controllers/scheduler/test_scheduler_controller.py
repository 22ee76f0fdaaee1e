"""The scheduler in a running cluster."""

import collections
import contextlib

from miniplane import testing
from miniplane.api import resources
from miniplane.api.errors import StatusError
from miniplane.api.options import JSON_PATCH
from miniplane.api.resources import EVENTS, NODES, PODS, PRIORITY_CLASSES, STORAGE_CLASSES
from miniplane.testing import objects


def scheduler(c):
    return c.cluster.manager.find("scheduler")


@contextlib.asynccontextmanager
async def cluster(**settings):
    """A cluster whose scheduler is in order to the end."""
    async with testing.cluster(**settings) as c:
        yield c
        await c.settle()
        scheduler(c).cache._check()
        scheduler(c).pending._check()
        bound = {p["metadata"]["name"] for p in await c.pods() if p["spec"].get("nodeName")}
        assert {key.split("/")[1] for key in scheduler(c).cache.pods} >= bound


async def make(c, name, **spec):
    labels = spec.pop("labels", None)
    await c.client.create(PODS, objects.pod(name, labels=labels, **spec))


def asking(cpu):
    resources = {"requests": {"cpu": cpu}}
    return {"containers": [{"name": "c", "image": "x:1", "resources": resources}]}


async def placed(c):
    return {p["metadata"]["name"]: p["spec"].get("nodeName") for p in await c.pods()}


async def scheduled(c, name):
    pod = await c.client.get(PODS, name, "default")
    for condition in pod["status"]["conditions"]:
        if condition["type"] == "PodScheduled":
            return condition
    return None


async def events(c, name):
    found = await c.list(EVENTS)
    return [(e["reason"], e["message"]) for e in found if e["involvedObject"]["name"] == name]


async def test_a_pod_is_bound_and_an_event_says_so():
    async with cluster(nodes=1) as c:
        await make(c, "web")
        await c.settle()
        assert await placed(c) == {"web": "node-1"}
        condition = await scheduled(c, "web")
        assert (condition["status"], "reason" in condition) == ("True", False)
        found = [e for e in await c.list(EVENTS) if e["reason"] == "Scheduled"]
        assert found[0]["message"] == "Successfully assigned default/web to node-1"
        assert found[0]["reportingComponent"] == "default-scheduler"
        assert found[0]["source"] == {}


async def test_others_pods_are_left_alone():
    async with cluster() as c:
        await make(c, "web", schedulerName="by-hand")
        await c.settle()
        assert await placed(c) == {"web": None}


async def test_many_pods_spread_evenly():
    async with cluster(nodes=3) as c:
        for i in range(30):
            await make(c, f"p{i}")
        await c.settle()
        assert collections.Counter((await placed(c)).values()) == {
            f"node-{i}": 10 for i in (1, 2, 3)
        }


async def test_gates_hold_a_pod():
    async with cluster() as c:
        await make(c, "web", schedulingGates=[{"name": "example.com/quota"}])
        await c.settle()
        assert (await scheduled(c, "web"))["reason"] == "SchedulingGated"
        patch = [{"op": "remove", "path": "/spec/schedulingGates"}]
        await c.client.patch(PODS, "web", patch, "default", patch_type=JSON_PATCH)
        await c.settle()
        assert (await placed(c))["web"]


async def test_a_pod_waits_until_a_node_suits_it():
    async with cluster() as c:
        await make(c, "web", nodeSelector={"disk": "ssd"})
        await c.settle()
        condition = await scheduled(c, "web")
        text = (
            "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector. no new "
            "claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not "
            "helpful for scheduling."
        )
        assert (condition["status"], condition["reason"], condition["message"]) == (
            "False",
            "Unschedulable",
            text,
        )
        assert await events(c, "web") == [("FailedScheduling", text)]
        started = c.clock.time()
        await c.client.patch(NODES, "node-2", {"metadata": {"labels": {"disk": "ssd"}}})
        await c.settle()
        assert await placed(c) == {"web": "node-2"}
        assert c.clock.time() == started, "it was not tried at once"
        assert "reason" not in await scheduled(c, "web")


async def test_the_condition_is_written_once_for_each_message():
    async with cluster() as c:
        await make(c, "web", nodeSelector={"disk": "ssd"})
        await c.settle()
        before = await c.client.get(PODS, "web", "default")
        await c.client.patch(NODES, "node-2", {"metadata": {"labels": {"other": "x"}}})
        await c.settle()
        after = await c.client.get(PODS, "web", "default")
        assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


async def test_room_is_taken_as_soon_as_it_is_there():
    async with cluster(nodes=1) as c:
        await make(c, "first", **asking("60"))
        await make(c, "second", **asking("60"))
        await c.settle()
        assert await placed(c) == {"first": "node-1", "second": None}
        assert "1 Insufficient cpu" in (await scheduled(c, "second"))["message"]
        await c.client.delete(PODS, "first", "default")
        await c.settle()
        assert await placed(c) == {"second": "node-1"}


async def test_a_cordoned_node_gets_nothing():
    async with cluster(nodes=1) as c:
        await c.client.patch(NODES, "node-1", {"spec": {"unschedulable": True}})
        await c.settle()
        await make(c, "web")
        await c.settle()
        assert "1 node(s) were unschedulable" in (await scheduled(c, "web"))["message"]
        await c.client.patch(NODES, "node-1", {"spec": {"unschedulable": None}})
        await c.settle()
        assert await placed(c) == {"web": "node-1"}


async def test_without_nodes():
    async with cluster(nodes=0) as c:
        await make(c, "web")
        await c.settle()
        condition = await scheduled(c, "web")
        assert condition["message"] == "no nodes available to schedule pods"
        annotations = {"miniplane.dev/simulated": "true"}
        meta = {"name": "late", "annotations": annotations}
        await c.client.create(NODES, {"apiVersion": "v1", "kind": "Node", "metadata": meta})
        await c.settle()
        assert await placed(c) == {"web": "late"}


async def test_a_pod_waits_for_its_claim():
    async with cluster(nodes=2) as c:
        source = {"persistentVolumeClaim": {"claimName": "data"}}
        await make(c, "web", volumes=[{"name": "data", **source}])
        await c.settle()
        assert (await scheduled(c, "web"))["message"] == (
            '0/2 nodes are available: persistentvolumeclaim "data" not found. not found'
        )
        await _claim(c, "standard")
        await c.settle()
        assert (await placed(c))["web"]


async def _claim(c, kind):
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
        "storageClassName": kind,
    }
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": "default"},
        "spec": spec,
    }
    await c.client.create(resources.PERSISTENT_VOLUME_CLAIMS, claim)


async def _storage_class(c, name, provisioner):
    kind = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name},
        "provisioner": provisioner,
        "volumeBindingMode": "WaitForFirstConsumer",
    }
    await c.client.create(STORAGE_CLASSES, kind)


async def test_the_first_consumer_decides_where_a_volume_is():
    async with cluster(nodes=3) as c:
        await _storage_class(c, "local", "kubernetes.io/no-provisioner")
        expression = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["node-2"]}
        terms = [{"matchExpressions": [expression]}]
        volume = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": "disk"},
            "spec": {
                "storageClassName": "local",
                "capacity": {"storage": "5Gi"},
                "accessModes": ["ReadWriteOnce"],
                "local": {"path": "/srv"},
                "nodeAffinity": {"required": {"nodeSelectorTerms": terms}},
            },
        }
        await c.client.create(resources.PERSISTENT_VOLUMES, volume)
        await _claim(c, "local")
        await c.settle()
        source = {"persistentVolumeClaim": {"claimName": "data"}}
        await make(c, "web", volumes=[{"name": "data", **source}])
        await c.settle()
        assert await placed(c) == {"web": "node-2"}
        assert (await events(c, "web"))[0][0] == "Scheduled"


async def _priority(c, name, value):
    kind = {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": name},
        "value": value,
    }
    await c.client.create(PRIORITY_CLASSES, kind)


async def test_the_less_important_make_room():
    async with cluster(nodes=1, pod_startup=1.0) as c:
        await _priority(c, "vip", 1000)
        await make(c, "small", **asking("20"))
        await make(c, "big", **asking("40"))
        await c.settle()
        await make(c, "vip", priorityClassName="vip", **asking("30"))
        await make(c, "thief", **asking("10"))
        await c.drain()
        vip = await c.client.get(PODS, "vip", "default")
        assert vip["status"]["nominatedNodeName"] == "node-1"
        victim = await c.client.get(PODS, "big", "default")
        assert "deletionTimestamp" in victim["metadata"]
        target = [x for x in victim["status"]["conditions"] if x["type"] == "DisruptionTarget"]
        assert target[0]["reason"] == "PreemptionByScheduler"
        await c.settle()
        assert await placed(c) == {"small": "node-1", "vip": "node-1", "thief": "node-1"}
        uid = vip["metadata"]["uid"]
        text = f"Preempted by pod {uid} on node node-1"
        assert ("Preempted", text) in await events(c, "big")
        told = [text for reason, text in await events(c, "vip") if reason == "FailedScheduling"]
        assert told == ["0/1 nodes are available: 1 Insufficient cpu."]


async def test_room_made_for_the_important_is_not_stolen():
    async with cluster(nodes=1, pod_startup=1.0) as c:
        await _priority(c, "vip", 1000)
        await make(c, "big", **asking("60"))
        await c.settle()
        await make(c, "vip", priorityClassName="vip", **asking("60"))
        await c.drain()
        await make(c, "thief", **asking("3"))
        await make(c, "second", **asking("30"))
        await c.settle()
        assert await placed(c) == {"vip": "node-1", "thief": "node-1", "second": None}


async def test_a_refused_binding_is_tried_again():
    refused = []

    class Refusing:
        """A client whose first bindings fail."""

        def __init__(self, inner):
            self.inner = inner

        def __getattr__(self, name):
            return getattr(self.inner, name)

        async def create(self, resource, obj, *, subresource="", **where):
            if subresource == "binding" and len(refused) < 3:
                refused.append(obj["metadata"]["name"])
                raise StatusError(500, "InternalError", "no")
            return await self.inner.create(resource, obj, subresource=subresource, **where)

    async with cluster(nodes=1) as c:
        writes = scheduler(c).writes
        writes._client = Refusing(writes._client)
        await make(c, "web", **asking("60"))
        await c.settle()
        assert await placed(c) == {"web": "node-1"}
        assert refused == ["web"] * 3
        assert c.clock.time() % 60 >= 7, "it was tried again without waiting"


async def test_a_volume_in_another_zone():
    async with cluster(nodes=2, node_zones=("a", "b")) as c:
        volume = {
            "metadata": {"name": "pv", "labels": {"topology.kubernetes.io/zone": "b"}},
            "spec": {
                "capacity": {"storage": "1Gi"},
                "accessModes": ["ReadWriteOnce"],
                "hostPath": {"path": "/x"},
            },
        }
        await c.client.create(resources.PERSISTENT_VOLUMES, volume)
        spec = {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
            "storageClassName": "",
            "volumeName": "pv",
        }
        claim = {"metadata": {"name": "data", "namespace": "default"}, "spec": spec}
        await c.client.create(resources.PERSISTENT_VOLUME_CLAIMS, claim)
        await c.settle()
        data = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
        await make(c, "there", volumes=data)
        await make(c, "here", volumes=data, nodeSelector={"topology.kubernetes.io/zone": "a"})
        await c.settle()
        assert await placed(c) == {"there": "node-2", "here": None}
        assert (await scheduled(c, "here"))["message"] == (
            "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, "
            "1 node(s) had no available volume zone. no new claims to deallocate, preemption: "
            "0/2 nodes are available: 2 Preemption is not helpful for scheduling."
        )


async def test_names_that_leave_no_node():
    async with cluster(nodes=1) as c:
        fields = [
            {"key": "metadata.name", "operator": "In", "values": [name]}
            for name in ("node-1", "node-2")
        ]
        rule = {"nodeSelectorTerms": [{"matchFields": fields}]}
        affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": rule}}
        await make(c, "a", affinity=affinity)
        await c.settle()
        text = "0/1 nodes are available: pod affinity terms conflict. not found"
        assert (await scheduled(c, "a"))["message"] == text


async def test_room_is_used_where_it_was_made():
    async with cluster(nodes=2, pod_startup=1.0) as c:
        await make(c, "one", **asking("60"))
        await make(c, "two", **asking("62"))
        await c.settle()
        where = await placed(c)
        status = {"nominatedNodeName": where["two"]}
        await make(c, "next", schedulingGates=[{"name": "example.com/wait"}], **asking("1"))
        await c.client.patch(PODS, "next", {"status": status}, "default", subresource="status")
        gate = [{"op": "remove", "path": "/spec/schedulingGates"}]
        await c.client.patch(PODS, "next", gate, "default", patch_type=JSON_PATCH)
        await c.settle()
        # The other node has more room.
        assert (await placed(c))["next"] == where["two"]


EXPLAINED = {"sim.miniplane.dev/explain": "true"}


async def test_a_choice_is_explained_to_whoever_asks():
    async with cluster(nodes=3, seed=5) as c:
        await c.client.patch(NODES, "node-3", {"spec": {"unschedulable": True}})
        await c.settle()
        pod = objects.pod("web", **asking("4"))
        pod["metadata"]["annotations"] = EXPLAINED
        await c.client.create(PODS, pod)
        await c.settle()
        chosen = (await placed(c))["web"]
        told = [text for reason, text in await events(c, "web") if reason == "SchedulingExplained"]
        (text,) = told
        assert text.startswith(f"{chosen}, 1 of 2 with the most points, drawn by the seed. node-")
        assert "node-1: " in text and "node-2: " in text and "node-3: " not in text
        assert text.endswith("1 of 3 nodes refused: 1 node(s) were unschedulable.")


async def test_an_explanation_names_what_tips_the_scales():
    async with cluster(nodes=2, seed=5) as c:
        preference = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In"}]}
        preference["matchExpressions"][0]["values"] = ["node-2"]
        rules = [{"weight": 7, "preference": preference}]
        affinity = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": rules}}
        pod = objects.pod("web", affinity=affinity)
        pod["metadata"]["annotations"] = EXPLAINED
        await c.client.create(PODS, pod)
        await make(c, "silent")
        await c.settle()
        (text,) = [t for reason, t in await events(c, "web") if reason == "SchedulingExplained"]
        assert text.startswith("node-2, which has the most points. node-2: ")
        assert "NodeAffinity 2*100; node-1: " in text and text.endswith("NodeAffinity 2*0.")
        assert [reason for reason, _ in await events(c, "silent")].count("SchedulingExplained") == 0


async def test_a_node_has_only_so_many_volumes_of_a_driver():
    async with cluster(nodes=1) as c:
        drivers = [
            {"name": "csi.example.com", "nodeID": "n", "allocatable": {"count": 2}},
            {"name": "any.example.com", "nodeID": "n"},
        ]
        csi_node = {"metadata": {"name": "node-1"}, "spec": {"drivers": drivers}}
        await c.client.create(c.resource("csinodes", "storage.k8s.io"), csi_node)
        for number in range(3):
            spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteMany"]}
            spec["csi"] = {"driver": "csi.example.com", "volumeHandle": f"v{number}"}
            volume = {"metadata": {"name": f"pv-{number}"}, "spec": spec}
            await c.client.create(resources.PERSISTENT_VOLUMES, volume)
            claim = {
                "accessModes": ["ReadWriteMany"],
                "resources": {"requests": {"storage": "1Gi"}},
                "storageClassName": "",
                "volumeName": f"pv-{number}",
            }
            meta = {"name": f"data-{number}", "namespace": "default"}
            await c.client.create(
                resources.PERSISTENT_VOLUME_CLAIMS, {"metadata": meta, "spec": claim}
            )
        await c.settle()
        for name, number in (("a", 0), ("b", 1), ("again", 1), ("late", 2)):
            source = {"claimName": f"data-{number}"}
            await make(c, name, volumes=[{"name": "data", "persistentVolumeClaim": source}])
            await c.settle()
        where = {"a": "node-1", "b": "node-1", "again": "node-1", "late": None}
        assert await placed(c) == where
        assert (await scheduled(c, "late"))["message"] == (
            "0/1 nodes are available: 1 node(s) exceed max volume count. no new claims to "
            "deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for "
            "incoming pod."
        )
        await c.client.delete(PODS, "a", "default")
        await c.settle()
        assert (await placed(c))["late"] == "node-1"
