"""What kubectl shows of the article's two workloads."""

import json
import re

import pytest
import yaml

pytestmark = pytest.mark.kubectl(which=slice(0, 2))


@pytest.fixture
def shop(kubectl_in):
    """A kubectl in a namespace with mysql, its service and fluentd, which nobody changes."""
    kubectl = kubectl_in("shop")
    if kubectl.run("get", "namespace", "shop").returncode:
        kubectl("create", "namespace", "shop")
    for name in ("mysql", "mysql-service", "fluentd"):
        kubectl("apply", f"--filename={name}.yaml")
    kubectl("rollout", "status", "statefulset/mysql")
    kubectl("rollout", "status", "daemonset/fluentd")
    return kubectl


def columns(text):
    """The column titles of a table: words, or several that are one space apart."""
    return re.split(r"\s{2,}", text.splitlines()[0].strip())


def test_the_wide_tables(shop):
    assert columns(shop("get", "statefulsets", "-o", "wide")) == [
        *("NAME", "READY", "AGE", "CONTAINERS", "IMAGES")
    ]
    row = shop.rows("get", "statefulsets", "-o", "wide")[0]
    assert (row[:2], row[3:]) == (["mysql", "3/3"], ["mysql", "mysql:5.7"])
    assert columns(shop("get", "daemonsets", "-o", "wide")) == [
        *("NAME", "DESIRED", "CURRENT", "READY", "UP-TO-DATE", "AVAILABLE", "NODE SELECTOR"),
        *("AGE", "CONTAINERS", "IMAGES", "SELECTOR"),
    ]
    row = shop.rows("get", "daemonsets", "-o", "wide")[0]
    assert row[6:7] + row[8:] == ["<none>", "fluentd", "fluent/fluentd", "app=fluentd"]
    assert columns(shop("get", "pods", "-o", "wide")) == [
        *("NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE", "NOMINATED NODE"),
        "READINESS GATES",
    ]
    assert columns(shop("get", "nodes", "-o", "wide")) == [
        *("NAME", "STATUS", "ROLES", "AGE", "VERSION", "INTERNAL-IP", "EXTERNAL-IP", "OS-IMAGE"),
        *("KERNEL-VERSION", "CONTAINER-RUNTIME"),
    ]
    assert columns(shop("get", "services", "-o", "wide")) == [
        *("NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE", "SELECTOR")
    ]


def test_whole_objects_as_yaml_and_json(shop):
    whole = shop.json("get", "statefulset", "mysql")
    assert yaml.safe_load(shop("get", "statefulset", "mysql", "-o", "yaml")) == whole
    assert "managedFields" not in whole["metadata"]
    assert whole["status"]["observedGeneration"] == whole["metadata"]["generation"] == 1
    assert whole["spec"]["podManagementPolicy"] == "OrderedReady"
    assert whole["spec"]["updateStrategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"partition": 0},
    }
    applied = whole["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"]
    assert json.loads(applied)["spec"]["serviceName"] == "mysql"
    whole = shop.json("get", "statefulset", "mysql", "--show-managed-fields")
    managers = [
        (entry["manager"], entry["operation"], entry.get("subresource"))
        for entry in whole["metadata"]["managedFields"]
    ]
    assert sorted(managers, key=str) == [
        ("kube-controller-manager", "Update", "status"),
        ("kubectl-client-side-apply", "Update", None),
    ]
    listed = shop.json("get", "pods")
    assert (listed["kind"], listed["apiVersion"]) == ("List", "v1")
    assert {pod["kind"] for pod in listed["items"]} == {"Pod"}


def test_parts_of_objects(shop):
    assert shop.value(".spec.template.spec.containers[0].image", "sts/mysql") == "mysql:5.7"
    names = ["mysql-0", "mysql-1", "mysql-2"]
    selected = ["--selector=app=mysql"]
    assert shop("get", "pods", *selected, "-o", "name").split() == [f"pod/{n}" for n in names]
    table = shop("get", "pods", *selected, "-o", "custom-columns=WHO:.metadata.name,V:.kind")
    assert table.split() == ["WHO", "V", *(word for n in names for word in (n, "Pod"))]
    template = "{{range .items}}{{.metadata.name}} {{end}}"
    assert shop("get", "pods", *selected, "-o", f"go-template={template}").split() == names
    loop = '{range .items[*]}{.metadata.name}={.spec.hostname}{"\\n"}{end}'
    said = shop("get", "pods", *selected, "-o", f"jsonpath={loop}")
    assert said == "mysql-0=mysql-0\nmysql-1=mysql-1\nmysql-2=mysql-2\n"


def test_lists_are_sorted_selected_and_labelled(shop):
    by_node = shop.rows("get", "pods", "--sort-by=.spec.nodeName", "-o", "wide")
    nodes = [row[6] for row in by_node]
    assert (nodes, len(nodes)) == (sorted(nodes), 6)
    sts = ["pods", "--selector=app in (mysql,postgres),controller-revision-hash"]
    backwards = shop("get", *sts, "--sort-by={.metadata.creationTimestamp}", "-o", "name")
    assert sorted(backwards.split()) == ["pod/mysql-0", "pod/mysql-1", "pod/mysql-2"]
    assert len(shop.rows("get", "pods", "--selector=app!=mysql")) == 3
    assert shop.names("pods", "--field-selector=metadata.name=mysql-1") == ["mysql-1"]
    assert len(shop.names("pods", "--field-selector=status.phase=Running")) == 6
    assert len(shop.names("pods", "--chunk-size=2")) == 6
    row = shop.rows("get", "pods", "mysql-1", "--label-columns=app", "--show-labels")[0]
    assert row[5] == "mysql"
    assert "statefulset.kubernetes.io/pod-name=mysql-1" in row[6]
    assert "apps.kubernetes.io/pod-index=1" in row[6]
    assert shop("get", "pods", "mysql-1", "--no-headers").split()[:3] == [
        *("mysql-1", "1/1", "Running")
    ]
    everywhere = shop.rows("get", "sts", "-A")
    assert everywhere[0][:3] == ["shop", "mysql", "3/3"]


def test_several_kinds_at_once(shop):
    table = shop("get", "sts,ds,svc")
    assert [line.split()[0] for line in table.splitlines() if "/" in line.split(" ")[0]] == [
        *("statefulset.apps/mysql", "daemonset.apps/fluentd", "service/mysql")
    ]
    kinds = [name.split("/")[0] for name in shop("get", "all", "-o", "name").split()]
    assert kinds == ["pod"] * 6 + ["service", "daemonset.apps", "statefulset.apps"]


def test_describe_of_the_workloads(shop):
    text = shop("describe", "statefulset", "mysql")
    for line in (
        "Name:               mysql",
        "Selector:           app=mysql",
        "Replicas:           3 desired | 3 total",
        "Update Strategy:    RollingUpdate",
        "Pods Status:        3 Running / 0 Waiting / 0 Succeeded / 0 Failed",
        "      /var/lib/mysql from mysql-storage (rw)",
        "  Name:          mysql-storage",
        "  Capacity:      1Gi",
    ):
        assert f"{line}\n" in text
    events = [line.split()[:2] + line.split()[3:] for line in text.splitlines()]
    for n in range(3):
        for message in (
            f"Create Claim mysql-storage-mysql-{n} Pod mysql-{n} in StatefulSet mysql success",
            f"Create Pod mysql-{n} in StatefulSet mysql successful",
        ):
            said = ["Normal", "SuccessfulCreate", "statefulset-controller", *message.split()]
            assert said in events
    text = shop("describe", "daemonset", "fluentd")
    assert "Desired Number of Nodes Scheduled: 3\n" in text
    assert "Number of Nodes Scheduled with Available Pods: 3\n" in text
    assert "Number of Nodes Misscheduled: 0\n" in text
    assert text.count("daemonset-controller  Created pod: fluentd-") == 3


def test_describe_of_what_they_are_made_of(shop):
    pod = shop("describe", "pod", "mysql-0")
    assert re.search(r"^Node: +node-\d/172\.", pod, re.MULTILINE)
    assert re.search(r"^Controlled By: +StatefulSet/mysql$", pod, re.MULTILINE)
    assert re.search(r"^    ClaimName: +mysql-storage-mysql-0$", pod, re.MULTILINE)
    assert re.search(r"^  Ready +True *$", pod, re.MULTILINE)
    happened = [line.split()[1:2] for line in pod.partition("\nEvents:")[2].splitlines()[3:]]
    for reason in ("Scheduled", "Created", "Started"):
        assert [reason] in happened
    claim = shop("describe", "pvc", "mysql-storage-mysql-0")
    assert re.search(r"^Used By: +mysql-0$", claim, re.MULTILINE)
    assert re.search(r"^Finalizers: +\[kubernetes.io/pvc-protection\]$", claim, re.MULTILINE)
    service = shop("describe", "service", "mysql")
    assert re.search(r"^IP: +None$", service, re.MULTILINE)
    addresses = re.search(r"^Endpoints: +(\S+)$", service, re.MULTILINE)
    assert addresses and addresses[1].count(":3306") == 3
    node = shop("describe", "node", "node-1")
    assert re.search(r"^  Ready +True .* KubeletReady +kubelet is posting", node, re.MULTILINE)
    assert re.search(r"^  HolderIdentity: +node-1$", node, re.MULTILINE)
    assert re.search(r"^  shop +fluentd-\w{5} ", node, re.MULTILINE)
    assert "RegisteredNode" in node


def test_events_of_everything_and_of_one_pod(shop):
    lines = [line.split() for line in shop("events").splitlines()]
    assert lines[0] == ["LAST", "SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    reasons = {(line[2], line[3].split("/")[0]) for line in lines[1:]}
    assert ("SuccessfulCreate", "StatefulSet") in reasons
    assert ("SuccessfulCreate", "DaemonSet") in reasons
    assert ("ProvisioningSucceeded", "PersistentVolumeClaim") in reasons
    assert ("Started", "Pod") in reasons
    one = [line.split() for line in shop("events", "--for=pod/mysql-1").splitlines()[1:]]
    assert {line[3] for line in one} == {"Pod/mysql-1"}
    order = [line[2] for line in one]
    assert order.index("Pulling") < order.index("Created") < order.index("Started")
    objects = ".items[*].involvedObject.name"
    selector = "--field-selector=involvedObject.kind=StatefulSet,reason=SuccessfulCreate"
    assert set(shop.value(objects, "events", selector).split()) == {"mysql"}
    lines = shop("get", "events", "--sort-by=.lastTimestamp").splitlines()
    assert columns(lines[0]) == ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
