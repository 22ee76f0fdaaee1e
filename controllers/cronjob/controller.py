"""Starts Jobs by the clock.

A CronJob is looked at when it, or a Job of it, changes, and when its next time has come: nothing
is polled. Those timers are upkeep, so nobody waits for them.
"""

from miniplane.api import errors, objects, resources
from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj, controller_of, key_of, split_key
from miniplane.api.options import DeleteOptions
from miniplane.clock import format_time
from miniplane.controllers import grouping, owners
from miniplane.controllers.cronjob import plan as plans
from miniplane.runtime.controller import Controller, ControllerContext, Result


def _revision(obj: Obj) -> int:
    return int(obj["metadata"]["resourceVersion"])


class CronJobController(Controller):
    name = "cronjob-controller"

    def __init__(self, ctx: ControllerContext):
        super().__init__(ctx)
        self._written: dict[str, Obj] = {}
        """By key the CronJob as this controller wrote it last. It counts until the informer shows
        something newer, so that no Job is taken for a stranger."""

    def setup(self) -> None:
        self.cron_jobs = self.informer(resources.CRON_JOBS)
        self.jobs = self.informer(resources.JOBS)
        grouping.add_to(self.jobs)
        self.cron_jobs.on_change(self._changed)
        self.jobs.on_change(self._job_changed)

    def _changed(self, old: Obj | None, new: Obj | None) -> None:
        if new is None:
            assert old is not None
            self._written.pop(key_of(old), None)
            return
        key = key_of(new)
        if old is not None and _timetable(old) != _timetable(new):
            # What the new schedule would have been due for before now has not been missed.
            now = self.clock.time()
            try:
                after = plans.until_next(new, *plans.read(new), now)
            except ValueError:
                after = 0.0
            if after is not None:
                self.queue.add_after(key, after, background=True)
            return
        self.queue.add(key)

    def _job_changed(self, old: Obj | None, new: Obj | None) -> None:
        for job in (old, new):
            ref = controller_of(job) if job is not None else None
            if job is None or ref is None or ref.get("kind") != resources.CRON_JOBS.kind:
                continue
            namespace = job["metadata"]["namespace"]
            owner = self.cron_jobs.get(namespace, ref["name"])
            if owner is not None and owner["metadata"]["uid"] == ref["uid"]:
                self.queue.add(key_of(owner))

    async def reconcile(self, key: str) -> Result | None:
        cron_job = self.cron_jobs.get(*split_key(key))
        if cron_job is None:
            return None
        written = self._written.get(key)
        if written is not None and _revision(written) > _revision(cron_job):
            cron_job = written
        uid = cron_job["metadata"]["uid"]
        jobs = grouping.owned(self.jobs, uid)
        plan = plans.plan(
            cron_job,
            jobs,
            lost=await self._lost(cron_job, jobs),
            owner_ref=owners.controller_ref(resources.CRON_JOBS, cron_job),
            now=self.clock.time(),
        )
        for told in plan.events:
            await self.recorder.event(cron_job, *told)
        status = plan.status
        try:
            if plan.start is not None:
                status = await self._start(cron_job, status, plan.start)
        except _Failed as failed:
            await self._put(key, cron_job, failed.status)
            raise failed.error from None
        for job in plans.surplus(cron_job, jobs):
            if not objects.is_terminating(job) and await self._delete(cron_job, job["metadata"]):
                status = plans.without_job(status, job["metadata"]["uid"])
        await self._put(key, cron_job, status)
        return Result(after=plan.after, background=True)

    async def _lost(self, cron_job: Obj, jobs: list[Obj]) -> list[str]:
        """The uids of active Jobs that are gone, which the server is asked for."""
        known = {job["metadata"]["uid"]: None for job in jobs}
        lost = []
        for ref in (cron_job.get("status") or {}).get("active") or ():
            if ref.get("uid") in known:
                continue
            try:
                await self.client.get(resources.JOBS, ref["name"], ref["namespace"])
            except StatusError as error:
                if not errors.is_not_found(error):
                    raise
                lost.append(ref.get("uid", ""))
        return lost

    async def _start(self, cron_job: Obj, status: Obj, start: plans.Start) -> Obj:
        """Make the Job, and return the status with it. `_Failed` with the status so far."""
        for ref in start.replace:
            try:
                await self.client.get(resources.JOBS, ref["name"], ref["namespace"])
            except StatusError as error:
                await self.recorder.event(
                    cron_job, "Warning", "FailedGet", f"Get job: {error.message}"
                )
                raise _Failed(status, error) from None
            if not await self._delete(cron_job, ref):
                why = f"could not replace job {ref['namespace']}/{ref['name']}"
                raise _Failed(status, errors.internal_error(why))
            status = plans.without_job(status, ref["uid"])
        try:
            made = await self.client.create(resources.JOBS, start.job)
        except StatusError as error:
            if errors.is_already_exists(error):
                return await self._take_over(cron_job, status, start)
            if not errors.is_namespace_terminating(error):
                why = f"Error creating job: {error.message}"
                await self.recorder.event(cron_job, "Warning", "FailedCreate", why)
            raise _Failed(status, error) from None
        why = f"Created job {made['metadata']['name']}"
        await self.recorder.event(cron_job, "Normal", "SuccessfulCreate", why)
        return plans.with_job(status, made, start.at)

    async def _take_over(self, cron_job: Obj, status: Obj, start: plans.Start) -> Obj:
        """The Job is there already: made by others, or by us before the status got lost."""
        meta = start.job["metadata"]
        found = await self.client.get(resources.JOBS, meta["name"], meta["namespace"])
        ref = controller_of(found)
        if ref is None or ref["uid"] != cron_job["metadata"]["uid"]:
            return status
        if plans.ending_of(found):
            return {**status, "lastScheduleTime": format_time(start.at)}
        return plans.with_job(status, found, start.at)

    async def _delete(self, cron_job: Obj, meta: Obj) -> bool:
        """Delete a Job with its pods. `meta` is its metadata, or a reference to it."""
        options = DeleteOptions(propagation_policy="Background")
        try:
            await self.client.delete(
                resources.JOBS, meta["name"], meta["namespace"], options=options
            )
        except StatusError as error:
            why = f"Deleted job: {error.message}"
            await self.recorder.event(cron_job, "Warning", "FailedDelete", why)
            return False
        why = f"Deleted job {meta['name']}"
        await self.recorder.event(cron_job, "Normal", "SuccessfulDelete", why)
        return True

    async def _put(self, key: str, cron_job: Obj, status: Obj) -> None:
        if status == (cron_job.get("status") or {}):
            return
        body = {**cron_job, "status": status}
        self._written[key] = await self.client.update(
            resources.CRON_JOBS, body, subresource="status"
        )


class _Failed(Exception):
    """A Job could not be started: the status so far, and why."""

    def __init__(self, status: Obj, error: StatusError):
        super().__init__(error.message)
        self.status = status
        self.error = error


def _timetable(cron_job: Obj) -> tuple[str, str | None]:
    spec = cron_job["spec"]
    return spec["schedule"], spec.get("timeZone")
