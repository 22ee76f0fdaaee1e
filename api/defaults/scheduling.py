"""Defaults of priority classes (`pkg/apis/scheduling/v1/defaults.go`)."""

from miniplane.api.objects import Obj


def priority_class(obj: Obj) -> None:
    if obj.get("preemptionPolicy") is None:
        obj["preemptionPolicy"] = "PreemptLowerPriority"
