"""Sections 5 to 8 of "Kubernetes StatefulSets and DaemonSets Explained", a test for each claim."""

import pytest

pytestmark = pytest.mark.kubectl(which=slice(0, 2))

THREE = ["node-1", "node-2", "node-3"]


@pytest.fixture
def fluentd(alone):
    """A kubectl of a cluster in which the article's DaemonSet runs."""
    assert alone("apply", "--filename=fluentd.yaml") == "daemonset.apps/fluentd created\n"
    alone("rollout", "status", "daemonset/fluentd")
    return alone


def counts(kubectl):
    """DESIRED, CURRENT, READY, UP-TO-DATE and AVAILABLE of the DaemonSet."""
    return kubectl.rows("get", "daemonsets", "fluentd")[0][1:6]


def nodes_of(kubectl):
    """The nodes with a fluentd pod that nobody has deleted."""
    pods = kubectl.json("get", "pods", "--selector=app=fluentd")["items"]
    alive = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    return sorted(pod["spec"]["nodeName"] for pod in alive)


def test_each_node_gets_exactly_one_pod(fluentd):
    assert fluentd("get", "daemonsets").splitlines()[0].split()[:7] == [
        *("NAME", "DESIRED", "CURRENT", "READY", "UP-TO-DATE", "AVAILABLE", "NODE")
    ]
    assert counts(fluentd) == ["3"] * 5
    rows = fluentd.rows("get", "pods", "--output=wide")
    assert [row[1:4] for row in rows] == [["1/1", "Running", "0"]] * 3
    assert sorted(row[6] for row in rows) == THREE
    assert len({row[5] for row in rows}) == 3
    assert all(row[0].startswith("fluentd-") for row in rows)
    said = fluentd("rollout", "status", "daemonset/fluentd")
    assert said == 'daemon set "fluentd" successfully rolled out\n'


def test_the_pods_use_the_logs_of_their_node(fluentd):
    assert fluentd.value(".items[*].spec.volumes[0].hostPath.path", "pods") == " ".join(
        ["/var/log"] * 3
    )
    text = fluentd("describe", "daemonset", "fluentd")
    assert "    Type:          HostPath (bare host directory volume)\n" in text
    assert "    Path:          /var/log\n" in text
    assert fluentd.run("get", "pvc").stderr == "No resources found in default namespace.\n"


def test_a_new_node_gets_its_pod_by_itself(fluentd):
    assert fluentd.cluster.miniplane("node", "add", "new-node") == "node/new-node added\n"
    fluentd("wait", "--for=jsonpath={.status.numberReady}=4", "daemonset/fluentd")
    assert counts(fluentd) == ["4"] * 5
    assert nodes_of(fluentd) == ["new-node", *THREE]
    new = fluentd.rows("get", "nodes", "new-node")[0]
    assert new[:3] == ["new-node", "Ready", "<none>"]
    # The article's own command: nothing is left to do for it, as no selector asks for the label.
    assert fluentd("label", "node", "new-node", "app=fluentd") == "node/new-node labeled\n"
    assert fluentd("rollout", "status", "daemonset/fluentd").endswith("rolled out\n")
    assert nodes_of(fluentd) == ["new-node", *THREE]


def test_labelling_a_node_schedules_a_pod_that_asks_for_the_label(alone):
    alone.cluster.miniplane("node", "add", "new-node")
    alone("wait", "--for=condition=Ready", "node/new-node")
    alone("apply", "--filename=fluentd-selected.yaml")
    alone("wait", "--for=jsonpath={.status.observedGeneration}=1", "daemonset/fluentd")
    assert counts(alone) == ["0"] * 5
    assert alone("label", "node", "new-node", "app=fluentd") == "node/new-node labeled\n"
    alone("wait", "--for=jsonpath={.status.numberReady}=1", "daemonset/fluentd")
    row = alone.rows("get", "daemonsets")[0]
    assert row[:7] == ["fluentd", "1", "1", "1", "1", "1", "app=fluentd"]
    assert nodes_of(alone) == ["new-node"]
    assert alone("label", "node", "new-node", "app-") == "node/new-node unlabeled\n"
    alone("wait", "--for=delete", "pod", "--selector=app=fluentd")
    alone("wait", "--for=jsonpath={.status.desiredNumberScheduled}=0", "daemonset/fluentd")
    assert counts(alone) == ["0"] * 5


def test_a_selector_added_later_moves_the_pods(fluentd):
    assert fluentd("apply", "--filename=fluentd-selected.yaml") == (
        "daemonset.apps/fluentd configured\n"
    )
    fluentd("wait", "--for=jsonpath={.status.desiredNumberScheduled}=0", "daemonset/fluentd")
    fluentd("wait", "--for=delete", "pod", "--selector=app=fluentd")
    fluentd("label", "nodes", "node-1", "node-3", "app=fluentd")
    fluentd("wait", "--for=jsonpath={.status.numberReady}=2", "daemonset/fluentd")
    assert nodes_of(fluentd) == ["node-1", "node-3"]


def test_taints_keep_pods_away_and_drive_them_out(fluentd, eventually):
    said = fluentd("taint", "node", "node-1", "dedicated=db:NoSchedule")
    assert said == "node/node-1 tainted\n"
    # What runs already may stay; nothing takes its place.
    assert nodes_of(fluentd) == THREE
    fluentd("delete", "pod", *fluentd.names("pods", "--field-selector=spec.nodeName=node-1"))
    fluentd("wait", "--for=jsonpath={.status.desiredNumberScheduled}=2", "daemonset/fluentd")
    assert nodes_of(fluentd) == ["node-2", "node-3"]
    fluentd("taint", "node", "node-2", "dedicated=db:NoExecute")
    eventually(lambda: nodes_of(fluentd) == ["node-3"])
    assert "Taints:             dedicated=db:NoExecute\n" in fluentd("describe", "node", "node-2")
    fluentd("taint", "nodes", "node-1", "node-2", "dedicated-")
    fluentd("wait", "--for=jsonpath={.status.numberReady}=3", "daemonset/fluentd")
    assert nodes_of(fluentd) == THREE


def test_pods_of_a_node_that_is_cordoned_stay_and_come_back(fluentd, eventually):
    assert fluentd("cordon", "node-2") == "node/node-2 cordoned\n"
    assert fluentd.rows("get", "nodes")[1][1] == "Ready,SchedulingDisabled"
    on_node = "--field-selector=spec.nodeName=node-2"
    [before] = fluentd.names("pods", on_node)
    fluentd("delete", "pod", before)
    eventually(lambda: fluentd.names("pods", on_node) not in ([], [before]))
    fluentd("wait", "--for=jsonpath={.status.numberReady}=3", "daemonset/fluentd")
    assert fluentd("uncordon", "node-2") == "node/node-2 uncordoned\n"


def test_a_node_that_has_gone_takes_its_pod_with_it(fluentd):
    assert fluentd.cluster.miniplane("node", "remove", "node-3") == "node/node-3 removed\n"
    assert [row[0] for row in fluentd.rows("get", "nodes")] == ["node-1", "node-2"]
    # Nobody is there to confirm that the pod has stopped.
    [lost] = fluentd.names("pods", "--field-selector=spec.nodeName=node-3")
    fluentd("delete", "pod", lost, "--grace-period=0", "--force")
    fluentd("wait", "--for=jsonpath={.status.desiredNumberScheduled}=2", "daemonset/fluentd")
    assert nodes_of(fluentd) == ["node-1", "node-2"]


def test_a_new_image_rolls_out_node_by_node_and_can_be_undone(fluentd, eventually):
    with fluentd.watch("pods") as pods:
        fluentd("set", "image", "daemonset/fluentd", "fluentd=fluent/fluentd:v1.17")
        status = fluentd("rollout", "status", "daemonset/fluentd")
        eventually(lambda: len(pods.story()) >= 12)
    assert status.endswith('daemon set "fluentd" successfully rolled out\n')
    # One pod stops at a time, and its successor runs before the next one has to.
    assert [step[0] for step in pods.story()] == [*"-.+=", *"-.+=", *"-.+="]
    images = ".items[*].spec.containers[0].image"
    assert set(fluentd.value(images, "pods").split()) == {"fluent/fluentd:v1.17"}
    history = fluentd("rollout", "history", "daemonset/fluentd").split()
    assert history[3:] == ["1", "<none>", "2", "<none>"]
    fluentd("rollout", "undo", "daemonset/fluentd")
    fluentd("rollout", "status", "daemonset/fluentd")
    assert set(fluentd.value(images, "pods").split()) == {"fluent/fluentd"}
    history = fluentd("rollout", "history", "daemonset/fluentd").split()
    assert history[3:] == ["2", "<none>", "3", "<none>"]


def test_a_daemon_set_is_not_scaled_by_hand(fluentd):
    refused = fluentd.refused("scale", "daemonset", "fluentd", "--replicas=5")
    assert "the server could not find the requested resource" in refused


def test_both_live_together_and_differ_as_the_table_says(fluentd):
    fluentd("apply", "--filename=mysql.yaml")
    fluentd("rollout", "status", "statefulset/mysql")
    everything = fluentd("get", "all", "--output=name").split()
    assert everything[-2:] == ["daemonset.apps/fluentd", "statefulset.apps/mysql"]
    owners = ".items[*].metadata.ownerReferences[0].kind"
    assert fluentd.value(owners, "pods").split() == ["DaemonSet"] * 3 + ["StatefulSet"] * 3
    # Storage: claims of its own against the storage of the node.
    assert len(fluentd.names("pvc")) == 3
    # Identity: a DaemonSet's pod is another one after it has been deleted.
    before = fluentd.names("pods", "--selector=app=fluentd")
    fluentd("delete", "pod", before[0], "mysql-0")
    fluentd("rollout", "status", "daemonset/fluentd")
    fluentd("wait", "--for=jsonpath={.status.readyReplicas}=3", "statefulset/mysql")
    after = fluentd.names("pods", "--selector=app=fluentd")
    assert (len(after), before[0] in after) == (3, False)
    assert fluentd.names("pods", "--selector=app=mysql") == ["mysql-0", "mysql-1", "mysql-2"]


def test_draining_a_node_moves_mysql_and_leaves_fluentd(fluentd):
    fluentd("apply", "--filename=mysql.yaml")
    fluentd("rollout", "status", "statefulset/mysql")
    node = fluentd.value(".spec.nodeName", "pod", "mysql-1")
    refused = fluentd.refused("drain", node)
    assert "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)" in refused
    said = fluentd("drain", node, "--ignore-daemonsets")
    assert said.endswith(f"pod/mysql-1 evicted\nnode/{node} drained\n")
    fluentd("wait", "--for=jsonpath={.status.readyReplicas}=3", "statefulset/mysql")
    fluentd("wait", "--for=condition=Ready", "pod/mysql-1")
    assert fluentd.value(".spec.nodeName", "pod", "mysql-1") != node
    assert nodes_of(fluentd) == THREE
    assert fluentd("uncordon", node) == f"node/{node} uncordoned\n"
