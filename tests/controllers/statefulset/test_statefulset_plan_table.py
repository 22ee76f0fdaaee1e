"""Scenario by scenario: what a plan does, in the notation of the plan's own docstring.

A pod is written as a letter for each ordinal, from the lowest on:

    -  absent                     P  pending
    R  running and ready          N  running, not ready
    T  terminating, still ready   F  failed            S  succeeded

Capitals are at the update revision, small letters at the current one.
"""

import dataclasses
from typing import Any

import pytest

from miniplane.api.models.statefulset import StatefulSet
from miniplane.controllers.statefulset.actions import CreatePod, DeletePod, Plan
from miniplane.controllers.statefulset.plan import Revision, plan
from miniplane.controllers.statefulset.replica import Replica

NOW = 1000.0
OLD = Revision("web-old", {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": ["old"]}})
NEW = Revision("web-new", {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": ["new"]}})


def make_set(replicas: int, **spec: Any) -> StatefulSet:
    status = spec.pop("status", {})
    deleted = spec.pop("deleted", False)
    metadata = {"name": "web", "namespace": "a", "uid": "set-uid", "generation": 1}
    if deleted:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}
    return StatefulSet.of(
        {
            "metadata": metadata,
            "spec": {
                "replicas": replicas,
                "serviceName": "web",
                "selector": {"matchLabels": {"app": "web"}},
                "template": NEW.template,
                "updateStrategy": rolling,
                **spec,
            },
            "status": status,
        }
    )


def make_pod(letter: str, ordinal: int, *, since: float = 0.0) -> Replica:
    kind = letter.upper()
    phases = {"P": "Pending", "R": "Running", "N": "Running", "T": "Running"}
    phase = {"F": "Failed", "S": "Succeeded", **phases}[kind]
    ready = kind in "RT"
    revision = NEW if letter == kind else OLD
    return Replica(
        namespace="a",
        name=f"web-{ordinal}",
        uid=f"uid-{ordinal}",
        created_at="2026-01-01T00:00:00Z",
        labels={
            "app": "web",
            "statefulset.kubernetes.io/pod-name": f"web-{ordinal}",
            "controller-revision-hash": revision.name,
        },
        phase=phase,
        ready=ready,
        ready_since=since if ready else None,
        terminating=kind == "T",
        bound=True,
        node="node-0",
        claims=(),
        controller={"uid": "set-uid"},
    )


def make_pods(letters: str, *, start: int = 0) -> list[Replica]:
    shown = letters.replace(" ", "")
    return [make_pod(c, start + i) for i, c in enumerate(shown) if c != "-"]


def run(set_: StatefulSet, letters: str, *, gate: bool = False, start: int = 0) -> Plan:
    return plan(
        set_,
        make_pods(letters, start=start),
        {},
        current=OLD,
        update=NEW,
        now=NOW,
        max_unavailable_gate=gate,
    )


def told(what: Plan) -> str:
    """As `+0n -2`: create web-0 at the new revision, delete web-2; `|` between batches."""

    def one(action: Any) -> str:
        ordinal = action.name.rpartition("-")[2]
        if isinstance(action, CreatePod):
            revision = action.pod["metadata"]["labels"]["controller-revision-hash"]
            return f"+{ordinal}{revision[4]}"
        if isinstance(action, DeletePod):
            return f"-{ordinal}"
        return f"{type(action).__name__} {ordinal}"

    batches = (" ".join(one(a) for step in batch for a in step) for batch in what.batches)
    return " | ".join(batches)


ORDERED = [
    (3, "- - -", "+0n", "web-0 to be Running and Ready"),
    (3, "P - -", "", "web-0 to be Running and Ready"),
    (3, "N - -", "", "web-0 to be Running and Ready"),
    (3, "R - -", "+1n", "web-1 to be Running and Ready"),
    (3, "R R -", "+2n", "web-2 to be Running and Ready"),
    (3, "R R R", "", ""),
    (3, "- R R", "+0n", "web-0 to be Running and Ready"),
    (3, "R - R", "+1n", "web-1 to be Running and Ready"),
    (3, "T - -", "", "web-0 to be gone"),
    (0, "", "", ""),
    # Failed and succeeded pods are made again.
    (2, "F -", "-0", "web-0 to be gone"),
    (2, "S R", "-0", "web-0 to be gone"),
    (2, "R F", "-1", "web-1 to be gone"),
    # Down: from the top, one at a time, each gone before the next.
    (1, "R R R", "-2", ""),
    (1, "R R T", "", "web-2 to be gone"),
    (1, "R T R", "-2", ""),
    (0, "R R", "-1", ""),
    (0, "R T", "", "web-1 to be gone"),
    # A pod that stays but is not ready blocks all scaling down.
    (1, "N R R", "", "web-0 to be Running and Ready"),
    (1, "- R R", "+0n", "web-0 to be Running and Ready"),
    # One that goes and is not ready: only if it is the lowest of those.
    (1, "R R N", "-2", ""),
    (1, "R N R", "-2", ""),
    (1, "R N N", "", "web-2 to be Running, Ready and Available before it goes"),
    (1, "R R F", "-2", ""),
]


@pytest.mark.parametrize(("replicas", "pods", "actions", "waiting"), ORDERED)
def test_ordered(replicas: int, pods: str, actions: str, waiting: str) -> None:
    what = run(make_set(replicas), pods)
    assert (told(what), what.waiting) == (actions, waiting)


UPDATES = [
    # set fields, pods, actions
    ({}, "r r r", "-2"),
    ({}, "r r T", ""),
    ({}, "r r -", "+2n"),
    ({}, "r r P", ""),
    ({}, "r r R", "-1"),
    ({}, "r R R", "-0"),
    ({}, "R R R", ""),
    ({"partition": 2}, "r r r", "-2"),
    ({"partition": 2}, "r r R", ""),
    ({"partition": 2}, "- r R", "+0o"),
    ({"partition": 2}, "r - R", "+1o"),
    ({"partition": 2}, "r r -", "+2n"),
    ({"partition": 3}, "r r r", ""),
    ({"partition": 9}, "r r -", "+2o"),
    # A canary that never gets ready blocks even its own removal by a further change.
    ({}, "r r n", ""),
    ({"strategy": "OnDelete"}, "r r r", ""),
    ({"strategy": "OnDelete"}, "r - r", "+1n"),
    # Scaling goes before updating.
    ({"replicas": 2}, "r r r", "-2"),
    ({"replicas": 4}, "r r r -", "+3n"),
]


@pytest.mark.parametrize(("fields", "pods", "actions"), UPDATES)
def test_rolling_update(fields: dict[str, Any], pods: str, actions: str) -> None:
    strategy: dict[str, Any] = {"type": fields.get("strategy", "RollingUpdate")}
    if strategy["type"] == "RollingUpdate":
        strategy["rollingUpdate"] = {"partition": fields.get("partition", 0)}
    what = run(make_set(fields.get("replicas", 3), updateStrategy=strategy), pods)
    assert told(what) == actions


PARALLEL = [
    (4, "- - - -", "+0n | +1n +2n | +3n"),
    (4, "N - P -", "+1n | +3n"),
    (2, "R R R R R", "-4 | -3 -2"),
    (1, "N R T", "-1"),
    (3, "F R S", "-0 | -2"),
    (3, "T - R", "+1n"),
    # Updates are one at a time all the same.
    (3, "r r r", "-2"),
    (3, "r r N", ""),
    (3, "n r R", "-1"),
    (3, "r n R", "-1"),
    (3, "r T R", ""),
    # Making, scaling and updating in one plan.
    (3, "- r r r", "+0n | -3 | -2"),
]


@pytest.mark.parametrize(("replicas", "pods", "actions"), PARALLEL)
def test_parallel(replicas: int, pods: str, actions: str) -> None:
    what = run(make_set(replicas, podManagementPolicy="Parallel"), pods)
    assert told(what) == actions


GATED = [
    # policy, maxUnavailable, partition, pods, actions
    ("OrderedReady", None, 0, "r r r r", "-3"),
    ("OrderedReady", 2, 0, "r r r r", "-3 | -2"),
    ("OrderedReady", "50%", 0, "r r r r r", "-4 | -3"),
    ("OrderedReady", "10%", 0, "r r r", "-2"),
    ("OrderedReady", 3, 2, "r r r r", "-3 | -2"),
    ("OrderedReady", 2, 0, "r r - -", "+2n"),
    ("Parallel", 2, 0, "r r r r", "-3 | -2"),
    ("Parallel", 2, 0, "r r R N", "-1"),
    ("Parallel", 2, 0, "r r N N", ""),
    ("Parallel", 2, 0, "r r r T", "-2"),
    # Old pods that are of no use go regardless of the limit.
    ("Parallel", 1, 0, "n n r N", "-1 | -0"),
    ("Parallel", 2, 0, "n r r r", "-0 | -3"),
]


@pytest.mark.parametrize(("policy", "limit", "partition", "pods", "actions"), GATED)
def test_max_unavailable(
    policy: str, limit: int | str | None, partition: int, pods: str, actions: str
) -> None:
    rolling = {"partition": partition, "maxUnavailable": limit}
    strategy = {"type": "RollingUpdate", "rollingUpdate": rolling}
    set_ = make_set(len(pods.split()), podManagementPolicy=policy, updateStrategy=strategy)
    assert told(run(set_, pods, gate=True)) == actions


def test_max_unavailable_is_nothing_without_its_gate() -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 0, "maxUnavailable": 3}}
    assert told(run(make_set(3, updateStrategy=strategy), "r r r")) == "-2"


def test_ordinals_start_elsewhere() -> None:
    set_ = make_set(2, ordinals={"start": 6})
    assert told(run(set_, "R R", start=5)) == "+7n"
    assert told(run(set_, "R R R", start=5)) == "-5"
    partitioned = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    set_ = make_set(2, ordinals={"start": 5}, updateStrategy=partitioned)
    assert told(run(set_, "r r", start=5)) == "-6"
    assert told(run(set_, "- R", start=5)) == "+5o"


def test_min_ready_seconds() -> None:
    set_ = make_set(2, minReadySeconds=10)
    fresh = [make_pod("R", 0, since=NOW - 4)]
    what = plan(set_, fresh, {}, current=NEW, update=NEW, now=NOW)
    assert what.actions == ()
    assert what.waiting == "web-0 to be Available"
    assert what.retry_after == 6.0
    assert (what.status.ready_replicas, what.status.available_replicas) == (1, 0)
    later = plan(set_, fresh, {}, current=NEW, update=NEW, now=NOW + 6)
    assert told(later) == "+1n"
    assert later.retry_after is None
    assert later.status.available_replicas == 1


def test_a_set_that_is_being_deleted_only_counts() -> None:
    what = run(make_set(3, deleted=True), "R - R R")
    assert what.actions == ()
    assert what.status.replicas == 3


def test_strangers_are_left_alone() -> None:
    odd = dataclasses.replace(make_pod("R", 0), name="web-00")
    what = plan(make_set(1), [odd], {}, current=NEW, update=NEW, now=NOW)
    assert told(what) == "+0n"


STATUSES = [
    # replicas, pods, (replicas, ready, available, current, updated), current revision
    (2, "- -", (0, 0, 0, 0, 0), "old"),
    (2, "r -", (1, 1, 1, 1, 0), "old"),
    # A pod that is deleted for an update is taken off the current ones at once.
    (2, "r r", (2, 2, 2, 1, 0), "old"),
    (2, "r N", (2, 1, 1, 1, 1), "old"),
    (2, "r R", (2, 2, 2, 0, 1), "old"),
    (2, "R N", (2, 1, 1, 0, 2), "old"),
    (2, "R R", (2, 2, 2, 2, 2), "new"),
    (2, "T R", (2, 2, 2, 0, 1), "old"),
    (1, "R R", (2, 2, 2, 0, 2), "old"),
    (0, "", (0, 0, 0, 0, 0), "new"),
    (2, "F -", (1, 0, 0, 0, 1), "old"),
]


@pytest.mark.parametrize(("replicas", "pods", "counts", "current"), STATUSES)
def test_status(
    replicas: int, pods: str, counts: tuple[int, int, int, int, int], current: str
) -> None:
    status = run(make_set(replicas), pods).status
    assert (
        status.replicas,
        status.ready_replicas,
        status.available_replicas,
        status.current_replicas,
        status.updated_replicas,
    ) == counts
    assert status.current_revision == f"web-{current}"
    assert status.update_revision == "web-new"


def test_status_of_on_delete_stays_with_the_current_revision() -> None:
    set_ = make_set(2, updateStrategy={"type": "OnDelete"})
    status = run(set_, "R R").status
    assert (status.current_revision, status.current_replicas) == ("web-old", 0)
    assert status.updated_replicas == 2


def test_a_failed_deletion_does_not_count() -> None:
    what = run(make_set(2), "r r")
    assert what.status.current_replicas == 1
    assert what.status_on_failure.current_replicas == 2
