"""Strategic merge patch: directives, lists with and without merge keys, order, and its errors."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miniplane.api import patch
from miniplane.api.errors import StatusError

POD = "io.k8s.api.core.v1.Pod"
SERVICE = "io.k8s.api.core.v1.Service"
CONFIG_MAP = "io.k8s.api.core.v1.ConfigMap"
DEPLOYMENT = "io.k8s.api.apps.v1.Deployment"
REVISION = "io.k8s.api.apps.v1.ControllerRevision"
BUDGET = "io.k8s.api.policy.v1.PodDisruptionBudget"


def containers(*items):
    return {"spec": {"containers": list(items)}}


def names(obj):
    return [c["name"] for c in obj["spec"]["containers"]]


A, B, C = {"name": "a", "image": "a:1"}, {"name": "b", "image": "b:1"}, {"name": "c"}


def test_items_are_merged_by_key_and_new_ones_follow():
    out = patch.strategic(POD, containers(A, B), containers({"name": "b", "image": "b:2"}, C))
    assert out == containers(A, {"name": "b", "image": "b:2"}, C)


def test_new_items_stand_before_those_that_the_patch_does_not_name():
    live = {"metadata": {"finalizers": ["x/a", "x/b"]}}
    out = patch.strategic(CONFIG_MAP, live, {"metadata": {"finalizers": ["x/c", "x/a"]}})
    assert out["metadata"]["finalizers"] == ["x/c", "x/a", "x/b"]


def test_items_are_deleted_and_lists_replaced():
    gone = patch.strategic(POD, containers(A, B), containers({"name": "a", "$patch": "delete"}))
    assert gone == containers(B)
    fresh = patch.strategic(POD, containers(A, B), containers(C, {"$patch": "replace"}))
    assert fresh == containers(C)


def test_values_are_deleted_from_lists_of_scalars():
    live = {"metadata": {"finalizers": ["x/a", "x/b", "x/c"]}}
    change = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["x/b", "x/z"]}}
    out = patch.strategic(CONFIG_MAP, live, change)
    assert out["metadata"]["finalizers"] == ["x/a", "x/c"]
    absent = patch.strategic(CONFIG_MAP, {"metadata": {}}, change)
    assert absent == {"metadata": {}}


def test_order_is_set():
    change = {
        "spec": {
            "$setElementOrder/containers": [{"name": "c"}, {"name": "a"}],
            "containers": [C],
        }
    }
    assert names(patch.strategic(POD, containers(A, B), change)) == ["c", "a", "b"]
    reorder = {"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}}
    assert names(patch.strategic(POD, containers(A, B), reorder)) == ["b", "a"]
    untouched = patch.strategic(POD, {"spec": {}}, reorder)
    assert untouched == {"spec": {}}


def test_added_items_take_the_place_of_deleted_ones_in_the_live_order():
    live = containers({"name": "1"}, {"name": "2"}, {"name": "4"})
    change = {
        "spec": {
            "$setElementOrder/containers": [{"name": "2"}, {"name": "3"}],
            "containers": [{"name": "3"}, {"name": "1", "$patch": "delete"}],
        }
    }
    assert names(patch.strategic(POD, live, change)) == ["2", "4", "3"]


def test_maps_are_replaced_deleted_and_trimmed():
    live = {"data": {"a": "1", "b": "2"}}
    assert patch.strategic(CONFIG_MAP, live, {"data": {"$patch": "replace", "c": "3"}}) == {
        "data": {"c": "3"}
    }
    assert patch.strategic(CONFIG_MAP, live, {"data": {"$patch": "delete"}}) == {"data": {}}
    assert patch.strategic(CONFIG_MAP, live, {"data": {"a": None}}) == {"data": {"b": "2"}}
    assert patch.strategic(CONFIG_MAP, {}, {"data": {"$patch": "replace", "c": "3"}}) == {}
    recreate = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    rolling = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    assert patch.strategic(DEPLOYMENT, rolling, recreate) == {
        "spec": {"strategy": {"type": "Recreate"}}
    }


def test_lists_without_a_merge_strategy_are_replaced():
    live = {"spec": {"tolerations": [{"key": "a"}, {"key": "b"}]}}
    out = patch.strategic(POD, live, {"spec": {"tolerations": [{"key": "c"}]}})
    assert out == {"spec": {"tolerations": [{"key": "c"}]}}


def test_maps_with_the_replace_strategy():
    live = {"spec": {"selector": {"matchLabels": {"a": "b"}}}}
    change = {"spec": {"selector": {"matchExpressions": []}}}
    assert patch.strategic(BUDGET, live, change) == change


def test_service_ports_merge_by_port_alone():
    live = {"spec": {"ports": [{"port": 53, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]}}
    out = patch.strategic(SERVICE, live, {"spec": {"ports": [{"port": 53, "name": "dns"}]}})
    assert out["spec"]["ports"][0] == {"port": 53, "protocol": "TCP", "name": "dns"}


def test_what_is_added_comes_without_nulls_and_directives():
    change = {"spec": {"affinity": {"nodeAffinity": None, "podAffinity": {"$patch": "delete"}}}}
    assert patch.strategic(POD, {}, change) == {"spec": {"affinity": {}}}


@pytest.mark.parametrize(
    ("definition", "live", "change", "code", "why"),
    [
        (
            POD,
            containers(A),
            containers({"image": "x"}),
            500,
            "map: map[image:x] does not contain declared merge key: name",
        ),
        (
            POD,
            containers(A),
            containers({"name": "a", "$patch": "frob"}),
            500,
            "unknown patch type: frob in map: map[$patch:frob name:a]",
        ),
        (
            POD,
            containers(A),
            containers({"name": "a", "$patch": "merge"}),
            500,
            "merging lists cannot yet be specified in the patch",
        ),
        (
            CONFIG_MAP,
            {"data": {"a": "1"}},
            {"data": {"$patch": "merge"}},
            500,
            "unknown patch type: merge in map: map[$patch:merge]",
        ),
        (
            POD,
            containers(A),
            {"spec": {"$retainKeys": "containers"}},
            400,
            "invalid patch format of retainKeys",
        ),
        (
            POD,
            containers(A),
            {"spec": {"$retainKeys": ["volumes"], "containers": []}},
            400,
            "invalid patch format of retainKeys",
        ),
        (
            POD,
            containers(A),
            {"spec": {"$setElementOrder": []}},
            400,
            "invalid patch format of setElementOrder list",
        ),
        (
            POD,
            containers(A),
            {"spec": {"$setElementOrder/containers": "a"}},
            500,
            "expected a []interface {}, but received a string",
        ),
        (
            POD,
            containers(A),
            {"spec": {"$setElementOrder/containers": [{"name": "a"}], "containers": [B]}},
            500,
            "The order in patch list:\n[map[image:b:1 name:b]]\n doesn't match $setElementOrder "
            "list:\n[map[name:a]]\n",
        ),
        (
            CONFIG_MAP,
            {"metadata": {"finalizers": ["a"]}},
            {"metadata": {"$deleteFromPrimitiveListfinalizers": ["a"]}},
            400,
            "invalid patch format of primitive list",
        ),
        (
            CONFIG_MAP,
            {"metadata": {"finalizers": ["a"]}},
            {"metadata": {"finalizers": [1]}},
            500,
            "list element types are not identical: [[a] [1]]",
        ),
        (
            CONFIG_MAP,
            {"metadata": {"finalizers": ["a"]}},
            {"metadata": {"finalizers": [["a"]]}},
            500,
            "list element types are not identical: [[a] [[a]]]",
        ),
        (
            CONFIG_MAP,
            {"metadata": {"finalizers": []}},
            {"metadata": {"finalizers": [["a"]]}},
            422,
            "the server rejected our request due to an error in our request",
        ),
        (
            REVISION,
            {"data": {"spec": {"a": 1}}},
            {"data": {"spec": {"a": 2}}},
            500,
            'unable to find api field in struct RawExtension for the json field "spec"',
        ),
        (
            POD,
            {},
            [],
            400,
            "json: cannot unmarshal array into Go value of type map[string]interface {}",
        ),
    ],
)
def test_refusals(definition, live, change, code, why):
    with pytest.raises(StatusError) as refused:
        patch.strategic(definition, live, change)
    assert (refused.value.code, refused.value.message) == (code, why)


def test_a_result_that_cannot_be_decoded_quotes_the_patch():
    error = patch.undecodable_strategic({"extra": "x", "n": [1, 2.5, None]}, "strict: unknown")
    assert error.message == (
        ' "" is invalid: patch: Invalid value: "map[extra:x n:[1 2.5 <nil>]]": strict: unknown'
    )
    assert error.details["causes"][0]["field"] == "patch"


# Patches made from a difference, as kubectl makes them.

values = st.sampled_from(["1", "2", "3"])
envs = st.lists(
    st.builds(lambda n, v: {"name": n, "value": v}, st.sampled_from("XYZ"), values),
    unique_by=lambda e: e["name"],
    max_size=3,
)
pods = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from("abcd")},
        optional={"image": values, "env": envs, "args": st.lists(values, max_size=2)},
    ),
    unique_by=lambda c: c["name"],
    min_size=1,
    max_size=4,
).map(lambda items: containers(*items))
MERGED = {"containers": "name", "env": "name"}


def made_from(old, new):
    change = {}
    for key, value in new.items():
        was = old.get(key)
        if was == value:
            continue
        if isinstance(value, dict) and isinstance(was, dict):
            change[key] = made_from(was, value)
        elif key in MERGED and was:
            by_name = {item["name"]: item for item in was}
            kept = {item["name"] for item in value}
            items = [
                {**made_from(by_name[i["name"]], i), "name": i["name"]}
                if i["name"] in by_name
                else i
                for i in value
                if by_name.get(i["name"]) != i
            ]
            gone = [{"name": n, "$patch": "delete"} for n in by_name if n not in kept]
            change[f"$setElementOrder/{key}"] = [{"name": item["name"]} for item in value]
            if items or gone:
                change[key] = items + gone
        else:
            change[key] = value
    for key in old:
        if key not in new:
            change[key] = None
    return change


@settings(deadline=None, max_examples=300, database=None)
@given(pods, pods)
def test_patches_made_from_a_difference(old, new):
    change = made_from(old, new)
    before = copy.deepcopy((old, change))
    assert patch.strategic(POD, old, change) == new
    assert (old, change) == before


@settings(deadline=None, max_examples=300, database=None)
@given(pods, pods)
def test_patches_are_idempotent(old, change):
    once = patch.strategic(POD, old, change)
    assert patch.strategic(POD, once, change) == once


def test_what_is_not_touched_is_shared():
    live = {"metadata": {"labels": {"a": "b"}}, **containers(A, B)}
    out = patch.strategic(POD, live, containers({"name": "b", "image": "b:2"}))
    assert out["metadata"] is live["metadata"]
    assert out["spec"]["containers"][0] is live["spec"]["containers"][0]
    assert live["spec"]["containers"][1] == B
