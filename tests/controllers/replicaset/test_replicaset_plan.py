"""Counting pods, and which of them can be spared."""

import random
from typing import Any

import pytest

from miniplane.api.objects import Obj
from miniplane.controllers.replicaset import plan as plans
from miniplane.controllers.replicaset.member import DELETION_COST, Member

NOW = 1_767_225_600.0 + 1_000.0
"""1000 seconds into 2026."""
REF = {"kind": "ReplicaSet", "name": "web", "uid": "set-uid", "controller": True}


def at(seconds: int) -> str:
    return f"2026-01-01T00:{seconds // 60:02}:{seconds % 60:02}Z"


def make_pod(
    name: str,
    *,
    node: str = "node-0",
    phase: str = "Running",
    ready: bool = True,
    since: int = 0,
    created: int = 0,
    cost: str = "",
    restarts: int = 0,
    sidecar_restarts: int = 0,
    labels: dict[str, str] | None = None,
    deleted: bool = False,
) -> Member:
    metadata: Obj = {
        "namespace": "a",
        "name": name,
        "uid": f"uid-{name}",
        "creationTimestamp": at(created),
        "labels": {"app": "web", "tier": "front"} if labels is None else labels,
        "ownerReferences": [REF],
    }
    if cost:
        metadata["annotations"] = {DELETION_COST: cost}
    if deleted:
        metadata["deletionTimestamp"] = at(0)
    spec: Obj = {"containers": [{"name": "main"}]}
    if node:
        spec["nodeName"] = node
    status: Obj = {"phase": phase, "containerStatuses": [{"name": "main"}]}
    status["containerStatuses"][0]["restartCount"] = restarts
    if sidecar_restarts:
        spec["initContainers"] = [{"name": "side", "restartPolicy": "Always"}, {"name": "first"}]
        status["initContainerStatuses"] = [
            {"name": "side", "restartCount": sidecar_restarts},
            {"name": "first", "restartCount": 99},
        ]
    if ready:
        status["conditions"] = [
            {"type": "Ready", "status": "True", "lastTransitionTime": at(since)}
        ]
    return Member.of({"metadata": metadata, "spec": spec, "status": status})


def order(*pods: Member, related: list[Member] | None = None) -> list[str]:
    found = plans.deletion_order(pods, pods if related is None else related, NOW)
    return [pod.name for pod in found]


RANKS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("unassigned", {"node": "", "phase": "Pending", "ready": False, "cost": "9"},
     {"phase": "Pending", "ready": False}),
    ("pending", {"phase": "Pending", "ready": False, "cost": "9"}, {"ready": False}),
    ("unknown", {"phase": "Unknown", "cost": "9"}, {"phase": "Running"}),
    ("unready", {"ready": False, "cost": "9"}, {"cost": "-9"}),
    ("cheap", {"cost": "-10", "since": 0}, {"since": 900}),
    ("ready for a short time", {"since": 900}, {"since": 0, "restarts": 5}),
    ("restarted", {"restarts": 2}, {"created": 900}),
    ("sidecars restarted", {"sidecar_restarts": 2}, {"created": 900}),
    ("young", {"ready": False, "created": 900}, {"ready": False, "created": 0}),
]  # fmt: skip


@pytest.mark.parametrize(("about", "spared", "kept"), RANKS, ids=lambda v: str(v)[:30])
def test_what_can_be_spared(about: str, spared: dict[str, Any], kept: dict[str, Any]) -> None:
    first, second = make_pod("z", **spared), make_pod("a", **kept)
    assert order(first, second) == order(second, first) == ["z", "a"], about


def test_doubled_up_pods_go_before_those_that_are_alone() -> None:
    pods = [make_pod("a", node="n1"), make_pod("b", node="n2"), make_pod("c", node="n2")]
    assert order(*pods)[-1] == "a"
    others = [*pods, make_pod("x", node="n1"), make_pod("y", node="n1")]
    assert order(*pods, related=others)[0] == "a"
    gone = [*pods, make_pod("x", node="n1", deleted=True), make_pod("y", node="n1", phase="Failed")]
    assert order(*pods, related=gone)[-1] == "a"


def test_a_set_without_siblings_ranks_no_nodes() -> None:
    pods = [make_pod("a", node="n1", since=900), make_pod("b", node="n2"), make_pod("c", node="n2")]
    assert order(*pods, related=[])[0] == "a"


def test_ages_are_compared_by_powers_of_two() -> None:
    """512 s and 700 s are alike: then chance decides, which is the uid."""
    pods = [make_pod("a", since=1000 - 560), make_pod("b", since=1000 - 700)]
    assert order(*pods) == ["a", "b"]
    pods = [make_pod("b", since=1000 - 560), make_pod("a", since=1000 - 700)]
    assert order(*pods) == ["a", "b"]
    pods = [make_pod("b", since=1000 - 500), make_pod("a", since=1000 - 700)]
    assert order(*pods) == ["b", "a"]


@pytest.mark.parametrize(
    ("text", "cost"),
    [("", 0), ("7", 7), ("-10", -10), ("0", 0), ("+1", 0), ("01", 0), ("x", 0), ("3000000000", 0)],
)
def test_deletion_cost(text: str, cost: int) -> None:
    assert make_pod("a", cost=text).cost == cost


@pytest.mark.parametrize("seed", range(20))
def test_the_order_does_not_depend_on_how_pods_are_listed(seed: int) -> None:
    rng = random.Random(seed)
    pods = [
        make_pod(
            f"p{number}",
            node=rng.choice(["", "n1", "n2"]),
            phase=rng.choice(["Pending", "Running"]),
            ready=rng.random() < 0.5,
            since=rng.randrange(1000),
            created=rng.randrange(1000),
            cost=rng.choice(["", "5", "-5"]),
            restarts=rng.randrange(3),
        )
        for number in range(20)
    ]
    expected = order(*pods)
    rng.shuffle(pods)
    assert order(*pods) == expected


PLANS: list[tuple[int, int, int, int]] = [
    (3, 0, 3, 0),
    (3, 3, 0, 0),
    (0, 3, 0, 3),
    (2, 3, 0, 1),
    (2000, 0, plans.BURST, 0),
    (0, 600, 0, plans.BURST),
]


@pytest.mark.parametrize(("replicas", "present", "create", "delete"), PLANS)
def test_plan(replicas: int, present: int, create: int, delete: int) -> None:
    pods = [make_pod(f"p{number}") for number in range(present)]
    what = plans.plan(replicas, pods, now=NOW)
    assert (what.create, len(what.delete)) == (create, delete)


def make_set(kind: str = "ReplicaSet", **spec: Any) -> Obj:
    return {
        "kind": kind,
        "metadata": {"name": "web", "generation": 2},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web", "tier": "front"}}},
            **spec,
        },
    }


def survey(owner: Obj, *pods: Member) -> plans.Survey:
    return plans.survey(owner, pods, matches=lambda labels: labels.get("app") == "web", now=NOW)


def test_survey_and_status() -> None:
    pods = [
        make_pod("ready", since=0),
        make_pod("just-ready", since=995),
        make_pod("unready", ready=False),
        make_pod("bare", labels={"app": "web"}, ready=False),
        make_pod("failed", phase="Failed"),
        make_pod("succeeded", phase="Succeeded"),
        make_pod("going", deleted=True),
        make_pod("gone", deleted=True, phase="Failed"),
        make_pod("stranger", labels={"app": "other"}),
        make_pod("strange-and-going", labels={"app": "other"}, deleted=True),
    ]
    found = survey(make_set(minReadySeconds=10), *pods)
    assert [pod.name for pod in found.active] == ["ready", "just-ready", "unready", "bare"]
    assert [pod.name for pod in found.strangers] == ["stranger"]
    assert found.next_available == 5.0
    counts = {
        "replicas": 4,
        "fullyLabeledReplicas": 3,
        "readyReplicas": 2,
        "availableReplicas": 1,
        "observedGeneration": 2,
    }
    owner = make_set(minReadySeconds=10)
    assert plans.status(owner, found, failure=None) == {**counts, "terminatingReplicas": 1}
    controller = make_set("ReplicationController")
    assert plans.status(controller, found, failure=None) == counts
    empty = survey(make_set())
    assert plans.status(make_set(), empty, failure=None) == {
        "replicas": 0,
        "terminatingReplicas": 0,
        "observedGeneration": 2,
    }


def test_an_expression_may_exclude_what_has_the_labels_of_the_template() -> None:
    selector = {"matchExpressions": [{"key": "canary", "operator": "DoesNotExist"}]}
    owner = make_set(selector=selector)
    pod = make_pod("a", labels={"app": "web", "tier": "front", "canary": "yes"})
    found = plans.survey(owner, [pod], matches=lambda labels: "canary" not in labels, now=NOW)
    assert (found.active, found.strangers) == ([], [pod])


def test_a_failure_is_kept_and_goes_when_all_is_well() -> None:
    owner = make_set()
    first = plans.failure_condition(owner, "FailedCreate", "no", at(1))
    owner["status"] = plans.status(owner, survey(owner), failure=first)
    assert owner["status"]["conditions"] == [first]
    again = plans.failure_condition(owner, "FailedCreate", "still no", at(2))
    assert again == first
    assert "conditions" not in plans.status(owner, survey(owner), failure=None)
