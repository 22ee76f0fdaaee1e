"""Scenario by scenario: what a plan does.

A node is written as what kind it is, a colon, and its pods:

    N  suits          K  keeps what it has (a NoSchedule taint)          x  does not suit
    a  available      n  not ready    F  failed    S  succeeded    T  terminating
    X  terminating and finished       p  pending, not bound

A pod is of the present template unless an `o` stands before it.
"""

import dataclasses
from typing import Any

import pytest

from miniplane.api.models.daemonset import DaemonSet
from miniplane.controllers.daemonset.actions import CreatePod, DeletePod, Plan
from miniplane.controllers.daemonset.placement import NodeView, Placement
from miniplane.controllers.daemonset.plan import BURST, by_node, plan
from miniplane.controllers.daemonset.status import status_of
from miniplane.controllers.pods import PodView

NOW = 1000.0
TAINTS = {
    "N": (),
    "K": ({"key": "busy", "effect": "NoSchedule"},),
    "x": ({"key": "broken", "effect": "NoExecute"},),
}


def make_daemon(strategy: str = "RollingUpdate", **rolling: Any) -> DaemonSet:
    update: dict[str, Any] = {"type": strategy}
    min_ready = rolling.pop("min_ready", 0)
    if strategy == "RollingUpdate":
        update["rollingUpdate"] = {"maxUnavailable": 1, "maxSurge": 0, **rolling}
    return DaemonSet.of(
        {
            "metadata": {"name": "agent", "namespace": "a", "uid": "ds-uid", "generation": 1},
            "spec": {
                "minReadySeconds": min_ready,
                "selector": {"matchLabels": {"app": "agent"}},
                "template": {"metadata": {"labels": {"app": "agent"}}, "spec": {}},
                "updateStrategy": update,
            },
        }
    )


def make_pod(node: str, letters: str, number: int, *, since: float = 0.0) -> PodView:
    old = letters[0] == "o"
    kind = letters[-1]
    phases = {"a": "Running", "n": "Running", "T": "Running", "X": "Succeeded", "p": "Pending"}
    ready = kind in "aT"
    return PodView(
        namespace="a",
        name=f"{node}-{number}",
        uid=f"uid-{node}-{number}",
        created_at=f"2026-01-01T00:00:0{number}Z",
        labels={"controller-revision-hash": "old" if old else "new"},
        phase={"F": "Failed", "S": "Succeeded", **phases}[kind],
        ready=ready,
        ready_since=since if ready else None,
        terminating=kind in "TX",
        bound=kind != "p",
        node=node,
        claims=(),
        controller={"uid": "ds-uid"},
    )


def read(text: str) -> tuple[list[NodeView], list[PodView]]:
    """Nodes `a`, `b`, ... and their pods; what comes after `-:` has lost its node."""
    nodes: list[NodeView] = []
    found: list[PodView] = []
    for letter, part in zip("abcdefgh", text.split(), strict=False):
        kind, _, pods = part.partition(":")
        if kind != "-":
            nodes.append(NodeView(letter, {}, TAINTS[kind]))
        if pods:
            found += (make_pod(letter, p, n) for n, p in enumerate(pods.split(",")))
    return nodes, found


def run(daemon: DaemonSet, text: str, **more: Any) -> Plan:
    nodes, pods = read(text)
    return plan(
        daemon,
        nodes,
        pods,
        placement=Placement(daemon.spec.template),
        hash_="new",
        generation="",
        now=NOW,
        waits=more.pop("waits", {}),
        **more,
    )


def told(what: Plan) -> str:
    """As `+a -b0`: create on node a, delete the first pod of node b."""
    out = []
    for action in what.actions:
        if isinstance(action, CreatePod):
            out.append(f"+{action.node}")
        elif isinstance(action, DeletePod):
            out.append(f"-{action.name.replace('-', '')}")
    return " ".join(out)


MANAGE = [
    ("", ""),
    ("N N", "+a +b"),
    ("N:a N", "+b"),
    ("N:a N:n", ""),
    ("K x", ""),
    ("K:a x:a", "-b0"),
    ("x:a,T", "-a0"),
    # A terminating pod takes up its node until it has finished.
    ("N:T", ""),
    ("N:X", "+a"),
    # Finished pods are deleted; the next plan creates.
    ("N:F N:S", "-a0 -b0"),
    ("K:F", "-a0"),
    ("N:F,a", "-a0"),
    # The oldest stays, and a bound one before one that waits.
    ("N:a,a,n", "-a1 -a2"),
    ("N:p,a", "-a0"),
    # Of pods whose node is gone, those that no scheduler can place.
    ("N:a -:p", "-b0"),
    ("N:a -:a", ""),
]


@pytest.mark.parametrize(("nodes", "actions"), MANAGE)
def test_each_node_gets_its_pod(nodes: str, actions: str) -> None:
    assert told(run(make_daemon("OnDelete"), nodes)) == actions


ROLLING = [
    (1, "N:oa N:oa N:oa", "-a0"),
    (1, "N N:oa N:oa", "+a"),
    (1, "N:T N:oa N:oa", ""),
    (1, "N:n N:oa N:oa", ""),
    (1, "N:a N:oa N:oa", "-b0"),
    (1, "N:a N:on N:oa", "-b0"),
    (1, "N:n N:on N:oa", "-b0"),
    (1, "N:a N:a N:a", ""),
    (2, "N:oa N:oa N:oa", "-a0 -b0"),
    (2, "N:oa N:on N:oa", "-b0 -a0"),
    ("50%", "N:oa N:oa N:oa N:oa", "-a0 -b0"),
    ("50%", "N:oa N:oa N:oa", "-a0 -b0"),
    ("10%", "N:oa N:oa", "-a0"),
    # Only nodes that should run a pod count for a percentage; others are updated like them.
    ("50%", "N:oa N:oa K:oa K:oa", "-a0"),
    # The core loop comes first.
    (1, "N:oa N", "+b"),
    (1, "N:oa N:F", "-b0"),
    # Several of one sort are for the core loop, and count as unavailable.
    (1, "N:a,T N:oa", "-b0"),
    (0, "N:oa N:oa", "-a0"),
]


@pytest.mark.parametrize(("limit", "nodes", "actions"), ROLLING)
def test_rolling_update(limit: int | str, nodes: str, actions: str) -> None:
    assert told(run(make_daemon(maxUnavailable=limit), nodes)) == actions


SURGE = [
    (1, "N:oa N:oa", "+a"),
    (1, "N:oa,n N:oa", ""),
    (1, "N:oa,a N:oa", "-a0"),
    (1, "N:a N:oa", "+b"),
    (1, "N:T,a N:oa", "+b"),
    (2, "N:oa N:oa N:oa", "+a +b"),
    ("50%", "N:oa N:oa N:oa", "+a +b"),
    # A useless old pod does not count as surge, and goes once there is a second one.
    (1, "N:on N:oa", "+a +b"),
    (1, "N:on,n N:oa", "-a0"),
    (1, "N:oa,n N:on", "+b"),
    # More than a pair: the oldest of each sort stay.
    (1, "N:oa,oa,n,n", "-a1 -a3"),
    (1, "N:F", "+a -a0"),
    (1, "N:T", "+a"),
    # Where nothing should run any more: only when enough others are available.
    (1, "N:oa K:oa", "+a -b0"),
    (1, "N:on K:oa", "+a"),
    (1, "N:n K:oa", ""),
    (1, "N:a K:on", "-b0"),
]


@pytest.mark.parametrize(("limit", "nodes", "actions"), SURGE)
def test_surge(limit: int | str, nodes: str, actions: str) -> None:
    assert told(run(make_daemon(maxSurge=limit, maxUnavailable=0), nodes)) == actions


def test_on_delete_leaves_old_pods_alone() -> None:
    assert told(run(make_daemon("OnDelete"), "N:oa N:oa N")) == "+c"


def test_a_pod_can_be_known_by_its_generation() -> None:
    daemon = make_daemon()
    nodes, [pod] = read("N:oa")
    pod = dataclasses.replace(pod, labels={**pod.labels, "pod-template-generation": "4"})

    def at(generation: str) -> str:
        placement = Placement(daemon.spec.template)
        what = plan(
            daemon,
            nodes,
            [pod],
            placement=placement,
            hash_="new",
            generation=generation,
            now=NOW,
            waits={},
        )
        return told(what)

    assert (at("4"), at("5"), at("")) == ("", "-a0", "-a0")


def test_failed_pods_are_told_of_and_wait() -> None:
    what = run(make_daemon(), "N:F N:S")
    assert [(t.type, t.reason, t.message) for t in what.tell] == [
        (
            "Warning",
            "FailedDaemonPod",
            "Found failed daemon pod a/a-0 on node a, will try to kill it",
        ),
        (
            "Normal",
            "SucceededDaemonPod",
            "Found succeeded daemon pod a/b-0 on node b, will try to delete it",
        ),
    ]
    assert what.failed_on == ("a",)
    held = run(make_daemon(), "N:F N:S", waits={"a": 0.5, "b": 0.5})
    assert told(held) == "-b0"
    assert held.retry_after == 0.5


def test_no_more_than_a_burst_at_once() -> None:
    daemon = make_daemon()
    nodes = [NodeView(f"node-{n}", {}, ()) for n in range(BURST + 50)]
    what = plan(
        daemon,
        nodes,
        [],
        placement=Placement({}),
        hash_="new",
        generation="",
        now=NOW,
        waits={},
    )
    assert len(what.create) == BURST


def test_min_ready_seconds() -> None:
    daemon = make_daemon(min_ready=10)
    nodes, _ = read("N N")
    pods = [make_pod("a", "a", 0, since=NOW - 4), make_pod("b", "oa", 0, since=NOW - 40)]

    def at(now: float) -> Plan:
        return plan(
            daemon,
            nodes,
            pods,
            placement=Placement({}),
            hash_="new",
            generation="",
            now=now,
            waits={},
        )

    assert (told(at(NOW)), at(NOW).retry_after) == ("", 6.0)
    assert (told(at(NOW + 6)), at(NOW + 6).retry_after) == ("-b0", None)


STATUSES = [
    # nodes, (desired, current, misscheduled, ready, updated, available, unavailable)
    ("N N", (2, 0, 0, 0, 0, 0, 2)),
    ("N:a N:n", (2, 2, 0, 1, 2, 1, 1)),
    ("N:oa N:p", (2, 2, 0, 1, 1, 1, 1)),
    ("N:oa,a N:a", (2, 2, 0, 2, 1, 2, 0)),
    ("K:a x:a", (0, 0, 2, 0, 0, 0, 0)),
    ("N:T N:X", (2, 1, 0, 1, 1, 1, 1)),
]


@pytest.mark.parametrize(("nodes", "counts"), STATUSES)
def test_status(nodes: str, counts: tuple[int, ...]) -> None:
    daemon = make_daemon()
    views, pods = read(nodes)
    status = status_of(
        daemon,
        views,
        by_node(pods),
        placement=Placement({}),
        hash_="new",
        generation="",
        collisions=0,
        now=NOW,
    )
    assert (
        status.desired_number_scheduled,
        status.current_number_scheduled,
        status.number_misscheduled,
        status.number_ready,
        status.updated_number_scheduled,
        status.number_available,
        status.number_unavailable,
    ) == counts
    assert status.collision_count is None
