"""JSON patch: RFC 6902's own examples, and where the API server departs from them."""

import copy

import pytest

from miniplane.api import patch
from miniplane.api.errors import StatusError

# Appendix A of RFC 6902: document, operations, result (None: an error).
RFC_EXAMPLES = {
    "A1 add a member": (
        {"foo": "bar"},
        [{"op": "add", "path": "/baz", "value": "qux"}],
        {"baz": "qux", "foo": "bar"},
    ),
    "A2 add an element": (
        {"foo": ["bar", "baz"]},
        [{"op": "add", "path": "/foo/1", "value": "qux"}],
        {"foo": ["bar", "qux", "baz"]},
    ),
    "A3 remove a member": (
        {"baz": "qux", "foo": "bar"},
        [{"op": "remove", "path": "/baz"}],
        {"foo": "bar"},
    ),
    "A4 remove an element": (
        {"foo": ["bar", "qux", "baz"]},
        [{"op": "remove", "path": "/foo/1"}],
        {"foo": ["bar", "baz"]},
    ),
    "A5 replace a value": (
        {"baz": "qux", "foo": "bar"},
        [{"op": "replace", "path": "/baz", "value": "boo"}],
        {"baz": "boo", "foo": "bar"},
    ),
    "A6 move a value": (
        {"foo": {"bar": "baz", "waldo": "fred"}, "qux": {"corge": "grault"}},
        [{"op": "move", "from": "/foo/waldo", "path": "/qux/thud"}],
        {"foo": {"bar": "baz"}, "qux": {"corge": "grault", "thud": "fred"}},
    ),
    "A7 move an element": (
        {"foo": ["all", "grass", "cows", "eat"]},
        [{"op": "move", "from": "/foo/1", "path": "/foo/3"}],
        {"foo": ["all", "cows", "eat", "grass"]},
    ),
    "A8 test that succeeds": (
        {"baz": "qux", "foo": ["a", 2, "c"]},
        [
            {"op": "test", "path": "/baz", "value": "qux"},
            {"op": "test", "path": "/foo/1", "value": 2},
        ],
        {"baz": "qux", "foo": ["a", 2, "c"]},
    ),
    "A9 test that fails": (
        {"baz": "qux"},
        [{"op": "test", "path": "/baz", "value": "bar"}],
        None,
    ),
    "A10 add a nested object": (
        {"foo": "bar"},
        [{"op": "add", "path": "/child", "value": {"grandchild": {}}}],
        {"foo": "bar", "child": {"grandchild": {}}},
    ),
    "A11 unknown members": (
        {"foo": "bar"},
        [{"op": "add", "path": "/baz", "value": "qux", "xyz": 123}],
        {"foo": "bar", "baz": "qux"},
    ),
    "A12 add to a missing target": (
        {"foo": "bar"},
        [{"op": "add", "path": "/baz/bat", "value": "qux"}],
        None,
    ),
    "A14 escapes": (
        {"/": 9, "~1": 10},
        [{"op": "test", "path": "/~01", "value": 10}],
        {"/": 9, "~1": 10},
    ),
    "A15 strings are no numbers": (
        {"/": 9, "~1": 10},
        [{"op": "test", "path": "/~01", "value": "10"}],
        None,
    ),
    "A16 add an array value": (
        {"foo": ["bar"]},
        [{"op": "add", "path": "/foo/-", "value": ["abc", "def"]}],
        {"foo": ["bar", ["abc", "def"]]},
    ),
}


@pytest.mark.parametrize("name", RFC_EXAMPLES)
def test_rfc_example(name):
    doc, ops, want = RFC_EXAMPLES[name]
    before = copy.deepcopy((doc, ops))
    if want is None:
        with pytest.raises(StatusError) as refused:
            patch.json_patch(doc, ops)
        assert refused.value.to_status() == {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": "the server rejected our request due to an error in our request",
            "reason": "Invalid",
            "details": {},
            "code": 422,
        }
    else:
        assert patch.json_patch(doc, ops) == want
    assert (doc, ops) == before


@pytest.mark.parametrize(
    ("ops", "want"),
    [
        (
            [{"op": "replace", "path": "/new", "value": 1}],
            {"a": [1, 2], "m": {"k": None}, "new": 1},
        ),
        ([{"op": "remove", "path": "/a/-1"}], {"a": [1], "m": {"k": None}}),
        ([{"op": "add", "path": "/a/-1", "value": 3}], {"a": [1, 2, 3], "m": {"k": None}}),
        ([{"op": "add", "path": "/a/0"}], {"a": [None, 1, 2], "m": {"k": None}}),
        ([{"op": "add", "path": "x/z", "value": 0}], {"a": [1, 2], "m": {"k": None}, "z": 0}),
        ([{"op": "test", "path": "/m/k"}], {"a": [1, 2], "m": {"k": None}}),
        ([{"op": "test", "path": "/missing", "value": None}], {"a": [1, 2], "m": {"k": None}}),
        ([{"op": "test", "path": "", "value": {"m": {"k": None}, "a": [1, 2]}}], None),
        ([{"op": "replace", "path": "", "value": {}}], {}),
        ([{"op": "copy", "from": "/a", "path": "/m/k"}], {"a": [1, 2], "m": {"k": [1, 2]}}),
    ],
)
def test_habits_of_the_server(ops, want):
    doc = {"a": [1, 2], "m": {"k": None}}
    assert patch.json_patch(doc, ops) == (doc if want is None else want)


@pytest.mark.parametrize(
    "op",
    [
        {"op": "frob", "path": "/a"},
        {"path": "/a"},
        {"op": "remove"},
        {"op": "remove", "path": None},
        {"op": "remove", "path": ""},
        {"op": "remove", "path": "a"},
        {"op": "remove", "path": "/a/2"},
        {"op": "remove", "path": "/a/-3"},
        {"op": "remove", "path": "/a/x"},
        {"op": "remove", "path": "/a/1_0"},
        {"op": "remove", "path": "/a/99999999999999999999"},
        {"op": "add", "path": "/a/3", "value": 0},
        {"op": "replace", "path": "/a/-", "value": 0},
        {"op": "replace", "path": "", "value": None},
        {"op": "move", "path": "/b"},
        {"op": "copy", "from": "/nope/x", "path": "/b"},
        {"op": "test", "path": "/a/0", "value": 1.0},
        {"op": "test", "path": "/a/0", "value": True},
        {"op": "test", "path": "/a", "value": [1]},
        None,
    ],
)
def test_operations_that_do_not_apply(op):
    with pytest.raises(StatusError) as refused:
        patch.json_patch({"a": [1, 2]}, [op])
    assert (refused.value.code, refused.value.reason) == (422, "Invalid")


@pytest.mark.parametrize(
    ("ops", "validation", "why"),
    [
        (
            {"op": "remove"},
            "Warn",
            "error decoding patch: json: cannot unmarshal object into Go value of type "
            "[]handlers.jsonPatchOp",
        ),
        (
            [1],
            "Strict",
            "error decoding patch: json: cannot unmarshal number into Go value of type "
            "handlers.jsonPatchOp",
        ),
        (
            [{"op": 5}],
            "Warn",
            "error decoding patch: json: cannot unmarshal number into Go struct field "
            "jsonPatchOp.op of type string",
        ),
        ("x", "Ignore", "json: cannot unmarshal string into Go value of type jsonpatch.Patch"),
    ],
)
def test_patches_of_the_wrong_shape(ops, validation, why):
    with pytest.raises(StatusError) as refused:
        patch.json_patch({}, ops, field_validation=validation)
    assert (refused.value.code, refused.value.message) == (400, why)


def test_null_is_an_empty_patch():
    assert patch.json_patch({"a": 1}, None) == {"a": 1}


def test_too_many_operations():
    ops = [{"op": "add", "path": "/a", "value": 1}] * (patch.MAX_OPERATIONS + 1)
    with pytest.raises(StatusError) as refused:
        patch.json_patch({}, ops)
    assert (refused.value.code, refused.value.reason) == (413, "RequestEntityTooLarge")
    assert refused.value.message == (
        "Request entity too large: The allowed maximum operations in a JSON patch is 10000, "
        "got 10001"
    )
    assert patch.json_patch({}, ops[:-1]) == {"a": 1}


def test_copies_are_bounded():
    doubling = [{"op": "copy", "from": "/a", "path": "/a/-"}] * 64
    with pytest.raises(StatusError) as refused:
        patch.json_patch({"a": ["x" * 100]}, doubling)
    assert refused.value.code == 422


def test_copies_are_independent():
    ops = [
        {"op": "add", "path": "/a/x", "value": 1},
        {"op": "copy", "from": "/a", "path": "/b"},
        {"op": "add", "path": "/b/y", "value": 2},
        {"op": "add", "path": "/a/z", "value": 3},
    ]
    assert patch.json_patch({"a": {}}, ops) == {"a": {"x": 1, "z": 3}, "b": {"x": 1, "y": 2}}


def test_what_is_not_touched_is_shared():
    doc = {"spec": {"deep": [1, 2]}, "status": {"x": 1}}
    out = patch.json_patch(doc, [{"op": "replace", "path": "/status/x", "value": 2}])
    assert out["spec"] is doc["spec"]
    assert doc["status"] == {"x": 1}


def test_a_document_that_is_no_object_any_more():
    with pytest.raises(StatusError) as refused:
        patch.json_patch({}, [{"op": "replace", "path": "", "value": [1]}])
    assert refused.value.code == 422
    assert refused.value.details["causes"][0]["field"] == "patch"


def test_unknown_members_are_named():
    ops = [{"op": "add", "path": "/a", "value": 1}, {"op": "add", "pth": "/a", "valeu": 1}]
    assert patch.unknown_members(ops) == [
        'json patch unknown field "[1].pth"',
        'json patch unknown field "[1].valeu"',
    ]
