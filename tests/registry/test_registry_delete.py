"""DELETE: grace periods, finalizers, propagation, preconditions, whole collections."""

import pytest

from miniplane.api.errors import StatusError
from miniplane.api.objects import thaw
from miniplane.api.options import DeleteOptions, ListOptions
from miniplane.api.resources import (
    CONFIGMAPS,
    JOBS,
    PODS,
    REPLICATION_CONTROLLERS,
    SERVICE_ACCOUNTS,
    STATEFUL_SETS,
)
from miniplane.clock import START, format_time
from miniplane.testing import objects

HOLD = "example.com/hold"


def held(obj, *finalizers):
    obj["metadata"]["finalizers"] = list(finalizers or (HOLD,))
    return obj


def running_pod(world, name="p", **spec):
    return world.create(PODS, objects.pod(name, nodeName="node-1", **spec))


def test_a_delete_is_an_event_with_a_revision(world):
    made = world.create(CONFIGMAPS, objects.config_map("a"))
    before = world.revision
    deleted = world.delete(CONFIGMAPS, "a")
    assert deleted.gone
    assert world.revision == before + 1
    assert deleted.stored.obj["metadata"]["resourceVersion"] == str(world.revision)
    assert deleted.status == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {"name": "a", "kind": "configmaps", "uid": made["metadata"]["uid"]},
    }
    assert world.find(CONFIGMAPS, "a") is None
    with world.refused(404, "NotFound", 'configmaps "a" not found'):
        world.delete(CONFIGMAPS, "a")


def test_some_kinds_answer_the_object(world):
    account = {"metadata": {"name": "a", "namespace": "default"}}
    world.create(SERVICE_ACCOUNTS, account)
    deleted = world.delete(SERVICE_ACCOUNTS, "a")
    assert deleted.gone
    assert deleted.status is None
    assert deleted.stored.obj["metadata"]["name"] == "a"


def test_finalizers_hold_an_object_back(world):
    world.create(CONFIGMAPS, held(objects.config_map("a"), HOLD, "example.com/more"))
    world.clock.advance(5)
    deleted = world.delete(CONFIGMAPS, "a")
    assert not deleted.gone
    metadata = world.get(CONFIGMAPS, "a")["metadata"]
    assert metadata["deletionTimestamp"] == format_time(START + 5)
    assert metadata["deletionGracePeriodSeconds"] == 0
    world.clock.advance(5)
    with world.untouched():
        assert not world.delete(CONFIGMAPS, "a").gone
    one_left = world.patch(CONFIGMAPS, "a", {"metadata": {"finalizers": [HOLD]}})
    assert one_left["metadata"]["deletionTimestamp"] == metadata["deletionTimestamp"]
    answer = world.patch(CONFIGMAPS, "a", {"metadata": {"finalizers": []}})
    assert answer["metadata"]["name"] == "a"
    assert "finalizers" not in answer["metadata"]
    assert world.find(CONFIGMAPS, "a") is None


def test_being_marked_counts_as_a_generation(world):
    world.create(STATEFUL_SETS, held(objects.stateful_set("web")))
    world.delete(STATEFUL_SETS, "web")
    world.delete(STATEFUL_SETS, "web")
    assert world.get(STATEFUL_SETS, "web")["metadata"]["generation"] == 2


def test_a_deletion_cannot_be_taken_back(world):
    world.create(CONFIGMAPS, held(objects.config_map("a")))
    world.delete(CONFIGMAPS, "a")
    marked = world.get(CONFIGMAPS, "a")["metadata"]["deletionTimestamp"]
    undone = {"metadata": {"deletionTimestamp": None, "deletionGracePeriodSeconds": None}}
    world.patch(CONFIGMAPS, "a", undone)
    metadata = world.get(CONFIGMAPS, "a")["metadata"]
    assert (metadata["deletionTimestamp"], metadata["deletionGracePeriodSeconds"]) == (marked, 0)


# Propagation.


@pytest.mark.parametrize(
    ("policy", "finalizer"),
    [("Orphan", "orphan"), ("Foreground", "foregroundDeletion"), ("Background", None)],
)
def test_the_propagation_policy_is_a_finalizer(world, policy, finalizer):
    world.create(STATEFUL_SETS, objects.stateful_set("web"))
    deleted = world.delete(STATEFUL_SETS, "web", propagation_policy=policy)
    assert deleted.gone == (finalizer is None)
    left = world.find(STATEFUL_SETS, "web")
    assert left is None if finalizer is None else left["metadata"]["finalizers"] == [finalizer]


def test_a_later_delete_may_change_the_policy(world):
    world.create(STATEFUL_SETS, held(objects.stateful_set("web")))
    for policy, finalizers in (
        ("Foreground", [HOLD, "foregroundDeletion"]),
        ("Orphan", [HOLD, "orphan"]),
        (None, [HOLD, "orphan"]),
        ("Background", [HOLD]),
    ):
        world.delete(STATEFUL_SETS, "web", propagation_policy=policy)
        assert world.get(STATEFUL_SETS, "web")["metadata"]["finalizers"] == finalizers
    world.delete(STATEFUL_SETS, "web", propagation_policy="Orphan")
    world.patch(STATEFUL_SETS, "web", {"metadata": {"finalizers": ["orphan"]}})
    assert world.delete(STATEFUL_SETS, "web", propagation_policy="Background").gone


def test_the_same_finalizers_in_another_order_are_no_change(world):
    world.create(STATEFUL_SETS, held(objects.stateful_set("web"), "orphan", HOLD))
    world.delete(STATEFUL_SETS, "web")
    with world.untouched():
        world.delete(STATEFUL_SETS, "web", propagation_policy="Orphan")
    assert world.get(STATEFUL_SETS, "web")["metadata"]["finalizers"] == ["orphan", HOLD]


def test_jobs_and_replication_controllers_orphan_by_default(world):
    world.create(JOBS, objects.job("j"))
    controller = {
        "metadata": {"name": "rc", "namespace": "default"},
        "spec": {"selector": {"a": "b"}, "template": objects.template({"a": "b"})},
    }
    world.create(REPLICATION_CONTROLLERS, controller)
    for resource, name in ((JOBS, "j"), (REPLICATION_CONTROLLERS, "rc")):
        assert not world.delete(resource, name).gone
        assert world.get(resource, name)["metadata"]["finalizers"] == ["orphan"]


# Preconditions.


def test_preconditions(world):
    made = world.create(CONFIGMAPS, objects.config_map("a"))["metadata"]
    why = f"the UID in the precondition (other) does not match the UID in record ({made['uid']})"
    with world.refused(409, "Conflict", why):
        world.delete(CONFIGMAPS, "a", uid="other")
    why = "the ResourceVersion in the precondition (1) does not match"
    with world.refused(409, "Conflict", why):
        world.delete(CONFIGMAPS, "a", resource_version="1")
    revision = made["resourceVersion"]
    assert world.delete(CONFIGMAPS, "a", uid=made["uid"], resource_version=revision).gone


def test_the_revision_precondition_is_held_against_the_state_before_the_delete(world):
    revision = running_pod(world)["metadata"]["resourceVersion"]
    deleted = world.delete(PODS, "p", grace_period_seconds=0, resource_version=revision)
    assert deleted.gone


# Grace.


def test_a_pod_without_a_node_goes_at_once(world):
    world.create(PODS, objects.pod("p"))
    deleted = world.delete(PODS, "p")
    assert deleted.gone
    assert deleted.status is None
    assert deleted.stored.obj["metadata"]["deletionGracePeriodSeconds"] == 0
    assert world.find(PODS, "p") is None


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_is_done_goes_at_once(world, phase):
    running_pod(world)
    world.patch(PODS, "p", {"status": {"phase": phase}}, subresource="status")
    assert world.delete(PODS, "p").gone


def test_a_pod_on_a_node_waits_for_its_kubelet(world):
    made = running_pod(world, terminationGracePeriodSeconds=20)
    world.clock.advance(3)
    assert not world.delete(PODS, "p").gone
    metadata = world.get(PODS, "p")["metadata"]
    assert metadata["deletionTimestamp"] == format_time(START + 23)
    assert metadata["deletionGracePeriodSeconds"] == 20
    assert metadata["generation"] == made["metadata"]["generation"] + 1


def test_grace_can_only_be_shortened(world):
    running_pod(world)
    world.delete(PODS, "p", grace_period_seconds=30)
    world.clock.advance(2)
    with world.untouched():
        for grace in (None, 30, 60):
            assert not world.delete(PODS, "p", grace_period_seconds=grace).gone
    world.delete(PODS, "p", grace_period_seconds=10)
    metadata = world.get(PODS, "p")["metadata"]
    assert metadata["deletionTimestamp"] == format_time(START + 10)
    assert metadata["deletionGracePeriodSeconds"] == 10
    assert metadata["generation"] == 2, "shortening is no further generation"
    assert world.delete(PODS, "p", grace_period_seconds=0).gone


def test_a_pod_that_is_done_meanwhile_keeps_the_grace_that_is_asked_for(world):
    running_pod(world)
    world.delete(PODS, "p", grace_period_seconds=30)
    world.patch(PODS, "p", {"status": {"phase": "Succeeded"}}, subresource="status")
    assert not world.delete(PODS, "p", grace_period_seconds=10).gone
    assert world.get(PODS, "p")["metadata"]["deletionGracePeriodSeconds"] == 10


def test_a_negative_grace_is_a_second(world):
    running_pod(world)
    world.delete(PODS, "p", grace_period_seconds=-5)
    assert world.get(PODS, "p")["metadata"]["deletionGracePeriodSeconds"] == 1


def test_finalizers_outlast_the_grace_period(world):
    world.create(PODS, held(objects.pod("p", nodeName="node-1")))
    assert not world.delete(PODS, "p", grace_period_seconds=0).gone
    assert not world.delete(PODS, "p", grace_period_seconds=0).gone
    world.patch(PODS, "p", {"metadata": {"finalizers": None}})
    assert world.find(PODS, "p") is None


def test_the_last_finalizer_does_not_end_the_grace_period(world):
    world.create(PODS, held(objects.pod("p", nodeName="node-1")))
    world.delete(PODS, "p", grace_period_seconds=30)
    world.patch(PODS, "p", {"metadata": {"finalizers": None}})
    assert world.get(PODS, "p")["metadata"]["deletionGracePeriodSeconds"] == 30
    assert world.delete(PODS, "p", grace_period_seconds=0).gone


def test_deletes_at_once_are_told_in_two_steps(world):
    running_pod(world)
    watch = world.registry.watch(PODS, "default", ListOptions(resource_version=str(world.revision)))
    world.delete(PODS, "p", grace_period_seconds=0)
    events = watch.poll()
    watch.close()
    assert [event.type for event in events] == ["MODIFIED", "DELETED"]
    for event in events:
        assert event.stored.obj["metadata"]["deletionGracePeriodSeconds"] == 0
        assert event.stored.obj["metadata"]["resourceVersion"] == str(event.revision)


# Collections.


def remove_all(world, namespace="default", options=None, **selectors):
    found = world.registry.delete_collection(
        CONFIGMAPS, namespace, options or DeleteOptions(), ListOptions(**selectors)
    )
    return [stored.obj["metadata"]["name"] for stored in found.items]


@pytest.fixture
def many(world):
    for name in "abc":
        obj = objects.config_map(name)
        obj["metadata"]["labels"] = {"odd": str(name != "b").lower()}
        world.create(CONFIGMAPS, obj)
    world.create(CONFIGMAPS, objects.config_map("a", namespace="other"))
    return world


def test_a_collection_goes_and_is_answered_as_it_was(many):
    before = [thaw(many.get(CONFIGMAPS, name)) for name in "abc"]
    found = many.registry.delete_collection(CONFIGMAPS, "default", DeleteOptions(), ListOptions())
    assert [stored.obj for stored in found.items] == before
    assert many.names(CONFIGMAPS) == []
    assert many.names(CONFIGMAPS, "other") == ["a"]


def test_only_what_the_selectors_choose_goes(many):
    assert remove_all(many, label_selector="odd=true") == ["a", "c"]
    assert many.names(CONFIGMAPS) == ["b"]
    assert remove_all(many, field_selector="metadata.name=c") == []
    assert remove_all(many, "", field_selector="metadata.name=a") == ["a"]
    assert many.names(CONFIGMAPS, "") == ["b"]


def test_a_limit_leaves_the_rest(many):
    assert remove_all(many, limit=2) == ["a", "b"]
    assert many.names(CONFIGMAPS) == ["c"]


def test_a_collection_in_which_one_is_held_back(many):
    many.patch(CONFIGMAPS, "b", {"metadata": {"finalizers": [HOLD]}})
    assert remove_all(many) == ["a", "b", "c"]
    assert many.names(CONFIGMAPS) == ["b"]
    assert "deletionTimestamp" in many.get(CONFIGMAPS, "b")["metadata"]


def test_a_dry_run_of_a_collection(many):
    with many.untouched():
        assert remove_all(many, options=DeleteOptions(dry_run=True)) == ["a", "b", "c"]


def test_a_selector_that_cannot_be_read_deletes_nothing(many):
    with many.untouched(), pytest.raises(StatusError):
        remove_all(many, label_selector="a=b=c")
