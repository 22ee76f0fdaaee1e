"""The parts of a Job's plan: indexes, policies, back-off, pods."""

import pytest

from miniplane.controllers.job import backoff, failurepolicy, indexes, successpolicy, template
from miniplane.controllers.job.backoff import Backoff
from miniplane.controllers.job.member import NO_INDEX, JobPod
from miniplane.testing import objects


def pod(name="p", *, phase="Failed", code=None, finished="2026-01-01T00:00:10Z", **annotations):
    made = objects.pod(name)
    made["metadata"].update(uid=name, annotations=annotations)
    state = {"terminated": {"exitCode": code or 0, "finishedAt": finished}}
    made["status"] = {"phase": phase, "containerStatuses": [{"name": "main", "state": state}]}
    made["status"]["conditions"] = [{"type": "DisruptionTarget", "status": "True"}]
    return JobPod.of(made)


@pytest.mark.parametrize(
    ("written", "completions", "read"),
    [
        ("", 5, ()),
        ("1,3-5,7", 10, ((1, 1), (3, 5), (7, 7))),
        ("0,1,2", 10, ((0, 2),)),
        ("1,3-9", 5, ((1, 1), (3, 4))),
        ("1,7", 5, ((1, 1),)),
        ("1,x,3", 5, ((1, 1), (3, 3))),
    ],
)
def test_indexes_are_read(written, completions, read):
    assert indexes.parse(written, completions) == read


@pytest.mark.parametrize("written", ["", "0", "0,1", "0-2", "0-2,4,5,7-9"])
def test_indexes_are_written_as_they_were_read(written):
    assert indexes.text(indexes.parse(written, 10)) == written


def test_sets_of_indexes():
    some = indexes.parse("1,3-5", 10)
    assert indexes.text(indexes.merge(some, indexes.singles([2, 7, 2]))) == "1-5,7"
    assert indexes.total(some) == 4
    assert [i for i in range(7) if indexes.has(some, i)] == [1, 3, 4, 5]
    assert list(indexes.missing(some, 8)) == [0, 2, 6, 7]
    assert indexes.common(some, indexes.parse("0-3,5-9", 10)) == 3


RULES = {
    "rules": [
        {"action": "Ignore", "onPodConditions": [{"type": "Evicted", "status": "True"}]},
        {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}},
        {
            "action": "FailIndex",
            "onExitCodes": {"operator": "NotIn", "values": [1, 42], "containerName": "main"},
        },
    ]
}


@pytest.mark.parametrize(
    ("code", "action", "counts"),
    [(42, "FailJob", True), (5, "FailIndex", True), (1, "", True), (0, "", True)],
)
def test_the_first_rule_that_matches_decides(code, action, counts):
    verdict = failurepolicy.judge(RULES, pod(code=code))
    assert (verdict.action, verdict.counts) == (action, counts)


def test_why_a_pod_makes_the_job_fail():
    assert failurepolicy.judge(RULES, pod(code=42)).message == (
        "Container main for pod default/p failed with exit code 42 matching FailJob rule at index 1"
    )
    patterns = [{"type": "DisruptionTarget", "status": "True"}]
    rules = {"rules": [{"action": "FailJob", "onPodConditions": patterns}]}
    assert failurepolicy.judge(rules, pod()).message == (
        "Pod default/p has condition DisruptionTarget matching FailJob rule at index 0"
    )
    ignored = {"rules": [{"action": "Ignore", "onPodConditions": patterns}]}
    assert not failurepolicy.judge(ignored, pod()).counts


@pytest.mark.parametrize(
    ("rule", "completed", "met"),
    [
        ({"succeededIndexes": "0,2-3"}, "0-3", True),
        ({"succeededIndexes": "0,2-3"}, "0,2", False),
        ({"succeededIndexes": "0,2-3", "succeededCount": 2}, "0,2", True),
        ({"succeededCount": 2}, "1,4", True),
        ({"succeededCount": 2}, "1", False),
    ],
)
def test_success_policies(rule, completed, met):
    found = successpolicy.match({"rules": [rule]}, 5, indexes.parse(completed, 5))
    assert found == ("Matched rules at index 0" if met else "")


def test_the_wait_doubles_with_every_failure():
    waits = [Backoff(failures, 100.0).remaining(100.0) for failures in range(9)]
    assert waits == [0, 10, 20, 40, 80, 160, 320, 600, 600]
    assert Backoff(2, 100.0).remaining(115.0) == 5.0
    assert Backoff(2, 100.0).remaining(130.0) == 0.0


def test_a_success_makes_earlier_failures_forgotten():
    early, late = (
        pod("a", finished="2026-01-01T00:00:01Z"),
        pod("b", finished="2026-01-01T00:00:09Z"),
    )
    done = pod("c", phase="Succeeded", finished="2026-01-01T00:00:05Z")
    before = Backoff(3, 7.0)
    assert before.after([], []) == before
    assert before.after([], [early]).failures == 4
    assert before.after([done], [early]) == Backoff()
    assert before.after([done], [early, late]) == Backoff(1, late.finished_at)
    carried = pod(**{"batch.kubernetes.io/job-index-failure-count": "2"})
    assert backoff.of_index(carried) == Backoff(3, carried.finished_at)


def test_pods_of_an_indexed_job():
    job = objects.job("work", completions=3, completionMode="Indexed")
    job["metadata"]["uid"] = "u"
    made = template.pod_for(job, {"uid": "u"}, index=2, replaced=None)
    assert made["metadata"]["generateName"] == "work-2-"
    assert made["metadata"]["finalizers"] == ["batch.kubernetes.io/job-tracking"]
    assert made["metadata"]["labels"] == {"batch.kubernetes.io/job-completion-index": "2"}
    assert made["spec"]["hostname"] == "work-2"
    [variable] = made["spec"]["containers"][0]["env"]
    path = "metadata.labels['batch.kubernetes.io/job-completion-index']"
    assert variable["valueFrom"]["fieldRef"]["fieldPath"] == path
    assert "env" not in job["spec"]["template"]["spec"]["containers"][0]
    plain = template.pod_for(objects.job("work"), {"uid": "u"}, index=NO_INDEX, replaced=None)
    assert plain["metadata"]["generateName"] == "work-"
    assert template.prefix("x" * 63, 12) == "x" * 54 + "-12-"


def test_a_successor_carries_on_the_failures_of_its_index():
    job = objects.job("work", completions=3, completionMode="Indexed", backoffLimitPerIndex=2)
    failed = pod(code=1, **{"batch.kubernetes.io/job-index-failure-count": "1"})
    made = template.pod_for(job, {"uid": "u"}, index=0, replaced=failed)
    assert made["metadata"]["annotations"]["batch.kubernetes.io/job-index-failure-count"] == "2"
