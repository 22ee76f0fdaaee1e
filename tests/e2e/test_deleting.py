"""How objects go, and what goes with them."""

import pytest

pytestmark = pytest.mark.kubectl(which=slice(0, 2))


@pytest.fixture
def mysql(kubectl):
    kubectl("apply", "--filename=mysql.yaml")
    kubectl("rollout", "status", "statefulset/mysql")
    return kubectl


def owners(kubectl):
    return set(kubectl.value(".items[*].metadata.ownerReferences[*].uid", "pods").split())


def test_orphans_stay_and_are_adopted(mysql):
    uids = mysql.value(".items[*].metadata.uid", "pods")
    first = mysql.value(".metadata.uid", "statefulset/mysql")
    assert owners(mysql) == {first}
    said = mysql("delete", "statefulset", "mysql", "--cascade=orphan")
    assert said.startswith('statefulset.apps "mysql" deleted')
    assert mysql.names("statefulsets") == []
    assert mysql.names("pods") == ["mysql-0", "mysql-1", "mysql-2"]
    assert owners(mysql) == set()
    # Nobody makes an orphan again.
    mysql("delete", "pod", "mysql-2")
    assert mysql.names("pods") == ["mysql-0", "mysql-1"]
    mysql("apply", "--filename=mysql.yaml")
    mysql("wait", "--for=jsonpath={.status.readyReplicas}=3", "statefulset/mysql")
    second = mysql.value(".metadata.uid", "statefulset/mysql")
    assert owners(mysql) == {second} != {first}
    assert mysql.value(".items[*].metadata.uid", "pods").split()[:2] == uids.split()[:2]


def test_in_the_foreground_the_pods_go_first(mysql):
    with mysql.watch("pods") as pods:
        mysql("delete", "statefulset", "mysql", "--cascade=foreground")
        assert mysql.names("pods") == []
        pods.until("mysql-0 0/1 Completed")
    assert mysql.names("statefulsets") == []
    assert len(mysql.names("pvc")) == 3


def test_in_the_background_they_follow(mysql, eventually):
    mysql("delete", "statefulset", "mysql")
    assert mysql.names("statefulsets") == []
    eventually(lambda: mysql.names("pods") == [])
    # The claims outlive their set, and are used by the next one.
    before = mysql.value(".items[*].spec.volumeName", "pvc")
    mysql("apply", "--filename=mysql.yaml")
    mysql("rollout", "status", "statefulset/mysql")
    assert mysql.value(".items[*].spec.volumeName", "pvc") == before


def test_a_claim_in_use_waits_for_its_pod(mysql):
    claim = "mysql-storage-mysql-2"
    volume = mysql.value(".spec.volumeName", "pvc", claim)
    mysql("delete", "pvc", claim, "--wait=false")
    assert mysql.rows("get", "pvc", claim)[0][:2] == [claim, "Terminating"]
    mysql("scale", "statefulset", "mysql", "--replicas=2")
    mysql("wait", "--for=delete", f"pvc/{claim}")
    mysql("wait", "--for=delete", f"pv/{volume}")
    assert len(mysql.names("pvc")) == 2


def test_claims_can_go_with_the_scale(mysql):
    policy = '{"spec":{"persistentVolumeClaimRetentionPolicy":{"whenScaled":"Delete"}}}'
    mysql("patch", "statefulset", "mysql", f"--patch={policy}")
    mysql("scale", "statefulset", "mysql", "--replicas=1")
    mysql("wait", "--for=delete", "pvc/mysql-storage-mysql-1", "pvc/mysql-storage-mysql-2")
    assert mysql.names("pvc") == ["mysql-storage-mysql-0"]


def test_a_namespace_goes_with_everything_in_it(mysql):
    mysql("create", "deployment", "web", "--image=nginx", "--replicas=2")
    mysql("create", "configmap", "settings")
    mysql("apply", "--filename=fluentd.yaml", "--filename=mysql-service.yaml")
    mysql("rollout", "status", "daemonset/fluentd")
    assert mysql("delete", "namespace", mysql.namespace).startswith(
        f'namespace "{mysql.namespace}" deleted'
    )
    assert mysql.namespace not in mysql.names("namespaces")
    left = mysql.names("all,configmaps,secrets,pvc,serviceaccounts,events,endpointslices")
    assert left == []
    refused = mysql.refused("create", "configmap", "late")
    assert refused.endswith(f'namespaces "{mysql.namespace}" not found')


def test_a_namespace_of_the_system_stays(kubectl):
    assert kubectl.refused("delete", "namespace", "kube-system").endswith(
        'Error from server (Forbidden): namespaces "kube-system" is forbidden: '
        "this namespace may not be deleted"
    )


def test_deletion_in_several_ways(kubectl, eventually):
    for name in ("a", "b", "c", "d"):
        kubectl("create", "configmap", name)
    kubectl("label", "configmap", "a", "b", "old=yes")
    assert len(kubectl("delete", "configmaps", "--selector=old=yes").splitlines()) == 2
    assert kubectl.names("configmaps") == ["c", "d", "kube-root-ca.crt"]
    missing = kubectl.refused("delete", "configmap", "a")
    assert missing == 'Error from server (NotFound): configmaps "a" not found'
    assert kubectl("delete", "configmap", "a", "--ignore-not-found") == ""
    kubectl("delete", "configmaps", "--all")
    # Every namespace is given this one anew.
    eventually(lambda: kubectl.names("configmaps") == ["kube-root-ca.crt"])
    kubectl("run", "one", "--image=busybox")
    kubectl("wait", "--for=condition=Ready", "pod/one")
    kubectl("delete", "pod", "one", "--force", "--grace-period=0")
    assert kubectl.names("pods") == []
    kubectl("run", "two", "--image=busybox")
    kubectl("delete", "pod", "two", "--now")
    assert kubectl.names("pods") == []


def test_a_finalizer_holds_an_object(kubectl):
    kubectl("create", "configmap", "c")
    kubectl("patch", "cm", "c", '--patch={"metadata":{"finalizers":["example.com/hold"]}}')
    kubectl("delete", "configmap", "c", "--wait=false")
    assert kubectl.value(".metadata.deletionTimestamp", "configmap", "c") != ""
    kubectl("patch", "cm", "c", "--type=merge", '--patch={"metadata":{"finalizers":null}}')
    kubectl("wait", "--for=delete", "configmap/c")
    assert "NotFound" in kubectl.refused("get", "configmap", "c")
