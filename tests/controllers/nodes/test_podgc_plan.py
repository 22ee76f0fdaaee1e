"""Which pods the collector removes, by its plan alone and in a cluster."""

import pytest

from miniplane import testing
from miniplane.api.resources import PODS
from miniplane.controllers.podgc import plan
from miniplane.testing import objects

NOW = "2026-01-01T00:00:00Z"


def pod(name="p", *, phase="Running", node="node-1", leaving=False, reason="", created=NOW):
    made = objects.pod(name)
    made["metadata"] |= {"creationTimestamp": created, "generation": 2}
    if leaving:
        made["metadata"]["deletionTimestamp"] = NOW
    if node:
        made["spec"]["nodeName"] = node
    made["status"] = {"phase": phase, **({"reason": reason} if reason else {})}
    return made


def node(*, tainted, ready="False"):
    made = objects.node("node-1")
    if tainted:
        made["spec"]["taints"] = [{"key": plan.OUT_OF_SERVICE, "effect": "NoExecute"}]
    made["status"] = {"conditions": [{"type": "Ready", "status": ready}]}
    return made


@pytest.mark.parametrize(
    ("made", "goes"),
    [
        (pod(node="", leaving=True, phase="Pending"), True),
        (pod(node="", phase="Pending"), False),
        (pod(leaving=True), False),
        (pod(node="", leaving=True, phase="Succeeded"), False),
    ],
)
def test_who_has_no_node_and_is_being_deleted_goes(made, goes):
    found = plan.of_pod(made)
    assert found == (plan.Remove(made, {"phase": "Failed"}) if goes else None)


@pytest.mark.parametrize(
    ("tainted", "ready", "goes"),
    [
        (True, "False", True),
        (True, "Unknown", True),
        (True, "True", False),
        (False, "False", False),
    ],
)
def test_a_node_that_is_dead_for_good_lets_go_of_who_is_deleted(tainted, ready, goes):
    there = [pod("a", leaving=True), pod("b")]
    found = plan.of_node(node(tainted=tainted, ready=ready), there)
    assert [each.pod["metadata"]["name"] for each in found] == (["a"] if goes else [])


def test_pods_of_an_absent_node_say_why_they_went():
    runs, ended = plan.of_absent_node([pod("a"), pod("b", phase="Succeeded")], NOW)
    assert runs.status is not None
    assert runs.status["phase"] == "Failed"
    [condition] = runs.status["conditions"]
    assert condition["reason"] == "DeletionByPodGC"
    assert condition["observedGeneration"] == 2
    assert ended.status is None


def test_the_evicted_go_first_then_the_oldest(monkeypatch):
    monkeypatch.setattr(plan, "TERMINATED_THRESHOLD", 2)
    ended = [
        pod("new", phase="Failed", created="2026-01-01T00:00:03Z"),
        pod("old", phase="Succeeded", created="2026-01-01T00:00:01Z"),
        pod("evicted", phase="Failed", reason="Evicted", created="2026-01-01T00:00:04Z"),
        pod("between", phase="Failed", created="2026-01-01T00:00:02Z"),
    ]
    found = plan.of_ended(ended)
    assert [each.pod["metadata"]["name"] for each in found] == ["evicted", "old"]
    assert plan.of_ended(ended[:2]) == []


async def test_no_more_ended_pods_stay_than_may(monkeypatch):
    monkeypatch.setattr(plan, "TERMINATED_THRESHOLD", 3)
    async with testing.cluster(nodes=1) as c:
        for number in range(5):
            made = objects.pod(f"p{number}", restartPolicy="Never")
            made["metadata"]["annotations"] = {"sim.miniplane.dev/run-for": "1s"}
            await c.client.create(PODS, made)
            await c.advance(2)
        await c.advance(60)
        assert [p["metadata"]["name"] for p in await c.pods()] == ["p2", "p3", "p4"]
