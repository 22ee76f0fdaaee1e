"""What follows from the state of a node: the pure parts."""

import pytest

from miniplane.controllers.nodeipam.ranges import Ranges
from miniplane.controllers.nodelifecycle import plan
from miniplane.controllers.tainteviction import plan as eviction
from miniplane.testing import objects

NOW = "2026-01-01T00:00:10Z"


def node(taints=(), unschedulable=False, **conditions):
    spec = {"taints": list(taints)}
    if unschedulable:
        spec["unschedulable"] = True
    found = [{"type": kind, "status": status} for kind, status in conditions.items()]
    return {"metadata": {"name": "a"}, "spec": spec, "status": {"conditions": found}}


def taint(key, effect="NoSchedule"):
    if "/" not in key:
        key = f"node.kubernetes.io/{key}"
    return {"key": key, "effect": effect}


OWN = taint("example.com/only")


def taints(found, *, evict=False):
    """As `key:effect` without the prefix; None for no change."""
    wanted = plan.taints(found, now=NOW, evict=evict)
    if wanted is None:
        return None
    return [f"{t['key'].removeprefix('node.kubernetes.io/')}:{t['effect']}" for t in wanted]


@pytest.mark.parametrize(
    "found, expected",
    [
        (node(Ready="True"), None),
        (node([OWN, taint("not-ready")], Ready="True"), ["example.com/only:NoSchedule"]),
        (node([taint("not-ready")], Ready="False"), None),
        (node([taint("not-ready")]), []),
        (node([taint("not-ready")], Ready="Unknown"), ["unreachable:NoSchedule"]),
        (
            node([OWN], unschedulable=True),
            ["example.com/only:NoSchedule", "unschedulable:NoSchedule"],
        ),
        (node([taint("unschedulable")], unschedulable=True), None),
        (node([taint("unschedulable")]), []),
        (
            node(MemoryPressure="True", DiskPressure="True", PIDPressure="True"),
            ["memory-pressure:NoSchedule", "disk-pressure:NoSchedule", "pid-pressure:NoSchedule"],
        ),
        (node(NetworkUnavailable="True"), ["network-unavailable:NoSchedule"]),
        (node(NetworkUnavailable="False"), None),
        # Back again: what evicted is taken away at once.
        (node([taint("unreachable", "NoExecute")], Ready="True"), []),
        # Failing in another way: what evicts follows.
        (
            node([taint("not-ready"), taint("not-ready", "NoExecute")], Ready="Unknown"),
            ["unreachable:NoSchedule", "unreachable:NoExecute"],
        ),
    ],
)
def test_taints_follow_conditions(found, expected):
    assert taints(found) == expected


def test_eviction_waits_for_the_monitor():
    down = node([taint("not-ready")], Ready="False")
    assert taints(down) is None
    assert taints(down, evict=True) == ["not-ready:NoSchedule", "not-ready:NoExecute"]
    assert taints(node(Ready="True"), evict=True) is None
    evicting = [OWN, taint("not-ready", "NoExecute")]
    assert plan.without_evicting(node(evicting)) == [OWN]
    assert plan.without_evicting(node([OWN])) is None


def test_new_taints_say_when():
    found = plan.taints(node(Ready="False"), now=NOW, evict=False)
    assert found == [{**taint("not-ready"), "timeAdded": NOW}]


def test_a_silent_node_is_unknown():
    found = node(Ready="True", NetworkUnavailable="False")
    found["metadata"]["creationTimestamp"] = "then"
    unknown = plan.unknown(found, now=NOW)
    assert [(c["type"], c["status"], c.get("reason", "")) for c in unknown] == [
        ("Ready", "Unknown", "NodeStatusUnknown"),
        ("NetworkUnavailable", "False", ""),
        ("MemoryPressure", "Unknown", "NodeStatusNeverUpdated"),
        ("DiskPressure", "Unknown", "NodeStatusNeverUpdated"),
        ("PIDPressure", "Unknown", "NodeStatusNeverUpdated"),
    ]
    assert unknown[0]["message"] == "Kubelet stopped posting node status."
    found["status"]["conditions"] = unknown
    assert plan.unknown(found, now=NOW) is None


def test_how_long_a_node_may_be_silent():
    health = plan.Health("uid", 100.0)
    assert not health.silent(160.0)
    assert health.silent(160.5)
    health.look(node(Ready="True"), 100.0)
    assert health.silent(150.5)
    beating = node(Ready="True")
    beating["status"]["conditions"][0]["lastHeartbeatTime"] = NOW
    health.look(beating, 150.0)
    health.look(beating, 180.0)
    assert health.seen == 150.0


def test_old_label_names_repeat_the_new_ones():
    found = {"metadata": {"labels": {"kubernetes.io/os": "linux", "beta.kubernetes.io/os": "x"}}}
    assert plan.missing_labels(found) == {"beta.kubernetes.io/os": "linux"}
    assert plan.missing_labels({"metadata": {}}) == {}


def test_ranges_are_given_out_in_turn():
    ranges = Ranges("10.244.0.0/22")
    ranges.claim("10.244.1.0/24")
    ranges.claim("192.168.0.0/24")
    assert [ranges.take(), ranges.take()] == ["10.244.0.0/24", "10.244.2.0/24"]
    ranges.release("10.244.0.0/24")
    assert [ranges.take(), ranges.take(), ranges.take()] == ["10.244.3.0/24", "10.244.0.0/24", None]


@pytest.mark.parametrize(
    "cidr, count, expected",
    [
        ("10.244.0.0/16", 256, "10.244.0.0/24"),
        ("10.244.0.0/16", 257, "10.244.0.0/25"),
        ("10.244.0.0/28", 3, "10.244.0.0/30"),
        ("10.244.0.0/31", 3, "10.244.0.0/31"),
        ("fd00:10:244::/56", 3, "fd00:10:244::/64"),
    ],
)
def test_ranges_shrink_where_there_must_be_many(cidr, count, expected):
    assert Ranges(cidr, count).take() == expected


REPAIR = {"key": "repair", "effect": "NoExecute"}
FIRE = {"key": "fire", "effect": "NoExecute"}


@pytest.mark.parametrize(
    "tolerations, taints, expected",
    [
        ([], [], None),
        ([], [REPAIR], 0.0),
        ([{"key": "repair", "operator": "Exists"}], [REPAIR], None),
        ([{"key": "repair", "operator": "Exists"}], [REPAIR, FIRE], 0.0),
        ([{"operator": "Exists", "tolerationSeconds": 30}], [REPAIR, FIRE], 30.0),
        (
            [
                {"key": "repair", "operator": "Exists", "tolerationSeconds": 30},
                {"key": "fire", "operator": "Exists", "tolerationSeconds": 5},
            ],
            [REPAIR, FIRE],
            5.0,
        ),
        ([{"operator": "Exists", "tolerationSeconds": -1}], [REPAIR], 0.0),
    ],
)
def test_patience(tolerations, taints, expected):
    assert eviction.patience(objects.pod("p", tolerations=tolerations), taints) == expected


def zone_of(name, *, ready, away):
    return [plan.Health("", 0.0, ready="True", zone=name) for _ in range(ready)] + [
        plan.Health("", 0.0, ready="Unknown", zone=name) for _ in range(away)
    ]


@pytest.mark.parametrize(
    "nodes, expected",
    [
        (zone_of("a", ready=3, away=1), {"a": 10.0}),
        (zone_of("a", ready=0, away=3), {"a": None}),
        (zone_of("a", ready=0, away=3) + zone_of("b", ready=1, away=0), {"b": 10.0, "a": 10.0}),
        (zone_of("a", ready=1, away=2), {"a": 10.0}),
        (zone_of("a", ready=2, away=3), {"a": None}),
        (zone_of("a", ready=20, away=31), {"a": 100.0}),
        ([plan.Health("", 0.0, ready="Unknown", counts=False)], {}),
    ],
)
def test_how_fast_nodes_are_emptied(nodes, expected):
    assert plan.spacings(nodes) == expected
