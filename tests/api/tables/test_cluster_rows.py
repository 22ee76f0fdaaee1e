"""Rows of storage, of the cluster itself and of its configuration and policies."""

import pytest

CREATED = "2027-01-15T07:58:00Z"
AGO = "2m"


def test_volumes(row):
    spec = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteMany", "ReadWriteOnce", "ReadWriteOnce"],
        "persistentVolumeReclaimPolicy": "Delete",
        "claimRef": {"namespace": "x", "name": "c"},
        "storageClassName": "standard",
        "volumeMode": "Filesystem",
    }
    cells = row("persistentvolumes", {"spec": spec, "status": {"phase": "Bound"}})
    assert cells == [
        *("a", "1Gi", "RWO,RWX", "Delete", "Bound", "x/c", "standard", "<unset>", "", AGO),
        "Filesystem",
    ]
    annotations = {"volume.beta.kubernetes.io/storage-class": "old"}
    meta = {"deletionTimestamp": CREATED, "annotations": annotations}
    going = row("persistentvolumes", {"metadata": meta, "spec": {"storageClassName": "new"}})
    assert going[1:7] == ["0", "", "", "Terminating", "", "old"]


def test_claims(row):
    spec = {"volumeName": "pv", "storageClassName": "standard", "volumeMode": "Block"}
    status = {
        "phase": "Bound",
        "accessModes": ["ReadWriteOncePod", "ReadOnlyMany"],
        "capacity": {"storage": "2Gi"},
    }
    cells = row("persistentvolumeclaims", {"spec": spec, "status": status})
    assert cells == ["a", "Bound", "pv", "2Gi", "ROX,RWOP", "standard", "<unset>", AGO, "Block"]
    pending = row("persistentvolumeclaims", {"spec": {}, "status": {"phase": "Pending"}})
    assert pending == ["a", "Pending", "", "", "", "", "<unset>", AGO, "<unset>"]


DEFAULT = {"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}


@pytest.mark.parametrize(
    ("plural", "obj", "cells"),
    [
        (
            "storageclasses",
            {"metadata": DEFAULT, "provisioner": "p", "allowVolumeExpansion": True},
            ["a (default)", "p", "Delete", "Immediate", True, AGO],
        ),
        (
            "storageclasses",
            {"reclaimPolicy": "Retain", "volumeBindingMode": "WaitForFirstConsumer"},
            ["a", "", "Retain", "WaitForFirstConsumer", False, AGO],
        ),
        ("volumeattributesclasses", {"driverName": "d"}, ["a", "d", AGO]),
        (
            "volumeattachments",
            {
                "spec": {
                    "attacher": "d",
                    "nodeName": "n",
                    "source": {"persistentVolumeName": "pv"},
                },
                "status": {"attached": True},
            },
            ["a", "d", "pv", "n", True, AGO],
        ),
        ("csinodes", {"spec": {"drivers": [{}, {}]}}, ["a", 2, AGO]),
        (
            "csidrivers",
            {"spec": {"tokenRequests": [{"audience": "x"}], "volumeLifecycleModes": ["Ephemeral"]}},
            ["a", True, False, False, "x", False, "Ephemeral", AGO],
        ),
        ("csidrivers", {}, ["a", True, False, False, "<unset>", False, "<none>", AGO]),
        ("csistoragecapacities", {"storageClassName": "s"}, ["a", "s", "<unset>"]),
        ("csistoragecapacities", {"capacity": "1Gi"}, ["a", "", "1Gi"]),
    ],
)
def test_storage(row, plural, obj, cells):
    assert row(plural, obj, "storage.k8s.io") == cells


def test_nodes(row):
    info = {
        "kubeletVersion": "v1.36.2",
        "osImage": "Linux",
        "kernelVersion": "6.1",
        "architecture": "amd64",
        "containerRuntimeVersion": "containerd://2.0",
    }
    labels = {
        "node-role.kubernetes.io/worker": "",
        "node-role.kubernetes.io/control-plane": "",
        "kubernetes.io/role": "edge",
        "node-role.kubernetes.io/": "",
    }
    status = {
        "conditions": [{"type": "Ready", "status": "True"}],
        "addresses": [{"type": "InternalIP", "address": "192.0.2.9"}],
        "nodeInfo": info,
    }
    obj = {"metadata": {"labels": labels}, "spec": {"unschedulable": True}, "status": status}
    assert row("nodes", obj) == [
        *("a", "Ready,SchedulingDisabled", "control-plane,edge,worker", AGO, "v1.36.2"),
        *("192.0.2.9", "<none>", "Linux", "6.1 (amd64)", "containerd://2.0"),
    ]
    status["conditions"] = [{"type": "Ready", "status": "Unknown"}]
    assert row("nodes", {"status": status})[1:3] == ["NotReady", "<none>"]
    none = ["<none>", "<none>", "<unknown>", "<unknown>", "<unknown>"]
    assert row("nodes", {})[1:] == ["Unknown", "<none>", AGO, "", *none]


EVENT = {
    "involvedObject": {"kind": "Pod", "name": "web", "fieldPath": "spec.containers{web}"},
    "type": "Normal",
    "reason": "Started",
    "message": " Started container\n",
    "source": {"component": "kubelet", "host": "n1"},
    "firstTimestamp": "2027-01-15T07:00:00Z",
    "lastTimestamp": "2027-01-15T07:59:00Z",
    "count": 3,
}


def test_events(row):
    shown = ["Normal", "Started", "pod/web", "spec.containers{web}", "kubelet, n1"]
    assert row("events", dict(EVENT)) == ["60s", *shown, "Started container", "60m", 3, "a"]


def test_events_of_the_new_version(row):
    new = {
        "regarding": {"kind": "Node"},
        "type": "Warning",
        "reason": "Tested",
        "note": "hello",
        "eventTime": "2027-01-15T07:50:00.000001Z",
        "reportingController": "example.com/test",
    }
    group = "events.k8s.io"
    shown = ["Warning", "Tested", "node", "", "example.com/test", "hello"]
    assert row("events", dict(new), group) == ["9m59s", *shown, "9m59s", 1, "a"]
    series = {"count": 7, "lastObservedTime": "2027-01-15T07:59:30.000000Z"}
    again = row("events", {**new, "series": series}, group)
    assert (again[0], again[8]) == ("30s", 7)


@pytest.mark.parametrize(
    ("plural", "group", "obj", "cells"),
    [
        ("namespaces", "", {"status": {"phase": "Active"}}, ["Active", AGO]),
        ("leases", "coordination.k8s.io", {"spec": {"holderIdentity": "me"}}, ["me", AGO]),
        ("leases", "coordination.k8s.io", {}, ["", AGO]),
        (
            "priorityclasses",
            "scheduling.k8s.io",
            {"value": -7, "globalDefault": True, "preemptionPolicy": "Never"},
            [-7, True, AGO, "Never"],
        ),
        ("runtimeclasses", "node.k8s.io", {"handler": "kata"}, ["kata", AGO]),
        ("componentstatuses", "", {}, ["Unknown", "", ""]),
        (
            "componentstatuses",
            "",
            {"conditions": [{"type": "Healthy", "status": "True", "message": "ok"}]},
            ["Healthy", "ok", ""],
        ),
        (
            "apiservices",
            "apiregistration.k8s.io",
            {"status": {"conditions": [{"type": "Available", "status": "True", "reason": "L"}]}},
            ["Local", "True", AGO],
        ),
        (
            "apiservices",
            "apiregistration.k8s.io",
            {
                "spec": {"service": {"namespace": "x", "name": "metrics"}},
                "status": {
                    "conditions": [{"type": "Available", "status": "False", "reason": "Gone"}]
                },
            },
            ["x/metrics", "False (Gone)", AGO],
        ),
        ("configmaps", "", {"data": {"a": "b", "c": "d"}, "binaryData": {"e": "AA=="}}, [3, AGO]),
        ("secrets", "", {"type": "Opaque", "data": {"a": "AA=="}}, ["Opaque", 1, AGO]),
        ("serviceaccounts", "", {"secrets": [{"name": "s"}]}, [AGO]),
        (
            "resourcequotas",
            "",
            {
                "status": {
                    "hard": {"requests.cpu": "2", "pods": "3", "limits.cpu": "4"},
                    "used": {"pods": "1"},
                }
            },
            ["pods: 1/3, requests.cpu: 0/2", "limits.cpu: 0/4", AGO],
        ),
        (
            "rolebindings",
            "rbac.authorization.k8s.io",
            {
                "roleRef": {"kind": "Role", "name": "r"},
                "subjects": [
                    {"kind": "User", "name": "jane"},
                    {"kind": "User", "name": "joe"},
                    {"kind": "Group", "name": "devs"},
                    {"kind": "ServiceAccount", "name": "s", "namespace": "x"},
                ],
            },
            ["Role/r", AGO, "jane, joe", "devs", "x/s"],
        ),
    ],
)
def test_cluster_and_configuration(row, plural, group, obj, cells):
    assert row(plural, obj, group) == ["a", *cells]


@pytest.mark.parametrize(
    ("conditions", "certificate", "state"),
    [
        ([], None, "Pending"),
        (["Approved"], None, "Approved"),
        (["Approved"], "AA==", "Approved,Issued"),
        (["Approved", "Failed"], None, "Approved,Failed"),
        (["Approved", "Denied"], None, "Denied"),
    ],
)
def test_certificate_signing_requests(row, conditions, certificate, state):
    status = {"conditions": [{"type": t} for t in conditions], "certificate": certificate}
    spec = {"signerName": "s", "username": "jane", "expirationSeconds": 3600}
    cells = row(
        "certificatesigningrequests", {"spec": spec, "status": status}, "certificates.k8s.io"
    )
    assert cells == ["a", AGO, "s", "jane", "60m", state]


ADMISSION, FLOW, DRA = (
    "admissionregistration.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "resource.k8s.io",
)


@pytest.mark.parametrize(
    ("plural", "group", "obj", "cells"),
    [
        ("mutatingwebhookconfigurations", ADMISSION, {"webhooks": [{}, {}]}, [2, AGO]),
        ("validatingwebhookconfigurations", ADMISSION, {}, [0, AGO]),
        (
            "validatingadmissionpolicies",
            ADMISSION,
            {"spec": {"validations": [{}], "paramKind": {"apiVersion": "v1", "kind": "P"}}},
            [1, "v1/P", AGO],
        ),
        (
            "mutatingadmissionpolicies",
            ADMISSION,
            {"spec": {"mutations": [{}]}},
            [1, "<unset>", AGO],
        ),
        (
            "validatingadmissionpolicybindings",
            ADMISSION,
            {"spec": {"policyName": "p", "paramRef": {"name": "x"}}},
            ["p", "*/x", AGO],
        ),
        (
            "mutatingadmissionpolicybindings",
            ADMISSION,
            {"spec": {"policyName": "p", "paramRef": {"name": "x", "namespace": "n"}}},
            ["p", "n/x", AGO],
        ),
        (
            "mutatingadmissionpolicybindings",
            ADMISSION,
            {"spec": {"paramRef": {"selector": {"matchLabels": {"a": "b"}}}}},
            [
                "",
                "&LabelSelector{MatchLabels:map[string]string{a: b,},"
                "MatchExpressions:[]LabelSelectorRequirement{},}",
                AGO,
            ],
        ),
        (
            "flowschemas",
            FLOW,
            {
                "spec": {
                    "matchingPrecedence": 9,
                    "priorityLevelConfiguration": {"name": "l"},
                    "distinguisherMethod": {"type": "ByUser"},
                },
                "status": {"conditions": [{"type": "Dangling", "status": "False"}]},
            },
            ["l", 9, "ByUser", AGO, "False"],
        ),
        ("flowschemas", FLOW, {}, ["", 0, "<none>", AGO, "?"]),
        (
            "prioritylevelconfigurations",
            FLOW,
            {"spec": {"type": "Exempt", "exempt": {}}},
            ["Exempt", "<none>", "<none>", "<none>", "<none>", AGO],
        ),
        (
            "prioritylevelconfigurations",
            FLOW,
            {
                "spec": {
                    "type": "Limited",
                    "limited": {
                        "nominalConcurrencyShares": 20,
                        "limitResponse": {
                            "queuing": {"queues": 128, "handSize": 6, "queueLengthLimit": 50}
                        },
                    },
                }
            },
            ["Limited", 20, 128, 6, 50, AGO],
        ),
        ("deviceclasses", DRA, {}, [AGO]),
        ("resourceclaimtemplates", DRA, {}, [AGO]),
        ("resourceclaims", DRA, {}, ["pending", AGO]),
        (
            "resourceclaims",
            DRA,
            {"status": {"allocation": {}, "reservedFor": [{}]}},
            ["allocated,reserved", AGO],
        ),
        ("resourceclaims", DRA, {"metadata": {"deletionTimestamp": CREATED}}, ["deleted", AGO]),
        (
            "resourceslices",
            DRA,
            {"spec": {"nodeName": "n", "driver": "d", "pool": {"name": "p"}}},
            ["n", "d", "p", AGO],
        ),
    ],
)
def test_policies_and_dynamic_resources(row, plural, group, obj, cells):
    assert row(plural, obj, group) == ["a", *cells]
