import asyncio

import pytest

from miniplane.api import errors
from miniplane.api.resources import EVENTS, EVENTS_V1
from miniplane.runtime.events import EventNames, EventRecorder

WEB = {
    "apiVersion": "apps/v1",
    "kind": "StatefulSet",
    "metadata": {"name": "web", "namespace": "a", "uid": "u1", "resourceVersion": "7"},
}
NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "n1", "uid": "u2", "resourceVersion": "8"},
}


@pytest.fixture
def names():
    return EventNames()


@pytest.fixture
def recorder(api, clock, names):
    recorder = EventRecorder(api, clock, "statefulset-controller", names=names)
    yield recorder
    recorder.close()


def written(api, resource=EVENTS):
    return list(api.objects[resource].values())


async def test_an_event_looks_like_client_gos(api, recorder):
    await recorder.event(WEB, "Normal", "SuccessfulCreate", "create Pod web-0")
    (event,) = written(api)
    meta = event.pop("metadata")
    assert meta["namespace"] == "a"
    prefix, _, digits = meta["name"].rpartition(".")
    assert prefix == "web"
    assert len(digits) == 16
    assert int(digits, 16) == 1_767_225_600_000_000_000
    assert event == {
        "kind": "Event",
        "apiVersion": "v1",
        "involvedObject": {
            "kind": "StatefulSet",
            "namespace": "a",
            "name": "web",
            "uid": "u1",
            "apiVersion": "apps/v1",
            "resourceVersion": "7",
        },
        "reason": "SuccessfulCreate",
        "message": "create Pod web-0",
        "source": {"component": "statefulset-controller"},
        "firstTimestamp": "2026-01-01T00:00:00Z",
        "lastTimestamp": "2026-01-01T00:00:00Z",
        "count": 1,
        "type": "Normal",
        "eventTime": None,
        "reportingComponent": "statefulset-controller",
        "reportingInstance": "",
    }


async def test_events_of_nodes_and_kubelets(api, clock, names):
    kubelet = EventRecorder(api, clock, "kubelet", names=names, host="n1")
    ref = {"kind": "Node", "name": "n1", "uid": "n1"}
    await kubelet.event(ref, "Normal", "Starting", "Starting kubelet.")
    await kubelet.event(NODE, "Normal", "Started", "m", field_path="spec.containers{main}")
    one, two = written(api)
    assert one["metadata"]["namespace"] == "default"
    assert one["involvedObject"] == ref
    assert one["source"] == {"component": "kubelet", "host": "n1"}
    assert one["reportingInstance"] == "n1"
    assert two["involvedObject"]["fieldPath"] == "spec.containers{main}"
    assert one["metadata"]["name"] < two["metadata"]["name"]


async def test_the_same_event_again_is_counted(api, clock, recorder):
    for _ in range(3):
        await recorder.event(WEB, "Normal", "SuccessfulCreate", "create Pod web-0")
        clock.advance(60)
    (event,) = written(api)
    assert event["count"] == 3
    assert event["firstTimestamp"] == "2026-01-01T00:00:00Z"
    assert event["lastTimestamp"] == "2026-01-01T00:02:00Z"
    assert [c[1] for c in api.calls] == ["create", "patch", "patch"]


async def test_a_counted_event_that_is_gone_is_written_anew(api, recorder):
    await recorder.event(WEB, "Normal", "R", "m")
    (event,) = written(api)
    await api.delete(EVENTS, event["metadata"]["name"], "a")
    await recorder.event(WEB, "Normal", "R", "m")
    (again,) = written(api)
    assert again["count"] == 2
    assert again["metadata"]["name"] == event["metadata"]["name"]


async def test_similar_events_are_combined_from_the_tenth_on(api, clock, recorder):
    for i in range(14):
        await recorder.event(WEB, "Normal", "SuccessfulCreate", f"create Pod web-{i}")
        clock.advance(1)
    await recorder.event(WEB, "Normal", "SuccessfulCreate", "create Pod web-3")
    events = written(api)
    assert len(events) == 10
    assert [e["count"] for e in events] == [1, 1, 1, 2, 1, 1, 1, 1, 1, 5]
    combined = events[-1]
    assert combined["message"] == "(combined from similar events): create Pod web-13"
    assert combined["reportingComponent"] == ""
    clock.advance(601)
    await recorder.event(WEB, "Normal", "SuccessfulCreate", "create Pod web-20")
    assert len(written(api)) == 11


async def test_one_object_gets_25_events_and_then_one_in_five_minutes(api, clock, recorder):
    for i in range(40):
        await recorder.event(WEB, "Normal", f"Reason{i}", "m")
    assert len(written(api)) == 25
    await recorder.event(NODE, "Normal", "Reason", "m")
    assert len(written(api)) == 26
    clock.advance(301)
    for i in range(40, 45):
        await recorder.event(WEB, "Normal", f"Reason{i}", "m")
    assert len(written(api)) == 27


async def test_a_refused_event_is_not_an_error(api, recorder):
    api.fail_next["create"].append(errors.StatusError(403, "Forbidden", "terminating"))
    await recorder.event(WEB, "Normal", "R", "m")
    assert written(api) == []


async def test_names_differ_within_one_moment(names):
    made = [names.name("web", 1_767_225_600.0) for _ in range(3)]
    assert made == sorted(dict.fromkeys(made))
    assert len(made[0]) == len("web.") + 16


async def test_the_schedulers_events(api, clock, names):
    recorder = EventRecorder(api, clock, "default-scheduler", names=names)
    await recorder.note(WEB, "Normal", "Scheduled", "Binding", "assigned", related=NODE)
    (event,) = written(api, EVENTS_V1)
    assert event["eventTime"] == "2026-01-01T00:00:00.000000Z"
    assert event["reportingController"] == "default-scheduler"
    assert event["reportingInstance"] == "default-scheduler-miniplane"
    assert (event["action"], event["reason"], event["note"]) == ("Binding", "Scheduled", "assigned")
    assert event["regarding"]["name"] == "web"
    assert event["related"]["name"] == "n1"
    assert "series" not in event
    recorder.close()
    assert clock.next_timer(background=True) is None


async def test_a_series_is_written_at_its_second_event_and_at_its_end(api, clock, names):
    recorder = EventRecorder(api, clock, "default-scheduler", names=names)

    async def note(note="0/3 nodes"):
        await recorder.note(WEB, "Warning", "FailedScheduling", "Scheduling", note)

    def series():
        return [e.get("series", {}).get("count") for e in written(api, EVENTS_V1)]

    await note()
    assert series() == [None]
    for _ in range(4):
        clock.advance(10)
        await note("another text")
    assert series() == [2]
    for _ in range(12):
        clock.advance(60)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    (event,) = written(api, EVENTS_V1)
    assert event["series"] == {"count": 5, "lastObservedTime": "2026-01-01T00:00:40.000000Z"}
    assert clock.next_timer(background=True) is None
    await note()
    assert series() == [5, None]


async def test_a_long_note_is_cut(api, clock, names, recorder):
    await recorder.note(WEB, "Normal", "R", "A", "x" * 2000)
    (event,) = written(api, EVENTS_V1)
    assert len(event["note"]) == 1024
    assert event["note"].endswith("x ...")
