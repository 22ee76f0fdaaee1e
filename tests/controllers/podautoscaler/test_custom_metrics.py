"""Autoscalers by custom and external metrics, which annotations say."""

import pytest

from miniplane import testing
from miniplane.api import resources
from miniplane.api.resources import DEPLOYMENTS, NAMESPACES, PODS, SERVICES
from miniplane.api.selectors import labels
from miniplane.controllers.podautoscaler import custom
from miniplane.controllers.podautoscaler.controller import AUTOSCALERS
from miniplane.testing import objects

EVENTS = resources.resource("events")


def pods_metric(name="hits", average="10"):
    target = {"type": "AverageValue", "averageValue": average}
    return {"type": "Pods", "pods": {"metric": {"name": name}, "target": target}}


def object_metric(target, kind="Service", name="web", api_version="v1"):
    ref = {"apiVersion": api_version, "kind": kind, "name": name}
    source = {"metric": {"name": "hits"}, "describedObject": ref, "target": target}
    return {"type": "Object", "object": source}


def external_metric(target, selector=None):
    metric = {"name": "queue", "selector": selector} if selector else {"name": "queue"}
    return {"type": "External", "external": {"metric": metric, "target": target}}


async def made(c, metric, *, notes=None, replicas=2):
    workload = objects.deployment("web", replicas=replicas)
    workload["spec"]["template"]["metadata"]["annotations"] = notes or {}
    await c.client.create(DEPLOYMENTS, workload)
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": ref, "maxReplicas": 9, "metrics": [metric]}
    autoscaler = {"metadata": {"name": "web"}, "spec": spec}
    await c.client.create(AUTOSCALERS, autoscaler, namespace="default")
    await c.settle()


async def status(c):
    return (await c.client.get(AUTOSCALERS, "web", "default")).get("status") or {}


async def size(c):
    return (await c.client.get(DEPLOYMENTS, "web", "default"))["spec"]["replicas"]


async def reason(c):
    found = {x["type"]: x for x in (await status(c))["conditions"]}["ScalingActive"]
    return found["reason"], found["message"]


async def note(c, resource, name, notes, namespace="default"):
    await c.client.patch(resource, name, {"metadata": {"annotations": notes}}, namespace)


async def test_the_average_over_the_pods():
    async with testing.cluster() as c:
        await made(c, pods_metric(), notes={f"{custom.CUSTOM}hits": "20"})
        await c.advance(20)
        assert await size(c) == 4
        [metric] = (await status(c))["currentMetrics"]
        assert metric == {
            "type": "Pods",
            "pods": {"metric": {"name": "hits"}, "current": {"averageValue": "20"}},
        }
        told = [e["message"] for e in await c.list(EVENTS) if e["reason"] == "SuccessfulRescale"]
        assert told == ["New size: 4; reason: pods metric hits above target"]
        for pod in await c.pods():
            await note(c, PODS, pod["metadata"]["name"], {f"{custom.CUSTOM}hits": "2500m"})
        await c.advance(400)
        assert await size(c) == 1
        [metric] = (await status(c))["currentMetrics"]
        assert metric["pods"]["current"] == {"averageValue": "2500m"}


@pytest.mark.parametrize("notes", [{}, {f"{custom.CUSTOM}hits": "many"}])
async def test_a_metric_that_nobody_knows(notes):
    async with testing.cluster() as c:
        await made(c, pods_metric(), notes=notes)
        assert await size(c) == 2
        assert await reason(c) == (
            "FailedGetPodsMetric",
            "the HPA was unable to compute the replica count: unable to get metric hits: unable "
            "to fetch metrics from custom metrics API: no custom metrics API "
            "(custom.metrics.k8s.io) registered",
        )


async def test_the_value_of_an_object():
    async with testing.cluster() as c:
        await c.client.create(SERVICES, objects.service("web"))
        await made(c, object_metric({"type": "Value", "value": "10"}))
        assert (await reason(c))[1].endswith(
            "unable to get metric hits: Service on default web/unable to fetch metrics from "
            "custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered"
        )
        await note(c, SERVICES, "web", {f"{custom.CUSTOM}hits": "15"})
        await c.advance(20)
        # Half as much again as is wanted for two pods.
        assert await size(c) == 3
        [metric] = (await status(c))["currentMetrics"]
        assert metric["object"]["current"] == {"value": "15"}
        assert metric["object"]["describedObject"]["name"] == "web"
        told = [e["message"] for e in await c.list(EVENTS) if e["reason"] == "SuccessfulRescale"]
        assert told == ["New size: 3; reason: Service metric hits above target"]


async def test_the_value_of_an_object_shared_by_the_pods():
    async with testing.cluster() as c:
        target = {"type": "AverageValue", "averageValue": "10"}
        await made(c, object_metric(target, kind="Deployment", api_version="apps/v1"))
        await note(c, DEPLOYMENTS, "web", {f"{custom.CUSTOM}hits": "65"})
        await c.advance(20)
        [metric] = (await status(c))["currentMetrics"]
        assert metric["object"]["current"]["averageValue"] == "32500m"
        await c.advance(20)
        assert await size(c) == 7


async def test_the_own_namespace_whatever_it_is_called():
    async with testing.cluster() as c:
        target = {"type": "Value", "value": "10"}
        await made(c, object_metric(target, kind="Namespace", name="kube-system"))
        await note(c, NAMESPACES, "kube-system", {f"{custom.CUSTOM}hits": "90"}, "")
        await c.advance(20)
        assert await size(c) == 2
        await note(c, NAMESPACES, "default", {f"{custom.CUSTOM}hits": "20"}, "")
        await c.advance(20)
        assert await size(c) == 4


async def test_an_external_metric():
    async with testing.cluster() as c:
        await made(c, external_metric({"type": "AverageValue", "averageValue": "30"}))
        assert (await reason(c))[1].endswith(
            "unable to get external metric default/queue/nil: unable to fetch metrics from "
            "external metrics API: the server could not find the requested resource "
            "(get queue.external.metrics.k8s.io)"
        )
        await note(c, NAMESPACES, "default", {f"{custom.EXTERNAL}queue": "120"}, "")
        await c.advance(20)
        assert await size(c) == 4
        told = [e["message"] for e in await c.list(EVENTS) if e["reason"] == "SuccessfulRescale"]
        assert told == ["New size: 4; reason: external metric queue(nil) above target"]
        await note(c, NAMESPACES, "default", {f"{custom.EXTERNAL}queue": "0"}, "")
        await c.advance(400)
        assert await size(c) == 1


async def test_the_value_of_an_external_metric():
    async with testing.cluster() as c:
        await note(c, NAMESPACES, "default", {f"{custom.EXTERNAL}queue": "12"}, "")
        selector = {"matchLabels": {"name": "orders"}}
        await made(c, external_metric({"type": "Value", "value": "4"}, selector))
        await c.advance(20)
        assert await size(c) == 4, "at first no more than twice as many"
        [metric] = (await status(c))["currentMetrics"]
        assert metric["external"]["current"] == {"value": "12"}
        assert metric["external"]["metric"]["selector"] == selector


def test_selectors_as_go_prints_them():
    rules = [{"key": "a", "operator": "In", "values": ["x", "y"]}]
    assert labels.go_text({"matchExpressions": rules}) == (
        "&LabelSelector{MatchLabels:map[string]string{},MatchExpressions:"
        "[]LabelSelectorRequirement{LabelSelectorRequirement{Key:a,Operator:In,Values:[x y],},},}"
    )
