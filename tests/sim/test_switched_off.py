"""Each controller can be switched off by its name: then what it does is not done.

Every row shows first that the effect is there while the controller runs.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from miniplane.api import resources
from miniplane.api.objects import Obj
from miniplane.api.options import DeleteOptions
from miniplane.api.resources import (
    CRON_JOBS,
    DAEMON_SETS,
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    ENDPOINTS,
    JOBS,
    NAMESPACES,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    POD_DISRUPTION_BUDGETS,
    PODS,
    REPLICA_SETS,
    REPLICATION_CONTROLLERS,
    RESOURCE_QUOTAS,
    SERVICE_ACCOUNTS,
    SERVICES,
    STATEFUL_SETS,
)
from miniplane.controllers.table import ALIASES, CONTROLLERS
from miniplane.testing import objects
from miniplane.testing.harness import Harness, cluster

AUTOSCALERS = resources.resource("horizontalpodautoscalers", "autoscaling", "v2")
CLUSTER_ROLES = resources.resource("clusterroles", "rbac.authorization.k8s.io")
CONFIG_MAPS = resources.CONFIGMAPS
NAMES = [controller.name for controller in CONTROLLERS]
Effect = Callable[[Harness], Awaitable[object]]
EFFECTS: dict[str, Effect] = {}


def effect_of(name: str) -> Callable[[Effect], Effect]:
    """What is done only while the controller `name` runs: true once it has been done."""

    def note(effect: Effect) -> Effect:
        EFFECTS[name] = effect
        return effect

    return note


async def make(c: Harness, row: resources.Resource, body: Obj) -> Obj:
    namespace = "default" if row.namespaced else ""
    made = await c.client.create(row, body, namespace=namespace)
    await c.settle()
    return made


@effect_of("deployment-controller")
async def _(c: Harness) -> object:
    await make(c, DEPLOYMENTS, objects.deployment("web"))
    found = await c.client.get(DEPLOYMENTS, "web", "default")
    return await c.list(REPLICA_SETS) and found["status"]


@effect_of("replicaset-controller")
async def _(c: Harness) -> object:
    await make(c, DEPLOYMENTS, objects.deployment("web"))
    return await c.pods()


@effect_of("replicationcontroller-controller")
async def _(c: Harness) -> object:
    spec = {"replicas": 1, "selector": {"app": "web"}, "template": objects.template({"app": "web"})}
    await make(c, REPLICATION_CONTROLLERS, {"metadata": {"name": "web"}, "spec": spec})
    return await c.pods()


@effect_of("statefulset-controller")
async def _(c: Harness) -> object:
    await make(c, STATEFUL_SETS, objects.stateful_set("db"))
    return await c.pods()


@effect_of("daemonset-controller")
async def _(c: Harness) -> object:
    await make(c, DAEMON_SETS, objects.daemon_set("agent"))
    return await c.pods()


@effect_of("job-controller")
async def _(c: Harness) -> object:
    await make(c, JOBS, objects.job("j"))
    return await c.pods()


@effect_of("cronjob-controller")
async def _(c: Harness) -> object:
    job = {"spec": objects.job("j")["spec"]}
    spec = {"schedule": "* * * * *", "jobTemplate": job}
    await make(c, CRON_JOBS, {"metadata": {"name": "tick"}, "spec": spec})
    await c.advance(90)
    return await c.list(JOBS)


@effect_of("ttl-after-finished-controller")
async def _(c: Harness) -> object:
    await make(c, JOBS, objects.job("j", ttlSecondsAfterFinished=1))
    await c.advance(90)
    return not await c.list(JOBS)


@effect_of("horizontal-pod-autoscaler-controller")
async def _(c: Harness) -> object:
    await make(c, DEPLOYMENTS, objects.deployment("web", replicas=1))
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 3}
    await make(c, AUTOSCALERS, {"metadata": {"name": "web"}, "spec": spec})
    await c.advance(20)
    found = await c.client.get(DEPLOYMENTS, "web", "default")
    return found["spec"]["replicas"] == 2


@effect_of("disruption-controller")
async def _(c: Harness) -> object:
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    await make(c, POD_DISRUPTION_BUDGETS, {"metadata": {"name": "web"}, "spec": spec})
    found = await c.client.get(POD_DISRUPTION_BUDGETS, "web", "default")
    return found["status"].get("conditions")


async def _service(c: Harness) -> None:
    await make(c, PODS, objects.pod("p", labels={"app": "web"}))
    await make(c, SERVICES, objects.service("web"))


@effect_of("endpoints-controller")
async def _(c: Harness) -> object:
    await _service(c)
    return [e for e in await c.list(ENDPOINTS) if e["metadata"]["name"] == "web"]


@effect_of("endpointslice-controller")
async def _(c: Harness) -> object:
    await _service(c)
    owner = "endpointslice-controller.k8s.io"
    return await _slices(c, owner)


@effect_of("endpointslice-mirroring-controller")
async def _(c: Harness) -> object:
    await make(c, SERVICES, objects.service("out", selector=None))
    subsets = [{"addresses": [{"ip": "192.0.2.1"}], "ports": [{"port": 80}]}]
    await make(c, ENDPOINTS, {"metadata": {"name": "out"}, "subsets": subsets})
    return await _slices(c, "endpointslicemirroring-controller.k8s.io")


async def _slices(c: Harness, owner: str) -> list[Obj]:
    label = f"endpointslice.kubernetes.io/managed-by={owner}"
    return await c.list(ENDPOINT_SLICES, label_selector=label)


@effect_of("garbage-collector-controller")
async def _(c: Harness) -> object:
    await make(c, DEPLOYMENTS, objects.deployment("web"))
    options = DeleteOptions(propagation_policy="Background")
    await c.client.delete(DEPLOYMENTS, "web", "default", options=options)
    await c.settle()
    return not await c.list(REPLICA_SETS)


@effect_of("namespace-controller")
async def _(c: Harness) -> object:
    await make(c, NAMESPACES, objects.namespace("a"))
    await c.client.delete(NAMESPACES, "a")
    await c.advance(30)
    return all(n["metadata"]["name"] != "a" for n in await c.list(NAMESPACES, None))


@effect_of("serviceaccount-controller")
async def _(c: Harness) -> object:
    await make(c, NAMESPACES, objects.namespace("a"))
    return await c.list(SERVICE_ACCOUNTS, "a")


@effect_of("root-ca-certificate-publisher-controller")
async def _(c: Harness) -> object:
    await make(c, NAMESPACES, objects.namespace("a"))
    return await c.list(CONFIG_MAPS, "a")


@effect_of("clusterrole-aggregation-controller")
async def _(c: Harness) -> object:
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    part = {"metadata": {"name": "part", "labels": {"to": "whole"}}, "rules": rules}
    await make(c, CLUSTER_ROLES, part)
    selectors = {"clusterRoleSelectors": [{"matchLabels": {"to": "whole"}}]}
    await make(c, CLUSTER_ROLES, {"metadata": {"name": "whole"}, "aggregationRule": selectors})
    return (await c.client.get(CLUSTER_ROLES, "whole")).get("rules")


@effect_of("resourcequota-controller")
async def _(c: Harness) -> object:
    await make(c, RESOURCE_QUOTAS, {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "3"}}})
    return (await c.client.get(RESOURCE_QUOTAS, "q", "default")).get("status", {}).get("hard")


CLAIM = {
    "metadata": {"name": "data"},
    "spec": {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "",
        "resources": {"requests": {"storage": "1Gi"}},
    },
}
VOLUME = {
    "metadata": {"name": "disk"},
    "spec": {
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": "1Gi"},
        "hostPath": {"path": "/data"},
    },
}


@effect_of("persistentvolume-binder-controller")
async def _(c: Harness) -> object:
    await make(c, PERSISTENT_VOLUMES, VOLUME)
    await make(c, PERSISTENT_VOLUME_CLAIMS, CLAIM)
    await c.advance(60)
    found = await c.client.get(PERSISTENT_VOLUME_CLAIMS, "data", "default")
    return found["status"]["phase"] == "Bound"


@effect_of("ephemeral-volume-controller")
async def _(c: Harness) -> object:
    ephemeral = {"volumeClaimTemplate": {"spec": CLAIM["spec"]}}
    pod = objects.pod("p", volumes=[{"name": "scratch", "ephemeral": ephemeral}])
    await make(c, PODS, pod)
    return await c.list(PERSISTENT_VOLUME_CLAIMS)


@effect_of("persistentvolumeclaim-protection-controller")
async def _(c: Harness) -> object:
    await make(c, PERSISTENT_VOLUME_CLAIMS, CLAIM)
    await c.client.delete(PERSISTENT_VOLUME_CLAIMS, "data", "default")
    await c.settle()
    return not await c.list(PERSISTENT_VOLUME_CLAIMS)


@effect_of("persistentvolume-protection-controller")
async def _(c: Harness) -> object:
    await make(c, PERSISTENT_VOLUMES, VOLUME)
    await c.client.delete(PERSISTENT_VOLUMES, "disk")
    await c.settle()
    return not await c.list(PERSISTENT_VOLUMES, None)


async def _stranger(c: Harness, **spec: Any) -> Obj:
    """A node that nobody simulates."""
    await make(c, NODES, objects.node("stranger", **spec))
    return await c.client.get(NODES, "stranger")


@effect_of("node-ipam-controller")
async def _(c: Harness) -> object:
    return (await _stranger(c))["spec"].get("podCIDR")


@effect_of("ttl-controller")
async def _(c: Harness) -> object:
    return (await _stranger(c))["metadata"].get("annotations")


@effect_of("node-lifecycle-controller")
async def _(c: Harness) -> object:
    await _stranger(c)
    await c.advance(120)
    conditions = (await c.client.get(NODES, "stranger"))["status"].get("conditions") or ()
    return [c for c in conditions if c["type"] == "Ready"]


@effect_of("taint-eviction-controller")
async def _(c: Harness) -> object:
    await make(c, PODS, objects.pod("p"))
    [pod] = await c.pods()
    taint = {"key": "away", "effect": "NoExecute"}
    await c.client.patch(NODES, pod["spec"]["nodeName"], {"spec": {"taints": [taint]}})
    await c.advance(60)
    return not await c.pods()


@effect_of("pod-garbage-collector-controller")
async def _(c: Harness) -> object:
    await make(c, PODS, objects.pod("p", nodeName="nowhere"))
    await c.advance(120)
    return not await c.pods()


@effect_of("scheduler")
async def _(c: Harness) -> object:
    await make(c, PODS, objects.pod("p"))
    return (await c.pods())[0]["spec"].get("nodeName")


@effect_of("kubelet")
async def _(c: Harness) -> object:
    await make(c, PODS, objects.pod("p"))
    return (await c.pods())[0]["status"]["phase"] == "Running"


@pytest.mark.parametrize("name", EFFECTS)
async def test_what_a_controller_does(name):
    async with cluster() as c:
        assert await EFFECTS[name](c)
    async with cluster(controllers=f"*,-{name}") as c:
        assert not await EFFECTS[name](c)


@pytest.mark.parametrize("name", NAMES)
async def test_all_others_run_then(name):
    essential = [controller.name for controller in CONTROLLERS if controller.essential]
    async with cluster(nodes=0, controllers=f"*,-{name}") as c:
        running = [controller.name for controller in c.cluster.manager.controllers]
        assert running == [other for other in NAMES if other != name or other in essential]


async def test_the_names_of_old_are_taken():
    assert not [name for name in ALIASES.values() if name not in NAMES]
    async with cluster(nodes=0, controllers="*,-deployment,-ttl") as c:
        running = [controller.name for controller in c.cluster.manager.controllers]
        assert [name for name in NAMES if name not in running] == [
            "deployment-controller",
            "ttl-controller",
        ]
