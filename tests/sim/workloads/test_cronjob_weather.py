"""CronJobs in a whole cluster, edited by users, in bad weather."""

from typing import Any

import pytest

from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj, controller_of
from miniplane.api.options import DeleteOptions
from miniplane.api.resources import CRON_JOBS, JOBS, PODS
from miniplane.clock import parse_time
from miniplane.testing import objects
from tests.sim.workloads.trouble import Trouble, name_of


def ended(job: Obj) -> str:
    conditions = (job.get("status") or {}).get("conditions") or ()
    return next((c["type"] for c in conditions if c["type"] in ("Complete", "Failed")), "")


class Judge:
    """What a CronJob promises, held against what its controller is about to do."""

    def __init__(self, sim: Any) -> None:
        self.sim = sim
        self.made: dict[str, None] = {}
        """The scheduled times of the present CronJob that have had their Job, by uid and name."""
        sim.judge = self.judge
        sim.on_write = self.written

    def cron_job(self) -> Obj | None:
        found: Obj | None = self.sim.get(CRON_JOBS, "tick")
        return found

    def jobs(self) -> list[Obj]:
        uid = (self.cron_job() or {"metadata": {"uid": "-"}})["metadata"]["uid"]
        return [job for job in self.sim.all(JOBS) if (controller_of(job) or {}).get("uid") == uid]

    def judge(self, call: Any) -> None:
        if call.resource is not JOBS or call.verb != "create" or self.sim.storm:
            return
        owner = self.cron_job()
        if owner is None:
            self.sim.complain(f"{call.name} is made for nobody")
            return
        if owner["spec"].get("suspend"):
            self.sim.complain(f"{call.name} is made, but the CronJob is suspended")
        now, due = self.sim.clock.time(), int(call.name.rpartition("-")[2]) * 60
        if due > now:
            self.sim.complain(f"{call.name} is made {due - now} seconds before its time")
        limit = owner["spec"].get("startingDeadlineSeconds")
        if limit is not None and now - due > limit:
            self.sim.complain(f"{call.name} is made {now - due} seconds late, of {limit} allowed")
        active = [
            name_of(job)
            for job in self.jobs()
            if not ended(job) and "deletionTimestamp" not in job["metadata"]
        ]
        others = [name for name in active if name != call.name]
        policy = owner["spec"]["concurrencyPolicy"]
        if others and policy != "Allow":
            self.sim.complain(f"{call.name} is made beside {others}, but {policy} is asked for")

    def written(self, key: str, before: Obj | None, after: Obj | None) -> None:
        if key.startswith("jobs.batch/") and before is None and after is not None:
            ref = controller_of(after)
            name = f"{ref['uid'] if ref else ''}/{name_of(after)}"
            if name in self.made:
                self.sim.complain(f"{name_of(after)} is made a second time")
            self.made[name] = None
        if key.startswith("cronjobs.batch/") and before is not None and after is not None:
            old = (before.get("status") or {}).get("lastScheduleTime", "")
            if (after.get("status") or {}).get("lastScheduleTime", "") < old:
                self.sim.complain("the last schedule time goes back")


def a_cron_job(sim: Any) -> Obj:
    random = sim.random
    run = {
        "sim.miniplane.dev/run-for": random.choice(("1s", "30s", "90s", "200s")),
        "sim.miniplane.dev/exit-code": random.choice(("0", "0", "0", "1")),
    }
    template = {
        "metadata": {"annotations": run},
        "spec": objects.pod_spec(restartPolicy=random.choice(("Never", "OnFailure"))),
    }
    spec: Obj = {
        "schedule": random.choice(("* * * * *", "*/2 * * * *", "*/5 * * * *")),
        "concurrencyPolicy": random.choice(("Allow", "Forbid", "Replace")),
        "successfulJobsHistoryLimit": random.integer(0, 3),
        "failedJobsHistoryLimit": random.integer(0, 2),
        "jobTemplate": {"spec": {"backoffLimit": 1, "template": template}},
    }
    if random.random() < 0.3:
        spec["startingDeadlineSeconds"] = random.choice((15, 60, 150))
    metadata = {"name": "tick", "namespace": "default"}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": spec}


async def edit(sim: Any, judge: Judge, harm: Trouble, made: Obj) -> None:
    """One thing that a user may do."""
    random = sim.random
    change = random.choice(
        ("suspend", "policy", "schedule", "limits", "job", "pod", "remake", "node", "", "")
    )
    jobs = judge.jobs()
    try:
        if change == "suspend":
            suspend = random.choice((True, False, False))
            await sim.patch(CRON_JOBS, "tick", {"spec": {"suspend": suspend}})
        elif change == "policy":
            policy = random.choice(("Allow", "Forbid", "Replace"))
            await sim.patch(CRON_JOBS, "tick", {"spec": {"concurrencyPolicy": policy}})
        elif change == "schedule":
            schedule = random.choice(("* * * * *", "*/2 * * * *", "1-59/3 * * * *"))
            await sim.patch(CRON_JOBS, "tick", {"spec": {"schedule": schedule}})
        elif change == "limits":
            limit = {"successfulJobsHistoryLimit": random.integer(0, 3)}
            await sim.patch(CRON_JOBS, "tick", {"spec": limit})
        elif change == "job" and jobs and random.random() < 0.5:
            policy = random.choice(("Background", "Foreground"))
            options = DeleteOptions(propagation_policy=policy)
            name = name_of(random.choice(jobs))
            judge.made = {key: None for key in judge.made if not key.endswith(f"/{name}")}
            await sim.user.delete(JOBS, name, "default", options=options)
        elif change == "pod" and jobs:
            await sim.hurt_a_pod(random.choice(jobs))
        elif change == "node":
            await harm.nodes()
        elif change == "remake" and random.random() < 0.3:
            await harm.remake(CRON_JOBS, made, ("Background",))
    except StatusError as error:
        assert error.code in (404, 409, 422), error


@pytest.mark.seeds(2, steps=600)
async def test_each_time_has_its_job(sim: Any) -> None:
    made = a_cron_job(sim)
    await sim.user.create(CRON_JOBS, made)
    judge = Judge(sim)
    harm = Trouble(sim)
    for _ in sim.turns():
        await sim.pass_time()
        await sim.harness.advance(sim.random.choice((0, 10, 30, 60)))
        await edit(sim, judge, harm, made)
    sim.clear()
    await harm.uncordon()
    await sim.patch(CRON_JOBS, "tick", {"spec": {"suspend": True, "schedule": "* * * * *"}})
    await sim.harness.advance(3_000)
    await sim.rest()
    check_at_rest(sim, judge)
    # And it goes on.
    await sim.patch(CRON_JOBS, "tick", {"spec": {"suspend": False, "concurrencyPolicy": "Allow"}})
    last = (judge.cron_job() or {})["status"].get("lastScheduleTime", "1970-01-01T00:00:00Z")
    await sim.harness.advance(61)
    now = (judge.cron_job() or {})["status"]["lastScheduleTime"]
    assert now > last
    assert sim.clock.time() - parse_time(now) <= 61


def check_at_rest(sim: Any, judge: Judge) -> None:
    owner = judge.cron_job()
    assert owner is not None
    jobs = judge.jobs()
    assert "active" not in owner["status"]
    assert [name_of(job) for job in sim.all(JOBS)] == [name_of(job) for job in jobs]
    ends = [ended(job) for job in jobs]
    assert "" not in ends
    assert ends.count("Complete") <= owner["spec"]["successfulJobsHistoryLimit"]
    assert ends.count("Failed") <= owner["spec"]["failedJobsHistoryLimit"]
    uids = [job["metadata"]["uid"] for job in jobs]
    for pod in sim.all(PODS):
        ref = controller_of(pod)
        assert ref is not None
        assert ref["uid"] in uids, "nobody has it any more"
