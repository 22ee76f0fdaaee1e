"""Who says yes quickly is never wrong."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miniplane.api.customresources import quick, validate

names = st.sampled_from("abc")
texts = st.sampled_from(["", "a", "bb", "x-1", "10.0.0.1", "not an address"])
numbers = st.sampled_from([-1, 0, 1, 2, 3, 2**31, 2**63, 0.5, 2.0])
values = st.recursive(
    st.none() | st.booleans() | texts | numbers,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)


def options(**fields: Any) -> Any:
    return st.fixed_dictionaries({}, optional=fields)


sizes = st.integers(0, 3)
common = {"nullable": st.booleans(), "description": texts}
leaves = st.one_of(
    options(
        type=st.just("string"),
        minLength=sizes,
        maxLength=sizes,
        pattern=st.sampled_from(["^[a-z]+$", "1$", "(?=a)"]),
        format=st.sampled_from(["ipv4", "no such format"]),
        enum=st.just(["a", "x-1", None]),
        **common,
    ),
    options(
        type=st.just("integer"),
        minimum=numbers,
        maximum=numbers,
        exclusiveMinimum=st.booleans(),
        exclusiveMaximum=st.booleans(),
        format=st.sampled_from(["int32", "int64", "ipv4"]),
        multipleOf=st.sampled_from([1, 2]),
        enum=st.just([1, 2]),
        **common,
    ),
    options(type=st.sampled_from(["number", "boolean"]), minimum=numbers, **common),
    options(**{"x-kubernetes-int-or-string": st.just(True), **common}),
    options(**{"x-kubernetes-preserve-unknown-fields": st.just(True), **common}),
)


def places(inner: Any) -> Any:
    parts = st.dictionaries(names, inner, max_size=3)
    return st.one_of(
        options(
            type=st.just("object"),
            properties=parts,
            additionalProperties=inner | st.booleans(),
            required=st.lists(names, max_size=2),
            minProperties=sizes,
            maxProperties=sizes,
            **common,
        ),
        options(
            type=st.just("array"),
            items=inner,
            minItems=sizes,
            maxItems=sizes,
            uniqueItems=st.booleans(),
            **common,
        ),
        options(anyOf=st.lists(inner, min_size=1, max_size=2)),
        options(**{"not": inner}),
    )


schemas = st.recursive(leaves, places, max_leaves=5)


@settings(max_examples=400, deadline=None)
@given(schemas, values)
def test_what_is_plainly_valid_is_valid(schema, value):
    if quick.compiled(schema)(value):
        assert validate.validate(schema, value).valid


SCHEMA = {
    "type": "object",
    "required": ["image"],
    "properties": {
        "image": {"type": "string", "minLength": 1, "pattern": "^[a-z:0-9]+$"},
        "replicas": {"type": "integer", "format": "int32", "minimum": 0, "nullable": True},
        "share": {"type": "number"},
        "mode": {"type": "string", "enum": ["fast", "slow"]},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "ports": {"type": "array", "maxItems": 2, "items": {"type": "integer"}},
        "address": {"type": "string", "format": "ipv4"},
        "size": {"x-kubernetes-int-or-string": True},
        "rest": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    },
}
GOOD = {
    "image": "web:1",
    "replicas": None,
    "share": 1,
    "mode": "fast",
    "labels": {"a": "b"},
    "ports": [1, 2],
    "address": "10.0.0.1",
    "size": "10%",
    "rest": {"x": [None]},
}


def test_an_object_in_order_is_plainly_valid():
    assert quick.compiled(SCHEMA)(GOOD)


@pytest.mark.parametrize(
    "change",
    [
        {"image": ""},
        {"image": "Web"},
        {"replicas": -1},
        {"replicas": True},
        {"replicas": 2**31},
        {"share": "1"},
        {"mode": "medium"},
        {"labels": {"a": 1}},
        {"ports": [1, 2, 3]},
        {"ports": ["1"]},
        {"address": "10.0.0"},
        {"size": 1.5},
    ],
)
def test_one_that_is_not_is_not(change):
    assert not quick.compiled(SCHEMA)({**GOOD, **change})
    assert not quick.compiled(SCHEMA)({k: v for k, v in GOOD.items() if k != "image"})
