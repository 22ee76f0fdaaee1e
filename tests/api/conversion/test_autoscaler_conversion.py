"""HorizontalPodAutoscalers between autoscaling/v2 and autoscaling/v1."""

import copy
import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from miniplane.api import conversion, resources
from miniplane.api.conversion import autoscalers

V1 = resources.resource("horizontalpodautoscalers", "autoscaling", "v1")
V2 = resources.resource("horizontalpodautoscalers", "autoscaling", "v2")

TARGET = {"kind": "Deployment", "name": "web", "apiVersion": "apps/v1"}


def cpu(percent):
    target = {"type": "Utilization", "averageUtilization": percent}
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


RICH = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "h", "annotations": {"mine": "kept"}},
    "spec": {
        "scaleTargetRef": TARGET,
        "minReplicas": 1,
        "maxReplicas": 3,
        "metrics": [
            {
                "type": "Resource",
                "resource": {
                    "name": "memory",
                    "target": {"type": "AverageValue", "averageValue": "1Gi"},
                },
            },
            {
                "type": "Pods",
                "pods": {
                    "metric": {"name": "rps", "selector": {"matchLabels": {"a": "b"}}},
                    "target": {"type": "AverageValue", "averageValue": "10"},
                },
            },
            {
                "type": "Object",
                "object": {
                    "describedObject": {"kind": "Ingress", "name": "i"},
                    "target": {"type": "Value", "value": "5"},
                    "metric": {"name": "q"},
                },
            },
            {
                "type": "External",
                "external": {
                    "metric": {"name": "e"},
                    "target": {"type": "AverageValue", "averageValue": "7"},
                },
            },
            {
                "type": "ContainerResource",
                "containerResource": {
                    "name": "cpu",
                    "target": {"type": "Utilization", "averageUtilization": 60},
                    "container": "c",
                },
            },
            cpu(50),
        ],
        "behavior": {
            "scaleUp": {
                "stabilizationWindowSeconds": 0,
                "selectPolicy": "Max",
                "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}],
            },
            "scaleDown": {"stabilizationWindowSeconds": 300},
        },
    },
    "status": {
        "currentReplicas": 2,
        "desiredReplicas": 2,
        "currentMetrics": [
            {
                "type": "Resource",
                "resource": {
                    "name": "cpu",
                    "current": {"averageValue": "1m", "averageUtilization": 12},
                },
            }
        ],
        "conditions": [
            {
                "type": "AbleToScale",
                "status": "True",
                "lastTransitionTime": "2027-01-01T00:00:00Z",
                "reason": "ReadyForNewScale",
            }
        ],
    },
}


def test_what_version_1_cannot_say_travels_in_annotations():
    before = copy.deepcopy(RICH)
    old = conversion.from_storage(V1, RICH)
    assert before == RICH
    assert old["spec"] == {
        "scaleTargetRef": TARGET,
        "minReplicas": 1,
        "maxReplicas": 3,
        "targetCPUUtilizationPercentage": 50,
    }
    assert old["status"] == {
        "currentReplicas": 2,
        "desiredReplicas": 2,
        "currentCPUUtilizationPercentage": 12,
    }
    annotations = old["metadata"]["annotations"]
    assert annotations["mine"] == "kept"
    metrics = json.loads(annotations[autoscalers.METRICS])
    assert metrics[0] == {
        "type": "Resource",
        "resource": {"name": "memory", "targetAverageValue": "1Gi"},
    }
    assert metrics[2]["object"] == {
        "target": {"kind": "Ingress", "name": "i"},
        "metricName": "q",
        "targetValue": "5",
    }
    assert len(metrics) == 5
    behavior = json.loads(annotations[autoscalers.BEHAVIOR])
    assert behavior["ScaleDown"] == {
        "StabilizationWindowSeconds": 300,
        "SelectPolicy": None,
        "Policies": None,
        "Tolerance": None,
    }
    assert conversion.to_storage(V1, old) == RICH


def test_version_1_alone():
    old = {
        "apiVersion": "autoscaling/v1",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "h"},
        "spec": {"scaleTargetRef": TARGET, "maxReplicas": 5, "targetCPUUtilizationPercentage": 70},
        "status": {"currentReplicas": 0, "desiredReplicas": 0},
    }
    new = conversion.to_storage(V1, old)
    assert new["spec"]["metrics"] == [cpu(70)]
    assert new["status"] == {"desiredReplicas": 0, "currentMetrics": None}
    back = conversion.from_storage(V1, new)
    assert back["spec"] == old["spec"]
    assert "annotations" not in back["metadata"]


def test_version_1s_implicit_target():
    new = conversion.to_storage(V1, {"metadata": {"name": "h"}, "spec": {"maxReplicas": 1}})
    assert new["spec"]["metrics"] == [cpu(80)]


def test_version_2_drops_the_annotations_of_version_1():
    obj = {"metadata": {"name": "h", "annotations": {autoscalers.METRICS: "[]"}}, "spec": {}}
    assert conversion.to_storage(V2, obj)["metadata"] == {"name": "h"}


def test_html_characters_are_escaped_as_go_does():
    metric = {"type": "External", "external": {"metric": {"name": "<&>"}, "target": {}}}
    old = conversion.from_storage(V1, {"metadata": {}, "spec": {"metrics": [metric]}})
    assert "\\u003c\\u0026\\u003e" in old["metadata"]["annotations"][autoscalers.METRICS]
    again = conversion.to_storage(V1, old)
    assert again["spec"]["metrics"][0]["external"]["metric"]["name"] == "<&>"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "resource", "object", "external", "target", "current", "name", "metric"]
            ),
            below,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@settings(derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(JSON, JSON, st.lists(JSON, max_size=3))
def test_annotations_may_hold_anything(metrics, behavior, statuses):
    annotations = {
        autoscalers.METRICS: json.dumps(metrics),
        autoscalers.BEHAVIOR: json.dumps(behavior),
        autoscalers.CURRENT_METRICS: json.dumps(statuses),
        autoscalers.CONDITIONS: "{not json",
    }
    obj = {"metadata": {"name": "h", "annotations": annotations}, "spec": {}}
    new = conversion.to_storage(V1, obj)
    assert "annotations" not in new["metadata"]
    conversion.from_storage(V1, new)
