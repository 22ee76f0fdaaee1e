"""Jobs by their plan alone, for thousands of steps: one Job after the other, of all sorts.

The model does what the controller does around its plan: pods are made or deleted, then counted in
two writes of the status with the removal of finalizers between them; any of it may fail half-way.
"""

from typing import Any

import pytest

from miniplane.api.objects import Obj, annotations_of, controller_of, thaw
from miniplane.controllers import scaling
from miniplane.controllers.job import indexes, jobs, status, template
from miniplane.controllers.job import plan as plans
from miniplane.controllers.job.backoff import Backoff
from miniplane.controllers.job.member import FINALIZER, INDEX, JobPod
from miniplane.runtime.expectations import Expectations
from miniplane.testing import objects
from tests.sim.plans.world import Refused, World, active, ended
from tests.sim.steps import Steps


class Ledger:
    """What has really become of the pods of a Job, and of what its status has counted."""

    def __init__(self) -> None:
        self.succeeded: dict[str, None] = {}
        """Pods that ended well, by uid."""
        self.counted: dict[str, str] = {}
        """By uid: as what a pod has been counted."""
        self.failures = 0
        """Pods that ended otherwise, or were taken away."""


class Run:
    """A Job and its controller, and what they promise."""

    def __init__(self, world: World, number: int, spec: Obj) -> None:
        self.world = world
        self.random = world.random
        self.name, self.uid = f"job-{number}", f"job-uid-{number}"
        self.ref = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "name": self.name,
            "uid": self.uid,
            "controller": True,
        }
        made = objects.job(self.name, **spec)
        made["metadata"].update(uid=self.uid, resourceVersion="1", generation=1)
        made["spec"]["template"]["metadata"] = {"labels": {"job-name": self.name}}
        self.job: Obj = made
        """As the server has it."""
        self.copy: Obj = made
        """As the controller sees it."""
        self.written: Obj | None = None
        self.expectations = Expectations(world.clock)
        self.backoff = Backoff()
        self.leaving: dict[str, None] = {}
        self.ledger = Ledger()
        self.unsure = 0
        """Pods that were made although the controller was told that they were not."""
        world.heard = self.heard

    @property
    def spec(self) -> Obj:
        found: Obj = self.job["spec"]
        return found

    @property
    def status(self) -> Obj:
        return jobs.status_of(self.job)

    @property
    def over(self) -> bool:
        return jobs.ending_of(self.job) is not None

    def pods(self) -> list[Obj]:
        pods = self.world.pods.values()
        return [pod for pod in pods if (controller_of(pod) or {}).get("uid") == self.uid]

    # The controller.

    def heard(self, old: JobPod | None, new: JobPod | None) -> None:
        if old is not None:
            if new is None or new.terminating:
                self.expectations.deletion_observed(self.name, old.uid)
            if new is None or not new.tracked:
                self.leaving.pop(old.uid, None)
        elif new is not None:
            self.expectations.creation_observed(self.name)

    def sync(self) -> bool:
        """One sync; whether it was all done without a failure."""
        world = self.world
        world.steps.take()
        job = self.copy
        if self.written is not None and revision(self.written) > revision(job):
            job = self.written
        if jobs.ending_of(job) is not None:
            return self.free()
        sync = plans.plan(
            job,
            [pod for pod in world.seen.values() if (pod.controller or {}).get("uid") == self.uid],
            leaving=dict(self.leaving),
            backoff=self.backoff,
            caught_up=self.expectations.satisfied(self.name),
            now=world.now,
        )
        self.check(sync)
        outcome = plans.Outcome()
        fine = True
        if sync.create:
            fine = self.create(sync, outcome)
        elif sync.delete:
            fine = self.delete(sync, outcome)
        try:
            return self.count(sync, outcome) and fine
        except Refused:
            return False

    def create(self, sync: plans.Sync, outcome: plans.Outcome) -> bool:
        count = len(sync.create)
        self.expectations.expect_creations(self.name, count)
        for batch in scaling.slow_start(count):
            failed = 0
            for position in batch:
                index = sync.create[position]
                held = sync.delayed.get(index)
                pod = template.pod_for(sync.job, self.ref, index=index, replaced=held)
                try:
                    self.world.call(lambda pod=pod: self.world.create(pod))
                except Refused as refused:
                    failed += 1
                    self.unsure += refused.done
                else:
                    outcome.created += 1
            if failed:
                self.expectations.creation_failed(self.name, count - batch.stop + failed)
                return False
        return True

    def delete(self, sync: plans.Sync, outcome: plans.Outcome) -> bool:
        self.expectations.expect_deletions(self.name, [pod.uid for pod in sync.delete])
        fine = True
        for pod in sync.delete:
            try:
                if self.known(pod):
                    if sync.uncounted and pod.tracked:
                        self.world.call(lambda pod=pod: self.take_off(pod, counted=False))
                    self.world.call(lambda pod=pod: self.remove(pod))
                else:
                    self.expectations.deletion_observed(self.name, pod.uid)
            except Refused:
                self.expectations.deletion_observed(self.name, pod.uid)
                fine = False
                continue
            outcome.deleted += 1
            outcome.deleted_ready += pod.ready
        return fine

    def known(self, pod: JobPod) -> bool:
        there = self.world.pods.get(pod.name)
        return there is not None and there["metadata"]["uid"] == pod.uid

    def remove(self, pod: JobPod) -> None:
        if self.known(pod):
            # Where a Job ends before its time, those that are stopped for it count as failed, and
            # if not all of them could be stopped, as failed too often.
            self.ledger.failures += active(self.world.pods[pod.name])
            self.world.delete(pod.name)

    def take_off(self, pod: JobPod, *, counted: bool) -> None:
        """The finalizer goes: what has ended well must be counted by now."""
        if not self.known(pod):
            return
        if counted and pod.uid in self.ledger.succeeded and not self.over:
            uncounted = (self.status.get("uncountedTerminatedPods") or {}).get("succeeded", ())
            found = self.status.get("completedIndexes", "")
            done = indexes.parse(found, self.spec.get("completions") or 0)
            told = self.status.get("failedIndexes") or ""
            lost = indexes.parse(told, self.spec.get("completions") or 0)
            assert (
                pod.uid in uncounted
                or pod.uid in self.ledger.counted
                or indexes.has(done, pod.index)
                or indexes.has(lost, pod.index)
                or jobs.met(self.job, "SuccessCriteriaMet")
                or jobs.met(self.job, "FailureTarget")
                # Seen as failed before it was seen to succeed.
                or pod.phase != "Succeeded"
                or pod.index >= (self.spec.get("completions") or 1)
            ), f"{pod.name} is let go uncounted"
        self.world.let_go(pod.name, FINALIZER)

    def count(self, sync: plans.Sync, outcome: plans.Outcome) -> bool:
        now = self.world.now
        tracked = status.track(sync, outcome, now)
        job = sync.job
        if tracked.status != job.get("status"):
            job = self.put(job, tracked.status)
            self.backoff = sync.backoff
        removed: list[str] = []
        fine = True
        for pod in tracked.remove:
            self.leaving[pod.uid] = None
            try:
                self.world.call(lambda pod=pod: self.take_off(pod, counted=True))
            except Refused:
                self.leaving.pop(pod.uid, None)
                fine = False
            else:
                removed.append(pod.uid)
        settled, finished = status.settle(tracked, jobs.status_of(job), removed, now)
        if not fine and finished:
            return False
        if settled != jobs.status_of(job):
            self.put(job, settled)
        return fine

    def put(self, job: Obj, new: Obj) -> Obj:
        def update() -> Obj:
            if revision(job) != revision(self.job):
                raise Refused(done=False)
            self.check_status(new)
            self.change(status=thaw(new))
            return self.job

        self.written = self.world.call(update)
        assert self.written is not None
        return self.written

    def change(self, **parts: Any) -> None:
        number = str(revision(self.job) + 1)
        meta = {**self.job["metadata"], "resourceVersion": number}
        self.job = {**self.job, **parts, "metadata": meta}

    def free(self) -> bool:
        """Nobody counts the pods of a Job that has ended."""
        try:
            for pod in list(self.world.seen.values()):
                if pod.tracked and self.known(pod):
                    self.world.call(lambda pod=pod: self.take_off(pod, counted=False))
        except Refused:
            return False
        return True

    # What is promised.

    def check(self, sync: plans.Sync) -> None:
        spec, job = sync.job["spec"], sync.job
        assert not (sync.create and sync.delete)
        uids = [pod.uid for pod in sync.delete]
        assert len(dict.fromkeys(uids)) == len(uids), "a pod is deleted twice"
        if not sync.create:
            return
        assert sync.finish is None and not spec.get("suspend"), "a pod for what is not to run"
        mine = [pod for pod in self.pods() if active(pod)]
        assert len(sync.active) + len(sync.create) <= spec["parallelism"]
        assert len(mine) + len(sync.create) <= spec["parallelism"] + self.unsure, "a pod too many"
        if spec.get("completions") is not None:
            done = sync.succeeded + len(sync.active) + len(sync.create)
            assert done <= spec["completions"], "more than are asked for"
        if jobs.only_replaces_failed(job):
            going = len(sync.active) + sync.terminating + len(sync.create)
            assert going <= spec["parallelism"], "before the other has ended"
        if jobs.is_indexed(job):
            assert len(dict.fromkeys(sync.create)) == len(sync.create)
            taken = {annotations_of(pod).get(INDEX) for pod in mine}
            clashes = [index for index in sync.create if str(index) in taken]
            assert len(clashes) <= self.unsure, f"indexes {clashes} are at work"
            for index in sync.create:
                assert 0 <= index < spec["completions"]
                assert not indexes.has(sync.completed, index), "it has succeeded"
                assert not indexes.has(sync.failed_indexes or (), index), "it is given up"

    def check_status(self, new: Obj) -> None:
        """Just before the server takes it."""
        old, spec, ledger = self.status, self.spec, self.ledger
        assert not self.over, "what has ended changes"
        endings = [c["type"] for c in new.get("conditions", ()) if c["status"] == "True"]
        assert len([e for e in endings if e in ("Complete", "Failed")]) <= 1
        was = old.get("uncountedTerminatedPods") or {}
        now = new.get("uncountedTerminatedPods") or {}
        for kind in ("succeeded", "failed"):
            listed = now.get(kind, ())
            assert len(dict.fromkeys(listed)) == len(listed)
            assert not [uid for uid in listed if uid in ledger.counted], "counted a second time"
            left = [uid for uid in was.get(kind, ()) if uid not in listed]
            if kind == "failed" or not jobs.is_indexed(self.job):
                assert new.get(kind, 0) == old.get(kind, 0) + len(left), f"miscounts {kind}"
            if kind == "succeeded":
                assert all(uid in ledger.succeeded for uid in listed), "no success"
            for uid in left:
                assert uid not in ledger.counted
                ledger.counted[uid] = kind
        if jobs.is_indexed(self.job):
            done = indexes.parse(new.get("completedIndexes", ""), spec["completions"])
            assert new.get("succeeded", 0) == indexes.total(done)
            lost = indexes.parse(new.get("failedIndexes") or "", spec["completions"])
            assert indexes.common(done, lost) == 0, "an index has succeeded and failed"
        if "SuccessCriteriaMet" in endings and not jobs.met(self.job, "SuccessCriteriaMet"):
            uncounted = len(now.get("succeeded", ()))
            done = new.get("succeeded", 0) + uncounted
            assert done >= (spec.get("completions") or 1) or spec.get("successPolicy")
        if "Complete" in endings or "Failed" in endings:
            self.check_end(new, "Complete" in endings)

    def check_end(self, new: Obj, complete: bool) -> None:
        working = [pod for pod in self.pods() if active(pod)]
        assert len(working) <= self.unsure, "it ends while pods are at work"
        assert not any((new.get("uncountedTerminatedPods") or {}).values())
        assert not new.get("active") and not new.get("ready") and not new.get("terminating")
        spec = self.spec
        reasons = {c["type"]: c["reason"] for c in new["conditions"]}
        if complete:
            assert new["completionTime"]
            if reasons["Complete"] == "CompletionsReached":
                # A size that was changed once that was said is of no use.
                assert jobs.met(self.job, "SuccessCriteriaMet")
            else:
                assert reasons["Complete"] == "SuccessPolicy" and spec["successPolicy"]
            return
        assert "completionTime" not in new
        reason = reasons["Failed"]
        if reason == "BackoffLimitExceeded":
            assert self.ledger.failures > spec["backoffLimit"]
        elif reason == "DeadlineExceeded":
            assert spec["activeDeadlineSeconds"]
        elif reason == "PodFailurePolicy":
            assert spec["podFailurePolicy"]
        elif reason == "MaxFailedIndexesExceeded":
            lost = indexes.parse(new["failedIndexes"], spec["completions"])
            assert indexes.total(lost) > spec["maxFailedIndexes"]
        else:
            assert reason == "FailedIndexes"
            assert new["failedIndexes"] or jobs.met(self.job, "FailureTarget")

    # Everybody else.

    def edit(self) -> None:
        world, chance = self.world, self.random.random()
        mine = [pod["metadata"]["name"] for pod in self.pods()]
        name = self.random.choice(mine) if mine else None
        if chance < 0.03 and not self.over:
            self.user(parallelism=self.random.randint(0, 5))
        elif chance < 0.05 and not self.over:
            self.user(suspend=not self.spec.get("suspend"))
        elif chance < 0.07 and jobs.is_indexed(self.job) and not self.over:
            size = self.random.randint(1, 7)  # elastic: both of them, or neither
            if "successPolicy" not in self.spec and "maxFailedIndexes" not in self.spec:
                self.user(parallelism=size, completions=size)
        elif chance < 0.08:
            self.ledger.failures += len([pod for pod in self.pods() if active(pod)])
            world.lose_a_node()
        elif name is not None and chance < 0.13:
            self.ledger.failures += active(world.pods[name])
            world.delete(name, force=self.random.random() < 0.2)
        elif name is not None:
            self.kubelet(name)

    def user(self, **spec: Any) -> None:
        self.world.steps.take()
        self.change(spec={**self.spec, **spec})

    def kubelet(self, name: str, *, success: float = 0.65) -> None:
        world = self.world
        pod = world.change(name)
        if ended(pod) or "deletionTimestamp" in pod["metadata"]:
            world.kubelet(name)
        elif pod["status"]["phase"] != "Running" or self.random.random() < 0.3:
            world.kubelet(name, whims=False)
        elif self.random.random() < success:
            self.ledger.succeeded[pod["metadata"]["uid"]] = None
            world.end(pod, "Succeeded")
        else:
            self.ledger.failures += 1
            world.end(pod, "Failed", code=self.random.choice((1, 1, 1, 42, 43)))

    def turn(self) -> None:
        for _ in range(self.random.randint(0, 4)):
            self.edit()
        self.world.hear(self.random.randint(0, 8))
        if self.random.random() < 0.7:
            self.copy = self.job
        self.sync()
        self.world.pass_time()

    def rest(self) -> None:
        """Nobody does harm any more: the Job ends, its pods are free, and nothing more happens."""
        self.world.weather = 0.0
        if not self.over:
            self.user(suspend=False, parallelism=max(1, self.spec["parallelism"]))
        for _ in range(60):
            # Back-offs and expectations that nobody will meet pass by.
            self.world.clock.advance(200)
            self.world.hear()
            self.copy = self.job
            self.sync()
            for pod in self.pods():
                self.kubelet(pod["metadata"]["name"], success=1.0)
            if self.over and not any(pod["metadata"].get("finalizers") for pod in self.pods()):
                break
        else:
            raise AssertionError(f"it never ends: {self.spec} {self.status}")
        self.world.hear()
        before, self.copy = self.job, self.job
        assert self.sync()
        assert self.job is before and not self.world.news, "it never rests"
        self.world.weather = 0.15


def revision(job: Obj) -> int:
    return int(job["metadata"]["resourceVersion"])


def a_spec(random: Any, mode: str) -> Obj:
    completions = random.randint(1, 7)
    spec: Obj = {
        "parallelism": random.randint(1, 5),
        "completions": completions,
        "backoffLimit": random.choice((0, 2, 6, 20)),
        "completionMode": mode,
        "suspend": random.random() < 0.1,
    }
    if random.random() < 0.4:
        spec["podReplacementPolicy"] = "Failed"
    if random.random() < 0.15:
        spec["activeDeadlineSeconds"] = random.choice((5, 60, 400))
    if random.random() < 0.3:
        codes = {"operator": "In", "values": [42]}
        action = random.choice(("Ignore", "FailJob", "Count"))
        spec["podFailurePolicy"] = {"rules": [{"action": action, "onExitCodes": codes}]}
    if mode == "NonIndexed":
        if random.random() < 0.2:
            del spec["completions"]
        return spec
    if random.random() < 0.4:
        spec["backoffLimit"] = 2**31 - 1
        spec["backoffLimitPerIndex"] = random.randint(0, 2)
        if random.random() < 0.5:
            spec["maxFailedIndexes"] = random.randint(0, completions)
        if "podFailurePolicy" in spec and random.random() < 0.5:
            spec["podFailurePolicy"]["rules"][0]["action"] = "FailIndex"
    if random.random() < 0.3:
        rules: list[Obj] = [{"succeededCount": random.randint(1, completions)}]
        if random.random() < 0.5:
            rules = [{"succeededIndexes": f"0-{random.randint(0, completions - 1)}"}]
        spec["successPolicy"] = {"rules": rules}
    return spec


@pytest.mark.seeds(2, steps=5_000)
@pytest.mark.parametrize("mode", ["NonIndexed", "Indexed"])
def test_jobs_count_each_pod_once_and_end(seed: int, steps: Steps, mode: str) -> None:
    world = World(f"{mode}/{seed}", steps, JobPod.of)
    number = 0
    for _ in steps.turns():
        number += 1
        run = Run(world, number, a_spec(world.random, mode))
        for _ in range(world.random.randint(5, 60)):
            run.turn()
        run.rest()
        for name in list(world.pods):
            world.remove(name)
        world.hear()
    assert number > 20
