"""CronJobs by their plan alone, in zones whose clocks are changed, for thousands of steps.

Nobody polls: the controller has its turn when something changes, when a call has failed, and when
the plan said that it would be time. What is due is found by asking every single minute.
"""

import datetime
import functools
import random
import zoneinfo
from typing import Any

import pytest

from miniplane.api.objects import Obj
from miniplane.clock import VirtualClock, format_time, parse_time
from miniplane.controllers.cronjob import plan as plans
from miniplane.testing import objects
from tests.sim.steps import Steps

SCHEDULES = (
    "*/5 * * * *",
    "0 * * * *",
    "30 2 * * *",
    "*/20 1-4 * * *",
    "15 3 * * 0",
    "59 23 31 * *",
)
ZONES = (None, "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland")
STARTS = ("2026-03-28T12:00:00Z", "2026-03-07T20:00:00Z", "2026-10-24T20:00:00Z")
"""Shortly before clocks are changed somewhere."""
REF = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "tick", "uid": "cron"}


class Refused(Exception):
    """A call has failed, after it was carried out or before."""


@functools.cache
def values(field: str, first: int, last: int) -> frozenset[int]:
    """What a field of a schedule stands for: `*`, `*/n`, `a` or `a-b`."""
    spans, _, step = field.partition("/")
    if spans != "*":
        low, _, high = spans.partition("-")
        first, last = int(low), int(high or low)
    return frozenset(range(first, last + 1, int(step or 1)))


@functools.cache
def due(schedule: str, zone: str | None, minute: int) -> bool:
    """Whether a schedule is due in that minute (Unix time / 60)."""
    local = datetime.datetime.fromtimestamp(minute * 60, zoneinfo.ZoneInfo(zone or "UTC"))
    fields = schedule.split()
    found = (local.minute, local.hour, local.day, local.month, local.isoweekday() % 7)
    bounds = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
    return all(
        value in values(field, *bound)
        for value, field, bound in zip(found, fields, bounds, strict=True)
    )


class Cron:
    """A CronJob, its controller, and what it promises."""

    def __init__(self, seed: Any, steps: Steps) -> None:
        self.random = random.Random(f"cron/{seed}")
        self.steps = steps
        self.clock = VirtualClock(parse_time(self.random.choice(STARTS)))
        self.weather = 0.15
        self.jobs: dict[str, Obj] = {}
        self.ends: dict[str, tuple[float, str]] = {}
        """By name: when a Job ends, and how."""
        self.made: dict[str, None] = {}
        self.lost: dict[str, None] = {}
        """Jobs that run, but that no status has told of when they were made."""
        self.number = 0
        self.wake: float | None = 0.0
        self.syncs = 0
        self.spec: Obj = {
            "schedule": "*/5 * * * *",
            "concurrencyPolicy": "Allow",
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 1,
            "suspend": False,
            "jobTemplate": {"spec": objects.job("x")["spec"]},
        }
        self.status: Obj = {}
        self.created = self.clock.rfc3339()
        self.quiet = False

    @property
    def now(self) -> float:
        return self.clock.time()

    def cron_job(self) -> Obj:
        meta = {"name": "tick", "namespace": "default", "uid": "cron"}
        meta["creationTimestamp"] = self.created
        return {"metadata": meta, "spec": self.spec, "status": self.status}

    # The controller.

    def call(self, act: Any) -> Any:
        self.steps.take()
        if self.random.random() >= self.weather:
            return act()
        if self.random.random() < 0.4:
            act()
        raise Refused

    def sync(self) -> bool:
        self.steps.take()
        self.syncs += 1
        jobs = list(self.jobs.values())
        uids = [job["metadata"]["uid"] for job in jobs]
        active = self.status.get("active", ())
        lost = [ref["uid"] for ref in active if ref["uid"] not in uids]
        found = plans.plan(self.cron_job(), jobs, lost=lost, owner_ref=REF, now=self.now)
        self.wake = None if found.after is None else self.now + found.after
        status = found.status
        try:
            if found.start is not None:
                status = self.start(found.start, status)
            for job in plans.surplus(self.cron_job(), jobs):
                assert plans.ending_of(job), "a Job that runs is forgotten"
                self.call(lambda job=job: self.delete(job["metadata"]["name"]))
                status = plans.without_job(status, job["metadata"]["uid"])
            changed = status != self.status
            if changed:
                self.call(lambda: self.put(status))
        except Refused:
            self.wake = self.now + 0.01
            # What was made is taken over at the next try, unless it is not due any more then.
            listed = [ref["name"] for ref in self.status.get("active", ())]
            running = (name for name, job in self.jobs.items() if not plans.ending_of(job))
            self.lost.update({name: None for name in running if name not in listed})
            return False
        self.check_status()
        # What it wrote is news to it as well.
        return self.sync() if changed else True

    def start(self, start: plans.Start, status: Obj) -> Obj:
        self.check_start(start)
        name = start.job["metadata"]["name"]
        for ref in start.replace:
            if ref["name"] in self.jobs:
                self.call(lambda ref=ref: self.delete(ref["name"]))
            status = plans.without_job(status, ref["uid"])
        others = [n for n, job in self.jobs.items() if not plans.ending_of(job) and n != name]
        if self.spec["concurrencyPolicy"] != "Allow":
            assert all(n in self.lost for n in others), f"{name} is made beside {others}"
        if name not in self.jobs:
            self.call(lambda: self.create(start.job))
        job = self.jobs[name]
        if plans.ending_of(job):
            return {**status, "lastScheduleTime": format_time(start.at)}
        return plans.with_job(status, job, start.at)

    def create(self, job: Obj) -> None:
        name = job["metadata"]["name"]
        assert name not in self.made, f"{name} is made a second time"
        self.made[name] = None
        self.number += 1
        meta = {**job["metadata"], "uid": f"job-{self.number}", "resourceVersion": "1"}
        self.jobs[name] = {**job, "metadata": meta, "status": {"startTime": format_time(self.now)}}
        lasting = self.random.choice((5, 50, 300, 4_000))
        kind = self.random.choice(("Complete", "Complete", "Failed"))
        self.ends[name] = (self.now + lasting, kind)

    def delete(self, name: str) -> None:
        self.jobs.pop(name, None)
        self.ends.pop(name, None)

    def put(self, status: Obj) -> None:
        last = self.status.get("lastScheduleTime", "")
        assert status.get("lastScheduleTime", "") >= last, "the last time goes back"
        self.status = status

    # What is promised.

    def check_start(self, start: plans.Start) -> None:
        spec, at = self.spec, start.at
        assert not spec["suspend"]
        assert at <= self.now, "before its time"
        assert due(spec["schedule"], spec.get("timeZone"), at // 60), "at a time of nobody's"
        assert start.job["metadata"]["name"] == f"tick-{at // 60}"
        limit = spec.get("startingDeadlineSeconds")
        assert limit is None or self.now - at <= limit, "too late"
        later = range(at // 60 + 1, int(self.now) // 60 + 1)
        if len(later) < 3_000:
            missed = [m for m in later if due(spec["schedule"], spec.get("timeZone"), m)]
            assert not missed, "not the last one that has come"

    def check_status(self) -> None:
        """After a sync in which all went well."""
        listed = [ref["name"] for ref in self.status.get("active", ())]
        assert len(dict.fromkeys(listed)) == len(listed)
        running = [name for name, job in self.jobs.items() if not plans.ending_of(job)]
        assert all(name in listed or name in self.lost for name in running), "a Job is forgotten"
        assert all(name in running for name in listed), "a Job that is gone is listed"
        ends = [plans.ending_of(job) for job in self.jobs.values()]
        assert ends.count("Complete") <= self.spec["successfulJobsHistoryLimit"]
        assert ends.count("Failed") <= self.spec["failedJobsHistoryLimit"]

    # Everybody else.

    def until(self, moment: float) -> None:
        """Time passes: Jobs end, and the controller has its turn whenever there is something."""
        while True:
            next_end = min((end for end, _ in self.ends.values()), default=None)
            times = [t for t in (self.wake, next_end) if t is not None and t <= moment]
            if not times:
                self.clock.advance_to(moment)
                return
            self.clock.advance_to(min(times))
            for name, (end, kind) in list(self.ends.items()):
                if end <= self.now:
                    self.end(name, kind)
            self.sync()

    def end(self, name: str, kind: str) -> None:
        self.steps.take()
        del self.ends[name]
        status = {**self.jobs[name]["status"], "conditions": [{"type": kind, "status": "True"}]}
        if kind == "Complete":
            status["completionTime"] = format_time(self.now)
        self.jobs[name] = {**self.jobs[name], "status": status}

    def edit(self) -> None:
        self.steps.take()
        choose, change = self.random.choice, self.random.random()
        if change < 0.15:
            self.spec = {**self.spec, "suspend": choose((True, False, False))}
        elif change < 0.35:
            self.spec = {**self.spec, "concurrencyPolicy": choose(("Allow", "Forbid", "Replace"))}
        elif change < 0.5:
            self.retime(choose(SCHEDULES), choose(ZONES))
            return
        elif change < 0.6:
            limit = choose((None, 20, 400))
            self.spec = {**self.spec, "startingDeadlineSeconds": limit}
            if limit is None:
                del self.spec["startingDeadlineSeconds"]
        elif change < 0.7:
            self.spec = {**self.spec, "successfulJobsHistoryLimit": self.random.randint(0, 3)}
        elif change < 0.85 and self.jobs:
            name = choose(list(self.jobs))
            self.delete(name)
            self.made.pop(name, None)
        self.sync()

    def retime(self, schedule: str, zone: str | None) -> None:
        """Another timetable counts from now on; what it would have been due for has not been."""
        self.spec = {**self.spec, "schedule": schedule}
        self.spec.pop("timeZone", None)
        if zone is not None:
            self.spec["timeZone"] = zone
        job = self.cron_job()
        after = plans.until_next(job, *plans.read(job), self.now)
        self.wake = None if after is None else self.now + after

    def fine_days(self) -> None:
        """No call fails, and nobody meddles: each time has its Job, and nothing else wakes us."""
        self.weather = 0.0
        spec = {k: v for k, v in self.spec.items() if k != "startingDeadlineSeconds"}
        self.spec = {**spec, "suspend": False, "concurrencyPolicy": "Allow"}
        self.sync()
        begin, made, syncs = int(self.now) // 60, len(self.made), self.syncs
        self.until((self.now // 60 + 40 * 60) * 60 + 30)
        wanted = [
            minute
            for minute in range(begin + 1, int(self.now - plans.PADDING) // 60 + 1)
            if due(self.spec["schedule"], self.spec.get("timeZone"), minute)
        ]
        for minute in wanted:
            assert f"tick-{minute}" in self.made, f"{format_time(minute * 60)} is missed"
        assert len(self.made) - made == len(wanted)
        # Once for each time, once for each end of a Job, and once after each of them.
        assert self.syncs - syncs <= 4 * len(wanted) + 60, "something is polled"
        status, jobs = self.status, dict(self.jobs)
        assert self.sync()
        assert (self.status, self.jobs) == (status, jobs), "it never rests"
        self.weather = 0.15


@pytest.mark.seeds(3, steps=2_000)
def test_each_time_has_its_job(seed: int, steps: Steps) -> None:
    cron = Cron(seed, steps)
    for turn in steps.turns():
        cron.edit()
        cron.until(cron.now + cron.random.choice((0, 20, 300, 300, 4_000, 50_000)))
        if turn % 25 == 24:
            cron.fine_days()
    cron.fine_days()
    assert len(cron.made) > 100
