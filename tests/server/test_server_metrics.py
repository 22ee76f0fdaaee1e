"""`/metrics`: what is counted of requests, and in which form it is told."""

import asyncio
import re

import pytest

from miniplane import metrics, testing
from miniplane.api import resources
from miniplane.metrics import Histogram
from miniplane.testing import objects


def series(text, name):
    """All series of a name: their labels, as they stand there, and their values."""
    found = re.findall(rf"^{name}(?:{{(.*)}})? (\S+)$", text, re.M)
    return {labels: float(value) for labels, value in found}


@pytest.fixture
async def cluster():
    async with testing.cluster(nodes=1, http=True) as made:
        yield made


@pytest.fixture
async def ask(cluster, fetch):
    async def ask(path, method="GET", **options):
        return await fetch(method, cluster.url + path, **options)

    return ask


@pytest.fixture
async def fetch():
    import aiohttp

    async with aiohttp.ClientSession() as session:

        async def fetch(method, url, **options):
            async with session.request(method, url, **options) as answer:
                return await answer.text()

        yield fetch


async def requests(ask, **labels):
    """How many requests with these labels were counted."""
    text = await ask("/metrics")
    wanted = [f'{name}="{value}"' for name, value in labels.items()]
    found = series(text, "apiserver_request_total")
    return sum(n for where, n in found.items() if all(w in where.split(",") for w in wanted))


async def test_requests_are_counted_by_verb_and_code(ask):
    await ask("/api/v1/namespaces/default/pods")
    await ask("/api/v1/pods")
    await ask("/api/v1/namespaces/default/pods/none")
    config_map = {"metadata": {"name": "c"}}
    await ask("/api/v1/namespaces/default/configmaps?dryRun=All", "POST", json=config_map)
    apply = {"data": b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}"}
    apply["headers"] = {"Content-Type": "application/apply-patch+yaml"}
    await ask("/api/v1/namespaces/default/configmaps/c?fieldManager=t", "PATCH", **apply)
    for labels in (
        {"verb": "LIST", "scope": "namespace", "resource": "pods", "code": 200},
        {"verb": "LIST", "scope": "cluster", "resource": "pods"},
        {"verb": "GET", "scope": "resource", "resource": "pods", "code": 404},
        {"verb": "POST", "resource": "configmaps", "dry_run": "All", "code": 201},
        {"verb": "APPLY", "resource": "configmaps", "dry_run": "", "group": ""},
    ):
        assert await requests(ask, **labels) == 1, labels


async def test_mistakes_make_no_new_series(ask):
    for method in ("LOCK", "MKCOL", "PROPFIND", "REPORT", "SEARCH"):
        await ask(f"/nope/{method}")
        await ask(f"/api/v1/nope{method}")
        await ask("/api/v1/namespaces/default", method)
    text = await ask("/metrics")
    assert len(series(text, "apiserver_request_total")) <= 3
    assert await requests(ask, resource="", code=404) == 10
    assert await requests(ask, verb="other", code=405) == 5


async def test_watches_are_counted_while_they_last_and_after(ask, cluster, fetch):
    watching = asyncio.create_task(fetch("GET", f"{cluster.url}/api/v1/configmaps?watch=1"))
    name = "apiserver_longrunning_requests"
    while not (going := series(await ask("/metrics"), name)):
        await asyncio.sleep(0)
    [(labels, number)] = going.items()
    assert 'resource="configmaps"' in labels and 'verb="WATCH"' in labels
    assert number == 1
    watching.cancel()
    while await requests(ask, verb="WATCH") != 1:
        await asyncio.sleep(0)
    assert not series(await ask("/metrics"), name)


async def test_objects_and_queues(ask, cluster):
    await cluster.client.create(
        resources.CONFIGMAPS, {"metadata": {"name": "a"}}, namespace="default"
    )
    await cluster.client.create(resources.DEPLOYMENTS, objects.deployment("web", replicas=2))
    await cluster.settle()
    text = await ask("/metrics")
    assert series(text, "apiserver_storage_objects")['resource="pods"'] == 2
    assert series(text, "apiserver_resource_objects")['group="apps",resource="deployments"'] == 1
    reconciled = series(text, "controller_runtime_reconcile_total")
    assert reconciled['controller="deployment-controller",result="success"'] > 0
    assert series(text, "workqueue_adds_total")['name="replicaset-controller"'] > 0
    assert set(series(text, "workqueue_depth").values()) == {0.0}
    assert series(text, "process_cpu_seconds_total")[""] > 0
    gates = series(text, "kubernetes_feature_enabled")
    assert gates['name="MaxUnavailableStatefulSet",stage="BETA"'] == 0


async def test_health_checks_are_counted(ask):
    assert series(await ask("/metrics/slis"), "kubernetes_healthcheck") == {}
    await ask("/livez")
    await ask("/livez/ping")
    text = await ask("/metrics/slis")
    assert series(text, "kubernetes_healthcheck")['name="etcd",type="livez"'] == 1
    where = 'name="ping",status="success",type="livez"'
    assert series(text, "kubernetes_healthchecks_total")[where] == 2


async def test_prometheus_can_read_it(ask):
    parser = pytest.importorskip("prometheus_client.parser")
    await ask("/api/v1/pods")
    families = {f.name: f for f in parser.text_string_to_metric_families(await ask("/metrics"))}
    durations = families["apiserver_request_duration_seconds"]
    assert durations.type == "histogram"
    pods = [s for s in durations.samples if s.labels["resource"] == "pods"]
    assert [s.value for s in pods if s.labels.get("le") == "+Inf"] == [1.0]


def test_the_text_form():
    odd = metrics.labels(b='say "hi"\n', a="back\\slash")
    seen = metrics.histogram("h", "Two\nlines.", {odd: Histogram((0.5, 2.0), (1, 0, 2), 7.25)})
    assert metrics.exposition([seen, metrics.gauge("empty", "Nothing.", {})]).decode() == (
        "# HELP h Two\\nlines.\n"
        "# TYPE h histogram\n"
        'h_bucket{a="back\\\\slash",b="say \\"hi\\"\\n",le="0.5"} 1\n'
        'h_bucket{a="back\\\\slash",b="say \\"hi\\"\\n",le="2"} 1\n'
        'h_bucket{a="back\\\\slash",b="say \\"hi\\"\\n",le="+Inf"} 3\n'
        'h_sum{a="back\\\\slash",b="say \\"hi\\"\\n"} 7.25\n'
        'h_count{a="back\\\\slash",b="say \\"hi\\"\\n"} 3\n'
    )
