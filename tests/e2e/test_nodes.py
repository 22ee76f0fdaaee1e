"""Nodes that are cordoned, tainted and drained."""

import json

import pytest

pytestmark = pytest.mark.kubectl(which=slice(0, 2))


def node_of(kubectl, pod):
    return kubectl.value(".spec.nodeName", "pod", pod)


def test_a_cordoned_node_gets_no_more_pods(alone):
    assert alone("cordon", "node-1", "node-2") == "node/node-1 cordoned\nnode/node-2 cordoned\n"
    assert alone("cordon", "node-1") == "node/node-1 already cordoned\n"
    states = [row[1] for row in alone.rows("get", "nodes")]
    assert states == ["Ready,SchedulingDisabled"] * 2 + ["Ready"]
    taint = alone.json("get", "node", "node-1")["spec"]["taints"][0]
    assert (taint["key"], taint["effect"]) == ("node.kubernetes.io/unschedulable", "NoSchedule")
    alone("create", "deployment", "web", "--image=nginx", "--replicas=3")
    alone("rollout", "status", "deployment/web")
    assert set(alone.value(".items[*].spec.nodeName", "pods").split()) == {"node-3"}
    alone("cordon", "node-3")
    alone("scale", "deployment/web", "--replicas=4")
    unschedulable = "--for=jsonpath={.status.unavailableReplicas}=1"
    alone("wait", unschedulable, "deployment/web")
    [waiting] = alone.names("pods", "--field-selector=status.phase=Pending")
    alone("wait", "--for=condition=PodScheduled=false", f"pod/{waiting}")
    message = alone.value(".status.conditions[?(@.type=='PodScheduled')].message", "pod", waiting)
    assert message.startswith("0/3 nodes are available: 3 node(s) were unschedulable.")
    assert alone("uncordon", "node-2") == "node/node-2 uncordoned\n"
    alone("rollout", "status", "deployment/web")
    assert node_of(alone, waiting) == "node-2"
    assert alone("uncordon", "node-2") == "node/node-2 already uncordoned\n"


def test_a_drain_evicts_what_it_may(alone):
    alone("run", "single", "--image=busybox")
    alone("wait", "--for=condition=Ready", "pod/single")
    node = node_of(alone, "single")
    refused = alone.refused("drain", node)
    assert "cannot delete Pods that declare no controller (use --force to override)" in refused
    said = alone("drain", node, "--force")
    assert said.endswith(f"pod/single evicted\nnode/{node} drained\n")
    assert alone.names("pods") == []
    assert alone("uncordon", node) == f"node/{node} uncordoned\n"


def test_a_node_selector_waits_for_its_label(alone):
    wish = '--overrides={"spec":{"nodeSelector":{"disk":"ssd"}}}'
    alone("run", "picky", "--image=busybox", wish)
    alone("wait", "--for=condition=PodScheduled=false", "pod/picky")
    events = alone("events", "--for=pod/picky")
    assert "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector." in events
    alone("label", "node", "node-2", "disk=ssd")
    alone("wait", "--for=condition=Ready", "pod/picky")
    assert node_of(alone, "picky") == "node-2"


def test_taints_are_added_and_taken_away(alone):
    assert alone("taint", "node", "node-1", "a=b:NoSchedule") == "node/node-1 tainted\n"
    refused = alone.refused("taint", "node", "node-1", "a=c:NoSchedule")
    assert "already has" in refused
    assert refused.endswith("and --overwrite is false")
    assert alone("taint", "node", "node-1", "a=c:NoSchedule", "--overwrite") == (
        "node/node-1 modified\n"
    )
    assert alone.json("get", "node", "node-1")["spec"]["taints"] == [
        {"key": "a", "value": "c", "effect": "NoSchedule"}
    ]
    assert alone("taint", "node", "node-1", "a:NoSchedule-") == "node/node-1 untainted\n"
    assert alone.value(".spec.taints", "node", "node-1") == ""


def test_a_choice_is_explained(alone):
    alone("label", "node", "node-2", "disk=ssd")
    alone("cordon", "node-3")
    wish = {"key": "disk", "operator": "In", "values": ["ssd"]}
    term = {"weight": 100, "preference": {"matchExpressions": [wish]}}
    affinity = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [term]}}
    overrides = json.dumps({"spec": {"affinity": affinity}})
    note = "--annotations=sim.miniplane.dev/explain=true"
    alone("run", "web", "--image=nginx", note, f"--overrides={overrides}")
    alone("wait", "--for=condition=Ready", "pod/web")
    assert node_of(alone, "web") == "node-2"
    [told] = [line for line in alone("events", "--for=pod/web").splitlines() if "Explained" in line]
    assert "node-2, which has the most points. node-2: " in told
    assert "NodeAffinity 2*100" in told
    assert "node-1: " in told
    assert told.endswith(". 1 of 3 nodes refused: 1 node(s) were unschedulable.")
    alone("run", "silent", "--image=nginx")
    alone("wait", "--for=condition=Ready", "pod/silent")
    assert "Explained" not in alone("events", "--for=pod/silent")


def test_a_node_that_is_deleted_is_gone(alone):
    """Its pods stay until somebody collects them; a node of that name can be made anew."""
    alone("run", "web", "--image=nginx", '--overrides={"spec":{"nodeName":"node-2"}}')
    alone("wait", "--for=condition=Ready", "pod/web")
    assert alone("delete", "node", "node-2").startswith('node "node-2" deleted')
    assert alone.names("nodes") == ["node-1", "node-3"]
    refused = alone.refused("delete", "node", "node-2")
    assert refused.endswith('Error from server (NotFound): nodes "node-2" not found')
    assert alone.rows("get", "pods", "-o", "wide")[0][6] == "node-2"
    assert alone.cluster.miniplane("node", "add", "node-2") == "node/node-2 added\n"
    alone("wait", "--for=condition=Ready", "node/node-2")
    alone("delete", "pod", "web", "--timeout=10s")
    assert alone.names("pods") == []
