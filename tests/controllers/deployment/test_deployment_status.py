"""What a Deployment's status says, and when its conditions change."""

from typing import Any

import pytest

from miniplane.api.objects import Obj
from miniplane.clock import parse_time
from miniplane.controllers.deployment import conditions, status
from miniplane.controllers.deployment.conditions import Moment

START = "2026-01-01T00:00:00Z"
LATER = "2026-01-01T00:05:00Z"


def at(text: str, seconds: float = 0.0) -> Moment:
    return Moment(parse_time(text) + seconds, text)


def make_deployment(*found: Obj, before: Obj | None = None, **spec: Any) -> Obj:
    return {
        "metadata": {"name": "web", "generation": 2},
        "spec": {
            "replicas": 3,
            "progressDeadlineSeconds": 60,
            "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}},
            **spec,
        },
        "status": {**(before or {}), "conditions": list(found)},
    }


def make_set(name: str, size: int, *, failure: Obj | None = None, **counts: int) -> Obj:
    return {
        "metadata": {"name": name},
        "spec": {"replicas": size},
        "status": {**counts, "conditions": [failure] if failure else []},
    }


def progressing(reason: str, value: str = "True", *, since: str = START, updated: str = "") -> Obj:
    made = conditions.make("Progressing", value, reason, "", updated or since, since=since)
    return made


def told(found: list[Obj]) -> dict[str, tuple[str, str]]:
    return {c["type"]: (c["status"], c["reason"]) for c in found}


def test_counts_are_sums_and_zeros_are_left_out() -> None:
    old = make_set("old", 2, replicas=3, readyReplicas=2, availableReplicas=1)
    new = make_set("new", 2, replicas=1, readyReplicas=1, terminatingReplicas=1)
    assert status.counts(make_deployment(), [old, new], new) == {
        "observedGeneration": 2,
        "replicas": 4,
        "updatedReplicas": 1,
        "readyReplicas": 3,
        "availableReplicas": 1,
        "unavailableReplicas": 3,
        "terminatingReplicas": 1,
    }
    assert status.counts(make_deployment(), [], None) == {
        "observedGeneration": 2,
        "terminatingReplicas": 0,
    }


def test_the_collision_count_stays() -> None:
    deployment = make_deployment(before={"collisionCount": 0})
    assert status.counts(deployment, [], None)["collisionCount"] == 0


@pytest.mark.parametrize(
    ("available", "expected"),
    [(1, ("False", "MinimumReplicasUnavailable")), (2, ("True", "MinimumReplicasAvailable"))],
)
def test_available_allows_for_max_unavailable(available: int, expected: tuple[str, str]) -> None:
    new = make_set("new", 3, replicas=3, availableReplicas=available)
    made = status.compute(make_deployment(), [new], new, rollout=True, now=at(START))
    assert told(made["conditions"])["Available"] == expected


COMPLETE = {"replicas": 3, "readyReplicas": 3, "availableReplicas": 3}

PROGRESS: list[tuple[str, Obj | None, Obj, Obj, float, tuple[str, str] | None]] = [
    ("complete", progressing("ReplicaSetUpdated"), {}, COMPLETE, 0,
     ("True", "NewReplicaSetAvailable")),
    ("more new pods", progressing("NewReplicaSetCreated"), {}, {"replicas": 1}, 0,
     ("True", "ReplicaSetUpdated")),
    ("nothing new in time", progressing("ReplicaSetUpdated"), {"replicas": 1, "updatedReplicas": 1},
     {"replicas": 1}, 60, ("True", "ReplicaSetUpdated")),
    ("nothing new for too long", progressing("ReplicaSetUpdated"),
     {"replicas": 1, "updatedReplicas": 1}, {"replicas": 1}, 60.5,
     ("False", "ProgressDeadlineExceeded")),
    ("late stays late", progressing("ProgressDeadlineExceeded", "False"),
     {"replicas": 1, "updatedReplicas": 1}, {"replicas": 1}, 0,
     ("False", "ProgressDeadlineExceeded")),
    ("progress after all", progressing("ProgressDeadlineExceeded", "False"),
     {"replicas": 1, "updatedReplicas": 1}, {"replicas": 2}, 90, ("True", "ReplicaSetUpdated")),
    ("a pod was lost after the rollout", progressing("NewReplicaSetAvailable"),
     {**COMPLETE, "updatedReplicas": 3}, {"replicas": 3, "availableReplicas": 2}, 900,
     ("True", "NewReplicaSetAvailable")),
    ("nothing to go by", None, {"replicas": 1, "updatedReplicas": 1}, {"replicas": 1}, 900, None),
]  # fmt: skip


@pytest.mark.parametrize(("about", "present", "before", "after", "seconds", "expected"), PROGRESS)
def test_progress(
    about: str,
    present: Obj | None,
    before: Obj,
    after: dict[str, int],
    seconds: float,
    expected: tuple[str, str] | None,
) -> None:
    deployment = make_deployment(*filter(None, [present]), before=before)
    new = make_set("new", 3, **after)
    made = status.compute(deployment, [new], new, rollout=True, now=at(START, seconds))
    assert told(made["conditions"]).get("Progressing") == expected, about


def test_every_progress_renews_the_time_but_not_that_of_the_transition() -> None:
    deployment = make_deployment(progressing("ReplicaSetUpdated"), before={"updatedReplicas": 1})
    new = make_set("new", 3, replicas=2)
    made = status.compute(deployment, [new], new, rollout=True, now=at(LATER))
    found = conditions.find(made["conditions"], "Progressing")
    assert found is not None
    assert (found["lastUpdateTime"], found["lastTransitionTime"]) == (LATER, START)
    assert found["message"] == 'ReplicaSet "new" is progressing.'


def test_outside_a_rollout_progress_and_failures_are_left_alone() -> None:
    failure = conditions.make("ReplicaFailure", "True", "FailedCreate", "no", START)
    deployment = make_deployment(progressing("DeploymentPaused", "Unknown"), failure)
    new = make_set("new", 3, **COMPLETE)
    made = status.compute(deployment, [new], new, rollout=False, now=at(LATER))
    assert told(made["conditions"]) == {
        "Progressing": ("Unknown", "DeploymentPaused"),
        "ReplicaFailure": ("True", "FailedCreate"),
        "Available": ("True", "MinimumReplicasAvailable"),
    }


def test_without_a_deadline_there_is_no_progressing() -> None:
    deployment = make_deployment(
        progressing("ReplicaSetUpdated"), progressDeadlineSeconds=status.NO_DEADLINE
    )
    new = make_set("new", 3, replicas=1)
    made = status.compute(deployment, [new], new, rollout=True, now=at(START, 9e9))
    assert "Progressing" not in told(made["conditions"])
    assert status.seconds_left(deployment, made, at(START)) is None
    assert status.after_pausing({**deployment, "spec": {"paused": True}}, at(START)) is None


def test_a_failure_comes_from_the_new_replicaset_first_and_goes_with_it() -> None:
    def fail(message: str) -> Obj:
        return {
            "type": "ReplicaFailure",
            "status": "True",
            "reason": "FailedCreate",
            "message": message,
            "lastTransitionTime": LATER,
        }

    old = make_set("old", 1, failure=fail("old"))
    new = make_set("new", 1, failure=fail("new"))
    deployment = make_deployment()
    made = status.compute(deployment, [old, new], new, rollout=True, now=at(START))
    found = conditions.find(made["conditions"], "ReplicaFailure")
    assert found == {**fail("new"), "lastUpdateTime": LATER}
    deployment["status"] = made
    made = status.compute(deployment, [make_set("new", 1)], None, rollout=True, now=at(START))
    assert "ReplicaFailure" not in told(made["conditions"])


PAUSES: list[tuple[str, bool, str, tuple[str, str] | None]] = [
    ("paused", True, "ReplicaSetUpdated", ("Unknown", "DeploymentPaused")),
    ("still paused", True, "DeploymentPaused", None),
    ("resumed", False, "DeploymentPaused", ("Unknown", "DeploymentResumed")),
    ("going on", False, "DeploymentResumed", None),
    ("too late to pause", True, "ProgressDeadlineExceeded", None),
]


@pytest.mark.parametrize(("about", "paused", "reason", "expected"), PAUSES)
def test_pausing(about: str, paused: bool, reason: str, expected: tuple[str, str] | None) -> None:
    deployment = make_deployment(progressing(reason), paused=paused)
    found = status.after_pausing(deployment, at(LATER))
    assert (told(found)["Progressing"] if found is not None else None) == expected, about


def test_when_to_look_again() -> None:
    deployment = make_deployment()
    rolling = {"conditions": [progressing("ReplicaSetUpdated")]}
    assert status.seconds_left(deployment, rolling, at(START, 20)) == 41
    assert status.seconds_left(deployment, rolling, at(START, 100)) == 1
    for reason in ("NewReplicaSetAvailable", "ProgressDeadlineExceeded"):
        done = {"conditions": [progressing(reason)]}
        assert status.seconds_left(deployment, done, at(START)) is None
    assert status.seconds_left(deployment, {}, at(START)) is None


def test_a_condition_that_says_the_same_stays_as_it_is() -> None:
    first = conditions.make("Available", "True", "Fine", "it is", START)
    again = conditions.make("Available", "True", "Fine", "it is, still", LATER)
    assert conditions.put([first], again) == [first]
    other = conditions.make("Available", "True", "Better", "it is", LATER)
    assert conditions.put([first], other) == [{**other, "lastTransitionTime": START}]
    worse = conditions.make("Available", "False", "Bad", "it is not", LATER)
    assert conditions.put([first], worse) == [worse]
