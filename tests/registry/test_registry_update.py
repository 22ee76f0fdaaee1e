"""PUT: preconditions, what a write may change, and when nothing is written."""

import pytest

from miniplane.api import resources
from miniplane.api.objects import thaw
from miniplane.api.resources import (
    CONFIGMAPS,
    DAEMON_SETS,
    DEPLOYMENTS,
    LEASES,
    NODES,
    PODS,
    SERVICES,
    STATEFUL_SETS,
)
from miniplane.testing import objects

ROLES = resources.resource("roles", "rbac.authorization.k8s.io")


@pytest.fixture
def made(world):
    return thaw(world.create(CONFIGMAPS, objects.config_map("a", {"k": "1"})))


def changed(obj, **data):
    return {**thaw(obj), "data": data}


def test_an_update_is_stored_at_a_new_revision(world, made):
    result = world.put(CONFIGMAPS, changed(made, k="2"))
    assert not result.created
    assert result.stored.obj["data"] == {"k": "2"}
    assert result.stored.obj["metadata"]["resourceVersion"] == str(world.revision)
    assert int(made["metadata"]["resourceVersion"]) < world.revision
    assert world.get(CONFIGMAPS, "a") is result.stored.obj


def test_a_stale_revision_is_a_conflict(world, made):
    world.update(CONFIGMAPS, changed(made, k="2"))
    why = "please apply your changes to the latest version and try again"
    with world.refused(409, "Conflict", 'configmaps "a"', why) as caught:
        world.update(CONFIGMAPS, changed(made, k="3"))
    assert caught.value.details == {"name": "a", "kind": "configmaps"}


@pytest.mark.parametrize("revision", ["0", None])
def test_an_update_without_a_revision_is_unconditional(world, made, revision):
    world.update(CONFIGMAPS, changed(made, k="2"))
    late = changed(made, k="3")
    if revision is None:
        del late["metadata"]["resourceVersion"]
    else:
        late["metadata"]["resourceVersion"] = revision
    assert world.update(CONFIGMAPS, late)["data"] == {"k": "3"}


def test_some_kinds_are_never_updated_unconditionally(world):
    lease = {"metadata": {"name": "l"}, "spec": {"holderIdentity": "a"}}
    made = world.create(LEASES, lease, namespace="default")
    lease["metadata"]["namespace"] = "default"
    with world.refused(422, "Invalid", "metadata.resourceVersion", "must be specified"):
        world.update(LEASES, lease)
    world.update(LEASES, {**thaw(made), "spec": {"holderIdentity": "b"}})


def test_a_revision_that_is_no_number(world, made):
    made["metadata"]["resourceVersion"] = "abc"
    with world.refused(500, "", 'parsing "abc": invalid syntax'):
        world.update(CONFIGMAPS, made)


def test_a_uid_is_a_precondition(world, made):
    made["metadata"]["uid"] = "another"
    with world.refused(409, "Conflict", "Precondition failed: UID in precondition: another"):
        world.update(CONFIGMAPS, made)


def test_of_an_object_that_was_made_anew_the_uid_tells_first(world, made):
    world.delete(CONFIGMAPS, "a")
    world.create(CONFIGMAPS, objects.config_map("a"))
    with world.refused(409, "Conflict", "Precondition failed: UID in precondition"):
        world.update(CONFIGMAPS, made)


def test_what_is_not_there_is_not_found(world):
    with world.refused(404, "NotFound", 'configmaps "a" not found'):
        world.update(CONFIGMAPS, objects.config_map("a"))


@pytest.mark.parametrize(
    ("resource", "obj"),
    [
        (SERVICES, objects.service("s")),
        (ROLES, {"metadata": {"name": "r", "namespace": "default"}}),
        (LEASES, {"metadata": {"name": "l", "namespace": "default"}}),
    ],
    ids=lambda value: getattr(value, "plural", ""),
)
def test_some_kinds_are_created_by_an_update(world, resource, obj):
    result = world.put(resource, obj)
    assert result.created
    assert world.get(resource, obj["metadata"]["name"])["metadata"]["uid"]


def test_an_update_that_names_a_uid_creates_nothing(world):
    service = objects.service("s")
    service["metadata"]["uid"] = "once"
    with world.refused(409, "Conflict", "UID in precondition: once, UID in object meta: "):
        world.update(SERVICES, service)


def test_no_change_is_no_write(world, made):
    with world.untouched():
        result = world.put(CONFIGMAPS, made)
    assert result.stored.obj["metadata"]["resourceVersion"] == str(world.revision)
    world.clock.advance(3600)
    with world.untouched():
        world.update(CONFIGMAPS, objects.config_map("a", {"k": "1"}))


def test_generation_counts_changes_of_the_spec(world):
    made = world.create(STATEFUL_SETS, objects.stateful_set("web", replicas=1))
    labelled = thaw(made)
    labelled["metadata"]["labels"] = {"a": "b"}
    assert world.update(STATEFUL_SETS, labelled)["metadata"]["generation"] == 1
    scaled = thaw(world.get(STATEFUL_SETS, "web"))
    scaled["spec"]["replicas"] = 2
    assert world.update(STATEFUL_SETS, scaled)["metadata"]["generation"] == 2
    forged = thaw(world.get(STATEFUL_SETS, "web"))
    forged["metadata"]["generation"] = 9
    with world.untouched():
        assert world.update(STATEFUL_SETS, forged)["metadata"]["generation"] == 2


def test_a_deployments_annotations_count_as_well(world):
    made = thaw(world.create(DEPLOYMENTS, objects.deployment("d")))
    made["metadata"]["annotations"] = {"a": "b"}
    assert world.update(DEPLOYMENTS, made)["metadata"]["generation"] == 2


def test_a_daemon_set_counts_its_templates(world):
    key = "deprecated.daemonset.template.generation"
    made = thaw(world.create(DAEMON_SETS, objects.daemon_set("d")))
    assert made["metadata"]["annotations"][key] == "1"
    made["spec"]["minReadySeconds"] = 5
    made = thaw(world.update(DAEMON_SETS, made))
    assert made["metadata"]["annotations"][key] == "1"
    made["spec"]["template"]["spec"]["containers"][0]["image"] = "other"
    del made["metadata"]["annotations"]
    made = world.update(DAEMON_SETS, made)
    assert made["metadata"]["annotations"][key] == "2"
    assert made["metadata"]["generation"] == 3


def test_spec_and_status_are_written_apart(world):
    made = world.create(STATEFUL_SETS, objects.stateful_set("web", replicas=2))
    both = thaw(made)
    both["spec"]["replicas"] = 5
    both["status"] = {"replicas": 7, "observedGeneration": 1}
    spec_written = thaw(world.update(STATEFUL_SETS, both))
    assert spec_written["spec"]["replicas"] == 5
    assert spec_written["status"] == made["status"]
    both["spec"]["replicas"] = 6
    both["metadata"]["resourceVersion"] = spec_written["metadata"]["resourceVersion"]
    status_written = world.update(STATEFUL_SETS, both, subresource="status")
    assert status_written["spec"]["replicas"] == 5
    assert status_written["status"]["replicas"] == 7
    assert status_written["metadata"]["generation"] == spec_written["metadata"]["generation"]


def test_a_status_write_of_an_old_revision_is_a_conflict(world):
    made = thaw(world.create(STATEFUL_SETS, objects.stateful_set("web")))
    world.patch(STATEFUL_SETS, "web", {"spec": {"replicas": 2}})
    made["status"]["replicas"] = 1
    with world.refused(409, "Conflict"):
        world.update(STATEFUL_SETS, made, subresource="status")


def test_the_status_of_a_node_is_not_its_specs_business(world):
    node = thaw(world.create(NODES, objects.node("n")))
    node["status"] = {"capacity": {"cpu": "9"}}
    node["spec"]["unschedulable"] = True
    written = world.update(NODES, node)
    assert written["spec"]["unschedulable"] is True
    assert "capacity" not in written.get("status", {})


def test_system_metadata_stays(world, made):
    sent = objects.config_map("a", {"k": "2"})
    sent["metadata"]["creationTimestamp"] = "2001-01-01T00:00:00Z"
    written = world.update(CONFIGMAPS, sent)
    for key in ("uid", "creationTimestamp"):
        assert written["metadata"][key] == made["metadata"][key]


def test_generate_name_may_be_dropped(world):
    given = {"metadata": {"generateName": "x-"}}
    made = thaw(world.create(CONFIGMAPS, given, namespace="default"))
    del made["metadata"]["generateName"]
    assert "generateName" not in world.update(CONFIGMAPS, made)["metadata"]


def test_nobody_marks_an_object_for_deletion_by_an_update(world, made):
    made["metadata"]["deletionTimestamp"] = "2001-01-01T00:00:00Z"
    with world.refused(422, "Invalid", "metadata.deletionTimestamp", "field is immutable"):
        world.update(CONFIGMAPS, made)


def test_the_name_must_be_that_of_the_request(world, made):
    made["metadata"]["name"] = "b"
    why = "the name of the object (b) does not match the name on the URL (a)"
    with world.refused(400, "BadRequest", why):
        world.registry.update(CONFIGMAPS, "default", "a", made, world.options())


def test_a_pods_status_write_keeps_its_owners(world):
    pod = thaw(world.create(PODS, objects.pod("p")))
    owner = {"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u"}
    pod["metadata"]["ownerReferences"] = [owner]
    pod["status"]["phase"] = "Running"
    written = world.update(PODS, pod, subresource="status")
    assert written["status"]["phase"] == "Running"
    assert written["status"]["qosClass"] == "BestEffort"
    assert "ownerReferences" not in written["metadata"]
