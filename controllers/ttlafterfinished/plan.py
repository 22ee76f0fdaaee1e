"""When a finished Job may go (pure). Follows `pkg/controller/ttlafterfinished`."""

from collections.abc import Mapping
from typing import Any

from miniplane.clock import parse_time

_ENDS = ("Complete", "Failed")


def expires_at(job: Mapping[str, Any]) -> float | None:
    """When the Job is to be deleted, in unix seconds: `ttlSecondsAfterFinished` after it ended.
    None for one that runs, that is to stay, or that is being deleted already."""
    ttl = job["spec"].get("ttlSecondsAfterFinished")
    if ttl is None or "deletionTimestamp" in job["metadata"]:
        return None
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition["type"] in _ENDS and condition["status"] == "True":
            since = condition.get("lastTransitionTime")
            return parse_time(since) + ttl if since else None
    return None
