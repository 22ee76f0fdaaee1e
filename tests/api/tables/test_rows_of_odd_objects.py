"""Every kind's row can be made of whatever was decoded, and of any JSON at all."""

import functools
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from miniplane.api import resources, schema, tables
from miniplane.api.tables import custom

NOW = 1_800_000_000.0
STEADY = settings(
    derandomize=True,
    deadline=None,
    max_examples=300,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

WORDS = st.sampled_from(
    ["", "a", "True", "False", "Always", "Ready", "Complete", "Resource", "cpu", "10m", "x/y"]
)
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "string": WORDS,
    "bytes": st.just("AA=="),
    "integer": st.integers(-3, 1 << 40),
    "number": st.floats(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
    "quantity": st.sampled_from(["0", "1Gi", "100m"]),
    "int-or-string": st.integers(0, 5) | st.just("50%"),
    "time": st.sampled_from(["2027-01-15T07:58:00Z", "2028-01-01T00:00:00Z"]),
    "microtime": st.sampled_from(["2027-01-15T07:58:00.000001Z"]),
}
UNTYPED = st.none() | WORDS | st.just({"a": 1})
DEEPEST = 6


@functools.cache
def of_node(node: schema.Node, depth: int) -> st.SearchStrategy[Any]:
    """What decoding leaves of a node: the right types, and anything missing or empty."""
    if node.kind == "scalar":
        return SCALARS.get(node.scalar, WORDS)
    if node.kind == "any":
        return UNTYPED
    if depth > DEEPEST:
        return st.none()
    if node.kind == "object":
        fields = {n: st.deferred(lambda f=f: of_node(f, depth + 1)) for n, f in node.fields.items()}
        if not fields:
            return st.just({})
        names = st.lists(st.sampled_from(sorted(fields)), max_size=5, unique=True)
        return names.flatmap(lambda chosen: st.fixed_dictionaries({n: fields[n] for n in chosen}))
    assert node.item is not None
    item = node.item
    below = st.deferred(lambda: of_node(item, depth + 1))
    if node.kind == "list":
        return st.lists(below, max_size=4)
    return st.dictionaries(WORDS, below, max_size=2)


STORED = [row for row in resources.RESOURCES if row.stored]


def holds(row: resources.Resource, obj: Any) -> None:
    table = tables.render(row, [obj], now=NOW)
    assert len(table["rows"][0]["cells"]) == len(table["columnDefinitions"])
    json.dumps(table)


@STEADY
@given(st.data())
def test_decoded_objects(data):
    row = data.draw(st.sampled_from(STORED))
    obj = data.draw(of_node(schema.node(row.definition), 0))
    holds(row, {**obj, "kind": row.kind, "apiVersion": row.api_version})


KEYS = st.sampled_from(
    [
        *("metadata", "name", "labels", "annotations", "spec", "status", "containers", "ports"),
        *("conditions", "state", "containerStatuses", "initContainerStatuses", "initContainers"),
        *("template", "selector", "matchLabels", "matchExpressions", "series", "metrics"),
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 9) | WORDS,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(KEYS, below, max_size=4),
    max_leaves=15,
)


@STEADY
@given(st.sampled_from(STORED), st.dictionaries(KEYS, JSON, max_size=5))
def test_any_json(row, obj):
    holds(row, obj)
    holds(row, {**obj, "kind": row.kind, "apiVersion": row.api_version})


@STEADY
@given(st.dictionaries(KEYS, JSON, max_size=5))
def test_custom_resources_of_any_json(obj):
    kinds = ("string", "integer", "number", "boolean", "date", "odd")
    columns = [{"name": k, "type": k, "jsonPath": "..name"} for k in kinds]
    printer = custom.printer(columns)
    assert len(printer.cells(obj, NOW)) == len(kinds) + 1
