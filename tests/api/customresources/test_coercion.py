"""Pruning, nulls and defaults."""

from typing import Any

from miniplane.api.customresources import coerce, structural

TEXT = {"type": "string"}


def pruned(schema: dict[str, Any], value: Any) -> tuple[Any, list[str]]:
    unknown = coerce.prune(value, structural.parse(schema), root=True)
    return value, unknown


def test_unknown_fields_go_and_are_named() -> None:
    schema = {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "a": TEXT,
                    "list": {
                        "type": "array",
                        "items": {"type": "object", "properties": {"a": TEXT}},
                    },
                },
            }
        },
    }
    value = {
        "apiVersion": "a/v1",
        "kind": "A",
        "metadata": {"x": 1},
        "spec": {"a": "1", "b": 2, "list": [{"a": "1", "c": {}}]},
        "more": {},
    }
    assert pruned(schema, value) == (
        {
            "apiVersion": "a/v1",
            "kind": "A",
            "metadata": {"x": 1},
            "spec": {"a": "1", "list": [{"a": "1"}]},
        },
        ["more", "spec.b", "spec.list[0].c"],
    )


def test_unknown_fields_stay_where_they_may_but_not_below() -> None:
    schema = {
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
        "properties": {"strict": {"type": "object", "properties": {"a": TEXT}}},
    }
    value = {"free": {"x": [1]}, "strict": {"a": "1", "b": 2}}
    assert pruned(schema, value) == ({"free": {"x": [1]}, "strict": {"a": "1"}}, ["strict.b"])


def test_maps_have_any_key_but_values_of_their_schema() -> None:
    schema = {
        "type": "object",
        "properties": {
            "m": {
                "type": "object",
                "additionalProperties": {"type": "object", "properties": {"a": TEXT}},
            }
        },
    }
    assert pruned(schema, {"m": {"k": {"a": "1", "b": 1}}}) == ({"m": {"k": {"a": "1"}}}, ["m.k.b"])


def test_embedded_resources_keep_their_head_and_get_real_metadata() -> None:
    schema = structural.parse(
        {
            "type": "object",
            "properties": {
                "e": {
                    "type": "object",
                    "x-kubernetes-embedded-resource": True,
                    "properties": {"spec": {"type": "object"}},
                }
            },
        }
    )
    value = {"e": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "x": 1}, "z": 1}}
    assert coerce.prune(value, schema, root=True) == ["e.z"]
    assert coerce.embedded(value, schema) == (None, ["e.metadata.x"])
    assert value == {"e": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}}


def test_defaults_fill_what_is_missing_and_nulls_that_may_not_be() -> None:
    schema = structural.parse(
        {
            "type": "object",
            "properties": {
                "a": {**TEXT, "default": "x"},
                "n": {**TEXT, "nullable": True, "default": "x"},
                "o": {
                    "type": "object",
                    "default": {},
                    "properties": {"p": {"type": "integer", "default": 1}},
                },
                "gone": TEXT,
                "list": {
                    "type": "array",
                    "items": {"type": "object", "properties": {"q": {**TEXT, "default": "y"}}},
                },
            },
        }
    )
    value: dict[str, Any] = {"a": None, "n": None, "gone": None, "list": [{}]}
    coerce.drop_nulls(value, schema)
    coerce.set_defaults(value, schema)
    assert value == {"a": "x", "n": None, "list": [{"q": "y"}], "o": {"p": 1}}
