"""OpenAPI documents: what kubectl looks up in them."""

import json

import pytest

from miniplane.api import openapi
from miniplane.api.openapi import documents
from miniplane.api.resources import ALL_VERBS, RESOURCES, Resource

DOCUMENTS = sorted(openapi.v3_index()["paths"])
METHODS = ("get", "put", "post", "patch", "delete", "head", "options")


def document(path):
    return json.loads(openapi.v3_document(path))


def operations(doc):
    for path, item in doc["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, item, method, item[method]


def references(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "$ref" and isinstance(inner, str):
                yield inner
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_the_index_lists_every_group_version_with_a_stable_hash():
    index = openapi.v3_index()
    for row in RESOURCES:
        assert row.path.removeprefix("/") in index["paths"]
    assert {"api", "apis", "apis/apps", "version"} <= set(index["paths"])
    url = index["paths"]["apis/apps/v1"]["serverRelativeURL"]
    assert url.startswith("/openapi/v3/apis/apps/v1?hash=")
    assert openapi.v3_index() == index
    assert len({entry["serverRelativeURL"] for entry in index["paths"].values()}) == len(
        index["paths"]
    )


def test_custom_documents_stand_in_the_index_under_their_own_hash():
    one = openapi.v3_index({"apis/example.com/v1": "1"})["paths"]
    two = openapi.v3_index({"apis/example.com/v1": "2"})["paths"]
    assert one["apis/example.com/v1"] != two["apis/example.com/v1"]
    assert one["api/v1"] == two["api/v1"]


@pytest.mark.parametrize("path", DOCUMENTS)
def test_documents_are_whole(path):
    doc = document(path)
    assert doc["openapi"] == "3.0.0"
    known = {f"#/components/schemas/{name}" for name in doc["components"]["schemas"]}
    assert set(references(doc)) <= known
    ids = [op["operationId"] for _, _, _, op in operations(doc)]
    assert ids and len(ids) == len(set(ids))
    for _, item, _, op in operations(doc):
        own = op.get("parameters", [])
        names = [(p["name"], p["in"]) for p in own + item.get("parameters", [])]
        assert len(names) == len(set(names))


def test_an_unknown_document_is_a_key_error():
    with pytest.raises(KeyError):
        openapi.v3_document("apis/example.com/v1")


def test_every_kind_can_be_patched_with_field_validation():
    for row in RESOURCES:
        if "patch" not in row.verbs:
            continue
        doc = document(row.path.removeprefix("/"))
        gvk = {"group": row.group, "version": row.version, "kind": row.kind}
        found = [
            op
            for _, _, method, op in operations(doc)
            if method == "patch" and op.get("x-kubernetes-group-version-kind") == gvk
        ]
        assert any(p["name"] == "fieldValidation" for op in found for p in op["parameters"])
        schemas = doc["components"]["schemas"]
        assert gvk in schemas[row.definition]["x-kubernetes-group-version-kind"]


def test_operations_of_a_workload():
    doc = document("apis/apps/v1")
    base = "/apis/apps/v1/namespaces/{namespace}/statefulsets"
    assert {p.removeprefix(base) for p in doc["paths"] if p.startswith(base)} == {
        "", "/{name}", "/{name}/scale", "/{name}/status",
    }  # fmt: skip
    patch = doc["paths"][base + "/{name}"]["patch"]
    assert patch["operationId"] == "patchAppsV1NamespacedStatefulSet"
    assert patch["x-kubernetes-action"] == "patch"
    assert patch["tags"] == ["apps_v1"]
    assert sorted(patch["requestBody"]["content"]) == [
        "application/apply-patch+yaml",
        "application/json-patch+json",
        "application/merge-patch+json",
        "application/strategic-merge-patch+json",
    ]
    shared = doc["paths"][base + "/{name}"]["parameters"]
    assert sorted(p["name"] for p in shared) == ["name", "namespace", "pretty"]
    scale = doc["paths"][base + "/{name}/scale"]["get"]
    assert scale["x-kubernetes-group-version-kind"]["kind"] == "Scale"
    watch = doc["paths"]["/apis/apps/v1/watch/statefulsets"]["get"]
    assert watch["operationId"] == "watchAppsV1StatefulSetListForAllNamespaces"


def test_special_paths_of_the_core_group():
    doc = document("api/v1")
    pod = "/api/v1/namespaces/{namespace}/pods/{name}"
    assert doc["paths"][pod + "/eviction"]["post"]["x-kubernetes-group-version-kind"] == {
        "group": "policy",
        "version": "v1",
        "kind": "Eviction",
    }
    assert set(doc["paths"][pod + "/exec"]) == {"get", "post", "parameters"}
    assert "tailLines" in {p["name"] for p in doc["paths"][pod + "/log"]["parameters"]}
    assert len(doc["paths"][pod + "/proxy/{path}"]) == 8
    assert set(doc["paths"]["/api/v1/namespaces/{name}/finalize"]) == {"put", "parameters"}


def test_schemas_have_descriptions_for_explain():
    schemas = document("api/v1")["components"]["schemas"]
    container = schemas["io.k8s.api.core.v1.Container"]["properties"]
    assert "Always, Never, IfNotPresent" in container["imagePullPolicy"]["description"]
    assert container["imagePullPolicy"]["enum"] == ["Always", "IfNotPresent", "Never"]
    claim = schemas["io.k8s.api.core.v1.PersistentVolumeClaimStatus"]["properties"]
    assert "enum" not in claim["allocatedResourceStatuses"]
    values = claim["allocatedResourceStatuses"]["additionalProperties"]["enum"]
    assert "NodeResizePending" in values
    assert container["ports"]["x-kubernetes-list-map-keys"] == ["containerPort", "protocol"]


def test_swagger_holds_everything():
    doc = json.loads(openapi.v2_document())
    assert doc["swagger"] == "2.0"
    known = {f"#/definitions/{name}" for name in doc["definitions"]}
    assert set(references(doc)) <= known
    for path in DOCUMENTS:
        assert set(document(path)["paths"]) <= set(doc["paths"])
    patch = doc["paths"]["/api/v1/nodes/{name}"]["patch"]
    assert {"body", "fieldValidation"} <= {p["name"] for p in patch["parameters"]}
    assert patch["consumes"][0] == "application/apply-patch+yaml"
    assert "default" not in doc["definitions"]["io.k8s.api.core.v1.Pod"]["properties"]["spec"]


def test_documents_of_custom_resources():
    row = Resource(
        group="example.com",
        version="v1",
        kind="Widget",
        plural="widgets",
        singular="widget",
        namespaced=True,
        verbs=ALL_VERBS,
        short_names=(),
        categories=(),
        subresources=(),
        definition="com.example.v1.Widget",
        preferred=True,
    )
    meta = "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
    schema = {"type": "object", "properties": {"metadata": {"$ref": meta}}}
    doc = json.loads(documents.custom_v3_document([row], {row.definition: schema}))
    assert set(references(doc)) <= {
        f"#/components/schemas/{name}" for name in doc["components"]["schemas"]
    }
    assert doc["components"]["schemas"]["com.example.v1.Widget"] == schema
    patch = doc["paths"]["/apis/example.com/v1/namespaces/{namespace}/widgets/{name}"]["patch"]
    assert "application/strategic-merge-patch+json" not in patch["requestBody"]["content"]
    assert patch["operationId"] == "patchExampleComV1NamespacedWidget"
