"""What every client may rely on, whichever door it comes through.

Tests that take `client` run with all of them, kubectl included; those that take `library` with the
two clients of miniplane, as kubectl has no words for what they ask.
"""

import asyncio
import contextlib

import pytest

from miniplane.api.errors import StatusError, is_conflict, is_expired
from miniplane.api.objects import thaw
from miniplane.api.options import (
    JSON_PATCH,
    MERGE_PATCH,
    STRATEGIC_MERGE_PATCH,
    DeleteOptions,
)
from miniplane.api.resources import (
    CONFIGMAPS,
    DEPLOYMENTS,
    EVENTS_V1,
    NAMESPACES,
    NODES,
    PODS,
    SECRETS,
    STATEFUL_SETS,
)
from miniplane.client.protocol import WatchEnded
from miniplane.testing import objects


@contextlib.contextmanager
def refused(code, reason, *parts):
    with pytest.raises(StatusError) as caught:
        yield caught
    assert (caught.value.code, caught.value.reason) == (code, reason), caught.value
    for part in parts:
        assert part in caught.value.message


def labelled(name, **labels):
    obj = objects.config_map(name)
    obj["metadata"]["labels"] = labels
    return obj


async def names(client, namespace="default", **selectors):
    found = await client.list(CONFIGMAPS, namespace, **selectors)
    return [handle.obj["metadata"]["name"] for handle in found.items]


# One object.


async def test_what_is_created_can_be_read(client):
    made = await client.create(CONFIGMAPS, objects.config_map("a", {"k": "ü\u2028\n"}))
    assert (made["kind"], made["apiVersion"]) == ("ConfigMap", "v1")
    assert made["data"] == {"k": "ü\u2028\n"}
    assert {"uid", "resourceVersion", "creationTimestamp"} <= set(made["metadata"])
    assert await client.get(CONFIGMAPS, "a", "default") == made


async def test_cluster_scoped_objects(client):
    made = await client.create(NODES, objects.node("n"))
    assert "namespace" not in made["metadata"]
    assert await client.get(NODES, "n") == made
    await client.delete(NODES, "n")
    with refused(404, "NotFound", 'nodes "n" not found'):
        await client.get(NODES, "n")


async def test_the_namespace_is_the_objects_or_the_calls(client):
    one = await client.create(CONFIGMAPS, objects.config_map("a"))
    two = await client.create(CONFIGMAPS, {"metadata": {"name": "b"}}, namespace="default")
    assert one["metadata"]["namespace"] == two["metadata"]["namespace"] == "default"


async def test_generated_names(client):
    generated = {"metadata": {"generateName": "x-", "namespace": "default"}}
    made = [(await client.create(CONFIGMAPS, generated))["metadata"]["name"] for _ in range(2)]
    assert made[0] != made[1]
    assert sorted(made) == await names(client)


async def test_a_name_is_taken_once(client):
    await client.create(CONFIGMAPS, objects.config_map("a"))
    with refused(409, "AlreadyExists", 'configmaps "a" already exists'):
        await client.create(CONFIGMAPS, objects.config_map("a"))


async def test_what_is_not_there(client):
    with refused(404, "NotFound", 'statefulsets.apps "a" not found'):
        await client.get(STATEFUL_SETS, "a", "default")
    with refused(404, "NotFound", 'configmaps "a" not found'):
        await client.patch(CONFIGMAPS, "a", {"data": {}}, "default")
    with refused(404, "NotFound", 'configmaps "a" not found'):
        await client.delete(CONFIGMAPS, "a", "default")
    with refused(404, "NotFound", 'namespaces "nowhere" not found'):
        await client.create(CONFIGMAPS, objects.config_map("a", namespace="nowhere"))


async def test_what_is_not_valid(client):
    wrong = objects.stateful_set("web", replicas=-1)
    with refused(422, "Invalid", "spec.replicas", "must be greater than or equal to 0"):
        await client.create(STATEFUL_SETS, wrong)
    with refused(400, "BadRequest", "cannot unmarshal"):
        await client.create(STATEFUL_SETS, objects.stateful_set("web", replicas="many"))


async def test_errors_have_details(library):
    with refused(404, "NotFound") as caught:
        await library.get(STATEFUL_SETS, "a", "default")
    assert caught.value.details == {"name": "a", "group": "apps", "kind": "statefulsets"}
    with refused(422, "Invalid") as caught:
        await library.create(STATEFUL_SETS, objects.stateful_set("web", replicas=-1))
    [cause] = caught.value.details["causes"]
    assert cause["field"] == "spec.replicas"


async def test_unknown_fields_are_dropped(client):
    made = await client.create(CONFIGMAPS, {**objects.config_map("a"), "colour": "red"})
    assert "colour" not in made


async def test_large_numbers_are_exact(client):
    user = 2**31 - 1
    pod = objects.pod("p", activeDeadlineSeconds=2**31 - 1)
    pod["spec"]["securityContext"] = {"runAsUser": user}
    made = await client.create(PODS, pod)
    assert made["spec"]["securityContext"]["runAsUser"] == user
    await client.patch(PODS, "p", {"spec": {"terminationGracePeriodSeconds": None}}, "default")
    assert (await client.get(PODS, "p", "default"))["spec"]["activeDeadlineSeconds"] == user


async def test_large_objects(client):
    data = {f"k{n}": "x" * 10_000 for n in range(50)}
    await client.create(CONFIGMAPS, objects.config_map("big", data))
    assert (await client.get(CONFIGMAPS, "big", "default"))["data"] == data


# Changing it.


async def test_an_update_needs_the_latest_revision(client):
    old = await client.create(CONFIGMAPS, objects.config_map("a", {"k": "1"}))
    new = await client.update(CONFIGMAPS, {**old, "data": {"k": "2"}})
    assert new["data"] == {"k": "2"}
    assert int(new["metadata"]["resourceVersion"]) > int(old["metadata"]["resourceVersion"])
    with refused(409, "Conflict", "please apply your changes to the latest version"):
        await client.update(CONFIGMAPS, {**old, "data": {"k": "3"}})
    assert (await client.get(CONFIGMAPS, "a", "default"))["data"] == {"k": "2"}


async def test_no_change_is_no_write(client):
    made = await client.create(CONFIGMAPS, objects.config_map("a", {"k": "1"}))
    revision = made["metadata"]["resourceVersion"]
    same = await client.update(CONFIGMAPS, made)
    assert same["metadata"]["resourceVersion"] == revision
    same = await client.patch(CONFIGMAPS, "a", {"data": {"k": "1"}}, "default")
    assert same["metadata"]["resourceVersion"] == revision


@pytest.mark.parametrize(
    ("patch_type", "patch"),
    [
        (JSON_PATCH, [{"op": "replace", "path": "/data/k", "value": "2"}]),
        (MERGE_PATCH, {"data": {"k": "2"}}),
        (STRATEGIC_MERGE_PATCH, {"data": {"k": "2"}}),
    ],
    ids=["json", "merge", "strategic"],
)
async def test_patches(client, patch_type, patch):
    await client.create(CONFIGMAPS, objects.config_map("a", {"k": "1", "l": "1"}))
    made = await client.patch(CONFIGMAPS, "a", patch, "default", patch_type=patch_type)
    assert made["data"] == {"k": "2", "l": "1"}


async def test_a_patch_may_name_the_revision_that_it_is_for(client):
    made = await client.create(CONFIGMAPS, objects.config_map("a"))
    patch = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}}
    patch["data"] = {"k": "1"}
    await client.patch(CONFIGMAPS, "a", patch, "default", patch_type=MERGE_PATCH)
    patch["data"] = {"k": "2"}
    with refused(409, "Conflict"):
        await client.patch(CONFIGMAPS, "a", patch, "default", patch_type=MERGE_PATCH)


async def test_the_status_is_written_apart(client):
    await client.create(STATEFUL_SETS, objects.stateful_set("web", replicas=1))
    both = {"spec": {"replicas": 3}, "status": {"replicas": 2}}
    made = await client.patch(
        STATEFUL_SETS, "web", both, "default", patch_type=MERGE_PATCH, subresource="status"
    )
    assert (made["spec"]["replicas"], made["status"]["replicas"]) == (1, 2)
    made = await client.patch(STATEFUL_SETS, "web", both, "default", patch_type=MERGE_PATCH)
    assert (made["spec"]["replicas"], made["status"]["replicas"]) == (3, 2)
    made = thaw(made)
    made["status"]["replicas"] = 1
    made = await client.update(STATEFUL_SETS, made, subresource="status")
    assert made["status"]["replicas"] == 1


async def test_scale(client):
    await client.create(DEPLOYMENTS, objects.deployment("d", replicas=1))
    await client.patch(
        DEPLOYMENTS,
        "d",
        {"spec": {"replicas": 4}},
        "default",
        patch_type=MERGE_PATCH,
        subresource="scale",
    )
    scale = await client.get(DEPLOYMENTS, "d", "default", subresource="scale")
    assert (scale["kind"], scale["spec"]) == ("Scale", {"replicas": 4})
    assert (await client.get(DEPLOYMENTS, "d", "default"))["spec"]["replicas"] == 4


async def test_who_wrote_what_is_noted(client):
    await client.with_manager("first").create(CONFIGMAPS, objects.config_map("a", {"k": "1"}))
    patch = {"data": {"l": "1"}}
    made = await client.with_manager("second").patch(CONFIGMAPS, "a", patch, "default")
    fields = {
        entry["manager"]: entry["fieldsV1"]["f:data"] for entry in made["metadata"]["managedFields"]
    }
    assert "f:k" in fields["first"]
    assert fields["second"] == {"f:l": {}}


async def test_optimistic_writers_lose_nothing(library):
    await library.create(CONFIGMAPS, objects.config_map("a", {"n": "0"}))

    async def add() -> None:
        for _ in range(5):
            while True:
                obj = thaw(await library.get(CONFIGMAPS, "a", "default"))
                await asyncio.sleep(0)
                obj["data"]["n"] = str(int(obj["data"]["n"]) + 1)
                try:
                    await library.update(CONFIGMAPS, obj)
                except StatusError as error:
                    assert is_conflict(error)
                    continue
                break

    await asyncio.gather(*(add() for _ in range(4)))
    assert (await library.get(CONFIGMAPS, "a", "default"))["data"] == {"n": "20"}


async def test_bindings_and_evictions_are_posted(library):
    await library.create(PODS, objects.pod("p"))
    binding = {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": "p"},
        "target": {"kind": "Node", "name": "n"},
    }
    await library.create(PODS, binding, namespace="default", name="p", subresource="binding")
    assert (await library.get(PODS, "p", "default"))["spec"]["nodeName"] == "n"
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}}
    await library.create(PODS, eviction, namespace="default", name="p", subresource="eviction")
    assert "deletionTimestamp" in (await library.get(PODS, "p", "default"))["metadata"]


# Many objects.


async def test_lists(client):
    for name, colour in (("b", "red"), ("a", "red"), ("c", "blue")):
        await client.create(CONFIGMAPS, labelled(name, colour=colour))
    await client.create(NAMESPACES, objects.namespace("other"))
    await client.create(CONFIGMAPS, objects.config_map("z", namespace="other"))
    assert await names(client) == ["a", "b", "c"]
    assert await names(client, "") == ["a", "b", "c", "z"]
    assert await names(client, label_selector="colour=red") == ["a", "b"]
    assert await names(client, label_selector="colour notin (red)") == ["c"]
    assert await names(client, field_selector="metadata.name=c") == ["c"]
    assert await names(client, label_selector="colour=red", field_selector="metadata.name=c") == []


async def test_items_of_a_list_are_whole_objects(client):
    made = await client.create(CONFIGMAPS, objects.config_map("a", {"k": "1"}))
    [handle] = (await client.list(CONFIGMAPS, "default")).items
    shown = {k: v for k, v in made["metadata"].items() if k in handle.obj["metadata"]}
    assert handle.obj == {**made, "metadata": shown}
    assert {"kind", "apiVersion"} <= set(handle.obj)


async def test_a_list_has_a_revision(library):
    made = await library.create(CONFIGMAPS, objects.config_map("a"))
    found = await library.list(CONFIGMAPS, "default")
    assert int(found.resource_version) >= int(made["metadata"]["resourceVersion"])
    empty = await library.list(SECRETS, "default")
    assert (list(empty.items), empty.resource_version) == ([], found.resource_version)


async def test_selectors_that_cannot_be_read(library):
    with refused(400, "BadRequest"):
        await library.list(CONFIGMAPS, "default", label_selector="a=b=c")
    with refused(400, "BadRequest", "is not a known field selector"):
        await library.list(CONFIGMAPS, "default", field_selector="data.k=1")


# Deleting.


async def test_a_delete(client):
    await client.create(CONFIGMAPS, objects.config_map("a"))
    await client.delete(CONFIGMAPS, "a", "default")
    with refused(404, "NotFound"):
        await client.get(CONFIGMAPS, "a", "default")


async def test_a_finalizer_holds_an_object_back(client):
    held = objects.config_map("a")
    held["metadata"]["finalizers"] = ["example.com/hold"]
    await client.create(CONFIGMAPS, held)
    await client.delete(CONFIGMAPS, "a", "default")
    left = await client.get(CONFIGMAPS, "a", "default")
    assert "deletionTimestamp" in left["metadata"]
    free = {"metadata": {"finalizers": None}}
    await client.patch(CONFIGMAPS, "a", free, "default", patch_type=MERGE_PATCH)
    assert await names(client) == []


async def test_grace(client):
    await client.create(PODS, objects.pod("p", nodeName="node-1"))
    await client.delete(PODS, "p", "default", options=DeleteOptions(grace_period_seconds=9))
    left = await client.get(PODS, "p", "default")
    assert left["metadata"]["deletionGracePeriodSeconds"] == 9
    await client.delete(PODS, "p", "default", options=DeleteOptions(grace_period_seconds=0))
    with refused(404, "NotFound"):
        await client.get(PODS, "p", "default")


async def test_propagation(client):
    await client.create(DEPLOYMENTS, objects.deployment("d"))
    await client.delete(
        DEPLOYMENTS, "d", "default", options=DeleteOptions(propagation_policy="Foreground")
    )
    left = await client.get(DEPLOYMENTS, "d", "default")
    assert left["metadata"]["finalizers"] == ["foregroundDeletion"]


async def test_a_dry_run_deletes_nothing(client):
    await client.create(CONFIGMAPS, objects.config_map("a"))
    await client.delete(CONFIGMAPS, "a", "default", options=DeleteOptions(dry_run=True))
    assert await names(client) == ["a"]


async def test_preconditions(library):
    made = await library.create(CONFIGMAPS, objects.config_map("a"))
    for wrong in (DeleteOptions(uid="other"), DeleteOptions(resource_version="1")):
        with refused(409, "Conflict", "precondition"):
            await library.delete(CONFIGMAPS, "a", "default", options=wrong)
    metadata = made["metadata"]
    right = DeleteOptions(uid=metadata["uid"], resource_version=metadata["resourceVersion"])
    await library.delete(CONFIGMAPS, "a", "default", options=right)
    assert await names(library) == []


async def test_collections(client):
    for name, colour in (("a", "red"), ("b", "red"), ("c", "blue")):
        await client.create(CONFIGMAPS, labelled(name, colour=colour))
    await client.delete_collection(CONFIGMAPS, "default", label_selector="colour=red")
    assert await names(client) == ["c"]
    await client.delete_collection(CONFIGMAPS, "default")
    assert await names(client) == []


# Watching.


async def take(watch, count):
    """So many events, as (type, name, value). Bookmarks may come at any time."""
    found = []
    while len(found) < count:
        for event in await watch.next():
            if event.handle is None:
                continue
            obj = event.handle.obj
            assert event.resource_version == obj["metadata"]["resourceVersion"]
            found.append((event.type, obj["metadata"]["name"], obj.get("data", {}).get("k")))
    return found


async def test_a_watch_tells_everything_in_order(client, watch):
    async with watch(client, CONFIGMAPS, "default") as watching:
        await client.create(CONFIGMAPS, objects.config_map("a", {"k": "1"}))
        await client.patch(CONFIGMAPS, "a", {"data": {"k": "2"}}, "default")
        await client.create(CONFIGMAPS, objects.config_map("b"))
        await client.delete(CONFIGMAPS, "a", "default")
        assert await take(watching, 4) == [
            ("ADDED", "a", "1"),
            ("MODIFIED", "a", "2"),
            ("ADDED", "b", None),
            ("DELETED", "a", "2"),
        ]


async def test_a_watch_may_begin_in_the_past(library, watch):
    start = (await library.list(CONFIGMAPS, "default")).resource_version
    await library.create(CONFIGMAPS, objects.config_map("a"))
    await library.create(CONFIGMAPS, objects.config_map("b"))
    async with watch(library, CONFIGMAPS, "default", resource_version=start) as watching:
        assert [name for _, name, _ in await take(watching, 2)] == ["a", "b"]


async def test_a_watch_may_begin_with_what_is_there(library, watch):
    await library.create(CONFIGMAPS, objects.config_map("b"))
    await library.create(CONFIGMAPS, objects.config_map("a"))
    async with watch(library, CONFIGMAPS, "default", resource_version="0") as watching:
        assert [(kind, name) for kind, name, _ in await take(watching, 2)] == [
            ("ADDED", "a"),
            ("ADDED", "b"),
        ]


async def test_selectors_of_a_watch(library, watch):
    async with watch(library, CONFIGMAPS, "default", label_selector="colour=red") as watching:
        for name, colour in (("a", "red"), ("b", "blue")):
            await library.create(CONFIGMAPS, labelled(name, colour=colour))
        for name, colour in (("a", "blue"), ("b", "red")):
            patch = {"metadata": {"labels": {"colour": colour}}}
            await library.patch(CONFIGMAPS, name, patch, "default")
        assert [(kind, name) for kind, name, _ in await take(watching, 3)] == [
            ("ADDED", "a"),
            ("DELETED", "a"),
            ("ADDED", "b"),
        ]


async def test_history_ends(library):
    start = (await library.list(CONFIGMAPS, "default")).resource_version
    await library.create(CONFIGMAPS, objects.config_map("a"))
    for number in range(100):
        await library.patch(CONFIGMAPS, "a", {"data": {"k": str(number)}}, "default")
    watching = await library.watch(CONFIGMAPS, "default", resource_version=start)
    with pytest.raises(StatusError) as caught:
        await watching.next()
    watching.close()
    assert is_expired(caught.value)


async def test_waiting_for_nothing(library, watch):
    async with watch(library, CONFIGMAPS, "default") as watching:
        assert list(await watching.next(timeout=0.01)) == []
        await library.create(CONFIGMAPS, objects.config_map("a"))
        assert await take(watching, 1) == [("ADDED", "a", None)]


async def test_a_closed_watch_has_ended(library, watch):
    async with watch(library, CONFIGMAPS, "default") as watching:
        watching.close()
        with pytest.raises(WatchEnded):
            await watching.next()


async def test_a_kind_in_its_other_form(client):
    event = {
        "metadata": {"name": "e", "namespace": "default"},
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "example.com/test",
        "reportingInstance": "test-1",
        "action": "Testing",
        "reason": "Tested",
        "regarding": {"kind": "Pod", "name": "p", "namespace": "default"},
        "note": "it works",
        "type": "Normal",
    }
    made = await client.create(EVENTS_V1, event)
    assert (made["apiVersion"], made["note"]) == ("events.k8s.io/v1", "it works")
    assert (await client.get(EVENTS_V1, "e", "default"))["note"] == "it works"
