"""Whatever an object holds, it survives the way through protobuf, but for empty values."""

import base64
import datetime
import functools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from miniplane.api import protobuf
from miniplane.api.decode import types
from miniplane.api.protobuf import layout
from miniplane.api.resources import RESOURCES

DEEPEST = 4

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
moments = st.datetimes(datetime.datetime(1902, 1, 1), datetime.datetime(9999, 1, 1))
json_values = st.recursive(
    st.integers(-(1 << 53), 1 << 53) | texts | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)

SCALARS = {
    "string": texts,
    "bool": st.booleans(),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "bytes": st.binary(max_size=200).map(lambda data: base64.b64encode(data).decode()),
    "quantity": st.sampled_from(["1", "500m", "2Gi", "1e3"]),
    "time": moments.map(lambda m: f"{m.isoformat(timespec='seconds')}Z"),
    "microtime": moments.map(lambda m: f"{m.isoformat(timespec='microseconds')}Z"),
    "int-or-string": st.integers(-(1 << 31), (1 << 31) - 1) | texts,
    "raw": json_values,
}


@functools.cache
def values(definition, depth=0):
    """Objects with any of the fields of a definition."""
    if depth > DEEPEST:
        return st.just({})
    fields = {field.name: field.type for _, field in layout.fields(definition)}
    parts = {name: of_type(go_type, depth) for name, go_type in fields.items()}
    # A few fields of many: whole objects would be too large.
    chosen = st.lists(st.sampled_from(sorted(parts)), max_size=5, unique=True) if parts else None
    if chosen is None:
        return st.just({})
    return chosen.flatmap(lambda names: st.fixed_dictionaries({n: parts[n] for n in names}))


def of_type(go_type, depth):
    kind = go_type.kind
    if kind == "int":
        return st.integers(go_type.low, go_type.high)
    if kind == "list":
        return st.lists(of_type(go_type.item, depth), max_size=3)
    if kind == "map":
        return st.dictionaries(texts, of_type(go_type.item, depth), max_size=3)
    if kind == "struct":
        return st.deferred(lambda: values(go_type.definition, depth + 1))
    if kind.startswith("schema-or"):
        schema = st.deferred(lambda: values(types.JSON_SCHEMA, depth + 1))
        other = {"bool": st.booleans(), "array": st.lists(schema, max_size=2)}
        return schema | other.get(kind.rpartition("-")[2], st.lists(texts, max_size=2))
    return SCALARS[kind]


def full(value):
    """Without the fields that are empty: those, protobuf does not tell from absent ones."""
    if isinstance(value, dict):
        parts = {key: full(item) for key, item in value.items()}
        return {key: item for key, item in parts.items() if item}
    if isinstance(value, list):
        return [full(item) for item in value]
    return None if value in (False, 0, "0") else value


@pytest.mark.parametrize("row", RESOURCES, ids=lambda row: f"{row.plural}.{row.api_version}")
def test_objects_survive(row):
    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(values(row.definition))
    def check(value):
        message = protobuf.encode_message(row.definition, value)
        found = protobuf.decode_message(row.definition, message)
        assert full(found) == full(value)
        assert protobuf.encode_message(row.definition, found) == message

    check()
