import pytest
import yaml

from miniplane.api import errors, resources

POD = "/api/v1/namespaces/default/pods/web-0"
PODS = "/api/v1/namespaces/default/pods"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
METADATA = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"


async def test_an_object_goes_out_as_it_is_kept(http, pod):
    answer = await http(f"GET {POD}")
    assert answer.status == 200
    assert answer.body == pod.json + b"\n"
    assert answer.type == "application/json"
    assert answer.headers["Cache-Control"] == "no-cache, private"


async def test_a_list_is_made_of_the_items_as_they_are_kept(http, registry, pod):
    answer = await http(f"GET {PODS}")
    assert answer.body == (
        b'{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"11"},"items":['
        + pod.data
        + b"]}\n"
    )


async def test_an_empty_list_has_an_empty_list_of_items(http):
    answer = await http("GET /apis/apps/v1/statefulsets")
    assert answer.json == {
        "kind": "StatefulSetList",
        "apiVersion": "apps/v1",
        "metadata": {"resourceVersion": "10"},
        "items": [],
    }


async def test_a_page_says_where_to_go_on(http, registry, pod):
    registry.answer["list"] = lambda *_: registry.page([pod], 11, "token", 4)
    answer = await http(f"GET {PODS}?limit=1")
    assert answer.json["metadata"] == {
        "resourceVersion": "11",
        "continue": "token",
        "remainingItemCount": 4,
    }


@pytest.mark.parametrize("path", [POD, PODS])
async def test_yaml_is_written_on_demand(http, pod, path):
    answer = await http(f"GET {path}", Accept="application/yaml")
    assert answer.type == "application/yaml"
    assert yaml.safe_load(answer.body) == (await http(f"GET {path}")).json


@pytest.mark.parametrize(
    "ask",
    [
        {"User-Agent": "curl/8.0"},
        {"User-Agent": "Mozilla/5.0 (X11)"},
        {"Accept": "application/json;pretty=1"},
        {"query": "?pretty=true"},
        {"query": "?pretty=1", "User-Agent": ""},
    ],
)
async def test_people_get_indented_json(http, pod, ask):
    query = ask.pop("query", "")
    answer = await http(f"GET {POD}{query}", **{k.replace("-", "_"): v for k, v in ask.items()})
    assert answer.body.startswith(b'{\n  "kind": "Pod",\n  "apiVersion": "v1",')
    assert answer.json == pod.obj


async def test_pretty_false_wins_over_the_user_agent(http, pod):
    answer = await http(f"GET {POD}?pretty=false", User_Agent="curl/8.0")
    assert answer.body == pod.json + b"\n"


async def test_metadata_of_an_object_and_of_a_list(http, pod):
    one = await http(f"GET {POD}", Accept=METADATA)
    assert one.json == {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": pod.obj["metadata"],
    }
    old = await http(f"GET {POD}", Accept=METADATA.replace("v=v1", "v=v1beta1"))
    assert old.json["apiVersion"] == "meta.k8s.io/v1beta1"
    many = await http(f"GET {PODS}", Accept=METADATA_LIST)
    assert many.json["kind"] == "PartialObjectMetadataList"
    assert many.json["metadata"] == {"resourceVersion": "11"}
    assert many.json["items"] == [one.json]


async def test_a_form_that_does_not_fit_is_refused(http, registry, pod):
    one = await http(f"GET {POD}", Accept=METADATA_LIST)
    assert one.status == 406
    assert one.json["message"] == (
        "you requested PartialObjectMetadataList, but the requested object is not a list "
        "(*core.Pod)"
    )
    many = await http("GET /apis/apps/v1/deployments", Accept=METADATA)
    assert many.status == 406
    assert many.json["message"].endswith("the requested object is a list (*apps.DeploymentList)")


async def test_tables(http, registry, pod):
    answer = await http(f"GET {PODS}", Accept=f"{TABLE},application/json")
    table = answer.json
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert table["metadata"] == {"resourceVersion": "11"}
    assert table["columnDefinitions"][0]["name"] == "Name"
    assert table["rows"][0]["cells"][0] == "web-0"
    assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    one = await http(f"GET {POD}?includeObject=Object", Accept=TABLE)
    assert one.json["metadata"] == {"resourceVersion": "11"}
    assert one.json["rows"][0]["object"]["kind"] == "Pod"
    old = await http(f"GET {POD}", Accept=TABLE.replace("v=v1", "v=v1beta1"))
    assert old.json["apiVersion"] == "meta.k8s.io/v1beta1"
    assert old.json["rows"][0]["object"]["apiVersion"] == "meta.k8s.io/v1beta1"


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
@pytest.mark.parametrize(("plural", "rows"), [("pods", []), ("limitranges", None)])
async def test_a_table_of_nothing(http, version, plural, rows):
    answer = await http(f"GET /api/v1/{plural}", Accept=TABLE.replace("v=v1", f"v={version}"))
    assert (answer.status, answer.json["apiVersion"]) == (200, f"meta.k8s.io/{version}")
    assert answer.json["rows"] == rows


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
async def test_the_rows_of_a_table_have_their_own_objects(http, registry, version):
    schemas = resources.resource("flowschemas", "flowcontrol.apiserver.k8s.io")
    for name, precedence in (("a", 9), ("b", 1)):
        spec = {"matchingPrecedence": precedence, "priorityLevelConfiguration": {"name": "x"}}
        registry.put(schemas, {"metadata": {"name": name}, "spec": spec})
    accept = TABLE.replace("v=v1", f"v={version}")
    answer = await http(f"GET {schemas.path}/flowschemas", Accept=accept)
    rows = answer.json["rows"]
    assert [row["cells"][0] for row in rows] == ["b", "a"]
    assert [row["object"]["metadata"]["name"] for row in rows] == ["b", "a"]


async def test_a_bad_include_object_is_refused(http, pod):
    answer = await http(f"GET {PODS}?includeObject=All", Accept=TABLE)
    assert answer.status == 400
    assert answer.json["message"] == (
        'Unable to convert to Table as requested: includeObject: Invalid value: "All": '
        "must be 'Metadata', 'Object', 'None', or empty"
    )


async def test_list_options_reach_the_registry(http, registry):
    await http(
        f"GET {PODS}?labelSelector=a%3Db&fieldSelector=spec.nodeName%3Dn&limit=5&continue=c"
        "&resourceVersion=7&timeoutSeconds=3"
    )
    (_, namespace, options), _ = registry.last("list")
    assert namespace == "default"
    assert (options.label_selector, options.field_selector) == ("a=b", "spec.nodeName=n")
    assert (options.limit, options.continue_) == (5, "c")
    assert (options.resource_version, options.timeout_seconds) == ("7", 3)


@pytest.mark.parametrize(
    ("query", "messages"),
    [
        (
            "resourceVersionMatch=Exact",
            ["resourceVersionMatch is forbidden unless resourceVersion is provided"],
        ),
        (
            "resourceVersionMatch=Exact&resourceVersion=0",
            ['resourceVersionMatch "exact" is forbidden for resourceVersion "0"'],
        ),
        (
            "resourceVersionMatch=NotOlderThan&resourceVersion=1&continue=x",
            ["resourceVersionMatch is forbidden when continue is provided"],
        ),
        (
            "sendInitialEvents=true&resourceVersionMatch=Never",
            [
                "resourceVersionMatch is forbidden unless resourceVersion is provided",
                'supported values: "Exact", "NotOlderThan", ""',
                "sendInitialEvents is forbidden for list",
            ],
        ),
    ],
)
async def test_list_options_that_contradict_each_other(http, registry, query, messages):
    answer = await http(f"GET {PODS}?{query}")
    assert answer.status == 422
    assert answer.json["details"]["kind"] == "ListOptions"
    assert answer.json["details"]["group"] == "meta.k8s.io"
    causes = [cause["message"] for cause in answer.json["details"]["causes"]]
    assert len(causes) == len(messages)
    for cause, message in zip(causes, messages, strict=True):
        assert cause.endswith(message)
    assert registry.calls == []


async def test_numbers_must_be_numbers(http):
    answer = await http(f"GET {PODS}?limit=many")
    assert answer.status == 400
    assert answer.json["message"] == 'strconv.ParseInt: parsing "many": invalid syntax'
    answer = await http(f"GET {PODS}?timeoutSeconds=9999999999999999999")
    assert answer.json["message"].endswith("value out of range")


async def test_the_resource_version_of_a_get_reaches_the_registry(http, registry, pod):
    await http(f"GET {POD}?resourceVersion=5")
    assert registry.last("get")[1] == {"subresource": "", "resource_version": "5"}


async def test_subresources_are_named_to_the_registry(http, registry, pod):
    await http(f"GET {POD}/status")
    assert registry.last("get")[1] == {"subresource": "status"}


async def test_cluster_scoped_objects_have_no_namespace(http, registry):
    registry.put(resources.NAMESPACES, {"metadata": {"name": "a"}})
    answer = await http("GET /api/v1/namespaces/a")
    assert answer.status == 200
    assert registry.last("get")[0][1:] == ("", "a")


async def test_streams_answer_what_the_registry_says(http, registry, pod):
    def refuse(*_, **__):
        raise errors.not_implemented("no exec here")

    registry.answer["create"] = refuse
    answer = await http(f"POST {POD}/exec?command=sh", Connection="Upgrade", Upgrade="SPDY/3.1")
    assert (answer.status, answer.json["message"]) == (501, "no exec here")
    registry.answer["get"] = refuse
    answer = await http(f"GET {POD}/log", Accept="*/*")
    assert answer.status == 501


async def test_deprecated_kinds_come_with_a_warning(http):
    answer = await http("GET /api/v1/endpoints")
    assert answer.warnings == [
        '299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"'
    ]
    answer = await http("GET /api/v1/componentstatuses?watch=1")
    assert answer.status == 405
    assert answer.json["message"] == (
        'watch is not supported on resources of kind "componentstatuses"'
    )
    assert answer.warnings == ['299 - "v1 ComponentStatus is deprecated in v1.19+"']
