"""Pods and nodes that fail, and are healed again, as kubectl shows them."""

import re

import pytest

pytestmark = pytest.mark.kubectl(which=slice(0, 2))


def reason(kubectl, pod):
    return kubectl.value(".status.containerStatuses[0].state.waiting.reason", "pod", pod)


def test_a_pod_that_crashes_and_heals(alone, eventually):
    alone("run", "web", "--image=nginx")
    alone("wait", "--for=condition=Ready", "pod/web")
    assert alone.cluster.miniplane("fail", "pod", "web", "--crashloop") == (
        "pod/web fails: crashloop\n"
    )
    eventually(lambda: reason(alone, "web") == "CrashLoopBackOff")
    [row] = alone.rows("get", "pods")
    assert row[1:4] == ["0/1", "CrashLoopBackOff", "1"]
    described = alone("describe", "pod", "web")
    assert "Back-off restarting failed container web in pod web_default(" in described
    assert "Exit Code:    1" in described
    assert alone.cluster.miniplane("heal", "pod", "web") == "pod/web healed\n"
    alone("wait", "--for=condition=Ready", "pod/web")
    [row] = alone.rows("get", "pods")
    assert row[1:4] == ["1/1", "Running", "2"]


def test_an_image_that_cannot_be_pulled(alone, eventually):
    alone("create", "deployment", "web", "--image=nginx", "--replicas=2")
    alone("rollout", "status", "deployment/web")
    said = alone.cluster.miniplane("fail", "pod", "-l", "app=web", "--image-pull")
    assert len(said.splitlines()) == 2
    pods = alone.names("pods")
    eventually(lambda: all(reason(alone, pod) == "ImagePullBackOff" for pod in pods))
    assert [row[1:3] for row in alone.rows("get", "pods")] == [["0/1", "ImagePullBackOff"]] * 2
    assert alone.value(".status.unavailableReplicas", "deployment", "web") == "2"
    described = alone("describe", "pod", pods[0])
    for text in (
        'Failed to pull image "nginx": ',
        "Error: ErrImagePull",
        'Back-off pulling image "nginx"',
        "Error: ImagePullBackOff",
    ):
        assert text in described
    alone.cluster.miniplane("heal", "pod", "-l", "app=web")
    alone("rollout", "status", "deployment/web")


def test_readiness_by_annotation(alone):
    alone("run", "web", "--image=nginx")
    alone("wait", "--for=condition=Ready", "pod/web")
    alone("annotate", "pod", "web", "sim.miniplane.dev/fail=not-ready")
    alone("wait", "--for=condition=Ready=false", "pod/web")
    assert alone.rows("get", "pods")[0][1:4] == ["0/1", "Running", "0"]
    alone("annotate", "pod", "web", "sim.miniplane.dev/fail-")
    alone("wait", "--for=condition=Ready", "pod/web")


def test_a_node_out_of_reach(alone):
    alone("run", "web", "--image=nginx", '--overrides={"spec":{"nodeName":"node-2"}}')
    alone("wait", "--for=condition=Ready", "pod/web")
    assert alone.cluster.miniplane("fail", "node", "node-2") == "node/node-2 stopped\n"
    alone("delete", "pod", "web", "--wait=false")
    assert alone.rows("get", "pods")[0][1:3] == ["1/1", "Terminating"]
    assert alone.cluster.miniplane("heal", "node", "node-2") == "node/node-2 healed\n"
    alone("wait", "--for=delete", "pod/web")


def test_a_node_short_of_memory_evicts_until_it_is_healed(alone, eventually):
    there = '--overrides={"spec":{"nodeName":"node-2"}}'
    alone("run", "web", "--image=nginx", there)
    alone("wait", "--for=condition=Ready", "pod/web")
    said = alone.cluster.miniplane("fail", "node", "node-2", "--memory-pressure")
    assert said == "node/node-2 has memory-pressure\n"
    alone("wait", "--for=condition=MemoryPressure", "node/node-2")
    alone("wait", "--for=jsonpath={.status.reason}=Evicted", "pod/web")
    assert alone.rows("get", "pods")[0][1] == "0/1"
    described = alone("describe", "pod", "web")
    assert re.search(r"Status: +Failed\nReason: +Evicted\nMessage: +The node was low on", described)
    assert "node.kubernetes.io/memory-pressure:NoSchedule" in alone("describe", "node", "node-2")
    # Pods without requests are not even let in.
    alone("run", "late", "--image=nginx", there)
    alone("wait", "--for=jsonpath={.status.phase}=Failed", "pod/late")
    assert alone.value(".status.message", "pod", "late").startswith(
        "Pod was rejected: The node had condition: [MemoryPressure]"
    )
    alone("run", "elsewhere", "--image=nginx")
    alone("wait", "--for=condition=Ready", "pod/elsewhere")
    assert alone.value(".spec.nodeName", "pod", "elsewhere") != "node-2"
    assert alone.cluster.miniplane("heal", "node", "node-2") == "node/node-2 healed\n"
    alone("wait", "--for=condition=MemoryPressure=false", "node/node-2")
    eventually(lambda: "Taints:             <none>" in alone("describe", "node", "node-2"))
    alone("delete", "pod", "late")
    alone("run", "late", "--image=nginx", there)
    alone("wait", "--for=condition=Ready", "pod/late")


def test_a_stateful_pod_of_a_lost_node_is_freed_by_force(alone):
    alone("apply", "-f", "mysql.yaml")
    alone("rollout", "status", "statefulset/mysql")
    node = alone.value(".spec.nodeName", "pod", "mysql-1")
    uid = alone.value(".metadata.uid", "pod", "mysql-1")
    volume = alone.value(".spec.volumeName", "pvc", "mysql-storage-mysql-1")
    alone("cordon", node)
    alone.cluster.miniplane("fail", "node", node)
    # Nobody knows whether it still runs, so its name stays taken.
    alone("delete", "pod", "mysql-1", "--wait=false")
    assert alone.rows("get", "pod", "mysql-1")[0][1:3] == ["1/1", "Terminating"]
    assert alone.value(".metadata.uid", "pod", "mysql-1") == uid
    said = alone("delete", "pod", "mysql-1", "--force", "--grace-period=0")
    assert said.startswith('pod "mysql-1" force deleted')
    alone("rollout", "status", "statefulset/mysql")
    assert alone.value(".metadata.uid", "pod", "mysql-1") != uid
    assert alone.value(".spec.nodeName", "pod", "mysql-1") != node
    assert alone.value(".spec.volumeName", "pvc", "mysql-storage-mysql-1") == volume
