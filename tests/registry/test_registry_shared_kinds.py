"""Kinds that two groups or versions serve: one object, two forms."""

import pytest

from miniplane.api import resources
from miniplane.api.objects import thaw
from miniplane.api.options import DeleteOptions, ListOptions
from miniplane.api.resources import EVENTS, EVENTS_V1

SCALERS_V1 = resources.resource("horizontalpodautoscalers", "autoscaling", "v1")
SCALERS = resources.resource("horizontalpodautoscalers", "autoscaling", "v2")
TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}
CPU = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
}


def core_event(name="e"):
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": "default"},
        "involvedObject": {"kind": "Pod", "name": "p", "namespace": "default"},
        "reason": "Started",
        "message": "it started",
        "type": "Normal",
        "count": 2,
        "firstTimestamp": "2026-01-01T00:00:00Z",
        "lastTimestamp": "2026-01-01T00:00:05Z",
        "source": {"component": "kubelet", "host": "n"},
    }


def new_event(name="n"):
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": "default"},
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "scheduler",
        "reportingInstance": "scheduler-1",
        "action": "Binding",
        "reason": "Scheduled",
        "regarding": {"kind": "Pod", "name": "p", "namespace": "default"},
        "note": "it fits",
        "type": "Normal",
    }


def test_one_event_two_forms(world):
    made = world.create(EVENTS, core_event())
    other = world.get(EVENTS_V1, "e")
    assert other["apiVersion"] == "events.k8s.io/v1"
    assert other["note"] == "it started"
    assert other["regarding"] == made["involvedObject"]
    assert other["deprecatedCount"] == 2
    assert other["deprecatedSource"] == made["source"]
    for key in ("uid", "resourceVersion", "creationTimestamp"):
        assert other["metadata"][key] == made["metadata"][key]
    assert world.get(EVENTS, "e") == made


def test_and_the_other_way(world):
    world.create(EVENTS_V1, new_event())
    seen = world.get(EVENTS, "n")
    assert (seen["apiVersion"], seen["message"]) == ("v1", "it fits")
    assert seen["involvedObject"]["name"] == "p"
    assert seen["reportingComponent"] == "scheduler"


def test_lists_and_watches_show_the_form_that_is_asked_for(world):
    start = str(world.revision)
    world.create(EVENTS, core_event())
    world.create(EVENTS_V1, new_event())
    for resource, word in ((EVENTS, "message"), (EVENTS_V1, "note")):
        found = world.registry.list(resource, "default", ListOptions())
        assert [stored.obj[word] for stored in found.items] == ["it started", "it fits"]
        assert all(stored.obj["apiVersion"] == resource.api_version for stored in found.items)
        assert all(word.encode() in stored.data for stored in found.items)
        paged = world.registry.list(resource, "default", ListOptions(limit=1))
        assert [stored.obj[word] for stored in paged.items] == ["it started"]
        watch = world.registry.watch(resource, "default", ListOptions(resource_version=start))
        assert [event.stored.obj[word] for event in watch.poll()] == ["it started", "it fits"]
        watch.close()


def test_field_selectors_know_the_words_of_their_form(world):
    world.create(EVENTS, core_event())
    world.create(EVENTS, {**core_event("f"), "reason": "Killing"})
    assert world.names(EVENTS, field_selector="involvedObject.name=p,reason=Killing") == ["f"]
    assert world.names(EVENTS_V1, field_selector="regarding.name=p,reason=Killing") == ["f"]


def test_a_name_is_taken_in_both_forms(world):
    world.create(EVENTS, core_event())
    with world.refused(409, "AlreadyExists", 'events.events.k8s.io "e" already exists'):
        world.create(EVENTS_V1, new_event("e"))
    assert world.delete(EVENTS_V1, "e").gone
    assert world.find(EVENTS, "e") is None


def test_a_patch_of_one_form_is_seen_in_the_other(world):
    world.create(EVENTS, core_event())
    with world.untouched():
        world.patch(EVENTS, "e", {"message": "it started"})
    world.patch(EVENTS, "e", {"count": 3})
    assert world.get(EVENTS_V1, "e")["deprecatedCount"] == 3
    world.create(EVENTS_V1, new_event())
    series = {"count": 2, "lastObservedTime": "2026-01-01T00:00:09.000000Z"}
    world.patch(EVENTS_V1, "n", {"series": series})
    assert world.get(EVENTS, "n")["series"] == series


def scaler(resource, name="h", **spec):
    made = {"metadata": {"name": name, "namespace": "default"}}
    made["spec"] = {"scaleTargetRef": TARGET, "maxReplicas": 5, **spec}
    return {"apiVersion": resource.api_version, "kind": "HorizontalPodAutoscaler", **made}


def test_one_autoscaler_two_versions(world):
    world.create(SCALERS_V1, scaler(SCALERS_V1, targetCPUUtilizationPercentage=70))
    assert world.get(SCALERS, "h")["spec"]["metrics"] == [CPU]
    world.create(SCALERS, scaler(SCALERS, "i", metrics=[CPU]))
    assert world.get(SCALERS_V1, "i")["spec"]["targetCPUUtilizationPercentage"] == 70
    for resource in (SCALERS, SCALERS_V1):
        assert world.names(resource) == ["h", "i"]


def test_what_the_old_version_cannot_say_survives_it(world):
    memory = thaw(CPU)
    memory["resource"]["name"] = "memory"
    behavior = {"scaleDown": {"stabilizationWindowSeconds": 60}}
    world.create(SCALERS, scaler(SCALERS, metrics=[CPU, memory], behavior=behavior))
    before = world.get(SCALERS, "h")["spec"]
    old = thaw(world.get(SCALERS_V1, "h"))
    old["spec"]["maxReplicas"] = 9
    world.update(SCALERS_V1, old)
    after = world.get(SCALERS, "h")["spec"]
    assert {**after, "metrics": None} == {**before, "metrics": None, "maxReplicas": 9}
    assert sorted(map(str, after["metrics"])) == sorted(map(str, before["metrics"]))


@pytest.mark.parametrize("resource", [SCALERS, SCALERS_V1], ids=lambda r: r.version)
def test_no_change_is_no_write_in_either_version(world, resource):
    world.create(SCALERS, scaler(SCALERS, metrics=[CPU]))
    with world.untouched():
        world.update(resource, thaw(world.get(resource, "h")))
    with world.untouched():
        world.patch(resource, "h", {"spec": {"maxReplicas": 5}})


@pytest.mark.parametrize("resource", [SCALERS, SCALERS_V1], ids=lambda r: r.version)
def test_the_status_in_either_version(world, resource):
    world.create(SCALERS, scaler(SCALERS))
    status = {"currentReplicas": 2, "desiredReplicas": 3}
    world.patch(resource, "h", {"status": status}, subresource="status")
    for version in (SCALERS, SCALERS_V1):
        seen = world.get(version, "h")["status"]
        assert (seen["currentReplicas"], seen["desiredReplicas"]) == (2, 3)


def test_a_watch_of_one_version_sees_writes_of_the_other(world):
    watch = world.registry.watch(
        SCALERS_V1, "default", ListOptions(resource_version=str(world.revision))
    )
    world.create(SCALERS, scaler(SCALERS, metrics=[CPU]))
    world.patch(SCALERS, "h", {"spec": {"maxReplicas": 6}})
    world.delete(SCALERS, "h")
    events = watch.poll()
    watch.close()
    assert [event.type for event in events] == ["ADDED", "MODIFIED", "DELETED"]
    assert [event.stored.obj["spec"]["maxReplicas"] for event in events] == [5, 6, 6]
    assert all(e.stored.obj["spec"]["targetCPUUtilizationPercentage"] == 70 for e in events)


def test_whole_collections_in_either_form(world):
    world.create(EVENTS, core_event())
    world.create(EVENTS_V1, new_event())
    chosen = ListOptions(field_selector="reason=Started")
    world.registry.delete_collection(EVENTS_V1, "default", DeleteOptions(), chosen)
    assert world.names(EVENTS) == ["n"]
