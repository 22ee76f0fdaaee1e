"""Runs Jobs: makes their pods, counts those that end, and says when the Job has.

A sync adopts and releases, makes or deletes pods, and then counts in the two writes that `status`
describes. Pods that nobody counts any more, because their Job is gone or has ended, lose their
finalizer under keys of their own.
"""

import asyncio
import dataclasses

from miniplane.api import errors, objects, resources
from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj, key_of, split_key
from miniplane.api.options import DeleteOptions
from miniplane.api.selectors import labels as label_selectors
from miniplane.api.selectors.labels import LabelSelector
from miniplane.controllers import adoption, owners, scaling
from miniplane.controllers.job import jobs, status, template
from miniplane.controllers.job import plan as plans
from miniplane.controllers.job.backoff import Backoff
from miniplane.controllers.job.member import FINALIZER, JobPod
from miniplane.controllers.owners import Claimed
from miniplane.controllers.podindex import PodIndex
from miniplane.runtime.controller import Controller, ControllerContext, Result
from miniplane.runtime.expectations import Expectations

_ORPHAN = "orphan:"
_TURN = 16
"""After so many writes other tasks get their turn."""
_FAR = 600.0
"""Seconds. A deadline farther off is nothing that anybody waits for."""

_UNFINALIZE: Obj = {"metadata": {"$deleteFromPrimitiveList/finalizers": [FINALIZER]}}


@dataclasses.dataclass(slots=True)
class _Known:
    """What is kept of a Job between its syncs."""

    uid: str
    selector: LabelSelector
    finished: bool
    elsewhere: bool
    backoff: Backoff = dataclasses.field(default_factory=Backoff)
    leaving: dict[str, None] = dataclasses.field(default_factory=dict)
    """Pods, by uid, whose finalizer has been removed, but not yet in what the informer shows."""
    written: Obj | None = None
    """The Job as this controller wrote it last. It counts until the informer shows something newer:
    a pod that has been counted must not be missed in the status."""


def _revision(job: Obj) -> int:
    return int(job["metadata"]["resourceVersion"])


class JobController(Controller):
    name = "job-controller"
    retry_delays = (1.0, 60.0)

    def __init__(self, ctx: ControllerContext):
        super().__init__(ctx)
        self._expectations = Expectations(ctx.clock)
        self._known: dict[str, dict[str, _Known]] = {}

    def setup(self) -> None:
        self.jobs = self.informer(resources.JOBS)
        self.jobs.on_change(self._job_changed)
        self.all_pods = self.informer(resources.PODS)
        self.pods = PodIndex(
            self.all_pods,
            api_version=resources.JOBS.api_version,
            kind=resources.JOBS.kind,
            view=JobPod,
            changed=self._pod_changed,
        )

    # Whose turn it is.

    def _job_changed(self, old: Obj | None, new: Obj | None) -> None:
        job = new or old or {}
        key, meta = key_of(job), job["metadata"]
        by_name = self._known.setdefault(meta["namespace"], {})
        if new is None:
            del by_name[meta["name"]]
            if not by_name:
                del self._known[meta["namespace"]]
            self._expectations.forget(key)
            self._free(meta["uid"])
            return
        finished = jobs.ending_of(new) is not None
        known = by_name.get(meta["name"])
        if known is None:
            selector = label_selectors.from_obj(new["spec"].get("selector"))
            elsewhere = jobs.is_managed_elsewhere(new)
            by_name[meta["name"]] = _Known(meta["uid"], selector, finished, elsewhere)
        else:
            known.finished = finished
        if finished:
            self._free(meta["uid"])
        if old is None or old["metadata"].get("generation") != meta.get("generation"):
            self.queue.add(key)
        elif not finished:
            self.queue.add_after(key, plans.BATCH)

    def _free(self, uid: str) -> None:
        for pod in self.pods.owned(uid):
            self._unfinalize_later(pod)

    def _unfinalize_later(self, pod: JobPod) -> None:
        if pod.tracked:
            self.queue.add(f"{_ORPHAN}{pod.namespace}/{pod.name}")

    def _pod_changed(self, old: JobPod | None, new: JobPod | None) -> None:
        before, after = self._job_of(old), self._job_of(new)
        if old is not None and before is not None:
            key, known = before
            if new is None or new.terminating:
                self._expectations.deletion_observed(key, old.uid)
            if new is None or not new.tracked:
                known.leaving.pop(old.uid, None)
            if after is None or after[0] != key:
                self._look_at(before)
        if new is None:
            return
        if after is not None:
            key, known = after
            if old is None:
                self._expectations.creation_observed(key)
            if known.finished:
                self._unfinalize_later(new)
            elif old != new:
                self._look_at(after)
            return
        if new.controller is not None or new.terminating:
            # A pod on its way out without a Job that would count it.
            self._unfinalize_later(new)
        elif old is None or old.labels != new.labels or old.controller is not None:
            self._unfinalize_later(new)
            for name, known in self._known.get(new.namespace, {}).items():
                if known.selector.matches(new.labels):
                    self.queue.add_after(f"{new.namespace}/{name}", plans.BATCH)

    def _look_at(self, job: tuple[str, _Known]) -> None:
        key, known = job
        if not known.finished:
            self.queue.add_after(key, plans.BATCH)

    def _job_of(self, pod: JobPod | None) -> tuple[str, _Known] | None:
        """The key of the Job that controls the pod, and what is known of it."""
        if pod is None or pod.controller is None:
            return None
        name = pod.controller["name"]
        known = self._known.get(pod.namespace, {}).get(name)
        if known is None or known.uid != pod.controller["uid"]:
            return None
        return f"{pod.namespace}/{name}", known

    # A sync.

    async def reconcile(self, key: str) -> Result | None:
        if key.startswith(_ORPHAN):
            await self._unfinalize(*split_key(key.removeprefix(_ORPHAN)))
            return None
        namespace, name = split_key(key)
        job = self.jobs.get(namespace, name)
        if job is None or jobs.ending_of(job) is not None or jobs.is_managed_elsewhere(job):
            return None
        known = self._known[namespace][name]
        expires = self._expectations.expires_in(key)
        caught_up = expires is None or expires <= 0
        if known.written is not None and _revision(known.written) > _revision(job):
            job = known.written
        sync = plans.plan(
            job,
            await self._claim(job, known),
            leaving=dict(known.leaving),
            backoff=known.backoff,
            caught_up=caught_up,
            now=self.clock.time(),
        )
        outcome = plans.Outcome()
        failure: StatusError | None = None
        if sync.create:
            failure = await self._create(key, sync, outcome)
        elif sync.delete:
            failure = await self._delete(key, sync, outcome)
        failure = await self._count(key, known, sync, outcome) or failure
        if failure is not None:
            raise failure
        if sync.after is not None:
            return Result(after=sync.after, background=sync.after > _FAR)
        # A pod that is waited for brings the key back; this is for the case it never comes.
        return None if caught_up else Result(after=expires, background=True)

    async def _claim(self, job: Obj, known: _Known) -> list[JobPod]:
        """The Job's pods, after adopting and releasing."""
        namespace = job["metadata"]["namespace"]
        owned = self.pods.owned(known.uid)
        claimed = owners.claim(
            [*owned, *self.pods.orphans(namespace)],
            owner_uid=known.uid,
            owner_terminating=objects.is_terminating(job),
            controller=lambda pod: pod.controller,
            terminating=lambda pod: pod.terminating,
            matches=lambda pod: known.selector.matches(pod.labels),
        )
        pods = {pod.uid: pod for pod in claimed.owned}
        if claimed.adopt or claimed.release:
            adopted = await adoption.carry_out(
                self.client,
                resources.PODS,
                Claimed(owned=(), adopt=claimed.adopt, release=claimed.release),
                resource=resources.JOBS,
                owner=job,
                identify=lambda pod: (pod.name, pod.uid),
                finalizer=FINALIZER,
            )
            pods.update((before.uid, JobPod.of(after)) for before, after in adopted)
        return list(pods.values())

    async def _create(
        self, key: str, sync: plans.Sync, outcome: plans.Outcome
    ) -> StatusError | None:
        job = sync.job
        count = len(sync.create)
        ref = owners.controller_ref(resources.JOBS, job)
        self._expectations.expect_creations(key, count)
        for batch in scaling.slow_start(count):
            failed: list[StatusError] = []
            for position in batch:
                index = sync.create[position]
                pod = template.pod_for(job, ref, index=index, replaced=sync.delayed.get(index))
                namespace = job["metadata"]["namespace"]
                try:
                    made = await self.client.create(resources.PODS, pod, namespace=namespace)
                except StatusError as error:
                    failed.append(error)
                    if not errors.is_namespace_terminating(error):
                        message = f"Error creating: {error.message}"
                        await self.recorder.event(job, "Warning", "FailedCreate", message)
                else:
                    outcome.created += 1
                    message = f"Created pod: {made['metadata']['name']}"
                    await self.recorder.event(job, "Normal", "SuccessfulCreate", message)
                if position % _TURN == _TURN - 1:
                    await asyncio.sleep(0)
            if failed:
                self._expectations.creation_failed(key, count - batch.stop + len(failed))
                # In a namespace on its way out nothing can be made, and nothing needs to be.
                return None if errors.is_namespace_terminating(failed[0]) else failed[0]
        return None

    async def _delete(
        self, key: str, sync: plans.Sync, outcome: plans.Outcome
    ) -> StatusError | None:
        job = sync.job
        self._expectations.expect_deletions(key, [pod.uid for pod in sync.delete])
        failure: StatusError | None = None
        for position, pod in enumerate(sync.delete):
            options = DeleteOptions(uid=pod.uid)
            try:
                if sync.uncounted and pod.tracked:
                    await self._patch(pod)
                await self.client.delete(resources.PODS, pod.name, pod.namespace, options=options)
            except StatusError as error:
                self._expectations.deletion_observed(key, pod.uid)
                # Conflict: the name belongs to another pod by now.
                if not errors.is_not_found(error) and not errors.is_conflict(error):
                    message = f"Error deleting: {error.message}"
                    await self.recorder.event(job, "Warning", "FailedDelete", message)
                    failure = failure or error
                    continue
            else:
                message = f"Deleted pod: {pod.name}"
                await self.recorder.event(job, "Normal", "SuccessfulDelete", message)
            outcome.deleted += 1
            outcome.deleted_ready += pod.ready
            if position % _TURN == _TURN - 1:
                await asyncio.sleep(0)
        return failure

    # Counting.

    async def _count(
        self, key: str, known: _Known, sync: plans.Sync, outcome: plans.Outcome
    ) -> StatusError | None:
        now = self.clock.time()
        tracked = status.track(sync, outcome, now)
        job = sync.job
        if tracked.status != job.get("status"):
            job = await self._put(known, job, tracked.status)
            known.backoff = sync.backoff
        for type_, reason, message in tracked.events:
            await self.recorder.event(job, type_, reason, message)
        removed, failure = await self._remove_finalizers(known, tracked.remove)
        settled, finished = status.settle(tracked, jobs.status_of(job), removed, now)
        if failure is not None and finished:
            return failure
        if settled != jobs.status_of(job):
            job = await self._put(known, job, settled)
        if finished and tracked.finish is not None:
            for type_, reason, message in status.endings(job, settled, tracked.finish):
                await self.recorder.event(job, type_, reason, message)
        return failure

    async def _put(self, known: _Known, job: Obj, new: Obj) -> Obj:
        body = {**job, "status": new}
        written = await self.client.update(resources.JOBS, body, subresource="status")
        known.written = written
        return written

    async def _remove_finalizers(
        self, known: _Known, pods: tuple[JobPod, ...]
    ) -> tuple[list[str], StatusError | None]:
        """The uids of those that lost it, and the first error."""
        removed: list[str] = []
        failure: StatusError | None = None
        for position, pod in enumerate(pods):
            known.leaving[pod.uid] = None
            try:
                await self._patch(pod)
            except StatusError as error:
                known.leaving.pop(pod.uid, None)
                if not errors.is_not_found(error) and error.reason != "Invalid":
                    failure = failure or error
                    continue
            removed.append(pod.uid)
            if position % _TURN == _TURN - 1:
                await asyncio.sleep(0)
        return removed, failure

    async def _patch(self, pod: JobPod) -> None:
        """Remove the finalizer. Invalid: the name belongs to another pod by now."""
        patch = {"metadata": {**_UNFINALIZE["metadata"], "uid": pod.uid}}
        await self.client.patch(resources.PODS, pod.name, patch, pod.namespace)

    async def _unfinalize(self, namespace: str, name: str) -> None:
        """Take the finalizer off a pod that no Job counts."""
        pod = self.all_pods.get(namespace, name)
        if pod is None or FINALIZER not in (pod["metadata"].get("finalizers") or ()):
            return
        ref = objects.controller_of(pod)
        if ref is not None:
            row = resources.JOBS
            if (ref.get("apiVersion"), ref.get("kind")) != (row.api_version, row.kind):
                return
            known = self._known.get(namespace, {}).get(ref["name"])
            is_ours = known is not None and known.uid == ref["uid"]
            if known is not None and is_ours and (known.elsewhere or not known.finished):
                return
        try:
            await self._patch(JobPod.of(pod))
        except StatusError as error:
            if not errors.is_not_found(error) and error.reason != "Invalid":
                raise
