"""What grows, or shrinks, while it is in use: containers, claims, and Deployments by a metric."""

import json

import pytest

pytestmark = pytest.mark.kubectl(which=slice(0, 2))

POD = """
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - name: main
    image: nginx:1.27
    resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {memory: 128Mi}}
"""
CLAIM = """
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: elastic}
provisioner: miniplane.dev/hostpath
allowVolumeExpansion: true
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec:
  storageClassName: elastic
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Gi}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: rigid}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Gi}}
---
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers: [{name: main, image: nginx:1.27, volumeMounts: [{name: data, mountPath: /data}]}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
"""
BUSY = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
      annotations: {metrics.miniplane.dev/custom.requests: "25"}
    spec: {containers: [{name: main, image: nginx}]}
"""
AUTOSCALER = """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  maxReplicas: 3
  metrics:
  - type: Pods
    pods: {metric: {name: requests}, target: {type: AverageValue, averageValue: "10"}}
"""


def resize(cpu):
    change = {"containers": [{"name": "main", "resources": {"requests": {"cpu": cpu}}}]}
    return [
        "patch",
        "pod",
        "web",
        "--subresource=resize",
        f"--patch={json.dumps({'spec': change})}",
    ]


def test_a_container_is_resized_in_place(kubectl, eventually):
    if kubectl.minor < 32:
        pytest.skip("kubectl knows the subresource from 1.32 on")
    kubectl("create", "-f", "-", stdin=POD)
    kubectl("wait", "--for=condition=Ready", "pod/web")
    assert kubectl(*resize("250m")) == "pod/web patched\n"
    has = ".status.containerStatuses[0].resources.requests.cpu"
    eventually(lambda: kubectl.value(has, "pod", "web") == "250m")
    assert kubectl.value(".status.containerStatuses[0].restartCount", "pod", "web") == "0"
    eventually(lambda: "ResizeCompleted" in kubectl("events", "--for=pod/web"))
    # More than the node has: the pod says so, and keeps what it has.
    kubectl(*resize("1000"))
    pending = '.status.conditions[?(@.type=="PodResizePending")]'
    eventually(lambda: kubectl.value(f"{pending}.reason", "pod", "web") == "Infeasible")
    assert kubectl.value(f"{pending}.message", "pod", "web") == (
        "Node didn't have enough capacity: cpu, requested: 1000000, capacity: 64000"
    )
    assert kubectl.value(has, "pod", "web") == "250m"
    kubectl(*resize("50m"))
    eventually(lambda: kubectl.value(has, "pod", "web") == "50m")
    assert kubectl.value(f"{pending}.reason", "pod", "web") == ""
    # Without the subresource it is no longer anybody's to change.
    refused = kubectl.refused(*[arg for arg in resize("1") if not arg.startswith("--sub")])
    assert "pod updates may not change fields other than" in refused


def test_a_claim_grows_under_its_pod(alone, eventually):
    alone("create", "-f", "-", stdin=CLAIM)
    alone("wait", "--for=condition=Ready", "pod/web")
    alone("wait", "--for=jsonpath={.status.phase}=Bound", "pvc/rigid")
    grow = '--patch={"spec":{"resources":{"requests":{"storage":"2Gi"}}}}'
    assert alone("patch", "pvc", "data", grow) == "persistentvolumeclaim/data patched\n"
    alone("wait", "--for=jsonpath={.status.capacity.storage}=2Gi", "pvc/data")
    volume = alone.value(".spec.volumeName", "pvc", "data")
    assert alone.rows("get", "pv", volume)[0][1] == "2Gi"
    eventually(lambda: "FileSystemResizeSuccessful" in alone("events", "--for=pvc/data"))
    assert alone.value(".status.conditions", "pvc", "data") == ""
    refused = alone.refused("patch", "pvc", "data", grow.replace("2Gi", "1Gi"))
    assert "Forbidden: field can not be less than status.capacity" in refused
    refused = alone.refused("patch", "pvc", "rigid", grow)
    assert refused.endswith("the storageclass that provisions the pvc must support resize")


def test_an_autoscaler_follows_a_custom_metric(kubectl):
    kubectl("create", "-f", "-", stdin=BUSY)
    kubectl("rollout", "status", "deployment/web")
    kubectl("create", "-f", "-", stdin=AUTOSCALER)
    kubectl("wait", "--for=jsonpath={.status.desiredReplicas}=3", "hpa/web")
    kubectl("wait", "--for=jsonpath={.status.readyReplicas}=3", "deployment/web")
    assert "25/10" in kubectl("get", "hpa", "web")
    described = kubectl("describe", "hpa", "web")
    assert "New size: 3; reason: pods metric requests above target" in described
