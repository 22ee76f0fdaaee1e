"""The core of the article with each further kubectl: versions differ in what they send."""

import pytest

pytestmark = pytest.mark.kubectl(which=slice(2, None))


def test_the_article_in_short(alone):
    with alone.watch("pods") as pods:
        assert alone("apply", "-f", "mysql.yaml") == "statefulset.apps/mysql created\n"
        alone("rollout", "status", "statefulset/mysql")
        alone("scale", "statefulset", "mysql", "--replicas=5")
        alone("rollout", "status", "statefulset/mysql")
        pods.tells(*[f"{sign}mysql-{n}" for n in range(5) for sign in "+="])
    assert [row[1] for row in alone.rows("get", "pvc")] == ["Bound"] * 5
    alone("apply", "-f", "mysql-service.yaml", "-f", "fluentd.yaml")
    assert alone("apply", "-f", "fluentd.yaml") == "daemonset.apps/fluentd unchanged\n"
    alone("rollout", "status", "daemonset/fluentd")
    alone.cluster.miniplane("node", "add", "new-node")
    alone("wait", "--for=condition=Ready", "node/new-node")
    assert alone("label", "node", "new-node", "app=fluentd") == "node/new-node labeled\n"
    alone("wait", "--for=jsonpath={.status.numberReady}=4", "daemonset/fluentd")
    assert alone.rows("get", "daemonsets")[0][1:6] == ["4"] * 5
    nodes = [row[6] for row in alone.rows("get", "pods", "-o", "wide", "-l", "app=fluentd")]
    assert sorted(nodes) == ["new-node", "node-1", "node-2", "node-3"]


def test_the_daily_commands(alone):
    alone("apply", "-f", "mysql.yaml")
    alone("rollout", "status", "statefulset/mysql")
    alone("set", "image", "statefulset/mysql", "mysql=mysql:8.0")
    alone("rollout", "status", "statefulset/mysql")
    history = alone("rollout", "history", "statefulset/mysql").split()
    assert history[3:] == ["1", "<none>", "2", "<none>"]
    alone("rollout", "undo", "statefulset/mysql")
    alone("rollout", "status", "statefulset/mysql")
    assert "Image:        mysql:5.7\n" in alone("describe", "statefulset", "mysql")
    assert "mysql-storage-mysql-0" in alone("describe", "pod", "mysql-0")
    assert "Created" in alone("events", "--for=pod/mysql-0")
    alone.cluster.miniplane("log", "mysql-0", "a line")
    assert alone("logs", "mysql-0", "--tail=1") == "a line\n"
    assert "[pod/mysql-0/mysql] a line\n" in alone("logs", "-l", "app=mysql", "--prefix")
    assert "FIELDS:" in alone("explain", "statefulset.spec")
    alone("create", "namespace", "team")
    alone("create", "configmap", "c", "--from-literal=a=b", "-n", "team")
    alone("create", "deployment", "web", "--image=nginx", "-n", "team")
    alone("wait", "--for=condition=Available", "deployment/web", "-n", "team")
    alone("label", "configmap", "c", "x=y", "-n", "team")
    alone("patch", "configmap", "c", '--patch={"data":{"a":"c"}}', "-n", "team")
    assert alone("get", "cm", "c", "-n", "team", "-o=jsonpath={.data.a}") == "c"
    alone("delete", "deployment", "web", "-n", "team", "--cascade=foreground")
    assert alone.run("get", "pods", "-n", "team").stdout == ""
    alone("delete", "pod", "mysql-1")
    alone("wait", "--for=jsonpath={.status.readyReplicas}=3", "statefulset/mysql")
    misspelt = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"d"},"dat":{}}'
    refused = alone.refused("create", "-f", "-", stdin=misspelt)
    assert 'strict decoding error: unknown field "dat"' in refused
    diff = alone.run("diff", "-f", "mysql.yaml")
    assert (diff.returncode, diff.stdout) == (0, "")
    alone("drain", "node-1", "--ignore-daemonsets", "--force")
    alone("uncordon", "node-1")
