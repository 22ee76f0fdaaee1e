"""What simulated pods and nodes are said to use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miniplane.api import quantity
from miniplane.api.resourcemetrics import usage

NOW = 1_767_225_600.0


def pod(uid="u", phase="Running", annotations=None, statuses=None, **resources):
    containers = [{"name": name, "resources": resources} for name in ("a", "b")]
    sidecar = {"name": "side", "restartPolicy": "Always"}
    return {
        "metadata": {"name": "p", "namespace": "n", "uid": uid, "annotations": annotations or {}},
        "spec": {"containers": containers, "initContainers": [{"name": "init"}, sidecar]},
        "status": {"phase": phase, "containerStatuses": statuses or []},
    }


def used(made, name):
    return {c["name"]: quantity.parse(c["usage"][name]) for c in made["containers"]}


@pytest.mark.parametrize("phase", ["Pending", "Succeeded", "Failed"])
def test_nothing_is_known_of_pods_that_do_not_run(phase):
    assert usage.of_pod(pod(phase=phase), NOW) is None


def test_each_running_container_is_told_of():
    waiting = [{"name": "b", "state": {"waiting": {}}}, {"name": "a", "state": {"running": {}}}]
    assert list(used(usage.of_pod(pod(), NOW), "cpu")) == ["a", "b", "side"]
    assert list(used(usage.of_pod(pod(statuses=waiting), NOW), "cpu")) == ["a", "side"]


@given(
    uid=st.text(max_size=8),
    now=st.floats(0, 1e9),
    milli=st.integers(1, 8000),
    mega=st.integers(1, 9000),
)
def test_usage_stays_between_nothing_and_the_limit(uid, now, milli, mega):
    amounts = {"cpu": f"{milli}m", "memory": f"{mega}Mi"}
    made = usage.of_pod(pod(uid, requests=amounts, limits=amounts), NOW + now)
    for name, limit in amounts.items():
        for container in ("a", "b"):
            amount = used(made, name)[container]
            assert quantity.ZERO < amount <= quantity.parse(limit)
    assert made == usage.of_pod(pod(uid, requests=amounts, limits=amounts), NOW + now)


def test_usage_drifts_with_the_time_but_not_between_two_measurements():
    first, same, later = (usage.of_pod(pod(), NOW + s)["containers"] for s in (0, 14.9, 15))
    assert first == same != later


def test_annotations_outweigh_what_is_made_up():
    notes = {
        "metrics.miniplane.dev/cpu": "301m",
        "metrics.miniplane.dev/cpu.b": "1500m",
        "metrics.miniplane.dev/memory": "nonsense",
    }
    plain = usage.of_pod(pod(), NOW)
    made = usage.of_pod(pod(annotations=notes), NOW)
    assert {k: str(v) for k, v in used(made, "cpu").items()} == {
        "a": "100333334n",
        "b": "1500m",
        "side": "100333333n",
    }
    assert used(made, "memory") == used(plain, "memory")


def test_a_node_uses_what_its_pods_use_and_some_more():
    node = {
        "metadata": {"name": "node-1", "uid": "x", "labels": {"zone": "z"}},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }
    empty, full = (usage.of_node(node, pods, NOW) for pods in ((), (pod(), pod("v"))))
    pods = [usage.of_pod(pod(uid), NOW) for uid in ("u", "v")]
    for name in ("cpu", "memory"):
        more = quantity.parse(full["usage"][name]) - quantity.parse(empty["usage"][name])
        total = sum(quantity.to_milli(str(a)) for p in pods for a in used(p, name).values())
        # Each container's memory is told in whole Ki.
        assert abs(quantity.to_milli(str(more)) - total) <= 6 * 1024 * 1000
    assert full["metadata"]["labels"] == {"zone": "z"}
    node["status"]["conditions"][0]["status"] = "Unknown"
    assert usage.of_node(node, (), NOW) is None
