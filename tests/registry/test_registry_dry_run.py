"""A dry run answers what would be and leaves no trace: no revision, no event, nothing allocated."""

import pytest

from miniplane.api import options as opts
from miniplane.api.objects import thaw
from miniplane.api.options import DeleteOptions, ListOptions
from miniplane.api.resources import (
    CONFIGMAPS,
    NAMESPACES,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PODS,
    SERVICES,
    STATEFUL_SETS,
)
from miniplane.testing import objects


def held(obj):
    obj["metadata"]["finalizers"] = ["example.com/hold"]
    return obj


CLAIM = {
    "metadata": {"name": "a", "namespace": "default"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}
CASES = [
    (CONFIGMAPS, objects.config_map("a")),
    (CONFIGMAPS, held(objects.config_map("a"))),
    (SERVICES, objects.service("a", type="NodePort")),
    (SERVICES, held(objects.service("a", type="NodePort"))),
    (STATEFUL_SETS, objects.stateful_set("a")),
    (PODS, objects.pod("a", nodeName="node-1")),
    (PODS, objects.pod("a")),
    (PERSISTENT_VOLUME_CLAIMS, CLAIM),
    (NAMESPACES, objects.namespace("a")),
    (NODES, objects.node("a")),
]
each_kind = pytest.mark.parametrize(
    ("resource", "obj"),
    CASES,
    ids=[f"{r.plural}{'-held' if 'finalizers' in o['metadata'] else ''}" for r, o in CASES],
)
LABEL = {"metadata": {"labels": {"a": "b"}}}


def metadata_but_for_chance(obj):
    hidden = ("uid", "resourceVersion", "managedFields", "creationTimestamp")
    return {key: value for key, value in obj["metadata"].items() if key not in hidden}


@each_kind
def test_create(world, resource, obj):
    with world.untouched():
        result = world.post(resource, obj, dry_run=True)
    assert result.created
    shown = result.stored.obj
    assert "resourceVersion" not in shown["metadata"]
    assert shown["metadata"]["uid"]
    made = world.create(resource, obj)
    assert metadata_but_for_chance(shown) == metadata_but_for_chance(made)
    assert set(shown) == set(made)


@each_kind
def test_update_and_patch(world, resource, obj):
    made = world.create(resource, obj)
    sent = thaw(made)
    sent["metadata"]["labels"] = {"a": "b"}
    with world.untouched():
        updated = world.put(resource, sent, dry_run=True)
        patched = world.send_patch(resource, "a", LABEL, dry_run=True)
        world.send_patch(resource, "a", LABEL, dry_run=True, patch_type=opts.STRATEGIC_MERGE_PATCH)
    for result in (updated, patched):
        assert result.stored.obj["metadata"]["labels"]["a"] == "b"
        present = world.get(resource, "a")["metadata"]["resourceVersion"]
        assert result.stored.obj["metadata"]["resourceVersion"] == present
    assert world.get(resource, "a") == made


@each_kind
def test_delete(world, resource, obj):
    made = world.create(resource, obj)
    with world.untouched():
        shown = world.delete(resource, "a", dry_run=True)
        for policy in ("Orphan", "Foreground", "Background"):
            world.delete(resource, "a", dry_run=True, propagation_policy=policy)
        world.delete(resource, "a", dry_run=True, grace_period_seconds=0)
    assert world.get(resource, "a") == made
    done = world.delete(resource, "a")
    assert (shown.gone, shown.status) == (done.gone, done.status)
    marks = ("deletionTimestamp", "deletionGracePeriodSeconds")
    if shown.status is None:
        for mark in marks:
            assert shown.stored.obj["metadata"].get(mark) == done.stored.obj["metadata"].get(mark)


def test_the_last_finalizer(world):
    world.create(SERVICES, held(objects.service("a", type="NodePort")))
    world.delete(SERVICES, "a")
    with world.untouched():
        world.patch(SERVICES, "a", {"metadata": {"finalizers": None}}, dry_run=True)
    assert world.find(SERVICES, "a") is not None


def test_create_by_update(world):
    with world.untouched():
        result = world.put(SERVICES, objects.service("a", type="NodePort"), dry_run=True)
    assert result.created
    assert world.find(SERVICES, "a") is None


def test_status(world):
    world.create(STATEFUL_SETS, objects.stateful_set("a"))
    patch = {"status": {"replicas": 4}}
    with world.untouched():
        shown = world.patch(STATEFUL_SETS, "a", patch, subresource="status", dry_run=True)
    assert shown["status"]["replicas"] == 4


def test_whole_collections(world):
    world.create(SERVICES, objects.service("a", type="NodePort"))
    dry = DeleteOptions(dry_run=True)
    with world.untouched():
        found = world.registry.delete_collection(SERVICES, "default", dry, ListOptions())
    assert len(found.items) == 1


def test_what_would_be_refused_is_refused(world):
    world.create(CONFIGMAPS, objects.config_map("a"))
    with world.refused(409, "AlreadyExists"):
        world.create(CONFIGMAPS, objects.config_map("a"), dry_run=True)
    with world.refused(404, "NotFound"):
        world.create(CONFIGMAPS, objects.config_map("a", namespace="nope"), dry_run=True)
    with world.refused(409, "Conflict"):
        world.delete(CONFIGMAPS, "a", uid="other", dry_run=True)
    with world.refused(422, "Invalid"):
        world.create(CONFIGMAPS, objects.config_map("not a name"), dry_run=True)


def test_watchers_hear_nothing(world):
    watch = world.registry.watch(
        CONFIGMAPS, "default", ListOptions(resource_version=str(world.revision))
    )
    world.create(CONFIGMAPS, objects.config_map("a"), dry_run=True)
    world.create(CONFIGMAPS, objects.config_map("b"))
    world.patch(CONFIGMAPS, "b", LABEL, dry_run=True)
    world.delete(CONFIGMAPS, "b", dry_run=True)
    events = watch.poll()
    watch.close()
    assert [(event.type, event.stored.obj["metadata"]["name"]) for event in events] == [
        ("ADDED", "b")
    ]
