import gzip

import pytest

from miniplane.api import resources
from miniplane.api.options import DeleteOptions, WriteOptions
from miniplane.server import decode

MAPS = "/api/v1/namespaces/a/configmaps"
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"
MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}


async def test_a_create_is_answered_with_201_and_the_object(http, registry):
    answer = await http(f"POST {MAPS}", body=MAP)
    assert answer.status == 201
    assert answer.json["metadata"]["name"] == "c"
    (resource, namespace, raw, options), rest = registry.last("create")
    assert (resource, namespace, raw) == (resources.CONFIGMAPS, "a", MAP)
    assert options == WriteOptions(field_manager="kubectl")
    assert rest == {"name": "", "subresource": ""}


async def test_options_of_a_write(http, registry):
    query = "fieldManager=me&dryRun=All&fieldValidation=Strict"
    await http(f"POST {MAPS}?{query}", body=MAP)
    (*_, options), _ = registry.last("create")
    assert options == WriteOptions(field_manager="me", dry_run=True, field_validation="Strict")


@pytest.mark.parametrize(
    ("user_agent", "manager"),
    [("kubectl/v1.36 (linux)", "kubectl"), ("", "unknown"), ("/x", "unknown"), ("a b", "a b")],
)
async def test_a_client_that_names_no_manager_is_known_by_its_user_agent(
    http, registry, user_agent, manager
):
    await http(f"POST {MAPS}", body=MAP, User_Agent=user_agent)
    (*_, options), _ = registry.last("create")
    assert options.field_manager == manager


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ("dryRun=Yes", "dryRun", 'Unsupported value: ["Yes"]: supported values: "All"'),
        (
            "fieldValidation=Often",
            "fieldValidation",
            'Unsupported value: "Often": supported values: "", "Ignore", "Strict", "Warn"',
        ),
        ("fieldManager=" + "x" * 129, "fieldManager", "Too long: may not be more than 128 bytes"),
        (
            "fieldManager=a%07",
            "fieldManager",
            'Invalid value: "a\\a": invalid character U+0007 (at position 1)',
        ),
    ],
)
async def test_bad_options_of_a_write(http, registry, query, field, message):
    answer = await http(f"POST {MAPS}?{query}", body=MAP)
    assert answer.status == 422
    assert answer.json["details"]["kind"] == "CreateOptions"
    assert answer.json["details"]["causes"][0]["field"] == field
    assert answer.json["details"]["causes"][0]["message"] == message
    assert registry.calls == []


async def test_an_update_that_creates_is_a_201(http, registry):
    assert (await http(f"PUT {MAPS}/c", body=MAP)).status == 200
    made = registry.put(resources.CONFIGMAPS, MAP)
    registry.answer["update"] = lambda *_, **__: registry.result(made, created=True)
    answer = await http(f"PUT {MAPS}/c", body=MAP)
    assert answer.status == 201
    (_, namespace, name, raw, _), rest = registry.last("update")
    assert (namespace, name, raw, rest) == ("a", "c", MAP, {"subresource": ""})


async def test_an_answer_that_is_not_the_object(http, registry):
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    registry.answer["create"] = lambda *_, **__: registry.result(None, status=status)
    answer = await http(
        "POST /api/v1/namespaces/a/pods/p/eviction",
        body={"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}},
    )
    assert (answer.status, answer.json) == (201, status)
    assert registry.last("create")[1] == {"name": "p", "subresource": "eviction"}


async def test_warnings_become_headers(http, registry):
    made = registry.put(resources.CONFIGMAPS, MAP)
    warnings = ['unknown field "a\\b"', "twice", "twice"]
    registry.answer["create"] = lambda *_, **__: registry.result(made, warnings)
    answer = await http(f"POST {MAPS}", body=MAP)
    assert answer.warnings == ['299 - "unknown field \\"a\\\\b\\""', '299 - "twice"']


async def test_warnings_without_end_are_cut(http, registry):
    made = registry.put(resources.CONFIGMAPS, MAP)
    warnings = [f"{i} {'x' * 500}" for i in range(50)]
    registry.answer["create"] = lambda *_, **__: registry.result(made, warnings)
    answer = await http(f"POST {MAPS}", body=MAP)
    assert 1 < len(answer.warnings) < 50
    assert all(len(warning) < 300 for warning in answer.warnings)


# -- bodies


async def test_a_body_may_be_yaml_or_untyped_json(http, registry):
    body = b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\n"
    for content_type in ("application/yaml", "application/yaml; charset=utf-8"):
        assert (await http(f"POST {MAPS}", body=body, Content_Type=content_type)).status == 201
        assert registry.last("create")[0][2] == MAP
    untyped = b'{"metadata": {"name": "d"}}'
    assert (await http(f"POST {MAPS}", body=untyped, Content_Type="")).status == 201


async def test_other_media_types_are_refused(http, registry):
    answer = await http(f"POST {MAPS}", body=MAP, Content_Type="text/plain")
    assert answer.status == 415
    assert answer.json["message"] == (
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json, application/yaml, application/vnd.kubernetes.protobuf"
    )
    assert "details" not in answer.json


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            b'{"apiVersion": "v1", "kind": "ConfigMap", ',
            "the object provided is unrecognized (must be of type ConfigMap): couldn't get "
            "version/kind; json parse error: unexpected end of JSON input "
            '({"apiVersion": "v1", "kind": " ...)',
        ),
        (
            b"",
            "the object provided is unrecognized (must be of type ConfigMap): couldn't get "
            "version/kind; json parse error: unexpected end of JSON input (<empty>)",
        ),
        (
            {"apiVersion": "v1", "kind": "Secret"},
            'Secret in version "v1" cannot be handled as a ConfigMap: converting (v1.Secret) to '
            "(core.ConfigMap): unknown conversion",
        ),
        (
            {"apiVersion": "apps/v1", "kind": "ConfigMap"},
            'ConfigMap in version "v1" cannot be handled as a ConfigMap: no kind "ConfigMap" is '
            'registered for version "apps/v1" in scheme "pkg/api/legacyscheme/scheme.go:30"',
        ),
    ],
)
async def test_bodies_that_are_not_the_object(http, registry, body, message):
    answer = await http(f"POST {MAPS}", body=body)
    assert answer.status == 400
    assert answer.json["reason"] == "BadRequest"
    assert answer.json["message"] == message
    assert registry.calls == []


async def test_the_body_of_a_subresource_has_its_own_kind(http, registry):
    body = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "w"}}
    answer = await http("PUT /apis/apps/v1/namespaces/a/statefulsets/w/scale", body=body)
    assert answer.json["message"] == (
        'StatefulSet in version "v1" cannot be handled as a Scale: converting (v1.StatefulSet) to '
        "(autoscaling.Scale): unknown conversion"
    )


async def test_doubled_yaml_keys(http, registry):
    body = (
        b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  a: b\n  a: c\nextra: 1\n"
    )
    what = 'yaml: unmarshal errors:\n  line 6: key "a" already set in map'
    ask = {"body": body, "Content_Type": "application/yaml"}
    strict = await http(f"POST {MAPS}?fieldValidation=Strict", **ask)
    assert strict.status == 400
    assert strict.json["message"] == (
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: '
        f'{what}, unknown field "extra"'
    )
    warned = await http(f"POST {MAPS}", **ask)
    assert warned.status == 201
    assert len(warned.warnings) == 1
    assert "already set in map" in warned.warnings[0]
    ignored = await http(f"POST {MAPS}?fieldValidation=Ignore", **ask)
    assert ignored.warnings == []


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_has_a_limit(http, registry, chunked):
    data = b'{"data": {"k": "' + b"x" * decode.LIMIT + b'"}}'

    async def pieces():
        yield data

    answer = await http(f"POST {MAPS}", body=pieces() if chunked else data)
    assert answer.status == 413
    assert answer.json["reason"] == "RequestEntityTooLarge"
    assert answer.json["message"] == "Request entity too large: limit is 3145728"
    assert registry.calls == []


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "x"])
async def test_bodies_are_never_unpacked(http, registry, encoding):
    packed = await http(
        f"POST {MAPS}", body=gzip.compress(b'{"metadata":{}}'), Content_Encoding=encoding
    )
    assert (packed.status, packed.json["reason"]) == (400, "BadRequest")
    plain = await http(f"POST {MAPS}", body=MAP, Content_Encoding=encoding)
    assert plain.status == 201
    unread = await http(f"GET {MAPS}", body=b"no gzip", Content_Encoding=encoding)
    assert unread.status == 200


# -- patches


async def test_a_patch_reaches_the_registry_with_its_type(http, registry):
    registry.put(resources.CONFIGMAPS, {"metadata": {"name": "c", "namespace": "a"}})
    answer = await http(f"PATCH {MAPS}/c", body={"data": {}}, Content_Type=MERGE)
    assert answer.status == 200
    (_, namespace, name, patch, _), rest = registry.last("patch")
    assert (namespace, name, patch) == ("a", "c", {"data": {}})
    assert rest == {"patch_type": MERGE, "subresource": ""}


async def test_an_apply_is_yaml_and_needs_a_manager(http, registry):
    registry.put(resources.CONFIGMAPS, {"metadata": {"name": "c", "namespace": "a"}})
    answer = await http(f"PATCH {MAPS}/c", body=b"data: {a: b}", Content_Type=APPLY)
    assert answer.status == 422
    assert answer.json["message"] == (
        'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for '
        "apply patch"
    )
    query = "fieldManager=me&force=true"
    await http(f"PATCH {MAPS}/c?{query}", body=b"data: {a: b}", Content_Type=APPLY)
    (*_, patch, options), _ = registry.last("patch")
    assert patch == {"data": {"a": "b"}}
    assert options == WriteOptions(field_manager="me", force=True)


async def test_doubled_keys_in_a_configuration(http, registry):
    registry.put(resources.CONFIGMAPS, {"metadata": {"name": "c", "namespace": "a"}})
    body = b"data:\n  a: b\n  a: c\n"
    text = 'yaml: unmarshal errors:\n  line 3: key "a" already set in map'
    url = f"PATCH {MAPS}/c?fieldManager=me&fieldValidation="
    answer = await http(url + "Strict", body=body, Content_Type=APPLY)
    assert answer.status == 400
    assert answer.json["message"] == (
        f"error strict decoding YAML: error converting YAML to JSON: {text}"
    )
    answer = await http(url + "Warn", body=body, Content_Type=APPLY)
    assert "error converting YAML to JSON" in answer.headers["Warning"]
    answer = await http(url + "Ignore", body=body, Content_Type=APPLY)
    assert "Warning" not in answer.headers


async def test_force_is_for_apply_alone(http, registry):
    answer = await http(f"PATCH {MAPS}/c?force=false", body={}, Content_Type=MERGE)
    assert answer.status == 422
    assert answer.json["details"]["causes"][0]["message"] == (
        "Forbidden: may not be specified for non-apply patch"
    )


@pytest.mark.parametrize("content_type", ["application/json", "application/apply-patch+json", ""])
async def test_other_types_of_patches_are_refused(http, registry, content_type):
    answer = await http(f"PATCH {MAPS}/c", body=b"{}", Content_Type=content_type)
    assert answer.status == 415
    assert answer.json["message"] == "415: Unsupported Media Type"
    assert answer.json["details"] == {}


@pytest.mark.parametrize(
    ("content_type", "start"),
    [
        (MERGE, "error decoding patch: unexpected end"),
        ("application/json-patch+json", "error decoding patch: unexpected end"),
        ("application/strategic-merge-patch+json", "unexpected end"),
    ],
)
async def test_patches_that_cannot_be_read(http, registry, content_type, start):
    answer = await http(f"PATCH {MAPS}/c", body=b'{"a":', Content_Type=content_type)
    assert answer.status == 400
    assert answer.json["message"].startswith(start)


# -- deletes


@pytest.fixture
def stored_map(registry):
    return registry.put(resources.CONFIGMAPS, {"metadata": {"name": "c", "namespace": "a"}})


async def test_a_delete_without_options(http, registry, stored_map):
    answer = await http(f"DELETE {MAPS}/c")
    assert answer.status == 200
    assert answer.json["status"] == "Success"
    assert registry.last("delete")[0] == (resources.CONFIGMAPS, "a", "c", DeleteOptions())


@pytest.mark.parametrize(
    ("body", "options"),
    [
        (
            {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0},
            DeleteOptions(grace_period_seconds=0),
        ),
        (
            {"kind": "DeleteOptions", "propagationPolicy": "Foreground", "dryRun": ["All"]},
            DeleteOptions(propagation_policy="Foreground", dry_run=True),
        ),
        ({"orphanDependents": True}, DeleteOptions(propagation_policy="Orphan")),
        ({"orphanDependents": False}, DeleteOptions(propagation_policy="Background")),
        (
            {"apiVersion": "apps/v1", "preconditions": {"uid": "u", "resourceVersion": "5"}},
            DeleteOptions(uid="u", resource_version="5"),
        ),
        ({"apiVersion": "meta.k8s.io/v1", "kind": "DeleteOptions", "bogus": 1}, DeleteOptions()),
    ],
)
async def test_options_in_the_body_of_a_delete(http, registry, stored_map, body, options):
    answer = await http(f"DELETE {MAPS}/c?gracePeriodSeconds=77", body=body)
    assert answer.status == 200
    assert registry.last("delete")[0][3] == options


async def test_options_in_the_query_of_a_delete(http, registry, stored_map):
    query = "gracePeriodSeconds=5&propagationPolicy=Background&dryRun=All"
    await http(f"DELETE {MAPS}/c?{query}")
    assert registry.last("delete")[0][3] == DeleteOptions(5, "Background", dry_run=True)


async def test_options_of_a_delete_in_yaml(http, registry, stored_map):
    body = b"kind: DeleteOptions\npropagationPolicy: Orphan\n"
    await http(f"DELETE {MAPS}/c", body=body, Content_Type="application/yaml")
    assert registry.last("delete")[0][3] == DeleteOptions(propagation_policy="Orphan")


async def test_options_of_a_delete_in_protobuf(http, registry, stored_map):
    # k8s\0, then an Unknown with TypeMeta {v1, DeleteOptions} and {gracePeriodSeconds: 7}
    body = b"k8s\0" + bytes.fromhex("0a13 0a02 7631 120d") + b"DeleteOptions" + b"\x12\x02\x08\x07"
    answer = await http(
        f"DELETE {MAPS}/c", body=body, Content_Type="application/vnd.kubernetes.protobuf"
    )
    assert answer.status == 200, answer.body
    assert registry.last("delete")[0][3] == DeleteOptions(grace_period_seconds=7)


@pytest.mark.parametrize(
    ("query", "body", "code", "message"),
    [
        (
            "",
            {"propagationPolicy": "Sideways"},
            422,
            'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: '
            '"Sideways": supported values: "Foreground", "Background", "Orphan", "nil"',
        ),
        (
            "",
            {"propagationPolicy": "Orphan", "orphanDependents": True},
            422,
            'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Invalid value: "Orphan": '
            "orphanDependents and deletionPropagation cannot be both set",
        ),
        (
            "?dryRun=Yes",
            None,
            422,
            'DeleteOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Yes"]: '
            'supported values: "All"',
        ),
        (
            "?gracePeriodSeconds=soon",
            None,
            400,
            'strconv.ParseInt: parsing "soon": invalid syntax',
        ),
        (
            "",
            {"gracePeriodSeconds": "soon"},
            400,
            "json: cannot unmarshal string into Go struct field "
            "DeleteOptions.gracePeriodSeconds of type int64",
        ),
        ("", b'{"apiVersion": ', 400, "unexpected end of JSON input"),
    ],
)
async def test_bad_options_of_a_delete(http, registry, stored_map, query, body, code, message):
    answer = await http(f"DELETE {MAPS}/c{query}", body=body)
    assert (answer.status, answer.json["message"]) == (code, message)
    assert registry.calls == []


async def test_a_delete_of_another_kind_is_refused(http, registry, stored_map):
    answer = await http(f"DELETE {MAPS}/c", body=MAP)
    assert (answer.status, answer.json["reason"]) == (400, "BadRequest")
    assert registry.calls == []


async def test_a_delete_that_waits_for_dependents_is_a_202(http, registry, stored_map):
    registry.answer["delete"] = lambda *_: registry.result(stored_map, gone=False)
    answer = await http(f"DELETE {MAPS}/c", body={"orphanDependents": False})
    assert (answer.status, answer.json) == (202, stored_map.obj)
    assert (await http(f"DELETE {MAPS}/c")).status == 200


async def test_a_collection_is_deleted_by_selector(http, registry, stored_map):
    answer = await http(
        f"DELETE {MAPS}?labelSelector=a%3Db", body={"propagationPolicy": "Background"}
    )
    assert answer.json["kind"] == "ConfigMapList"
    assert [item["metadata"]["name"] for item in answer.json["items"]] == ["c"]
    (_, namespace, options, chosen), _ = registry.last("delete_collection")
    assert (namespace, options.propagation_policy) == ("a", "Background")
    assert chosen.label_selector == "a=b"
