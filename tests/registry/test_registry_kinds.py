"""What single kinds do otherwise than the generic path."""

import pytest

from miniplane.api import resources
from miniplane.api.errors import StatusError
from miniplane.api.options import DeleteOptions, ListOptions
from miniplane.registry.strategies import strategy_of
from miniplane.testing import objects

DEVICE_CLASSES = resources.resource("deviceclasses", "resource.k8s.io", "v1")
SLICES = resources.resource("resourceslices", "resource.k8s.io", "v1")
DEVICE_CLAIMS = resources.resource("resourceclaims", "resource.k8s.io", "v1")
CLAIM_TEMPLATES = resources.resource("resourceclaimtemplates", "resource.k8s.io", "v1")
CAPACITIES = resources.resource("csistoragecapacities", "storage.k8s.io", "v1")
DRIVERS = resources.resource("csidrivers", "storage.k8s.io", "v1")
RUNTIME_CLASSES = resources.resource("runtimeclasses", "node.k8s.io", "v1")
TEMPLATES = resources.resource("podtemplates", "", "v1")
QUOTAS = resources.resource("resourcequotas", "", "v1")


def named(name="a", namespace="", **parts):
    return {"metadata": {"name": name, **({"namespace": namespace} if namespace else {})}, **parts}


@pytest.mark.parametrize("resource", [DEVICE_CLASSES, SLICES, DEVICE_CLAIMS, CLAIM_TEMPLATES])
def test_a_delete_of_what_belongs_to_devices_answers_the_object(resource):
    assert strategy_of(resource).returns_deleted


def test_a_deleted_storage_capacity_is_answered_with_a_status(world):
    world.create(CAPACITIES, named(namespace="default", storageClassName="s"))
    assert world.delete(CAPACITIES, "a").status["details"]["kind"] == "csistoragecapacities"


def test_device_classes_count_the_changes_of_their_spec(world):
    assert world.create(DEVICE_CLASSES, named(spec={}))["metadata"]["generation"] == 1
    selectors = [{"cel": {"expression": "true"}}]
    changed = world.patch(DEVICE_CLASSES, "a", {"spec": {"selectors": selectors}})
    assert changed["metadata"]["generation"] == 2


def test_a_driver_has_a_generation_from_its_first_change_on(world):
    assert "generation" not in world.create(DRIVERS, named(spec={}))["metadata"]
    labelled = world.patch(DRIVERS, "a", {"metadata": {"labels": {"a": "b"}}})
    assert "generation" not in labelled["metadata"]
    changed = world.patch(DRIVERS, "a", {"spec": {"requiresRepublish": True}})
    assert changed["metadata"]["generation"] == 1


def test_a_put_creates_runtime_classes_but_no_templates_and_quotas(world):
    assert world.put(RUNTIME_CLASSES, named(handler="h")).created
    template = objects.template({"a": "b"})
    for resource, obj in ((TEMPLATES, {"template": template}), (QUOTAS, {"spec": {}})):
        with world.refused(404, "NotFound"):
            world.put(resource, named(namespace="default", **obj))


CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
FROM_CLAIM = {"apiGroup": None, "kind": "PersistentVolumeClaim", "name": "b"}
FROM_SNAPSHOT = {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "b"}
FROM_OTHER = {"apiGroup": "example.com", "kind": "Picture", "name": "b"}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"dataSource": FROM_CLAIM}, FROM_CLAIM),
        ({"dataSource": FROM_SNAPSHOT}, FROM_SNAPSHOT),
        ({"dataSource": FROM_OTHER}, None),
        ({"dataSourceRef": FROM_OTHER}, FROM_OTHER),
        ({"dataSource": FROM_OTHER, "dataSourceRef": FROM_OTHER}, FROM_OTHER),
        ({"dataSourceRef": {**FROM_CLAIM, "namespace": "other"}}, None),
        ({}, None),
    ],
)
def test_both_data_sources_of_a_claim_say_the_same(world, given, kept):
    claim = named(namespace="default", spec={**CLAIM, **given})
    spec = world.create(resources.PERSISTENT_VOLUME_CLAIMS, claim)["spec"]
    assert (spec.get("dataSource"), spec.get("dataSourceRef")) == (kept, kept)


# Deletes.


def test_a_namespace_says_in_its_own_words_that_a_precondition_fails(world):
    uid = world.get(resources.NAMESPACES, "other")["metadata"]["uid"]
    why = f"Precondition failed: UID in precondition: x, UID in object meta: {uid}"
    with world.refused(409, "Conflict", 'on namespaces "other": ', why) as caught:
        world.delete(resources.NAMESPACES, "other", uid="x")
    assert caught.value.details == {"name": "other", "kind": "namespaces"}


def test_the_first_delete_of_a_namespace_never_takes_it_away(world):
    obj = {**world.get(resources.NAMESPACES, "other"), "spec": {"finalizers": []}}
    world.update(resources.NAMESPACES, obj, subresource="finalize")
    first = world.delete(resources.NAMESPACES, "other", propagation_policy="Foreground")
    assert not first.gone
    assert first.stored.obj["status"] == {"phase": "Terminating"}
    assert first.stored.obj["metadata"]["finalizers"] == ["foregroundDeletion"]
    assert world.delete(resources.NAMESPACES, "other", propagation_policy="Background").gone


def test_a_grace_period_that_is_over_is_cut_to_a_second(world):
    world.create(resources.PODS, objects.pod("p", nodeName="n"))
    world.delete(resources.PODS, "p", grace_period_seconds=30)
    world.clock.advance(20)
    now = world.clock.rfc3339()
    cut = world.delete(resources.PODS, "p", grace_period_seconds=5).stored.obj["metadata"]
    assert (cut["deletionTimestamp"], cut["deletionGracePeriodSeconds"]) == (now, 1)
    world.clock.advance(20)
    now = world.clock.rfc3339()
    gone = world.delete(resources.PODS, "p", grace_period_seconds=0)
    metadata = gone.stored.obj["metadata"]
    assert gone.gone
    assert (metadata["deletionTimestamp"], metadata["deletionGracePeriodSeconds"]) == (now, 0)


def purge(world, resource=resources.CONFIGMAPS, *, listing=None, **options):
    listing = listing or ListOptions()
    return world.registry.delete_collection(resource, "default", DeleteOptions(**options), listing)


def test_preconditions_hold_for_each_object_of_a_collection(world):
    for name in "ab":
        world.create(resources.CONFIGMAPS, objects.config_map(name))
    with world.refused(409, "Conflict", 'on ConfigMap "a"'):
        purge(world, uid="x")


def test_a_collection_is_deleted_as_of_the_revision_that_is_asked_for(world):
    world.create(resources.CONFIGMAPS, objects.config_map("a"))
    then = str(world.revision)
    world.create(resources.CONFIGMAPS, objects.config_map("b"))
    deleted = purge(world, listing=ListOptions(resource_version=then))
    assert [stored.obj["metadata"]["name"] for stored in deleted.items] == ["a"]
    assert world.names(resources.CONFIGMAPS) == ["b"]
    purge(world, listing=ListOptions(resource_version="0"))
    assert world.names(resources.CONFIGMAPS) == []
    with pytest.raises(StatusError, match="Too large resource version"):
        purge(world, listing=ListOptions(resource_version="99999"))


def test_deleting_jobs_warns_once_of_the_pods_that_stay(world):
    for name in "ab":
        world.create(resources.JOBS, objects.job(name))
    assert len(purge(world, resources.JOBS).warnings) == 1
    world.create(resources.JOBS, objects.job("c"))
    assert not purge(world, resources.JOBS, propagation_policy="Background").warnings


@pytest.mark.parametrize("policy", ["Orphan", "Foreground"])
def test_an_event_has_no_dependents_to_wait_for(world, policy):
    about = {"kind": "Pod", "name": "p", "namespace": "default"}
    world.create(resources.EVENTS, named(namespace="default", involvedObject=about))
    assert world.delete(resources.EVENTS, "a", propagation_policy=policy).gone
