"""Comparison by schema, against a model that lists all paths of both sides."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miniplane.api import schema
from miniplane.api.fieldset import elements, sets, walk

SPEC = schema.node("io.k8s.api.core.v1.PodSpec")
META = schema.node("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta")


def leaves(node, value, at=()):
    """Every path of a value with the leaf that stands there, None inside."""
    out = {}
    if node.kind in ("object", "map") and node.map_type != "atomic" and value:
        out[at] = None
        for name, below in value.items():
            child = node.fields.get(name) or node.item
            out.update(leaves(child, below, (*at, f"f:{name}")))
        return out
    if node.kind == "list" and node.list_type != "atomic" and value:
        out[at] = None
        for item in value:
            if node.list_type == "set":
                out[(*at, elements.value(item))] = ("leaf", item)
                continue
            defaults = {k: node.item.fields[k].default for k in node.list_keys}
            chosen = {k: item.get(k, defaults[k]) for k in node.list_keys}
            chosen = {k: v for k, v in chosen.items() if v is not None}
            out.update(leaves(node.item, item, (*at, elements.key(chosen))))
        return out
    return {at: ("leaf", value)}


def model(node, old, new):
    before, after = leaves(node, old), leaves(node, new)
    own = {
        path
        for path, leaf in after.items()
        if path not in before or (leaf and before[path] and leaf != before[path])
    }
    return own, set(before) - set(after)


names = st.sampled_from("abc")
texts = st.sampled_from(["", "1", "2"])
string_maps = st.dictionaries(names, texts, max_size=3)


def keyed(key, fields, keys=names):
    items = st.fixed_dictionaries({key: keys}, optional=fields)
    return st.lists(items, unique_by=lambda item: item[key], max_size=3)


ports = st.lists(
    st.fixed_dictionaries(
        {"containerPort": st.sampled_from([80, 443])},
        optional={"protocol": st.sampled_from(["TCP", "UDP"]), "name": texts},
    ),
    unique_by=lambda p: (p["containerPort"], p.get("protocol", "TCP")),
    max_size=3,
)
resources = st.fixed_dictionaries({}, optional={"limits": string_maps, "requests": string_maps})
containers = keyed(
    "name",
    {
        "image": texts,
        "args": st.lists(texts, max_size=2),
        "env": keyed("name", {"value": texts}),
        "ports": ports,
        "resources": resources,
        "securityContext": st.none()
        | st.fixed_dictionaries({}, optional={"privileged": st.booleans()}),
    },
)
specs = st.fixed_dictionaries(
    {"containers": st.none() | containers},
    optional={
        "nodeSelector": string_maps,
        "tolerations": st.lists(st.fixed_dictionaries({"key": texts}), max_size=2),
        "hostNetwork": st.booleans(),
        "overhead": string_maps,
        "imagePullSecrets": keyed("name", {}),
    },
)
metas = st.fixed_dictionaries(
    {},
    optional={
        "labels": string_maps,
        "finalizers": st.lists(st.sampled_from(["x/a", "x/b"]), unique=True, max_size=2),
        "ownerReferences": keyed("uid", {"name": texts}),
    },
)


@settings(deadline=None, max_examples=400, database=None)
@given(st.data())
def test_against_the_model(data):
    node, values = data.draw(st.sampled_from([(SPEC, specs), (META, metas)]))
    old, new = data.draw(values), data.draw(values)
    before = copy.deepcopy((old, new))
    shape = walk.Shapes()[node]
    own, gone = shape.diff(old, new) if old != new else (None, None)
    wanted_own, wanted_gone = model(node, old, new)
    assert set(sets.paths(own or {})) == wanted_own - {()}
    assert set(sets.paths(gone or {})) == wanted_gone - {()}
    assert sets.from_json(own or {}) == (own or {})
    assert sets.from_json(gone or {}) == (gone or {})
    assert list(sets.from_json(own or {})) == list(own or {})
    assert (old, new) == before


@settings(deadline=None, max_examples=200, database=None)
@given(specs)
def test_what_is_new_is_listed_whole(spec):
    paths = walk.Shapes()[SPEC].paths(spec)
    assert set(sets.paths({"f:spec": paths})) == {("f:spec", *path) for path in leaves(SPEC, spec)}


def own(definition, path, old, new):
    node = schema.node(definition)
    for name in path:
        node = node.fields[name]
    return walk.Shapes()[node].diff(old, new)


CONTAINER = "io.k8s.api.core.v1.Container"


def test_items_with_the_same_key_are_one_leaf():
    one, other = {"name": "a", "value": "1"}, {"name": "a", "value": "2"}
    key = 'k:{"name":"a"}'
    inside = {".": {}, "f:name": {}, "f:value": {}}
    assert own(CONTAINER, ["env"], [], [one, other]) == ({key: {}}, None)
    assert own(CONTAINER, ["env"], [one], [one, other]) == ({key: {}}, {key: inside})
    assert own(CONTAINER, ["env"], [one, other], [one]) == ({key: inside}, None)
    assert own(CONTAINER, ["env"], [one, other], [other, one]) == ({key: {}}, None)
    assert own(CONTAINER, ["env"], [one, other], []) == (None, {key: {}})


def test_items_without_their_keys_cannot_be_tracked():
    with pytest.raises(walk.Untrackable):
        own(CONTAINER, ["env"], [], [{"value": "1"}])
    with pytest.raises(walk.Untrackable):
        own(CONTAINER, ["env"], [], ["x"])
    with pytest.raises(walk.Untrackable):
        own(CONTAINER, ["resources"], {}, "x")


def test_untyped_json_is_a_leaf_but_not_in_custom_resources():
    node = schema.node("io.k8s.apimachinery.pkg.runtime.RawExtension")
    assert walk.Shapes()[node].diff is None
    custom = walk.Shapes(granular_json=True)[node]
    assert custom.diff({"a": {"b": 1}, "l": [1]}, {"a": {"b": 2, "c": {}}, "l": [2]}) == (
        {"f:a": {"f:b": {}, "f:c": {}}, "f:l": {}},
        None,
    )
    assert custom.diff({"a": {"b": 1}}, {"a": 1}) == ({"f:a": {}}, {"f:a": {"f:b": {}}})
    assert custom.paths({"a": {"b": 1}}) == {".": {}, "f:a": {".": {}, "f:b": {}}}
