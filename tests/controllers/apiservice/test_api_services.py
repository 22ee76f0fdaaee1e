"""Whether the servers of other API groups could be reached, and what comes of it."""

import aiohttp
import pytest

from miniplane import testing
from miniplane.api.resources import CONFIGMAPS, NAMESPACES, PODS, SERVICES
from miniplane.controllers.apiservice import plan
from miniplane.controllers.apiservice.controller import API_SERVICES
from miniplane.testing import objects

NAME = "v1.things.example.com"


def api_service(**service):
    spec = {"group": "things.example.com", "version": "v1"}
    spec |= {"groupPriorityMinimum": 100, "versionPriority": 100}
    if service:
        spec |= {"insecureSkipTLSVerify": True, "service": {"namespace": "default", **service}}
    return {"metadata": {"name": NAME}, "spec": spec}


def service(*ports, kind="ClusterIP"):
    return {"spec": {"type": kind, "ports": [{"name": n, "port": p} for n, p in ports]}}


def piece(port, ready):
    endpoint = {"addresses": ["10.244.0.2"], "conditions": {"ready": ready}}
    return {"endpoints": [endpoint], "ports": [{"name": port, "port": 8443}]}


WHERE = 'service/api in "default"'


@pytest.mark.parametrize(
    "found, slices, expected",
    [
        (None, [], ("False", "ServiceNotFound", f"{WHERE} is not present")),
        (
            service(("https", 8443)),
            [],
            ("False", "ServicePortError", f"{WHERE} is not listening on port 443"),
        ),
        (
            service(("https", 443)),
            [],
            ("False", "EndpointsNotFound", f"cannot find endpointslices for {WHERE}"),
        ),
        (
            service(("https", 443)),
            [piece("https", False), piece("other", True)],
            (
                "False",
                "MissingEndpoints",
                f'endpointslices for {WHERE} have no addresses with port name "https"',
            ),
        ),
        (service(("https", 443)), [piece("https", True)], ("True", "Passed", "all checks passed")),
        (service(kind="ExternalName"), [], ("True", "Passed", "all checks passed")),
    ],
)
def test_what_is_said_of_a_server_elsewhere(found, slices, expected):
    assert plan.available(api_service(name="api"), found, slices) == expected


def test_what_is_served_here_is_available():
    words = plan.available(api_service(), None, [])
    assert words == ("True", "Local", "Local APIServices are always available")


async def available(c):
    found = await c.client.get(API_SERVICES, NAME)
    (condition,) = found["status"]["conditions"]
    return condition["status"], condition["reason"]


async def test_a_server_becomes_available_with_its_pods():
    async with testing.cluster(nodes=1) as c:
        await c.client.create(API_SERVICES, api_service(name="api"))
        await c.settle()
        assert await available(c) == ("False", "ServiceNotFound")
        meta = {"name": "api", "namespace": "default"}
        spec = {"selector": {"app": "api"}, "ports": [{"port": 443}]}
        await c.client.create(SERVICES, {"metadata": meta, "spec": spec})
        await c.settle()
        assert await available(c) == ("False", "MissingEndpoints")
        await c.client.create(PODS, objects.pod("api", labels={"app": "api"}))
        await c.settle()
        assert await available(c) == ("True", "Passed")


async def test_namespaces_wait_for_servers_that_cannot_be_asked():
    async with testing.cluster(nodes=0) as c:
        await c.client.create(API_SERVICES, api_service(name="api"))
        await c.client.create(NAMESPACES, objects.namespace("a"))
        await c.client.create(CONFIGMAPS, objects.config_map("x", namespace="a"))
        await c.client.delete(NAMESPACES, "a")
        await c.settle()
        namespace = await c.client.get(NAMESPACES, "a")
        told = {x["type"]: x for x in namespace["status"]["conditions"]}
        failure = told["NamespaceDeletionDiscoveryFailure"]
        assert (failure["status"], failure["reason"]) == ("True", "DiscoveryFailed")
        assert failure["message"] == (
            "Discovery failed for some groups, 1 failing: unable to retrieve the complete list of "
            "server APIs: things.example.com/v1: stale GroupVersion discovery: "
            "things.example.com/v1"
        )
        assert told["NamespaceContentRemaining"]["status"] == "False"
        assert await c.list(CONFIGMAPS, "a") == []
        await c.client.delete(API_SERVICES, NAME)
        await c.settle()
        assert "a" not in [n["metadata"]["name"] for n in await c.list(NAMESPACES)]


async def test_the_metrics_server_is_left_alone():
    async with testing.cluster(nodes=0, metrics_server=True) as c:
        await c.settle()
        found = await c.client.get(API_SERVICES, "v1beta1.metrics.k8s.io")
        assert found["status"]["conditions"][0]["reason"] == "Passed"


@pytest.mark.parametrize(
    ("backed", "status", "text"),
    [
        (None, 404, "404 page not found\n"),
        (False, 503, "service unavailable\n"),
        (
            True,
            501,
            "miniplane passes no requests on to the servers of APIServices: things.example.com/v1 "
            "is served by the service default/api",
        ),
    ],
)
async def test_requests_for_a_server_elsewhere_are_told_why_they_get_nowhere(backed, status, text):
    async with (
        testing.cluster(nodes=1, http=True) as c,
        aiohttp.ClientSession(c.url) as session,
    ):
        if backed is not None:
            await c.client.create(API_SERVICES, api_service(name="api"))
        if backed:
            outside = {"type": "ExternalName", "externalName": "api.example.com"}
            made = {"metadata": {"name": "api"}, "spec": outside}
            await c.client.create(SERVICES, made, namespace="default")
        await c.settle()
        base = "/apis/things.example.com/v1"
        for path in (base, f"{base}/things", f"{base}/namespaces/default/things/x"):
            async with session.get(path) as answer:
                assert answer.status == status
                said = (await answer.json())["message"] if status == 501 else await answer.text()
                assert said == text
        async with session.get("/apis/things.example.com/v2/things") as answer:
            assert answer.status == 404
