"""JSON merge patch: RFC 7386's own examples, a model, and the server's way with nulls."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miniplane.api import patch
from miniplane.api.errors import StatusError

# Appendix A of RFC 7386, as far as documents are objects.
RFC_EXAMPLES = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("doc", "change", "want"), RFC_EXAMPLES)
def test_rfc_example(doc, change, want):
    assert patch.merge_patch(doc, change) == want


def test_nulls_in_lists():
    """They go where a list takes the place of something that is no map, and stay otherwise."""
    items = [{"a": None, "b": [{"c": None}]}, None]
    assert patch.merge_patch({}, {"x": items}) == {"x": [{"b": [{}]}, None]}
    assert patch.merge_patch({"x": []}, {"x": items}) == {"x": [{"b": [{}]}, None]}
    assert patch.merge_patch({"x": {}}, {"x": items}) == {"x": items}


@pytest.mark.parametrize(
    ("change", "validation", "code", "why"),
    [
        (None, "Warn", 400, "Invalid JSON Patch"),
        ("x", "Ignore", 400, "Invalid JSON Patch"),
        (
            [],
            "Warn",
            400,
            "error decoding patch: json: cannot unmarshal array into Go value of type "
            "map[string]interface {}",
        ),
    ],
)
def test_patches_that_are_no_objects(change, validation, code, why):
    with pytest.raises(StatusError) as refused:
        patch.merge_patch({}, change, field_validation=validation)
    assert (refused.value.code, refused.value.message) == (code, why)


def test_an_array_leaves_no_object():
    with pytest.raises(StatusError) as refused:
        patch.merge_patch({}, [1], field_validation="Ignore")
    assert refused.value.code == 422


scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2)
plain = st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2)
keys = st.sampled_from("abcd")
lists = st.lists(plain, max_size=3)
documents = st.dictionaries(
    keys, st.recursive(scalars | lists, lambda inner: st.dictionaries(keys, inner), max_leaves=12)
)


def model(doc, change):
    """The pseudo-code of RFC 7386, section 2."""
    if not isinstance(change, dict):
        return change
    out = dict(doc) if isinstance(doc, dict) else {}
    for key, value in change.items():
        if value is None:
            out.pop(key, None)
        else:
            out[key] = model(out.get(key), value)
    return out


@settings(deadline=None, max_examples=300, database=None)
@given(documents, documents)
def test_against_the_model(doc, change):
    before = copy.deepcopy((doc, change))
    once = patch.merge_patch(doc, change)
    assert once == model(doc, change)
    assert patch.merge_patch(once, change) == once
    assert (doc, change) == before


def test_what_is_not_touched_is_shared():
    doc = {"spec": {"a": [1]}, "metadata": {"labels": {}}}
    out = patch.merge_patch(doc, {"metadata": {"labels": {"x": "y"}}})
    assert out["spec"] is doc["spec"]
    assert doc["metadata"] == {"labels": {}}
