"""When things go wrong: what kubectl shows, and how people get out of it."""

import json

import pytest

pytestmark = pytest.mark.kubectl(which=slice(0, 2))

BUDGET = """
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec:
  minAvailable: 2
  selector: {matchLabels: {app: web}}
"""
JOB = """
apiVersion: batch/v1
kind: Job
metadata: {name: import}
spec:
  completions: 3
  parallelism: 3
  backoffLimit: 6
  podFailurePolicy:
    rules:
    - action: FailJob
      onExitCodes: {containerName: main, operator: In, values: [42]}
  template:
    metadata:
      annotations: {sim.miniplane.dev/run-for: 1s, sim.miniplane.dev/exit-code: "42"}
    spec:
      restartPolicy: Never
      containers: [{name: main, image: busybox}]
"""


def test_a_drain_waits_for_what_the_budget_allows(alone):
    alone("create", "deployment", "web", "--image=nginx", "--replicas=2")
    alone("rollout", "status", "deployment/web")
    alone("create", "-f", "-", stdin=BUDGET)
    alone("wait", "--for=jsonpath={.status.currentHealthy}=2", "pdb/web")
    assert alone.rows("get", "pdb", "web")[0][:4] == ["web", "2", "N/A", "0"]
    pod = alone.names("pods")[0]
    node = alone.value(".spec.nodeName", "pod", pod)
    refused = alone.refused("drain", node, "--timeout=1s")
    assert "Cannot evict pod as it would violate the pod's disruption budget." in refused
    assert "global timeout reached: 1s" in refused
    assert len(alone.names("pods", "--field-selector=status.phase=Running")) == 2
    alone("scale", "deployment/web", "--replicas=3")
    alone("wait", "--for=jsonpath={.status.disruptionsAllowed}=1", "pdb/web")
    said = alone("drain", node, "--timeout=60s")
    assert f"pod/{pod} evicted\n" in said
    assert said.endswith(f"node/{node} drained\n")
    alone("rollout", "status", "deployment/web")
    assert node not in alone.value(".items[*].spec.nodeName", "pods").split()


def test_a_rollout_that_is_stuck_is_undone(kubectl):
    kubectl("create", "deployment", "web", "--image=nginx:1.27", "--replicas=3")
    kubectl("rollout", "status", "deployment/web")
    kubectl("patch", "deployment", "web", '--patch={"spec":{"progressDeadlineSeconds":2}}')
    kubectl("set", "image", "deployment/web", "nginx=nginx:1.28")
    kubectl("rollout", "status", "deployment/web")
    kubectl("set", "resources", "deployment/web", "--requests=cpu=1000")
    refused = kubectl.refused("rollout", "status", "deployment/web")
    assert refused == 'error: deployment "web" exceeded its progress deadline'
    [(name, ready, up_to_date, available, *_)] = kubectl.rows("get", "deployment", "web")
    assert (name, ready, up_to_date, available) == ("web", "3/3", "1", "3")
    condition = '.status.conditions[?(@.type=="Progressing")]'
    assert kubectl.value(f"{condition}.reason", "deployment", "web") == "ProgressDeadlineExceeded"
    [stuck] = kubectl.names("pods", "--field-selector=status.phase=Pending")
    assert "3 Insufficient cpu" in kubectl("describe", "pod", stuck)
    history = kubectl("rollout", "history", "deployment/web").split()
    assert history[3:] == ["1", "<none>", "2", "<none>", "3", "<none>"]
    assert kubectl("rollout", "undo", "deployment/web") == "deployment.apps/web rolled back\n"
    said = kubectl("rollout", "status", "deployment/web")
    assert said.endswith('deployment "web" successfully rolled out\n')
    kubectl("wait", "--for=delete", f"pod/{stuck}")
    images = kubectl.value(".items[*].spec.containers[*].image", "pods").split()
    assert images == ["nginx:1.28"] * 3
    assert kubectl.value(f"{condition}.reason", "deployment", "web") == "NewReplicaSetAvailable"


def test_a_rollout_to_an_image_that_is_not_there_is_undone(kubectl, eventually):
    kubectl("create", "deployment", "web", "--image=nginx:1.27", "--replicas=2")
    kubectl("rollout", "status", "deployment/web")
    broken = {"image": "nginx:1.72", "name": "nginx"}
    template = {
        "metadata": {"annotations": {"sim.miniplane.dev/fail": "image-pull"}},
        "spec": {"containers": [broken]},
    }
    kubectl("patch", "deployment", "web", f"--patch={json.dumps({'spec': {'template': template}})}")
    waiting = ".items[*].status.containerStatuses[0].state.waiting.reason"
    eventually(lambda: kubectl.value(waiting, "pods") == "ImagePullBackOff")
    # The old pods serve on, and the one new pod tells what is wrong.
    assert kubectl.rows("get", "deployment", "web")[0][1:4] == ["2/2", "1", "2"]
    states = sorted(row[1:3] for row in kubectl.rows("get", "pods"))
    assert states == [["0/1", "ImagePullBackOff"], ["1/1", "Running"], ["1/1", "Running"]]
    assert 'Back-off pulling image "nginx:1.72"' in kubectl("events")
    refused = kubectl.refused("rollout", "status", "deployment/web", "--timeout=1s")
    assert refused == "error: timed out waiting for the condition"
    assert kubectl("rollout", "undo", "deployment/web") == "deployment.apps/web rolled back\n"
    kubectl("rollout", "status", "deployment/web")
    eventually(lambda: len(kubectl.names("pods")) == 2)
    images = kubectl.value(".items[*].spec.containers[*].image", "pods").split()
    assert images == ["nginx:1.27"] * 2
    assert [row[1:4] for row in kubectl.rows("get", "pods")] == [["1/1", "Running", "0"]] * 2


def test_a_job_fails_by_its_policy(kubectl):
    kubectl("create", "-f", "-", stdin=JOB)
    kubectl("wait", "--for=condition=Failed", "job/import")
    reason = kubectl.value(".status.conditions[?(@.type=='Failed')].reason", "job", "import")
    assert reason == "PodFailurePolicy"
    message = kubectl.value(".status.conditions[?(@.type=='Failed')].message", "job", "import")
    assert message.startswith("Container main for pod ")
    assert message.endswith(" failed with exit code 42 matching FailJob rule at index 0")
    assert "PodFailurePolicy" in kubectl("describe", "job", "import")
    assert kubectl.names("pods", "--field-selector=status.phase=Running") == []
    assert 1 <= int(kubectl.value(".status.failed", "job", "import")) <= 3
    assert kubectl.rows("get", "job", "import")[0][:2] == ["import", "Failed"]


def test_pods_of_a_node_that_leaves_start_elsewhere(alone):
    alone("apply", "-f", "mysql.yaml")
    alone("rollout", "status", "statefulset/mysql")
    alone("create", "deployment", "web", "--image=nginx", "--replicas=3")
    alone("rollout", "status", "deployment/web")
    node = alone.value(".spec.nodeName", "pod", "mysql-1")
    there = alone.names("pods", f"--field-selector=spec.nodeName={node}")
    assert "mysql-1" in there
    uid = alone.value(".metadata.uid", "pod", "mysql-1")
    assert alone.cluster.miniplane("node", "remove", node) == f"node/{node} removed\n"
    assert len(alone.names("nodes")) == 2
    # Nobody knows yet whether they still run: somebody has to say so, or 40 seconds have to pass.
    assert alone.names("pods", f"--field-selector=spec.nodeName={node}") == there
    alone("delete", "pod", *there, "--force", "--grace-period=0")
    alone("wait", "--for=jsonpath={.status.readyReplicas}=3", "statefulset/mysql")
    alone("rollout", "status", "deployment/web")
    assert alone.value(".metadata.uid", "pod", "mysql-1") != uid
    assert alone.names("pods", f"--field-selector=spec.nodeName={node}") == []
    assert [claim[1] for claim in alone.rows("get", "pvc")] == ["Bound"] * 3
    alone.cluster.miniplane("node", "add", "fresh")
    alone("wait", "--for=condition=Ready", "node/fresh")
    assert len(alone.names("nodes")) == 3
