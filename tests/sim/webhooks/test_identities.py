"""Who the parts of the control plane are, as webhooks are told."""

import asyncio
from typing import Any

from miniplane import testing
from miniplane.api import bootstrap, identities, resources
from miniplane.controllers.table import CONTROLLERS
from tests.sim.webhooks.conftest import VALIDATING, Hooks, allow, configuration, hook

_RULE = {
    "apiGroups": ["", "apps", "batch", "coordination.k8s.io", "discovery.k8s.io", "policy"],
    "apiVersions": ["*"],
    "operations": ["*"],
    "resources": ["*/*"],
}


async def _asked(cluster: testing.Harness, hooks: Hooks, **wanted: str) -> dict[str, Any]:
    """The first review of which these are true, as soon as there is one."""
    for _ in range(500):
        for review in hooks.reviews:
            request = review["request"]
            found = {
                "operation": request["operation"],
                "resource": request["resource"]["resource"],
                "subresource": request.get("subResource", ""),
                "grace": str((request["options"] or {}).get("gracePeriodSeconds", "")),
            }
            if all(found[key] == value for key, value in wanted.items()):
                user: dict[str, Any] = request["userInfo"]
                return user
        await cluster.settle()
        await asyncio.sleep(0.01)
    raise AssertionError(f"nobody asked for {wanted}")


def _account(name: str) -> dict[str, Any]:
    groups = ["system:serviceaccounts", "system:serviceaccounts:kube-system"]
    return {
        "username": f"system:serviceaccount:kube-system:{name}",
        "groups": [*groups, "system:authenticated"],
    }


async def test_webhooks_are_told_which_controller_writes(cluster, hooks) -> None:
    hooks.answers["/a"] = allow
    await cluster.client.create(VALIDATING, configuration(hook(rules=[_RULE])))
    template = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": "nginx"}]},
    }
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    web = {"metadata": {"name": "web", "namespace": "default"}, "spec": spec}
    await cluster.client.create(resources.DEPLOYMENTS, web)
    mine = await _asked(cluster, hooks, operation="CREATE", resource="deployments")
    assert mine["username"] == "kubernetes-admin"
    made = await _asked(cluster, hooks, operation="CREATE", resource="replicasets")
    assert made == _account("deployment-controller")
    made = await _asked(cluster, hooks, operation="CREATE", resource="pods", subresource="")
    assert made == _account("replicaset-controller")
    bound = await _asked(cluster, hooks, operation="CREATE", resource="pods", subresource="binding")
    assert bound == {"username": "system:kube-scheduler", "groups": ["system:authenticated"]}
    told = await _asked(cluster, hooks, operation="UPDATE", resource="pods", subresource="status")
    kubelet = {
        "username": "system:node:node-1",
        "groups": ["system:nodes", "system:authenticated"],
    }
    assert told == kubelet
    await cluster.client.delete(resources.DEPLOYMENTS, "web", "default")
    swept = await _asked(cluster, hooks, operation="DELETE", resource="replicasets")
    assert swept == _account("generic-garbage-collector")
    gone = await _asked(cluster, hooks, operation="DELETE", resource="pods", grace="0")
    assert gone == kubelet


async def test_managed_fields_name_the_programs_as_before(cluster, hooks) -> None:
    pod = {"metadata": {"name": "a", "namespace": "default"}}
    pod["spec"] = {"containers": [{"name": "c", "image": "nginx"}]}
    await cluster.client.create(resources.PODS, pod)
    await cluster.settle()
    found = await cluster.client.get(resources.PODS, "a", "default")
    managers = [entry["manager"] for entry in found["metadata"]["managedFields"]]
    assert sorted(managers) == ["kubelet", "miniplane"]


def test_every_controller_is_somebody_who_has_a_role() -> None:
    bound = {
        (subject["kind"], subject.get("namespace", ""), subject["name"])
        for obj in bootstrap.objects()
        if obj["kind"] == "ClusterRoleBinding"
        for subject in obj.get("subjects") or ()
    }
    for controller in CONTROLLERS:
        user = identities.controller(controller.name)
        _, _, account = user.name.rpartition(":")
        if user.name.startswith("system:serviceaccount:kube-system:"):
            assert ("ServiceAccount", "kube-system", account) in bound, controller.name
