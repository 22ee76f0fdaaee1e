import dataclasses
import re

import aiohttp
import pytest
import yaml

from miniplane.api import resources
from miniplane.clock import RealClock
from miniplane.config import Config
from miniplane.server.app import create_app
from miniplane.server.serve import Server
from miniplane.server.served import Served

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
KUBECTL = f"{AGGREGATED},application/json;g=apidiscovery.k8s.io;v=v2beta1;as=X,application/json"


async def test_plain_discovery(http):
    api = (await http("GET /api")).json
    assert (api["kind"], api["versions"]) == ("APIVersions", ["v1"])
    address = http.url.removeprefix("http://")
    assert api["serverAddressByClientCIDRs"][0]["serverAddress"] == address
    groups = (await http("GET /apis")).json
    assert (groups["kind"], groups["apiVersion"]) == ("APIGroupList", "v1")
    assert "apps" in [group["name"] for group in groups["groups"]]
    group = (await http("GET /apis/autoscaling")).json
    assert group["kind"] == "APIGroup"
    assert group["preferredVersion"]["version"] == "v2"
    for path, version in (("/api/v1", "v1"), ("/apis/apps/v1", "apps/v1")):
        resources = (await http(f"GET {path}")).json
        assert (resources["kind"], resources["groupVersion"]) == ("APIResourceList", version)


@pytest.mark.parametrize(("path", "core"), [("/api", True), ("/apis", False)])
async def test_aggregated_discovery(http, path, core):
    answer = await http(f"GET {path}", Accept=KUBECTL)
    assert answer.type == AGGREGATED
    assert answer.json["kind"] == "APIGroupDiscoveryList"
    assert answer.json["apiVersion"] == "apidiscovery.k8s.io/v2"
    assert ("name" not in answer.json["items"][0]["metadata"]) == core
    again = await http(f"GET {path}", Accept=KUBECTL, If_None_Match=answer.headers["ETag"])
    assert (again.status, again.body) == (304, b"")


async def test_an_unknown_form_of_discovery_falls_back(http):
    unknown = AGGREGATED.replace("v=v2", "v=v9")
    answer = await http("GET /apis", Accept=f"{unknown},application/json")
    assert (answer.type, answer.json["kind"]) == ("application/json", "APIGroupList")
    assert (await http("GET /apis", Accept=unknown)).status == 406


async def test_discovery_in_yaml(http):
    answer = await http("GET /apis/policy/v1", Accept="application/yaml")
    assert yaml.safe_load(answer.body)["groupVersion"] == "policy/v1"


@pytest.mark.parametrize("path", ["/api/v2", "/apis/apps/v1beta1"])
async def test_versions_that_are_not_served(http, path):
    answer = await http(f"GET {path}")
    assert (answer.status, answer.json["reason"]) == (404, "NotFound")


async def test_the_version(http):
    answer = await http("GET /version")
    assert (answer.json["major"], answer.json["minor"]) == ("1", "36")
    assert answer.json["gitVersion"] == "v1.36.2"
    assert answer.body.startswith(b'{\n  "major"')


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz", "/livez/ping", "/readyz/etcd"])
async def test_health(http, path):
    answer = await http(f"GET {path}", Accept="*/*")
    assert (answer.status, answer.body) == (200, b"ok")
    assert answer.type == "text/plain; charset=utf-8"


async def test_health_in_many_words(http):
    answer = await http("GET /readyz?verbose&exclude=etcd&exclude=moon")
    lines = answer.body.decode().splitlines()
    assert lines[0] == "[+]ping ok"
    assert "[+]etcd excluded: ok" in lines
    assert lines[-2] == 'warn: some health checks cannot be excluded: no matches for "moon"'
    assert lines[-1] == "readyz check passed"
    assert (await http("GET /readyz?exclude=etcd")).body == b"ok"
    assert (await http("GET /healthz/nope")).status == 404


async def test_the_list_of_paths(http):
    paths = (await http("GET /")).json["paths"]
    assert paths == sorted(paths)
    assert {"/api/v1", "/apis/apps/v1", "/readyz/ping", "/openapi/v3"} <= {*paths}
    for path in paths:
        if not path.startswith("/openapi"):
            assert (await http(f"GET {path}")).status == 200, path


async def test_metrics_name_the_version(http):
    answer = await http("GET /metrics", Accept="*/*")
    assert re.search(rb'^kubernetes_build_info{.*git_version="v1.36.2".*} 1$', answer.body, re.M)


@pytest.mark.parametrize("path", ["/logs", "/metrics/x", "/openapi", "/openapi/v4"])
async def test_pages_that_are_not_there(http, path):
    assert (await http(f"GET {path}")).body == b"404 page not found\n"


async def test_openapi_documents_can_be_kept_for_ever(http):
    index = (await http("GET /openapi/v3")).json
    url = index["paths"]["apis/apps/v1"]["serverRelativeURL"]
    assert url.startswith("/openapi/v3/apis/apps/v1?hash=")
    answer = await http(f"GET {url}")
    assert answer.json["openapi"] == "3.0.0"
    assert answer.headers["Cache-Control"] == "public, immutable"
    assert answer.headers["Expires"].endswith("GMT")
    assert (await http(f"GET {url}", If_None_Match=answer.headers["ETag"])).status == 304
    plain = await http("GET /openapi/v3/apis/apps/v1")
    assert plain.body == answer.body
    assert plain.headers["Cache-Control"] == "no-cache, private"


async def test_an_old_hash_leads_to_the_new_one(http):
    async with http.session.get(
        f"{http.url}/openapi/v3/api/v1?hash=OLD", allow_redirects=False
    ) as answer:
        assert answer.status == 301
        assert answer.headers["Location"].startswith("/openapi/v3/api/v1?hash=")
    assert (await http("GET /openapi/v3/apis/nope.example.com/v1")).status == 404


async def test_openapi_v3_is_json_alone(http):
    protobuf = "application/com.github.proto-openapi.spec.v3.v1.0+protobuf"
    refused = await http("GET /openapi/v3/version", Accept=protobuf)
    assert (refused.status, refused.body) == (406, b"")
    answer = await http("GET /openapi/v3/version", Accept=f"{protobuf},*/*")
    assert answer.json["openapi"] == "3.0.0"


async def test_the_openapi_v3_index_knows_one_form_and_no_type(http):
    answer = await http("GET /openapi/v3", Accept="text/html")
    assert (answer.status, answer.type) == (200, "text/plain; charset=utf-8")
    assert "api/v1" in answer.json["paths"]


async def test_below_the_openapi_v3_index_there_are_documents_and_empty_404s(http):
    for path in ("", "nope", "api/v1/"):
        answer = await http(f"GET /openapi/v3/{path}")
        assert (answer.status, answer.body) == (404, b""), path


async def test_health_checks_have_no_slash_behind_them(http):
    for path in ("/healthz/", "/livez/ping/"):
        assert (await http(f"GET {path}")).body == b"404 page not found\n"


async def test_nothing_is_below_the_version(http):
    answer = await http("GET /version/more")
    assert (answer.status, answer.json["reason"]) == (404, "NotFound")
    assert (await http("GET /version/")).status == 200


async def test_yaml_has_no_anchors(http):
    answer = await http("GET /apis/policy", Accept="application/yaml")
    assert b"&" not in answer.body
    assert answer.body.count(b"groupVersion: policy/v1") == 2


async def test_openapi_v2_is_json_or_protobuf(http):
    assert (await http("GET /openapi/v2")).json["swagger"] == "2.0"
    new = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
    for asked in (new, new.replace("v2.v1", "v2@v1")):
        answer = await http("GET /openapi/v2", Accept=asked)
        assert answer.type == new
        assert answer.body.startswith(b"\n\x032.0\x12")
    assert (await http("GET /openapi/v2", Accept="text/html")).status == 406


async def test_discovery_in_protobuf(http):
    ask = {"Accept": "application/vnd.kubernetes.protobuf,application/json"}
    answer = await http("GET /apis/policy", **ask)
    assert answer.type == "application/vnd.kubernetes.protobuf"
    version = b"\n\tpolicy/v1\x12\x02v1"
    assert answer.body == (
        b"k8s\0\n\x0e\n\x02v1\x12\x08APIGroup\x12*\n\x06policy"
        + (b"\x12\x0f" + version)
        + (b"\x1a\x0f" + version)
        + b'\x1a\0"\0'
    )
    for path in ("/api", "/apis", "/api/v1"):
        answer = await http(f"GET {path}", **ask)
        assert answer.body.startswith(b"k8s\0")


async def test_a_resource_in_protobuf(http):
    answer = await http("GET /apis/events.k8s.io/v1", Accept="application/vnd.kubernetes.protobuf")
    assert b"\n\x06events\x10\x01\x1a\x05Event\x22" in answer.body
    assert b"\n\x06create\n\x06delete" in answer.body


async def test_more_resources_can_be_served(registry):
    row = dataclasses.replace(
        resources.CONFIGMAPS, group="example.com", kind="Gadget", plural="gadgets", definition=""
    )

    class More(Served):
        def rows(self):
            return (*super().rows(), row)

        def find(self, group, version, plural):
            wanted = (group, version, plural) == ("example.com", "v1", "gadgets")
            return row if wanted else super().find(group, version, plural)

        def has_group(self, group):
            return group == "example.com" or super().has_group(group)

    config = Config(port=0)
    app = create_app(registry, clock=RealClock(), config=config, served=More())
    async with Server(app, config) as server, aiohttp.ClientSession(server.url) as session:

        async def get(path):
            async with session.get(path) as answer:
                return await answer.json()

        assert (await get("/apis/example.com/v1/gadgets"))["kind"] == "GadgetList"
        assert (await get("/apis/example.com/v1"))["resources"][0]["name"] == "gadgets"
        assert (await get("/apis/example.com/v2"))["reason"] == "NotFound"
        assert "/apis/example.com/v1" in (await get("/"))["paths"]
