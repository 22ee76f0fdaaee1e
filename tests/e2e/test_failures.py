"""Pods and nodes that fail, and are healed again, as kubectl shows them."""

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
