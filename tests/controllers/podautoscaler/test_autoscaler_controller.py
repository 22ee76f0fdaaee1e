"""Autoscalers on a living cluster, with usage that annotations of the pods say."""

from miniplane import testing
from miniplane.api import resources
from miniplane.controllers.podautoscaler.controller import AUTOSCALERS

DEPLOYMENTS = resources.resource("deployments", "apps")
EVENTS = resources.resource("events")
CPU = "metrics.miniplane.dev/cpu"


def deployment(name="web", *, cpu="100m", replicas=2):
    template = {
        "metadata": {"labels": {"app": name}, "annotations": {CPU: cpu}},
        "spec": {
            "containers": [
                {"name": "c", "image": "c", "resources": {"requests": {"cpu": "100m"}}},
            ]
        },
    }
    selector = {"matchLabels": {"app": name}}
    spec = {"replicas": replicas, "selector": selector, "template": template}
    return {"metadata": {"name": name}, "spec": spec}


def autoscaler(name="web", *, kind="Deployment", target="web", **spec):
    ref = {"apiVersion": "apps/v1", "kind": kind, "name": target}
    metric = {
        "type": "Resource",
        "resource": {
            "name": "cpu",
            "target": {"type": "Utilization", "averageUtilization": 50},
        },
    }
    spec = {"scaleTargetRef": ref, "maxReplicas": 6, "metrics": [metric], **spec}
    return {"metadata": {"name": name}, "spec": spec}


async def made(cluster, *, cpu="100m", replicas=2, **spec):
    workload = deployment(cpu=cpu, replicas=replicas)
    await cluster.client.create(DEPLOYMENTS, workload, namespace="default")
    await cluster.client.create(AUTOSCALERS, autoscaler(**spec), namespace="default")
    await cluster.settle()


async def status(cluster, name="web"):
    found = await cluster.client.get(AUTOSCALERS, name, "default")
    return found.get("status") or {}


async def replicas(cluster):
    found = await cluster.client.get(DEPLOYMENTS, "web", "default")
    return found["spec"]["replicas"]


async def conditions(cluster, name="web"):
    found = (await status(cluster, name)).get("conditions") or ()
    return {c["type"]: (c["status"], c["reason"]) for c in found}


async def events(cluster):
    found = await cluster.list(EVENTS)
    about = [e for e in found if e["involvedObject"]["kind"] == "HorizontalPodAutoscaler"]
    return [(e["reason"], e["message"]) for e in about]


async def test_up_with_the_load_and_down_when_it_has_been_gone_for_five_minutes():
    async with testing.cluster(metrics_server=True) as cluster:
        await made(cluster)
        await cluster.advance(400)  # what pods use counts when they have been up for a while
        # 100 percent of what they ask for, 50 wanted: double, and double again.
        assert await replicas(cluster) == 6
        found = await status(cluster)
        assert (found["currentReplicas"], found["desiredReplicas"]) == (6, 6)
        assert found["currentMetrics"] == [
            {
                "type": "Resource",
                "resource": {
                    "name": "cpu",
                    "current": {"averageUtilization": 100, "averageValue": "100m"},
                },
            }
        ]
        assert await conditions(cluster) == {
            "AbleToScale": ("True", "ReadyForNewScale"),
            "ScalingActive": ("True", "ValidMetricFound"),
            "ScalingLimited": ("True", "TooManyReplicas"),
        }
        above = "cpu resource utilization (percentage of request) above target"
        told = await events(cluster)
        assert ("SuccessfulRescale", f"New size: 4; reason: {above}") in told
        assert ("SuccessfulRescale", f"New size: 6; reason: {above}") in told

        for pod in await cluster.pods():
            patch = {"metadata": {"annotations": {CPU: "10m"}}}
            await cluster.client.patch(resources.PODS, pod["metadata"]["name"], patch, "default")
        patch = {"spec": {"template": {"metadata": {"annotations": {CPU: "10m"}}}}}
        await cluster.client.patch(DEPLOYMENTS, "web", patch, "default")
        await cluster.advance(240)
        assert await replicas(cluster) == 6
        assert (await conditions(cluster))["AbleToScale"] == ("True", "ScaleDownStabilized")
        await cluster.advance(120)
        assert await replicas(cluster) < 6
        await cluster.advance(900)
        assert await replicas(cluster) == 1
        last = (await events(cluster))[-1]
        assert last[1].endswith("reason: All metrics below target")


async def test_without_metrics_nothing_moves_and_it_says_so():
    async with testing.cluster() as cluster:
        await made(cluster)
        await cluster.advance(60)
        assert await replicas(cluster) == 2
        assert await conditions(cluster) == {
            "AbleToScale": ("True", "SucceededGetScale"),
            "ScalingActive": ("False", "FailedGetResourceMetric"),
        }
        why = (
            "failed to get cpu utilization: unable to get metrics for resource cpu: unable to "
            "fetch metrics from resource metrics API: the server could not find the requested "
            "resource (get pods.metrics.k8s.io)"
        )
        told = dict(await events(cluster))
        assert told["FailedGetResourceMetric"] == why
        assert told["FailedComputeMetricsReplicas"] == (
            "invalid metrics (1 invalid out of 1), first error is: "
            f"failed to get cpu resource metric value: {why}"
        )
        assert (await status(cluster))["currentReplicas"] == 2
        assert (await status(cluster))["currentMetrics"] == [{"type": ""}]


async def test_bounds_need_no_metrics():
    async with testing.cluster() as cluster:
        await made(cluster, replicas=9)
        assert await replicas(cluster) == 6
        patch = {"spec": {"minReplicas": 3}}
        await cluster.client.patch(AUTOSCALERS, "web", patch, "default")
        await cluster.client.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 1}}, "default")
        await cluster.advance(16)
        assert await replicas(cluster) == 3
        reasons = [message for reason, message in await events(cluster)]
        assert "New size: 6; reason: Current number of replicas above Spec.MaxReplicas" in reasons
        assert "New size: 3; reason: Current number of replicas below Spec.MinReplicas" in reasons
        await cluster.client.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 0}}, "default")
        await cluster.advance(16)
        assert await replicas(cluster) == 0
        assert (await conditions(cluster))["ScalingActive"] == ("False", "ScalingDisabled")


async def test_targets_that_cannot_be_scaled():
    async with testing.cluster(nodes=0) as cluster:
        for name, kind, target in (("a", "Deployment", "none"), ("b", "Gizmo", "x")):
            body = autoscaler(name, kind=kind, target=target)
            await cluster.client.create(AUTOSCALERS, body, namespace="default")
        await cluster.advance(1)
        for name in "ab":
            assert await conditions(cluster, name) == {"AbleToScale": ("False", "FailedGetScale")}
        assert await events(cluster) == [
            ("FailedGetScale", 'deployments.apps "none" not found'),
            ("FailedGetScale", 'no matches for kind "Gizmo" in group "apps"'),
        ]


async def test_two_autoscalers_of_the_same_pods():
    async with testing.cluster(metrics_server=True) as cluster:
        await made(cluster)
        await cluster.client.create(AUTOSCALERS, autoscaler("other"), namespace="default")
        await cluster.advance(60)
        assert (await conditions(cluster))["ScalingActive"] == ("False", "AmbiguousSelector")
        text = "pods by selector app=web are controlled by multiple HPAs: "
        assert ("AmbiguousSelector", f"{text}[{{default other}} {{default web}}]") in await events(
            cluster
        )


async def test_metrics_that_nobody_serves():
    metrics = [
        {
            "type": "Pods",
            "pods": {
                "metric": {"name": "hits"},
                "target": {"type": "AverageValue", "averageValue": "10"},
            },
        },
        {
            "type": "External",
            "external": {
                "metric": {"name": "queue"},
                "target": {"type": "Value", "value": "10"},
            },
        },
    ]
    async with testing.cluster() as cluster:
        await made(cluster, metrics=metrics)
        assert (await conditions(cluster))["ScalingActive"] == ("False", "FailedGetPodsMetric")
        told = dict(await events(cluster))
        assert told["FailedGetPodsMetric"] == (
            "unable to get metric hits: unable to fetch metrics from custom metrics API: "
            "no custom metrics API (custom.metrics.k8s.io) registered"
        )
        assert "get queue.external.metrics.k8s.io" in told["FailedGetExternalMetric"]


async def test_an_idle_autoscaler_writes_nothing():
    async with testing.cluster(metrics_server=True) as cluster:
        await made(cluster, cpu="50m")
        await cluster.advance(400)
        before = cluster.registry.revision
        found = await cluster.client.get(AUTOSCALERS, "web", "default")
        await cluster.advance(120)
        after = await cluster.client.get(AUTOSCALERS, "web", "default")
        assert after == found
        assert cluster.registry.revision >= before
