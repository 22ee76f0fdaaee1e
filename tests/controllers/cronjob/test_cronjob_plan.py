"""The plan of a CronJob, input and output."""

import pytest

from miniplane.api import cron
from miniplane.clock import format_time, parse_time
from miniplane.controllers.cronjob import plan as plans

NOW = parse_time("2026-01-01T12:00:30Z")


def cron_job(*, last="2026-01-01T11:00:00Z", active=(), **spec):
    status = {"lastScheduleTime": last}
    if active:
        status["active"] = list(active)
    return {
        "metadata": {
            "name": "tick",
            "namespace": "default",
            "uid": "u",
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {
            "schedule": "0 * * * *",
            "concurrencyPolicy": "Allow",
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 1,
            "jobTemplate": {"metadata": {"labels": {"a": "b"}}, "spec": {"backoffLimit": 3}},
            **spec,
        },
        "status": status,
    }


def job(name, ending="", *, started="2026-01-01T11:00:00Z"):
    meta = {"name": name, "namespace": "default", "uid": name, "resourceVersion": "1"}
    conditions = [{"type": ending, "status": "True"}] if ending else []
    status = {"startTime": started, "conditions": conditions}
    if ending == "Complete":
        status["completionTime"] = started
    return {"metadata": meta, "status": status}


def plan(what, *jobs, lost=(), now=NOW):
    return plans.plan(what, jobs, lost=lost, owner_ref={"uid": "u"}, now=now)


def reasons(found):
    return [reason for _, reason, _ in found.events]


def test_a_job_for_the_time_that_has_come():
    found = plan(cron_job())
    assert found.start is not None
    made = found.start.job
    assert made["metadata"]["name"] == f"tick-{int(parse_time('2026-01-01T12:00:00Z')) // 60}"
    assert made["metadata"]["labels"] == {"a": "b"}
    assert made["metadata"]["annotations"][plans.SCHEDULED] == "2026-01-01T12:00:00Z"
    assert made["spec"] == {"backoffLimit": 3}
    assert found.after == pytest.approx(3570.1)


def test_the_annotation_tells_the_time_of_the_zone():
    found = plan(cron_job(timeZone="Europe/Berlin"))
    assert found.start is not None
    annotations = found.start.job["metadata"]["annotations"]
    assert annotations[plans.SCHEDULED] == "2026-01-01T13:00:00+01:00"


def test_of_many_missed_times_the_last_counts():
    found = plan(cron_job(last="2025-01-01T00:00:00Z"))
    assert found.start is not None and format_time(found.start.at) == "2026-01-01T12:00:00Z"
    assert reasons(found) == ["TooManyMissedTimes"]


REF = {"name": "old", "namespace": "default", "uid": "old"}


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        (cron_job(last="2026-01-01T12:00:00Z"), None),
        (cron_job(suspend=True), None),
        (cron_job(concurrencyPolicy="Forbid", active=[REF]), "JobAlreadyActive"),
        (cron_job(startingDeadlineSeconds=10), None),
        (cron_job(timeZone="Nowhere/Here"), "UnknownTimeZone"),
        (cron_job(schedule="0 0 31 2 *"), "InvalidSchedule"),
        (cron_job(schedule="nonsense"), "UnparseableSchedule"),
    ],
)
def test_when_nothing_is_started(what, reason):
    found = plan(what, job("old"))
    assert found.start is None
    assert reason is None or reasons(found)[-1] == reason


def test_what_runs_is_replaced():
    found = plan(cron_job(concurrencyPolicy="Replace", active=[REF]), job("old"))
    assert found.start is not None and found.start.replace == (REF,)


def test_jobs_that_end_leave_the_list_and_are_remembered():
    what = cron_job(last="2026-01-01T12:00:00Z", active=[REF])
    found = plan(what, job("old", "Complete"))
    assert "active" not in found.status and reasons(found) == ["SawCompletedJob"]
    assert found.events[0][2] == "Saw completed job: old, condition: Complete"
    found = plan(cron_job(last="2026-01-01T12:00:00Z"), job("old", "Complete"))
    assert found.status["lastSuccessfulTime"] == "2026-01-01T11:00:00Z"


def test_jobs_that_are_gone_or_unknown():
    what = cron_job(last="2026-01-01T12:00:00Z", active=[REF])
    found = plan(what, job("other"), lost=["old"])
    assert "active" not in found.status
    assert reasons(found) == ["UnexpectedJob", "MissingJob"]


def test_the_history_is_kept_short():
    jobs = [
        job("a", "Complete", started="2026-01-01T03:00:00Z"),
        job("b", "Complete", started="2026-01-01T02:00:00Z"),
        job("c", "Failed"),
        job("d"),
    ]
    assert [j["metadata"]["name"] for j in plans.surplus(cron_job(), jobs)] == ["b"]


def test_a_new_time_is_waited_for():
    what = cron_job(schedule="0 3 * * *", last="2026-01-01T03:00:00Z")
    schedule, zone = plans.read(what)
    assert schedule == cron.parse("0 3 * * *")
    assert plans.until_next(what, schedule, zone, NOW) == pytest.approx(15 * 3600 - 30 + 0.1)
