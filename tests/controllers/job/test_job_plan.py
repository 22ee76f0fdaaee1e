"""The plan of a Job, and what its status says, input and output."""

import pytest

from miniplane.controllers.job import plan as plans
from miniplane.controllers.job import status
from miniplane.controllers.job.backoff import Backoff
from miniplane.controllers.job.member import FINALIZER, INDEX, NO_INDEX, JobPod
from miniplane.testing import objects

NOW = 1_767_225_700.0
STARTED = "2026-01-01T00:00:00Z"


def job(*, state=None, **spec):
    spec = {"parallelism": 1, "completions": 1, "backoffLimit": 6, **spec}
    made = objects.job("work", **spec)
    made["metadata"].update(uid="u", namespace="default")
    made["status"] = {"startTime": STARTED, **(state or {})}
    return made


def pod(name, phase="Running", *, index=None, tracked=True, going=False, restarts=0):
    made = objects.pod(name)
    made["metadata"].update(uid=name, creationTimestamp=STARTED)
    if tracked:
        made["metadata"]["finalizers"] = [FINALIZER]
    if index is not None:
        made["metadata"]["annotations"] = {INDEX: str(index)}
    if going:
        made["metadata"]["deletionTimestamp"] = STARTED
    statuses = [{"name": "main", "state": {}, "restartCount": restarts}]
    made["status"] = {"phase": phase, "containerStatuses": statuses}
    return JobPod.of(made)


def plan(a_job, *pods, backoff=Backoff(), caught_up=True, now=NOW):  # noqa: B008 - frozen
    return plans.plan(a_job, pods, leaving={}, backoff=backoff, caught_up=caught_up, now=now)


def names(pods):
    return [pod.name for pod in pods]


INDEXED = {"completionMode": "Indexed", "completions": 4, "parallelism": 4}


@pytest.mark.parametrize(
    ("spec", "pods", "create", "delete"),
    [
        ({}, [], 1, []),
        ({"parallelism": 3, "completions": 2}, [], 2, []),
        ({"parallelism": 3, "completions": 5}, [pod("a")], 2, []),
        ({"parallelism": 0}, [pod("a")], 0, ["a"]),
        ({"parallelism": 1, "completions": 3}, [pod("a"), pod("b", "Pending")], 0, ["b"]),
        ({"parallelism": 2, "completions": 3}, [pod("a", "Succeeded"), pod("b")], 1, []),
        ({"parallelism": 2, "completions": None}, [pod("a", "Succeeded"), pod("b")], 0, []),
        ({"parallelism": 2, "completions": None}, [pod("b")], 1, []),
        ({"suspend": True}, [pod("a"), pod("b", "Succeeded")], 0, ["a"]),
        ({"parallelism": 2, "completions": 9}, [pod("a", going=True)], 2, []),
        ({"podReplacementPolicy": "Failed"}, [pod("a", going=True)], 0, []),
    ],
)
def test_how_many_pods_there_should_be(spec, pods, create, delete):
    found = plan(job(**spec), *pods)
    assert (len(found.create), names(found.delete)) == (create, delete)


def test_nothing_is_made_before_the_informer_has_caught_up():
    found = plan(job(), caught_up=False)
    assert found.create == () and not found.managed


def test_pods_that_fail_are_replaced_after_a_while():
    found = plan(job(), backoff=Backoff(1, NOW - 3))
    assert found.create == () and found.after == 7.0
    assert plan(job(), backoff=Backoff(1, NOW - 10)).create == (NO_INDEX,)


@pytest.mark.parametrize(
    ("state", "pods", "create", "delete"),
    [
        ({}, [], (0, 1, 2, 3), []),
        ({"completedIndexes": "1,2"}, [pod("a", index=0)], (3,), []),
        ({}, [pod("a", "Succeeded", index=2), pod("b", index=0)], (1, 3), []),
        ({}, [pod("a", index=1), pod("b", "Pending", index=1)], (), ["b"]),
        ({}, [pod("a", index=9), pod("b")], (), ["b", "a"]),
    ],
)
def test_each_index_has_one_pod(state, pods, create, delete):
    found = plan(job(state=state, **INDEXED), *pods)
    assert (found.create, names(found.delete)) == (create, delete)


@pytest.mark.parametrize(
    ("spec", "state", "pods", "reason"),
    [
        ({"backoffLimit": 1}, {"failed": 2}, [], "BackoffLimitExceeded"),
        ({"backoffLimit": 0}, {}, [pod("a", "Failed")], "BackoffLimitExceeded"),
        ({"activeDeadlineSeconds": 100}, {}, [pod("a")], "DeadlineExceeded"),
        ({"activeDeadlineSeconds": 101}, {}, [pod("a")], None),
        (
            {**INDEXED, "backoffLimitPerIndex": 0, "maxFailedIndexes": 0},
            {},
            [pod("a", "Failed", index=0)],
            "MaxFailedIndexesExceeded",
        ),
        (
            {**INDEXED, "backoffLimitPerIndex": 0},
            {"completedIndexes": "1-3"},
            [pod("a", "Failed", index=0)],
            "FailedIndexes",
        ),
        (
            {**INDEXED, "successPolicy": {"rules": [{"succeededIndexes": "0"}]}},
            {},
            [pod("a", "Succeeded", index=0), pod("b", index=1)],
            "SuccessPolicy",
        ),
    ],
)
def test_how_jobs_end(spec, state, pods, reason):
    found = plan(job(state=state, **spec), *pods)
    assert (found.finish and found.finish["reason"]) == reason
    if reason:
        assert names(found.delete) == names(found.active)


def test_restarts_in_the_pod_count_towards_the_limit():
    restarting = job(backoffLimit=3)
    restarting["spec"]["template"]["spec"]["restartPolicy"] = "OnFailure"
    assert plan(restarting, pod("a", restarts=2)).finish is None
    found = plan(restarting, pod("a", restarts=3)).finish
    assert found is not None and found["reason"] == "BackoffLimitExceeded"


def count(a_job, *pods, outcome=None, removed=None, **more):
    """The statuses of the first and of the second write, and whether the Job has ended."""
    sync = plan(a_job, *pods, **more)
    outcome = outcome or plans.Outcome(created=len(sync.create), deleted=len(sync.delete))
    tracked = status.track(sync, outcome, NOW)
    gone = [pod.uid for pod in tracked.remove] if removed is None else removed
    second, ended = status.settle(tracked, tracked.status, gone, NOW)
    return tracked, second, ended


def kinds(found):
    return [c["type"] for c in found.get("conditions", ())]


def test_a_pod_is_counted_in_two_writes():
    tracked, second, ended = count(job(completions=2), pod("a", "Succeeded"))
    assert tracked.status["uncountedTerminatedPods"] == {"succeeded": ["a"]}
    assert "succeeded" not in tracked.status
    assert second["succeeded"] == 1 and second["uncountedTerminatedPods"] == {}
    assert second["active"] == 1 and not ended


def test_a_finalizer_that_stays_keeps_its_pod_uncounted():
    _, second, ended = count(job(), pod("a", "Succeeded"), removed=[])
    assert second["uncountedTerminatedPods"] == {"succeeded": ["a"]} and not ended


def test_the_last_success_completes_the_job():
    tracked, second, ended = count(job(), pod("a", "Succeeded"))
    assert kinds(tracked.status) == ["SuccessCriteriaMet"]
    assert ended and kinds(second) == ["SuccessCriteriaMet", "Complete"]
    assert second["completionTime"] == "2026-01-01T00:01:40Z"
    assert second["conditions"][1]["reason"] == "CompletionsReached"


def test_a_job_that_fails_waits_for_its_pods_to_go():
    tracked, second, ended = count(job(backoffLimit=0), pod("a", "Failed"), pod("b"))
    assert kinds(tracked.status) == ["FailureTarget"]
    assert second["failed"] == 2 and second["terminating"] == 1 and not ended
    later = job(backoffLimit=0, state=second)
    _, last, ended = count(later)
    assert ended and kinds(last) == ["FailureTarget", "Failed"]


def test_a_job_does_not_end_while_a_pod_of_its_has_not_been_seen():
    found = job(state={"completedIndexes": "0", "succeeded": 1}, **{**INDEXED, "completions": 1})
    for caught_up in (False, True):
        sync = plan(found, caught_up=caught_up)
        tracked = status.track(sync, plans.Outcome(), NOW)
        assert (tracked.finish is not None) == caught_up


def test_a_job_does_not_end_while_a_pod_could_not_be_deleted():
    tracked, second, ended = count(
        job(backoffLimit=0), pod("a", "Failed"), pod("b"), outcome=plans.Outcome()
    )
    assert kinds(tracked.status) == [] and not ended and second["active"] == 1


def test_suspending_and_resuming():
    tracked, _, _ = count(job(suspend=True), pod("a"))
    assert kinds(tracked.status) == ["Suspended"]
    assert "startTime" not in tracked.status and "active" not in tracked.status
    assert [event[1] for event in tracked.events] == ["Suspended"]
    resumed = job(state={"conditions": tracked.status["conditions"]})
    tracked, _, _ = count(resumed)
    assert tracked.status["conditions"][0]["reason"] == "JobResumed"
    assert tracked.status["startTime"] == "2026-01-01T00:01:40Z"
    assert [event[1] for event in tracked.events] == ["Resumed"]


def test_indexes_that_succeed():
    pods = [pod("a", "Succeeded", index=3), pod("b", "Succeeded", index=0)]
    _, second, _ = count(job(state={"completedIndexes": "1"}, **INDEXED), *pods)
    assert (second["completedIndexes"], second["succeeded"]) == ("0,1,3", 3)


def test_a_failed_pod_stays_until_its_successor_has_its_count():
    per_index = job(**INDEXED, backoffLimitPerIndex=2)
    failed = pod("a", "Failed", index=0)
    tracked, second, _ = count(per_index, failed, backoff=Backoff())
    assert tracked.remove == () and second["failedIndexes"] == ""
    tracked, second, _ = count(per_index, failed, pod("b", index=0))
    assert names(tracked.remove) == ["a"] and second["failed"] == 1


@pytest.mark.parametrize(
    ("state", "phases", "completed", "failed"),
    [
        ({}, ("Succeeded", "Failed"), "1", ""),
        ({"failedIndexes": "1"}, ("Succeeded", "Failed"), "", "1"),
        ({"completedIndexes": "1"}, ("Failed",), "1", ""),
    ],
)
def test_an_index_with_two_pods_has_one_end(state, phases, completed, failed):
    found = job(state=state, backoffLimitPerIndex=0, **INDEXED)
    sync = plan(found, *(pod(phase, phase, index=1) for phase in phases))
    tracked = status.track(sync, plans.Outcome(), NOW)
    assert tracked.status.get("completedIndexes", "") == completed
    assert tracked.status["failedIndexes"] == failed
    assert sync.finish is None
    assert len(tracked.remove) == len(phases)


def test_large_jobs_are_counted_in_portions():
    pods = [pod(f"p{n}", "Succeeded") for n in range(600)]
    tracked, second, ended = count(job(completions=600, parallelism=600), *pods)
    assert len(tracked.remove) == 500 and second["succeeded"] == 500 and not ended


def test_a_pod_of_a_job_that_goes_loses_its_finalizer():
    going = job()
    going["metadata"]["deletionTimestamp"] = STARTED
    tracked, _, _ = count(going, pod("a"))
    assert names(tracked.remove) == ["a"]
