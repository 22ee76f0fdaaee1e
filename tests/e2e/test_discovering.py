"""What kubectl finds out about the server itself."""

import json
import re

import pytest

pytestmark = pytest.mark.kubectl(which=slice(0, 2))


def test_explain_of_a_kind_and_its_fields(kubectl):
    text = kubectl("explain", "statefulset.spec")
    assert text.startswith("GROUP:      apps\nKIND:       StatefulSet\nVERSION:    v1\n\n")
    assert "\nFIELD: spec <StatefulSetSpec>\n" in text
    assert "\n  selector\t<LabelSelector> -required-\n" in text
    assert "\n  volumeClaimTemplates\t<[]PersistentVolumeClaim>\n" in text
    text = kubectl("explain", "daemonset.spec.updateStrategy")
    assert "\nFIELD: updateStrategy <DaemonSetUpdateStrategy>\n" in text
    assert "\n  rollingUpdate\t<RollingUpdateDaemonSet>\n" in text
    assert "\n  type\t<string>\n" in text
    assert "OnDelete, RollingUpdate\n" in text
    text = kubectl("explain", "sts.spec.replicas")
    assert "FIELD: replicas <integer>\n" in text
    assert "If unspecified,\n    defaults to 1.\n" in text
    text = kubectl("explain", "pods", "--recursive")
    assert re.search(r"^ +hostPath\t<HostPathVolumeSource>$", text, re.MULTILINE)
    text = kubectl("explain", "hpa", "--api-version=autoscaling/v1")
    assert text.startswith("GROUP:      autoscaling\nKIND:       HorizontalPodAutoscaler\n")
    wrong = kubectl.refused("explain", "sts.nope")
    assert wrong.endswith('error: field "nope" does not exist')


def test_api_resources_and_versions(kubectl):
    rows = {row[0]: row[1:] for row in kubectl.rows("api-resources", "--api-group=apps")}
    assert rows == {
        "controllerrevisions": ["apps/v1", "true", "ControllerRevision"],
        "daemonsets": ["ds", "apps/v1", "true", "DaemonSet"],
        "deployments": ["deploy", "apps/v1", "true", "Deployment"],
        "replicasets": ["rs", "apps/v1", "true", "ReplicaSet"],
        "statefulsets": ["sts", "apps/v1", "true", "StatefulSet"],
    }
    names = kubectl("api-resources", "--namespaced=false", "-o", "name").split()
    assert {"nodes", "namespaces", "persistentvolumes", "storageclasses.storage.k8s.io"} <= set(
        names
    )
    wide = kubectl("api-resources", "--categories=all", "-o", "wide")
    assert [line.split()[0] for line in wide.splitlines()[1:]] == [
        *("pods", "replicationcontrollers", "services", "daemonsets", "deployments"),
        *("replicasets", "statefulsets", "horizontalpodautoscalers", "cronjobs", "jobs"),
    ]
    assert "create,delete,deletecollection,get,list,patch,update,watch" in wide
    versions = kubectl("api-versions").split()
    assert {"apps/v1", "batch/v1", "v1", "autoscaling/v2", "storage.k8s.io/v1"} <= set(versions)
    assert versions == sorted(versions)


def test_the_server_tells_about_itself(kubectl):
    version = kubectl.json("version")["serverVersion"]
    assert (version["major"], version["minor"]) == ("1", "36")
    assert version["gitVersion"].startswith("v1.36.")
    plain = kubectl("cluster-info")
    assert f"is running at {kubectl.cluster.url}" in re.sub(r"\x1b\[[\d;]*m", "", plain)
    dump = kubectl("cluster-info", "dump", "--output-directory=-")
    assert '"kind": "NodeList"' in dump


def test_raw_requests(kubectl):
    for check in ("/healthz", "/livez", "/readyz"):
        assert kubectl("get", "--raw", check) == "ok"
    assert kubectl("get", "--raw", "/readyz?verbose").endswith("readyz check passed\n")
    assert json.loads(kubectl("get", "--raw", "/version"))["minor"] == "36"
    pods = json.loads(kubectl("get", "--raw", "/api/v1/namespaces/default/pods"))
    assert (pods["kind"], pods["items"]) == ("PodList", [])
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "raw"}}
    path = f"/api/v1/namespaces/{kubectl.namespace}/configmaps"
    made = kubectl("create", "--raw", path, "--filename=-", stdin=json.dumps(body))
    assert json.loads(made)["metadata"]["name"] == "raw"
    gone = json.loads(kubectl("delete", "--raw", f"{path}/raw"))
    assert (gone["kind"], gone["status"]) == ("Status", "Success")


def test_a_fresh_cluster(alone):
    assert alone.names("namespaces") == ["default", "kube-node-lease", "kube-public", "kube-system"]
    assert [row[:3] for row in alone.rows("get", "nodes")] == [
        [f"node-{n}", "Ready", "<none>"] for n in (1, 2, 3)
    ]
    service = alone.rows("get", "services")[0]
    assert service[:5] == ["kubernetes", "ClusterIP", "10.96.0.1", "<none>", "443/TCP"]
    assert alone.rows("get", "storageclasses")[0][:2] == ["standard", "(default)"]
    assert alone.names("serviceaccounts") == ["default"]
    assert alone.names("configmaps") == ["kube-root-ca.crt"]
    assert "cluster-admin" in alone.names("clusterroles")
    assert alone.names("priorityclasses") == ["system-cluster-critical", "system-node-critical"]
    assert alone.names("leases", "--namespace=kube-node-lease") == ["node-1", "node-2", "node-3"]
