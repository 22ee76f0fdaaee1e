"""What the tests in storms rely on: the check finds what is lost, doubled or out of order."""

import pytest

from tests.clients import raw
from tests.clients.storm import CHANGES, END, Storm, plan, seen


def test_the_plan_is_that_of_its_seed():
    changes = [change for changes in plan(1) for change in changes]
    assert len(changes) == CHANGES and plan(1) == plan(1) != plan(2)
    counts = [sum(change.type == type for change in changes) for type in ("ADDED", "DELETED")]
    assert all(count > 1000 for count in counts)


def test_what_is_wrong_is_found(cluster, namespace):
    place = f"{cluster.url}/api/v1/namespaces/{namespace}/configmaps"
    before = raw.call("GET", place)["metadata"]["resourceVersion"]
    storm = Storm(cluster.url, namespace, seed=2, changes=400, seconds=0)
    storm.start()
    storm.end()
    events = []
    for event in raw.watch(place, before):
        events.append(seen(event["type"], event["object"]))
        if events[-1].name == END:
            break
    storm.check(events)
    for type in ("ADDED", "MODIFIED", "DELETED"):
        at = next(n for n, event in enumerate(events) if event.type == type)
        lost = [*events[:at], *events[at + 1 :]]
        doubled = [*events[: at + 1], *events[at:]]
        swapped = [*events[:at], events[at + 1], events[at], *events[at + 2 :]]
        for wrong in (lost, doubled, swapped):
            with pytest.raises(AssertionError):
                storm.check(wrong)
