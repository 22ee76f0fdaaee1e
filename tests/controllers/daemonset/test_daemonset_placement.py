"""Which nodes suit, and what the pods for them look like."""

from typing import Any

import pytest

from miniplane.api.objects import Obj
from miniplane.controllers.daemonset import podspec
from miniplane.controllers.daemonset.backoff import Backoff
from miniplane.controllers.daemonset.placement import NodeView, Placement, tolerations

DAEMON_KEYS = ("not-ready", "unreachable", "disk-pressure", "memory-pressure", "pid-pressure")
KEYS = [f"node.kubernetes.io/{key}" for key in (*DAEMON_KEYS, "unschedulable")]


def node(name: str = "a", *, taints: Any = (), **labels: str) -> NodeView:
    found = [{"key": key, "effect": effect} for key, effect in taints]
    return NodeView.of({"metadata": {"name": name, "labels": labels}, "spec": {"taints": found}})


def verdict(spec: Obj, view: NodeView) -> tuple[bool, bool]:
    found = Placement({"spec": spec}).of(view)
    return found.should_run, found.should_continue


def required(*terms: Obj) -> Obj:
    terms_ = {"nodeSelectorTerms": list(terms)}
    return {
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms_}}
    }


SSD = {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}
BIG = {"matchExpressions": [{"key": "size", "operator": "Gt", "values": ["4"]}]}
NAMED = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a"]}]}
ANY = {"tolerations": [{"operator": "Exists"}]}
CASES = [
    ({}, node(), (True, True)),
    ({"nodeSelector": {"disk": "ssd"}}, node(), (False, False)),
    ({"nodeSelector": {"disk": "ssd"}}, node(disk="ssd"), (True, True)),
    (required(SSD), node(disk="hdd"), (False, False)),
    (required(SSD, BIG), node(disk="hdd", size="8"), (True, True)),
    (required({**SSD, **NAMED}), node("b", disk="ssd"), (False, False)),
    (required(NAMED), node("a"), (True, True)),
    ({"nodeName": "a"}, node("a"), (True, True)),
    ({"nodeName": "a"}, node("b"), (False, False)),
    ({}, node(taints=[("x", "NoSchedule")]), (False, True)),
    ({}, node(taints=[("x", "NoExecute")]), (False, False)),
    ({}, node(taints=[("x", "NoSchedule"), ("y", "NoExecute")]), (False, False)),
    ({}, node(taints=[("x", "PreferNoSchedule")]), (True, True)),
    (ANY, node(taints=[("x", "NoSchedule"), ("y", "NoExecute")]), (True, True)),
    # What daemon pods put up with, and what they do not.
    ({}, node(taints=[("node.kubernetes.io/unschedulable", "NoSchedule")]), (True, True)),
    ({}, node(taints=[("node.kubernetes.io/unreachable", "NoExecute")]), (True, True)),
    ({}, node(taints=[("node.kubernetes.io/not-ready", "NoSchedule")]), (False, True)),
    ({}, node(taints=[("node.kubernetes.io/network-unavailable", "NoSchedule")]), (False, True)),
    (
        {"hostNetwork": True},
        node(taints=[("node.kubernetes.io/network-unavailable", "NoSchedule")]),
        (True, True),
    ),
]


@pytest.mark.parametrize(("spec", "view", "expected"), CASES)
def test_verdicts(spec: Obj, view: NodeView, expected: tuple[bool, bool]) -> None:
    assert verdict(spec, view) == expected


def test_a_verdict_lasts_until_the_node_changes() -> None:
    placement = Placement({"spec": {"nodeSelector": {"disk": "ssd"}}})
    fast, plain = node(disk="ssd"), node()
    for view, suits in ((fast, True), (fast, True), (plain, False), (fast, True)):
        assert placement.of(view).should_run is suits
    placement.forget("a")
    assert not placement.of(plain).should_run


def test_tolerations_of_daemon_pods() -> None:
    own = {"key": "mine", "operator": "Exists"}
    found = tolerations({"tolerations": [own]})
    assert [t["key"] for t in found] == ["mine", *KEYS]
    assert found[1] == {
        "key": "node.kubernetes.io/not-ready",
        "operator": "Exists",
        "effect": "NoExecute",
    }
    host = tolerations({"hostNetwork": True})
    assert host[-1]["key"] == "node.kubernetes.io/network-unavailable"


def test_an_own_toleration_loses_its_seconds() -> None:
    key = "node.kubernetes.io/unreachable"
    own = {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60}
    found = tolerations({"tolerations": [own]})
    assert found[0] == {"key": key, "operator": "Exists", "effect": "NoExecute"}
    assert len(found) == len(KEYS)
    valued = {"key": key, "operator": "Equal", "value": "x", "effect": "NoExecute"}
    assert tolerations({"tolerations": [valued]})[0] == valued


def test_a_pod_is_pinned_to_its_node() -> None:
    preferred = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 5}]}
    own = required(SSD)["affinity"]
    own["nodeAffinity"] = {**own["nodeAffinity"], **preferred}
    own["podAntiAffinity"] = {"x": 1}
    template = {
        "metadata": {"labels": {"app": "agent"}, "annotations": {"note": "kept"}},
        "spec": {"affinity": own, "nodeSelector": {"pool": "a"}, "containers": []},
    }
    maker = podspec.PodMaker("agent", template, owner_ref={"uid": "u"}, hash_="abc", generation="2")
    pod = maker.pod_for("node-7")
    term = {"key": "metadata.name", "operator": "In", "values": ["node-7"]}
    assert pod["spec"]["affinity"] == {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchFields": [term]}]
            },
            **preferred,
        },
        "podAntiAffinity": {"x": 1},
    }
    assert pod["spec"]["nodeSelector"] == {"pool": "a"}
    assert pod["metadata"] == {
        "generateName": "agent-",
        "labels": {
            "app": "agent",
            "controller-revision-hash": "abc",
            "pod-template-generation": "2",
        },
        "annotations": {"note": "kept"},
        "ownerReferences": [{"uid": "u"}],
    }
    assert "tolerations" not in template["spec"]


def test_generation_is_read_from_the_annotation() -> None:
    key = podspec.GENERATION_ANNOTATION
    assert podspec.generation_of({key: "12"}) == "12"
    assert podspec.generation_of({key: "012"}) == "12"
    assert podspec.generation_of({key: "many"}) == podspec.generation_of({}) == ""


def test_backoff_doubles_up_to_a_quarter_of_an_hour() -> None:
    backoff = Backoff()
    now, delays = 0.0, []
    for _ in range(12):
        backoff.failed("k", "a", now=now)
        delays.append(backoff.waits("k", now=now)["a"])
        now += delays[-1]
    assert delays == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]
    assert backoff.waits("k", now=now) == {}
    assert backoff.waits("other", now=0.0) == {}
    backoff.sweep(now=now + 2000)
    backoff.failed("k", "a", now=now + 2000)
    assert backoff.waits("k", now=now + 2000) == {"a": 1.0}
