"""Jobs and CronJobs (`pkg/api/job/warnings.go`)."""

from collections.abc import Mapping
from typing import Any

from miniplane.api.warnings import pods

MANY_COMPLETIONS = 100_000
MUCH_PARALLELISM = 10_000


def job(path: str, spec: Mapping[str, Any]) -> list[str]:
    """Warnings for a JobSpec at `path`."""
    out = []
    if (
        spec.get("completionMode") == "Indexed"
        and spec.get("completions", 0) > MANY_COMPLETIONS
        and spec.get("parallelism", 0) > MUCH_PARALLELISM
    ):
        out.append(
            f"{path}: In Indexed Jobs with a number of completions higher than 10^5 and a "
            "parallelism higher than 10^4, Kubernetes might not be able to track "
            "completedIndexes when a big number of indexes fail"
        )
    return out + pods.template(f"{path}.template", spec.get("template") or {})


def cron_job(obj: Mapping[str, Any], *, template: bool = True) -> list[str]:
    """Warnings for a CronJob; `template` tells whether what it makes is looked at."""
    spec = obj["spec"]
    out = []
    if template:
        inner = (spec.get("jobTemplate") or {}).get("spec") or {}
        out += job("spec.jobTemplate.spec", inner)
    if "TZ" in spec.get("schedule", ""):
        out.append(
            "CRON_TZ or TZ used in spec.spec.schedule is not officially supported, see "
            "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
        )
    return out
