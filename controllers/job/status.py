"""A Job's status: who is counted, in what order, and when the Job has ended (pure).

Follows `trackJobStatusAndRemoveFinalizers` in `pkg/controller/job/job_controller.go`. Each pod that
ends is counted once, whatever fails on the way:

    track   its uid goes into `uncountedTerminatedPods`; with it the condition that says how the Job
            is about to end                                                 -> first write
            then its finalizer is removed                                   -> the pod may go
    settle  the uid leaves the list, the counter grows; when all have left, and no pod is on its way
            out any more, Complete or Failed                                -> second write
"""

import dataclasses
from collections.abc import Iterable, Mapping

from miniplane.api.objects import Obj
from miniplane.clock import format_time
from miniplane.controllers.job import failurepolicy, indexes, jobs
from miniplane.controllers.job.member import JobPod
from miniplane.controllers.job.plan import Outcome, Sync, is_valid

MOST_UNCOUNTED = 500
"""How many pods are counted in one sync, so that the status stays small."""

Told = tuple[str, str, str]
"""An event: type, reason, message."""


@dataclasses.dataclass(frozen=True, slots=True)
class Tracked:
    """The status to be written first, the pods whose finalizer goes then, and the condition in
    which the Job ends afterwards, if it does."""

    status: Obj
    remove: tuple[JobPod, ...]
    kept: Mapping[str, None]
    """The uids of all pods that have the finalizer."""
    finish: Obj | None
    terminating: int
    events: tuple[Told, ...] = ()


def track(sync: Sync, outcome: Outcome, now: float) -> Tracked:
    """The status after the sync's writes, up to where pods lose their finalizer."""
    job, spec = sync.job, sync.job["spec"]
    status = dict(jobs.status_of(job))
    active = len(sync.active) - outcome.deleted + outcome.created
    terminating = sync.terminating + outcome.deleted
    conditions = list(status.get("conditions") or ())
    events: list[Told] = []
    started = sync.started
    finish = None
    if sync.finish is not None:
        # Not while pods are left that could not be deleted, or that the informer does not show yet.
        if outcome.deleted == len(sync.active) and sync.caught_up:
            finish = sync.finish
    elif sync.caught_up and _is_complete(spec.get("completions"), sync.succeeded, active):
        why = "Reached expected number of succeeded pods"
        finish = jobs.condition("SuccessCriteriaMet", "CompletionsReached", why, now)
    elif sync.managed:
        if jobs.is_suspended(job):
            if _put(conditions, "Suspended", "True", "JobSuspended", "Job suspended", now):
                events.append(("Normal", "Suspended", "Job suspended"))
            started = ""
        elif _put(conditions, "Suspended", "False", "JobResumed", "Job resumed", now):
            events.append(("Normal", "Resumed", "Job resumed"))
            started = format_time(now)
    _set(status, "startTime", started)
    _set(status, "active", active)
    status["ready"] = sync.ready - outcome.deleted_ready
    status["terminating"] = terminating

    kept = {pod.uid: None for pod in sync.pods if pod.tracked and pod.uid not in sync.leaving}
    uncounted = {
        kind: list(uids) for kind, uids in (status.get("uncountedTerminatedPods") or {}).items()
    }
    status["uncountedTerminatedPods"] = uncounted
    _count(status, kept)
    remove, new_indexes = _ended(sync, finish, uncounted, kept)
    if jobs.is_indexed(job):
        completed = indexes.merge(sync.completed, indexes.singles(new_indexes))
        _set(status, "succeeded", indexes.total(completed))
        _set(status, "completedIndexes", indexes.text(completed))
        if sync.failed_indexes is not None:
            status["failedIndexes"] = indexes.text(sync.failed_indexes)
        else:
            status.pop("failedIndexes", None)
    if finish is not None and finish["type"] in ("FailureTarget", "SuccessCriteriaMet"):
        if jobs.find(conditions, finish["type"]) is None:
            conditions.append(finish)
        last = "Failed" if finish["type"] == "FailureTarget" else "Complete"
        finish = jobs.condition(last, finish.get("reason", ""), finish.get("message", ""), now)
    if conditions:
        status["conditions"] = conditions
    full = len(remove) < len(kept) and _size(uncounted) + len(new_indexes) >= MOST_UNCOUNTED
    return Tracked(
        status=status,
        remove=tuple(remove),
        kept=kept,
        finish=None if full else finish,
        terminating=terminating,
        events=tuple(events),
    )


def settle(tracked: Tracked, written: Obj, removed: Iterable[str], now: float) -> tuple[Obj, bool]:
    """The status after the finalizers of the pods `removed` (uids) have gone, and whether the Job
    has ended by it. `written` is the status as it is now."""
    status = dict(written)
    uncounted = {
        kind: list(uids) for kind, uids in (status.get("uncountedTerminatedPods") or {}).items()
    }
    status["uncountedTerminatedPods"] = uncounted
    gone = dict.fromkeys(removed)
    _count(status, {uid: None for uid in tracked.kept if uid not in gone})
    finish = tracked.finish
    if finish is None or _size(uncounted) or tracked.terminating:
        return status, False
    conditions = list(status.get("conditions") or ())
    kind, reason, message = finish["type"], finish["reason"], finish["message"]
    _put(conditions, kind, "True", reason, message, now)
    status["conditions"] = conditions
    if kind == "Complete":
        status["completionTime"] = finish["lastTransitionTime"]
    return status, True


def endings(job: Obj, status: Obj, finish: Obj) -> list[Told]:
    """What is told of a Job that has ended."""
    if finish["type"] != "Complete":
        return [("Warning", finish["reason"], finish["message"])]
    told: list[Told] = []
    completions = job["spec"].get("completions")
    if completions is not None and status.get("succeeded", 0) > completions:
        why = "Too many succeeded pods running after completion count reached"
        told.append(("Warning", "TooManySucceededPods", why))
    told.append(("Normal", "Completed", "Job completed"))
    return told


def _is_complete(completions: int | None, succeeded: int, active: int) -> bool:
    if active:
        return False
    return succeeded > 0 if completions is None else succeeded >= completions


def _ended(
    sync: Sync, finish: Obj | None, uncounted: dict[str, list[str]], kept: Mapping[str, None]
) -> tuple[list[JobPod], list[int]]:
    """The pods that need their finalizer no longer, and the indexes that have succeeded with them;
    all others that count go into `uncounted`."""
    job = sync.job
    indexed = jobs.is_indexed(job)
    only_failed = jobs.only_replaces_failed(job)
    deleted = "deletionTimestamp" in job["metadata"]
    # When the Job fails, whatever still runs has failed with it.
    all_fail = finish is not None and finish["type"] != "SuccessCriteriaMet"
    known = {kind: dict.fromkeys(uncounted.get(kind) or ()) for kind in ("succeeded", "failed")}
    remove: list[JobPod] = []
    new_indexes: list[int] = []
    settled = indexes.merge(sync.before, sync.failed_indexes or ())
    for pod in sync.pods:
        if pod.uid not in kept:
            continue
        failed = pod.failed_for(only_failed=only_failed)
        if not (deleted or finish is not None or pod.phase == "Succeeded"):
            held = sync.delayed.get(pod.index)
            if not failed or (held is not None and held.uid == pod.uid):
                continue
        remove.append(pod)
        if pod.phase == "Succeeded" and pod.uid not in known["failed"]:
            if indexed:
                # The index is enough to count it once.
                if is_valid(job, pod) and not indexes.has(settled, pod.index):
                    new_indexes.append(pod.index)
            elif pod.uid not in known["succeeded"]:
                uncounted.setdefault("succeeded", []).append(pod.uid)
        elif (failed or all_fail) and pod.uid not in known["failed"] and _fails(job, pod):
            uncounted.setdefault("failed", []).append(pod.uid)
        if _size(uncounted) + len(new_indexes) >= MOST_UNCOUNTED:
            break
    return remove, new_indexes


def _fails(job: Obj, pod: JobPod) -> bool:
    """Whether the failure of the pod counts."""
    return (
        is_valid(job, pod) and failurepolicy.judge(job["spec"].get("podFailurePolicy"), pod).counts
    )


def _count(status: Obj, kept: Mapping[str, None]) -> None:
    """Count those of the status' uncounted pods that have lost their finalizer."""
    uncounted = status["uncountedTerminatedPods"]
    for kind in ("succeeded", "failed"):
        uids = uncounted.get(kind) or []
        left = [uid for uid in uids if uid in kept]
        if len(left) < len(uids):
            status[kind] = status.get(kind, 0) + len(uids) - len(left)
        if left:
            uncounted[kind] = left
        else:
            uncounted.pop(kind, None)


def _size(uncounted: Mapping[str, list[str]]) -> int:
    return sum(len(uids) for uids in uncounted.values())


def _set(status: Obj, key: str, value: object) -> None:
    """Set it; what is zero or empty is left out."""
    if value:
        status[key] = value
    else:
        status.pop(key, None)


def _put(
    conditions: list[Obj], kind: str, status: str, reason: str, message: str, now: float
) -> bool:
    """Add or change a condition; whether that made a difference. One that is not there need not be
    said to be false."""
    made = jobs.condition(kind, reason, message, now, status=status)
    for position, found in enumerate(conditions):
        if found["type"] != kind:
            continue
        if (found["status"], found.get("reason"), found.get("message")) == (
            status,
            reason,
            message,
        ):
            return False
        conditions[position] = made
        return True
    if status == "False":
        return False
    conditions.append(made)
    return True
