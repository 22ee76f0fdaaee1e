"""The algebra of field sets, against plain sets of paths."""

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miniplane.api.fieldset import elements, sets

ELEMENTS = st.sampled_from(["f:a", "f:b", "f:c", 'k:{"name":"x"}', 'v:"y"', "i:2"])
PATHS = st.lists(ELEMENTS, min_size=1, max_size=3).map(tuple)
PATH_SETS = st.lists(PATHS, max_size=8).map(lambda paths: dict.fromkeys(paths))
SETTINGS = settings(deadline=None, max_examples=300, database=None)


def made(paths):
    return sets.from_paths(paths)


def members(a):
    return set(sets.paths(a))


def is_canonical(a):
    return sets.from_json(json.loads(json.dumps(a))) == a and list(sets.from_json(a)) == list(a)


@SETTINGS
@given(PATH_SETS)
def test_paths_come_back(paths):
    a = made(paths)
    assert members(a) == set(paths)
    assert is_canonical(a)
    assert all(sets.has(a, path) for path in paths)
    assert not sets.has(a, ()) and not sets.has(a, ("f:z",))


@SETTINGS
@given(PATH_SETS, PATH_SETS)
def test_union_difference_and_intersection(one, other):
    a, b = made(one), made(other)
    before = copy.deepcopy((a, b))
    for operation, want in (
        (sets.union, set(one) | set(other)),
        (sets.difference, set(one) - set(other)),
        (sets.intersection, set(one) & set(other)),
    ):
        out = operation(a, b)
        assert members(out) == want
        assert is_canonical(out)
    assert (a, b) == before


@SETTINGS
@given(PATH_SETS, PATH_SETS)
def test_what_an_operation_does_not_change_is_the_argument(one, other):
    a, b = made(one), made(other)
    if not set(one) & set(other):
        assert sets.difference(a, b) is a
    if set(other) <= set(one):
        assert sets.union(a, b) is a


@SETTINGS
@given(PATH_SETS, PATH_SETS)
def test_prefixes_take_everything_below(one, prefixes):
    a, b = made(one), made(prefixes)
    out = sets.without_prefixes(a, b)
    assert members(out) == {path for path in one if not any(path[: len(p)] == p for p in prefixes)}
    assert is_canonical(out)


@SETTINGS
@given(PATH_SETS, st.lists(st.lists(ELEMENTS | st.just("*"), min_size=1, max_size=3), max_size=3))
def test_only_what_matches_stays(one, patterns):
    def matches(path, pattern):
        return all(want in ("*", is_) for want, is_ in zip(pattern, path, strict=False))

    out = sets.only_prefixes(made(one), patterns)
    assert members(out) == {p for p in one if any(matches(p, pattern) for pattern in patterns)}
    assert is_canonical(out)


@pytest.mark.parametrize(
    ("document", "want"),
    [
        ({}, {}),
        (None, {}),
        ({".": {}}, {}),
        ({"f:a": {".": {}}}, {"f:a": {}}),
        ({"f:b": {}, "f:a": {}}, {"f:a": {}, "f:b": {}}),
        ({"x:new": {"f:a": {}}, "f:a": {}}, {"f:a": {}}),
        ({'k:{"b":2, "a":"<"}': {}}, {'k:{"a":"\\u003c","b":2}': {}}),
        ({"i:+3": {}}, {"i:3": {}}),
    ],
)
def test_documents_are_made_canonical(document, want):
    assert sets.from_json(document) == want


@pytest.mark.parametrize(
    "document", [[], "x", {"a": {}}, {"f": {}}, {"v:{": {}}, {"k:[]": {}}, {"i:x": {}}, {"f:a": 1}]
)
def test_malformed_documents(document):
    with pytest.raises(elements.Malformed):
        sets.from_json(document)


def test_deep_documents_are_malformed():
    document = {}
    for _ in range(50_000):
        document = {"f:a": document}
    with pytest.raises(elements.Malformed):
        sets.from_json(document)


def test_elements_are_ordered_by_kind_and_value():
    mixed = ["v:2", "i:10", 'k:{"port":443}', "f:b", "i:9", "v:10", 'k:{"port":80}', ".", "f:a"]
    assert sorted(mixed, key=elements.order) == [
        ".",
        "f:a",
        "f:b",
        'k:{"port":80}',
        'k:{"port":443}',
        "v:2",
        "v:10",
        "i:9",
        "i:10",
    ]
