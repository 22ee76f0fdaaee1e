"""What is asked of a Job: its mode, its policies, its conditions (pure)."""

from collections.abc import Mapping
from typing import Any

from miniplane.api.objects import Obj
from miniplane.clock import format_time

CONTROLLER = "kubernetes.io/job-controller"


def status_of(job: Mapping[str, Any]) -> Obj:
    return job.get("status") or {}


def is_indexed(job: Mapping[str, Any]) -> bool:
    return job["spec"].get("completionMode") == "Indexed"


def is_suspended(job: Mapping[str, Any]) -> bool:
    return bool(job["spec"].get("suspend"))


def is_managed_elsewhere(job: Mapping[str, Any]) -> bool:
    """Whether another controller looks after it, by `spec.managedBy`."""
    return job["spec"].get("managedBy", CONTROLLER) != CONTROLLER


def is_per_index(job: Mapping[str, Any]) -> bool:
    return job["spec"].get("backoffLimitPerIndex") is not None


def only_replaces_failed(job: Mapping[str, Any]) -> bool:
    """Whether a pod gets a successor only when it has ended, not when it is about to."""
    spec = job["spec"]
    return spec.get("podReplacementPolicy") == "Failed" or bool(spec.get("podFailurePolicy"))


def find(conditions: Any, kind: str) -> Obj | None:
    """The condition of that type, whatever its status."""
    for condition in conditions or ():
        if condition["type"] == kind:
            found: Obj = condition
            return found
    return None


def met(job: Mapping[str, Any], kind: str) -> Obj | None:
    """The condition of that type, if it is true."""
    found = find(status_of(job).get("conditions"), kind)
    return found if found is not None and found["status"] == "True" else None


def ending_of(job: Mapping[str, Any]) -> Obj | None:
    """The condition Complete or Failed of a Job that has ended."""
    return met(job, "Complete") or met(job, "Failed")


def condition(kind: str, reason: str, message: str, now: float, *, status: str = "True") -> Obj:
    moment = format_time(now)
    return {
        "type": kind,
        "status": status,
        "lastProbeTime": moment,
        "lastTransitionTime": moment,
        "reason": reason,
        "message": message,
    }
