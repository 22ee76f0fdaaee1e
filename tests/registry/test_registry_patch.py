"""PATCH: the four types of patches, on the path of an update."""

import pytest

from miniplane.api import options as opts
from miniplane.api.objects import thaw
from miniplane.api.resources import CONFIGMAPS, PODS, STATEFUL_SETS
from miniplane.testing import objects


@pytest.fixture
def made(world):
    return thaw(world.create(CONFIGMAPS, objects.config_map("a", {"k": "1", "l": "2"})))


@pytest.mark.parametrize(
    ("patch_type", "patch"),
    [
        (
            opts.JSON_PATCH,
            [
                {"op": "test", "path": "/data/k", "value": "1"},
                {"op": "replace", "path": "/data/k", "value": "9"},
                {"op": "remove", "path": "/data/l"},
            ],
        ),
        (opts.MERGE_PATCH, {"data": {"k": "9", "l": None}}),
        (opts.STRATEGIC_MERGE_PATCH, {"data": {"k": "9", "l": None}}),
    ],
)
def test_three_ways_to_say_the_same(world, made, patch_type, patch):
    sent = thaw(patch)
    patched = world.patch(CONFIGMAPS, "a", patch, patch_type=patch_type)
    assert patched["data"] == {"k": "9"}
    assert patch == sent, "a patch is left alone"
    assert int(patched["metadata"]["resourceVersion"]) == world.revision
    with world.untouched():
        world.patch(CONFIGMAPS, "a", {"data": {"k": "9"}})


def test_lists_are_merged_only_by_strategic_patches(world):
    world.create(PODS, objects.pod("p"))
    tolerations = [{"key": "b", "operator": "Exists"}]
    kept = len(world.get(PODS, "p")["spec"]["tolerations"])
    world.patch(
        PODS,
        "p",
        {"metadata": {"finalizers": ["example.com/a"]}, "spec": {"activeDeadlineSeconds": 9}},
        patch_type=opts.STRATEGIC_MERGE_PATCH,
    )
    more = {"metadata": {"finalizers": ["example.com/b"]}}
    merged = world.patch(PODS, "p", more, patch_type=opts.STRATEGIC_MERGE_PATCH)
    assert sorted(merged["metadata"]["finalizers"]) == ["example.com/a", "example.com/b"]
    replaced = world.patch(PODS, "p", more, patch_type=opts.MERGE_PATCH)
    assert replaced["metadata"]["finalizers"] == ["example.com/b"]
    added = [*replaced["spec"]["tolerations"], *tolerations]
    grown = world.patch(PODS, "p", {"spec": {"tolerations": added}})
    assert len(grown["spec"]["tolerations"]) == kept + 1


def test_a_revision_in_a_patch_is_a_precondition(world, made):
    revision = made["metadata"]["resourceVersion"]
    patch = {"metadata": {"resourceVersion": revision}, "data": {"k": "2"}}
    world.patch(CONFIGMAPS, "a", patch)
    patch["data"]["k"] = "3"
    with world.refused(409, "Conflict", "please apply your changes to the latest version"):
        world.patch(CONFIGMAPS, "a", patch)


def test_a_uid_in_a_patch_is_a_change_that_is_not_allowed(world, made):
    with world.refused(422, "Invalid", "metadata.uid", "field is immutable"):
        world.patch(CONFIGMAPS, "a", {"metadata": {"uid": "another"}})


def test_a_patch_does_not_rename(world, made):
    why = "the name of the object (b) does not match the name on the URL (a)"
    with world.refused(400, "BadRequest", why):
        world.patch(CONFIGMAPS, "a", {"metadata": {"name": "b"}})
    with world.refused(400, "BadRequest", "namespace"):
        world.patch(CONFIGMAPS, "a", {"metadata": {"namespace": "other"}})


def test_what_is_not_there_is_not_found(world):
    with world.refused(404, "NotFound"):
        world.patch(CONFIGMAPS, "a", {})


def test_other_media_types_are_refused(world, made):
    with world.refused(415, "UnsupportedMediaType"):
        world.patch(CONFIGMAPS, "a", {}, patch_type="application/x-diff")


def test_a_patch_that_fails_a_test_changes_nothing(world, made):
    patch = [
        {"op": "replace", "path": "/data/k", "value": "9"},
        {"op": "test", "path": "/data/l", "value": "1"},
    ]
    with world.refused(422, "Invalid"):
        world.patch(CONFIGMAPS, "a", patch, patch_type=opts.JSON_PATCH)
    assert world.get(CONFIGMAPS, "a") == made


def test_an_outcome_of_the_wrong_type_is_refused(world, made):
    with world.refused(422, "Invalid"):
        world.patch(CONFIGMAPS, "a", {"data": {"k": 5}})


@pytest.mark.parametrize("how", ["Ignore", "Warn", "Strict"])
def test_unknown_fields(world, made, how):
    patch = {"colour": "red", "data": {"k": "2"}}
    if how == "Strict":
        with world.refused(422, "Invalid", 'unknown field "colour"'):
            world.send_patch(CONFIGMAPS, "a", patch, field_validation=how)
        return
    result = world.send_patch(CONFIGMAPS, "a", patch, field_validation=how)
    assert "colour" not in result.stored.obj
    assert result.warnings == (['unknown field "colour"'] if how == "Warn" else [])


def test_the_status_is_patched_by_itself(world):
    world.create(STATEFUL_SETS, objects.stateful_set("web", replicas=1))
    both = {"spec": {"replicas": 5}, "status": {"replicas": 4}}
    written = world.patch(STATEFUL_SETS, "web", both, subresource="status")
    assert (written["spec"]["replicas"], written["status"]["replicas"]) == (1, 4)
    written = world.patch(STATEFUL_SETS, "web", {**both, "status": {"replicas": 9}})
    assert (written["spec"]["replicas"], written["status"]["replicas"]) == (5, 4)
    assert written["metadata"]["generation"] == 2


def test_defaults_come_back(world):
    world.create(STATEFUL_SETS, objects.stateful_set("web"))
    patch = {"spec": {"podManagementPolicy": None, "updateStrategy": None, "replicas": None}}
    spec = world.patch(STATEFUL_SETS, "web", patch)["spec"]
    assert spec["podManagementPolicy"] == "OrderedReady"
    assert spec["updateStrategy"]["type"] == "RollingUpdate"
    assert spec["replicas"] == 1
