"""How long a Job waits before it replaces pods that failed.

Follows `pkg/controller/job/backoff_utils.go`: 10 s after the first failure since the last success,
doubling up to 10 minutes, counted from when the last pod failed. Times are unix seconds.
"""

import dataclasses
from collections.abc import Iterable

from miniplane.controllers.job.member import JobPod

FIRST = 10.0
LONGEST = 600.0


@dataclasses.dataclass(frozen=True, slots=True)
class Backoff:
    """Failures since the last success, and when the last of them was."""

    failures: int = 0
    last: float = 0.0

    def after(self, succeeded: Iterable[JobPod], failed: Iterable[JobPod]) -> "Backoff":
        """With pods that have ended since."""
        ends = [pod.finished_at for pod in failed]
        success = max((pod.finished_at for pod in succeeded), default=None)
        if success is None:
            return Backoff(self.failures + len(ends), max(ends)) if ends else self
        later = [end for end in ends if end > success]
        return Backoff(len(later), max(later)) if later else Backoff()

    def remaining(self, now: float) -> float:
        """Seconds until pods may be made again; 0 for now."""
        if not self.failures:
            return 0.0
        # Beyond 2**6 the limit holds anyway.
        wait = min(FIRST * 2 ** min(self.failures - 1, 6), LONGEST)
        return max(0.0, self.last + wait - now)


def of_index(last: JobPod | None) -> Backoff:
    """The back-off of one index, from the pod that failed last in it. None: no pod failed."""
    if last is None:
        return Backoff()
    return Backoff(last.failures + last.ignored + 1, last.finished_at)
