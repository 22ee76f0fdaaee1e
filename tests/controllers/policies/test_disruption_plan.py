"""What a disruption budget's status says."""

import pytest

from miniplane.clock import parse_time
from miniplane.controllers.disruption import plan
from miniplane.controllers.disruption.members import Member, Members

AT = "2026-01-01T00:00:00Z"
NOW = parse_time(AT)


def pod(name, *, ready=True, **metadata):
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    status = {"phase": "Running", "conditions": conditions}
    return {"metadata": {"name": name, **metadata}, "status": status}


def gather(*members):
    found = Members({})
    for member in members:
        found.put(Member.of(member))
    found._check()
    return found


def budget(status=None, **spec):
    return {"metadata": {"name": "b", "generation": 1}, "spec": spec, "status": status or {}}


@pytest.mark.parametrize(
    ("spec", "count", "expected"),
    [
        ({"minAvailable": 2}, 3, (3, 2)),
        ({"minAvailable": "50%"}, 3, (3, 2)),
        ({"maxUnavailable": 1}, 3, (3, 2)),
        ({"maxUnavailable": "50%"}, 3, (3, 1)),
        ({"maxUnavailable": 5}, 3, (3, 0)),
        ({"maxUnavailable": "0%"}, 3, (3, 3)),
        ({}, 3, (0, 0)),
    ],
)
def test_how_many_must_be_healthy(spec, count, expected):
    assert plan.expected(budget(**spec), count) == expected


def test_a_share_is_one_of_the_owners_scale():
    assert plan.needs_scale(budget(maxUnavailable=1))
    assert plan.needs_scale(budget(minAvailable="50%"))
    assert not plan.needs_scale(budget(minAvailable=1))


def status_of(subject, *members, pending=()):
    return plan.status(
        subject,
        count=len(members),
        members=gather(*members),
        pending=dict.fromkeys(pending, AT),
        now=NOW,
    )


def test_what_can_be_spared():
    status = status_of(budget(minAvailable=1), pod("a"), pod("b"), pod("c", ready=False))
    assert status == {
        "currentHealthy": 2,
        "desiredHealthy": 1,
        "disruptionsAllowed": 1,
        "expectedPods": 3,
        "observedGeneration": 1,
        "conditions": [
            {
                "type": "DisruptionAllowed",
                "status": "True",
                "lastTransitionTime": AT,
                "reason": "SufficientPods",
                "message": "",
                "observedGeneration": 1,
            }
        ],
    }
    assert (
        status_of(budget(status, minAvailable=1), pod("a"), pod("b"), pod("c", ready=False)) is None
    )


def test_pods_on_their_way_out_are_not_healthy():
    leaving = pod("b", deletionTimestamp=AT)
    status = status_of(budget(minAvailable=1), pod("a"), leaving, pod("c"), pending=["c"])
    assert (status["currentHealthy"], status["disruptionsAllowed"]) == (1, 0)
    assert status["disruptedPods"] == {"c": AT}
    assert status["conditions"][0]["reason"] == "InsufficientPods"


def test_without_pods_nothing_may_be_disrupted():
    status = status_of(budget(minAvailable=0))
    assert (status["disruptionsAllowed"], status["expectedPods"]) == (0, 0)


def test_the_time_of_a_transition_stays_while_nothing_turns():
    first = status_of(budget(minAvailable=1), pod("a"), pod("b"))
    later = plan.status(
        budget(first, minAvailable=1),
        count=3,
        members=gather(pod("a"), pod("b"), pod("c")),
        pending={},
        now=NOW + 60,
    )
    assert later["conditions"][0]["lastTransitionTime"] == AT
    turned = plan.status(
        budget(first, minAvailable=1), count=1, members=gather(pod("a")), pending={}, now=NOW + 60
    )
    assert turned["conditions"][0]["lastTransitionTime"] == "2026-01-01T00:01:00Z"


def test_evictions_are_followed_for_two_minutes():
    granted = {"disruptedPods": {"a": AT, "b": AT, "gone": AT}}
    members = gather(pod("a"), pod("b", deletionTimestamp=AT), pod("c"))
    found = plan.disrupted(budget(granted), members, NOW + 30)
    assert (found.pending, found.failed, found.recheck) == ({"a": AT}, (), 90.0)
    found = plan.disrupted(budget(granted), members, NOW + 121)
    assert (found.pending, found.recheck) == ({}, None)
    assert found.failed == ("a",)


def test_a_budget_that_cannot_be_worked_out_allows_nothing():
    before = status_of(budget(minAvailable=1), pod("a"), pod("b"))
    status = plan.failure(budget(before), "no idea", NOW)
    assert status["disruptionsAllowed"] == 0
    assert status["currentHealthy"] == 2
    [condition] = status["conditions"]
    assert (condition["reason"], condition["message"]) == ("SyncFailed", "no idea")


@pytest.mark.parametrize(
    ("mark", "left"),
    [
        ({"status": "True"}, 60.0),
        ({"status": "False"}, None),
        ({"status": "True", "reason": "TerminationByKubelet"}, None),
    ],
)
def test_marks_go_stale(mark, left):
    marked = pod("a")
    marked["status"]["conditions"].append(
        {"type": "DisruptionTarget", "lastTransitionTime": AT, **mark}
    )
    assert plan.stale_after(marked, NOW + 60) == left
    assert plan.stale_after({**marked, "metadata": {"deletionTimestamp": AT}}, NOW) is None
