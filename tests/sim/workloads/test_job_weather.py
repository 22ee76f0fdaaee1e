"""Jobs in a whole cluster, edited by users, in bad weather."""

from typing import Any

import pytest

from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj, annotations_of, controller_of
from miniplane.api.options import DeleteOptions
from miniplane.api.resources import JOBS, NODES, PODS
from miniplane.testing import objects

FINALIZER = "batch.kubernetes.io/job-tracking"
INDEX = "batch.kubernetes.io/job-completion-index"


def alive(pod: Obj) -> bool:
    phase = (pod.get("status") or {}).get("phase")
    return phase not in ("Failed", "Succeeded") and "deletionTimestamp" not in pod["metadata"]


def ending(job: Obj) -> list[str]:
    conditions = (job.get("status") or {}).get("conditions") or ()
    return [c["type"] for c in conditions if c["type"] in ("Complete", "Failed")]


class Judge:
    """What a Job promises, held against every write."""

    def __init__(self, sim: Any) -> None:
        self.sim = sim
        self.made: dict[str, dict[str, None]] = {}
        """Of each Job, by uid, the pods that were made for it."""
        sim.judge = self.judge
        sim.on_write = self.written

    def judge(self, call: Any) -> None:
        if call.resource is not PODS or call.subresource or call.verb != "create":
            return
        owner = controller_of(call.body)
        if owner is None or owner["kind"] != "Job" or self.sim.storm:
            return
        job = self.sim.get(JOBS, owner["name"])
        if job is None or job["metadata"]["uid"] != owner["uid"]:
            return
        pods = [pod for pod in self.sim.pods_of(job) if alive(pod)]
        if job["spec"].get("suspend") or ending(job):
            self.sim.complain(f"{owner['name']} gets a pod, but is not to run")
        if len(pods) >= job["spec"]["parallelism"]:
            self.sim.complain(f"{owner['name']} gets a pod beside {len(pods)}")
        index = annotations_of(call.body).get(INDEX)
        if index is not None and any(annotations_of(pod).get(INDEX) == index for pod in pods):
            self.sim.complain(f"{owner['name']} gets a second pod for index {index}")

    def written(self, key: str, before: Obj | None, after: Obj | None) -> None:
        if key.startswith("pods/") and before is None and after is not None:
            owner = controller_of(after)
            if owner is not None:
                pods = self.made.setdefault(owner["uid"], {})
                pods[after["metadata"]["uid"]] = None
        if not key.startswith("jobs.batch/") or before is None or after is None:
            return
        old, new = before.get("status") or {}, after.get("status") or {}
        name, uid = after["metadata"]["name"], after["metadata"]["uid"]
        if ending(before) and old != new:
            self.sim.complain(f"{name} has ended, and changes all the same")
        for count in ("succeeded", "failed"):
            if new.get(count, 0) < old.get(count, 0):
                self.sim.complain(f"{name} forgets pods that have {count}")
        uncounted = new.get("uncountedTerminatedPods") or {}
        counted = new.get("succeeded", 0) + new.get("failed", 0)
        counted += sum(len(uids) for uids in uncounted.values())
        if counted > len(self.made.get(uid, ())):
            self.sim.complain(f"{name} counts {counted} pods of {len(self.made.get(uid, ()))}")
        if len(ending(after)) > 1:
            self.sim.complain(f"{name} has ended in two ways")


def a_job(sim: Any, name: str) -> Obj:
    random = sim.random
    parallelism = random.integer(1, 4)
    completions = random.integer(1, 6)
    spec: Obj = {"parallelism": parallelism, "completions": completions, "backoffLimit": 8}
    if random.random() < 0.5:
        spec["completionMode"] = "Indexed"
        if random.random() < 0.5:
            spec["backoffLimitPerIndex"] = 1
            spec["maxFailedIndexes"] = completions
    if random.random() < 0.3:
        spec["podReplacementPolicy"] = "Failed"
    if random.random() < 0.2:
        spec["activeDeadlineSeconds"] = random.integer(5, 90)
    if random.random() < 0.3:
        spec["ttlSecondsAfterFinished"] = random.integer(0, 30)
    fields = {"restartPolicy": random.choice(("Never", "OnFailure"))}
    if "backoffLimitPerIndex" in spec or "podReplacementPolicy" in spec:
        fields["restartPolicy"] = "Never"
    job = objects.job(name, pod_fields=fields, **spec)
    job["spec"]["template"]["metadata"] = {
        "annotations": {
            "sim.miniplane.dev/run-for": f"{random.integer(0, 20)}s",
            "sim.miniplane.dev/exit-code": random.choice(("0", "0", "0", "1,0", "3")),
        }
    }
    return job


async def edit(sim: Any, number: int) -> None:
    """One thing that a user may do."""
    random = sim.random
    jobs = sim.all(JOBS)
    if not jobs or random.random() < 0.15:
        await sim.user.create(JOBS, a_job(sim, f"job-{number}"))
        return
    job = random.choice(jobs)
    name = job["metadata"]["name"]
    change = random.choice(("parallelism", "suspend", "pod", "pod", "delete", "node"))
    try:
        if change == "parallelism":
            await sim.patch(JOBS, name, {"spec": {"parallelism": random.integer(0, 4)}})
        elif change == "suspend":
            await sim.patch(JOBS, name, {"spec": {"suspend": not job["spec"]["suspend"]}})
        elif change == "pod":
            await sim.hurt_a_pod(job)
        elif change == "delete" and random.random() < 0.3:
            policy = random.choice(("Background", "Foreground", "Orphan"))
            options = DeleteOptions(propagation_policy=policy)
            await sim.user.delete(JOBS, name, "default", options=options)
        elif change == "node" and random.random() < 0.3:
            nodes = sim.all(NODES)
            if len(nodes) > 1:
                await sim.user.delete(NODES, random.choice(nodes)["metadata"]["name"])
    except StatusError as error:
        assert error.code in (404, 409, 422), error


@pytest.mark.seeds(3, steps=500)
async def test_jobs_keep_their_promises_and_end(sim: Any) -> None:
    Judge(sim)
    for number in sim.turns():
        await edit(sim, number)
        await sim.pass_time()
    sim.clear()
    for job in sim.all(JOBS):
        name = job["metadata"]["name"]
        if not ending(job) and "deletionTimestamp" not in job["metadata"]:
            spec = {"suspend": False, "parallelism": max(1, job["spec"]["parallelism"])}
            await sim.patch(JOBS, name, {"spec": spec})
    # Pods that a Job has left behind may fail and start again for ever.
    for pod in sim.all(PODS):
        if controller_of(pod) is None:
            await sim.user.delete(PODS, pod["metadata"]["name"], "default")
    # What ran on nodes that have left goes a while later.
    await sim.harness.advance(300)
    await sim.rest()
    for job in sim.all(JOBS):
        assert len(ending(job)) == 1, job
        assert not [pod for pod in sim.pods_of(job) if alive(pod)]
        status = job["status"]
        assert status["uncountedTerminatedPods"] == {} and "active" not in status
        if ending(job) == ["Complete"]:
            assert status["succeeded"] == job["spec"]["completions"]
    for pod in sim.all(PODS):
        assert FINALIZER not in pod["metadata"].get("finalizers", ()), pod["metadata"]
