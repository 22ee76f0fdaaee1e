"""Sections 1 to 4 of "Kubernetes StatefulSets and DaemonSets Explained", a test for each claim."""

import json

import pytest

pytestmark = pytest.mark.kubectl(which=slice(0, 2))

ROLLED_OUT = "partitioned roll out complete: {} new pods have been updated...\n"


@pytest.fixture
def mysql(kubectl):
    """A kubectl of a namespace in which the article's StatefulSet runs."""
    kubectl("apply", "--filename=mysql.yaml")
    kubectl("rollout", "status", "statefulset/mysql")
    return kubectl


def volumes(kubectl):
    """The volume of every claim."""
    return {row[0]: row[2] for row in kubectl.rows("get", "pvc")}


def uids(kubectl, *args):
    each = '--output=jsonpath={range .items[*]}{.metadata.name} {.metadata.uid}{"\\n"}{end}'
    return dict(line.split() for line in kubectl("get", *args, each).splitlines())


def rolled(*ordinals):
    """One pod after the other is stopped, made again and started."""
    return [f"{sign}mysql-{n}" for n in ordinals for sign in "-.+="]


def started(*ordinals):
    return [f"{sign}mysql-{n}" for n in ordinals for sign in "+="]


def test_pods_start_one_at_a_time_in_order(kubectl):
    with kubectl.watch("pods") as pods:
        assert kubectl("apply", "--filename=mysql.yaml") == "statefulset.apps/mysql created\n"
        status = kubectl("rollout", "status", "statefulset/mysql")
        pods.tells(*started(0, 1, 2))
    assert status.endswith(ROLLED_OUT.format(3))
    assert kubectl.rows("get", "statefulsets")[0][:2] == ["mysql", "3/3"]


def test_a_watch_shows_every_step_of_a_start(kubectl):
    with kubectl.watch("pods") as pods:
        kubectl("apply", "--filename=mysql.yaml")
        pods.until("mysql-0 1/1 Running")
    assert pods.lines[0] == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    steps = dict.fromkeys(tuple(line[1:4]) for line in pods.lines if line[0] == "mysql-0")
    assert list(steps) == [
        ("0/1", "Pending", "0"),
        ("0/1", "ContainerCreating", "0"),
        ("1/1", "Running", "0"),
    ]


def test_a_pod_that_is_not_ready_holds_up_the_next(kubectl):
    manifest = json.loads(
        kubectl("create", "--dry-run=client", "--output=json", "--filename=mysql.yaml")
    )
    manifest["spec"]["template"]["spec"]["schedulingGates"] = [{"name": "example.com/gate"}]
    kubectl("apply", "--filename=-", stdin=json.dumps(manifest))
    open_gate = ["--type=json", '--patch=[{"op":"remove","path":"/spec/schedulingGates"}]']
    for newest in ("mysql-0", "mysql-1"):
        kubectl("wait", "--for=condition=PodScheduled=false", f"pod/{newest}")
        assert kubectl.rows("get", "pods")[-1][:3] == [newest, "0/1", "SchedulingGated"]
        kubectl("patch", "pod", newest, *open_gate)
        kubectl("wait", "--for=condition=Ready", f"pod/{newest}")


def test_pods_have_stable_hostnames(mysql):
    assert mysql.names("pods") == ["mysql-0", "mysql-1", "mysql-2"]
    assert mysql.value(".items[*].spec.hostname", "pods") == "mysql-0 mysql-1 mysql-2"
    assert mysql.value(".items[*].spec.subdomain", "pods") == "mysql mysql mysql"


def test_each_pod_gets_a_separate_volume(mysql):
    claims = mysql.rows("get", "pvc")
    assert [row[0] for row in claims] == [f"mysql-storage-mysql-{n}" for n in range(3)]
    assert [row[1] for row in claims] == ["Bound"] * 3
    assert [row[3:6] for row in claims] == [["1Gi", "RWO", "standard"]] * 3
    assert len({row[2] for row in claims}) == 3
    volumes = mysql.rows("get", "pv", *(row[2] for row in claims))
    assert {tuple(row[1:5]) for row in volumes} == {("1Gi", "RWO", "Delete", "Bound")}
    claim = ".spec.volumes[?(@.name=='mysql-storage')].persistentVolumeClaim.claimName"
    mounts = ".spec.containers[0].volumeMounts[?(@.name=='mysql-storage')].mountPath"
    for n in range(3):
        assert mysql.value(claim, "pod", f"mysql-{n}") == f"mysql-storage-mysql-{n}"
        assert mysql.value(mounts, "pod", f"mysql-{n}") == "/var/lib/mysql"


def test_scaling_up_adds_two_pods_in_order(mysql):
    with mysql.watch("pods") as pods:
        said = mysql("scale", "statefulset", "mysql", "--replicas=5")
        assert said == "statefulset.apps/mysql scaled\n"
        pods.tells(*started(3, 4))
    assert mysql("rollout", "status", "statefulset/mysql") == ROLLED_OUT.format(5)
    assert mysql.names("pods") == [f"mysql-{n}" for n in range(5)]


def test_scaling_down_goes_backwards_and_keeps_the_claims(mysql):
    mysql("scale", "statefulset", "mysql", "--replicas=5")
    mysql("rollout", "status", "statefulset/mysql")
    before = volumes(mysql)
    with mysql.watch("pods") as pods:
        mysql("scale", "statefulset", "mysql", "--replicas=3")
        pods.tells("-mysql-4", ".mysql-4", "-mysql-3", ".mysql-3")
    mysql("wait", "--for=jsonpath={.status.replicas}=3", "statefulset/mysql")
    assert mysql.names("pods") == ["mysql-0", "mysql-1", "mysql-2"]
    assert volumes(mysql) == before
    assert len(before) == 5
    mysql("scale", "statefulset", "mysql", "--replicas=5")
    mysql("rollout", "status", "statefulset/mysql")
    assert volumes(mysql) == before


def test_a_deleted_pod_comes_back_with_its_name_and_its_volume(mysql):
    before, claims = uids(mysql, "pods"), volumes(mysql)
    assert mysql("delete", "pod", "mysql-1").startswith('pod "mysql-1" deleted')
    mysql("wait", "--for=jsonpath={.status.readyReplicas}=3", "statefulset/mysql")
    mysql("wait", "--for=condition=Ready", "pod/mysql-1")
    after = uids(mysql, "pods")
    assert list(after) == ["mysql-0", "mysql-1", "mysql-2"]
    assert [name for name in after if after[name] != before[name]] == ["mysql-1"]
    assert mysql.value(".spec.hostname", "pod", "mysql-1") == "mysql-1"
    assert volumes(mysql) == claims


def test_identity_survives_a_restart_in_reverse_order(mysql):
    claims = volumes(mysql)
    with mysql.watch("pods") as pods:
        assert mysql("rollout", "restart", "statefulset/mysql").endswith("restarted\n")
        pods.tells(*rolled(2, 1, 0))
    assert volumes(mysql) == claims


def test_a_new_image_rolls_out_in_reverse_order_and_can_be_undone(mysql):
    with mysql.watch("pods") as pods:
        said = mysql("set", "image", "statefulset/mysql", "mysql=mysql:8.0")
        assert said == "statefulset.apps/mysql image updated\n"
        mysql("rollout", "status", "statefulset/mysql")
        pods.tells(*rolled(2, 1, 0))
    images = ".items[*].spec.containers[0].image"
    assert mysql.value(images, "pods") == "mysql:8.0 mysql:8.0 mysql:8.0"
    history = mysql("rollout", "history", "statefulset/mysql")
    assert history.startswith("statefulset.apps/mysql \nREVISION  CHANGE-CAUSE\n")
    assert history.split()[3:] == ["1", "<none>", "2", "<none>"]
    second = mysql("rollout", "history", "statefulset/mysql", "--revision=2")
    assert second.startswith("statefulset.apps/mysql with revision #2\nPod Template:\n")
    assert "Image:\tmysql:8.0\n" in second

    assert mysql("rollout", "undo", "statefulset/mysql") == "statefulset.apps/mysql rolled back\n"
    mysql("rollout", "status", "statefulset/mysql")
    assert mysql.value(images, "pods") == "mysql:5.7 mysql:5.7 mysql:5.7"
    history = mysql("rollout", "history", "statefulset/mysql")
    assert history.split()[3:] == ["2", "<none>", "3", "<none>"]
    revisions = [row[1:3] for row in mysql.rows("get", "controllerrevisions")]
    assert sorted(revisions) == [["statefulset.apps/mysql", n] for n in "23"]
    missing = mysql.refused("rollout", "undo", "statefulset/mysql", "--to-revision=9")
    assert missing == "error: unable to find specified revision 9 in history"


def test_a_partition_keeps_the_lower_pods_back(mysql):
    partition = '{"spec":{"updateStrategy":{"rollingUpdate":{"partition":2}}}}'
    mysql("patch", "statefulset", "mysql", f"--patch={partition}")
    mysql("set", "image", "statefulset/mysql", "mysql=mysql:8.0")
    assert mysql("rollout", "status", "statefulset/mysql").endswith(ROLLED_OUT.format(1))
    images = mysql.value(".items[*].spec.containers[0].image", "pods")
    assert images == "mysql:5.7 mysql:5.7 mysql:8.0"


def test_each_pod_has_a_name_in_the_headless_service(alone, eventually):
    mysql = alone
    mysql("apply", "--filename=mysql.yaml")
    mysql("rollout", "status", "statefulset/mysql")
    mysql("apply", "--filename=mysql-service.yaml")
    service = mysql.rows("get", "service", "mysql")[0]
    assert service[:5] == ["mysql", "ClusterIP", "None", "<none>", "3306/TCP"]
    selector = "--selector=kubernetes.io/service-name=mysql"
    ready = "--for=jsonpath={.endpoints[2].conditions.ready}=true"
    eventually(lambda: mysql("wait", ready, "endpointslice", selector))
    slices = mysql.json("get", "endpointslices", selector)["items"]
    assert len(slices) == 1
    assert slices[0]["ports"] == [{"name": "mysql", "port": 3306, "protocol": "TCP"}]
    records = {
        f"{endpoint['hostname']}.mysql.default.svc.cluster.local": endpoint["addresses"]
        for endpoint in slices[0]["endpoints"]
    }
    addresses = mysql.value(".items[*].status.podIP", "pods").split()
    assert records == {
        "mysql-0.mysql.default.svc.cluster.local": [addresses[0]],
        "mysql-1.mysql.default.svc.cluster.local": [addresses[1]],
        "mysql-2.mysql.default.svc.cluster.local": [addresses[2]],
    }
    hostnames = mysql.value(".subsets[0].addresses[*].hostname", "endpoints", "mysql")
    assert sorted(hostnames.split()) == ["mysql-0", "mysql-1", "mysql-2"]


def test_other_workloads_start_their_pods_in_parallel(kubectl):
    """Created sequentially (not in parallel like Deployments); nor like `Parallel` sets."""
    with kubectl.watch("pods") as pods:
        kubectl("create", "deployment", "web", "--image=nginx", "--replicas=3")
        kubectl("rollout", "status", "deployment/web")
    assert [step[0] for step in pods.story()[:3]] == ["+", "+", "+"]
    manifest = kubectl("create", "--dry-run=client", "--output=json", "--filename=mysql.yaml")
    parallel = json.loads(manifest)
    parallel["spec"]["podManagementPolicy"] = "Parallel"
    with kubectl.watch("pods", "--selector=app=mysql") as pods:
        kubectl("apply", "--filename=-", stdin=json.dumps(parallel))
        pods.tells("+mysql-0", "+mysql-1", "+mysql-2")
