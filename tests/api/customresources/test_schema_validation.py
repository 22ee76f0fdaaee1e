"""What a schema has against a value, and in which words."""

from typing import Any

import pytest

from miniplane.api.customresources import lists, structural, validate
from miniplane.api.customresources.correlate import Correlated

TEXT = {"type": "string"}
WHOLE = {"type": "integer"}


def said(schema: dict[str, Any], value: Any) -> list[str]:
    schema = {"type": "object", "properties": {"a": schema}}
    return [str(error) for error in validate.validate(schema, {"a": value}).errors()]


@pytest.mark.parametrize(
    ("schema", "value", "text"),
    [
        (WHOLE, "x", 'Invalid value: "string": a in body must be of type integer: "string"'),
        (TEXT, 1, 'Invalid value: "integer": a in body must be of type string: "integer"'),
        (TEXT, None, 'Invalid value: "null": a in body must be of type string: "null"'),
        (TEXT, True, 'Invalid value: "boolean": a in body must be of type string: "boolean"'),
        (
            {**WHOLE, "minimum": 2},
            1,
            "Invalid value: 1: a in body should be greater than or equal to 2",
        ),
        (
            {**WHOLE, "maximum": 2, "exclusiveMaximum": True},
            2,
            "Invalid value: 2: a in body should be less than 2",
        ),
        (
            {"type": "number", "multipleOf": 0.5},
            0.7,
            "Invalid value: 0.7: a in body should be a multiple of 0.5",
        ),
        ({**TEXT, "maxLength": 2}, "abc", "Too long: may not be more than 2 bytes"),
        (
            {**TEXT, "minLength": 2},
            "a",
            'Invalid value: "a": a in body should be at least 2 chars long',
        ),
        ({**TEXT, "pattern": "^b"}, "a", "Invalid value: \"a\": a in body should match '^b'"),
        ({**TEXT, "enum": ["x", "y"]}, "z", 'Unsupported value: "z": supported values: "x", "y"'),
        (
            {**TEXT, "format": "ipv4"},
            "z",
            'Invalid value: "z": a in body must be of type ipv4: "z"',
        ),
        (
            {"type": "array", "items": TEXT, "maxItems": 1},
            ["a", "b"],
            "Too many: 2: must have at most 1 item",
        ),
        (
            {"type": "array", "items": TEXT, "minItems": 1},
            [],
            "Invalid value: 0: a in body should have at least 1 items",
        ),
        (
            {"type": "object", "minProperties": 1},
            {},
            "Invalid value: 0: a in body should have at least 1 properties",
        ),
    ],
)
def test_texts(schema: dict[str, Any], value: Any, text: str) -> None:
    assert said(schema, value) == [f"a: {text}"]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (WHOLE, 1.0),
        ({"type": "number"}, 1),
        ({**TEXT, "nullable": True}, None),
        ({"x-kubernetes-int-or-string": True}, "5%"),
        ({"x-kubernetes-int-or-string": True}, 5),
        ({**TEXT, "format": "nobody-knows"}, "x"),
        ({**TEXT, "format": "date-time"}, "2026-01-01T00:00:00.5Z"),
        ({**TEXT, "format": "duration"}, "1h30m"),
        ({**TEXT, "format": "cidr"}, "10.0.0.0/8"),
    ],
)
def test_what_is_fine(schema: dict[str, Any], value: Any) -> None:
    assert said(schema, value) == []


def test_required_fields_and_paths() -> None:
    schema = {
        "type": "object",
        "required": ["spec"],
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "list": {"type": "array", "items": {"type": "object", "required": ["name"]}}
                },
                "additionalProperties": False,
            },
            "map": {"type": "object", "additionalProperties": WHOLE},
        },
    }
    errors = validate.validate(schema, {"map": {"k": "v"}}).errors()
    assert [str(error) for error in errors] == [
        'map.k: Invalid value: "string": map.k in body must be of type integer: "string"',
        "spec: Required value",
    ]
    errors = validate.validate(schema, {"spec": {"list": [{}]}}).errors()
    assert [str(error) for error in errors] == ["spec.list[0].name: Required value"]


def test_alternatives_tell_what_was_nearest() -> None:
    schema = {"oneOf": [{"required": ["a"]}, {"required": ["b"]}], "type": "object"}
    texts = [str(error) for error in validate.validate(schema, {"a": 1, "b": 1}).errors()]
    assert texts == [
        '<nil>: Invalid value: "": "" must validate one and only one schema (oneOf). '
        "Found 2 valid alternatives"
    ]


def test_what_was_wrong_before_may_stay_wrong() -> None:
    schema = {"type": "object", "properties": {"a": {**WHOLE, "minimum": 5}, "b": WHOLE}}
    place = structural.parse(schema)
    old = {"a": 1, "b": 1}
    for new, count in (({"a": 1, "b": 2}, 0), ({"a": 2, "b": 1}, 1)):
        found = validate.validate(schema, new, Correlated(new, old, place))
        assert len(found.errors()) == count


def test_no_item_twice() -> None:
    schema = structural.parse(
        {
            "type": "object",
            "properties": {
                "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": TEXT},
                "parts": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                    "items": {"type": "object", "properties": {"name": TEXT}},
                },
            },
        }
    )
    value = {"tags": ["a", "b", "a"], "parts": [{"name": "x"}, {"name": "x", "n": 1}]}
    assert [str(error) for error in lists.validate(value, schema)] == [
        'tags[2]: Duplicate value: "a"',
        'parts[1]: Duplicate value: {"name":"x"}',
    ]
