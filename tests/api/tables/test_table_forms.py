"""Tables as wholes, and the metadata-only forms."""

import pytest

from miniplane.api import resources, tables
from miniplane.api.errors import StatusError

NOW = 1_800_000_000.0
CREATED = "2027-01-15T07:58:00Z"


def config_map(name, **data):
    meta = {"name": name, "creationTimestamp": CREATED, "resourceVersion": "7"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


ONE, TWO = config_map("a", k="v"), config_map("b")


def test_a_whole_table():
    table = tables.render(
        resources.CONFIGMAPS,
        [ONE, TWO],
        now=NOW,
        list_meta={"resourceVersion": "9", "continue": "c", "remainingItemCount": 3},
    )
    columns = table.pop("columnDefinitions")
    assert [(c["name"], c["type"], c["format"], c["priority"]) for c in columns] == [
        ("Name", "string", "name", 0),
        ("Data", "string", "", 0),
        ("Age", "string", "", 0),
    ]
    assert all(c["description"] for c in columns)
    assert list(table) == ["kind", "apiVersion", "metadata", "rows"]
    assert table == {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": "9", "continue": "c", "remainingItemCount": 3},
        "rows": [
            {"cells": ["a", 1, "2m"], "object": tables.partial(ONE)},
            {"cells": ["b", 0, "2m"], "object": tables.partial(TWO)},
        ],
    }


def test_a_single_object_gives_the_table_its_revision():
    table = tables.render(resources.CONFIGMAPS, [ONE], now=NOW, include_object="Object")
    assert table["metadata"] == {"resourceVersion": "7"}
    assert table["rows"][0]["object"] is ONE


def test_no_objects():
    table = tables.render(resources.CONFIGMAPS, [ONE], now=NOW, include_object="None")
    assert table["rows"] == [{"cells": ["a", 1, "2m"], "object": None}]


def test_empty_lists():
    assert tables.render(resources.CONFIGMAPS, [], now=NOW, list_meta={})["rows"] == []
    roles = resources.resource("roles", "rbac.authorization.k8s.io")
    assert tables.render(roles, [], now=NOW, list_meta={})["rows"] is None


def test_events_of_a_watch_but_the_first_leave_the_columns_out():
    table = tables.render(resources.CONFIGMAPS, [ONE], now=NOW, no_headers=True)
    assert table["columnDefinitions"] is None


def test_the_bookmark_that_ends_a_streaming_list_keeps_its_metadata():
    annotations = {"k8s.io/initial-events-end": "true"}
    bookmark = {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {"resourceVersion": "9", "annotations": annotations},
    }
    table = tables.render(resources.PODS, [bookmark], now=NOW, include_object="None")
    assert table["rows"][0]["object"]["metadata"]["annotations"] == annotations
    assert table["rows"][0]["cells"][:5] == ["", "0/0", "", "0", "<unknown>"]


def test_the_older_version():
    table = tables.render(resources.CONFIGMAPS, [ONE], now=NOW, api_version=tables.META_V1BETA1)
    assert table["apiVersion"] == "meta.k8s.io/v1beta1"
    assert table["rows"][0]["object"]["apiVersion"] == "meta.k8s.io/v1beta1"


@pytest.mark.parametrize("value", ["", "Metadata", "None", "Object"])
def test_include_object(value):
    assert tables.check_include_object(value) == (value or "Metadata")


def test_an_unknown_include_object():
    with pytest.raises(StatusError) as caught:
        tables.check_include_object("All")
    assert caught.value.message == (
        'Unable to convert to Table as requested: includeObject: Invalid value: "All": must be '
        "'Metadata', 'Object', 'None', or empty"
    )
    assert caught.value.code == 400


def test_partial_metadata():
    assert tables.partial(ONE) == {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": ONE["metadata"],
    }
    listed = tables.partial_list([ONE, TWO], list_meta={"resourceVersion": "9"})
    assert listed["kind"] == "PartialObjectMetadataList"
    assert [i["metadata"]["name"] for i in listed["items"]] == ["a", "b"]
    assert listed["metadata"] == {"resourceVersion": "9"}


def test_kinds_without_a_printer_show_when_they_were_made():
    limits = {"metadata": {"name": "l", "creationTimestamp": CREATED}}
    assert tables.cells(resources.LIMIT_RANGES, limits, NOW) == ["l", CREATED]
    shown = [(c["name"], c["type"]) for c in tables.columns(resources.LIMIT_RANGES)]
    assert shown == [("Name", "string"), ("Created At", "date")]


def test_a_subresource_answers_with_its_own_kinds_table():
    scale = {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {"name": "web", "creationTimestamp": CREATED},
        "spec": {"replicas": 3},
        "status": {"replicas": 1},
    }
    table = tables.render(resources.STATEFUL_SETS, [scale], now=NOW)
    names = [c["name"] for c in table["columnDefinitions"]]
    assert names == ["Name", "Desired", "Available", "Age"]
    assert table["columnDefinitions"][0]["format"] == ""
    assert table["rows"][0]["cells"] == ["web", 3, 1, "2m"]


def test_flow_schemas_are_listed_by_precedence():
    row = resources.resource("flowschemas", "flowcontrol.apiserver.k8s.io")
    schemas = [
        {"metadata": {"name": name}, "spec": {"matchingPrecedence": precedence}}
        for name, precedence in (("c", 5), ("b", 1), ("a", 5))
    ]
    table = tables.render(row, schemas, now=NOW, list_meta={})
    assert [r["cells"][0] for r in table["rows"]] == ["b", "a", "c"]


@pytest.mark.parametrize("resource", resources.RESOURCES, ids=repr)
def test_every_kind_has_columns_that_say_what_they_are(resource):
    columns = tables.columns(resource)
    assert len(tables.cells(resource, {}, NOW)) == len(columns)
    # The real server describes this one column with nothing.
    assert [c["name"] for c in columns if not c["description"]] in ([], ["Handler"])


def test_refusals_of_the_wrong_shape():
    assert tables.not_a_list("*core.ConfigMap").message == (
        "you requested PartialObjectMetadataList, but the requested object is not a list "
        "(*core.ConfigMap)"
    )
    assert tables.is_a_list("*core.ConfigMapList").to_status()["code"] == 406
