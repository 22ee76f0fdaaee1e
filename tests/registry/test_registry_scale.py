"""The scale subresource."""

import pytest

from miniplane.api import options as opts
from miniplane.api.objects import thaw
from miniplane.api.resources import DAEMON_SETS, DEPLOYMENTS, STATEFUL_SETS
from miniplane.testing import objects


@pytest.fixture
def web(world):
    return world.create(STATEFUL_SETS, objects.stateful_set("web", replicas=2))


def scale_of(world, name="web", resource=STATEFUL_SETS):
    return world.registry.get(resource, "default", name, subresource="scale").obj


def test_a_scale_is_a_view(world, web):
    scale = scale_of(world)
    assert (scale["kind"], scale["apiVersion"]) == ("Scale", "autoscaling/v1")
    assert scale["spec"] == {"replicas": 2}
    assert scale["status"] == {"replicas": 0, "selector": "app=web"}
    for key in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp"):
        assert scale["metadata"][key] == web["metadata"][key]


def test_put(world, web):
    scale = thaw(scale_of(world))
    scale["spec"]["replicas"] = 5
    result = world.put(STATEFUL_SETS, scale, subresource="scale")
    assert result.status["spec"] == {"replicas": 5}
    written = world.get(STATEFUL_SETS, "web")
    assert written["spec"]["replicas"] == 5
    assert written["metadata"]["generation"] == 2
    assert {k: v for k, v in written["spec"].items() if k != "replicas"} == {
        k: v for k, v in web["spec"].items() if k != "replicas"
    }
    with world.refused(409, "Conflict", "please apply your changes to the latest version"):
        world.put(STATEFUL_SETS, scale, subresource="scale")


@pytest.mark.parametrize("patch_type", [opts.MERGE_PATCH, opts.STRATEGIC_MERGE_PATCH])
def test_patch(world, web, patch_type):
    patch = {"spec": {"replicas": 4}}
    result = world.send_patch(
        STATEFUL_SETS, "web", patch, subresource="scale", patch_type=patch_type
    )
    assert result.status["spec"] == {"replicas": 4}
    assert world.get(STATEFUL_SETS, "web")["spec"]["replicas"] == 4
    with world.untouched():
        world.patch(STATEFUL_SETS, "web", patch, subresource="scale")


def test_preconditions(world, web):
    revision = {"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 3}}
    with world.refused(409, "Conflict"):
        world.patch(STATEFUL_SETS, "web", revision, subresource="scale")
    uid = {"metadata": {"uid": "other"}, "spec": {"replicas": 3}}
    with world.refused(409, "Conflict", "statefulsets/scale.apps", "Precondition failed: UID"):
        world.patch(STATEFUL_SETS, "web", uid, subresource="scale")
    scale = thaw(scale_of(world))
    scale["metadata"]["uid"] = "other"
    with world.refused(409, "Conflict", 'statefulsets.apps "web"', "Precondition failed: UID"):
        world.put(STATEFUL_SETS, scale, subresource="scale")


def test_refusals(world, web):
    why = 'Scale.autoscaling "web" is invalid: spec.replicas: Invalid value: -1'
    with world.refused(422, "Invalid", why):
        world.patch(STATEFUL_SETS, "web", {"spec": {"replicas": -1}}, subresource="scale")
    with world.refused(404, "NotFound", 'statefulsets.apps "nope" not found'):
        world.patch(STATEFUL_SETS, "nope", {"spec": {"replicas": 1}}, subresource="scale")
    with world.refused(404, "NotFound", 'statefulsets.apps "nope" not found'):
        scale_of(world, "nope")
    scale = thaw(scale_of(world))
    scale["metadata"]["name"] = "other"
    with world.refused(400, "BadRequest", "does not match the name on the URL"):
        world.registry.update(
            STATEFUL_SETS, "default", "web", scale, world.options(), subresource="scale"
        )


def test_a_dry_run_answers_what_would_be(world, web):
    with world.untouched():
        result = world.send_patch(
            STATEFUL_SETS, "web", {"spec": {"replicas": 9}}, subresource="scale", dry_run=True
        )
    assert result.status["spec"] == {"replicas": 9}
    assert scale_of(world)["spec"] == {"replicas": 2}


def test_the_replicas_change_hands(world, web):
    world.patch(
        STATEFUL_SETS,
        "web",
        {"spec": {"replicas": 3}},
        subresource="scale",
        field_manager="scaler",
    )
    entries = {
        entry["manager"]: entry
        for entry in world.get(STATEFUL_SETS, "web")["metadata"]["managedFields"]
    }
    assert entries["scaler"]["fieldsV1"] == {"f:spec": {"f:replicas": {}}}
    assert entries["scaler"]["subresource"] == "scale"
    assert "f:replicas" not in entries["tester"]["fieldsV1"]["f:spec"]


def test_no_replicas_at_all(world):
    world.create(DEPLOYMENTS, objects.deployment("d", replicas=0))
    assert scale_of(world, "d", DEPLOYMENTS)["spec"] == {}


def test_not_every_kind_can_be_scaled(world):
    world.create(DAEMON_SETS, objects.daemon_set("d"))
    with world.refused(404, "NotFound", "the server could not find the requested resource"):
        world.patch(DAEMON_SETS, "d", {"spec": {"replicas": 1}}, subresource="scale")
    with world.refused(404, "NotFound", "the server could not find the requested resource"):
        scale_of(world, "d", DAEMON_SETS)
