"""Patches that nobody should send: whatever comes, it is an answer or a StatusError."""

import contextlib
import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miniplane.api import patch
from miniplane.api.errors import StatusError

POD = "io.k8s.api.core.v1.Pod"
FIELDS = "metadata spec status finalizers labels containers env name value image uid args limits"
LISTS = "containers finalizers env args labels"
KEYS = st.sampled_from(
    [
        *FIELDS.split(" "),
        "$patch",
        "$retainKeys",
        "$setElementOrder",
        *(f"$setElementOrder/{name}" for name in LISTS.split(" ")),
        *(f"$deleteFromPrimitiveList/{name}" for name in LISTS.split(" ")),
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-2, 3)
    | st.floats(allow_nan=False, allow_infinity=False, width=16)
    | st.sampled_from(["a", "b", "", "delete", "replace", "merge", "containers", "name"])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=25,
)
OBJECTS = st.dictionaries(KEYS, JSON, max_size=5)
POINTERS = st.lists(
    st.sampled_from(["spec", "containers", "0", "1", "-", "-1", "name", "metadata", "~0", "", "9"]),
    max_size=4,
).map(lambda parts: "".join(f"/{part}" for part in parts))
OPERATIONS = st.lists(
    st.fixed_dictionaries(
        {"op": st.sampled_from(["add", "remove", "replace", "move", "test", "copy"])},
        optional={"path": POINTERS, "from": POINTERS, "value": JSON},
    )
    | JSON,
    max_size=8,
)


def answers(apply, doc, change):
    before = copy.deepcopy((doc, change))
    with contextlib.suppress(StatusError):
        assert isinstance(apply(doc, change), dict)
    assert (doc, change) == before


@settings(deadline=None, max_examples=400, database=None)
@given(OBJECTS, OPERATIONS | JSON)
def test_json_patch(doc, ops):
    answers(patch.json_patch, doc, ops)


@settings(deadline=None, max_examples=200, database=None)
@given(OBJECTS, JSON)
def test_merge_patch(doc, change):
    answers(patch.merge_patch, doc, change)


@settings(deadline=None, max_examples=600, database=None)
@given(OBJECTS, OBJECTS | JSON)
def test_strategic(doc, change):
    answers(lambda a, b: patch.strategic(POD, a, b), doc, change)


@pytest.mark.parametrize("depth", [400, 5_000, 100_000])
@pytest.mark.parametrize("wrap", [lambda x: {"data": x}, lambda x: [x]])
def test_deep_nesting(depth, wrap):
    deep = "leaf"
    for _ in range(depth):
        deep = wrap(deep)
    for apply in (patch.merge_patch, lambda a, b: patch.strategic(POD, a, b)):
        with contextlib.suppress(StatusError):
            apply({"spec": {"x": deep}}, {"spec": {"x": deep, "y": deep}})
    ops = [
        {"op": "copy", "from": "/a", "path": "/b"},
        {"op": "test", "path": "/a", "value": deep},
    ]
    for op in ops:
        with contextlib.suppress(StatusError):
            patch.json_patch({"a": deep}, [op])
    del deep
