"""Which Jobs a CronJob starts, replaces and forgets, and what its status says (pure).

Follows `syncCronJob` in `pkg/controller/cronjob/cronjob_controllerv2.go`. Times are unix seconds.
"""

import dataclasses
import datetime
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from miniplane.api import cron
from miniplane.api.cron import Schedule
from miniplane.api.objects import Obj, thaw
from miniplane.clock import format_time, parse_time
from miniplane.controllers.cronjob import schedule as schedules
from miniplane.controllers.cronjob.schedule import Zone

SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"
PADDING = 0.1
"""Seconds after its time at which a Job is started, so that no clock is too early for it."""
MANY = 100
"""More missed times than that are told of."""

Told = tuple[str, str, str]
"""An event: type, reason, message."""


class InvalidSchedule(ValueError):
    """A schedule that can be read, but whose times do not come."""


@dataclasses.dataclass(frozen=True, slots=True)
class Start:
    """A Job for the scheduled time `at`. The active Jobs `replace` go first."""

    at: int
    job: Obj
    replace: tuple[Obj, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """The status before anything is started, what is told, what is started, and in how many
    seconds time alone makes another look worth while."""

    status: Obj
    events: tuple[Told, ...] = ()
    start: Start | None = None
    after: float | None = None


# Jobs.


def ending_of(job: Mapping[str, Any]) -> str:
    """`Complete`, `Failed`, or `""` for a Job that has not ended."""
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
            kind: str = condition["type"]
            return kind
    return ""


def job_name(cron_job: Obj, at: int) -> str:
    return f"{cron_job['metadata']['name']}-{at // 60}"


def job_for(cron_job: Obj, owner_ref: Obj, at: int, zone: Zone) -> Obj:
    """The Job for one scheduled time; its name makes sure that there is only one."""
    template = cron_job["spec"]["jobTemplate"]
    meta = template.get("metadata") or {}
    moment = datetime.datetime.fromtimestamp(at, zone).isoformat().replace("+00:00", "Z")
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": job_name(cron_job, at),
            "namespace": cron_job["metadata"]["namespace"],
            "labels": dict(meta.get("labels") or {}),
            "annotations": {**(meta.get("annotations") or {}), SCHEDULED: moment},
            "ownerReferences": [owner_ref],
        },
        "spec": thaw(template.get("spec") or {}),
    }


def reference(job: Obj) -> Obj:
    """As `status.active` lists it."""
    meta = job["metadata"]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "name": meta["name"],
        "namespace": meta["namespace"],
        "uid": meta["uid"],
        "resourceVersion": meta["resourceVersion"],
    }


def with_job(status: Obj, job: Obj, at: int) -> Obj:
    """The status after a Job has been started."""
    active = [*(status.get("active") or ()), reference(job)]
    return {**status, "active": active, "lastScheduleTime": format_time(at)}


def without_job(status: Obj, uid: str) -> Obj:
    active = [ref for ref in status.get("active") or () if ref.get("uid") != uid]
    kept = {key: value for key, value in status.items() if key != "active"}
    return {**kept, "active": active} if active else kept


def surplus(cron_job: Obj, jobs: Iterable[Obj]) -> list[Obj]:
    """The ended Jobs beyond the history limits, oldest first."""
    found: list[Obj] = []
    spec = cron_job["spec"]
    ended = [(ending_of(job), job) for job in jobs]
    for ending, field in (
        ("Complete", "successfulJobsHistoryLimit"),
        ("Failed", "failedJobsHistoryLimit"),
    ):
        limit = spec.get(field)
        if limit is None:
            continue
        of_kind = sorted((job for kind, job in ended if kind == ending), key=_by_start)
        found += of_kind[: max(0, len(of_kind) - limit)]
    return found


def _by_start(job: Obj) -> tuple[bool, str, str]:
    started = (job.get("status") or {}).get("startTime") or ""
    return (not started, started, job["metadata"]["name"])


# Times.


def read(cron_job: Obj) -> tuple[Schedule, Zone]:
    """The schedule, and the zone in which it is due. ValueError for one that cannot be read."""
    spec = cron_job["spec"]
    found = cron.parse(spec["schedule"])
    name = found.zone
    if not name and "TZ" not in spec["schedule"]:
        name = spec.get("timeZone") or ""
    return found, _zone(name)


def _zone(name: str) -> Zone:
    try:
        return schedules.zone_of(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"unknown time zone {name}") from None


def recent(
    cron_job: Obj, schedule: Schedule, zone: Zone, now: float, *, within_deadline: bool
) -> tuple[float, int | None, int]:
    """From when on times count, the last one that has come since, and about how many have.

    `within_deadline` leaves out those that are past the starting deadline. InvalidSchedule.
    """
    spec, status = cron_job["spec"], cron_job.get("status") or {}
    since = status.get("lastScheduleTime") or cron_job["metadata"]["creationTimestamp"]
    earliest = parse_time(since)
    deadline = spec.get("startingDeadlineSeconds")
    if within_deadline and deadline is not None:
        earliest = max(earliest, now - deadline)
    first = schedules.following(schedule, earliest, zone)
    if first is None:
        raise InvalidSchedule("time difference between two schedules is less than 1 second")
    if now < first:
        return earliest, None, 0
    second = schedules.following(schedule, first, zone)
    if second is None:
        raise InvalidSchedule("time difference between two schedules is less than 1 second")
    if now < second:
        return earliest, first, 1
    # As if all were as far apart as the first two: a start near the last one, to count from.
    missed = int(now - first) // (second - first) + 1
    last: int | None = None
    at = schedules.following(schedule, first + (missed - 2) * (second - first), zone)
    while at is not None and at <= now:
        last = at
        at = schedules.following(schedule, at, zone)
    return earliest, last, missed


def until_next(cron_job: Obj, schedule: Schedule, zone: Zone, now: float) -> float | None:
    """Seconds until the next time, and a little more."""
    try:
        earliest, last, missed = recent(cron_job, schedule, zone, now, within_deadline=False)
    except InvalidSchedule:
        since = now
    else:
        since = float(last) if last is not None else (now if missed else earliest)
    at = schedules.following(schedule, since, zone)
    return None if at is None else at + PADDING - now


# The whole.


def plan(
    cron_job: Obj, jobs: Sequence[Obj], *, lost: Iterable[str], owner_ref: Obj, now: float
) -> Plan:
    """`jobs` are those that the CronJob controls; `lost` the uids of active ones that are gone."""
    events: list[Told] = []
    spec = cron_job["spec"]
    status = _observed(cron_job, jobs, lost, events)
    cron_job = {**cron_job, "status": status}

    def done(*told: Told, after: float | None = None, start: Start | None = None) -> Plan:
        return Plan(status=status, events=(*events, *told), after=after, start=start)

    if "deletionTimestamp" in cron_job["metadata"]:
        return done()
    if (name := spec.get("timeZone")) is not None:
        try:
            _zone(name)
        except ValueError as error:
            why = f'invalid timeZone: "{name}": {error}'
            return done(("Warning", "UnknownTimeZone", why))
    if spec.get("suspend"):
        return done()
    text = spec["schedule"]
    if "TZ" in text:
        why = (
            f'CRON_TZ or TZ used in schedule "{text}" is not officially supported, see '
            "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
        )
        events.append(("Warning", "UnsupportedSchedule", why))
    try:
        schedule, zone = read(cron_job)
    except ValueError as error:
        why = f'unparseable schedule: "{text}" : {error}'
        return done(("Warning", "UnparseableSchedule", why))
    try:
        _, at, missed = recent(cron_job, schedule, zone, now, within_deadline=True)
    except InvalidSchedule as error:
        return done(("Warning", "InvalidSchedule", f"invalid schedule: {text} : {error}"))
    after = until_next(cron_job, schedule, zone, now)
    if at is None:
        return done(after=after)
    if missed > MANY:
        why = (
            "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check "
            "clock skew"
        )
        events.append(("Warning", "TooManyMissedTimes", why))
    deadline = spec.get("startingDeadlineSeconds")
    if deadline is not None and at + deadline < now:
        moment = datetime.datetime.fromtimestamp(at, datetime.UTC)
        why = f"Missed scheduled time to start a job: {moment:%a, %d %b %Y %H:%M:%S +0000}"
        return done(("Warning", "MissSchedule", why), after=after)
    active = status.get("active") or ()
    if any(ref["name"] == job_name(cron_job, at) for ref in active) or _is_last(status, at):
        return done(after=after)
    policy = spec.get("concurrencyPolicy")
    if policy == "Forbid" and active:
        why = "Not starting job because prior execution is running and concurrency policy is Forbid"
        return done(("Normal", "JobAlreadyActive", why), after=after)
    replace = tuple(active) if policy == "Replace" else ()
    body = job_for(cron_job, owner_ref, at, zone)
    # Counted from the time that is about to be the last one.
    begun = {**cron_job, "status": {**status, "lastScheduleTime": format_time(at)}}
    after = until_next(begun, schedule, zone, now)
    return done(start=Start(at=at, job=body, replace=replace), after=after)


def _is_last(status: Obj, at: int) -> bool:
    last = status.get("lastScheduleTime")
    return last is not None and parse_time(last) == at


def _observed(cron_job: Obj, jobs: Iterable[Obj], lost: Iterable[str], events: list[Told]) -> Obj:
    """The status with what has become of the Jobs."""
    status: Obj = dict(cron_job.get("status") or {})
    names = {ref.get("uid"): ref.get("name", "") for ref in status.get("active") or ()}
    for job in jobs:
        name, uid = job["metadata"]["name"], job["metadata"]["uid"]
        ending = ending_of(job)
        if not ending:
            if uid not in names:
                why = f"Saw a job that the controller did not create or forgot: {name}"
                events.append(("Warning", "UnexpectedJob", why))
        elif uid in names:
            status = without_job(status, uid)
            why = f"Saw completed job: {name}, condition: {ending}"
            events.append(("Normal", "SawCompletedJob", why))
        elif completed := (job.get("status") or {}).get("completionTime"):
            last = status.get("lastSuccessfulTime")
            if last is None or parse_time(last) < parse_time(completed):
                status["lastSuccessfulTime"] = completed
    for uid in lost:
        status = without_job(status, uid)
        events.append(("Normal", "MissingJob", f"Active job went missing: {names.get(uid, '')}"))
    return status
