"""Defaults of Jobs and CronJobs (`pkg/apis/batch/v1/defaults.go`)."""

from miniplane.api.defaults.pods import pod_template
from miniplane.api.objects import Obj

_NO_LIMIT = 2147483647


def job(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    if spec.get("parallelism") is None:
        if spec.get("completions") is None:
            spec["completions"] = 1
        spec["parallelism"] = 1
    if spec.get("backoffLimit") is None:
        # With a limit for each index, the limit over all must not get in the way.
        spec["backoffLimit"] = 6 if spec.get("backoffLimitPerIndex") is None else _NO_LIMIT
    template = spec.setdefault("template", {})
    labels = (template.get("metadata") or {}).get("labels")
    if labels:
        meta = obj.setdefault("metadata", {})
        if not meta.get("labels"):
            meta["labels"] = dict(labels)
    if spec.get("completionMode") is None:
        spec["completionMode"] = "NonIndexed"
    if spec.get("suspend") is None:
        spec["suspend"] = False
    if spec.get("manualSelector") is None:
        spec["manualSelector"] = False
    if spec.get("podReplacementPolicy") is None:
        policy = spec.get("podFailurePolicy")
        spec["podReplacementPolicy"] = "TerminatingOrFailed" if policy is None else "Failed"
    _job_spec(spec)


def cron_job(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    if not spec.get("concurrencyPolicy"):
        spec["concurrencyPolicy"] = "Allow"
    for name, value in (
        ("suspend", False),
        ("successfulJobsHistoryLimit", 3),
        ("failedJobsHistoryLimit", 1),
    ):
        if spec.get(name) is None:
            spec[name] = value
    _job_spec(spec.setdefault("jobTemplate", {}).setdefault("spec", {}))


def _job_spec(spec: Obj) -> None:
    """What holds for the jobs of CronJobs too, which are only completed once they are made."""
    for rule in (spec.get("podFailurePolicy") or {}).get("rules") or ():
        for pattern in rule.get("onPodConditions") or ():
            if not pattern.get("status"):
                pattern["status"] = "True"
    pod_template(spec.setdefault("template", {}))
