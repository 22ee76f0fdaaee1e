"""Events between core/v1 and events.k8s.io/v1."""

from miniplane.api import conversion, resources

CORE = {
    "apiVersion": "v1",
    "kind": "Event",
    "metadata": {"name": "web.1", "namespace": "x", "uid": "u"},
    "involvedObject": {"kind": "Pod", "name": "web", "namespace": "x", "apiVersion": "v1"},
    "reason": "Started",
    "message": "hello",
    "source": {"component": "kubelet", "host": "n1"},
    "firstTimestamp": "2024-05-06T07:08:09Z",
    "lastTimestamp": "2024-05-06T07:09:09Z",
    "count": 2,
    "type": "Normal",
    "eventTime": None,
    "reportingComponent": "",
    "reportingInstance": "",
}
NEW = {
    "apiVersion": "events.k8s.io/v1",
    "kind": "Event",
    "metadata": CORE["metadata"],
    "eventTime": None,
    "regarding": CORE["involvedObject"],
    "reason": "Started",
    "note": "hello",
    "type": "Normal",
    "deprecatedSource": {"component": "kubelet", "host": "n1"},
    "deprecatedFirstTimestamp": "2024-05-06T07:08:09Z",
    "deprecatedLastTimestamp": "2024-05-06T07:09:09Z",
    "deprecatedCount": 2,
}


def test_a_core_event_in_new_words_and_back():
    assert conversion.from_storage(resources.EVENTS_V1, CORE) == NEW
    assert conversion.to_storage(resources.EVENTS_V1, NEW) == CORE


def test_a_new_event_has_no_old_times_and_no_source():
    series = {"count": 3, "lastObservedTime": "2024-05-06T07:08:09.000001Z"}
    new = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "web.2"},
        "eventTime": "2024-05-06T07:08:09.123456Z",
        "series": series,
        "reportingController": "example.com/test",
        "reportingInstance": "test-1",
        "action": "Testing",
        "regarding": {},
        "related": {"kind": "Node", "name": "n1"},
        "deprecatedSource": {},
        "deprecatedFirstTimestamp": None,
        "deprecatedLastTimestamp": None,
    }
    core = conversion.to_storage(resources.EVENTS_V1, new)
    assert core["source"] == {}
    assert core["firstTimestamp"] is None
    assert core["lastTimestamp"] is None
    assert core["reportingComponent"] == "example.com/test"
    assert core["series"] == series
    assert "count" not in core
    assert conversion.from_storage(resources.EVENTS_V1, core) == new


def test_where_things_are_stored():
    assert conversion.storage_resource(resources.EVENTS_V1) is resources.EVENTS
    assert conversion.storage_resource(resources.EVENTS) is resources.EVENTS
    hpas = [resources.resource("horizontalpodautoscalers", "autoscaling", v) for v in ("v1", "v2")]
    assert conversion.storage_resource(hpas[0]) is hpas[1]
    assert conversion.storage_resource(hpas[1]) is hpas[1]


def test_other_kinds_are_left_alone():
    pod = {"metadata": {"name": "a"}}
    assert conversion.to_storage(resources.PODS, pod) is pod
    assert conversion.from_storage(resources.PODS, pod) is pod
    assert conversion.from_storage(resources.EVENTS, CORE) is CORE
