"""POST: names, system fields, and what is refused."""

import pytest

from miniplane.api import resources
from miniplane.api.options import ListOptions
from miniplane.api.resources import CONFIGMAPS, NAMESPACES, NODES, PODS, STATEFUL_SETS
from miniplane.ids import ALPHABET, Ids
from miniplane.testing import objects


def generated(prefix, **metadata):
    return {"metadata": {"generateName": prefix, **metadata}}


class StuckIds(Ids):
    """Draws the same suffixes over and over."""

    def __init__(self, *suffixes):
        super().__init__(0)
        self.suffixes = list(suffixes)

    def suffix(self, length=5):
        self.suffixes.append(self.suffixes.pop(0))
        return self.suffixes[-1]


def test_system_fields_are_the_servers(world):
    given = objects.config_map("a")
    given["metadata"].update(
        uid="mine",
        creationTimestamp="2001-01-01T00:00:00Z",
        deletionTimestamp="2001-01-01T00:00:00Z",
        deletionGracePeriodSeconds=5,
        generation=7,
        selfLink="/here",
    )
    before = world.revision
    result = world.post(CONFIGMAPS, given)
    metadata = result.stored.obj["metadata"]
    assert result.created
    assert result.stored.revision == world.revision == before + 1
    assert metadata["resourceVersion"] == str(world.revision)
    assert metadata["uid"] != "mine"
    assert metadata["creationTimestamp"] == "2026-01-01T00:00:00Z"
    assert set(metadata) == {
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "creationTimestamp",
    }
    assert given["metadata"]["uid"] == "mine", "what a client sends is left alone"


def test_ownership_is_noted(world):
    made = world.create(CONFIGMAPS, objects.config_map("a", {"k": "v"}), field_manager="me")
    [entry] = made["metadata"]["managedFields"]
    assert (entry["manager"], entry["operation"]) == ("me", "Update")
    assert entry["fieldsV1"] == {"f:data": {".": {}, "f:k": {}}}


@pytest.mark.parametrize(
    ("resource", "obj", "generation"),
    [
        (CONFIGMAPS, objects.config_map("a"), None),
        (STATEFUL_SETS, objects.stateful_set("a"), 1),
        (PODS, objects.pod("a"), 1),
        (NAMESPACES, objects.namespace("a"), None),
    ],
    ids=lambda value: getattr(value, "plural", ""),
)
def test_generation_starts_at_one_where_there_is_one(world, resource, obj, generation):
    assert world.create(resource, obj)["metadata"].get("generation") == generation


def test_status_is_not_the_clients_to_set(world):
    given = objects.stateful_set("web", replicas=3)
    given["status"] = {"replicas": 3, "readyReplicas": 3}
    made = world.create(STATEFUL_SETS, given)
    assert made["status"] == {"replicas": 0, "availableReplicas": 0}


def test_nodes_keep_the_status_that_they_come_with(world):
    given = objects.node("n")
    given["status"] = {"capacity": {"cpu": "4"}}
    assert world.create(NODES, given)["status"]["capacity"] == {"cpu": "4"}


def test_generated_names(world):
    made = [
        world.create(CONFIGMAPS, generated("job-"), namespace="default")["metadata"]
        for _ in range(20)
    ]
    names = [metadata["name"] for metadata in made]
    assert len(set(names)) == 20
    for name in names:
        assert name.startswith("job-")
        assert len(name) == 9
        assert set(name[4:]) <= set(ALPHABET)
    assert made[0]["generateName"] == "job-"


def test_a_long_prefix_is_cut_to_make_room(world):
    made = world.create(CONFIGMAPS, generated("x" * 80), namespace="default")
    assert made["metadata"]["name"][:-5] == "x" * 58
    assert made["metadata"]["generateName"] == "x" * 80


def test_a_name_outweighs_generate_name(world):
    made = world.create(CONFIGMAPS, generated("job-", name="mine"), namespace="default")
    assert made["metadata"]["name"] == "mine"


def test_taken_generated_names_are_drawn_again(make_world):
    world = make_world(StuckIds("aaaaa", "aaaaa", "bbbbb"))
    made = [
        world.create(CONFIGMAPS, generated("x-"), namespace="default")["metadata"]["name"]
        for _ in range(2)
    ]
    assert made == ["x-aaaaa", "x-bbbbb"]


def test_when_all_drawn_names_are_taken_the_client_is_asked_to_try_again(make_world):
    world = make_world(StuckIds("aaaaa"))
    world.create(CONFIGMAPS, generated("x-"), namespace="default")
    why = "the server was not able to generate a unique name for the object"
    with world.refused(409, "AlreadyExists", why) as caught:
        world.create(CONFIGMAPS, generated("x-"), namespace="default")
    assert caught.value.details["retryAfterSeconds"] == 1


def test_taken_names(world):
    world.create(CONFIGMAPS, objects.config_map("a"))
    with world.refused(409, "AlreadyExists", 'configmaps "a" already exists') as caught:
        world.create(CONFIGMAPS, objects.config_map("a"))
    assert caught.value.details == {"name": "a", "kind": "configmaps"}
    world.create(CONFIGMAPS, objects.config_map("a", namespace="other"))


def test_a_name_is_taken_until_the_object_is_gone(world):
    given = objects.config_map("a")
    given["metadata"]["finalizers"] = ["example.com/hold"]
    world.create(CONFIGMAPS, given)
    world.delete(CONFIGMAPS, "a")
    why = 'object is being deleted: configmaps "a" already exists'
    with world.refused(409, "AlreadyExists", why):
        world.create(CONFIGMAPS, objects.config_map("a"))
    world.patch(CONFIGMAPS, "a", {"metadata": {"finalizers": None}})
    world.create(CONFIGMAPS, objects.config_map("a"))


def test_a_name_is_required(world):
    with world.refused(422, "Invalid", "name or generateName is required"):
        world.create(CONFIGMAPS, {"metadata": {}}, namespace="default")


def test_a_resource_version_is_refused(world):
    given = objects.config_map("a")
    given["metadata"]["resourceVersion"] = "5"
    with world.refused(500, "", "resourceVersion should not be set on objects to be created"):
        world.create(CONFIGMAPS, given)
    given["metadata"]["resourceVersion"] = "0"
    world.create(CONFIGMAPS, given)


def test_the_namespace_is_that_of_the_request(world):
    made = world.create(CONFIGMAPS, {"metadata": {"name": "a"}}, namespace="other")
    assert made["metadata"]["namespace"] == "other"
    why = "the namespace of the provided object does not match the namespace sent on the request"
    with world.refused(400, "BadRequest", why):
        world.create(CONFIGMAPS, objects.config_map("b", namespace="other"), namespace="default")


def test_cluster_scoped_objects_have_none(world):
    made = world.create(NODES, {"metadata": {"name": "n", "namespace": "other"}})
    assert "namespace" not in made["metadata"]


def test_the_namespace_must_be_there(world):
    with world.refused(404, "NotFound", 'namespaces "nope" not found'):
        world.create(CONFIGMAPS, objects.config_map("a", namespace="nope"))


@pytest.mark.parametrize("how", ["Ignore", "Warn", "Strict"])
def test_unknown_fields(world, how):
    given = {**objects.config_map("a"), "colour": "red"}
    if how == "Strict":
        with world.refused(400, "BadRequest", 'strict decoding error: unknown field "colour"'):
            world.post(CONFIGMAPS, given, field_validation=how)
        return
    result = world.post(CONFIGMAPS, given, field_validation=how)
    assert "colour" not in result.stored.obj
    assert result.warnings == (['unknown field "colour"'] if how == "Warn" else [])


def test_reviews_are_not_stored(world):
    review = resources.resource("selfsubjectaccessreviews", "authorization.k8s.io")
    before = world.revision
    asked = {"resourceAttributes": {"verb": "get", "resource": "pods"}}
    assert world.create(review, {"spec": asked})["status"] == {"allowed": True}
    assert world.revision == before


def test_the_first_write_is_listed_at_its_revision(world):
    world.create(CONFIGMAPS, objects.config_map("a"))
    found = world.registry.list(CONFIGMAPS, "default", ListOptions())
    assert found.revision == world.revision
    assert [s.obj["metadata"]["name"] for s in found.items] == ["a"]
