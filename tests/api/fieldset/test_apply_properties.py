"""Laws of server-side apply, on random objects with fields of every sort."""

import copy
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from miniplane.api import fieldset
from miniplane.api.errors import StatusError
from miniplane.api.fieldset import sets, typed
from miniplane.api.fieldset.walk import Untrackable
from miniplane.api.schema import Node


def scalar(name):
    return Node("scalar", scalar=name)


def listed(item, kind, *keys):
    out = Node("list")
    out.item, out.list_type, out.list_keys = item, kind, keys
    return out


def fields(**more):
    out = Node("object")
    out.fields = more
    return out


def mapped(item, kind="granular"):
    out = Node("map")
    out.item, out.map_type = item, kind
    return out


PART = fields(name=scalar("string"), count=scalar("integer"), more=mapped(scalar("string")))
ROOT = fields(
    spec=fields(
        size=scalar("integer"),
        labels=mapped(scalar("string")),
        whole=mapped(scalar("string"), "atomic"),
        parts=listed(PART, "map", "name"),
        tags=listed(scalar("string"), "set"),
        order=listed(scalar("string"), "atomic"),
        inner=fields(on=scalar("boolean"), parts=listed(PART, "map", "name")),
    )
)

words = st.sampled_from("abc")
texts = st.sampled_from("xyz")
maps = st.dictionaries(words, texts, max_size=3)
parts = st.lists(
    st.fixed_dictionaries(
        {"name": words}, optional={"count": st.integers(0, 2), "more": maps.filter(bool)}
    ),
    unique_by=lambda part: part["name"],
    max_size=3,
)
specs = st.fixed_dictionaries(
    {},
    optional={
        "size": st.integers(0, 2),
        "labels": maps.filter(bool),
        "whole": maps.filter(bool),
        "parts": parts.filter(bool),
        "tags": st.lists(words, unique=True, min_size=1),
        "order": st.lists(words, min_size=1, max_size=2),
        "inner": st.fixed_dictionaries(
            {}, optional={"on": st.booleans(), "parts": parts.filter(bool)}
        ).filter(bool),
    },
)
HEAD = {"apiVersion": "e.com/v1", "kind": "W", "metadata": {"name": "w"}}


def config(spec):
    return {**HEAD, "spec": spec} if spec else dict(HEAD)


def apply(live, spec, manager, *, force=False, now="1"):
    before = copy.deepcopy(live)
    out = fieldset.apply(
        ROOT,
        api_version="e.com/v1",
        live=live,
        config=config(spec),
        manager=manager,
        now=now,
        force=force,
    )
    assert live == before
    obj = tidy(out.obj if out.obj is not None else live)
    obj["metadata"] = {**obj["metadata"], "managedFields": out.managed}
    return obj


def tidy(value):
    """As the object would be written back: without nulls, and maps that have become empty."""
    if isinstance(value, dict):
        kept = {k: tidy(v) for k, v in value.items()}
        return {k: v for k, v in kept.items() if v is not None and v != {}}
    if isinstance(value, list):
        return [tidy(item) for item in value]
    return value


def owners(obj):
    return {e["manager"]: e["fieldsV1"] for e in obj["metadata"].get("managedFields") or ()}


def all_fields(obj):
    found = typed.custom(ROOT).fields(config(obj.get("spec") or {}), strict=False)
    return sets.difference(found or {}, sets.from_paths([("f:apiVersion",), ("f:kind",)]))


def content(obj):
    """An object with its lists in an order of their own."""
    return _sorted(obj.get("spec") or {})


def _sorted(value):
    if isinstance(value, dict):
        return {k: _sorted(v) if k != "order" else v for k, v in value.items()}
    if isinstance(value, list):
        return sorted(map(_sorted, value), key=lambda item: json.dumps(item, sort_keys=True))
    return value


def leaves(found):
    return {path for path in sets.paths(found) if path[0] == "f:spec"}


@settings(max_examples=150, deadline=None)
@given(specs, specs, specs)
def test_twice_is_once(first, other, spec):
    live = apply(apply(None, first, "a"), other, "b", force=True)
    once = apply(live, spec, "a", force=True)
    assert apply(once, spec, "a", now="2") == once


@settings(max_examples=150, deadline=None)
@given(specs, specs, specs)
def test_a_configuration_is_in_the_object_and_owned(first, other, spec):
    live = apply(apply(None, first, "a"), other, "b", force=True)
    obj = apply(live, spec, "a", force=True)
    mine = owners(obj).get("a", {})
    assert leaves(mine) == leaves(all_fields(config(spec)))
    assert content({"spec": typed.custom(ROOT).merge(obj, config(spec)).get("spec")}) == content(
        obj
    )
    # nobody else owns what would be changed by it, and whatever is owned is there
    present = leaves(all_fields(obj))
    for manager, found in owners(obj).items():
        assert leaves(found) <= present, manager


@settings(max_examples=150, deadline=None)
@given(specs, specs)
def test_what_goes_is_what_nobody_else_owns(first, other):
    live = apply(apply(None, first, "a"), other, "b", force=True)
    theirs = leaves(owners(live).get("b", {}))
    gone = apply(live, {}, "a")
    left = leaves(all_fields(gone))
    assert theirs <= left
    assert content(gone) == content(apply(None, other, "b"))
    assert "a" not in owners(gone)


@settings(max_examples=150, deadline=None)
@given(specs, specs)
def test_two_who_do_not_touch_each_other_commute(one, two):
    try:
        forth = apply(apply(None, one, "a"), two, "b")
    except StatusError as error:
        assert error.code == 409
        return
    back = apply(apply(None, two, "b"), one, "a")
    assert content(forth) == content(back)
    assert owners(forth) == owners(back)


@settings(max_examples=150, deadline=None)
@given(specs, specs)
def test_conflicts_are_the_owned_fields_that_would_change(one, two):
    live = apply(None, one, "a")
    forced = apply(live, two, "b", force=True)
    lost = leaves(owners(live).get("a", {})) - leaves(owners(forced).get("a", {}))
    try:
        apply(live, two, "b")
    except StatusError as error:
        assert len(error.details["causes"]) == len(lost) > 0
    else:
        assert not lost


FLAT = fields(**ROOT.fields["spec"].fields)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), specs), max_size=5))
def test_what_goes_does_not_depend_on_how_deep_it_stands(story):
    deep = flat = None
    for now, (manager, spec) in enumerate(story):
        deep = apply(deep, spec, manager, force=True, now=str(now))
        found = fieldset.apply(
            FLAT,
            api_version="e.com/v1",
            live=flat,
            config={**HEAD, **spec},
            manager=manager,
            now=str(now),
            force=True,
        )
        flat = tidy(found.obj if found.obj is not None else flat)
        flat["metadata"] = {**flat["metadata"], "managedFields": found.managed}
        assert {k: v for k, v in flat.items() if k not in HEAD} == (deep.get("spec") or {})


@settings(max_examples=150, deadline=None)
@given(specs, specs)
def test_a_type_takes_apart_what_it_has_put_together(one, two):
    of = typed.custom(ROOT)
    a, b = config(one), config(two)
    both = of.merge(a, b)
    assert of.merge(both, b) is both or content(of.merge(both, b)) == content(both)
    assert of.merge(a, a) is a
    try:
        found = of.fields(both) or {}
    except Untrackable:
        raise AssertionError from None
    assert of.settled(found) is found
    assert leaves(found) >= leaves(of.fields(a) or {}) | leaves(of.fields(b) or {})
    rest = of.without(both, of.named(found))
    assert not rest
