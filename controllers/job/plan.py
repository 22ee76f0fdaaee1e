"""What a sync of a Job finds, and which pods it makes or takes away (pure).

Follows `syncJob` and `manageJob` in `pkg/controller/job/job_controller.go`. What becomes of the
status, once the writes have gone well or not, is in `status`. Times are unix seconds.
"""

import dataclasses
import itertools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from miniplane.api.objects import Obj
from miniplane.clock import format_time, parse_time
from miniplane.controllers.job import backoff as backoffs
from miniplane.controllers.job import failurepolicy, indexes, jobs, successpolicy
from miniplane.controllers.job.backoff import Backoff
from miniplane.controllers.job.indexes import Intervals
from miniplane.controllers.job.member import NO_INDEX, JobPod

BURST = 500
"""How many pods are made or taken away in one sync at most."""
BATCH = 1.0
"""Seconds in which changes of pods are gathered before the Job is looked at."""

_PHASES = {"Unknown": 1, "Running": 2}


@dataclasses.dataclass(frozen=True, slots=True)
class Sync:
    """What was found, and what is to be done: make a pod for each of `create` (NO_INDEX where the
    Job has no indexes), or delete those of `delete`."""

    job: Obj
    started: str
    """`startTime`, `""` while there is none."""
    pods: tuple[JobPod, ...]
    """In the order in which they are counted: of an indexed Job by index."""
    active: tuple[JobPod, ...]
    ready: int
    terminating: int
    leaving: Mapping[str, None]
    """Pods, by uid, whose finalizer is on its way out already."""
    succeeded: int
    backoff: Backoff
    completed: Intervals = ()
    """The indexes that have succeeded, and in `before` those that the status has of them."""
    before: Intervals = ()
    failed_indexes: Intervals | None = None
    """None unless failures are counted by index."""
    delayed: Mapping[int, JobPod] = dataclasses.field(default_factory=dict)
    """By index the failed pod that stays until its successor has taken over its count."""
    caught_up: bool = True
    """Whether the informer has shown what earlier syncs did."""
    finish: Obj | None = None
    """The condition in which the Job is about to end."""
    managed: bool = False
    """Whether there was a look at how many pods there should be."""
    create: tuple[int, ...] = ()
    delete: tuple[JobPod, ...] = ()
    uncounted: bool = False
    """Whether the pods of `delete` go without being counted: they lose their finalizer first."""
    after: float | None = None
    """Seconds until time alone makes another look worth while."""


@dataclasses.dataclass(slots=True)
class Outcome:
    """What became of the writes."""

    created: int = 0
    deleted: int = 0
    deleted_ready: int = 0


def plan(
    job: Obj,
    pods: Iterable[JobPod],
    *,
    leaving: Mapping[str, None],
    backoff: Backoff,
    caught_up: bool,
    now: float,
) -> Sync:
    """`pods` are those that the Job controls; `caught_up` says whether the informer has shown what
    earlier syncs did; `backoff` is what earlier syncs know of failures."""
    indexed = jobs.is_indexed(job)
    spec, status = job["spec"], jobs.status_of(job)
    every = tuple(sorted(pods, key=_by_index) if indexed else pods)
    active = tuple(pod for pod in every if not (pod.terminal or pod.terminating))
    only_failed = jobs.only_replaces_failed(job)
    known = status.get("uncountedTerminatedPods") or {}
    new_succeeded = _new(job, every, leaving, known.get("succeeded"), _succeeded)
    new_failed = _new(
        job, every, leaving, known.get("failed"), lambda p: p.failed_for(only_failed=only_failed)
    )
    policy = spec.get("podFailurePolicy")
    failed = status.get("failed", 0) + len(known.get("failed") or ())
    failed += sum(failurepolicy.judge(policy, pod).counts for pod in new_failed)
    succeeded = status.get("succeeded", 0) + len(known.get("succeeded") or ()) + len(new_succeeded)
    started = status.get("startTime") or ""
    if not started and not jobs.is_suspended(job):
        started = format_time(now)
    sync = Sync(
        job=job,
        started=started,
        pods=every,
        active=active,
        ready=sum(pod.ready for pod in active),
        terminating=sum(pod.terminating and not pod.terminal for pod in every),
        leaving=leaving,
        succeeded=succeeded,
        backoff=backoff.after(new_succeeded, new_failed),
        caught_up=caught_up,
    )
    finish = _ending(sync, failed, now)
    if indexed:
        sync, finish = _by_indexes(sync, finish, now)
    if finish is not None:
        return dataclasses.replace(sync, finish=finish, delete=active)
    after = None
    limit = spec.get("activeDeadlineSeconds")
    if limit is not None and not jobs.is_suspended(job):
        after = parse_time(started) + limit - now
    if not caught_up or "deletionTimestamp" in job["metadata"]:
        return dataclasses.replace(sync, after=after)
    return _manage(dataclasses.replace(sync, managed=True, after=after), now)


def _by_index(pod: JobPod) -> int:
    return pod.index


def _succeeded(pod: JobPod) -> bool:
    return pod.phase == "Succeeded"


def is_valid(job: Obj, pod: JobPod) -> bool:
    """Whether the pod can count: of an indexed Job, one with an index that the Job has."""
    if not jobs.is_indexed(job):
        return True
    return NO_INDEX < pod.index < job["spec"]["completions"]


def _new(
    job: Obj,
    pods: Iterable[JobPod],
    leaving: Mapping[str, None],
    uncounted: Collection[str] | None,
    which: Callable[[JobPod], bool],
) -> list[JobPod]:
    """The pods that have ended and are in no count yet."""
    known = dict.fromkeys(uncounted or ())
    return [
        pod
        for pod in pods
        if pod.tracked
        and pod.uid not in leaving
        and pod.uid not in known
        and is_valid(job, pod)
        and which(pod)
    ]


# How the Job ends.


def _ending(sync: Sync, failed: int, now: float) -> Obj | None:
    job, spec = sync.job, sync.job["spec"]
    if (found := jobs.met(job, "SuccessCriteriaMet")) is not None:
        return found
    if (found := jobs.met(job, "FailureTarget")) is not None:
        return jobs.condition("Failed", found.get("reason", ""), found.get("message", ""), now)
    if policy := spec.get("podFailurePolicy"):
        for pod in sync.pods:
            why = failurepolicy.judge(policy, pod).message if pod.phase == "Failed" else ""
            if why:
                return jobs.condition("FailureTarget", "PodFailurePolicy", why, now)
    if failed > spec["backoffLimit"] or _restarted_too_often(sync):
        why = "Job has reached the specified backoff limit"
        return jobs.condition("FailureTarget", "BackoffLimitExceeded", why, now)
    limit = spec.get("activeDeadlineSeconds")
    if limit is None or not sync.started or jobs.is_suspended(job):
        return None
    if now - parse_time(sync.started) < limit:
        return None
    why = "Job was active longer than specified deadline"
    return jobs.condition("FailureTarget", "DeadlineExceeded", why, now)


def _restarted_too_often(sync: Sync) -> bool:
    """Containers that restart in their pods count towards the limit, too."""
    spec = sync.job["spec"]
    if spec["template"]["spec"].get("restartPolicy") != "OnFailure":
        return False
    restarts = sum(pod.restarts for pod in sync.pods if pod.phase in ("Running", "Pending"))
    limit: int = spec["backoffLimit"]
    return restarts >= limit if limit else restarts > 0


def _by_indexes(sync: Sync, finish: Obj | None, now: float) -> tuple[Sync, Obj | None]:
    """The same with the indexes that have succeeded and failed, and how the Job ends by them."""
    job, spec, status = sync.job, sync.job["spec"], jobs.status_of(sync.job)
    completions: int = spec["completions"]
    counted = [pod for pod in sync.pods if pod.tracked and is_valid(job, pod)]
    before = indexes.parse(status.get("completedIndexes", ""), completions)
    given_up = indexes.parse(status.get("failedIndexes") or "", completions)
    # An index may have had two pods, if the answer to a create got lost. The first end counts.
    done = indexes.singles(
        pod.index for pod in counted if _succeeded(pod) and not indexes.has(given_up, pod.index)
    )
    completed = indexes.merge(before, done)
    sync = dataclasses.replace(
        sync, before=before, completed=completed, succeeded=indexes.total(completed)
    )
    if jobs.is_per_index(job):
        failed = indexes.merge(
            given_up,
            indexes.singles(
                pod.index
                for pod in counted
                if _fails_its_index(job, pod) and not indexes.has(completed, pod.index)
            ),
        )
        lost, most = indexes.total(failed), spec.get("maxFailedIndexes")
        if finish is None and most is not None and lost > most:
            why = "Job has exceeded the specified maximal number of failed indexes"
            finish = jobs.condition("FailureTarget", "MaxFailedIndexesExceeded", why, now)
        elif finish is None and lost and lost + sync.succeeded >= completions:
            finish = jobs.condition("FailureTarget", "FailedIndexes", "Job has failed indexes", now)
        delayed = _delayed(sync, counted, failed)
        sync = dataclasses.replace(sync, failed_indexes=failed, delayed=delayed)
    why = successpolicy.match(spec.get("successPolicy"), completions, completed)
    if finish is None and why:
        finish = jobs.condition("SuccessCriteriaMet", "SuccessPolicy", why, now)
    return sync, finish


def _fails_its_index(job: Obj, pod: JobPod) -> bool:
    if not pod.failed_for(only_failed=jobs.only_replaces_failed(job)):
        return False
    verdict = failurepolicy.judge(job["spec"].get("podFailurePolicy"), pod)
    if verdict.action == "FailIndex":
        return True
    limit: int = job["spec"]["backoffLimitPerIndex"]
    return verdict.counts and pod.failures >= limit


def _delayed(sync: Sync, counted: Iterable[JobPod], failed: Intervals) -> dict[int, JobPod]:
    """By index the last pod that failed, where the index is to be tried again."""
    only_failed = jobs.only_replaces_failed(sync.job)
    occupied = {pod.index: None for pod in sync.active}
    last: dict[int, JobPod] = {}
    for pod in counted:
        if pod.uid in sync.leaving or not pod.failed_for(only_failed=only_failed):
            continue
        index = pod.index
        if index in occupied or indexes.has(sync.completed, index) or indexes.has(failed, index):
            continue
        other = last.get(index)
        if other is None or (
            other.failures + other.ignored <= pod.failures + pod.ignored
            and other.finished_at <= pod.finished_at
        ):
            last[index] = pod
    return last


# How many pods there should be.


def _manage(sync: Sync, now: float) -> Sync:
    job, spec = sync.job, sync.job["spec"]
    active = len(sync.active)
    if jobs.is_suspended(job):
        delete = tuple(_removal(job, sync.active, active))
        return dataclasses.replace(sync, delete=delete, uncounted=True)
    parallelism, completions = spec["parallelism"], spec.get("completions")
    if completions is not None:
        wanted = max(0, min(completions - sync.succeeded, parallelism))
    else:
        # Once one has succeeded the others are left to end.
        wanted = active if sync.succeeded else parallelism
    delete = tuple(_removal(job, sync.active, max(0, active - wanted))[:BURST])
    if delete:
        return dataclasses.replace(sync, delete=delete, uncounted=True)
    lacking = wanted - active
    if jobs.only_replaces_failed(job):
        lacking -= sync.terminating
    if lacking <= 0:
        return sync
    if not jobs.is_per_index(job) and (wait := sync.backoff.remaining(now)) > 0:
        return _later(sync, wait)
    lacking = min(lacking, BURST)
    if not jobs.is_indexed(job):
        return dataclasses.replace(sync, create=(NO_INDEX,) * lacking)
    create = _pending(sync, lacking)
    if jobs.is_per_index(job):
        waits = {i: backoffs.of_index(sync.delayed.get(i)).remaining(now) for i in create}
        ready = tuple(index for index in create if not waits[index])
        if waits and not ready:
            return _later(sync, min(waits.values()))
        create = ready
    return dataclasses.replace(sync, create=create)


def _later(sync: Sync, wait: float) -> Sync:
    wait = max(wait, BATCH)
    after = wait if sync.after is None else min(wait, sync.after)
    return dataclasses.replace(sync, after=after)


def _pending(sync: Sync, count: int) -> tuple[int, ...]:
    """The first indexes that nobody is at and that are not done with."""
    taken = [pod.index for pod in sync.active if pod.index != NO_INDEX]
    if jobs.only_replaces_failed(sync.job):
        going = (pod for pod in sync.pods if pod.terminating and not pod.terminal)
        taken += [pod.index for pod in going if pod.index != NO_INDEX]
    busy = indexes.merge(sync.completed, indexes.singles(taken))
    busy = indexes.merge(busy, sync.failed_indexes or ())
    free = indexes.missing(busy, sync.job["spec"]["completions"])
    return tuple(itertools.islice(free, count))


def _removal(job: Obj, active: Sequence[JobPod], at_least: int) -> list[JobPod]:
    """Which pods go: those with an index twice or of no use, then as many more as it takes."""
    if jobs.is_indexed(job):
        remove, left = _strays(active, job["spec"]["completions"])
    else:
        remove, left = [], list(active)
    if len(remove) < at_least:
        remove += sorted(left, key=_rank)[: at_least - len(remove)]
    return remove


def _strays(pods: Iterable[JobPod], completions: int) -> tuple[list[JobPod], list[JobPod]]:
    remove: list[JobPod] = []
    left: list[JobPod] = []
    for index, group in itertools.groupby(sorted(pods, key=_by_index), key=_by_index):
        same = list(group)
        if index == NO_INDEX or index >= completions:
            remove += same
        elif len(same) == 1:
            left += same
        else:
            same.sort(key=_rank)
            remove += same[:-1]
            left.append(same[-1])
    return remove, left


def _rank(pod: JobPod) -> tuple[Any, ...]:
    """Those that can best be spared first: unassigned, pending, not ready, ready for a short time,
    restarted often, young (`ActivePods` in `pkg/controller/controller_utils.go`)."""
    regular, sidecars = pod.most_restarts
    return (
        pod.bound,
        _PHASES.get(pod.phase, 0),
        pod.ready,
        -(pod.ready_since or 0.0) if pod.ready else 0.0,
        -regular,
        -sidecars,
        -parse_time(pod.created_at) if pod.created_at else float("-inf"),
        pod.name,
    )
