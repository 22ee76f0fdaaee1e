"""Tables of custom resources and the JSON paths of their columns."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from miniplane.api.tables import custom, jsonpath

NOW = 1_800_000_000.0
COLUMNS = [
    {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
    {
        "name": "Ready",
        "type": "string",
        "jsonPath": '.status.conditions[?(@.type=="Ready")].status',
        "description": "whether it is",
    },
    {"name": "Big", "type": "boolean", "jsonPath": ".spec.big", "priority": 1},
    {"name": "Since", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    {"name": "Tags", "type": "string", "jsonPath": ".spec.tags[*]"},
    {"name": "Map", "type": "string", "jsonPath": ".spec.map", "format": "byte"},
    {"name": "Load", "type": "number", "jsonPath": ".spec.load"},
]
META = {"name": "w", "creationTimestamp": "2027-01-15T07:58:00Z"}


def test_columns():
    printer = custom.printer(COLUMNS)
    definitions = [c.definition() for c in printer.columns]
    assert [d["name"] for d in definitions] == ["Name", *(c["name"] for c in COLUMNS)]
    assert definitions[1]["description"] == (
        "Custom resource definition column (in JSONPath format): .spec.size"
    )
    assert definitions[2]["description"] == "whether it is"
    assert definitions[3]["priority"] == 1
    assert definitions[6]["format"] == "byte"


def test_cells():
    conditions = [{"type": "Other", "status": "False"}, {"type": "Ready", "status": "True"}]
    full = {
        "metadata": META,
        "spec": {"size": 3, "big": True, "tags": ["a", "b"], "map": {"k": "v"}, "load": 0.5},
        "status": {"conditions": conditions},
    }
    cells = custom.printer(COLUMNS).cells(full, NOW)
    assert cells == ["w", 3, "True", True, "2m", "a", '{"k":"v"}', 0.5]


def test_what_does_not_fit_its_column_stays_empty():
    odd = {
        "metadata": {"name": "w", "creationTimestamp": "yesterday"},
        "spec": {"size": "three", "big": "yes", "tags": [None], "map": 5, "load": True},
        "status": {"conditions": "none"},
    }
    cells = custom.printer(COLUMNS).cells(odd, NOW)
    assert cells == ["w", None, None, None, "<invalid>", "<nil>", "5", None]
    assert custom.printer(COLUMNS).cells({"metadata": META}, NOW)[1:4] == [None, None, None]


def test_without_columns_a_name_and_an_age():
    printer = custom.printer(None)
    assert [c.name for c in printer.columns] == ["Name", "Age"]
    assert printer.columns[1].type == "date"
    assert printer.cells({"metadata": META}, NOW) == ["w", "2m"]


DOCUMENT = {
    "a": {"b": [10, 20, 30], "x.y": 1},
    "c": [
        {"t": "one", "n": 1, "ok": True},
        {"t": "two", "n": 2, "ok": False, "deep": {"t": "inner"}},
    ],
    "null": None,
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".a.b", [[10, 20, 30]]),
        ("a.b[0]", [10]),
        ("$.a.b[-1]", [30]),
        (".a.b[7]", []),
        (".a.b[0:2]", [10, 20]),
        (".a.b[::2]", [10, 30]),
        (".a.b[0,2]", [10, 30]),
        (".a.b[*]", [10, 20, 30]),
        (".a.*", [[10, 20, 30], 1]),
        (".a['x.y']", [1]),
        (r".a.x\.y", [1]),
        (".c[*].t", ["one", "two"]),
        (".c[*]['t','n']", ["one", 1, "two", 2]),
        ('.c[?(@.t=="two")].n', [2]),
        (".c[?(@.n>1)].t", ["two"]),
        (".c[?(@.n!=1)].t", ["two"]),
        (".c[?(@.ok==true)].t", ["one"]),
        (".c[?(@.deep)].t", ["two"]),
        (".c[?(@.t > 5)].t", []),
        ("..t", ["one", "two", "inner"]),
        (".missing.further", []),
        (".null", [None]),
        (".null.further", []),
        (".", [DOCUMENT]),
    ],
)
def test_paths(path, found):
    assert jsonpath.find(jsonpath.compile_path(path), DOCUMENT) == found


@pytest.mark.parametrize(
    "path", [".a[", ".a[]", ".a[x]", ".a[1:2:0]", ".a[1:2:3:4]", ".a[?(==1)]", ".a[?(@.b==)]", "}"]
)
def test_malformed_paths(path):
    with pytest.raises(jsonpath.PathError):
        jsonpath.compile_path(path)
    column = {"name": "X", "type": "string", "jsonPath": path}
    assert custom.printer([column]).cells({"metadata": META}, NOW) == ["w", None]


@settings(derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(alphabet=".a[]*?@()='\"0:-,\\$ ", max_size=15))
def test_any_path_reads_or_is_refused(path):
    try:
        steps = jsonpath.compile_path(path)
    except jsonpath.PathError:
        return
    jsonpath.find(steps, {"a": [{"a": 0}, "a", 1.5, None]})
