"""Defaults of autoscalers (`pkg/apis/autoscaling/{v1,v2}/defaults.go`)."""

from typing import Any

from miniplane.api.objects import Obj

_PERIOD = 15


def horizontal_v1(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    if spec.get("minReplicas") is None:
        spec["minReplicas"] = 1


def horizontal_v2(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    if spec.get("minReplicas") is None:
        spec["minReplicas"] = 1
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    behavior = spec.get("behavior")
    if behavior is not None:
        up = {
            "stabilizationWindowSeconds": 0,
            "selectPolicy": "Max",
            "policies": [_policy("Pods", 4), _policy("Percent", 100)],
        }
        down = {"selectPolicy": "Max", "policies": [_policy("Percent", 100)]}
        behavior["scaleUp"] = up | _given(behavior.get("scaleUp"))
        behavior["scaleDown"] = down | _given(behavior.get("scaleDown"))


def _policy(kind: str, value: int) -> dict[str, Any]:
    return {"type": kind, "value": value, "periodSeconds": _PERIOD}


def _given(rules: Obj | None) -> Obj:
    return {name: value for name, value in (rules or {}).items() if value is not None}
