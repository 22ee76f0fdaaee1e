"""metrics.k8s.io as clients meet it: there on demand, made up, read-only."""

import aiohttp
import pytest

from miniplane import testing
from miniplane.api import resourcemetrics, resources
from miniplane.api.errors import StatusError
from miniplane.testing import objects

BASE = "/apis/metrics.k8s.io/v1beta1"


async def test_usage_is_read_like_any_resource():
    async with testing.cluster(metrics_server=True) as cluster:
        await cluster.client.create(resources.DEPLOYMENTS, objects.deployment("web", replicas=2))
        await cluster.client.create(resources.PODS, objects.pod("alone"))
        await cluster.settle()
        client = cluster.client
        nodes = (await client.list(resourcemetrics.NODES)).items
        assert [n.obj["metadata"]["name"] for n in nodes] == ["node-1", "node-2", "node-3"]
        every = (await client.list(resourcemetrics.PODS)).items
        some = (await client.list(resourcemetrics.PODS, "default", label_selector="app=web")).items
        assert (len(every), len(some)) == (3, 2)
        one = await client.get(resourcemetrics.PODS, "alone", "default")
        assert [c["name"] for c in one["containers"]] == ["main"]
        with pytest.raises(StatusError, match=r'podmetrics.metrics.k8s.io "default/x" not found'):
            await client.get(resourcemetrics.PODS, "x", "default")
        note = {"metadata": {"annotations": {"metrics.miniplane.dev/cpu": "2"}}}
        await client.patch(resources.PODS, "alone", note, "default")
        one = await client.get(resourcemetrics.PODS, "alone", "default")
        assert one["containers"][0]["usage"]["cpu"] == "2"


async def test_without_the_switch_there_is_no_such_group():
    async with testing.cluster(http=True) as cluster:
        with pytest.raises(StatusError, match="could not find the requested resource"):
            await cluster.client.list(resourcemetrics.PODS)
        async with aiohttp.ClientSession() as session:
            assert (await session.get(f"{cluster.url}{BASE}/nodes")).status == 404


async def test_discovery_tables_and_documents_know_it():
    async with (
        testing.cluster(http=True, nodes=1, metrics_server=True) as cluster,
        aiohttp.ClientSession(cluster.url) as session,
    ):

        async def ask(path, method="GET", accept="application/json"):
            async with session.request(method, path, headers={"Accept": accept}) as answer:
                return answer.status, await answer.json()

        _, found = await ask(BASE)
        assert [(r["name"], r["kind"], r["verbs"]) for r in found["resources"]] == [
            ("nodes", "NodeMetrics", ["get", "list"]),
            ("pods", "PodMetrics", ["get", "list"]),
        ]
        _, groups = await ask("/apis")
        assert groups["groups"][-1]["name"] == "metrics.k8s.io"
        table = "application/json;as=Table;v=v1;g=meta.k8s.io"
        _, shown = await ask(f"{BASE}/nodes", accept=table)
        assert [c["name"] for c in shown["columnDefinitions"]] == [
            "Name",
            "cpu",
            "memory",
            "Window",
        ]
        assert shown["rows"][0]["cells"][0] == "node-1"
        _, document = await ask("/openapi/v3/apis/metrics.k8s.io/v1beta1")
        name = "io.k8s.metrics.pkg.apis.metrics.v1beta1.PodMetrics"
        assert name in document["components"]["schemas"]
        assert set(document["paths"][f"{BASE}/nodes"]) == {"get", "parameters"}
        assert (await ask(f"{BASE}/nodes?watch=1"))[0] == 405
        assert (await ask(f"{BASE}/nodes/node-1", "DELETE"))[0] == 405
        _, service = await ask("/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io")
        assert service["status"]["conditions"][0]["status"] == "True"
