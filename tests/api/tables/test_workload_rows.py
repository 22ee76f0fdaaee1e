"""Rows of workloads and of what scales them, in the forms of a 1.36 server."""

import pytest

CREATED = "2027-01-15T07:58:00Z"
AGO = "2m"

POD_SPEC = {
    "nodeSelector": {"b": "2", "a": "1"},
    "containers": [{"name": "web", "image": "nginx:1"}, {"name": "side", "image": "s:2"}],
}
SELECTOR = {
    "matchLabels": {"app": "web"},
    "matchExpressions": [{"key": "a", "operator": "In", "values": ["y", "x"]}],
}
TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": POD_SPEC}
WIDE = ["web,side", "nginx:1,s:2", "a in (x,y),app=web"]


def workload(**more):
    spec = {"selector": SELECTOR, "template": TEMPLATE, **more.pop("spec", {})}
    return {"spec": spec, **more}


@pytest.mark.parametrize(
    ("plural", "group", "obj", "cells"),
    [
        (
            "deployments",
            "apps",
            workload(
                spec={"replicas": 3},
                status={"readyReplicas": 1, "updatedReplicas": 2, "availableReplicas": 1},
            ),
            ["1/3", 2, 1, AGO, *WIDE],
        ),
        (
            "replicasets",
            "apps",
            workload(spec={"replicas": 3}, status={"replicas": 2, "readyReplicas": 1}),
            [3, 2, 1, AGO, *WIDE],
        ),
        (
            "replicationcontrollers",
            "",
            workload(spec={"replicas": 1, "selector": {"b": "c", "a": "b"}}),
            [1, 0, 0, AGO, "web,side", "nginx:1,s:2", "a=b,b=c"],
        ),
        (
            "statefulsets",
            "apps",
            workload(spec={"replicas": 3}, status={"readyReplicas": 2}),
            ["2/3", AGO, "web,side", "nginx:1,s:2"],
        ),
        (
            "daemonsets",
            "apps",
            workload(
                status={
                    "desiredNumberScheduled": 5,
                    "currentNumberScheduled": 4,
                    "numberReady": 3,
                    "updatedNumberScheduled": 2,
                    "numberAvailable": 1,
                }
            ),
            [5, 4, 3, 2, 1, "a=1,b=2", AGO, *WIDE],
        ),
        (
            "controllerrevisions",
            "apps",
            {
                "metadata": {
                    "ownerReferences": [
                        {"kind": "Other", "name": "x"},
                        {
                            "apiVersion": "apps/v1",
                            "kind": "StatefulSet",
                            "name": "web",
                            "controller": True,
                        },
                    ]
                },
                "revision": 4,
            },
            ["statefulset.apps/web", 4, AGO],
        ),
        ("podtemplates", "", {"template": TEMPLATE}, ["web,side", "nginx:1,s:2", "app=web"]),
        (
            "poddisruptionbudgets",
            "policy",
            {"spec": {"minAvailable": "50%"}, "status": {"disruptionsAllowed": 2}},
            ["50%", "N/A", 2, AGO],
        ),
        ("poddisruptionbudgets", "policy", {"spec": {"maxUnavailable": 0}}, ["N/A", "0", 0, AGO]),
    ],
)
def test_workloads(row, plural, group, obj, cells):
    assert row(plural, obj, group) == ["a", *cells]


@pytest.mark.parametrize(
    ("spec", "status", "cells"),
    [
        ({}, {}, ["Running", "0/1", ""]),
        ({"parallelism": 3}, {}, ["Running", "0/1 of 3", ""]),
        (
            {"completions": 3},
            {"succeeded": 1, "startTime": CREATED},
            ["Running", "1/3", AGO],
        ),
        (
            {"completions": 1},
            {
                "succeeded": 1,
                "startTime": CREATED,
                "completionTime": "2027-01-15T07:58:42Z",
                "conditions": [{"type": "Complete", "status": "True"}],
            },
            ["Complete", "1/1", "42s"],
        ),
        (
            {"completions": 1},
            {"conditions": [{"type": "Failed", "status": "True"}]},
            ["Failed", "0/1", ""],
        ),
        (
            {"completions": 1},
            {"conditions": [{"type": "Suspended", "status": "True"}]},
            ["Suspended", "0/1", ""],
        ),
        (
            {"completions": 1},
            {"conditions": [{"type": "FailureTarget", "status": "True"}]},
            ["FailureTarget", "0/1", ""],
        ),
    ],
)
def test_jobs(row, spec, status, cells):
    job = workload(spec=spec, status=status)
    assert row("jobs", job, "batch") == ["a", *cells, AGO, *WIDE]


def test_a_job_being_deleted(row):
    obj = workload(metadata={"deletionTimestamp": CREATED})
    assert row("jobs", obj, "batch")[1] == "Terminating"


def test_cron_jobs(row):
    spec = {
        "schedule": "@hourly",
        "timeZone": "Etc/UTC",
        "suspend": False,
        "jobTemplate": {"spec": {"template": TEMPLATE}},
    }
    status = {"active": [{}, {}], "lastScheduleTime": "2027-01-15T07:00:00Z"}
    cells = row("cronjobs", {"spec": spec, "status": status}, "batch")
    wide = ["web,side", "nginx:1,s:2", "<none>"]
    assert cells == ["a", "@hourly", "Etc/UTC", "False", 2, "60m", AGO, *wide]
    bare = row("cronjobs", {"spec": {"schedule": "@daily"}}, "batch")
    assert bare[2:6] == ["<none>", "<unset>", 0, "<none>"]


def resource_metric(name, source="resource", kind="Resource", **target):
    return {"type": kind, source: {"name": name, "target": target}}


def resource_status(name, **current):
    return {"type": "Resource", "resource": {"name": name, "current": current}}


@pytest.mark.parametrize(
    ("metrics", "current", "targets"),
    [
        ([], [], "<none>"),
        ([resource_metric("cpu", averageUtilization=70)], [], "cpu: <unknown>/70%"),
        (
            [resource_metric("cpu", averageUtilization=70)],
            [resource_status("cpu", averageUtilization=0)],
            "cpu: 0%/70%",
        ),
        ([resource_metric("cpu")], [], "cpu: <unknown>/<auto>"),
        (
            [resource_metric("memory", averageValue="1Gi")],
            [resource_status("memory", averageValue="100Mi")],
            "memory: 100Mi/1Gi",
        ),
        (
            [resource_metric("cpu", "containerResource", "ContainerResource", averageValue="1")],
            [],
            "cpu: <unknown>/1",
        ),
        (
            [{"type": "Pods", "pods": {"target": {"averageValue": "10"}}}],
            [{"type": "Pods", "pods": {"current": {"averageValue": "3"}}}],
            "3/10",
        ),
        (
            [{"type": "Object", "object": {"target": {"value": "10"}}}],
            [{"type": "Object", "object": {"current": {"value": "4"}}}],
            "4/10",
        ),
        (
            [{"type": "External", "external": {"target": {"averageValue": "10"}}}],
            [{"type": "External", "external": {"current": {"value": "4"}}}],
            "<unknown>/10 (avg)",
        ),
        ([{"type": "Other"}] * 4, [], "<unknown type>, <unknown type> + 2 more..."),
    ],
)
def test_autoscalers(row, metrics, current, targets):
    spec = {
        "scaleTargetRef": {"kind": "Deployment", "name": "web"},
        "minReplicas": 2,
        "maxReplicas": 5,
        "metrics": metrics,
    }
    status = {"currentReplicas": 3, "currentMetrics": current}
    cells = row("horizontalpodautoscalers", {"spec": spec, "status": status}, "autoscaling", "v2")
    assert cells == ["a", "Deployment/web", targets, "2", 5, 3, AGO]


def test_autoscalers_of_version_1(row):
    spec = {"scaleTargetRef": {"kind": "D", "name": "w"}, "targetCPUUtilizationPercentage": 60}
    cells = row("horizontalpodautoscalers", {"spec": spec}, "autoscaling", "v1")
    assert cells == ["a", "D/w", "cpu: <unknown>/60%", "<unset>", 0, 0, AGO]
