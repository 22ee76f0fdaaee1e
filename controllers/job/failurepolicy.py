"""What a Job's `podFailurePolicy` makes of a pod that failed.

Follows `pkg/controller/job/pod_failure_policy.go`: the first rule that matches decides.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from miniplane.api.objects import Obj
from miniplane.controllers.job.member import JobPod


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """`action` is that of the rule (`""`: none matched); `message` says why the Job fails, `""` if
    it does not because of this pod."""

    action: str = ""
    message: str = ""

    @property
    def counts(self) -> bool:
        """Whether the failure counts towards the back-off limits."""
        return self.action != "Ignore"


_NOTHING = Verdict()


def judge(policy: Mapping[str, Any] | None, pod: JobPod) -> Verdict:
    for number, rule in enumerate((policy or {}).get("rules") or ()):
        action = rule["action"]
        if on_exit := rule.get("onExitCodes"):
            found = _exit(on_exit, pod.exits)
            if found is None:
                continue
            container, code = found
            why = (
                f"Container {container} for pod {pod.namespace}/{pod.name} failed with exit code "
                f"{code} matching {action} rule at index {number}"
            )
        else:
            kind = _condition(rule.get("onPodConditions") or (), pod)
            if not kind:
                continue
            why = (
                f"Pod {pod.namespace}/{pod.name} has condition {kind} matching {action} rule "
                f"at index {number}"
            )
        return Verdict(action, why if action == "FailJob" else "")
    return _NOTHING


def _exit(rule: Obj, exits: Iterable[tuple[str, int]]) -> tuple[str, int] | None:
    only = rule.get("containerName")
    wanted = rule["operator"] == "In"
    for container, code in exits:
        if only is not None and container != only:
            continue
        if (code in rule["values"]) is wanted:
            return container, code
    return None


def _condition(patterns: Iterable[Obj], pod: JobPod) -> str:
    for kind, status in pod.conditions:
        for pattern in patterns:
            if pattern["type"] == kind and pattern.get("status", "True") == status:
                return kind
    return ""
