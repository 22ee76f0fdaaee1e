"""Budgets, quotas and aggregated roles in a running cluster."""

import pytest

from miniplane import testing
from miniplane.api import resources
from miniplane.api.errors import StatusError
from miniplane.api.options import MERGE_PATCH
from miniplane.api.resources import (
    CONFIGMAPS,
    DEPLOYMENTS,
    EVENTS,
    JOBS,
    POD_DISRUPTION_BUDGETS,
    PODS,
    REPLICA_SETS,
    RESOURCE_QUOTAS,
)
from miniplane.testing import faults, objects

CLUSTER_ROLES = resources.resource("clusterroles", "rbac.authorization.k8s.io")


# Budgets.


async def budget(c, **spec):
    body = {
        "metadata": {"name": "b", "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, **spec},
    }
    await c.client.create(POD_DISRUPTION_BUDGETS, body)
    await c.settle()
    return await status(c)


async def status(c, row=POD_DISRUPTION_BUDGETS, name="b"):
    return (await c.client.get(row, name, "default"))["status"]


async def evict(c, name):
    body = {"metadata": {"name": name, "namespace": "default"}}
    await c.client.create(PODS, body, namespace="default", name=name, subresource="eviction")


async def reasons(c, name):
    return [e["reason"] for e in await c.list(EVENTS) if e["involvedObject"]["name"] == name]


async def web(c, replicas=3):
    await c.client.create(DEPLOYMENTS, objects.deployment("web", replicas=replicas))
    await c.settle()


async def test_a_budget_counts_the_deployment_behind_its_pods():
    async with testing.cluster() as c:
        await web(c)
        found = await budget(c, maxUnavailable="34%")
        counts = ("expectedPods", "desiredHealthy", "currentHealthy", "disruptionsAllowed")
        assert [found[key] for key in counts] == [3, 1, 3, 2]


async def test_a_new_size_counts_though_no_pod_changes():
    async with testing.cluster() as c:
        await web(c)
        quota = {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "3"}}}
        await c.client.create(RESOURCE_QUOTAS, quota, namespace="default")
        assert (await budget(c, maxUnavailable=1))["expectedPods"] == 3
        patch = {"spec": {"replicas": 5}}
        await c.client.patch(DEPLOYMENTS, "web", patch, "default", patch_type=MERGE_PATCH)
        await c.advance(60)
        assert len(await c.pods()) == 3
        assert (await status(c))["expectedPods"] == 5


async def test_a_server_that_is_away_for_a_moment_fails_no_budget_for_good():
    refused = iter([True, False, True])

    def plan(call):
        of_status = (call.verb, call.subresource) == ("update", "status")
        if of_status and call.resource is POD_DISRUPTION_BUDGETS and next(refused, False):
            return faults.Fault(faults.unavailable(call))
        return None

    def every_other(client):
        return faults.FaultClient(client, plan)

    async with testing.cluster(wrap_client=every_other) as c:
        await web(c)
        assert (await budget(c, maxUnavailable=1))["disruptionsAllowed"] == 1


async def test_evictions_wait_for_replacements():
    async with testing.cluster(pod_startup=5.0) as c:
        await web(c)
        assert (await budget(c, minAvailable=2))["disruptionsAllowed"] == 1
        first, second, _ = [pod["metadata"]["name"] for pod in await c.pods()]
        await evict(c, first)
        with pytest.raises(StatusError) as caught:
            await evict(c, second)
        assert caught.value.code == 429
        await c.settle()
        found = await status(c)
        assert found["disruptionsAllowed"] == 1
        assert "disruptedPods" not in found
        await evict(c, second)


async def test_a_budget_without_pods_says_so():
    async with testing.cluster() as c:
        found = await budget(c, minAvailable=1)
        assert found["conditions"][0]["status"] == "False"
        assert await reasons(c, "b") == ["NoPods"]


async def test_pods_without_an_owner_are_told_of():
    async with testing.cluster() as c:
        await c.client.create(PODS, objects.pod("p", labels={"app": "web"}))
        await c.settle()
        assert (await budget(c, minAvailable="50%"))["expectedPods"] == 0
        assert await reasons(c, "b") == ["UnmanagedPods"]
        [event] = [e for e in await c.list(EVENTS) if e["involvedObject"]["name"] == "b"]
        assert "MatchLabels:map[string]string{app: web,}" in event["message"]


async def test_pods_with_several_budgets_are_told_of():
    async with testing.cluster() as c:
        for name in ("a", "b"):
            body = {
                "metadata": {"name": name},
                "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
            }
            await c.client.create(POD_DISRUPTION_BUDGETS, body, namespace="default")
        await c.client.create(PODS, objects.pod("p", labels={"app": "web"}))
        await c.settle()
        assert "MultiplePodDisruptionBudgets" in await reasons(c, "p")
        [event] = [e for e in await c.list(EVENTS) if e["reason"] == "MultiplePodDisruptionBudgets"]
        assert event["type"] == "Warning"
        assert event["message"] == (
            'Pod "default"/"p" matches multiple PodDisruptionBudgets.  Chose "a" arbitrarily.'
        )


async def test_owners_without_a_scale_make_a_budget_fail():
    async with testing.cluster(controllers="*,-job-controller") as c:
        job = objects.job("j")
        job["spec"]["suspend"] = True
        made = await c.client.create(JOBS, job)
        owner = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "name": "j",
            "uid": made["metadata"]["uid"],
            "controller": True,
        }
        pod = objects.pod("p", labels={"app": "web"})
        pod["metadata"]["ownerReferences"] = [owner]
        await c.client.create(PODS, pod)
        await c.settle()
        [condition] = (await budget(c, maxUnavailable=1))["conditions"]
        assert condition["reason"] == "SyncFailed"
        assert condition["message"] == "jobs.batch does not implement the scale subresource"
        with pytest.raises(StatusError) as caught:
            await evict(c, "p")
        assert caught.value.code == 429


async def test_a_mark_that_leads_nowhere_is_taken_back():
    async with testing.cluster() as c:
        await c.client.create(PODS, objects.pod("p"))
        await c.settle()
        mark = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "EvictionByEvictionAPI",
            "lastTransitionTime": c.clock.rfc3339(),
        }
        patch = {"status": {"conditions": [mark]}}
        await c.client.patch(PODS, "p", patch, "default", subresource="status")

        async def taken_back():
            conditions = (await c.client.get(PODS, "p", "default"))["status"]["conditions"]
            return [x["status"] for x in conditions if x["type"] == "DisruptionTarget"] == ["False"]

        start = c.clock.time()
        await c.until(taken_back)
        assert 119 <= c.clock.time() - start < 130


# Quotas.


async def quota(c, **hard):
    hard = {key.replace("__", "/").replace("_", "."): value for key, value in hard.items()}
    body = {"metadata": {"name": "q", "namespace": "default"}, "spec": {"hard": hard}}
    await c.client.create(RESOURCE_QUOTAS, body)
    await c.settle()


async def used(c):
    return (await status(c, RESOURCE_QUOTAS, "q"))["used"]


async def test_a_new_quota_counts_what_is_there():
    async with testing.cluster() as c:
        await c.client.create(CONFIGMAPS, objects.config_map("a"))
        await web(c)
        await quota(c, pods="9", configmaps="9", requests_cpu="9", count__deployments_apps="9")
        assert await used(c) == {
            "pods": "3",
            "configmaps": "2",
            "requests.cpu": "0",
            "count/deployments.apps": "1",
        }


async def test_what_goes_away_is_given_back():
    async with testing.cluster() as c:
        await quota(c, pods="2", configmaps="9")
        await c.client.create(DEPLOYMENTS, objects.deployment("web", replicas=3))
        await c.advance(5)
        assert len(await c.pods()) == 2
        assert await used(c) == {"pods": "2", "configmaps": "1"}
        [replica_set] = await c.list(REPLICA_SETS)
        assert [x["type"] for x in replica_set["status"]["conditions"]] == ["ReplicaFailure"]
        more = {"spec": {"hard": {"pods": "5"}}}
        await c.client.patch(RESOURCE_QUOTAS, "q", more, "default", patch_type=MERGE_PATCH)
        await c.settle()
        assert (await used(c))["pods"] == "3"
        await c.client.delete(DEPLOYMENTS, "web", "default")
        await c.settle()
        assert await status(c, RESOURCE_QUOTAS, "q") == {
            "hard": {"pods": "5", "configmaps": "9"},
            "used": {"pods": "0", "configmaps": "1"},
        }


async def test_pods_that_have_ended_are_given_back():
    async with testing.cluster() as c:
        await quota(c, pods="2", count__pods="2")
        await c.client.create(PODS, objects.pod("p"))
        patch = {"status": {"phase": "Succeeded"}}
        await c.client.patch(PODS, "p", patch, "default", subresource="status")
        await c.settle()
        assert await used(c) == {"pods": "0", "count/pods": "1"}


async def test_names_that_leave_a_quota_leave_its_status():
    async with testing.cluster() as c:
        await quota(c, pods="2", configmaps="2")
        patch = {"spec": {"hard": {"pods": None}}}
        await c.client.patch(RESOURCE_QUOTAS, "q", patch, "default", patch_type=MERGE_PATCH)
        await c.settle()
        found = await status(c, RESOURCE_QUOTAS, "q")
        assert found == {"hard": {"configmaps": "2"}, "used": {"configmaps": "1"}}


# Roles.


async def test_roles_are_put_together_from_others():
    read = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
    async with testing.cluster() as c:
        selector = {"matchLabels": {"to": "sum"}}
        body = {
            "metadata": {"name": "sum", "labels": {"to": "sum"}},
            "aggregationRule": {"clusterRoleSelectors": [selector]},
            "rules": [{**read, "verbs": ["delete"]}],
        }
        await c.client.create(CLUSTER_ROLES, body)
        for name in ("b", "a"):
            part = {"metadata": {"name": name, "labels": {"to": "sum"}}}
            rules = [{**read, "resources": [name]}, read]
            await c.client.create(CLUSTER_ROLES, {**part, "rules": rules})
        await c.settle()

        async def rules():
            return (await c.client.get(CLUSTER_ROLES, "sum")).get("rules")

        assert await rules() == [{**read, "resources": ["a"]}, read, {**read, "resources": ["b"]}]
        await c.client.delete(CLUSTER_ROLES, "a")
        await c.settle()
        assert await rules() == [{**read, "resources": ["b"]}, read]


async def test_the_bootstrap_roles_are_as_the_controller_makes_them():
    async with testing.cluster(nodes=0) as c:
        for name in ("admin", "edit", "view"):
            role = await c.client.get(CLUSTER_ROLES, name)
            assert len(role["metadata"].get("managedFields", [])) <= 1, name
