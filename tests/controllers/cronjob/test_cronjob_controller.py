"""CronJobs and finished Jobs on virtual time."""

import contextlib
from collections.abc import AsyncIterator

from miniplane import testing
from miniplane.api.objects import Obj
from miniplane.api.options import MERGE_PATCH
from miniplane.api.resources import CRON_JOBS, JOBS, NAMESPACES
from miniplane.client.inprocess import InProcessClient
from miniplane.clock import VirtualClock
from miniplane.config import Config
from miniplane.controllers.cronjob.controller import CronJobController
from miniplane.ids import Ids
from miniplane.pki.authority import Authority
from miniplane.registry.registry import Registry
from miniplane.registry.stored import Stored
from miniplane.runtime import settle
from miniplane.runtime.controller import ControllerContext
from miniplane.runtime.informer import InformerFactory
from miniplane.runtime.manager import ControllerManager
from miniplane.store.mvcc import Store
from miniplane.testing import objects


def cron_job(schedule: str = "*/5 * * * *", **spec: object) -> Obj:
    job = objects.job("x")["spec"]
    return {
        "metadata": {"name": "tick", "namespace": "default"},
        "spec": {"schedule": schedule, "jobTemplate": {"spec": job}, **spec},
    }


@contextlib.asynccontextmanager
async def alone() -> AsyncIterator[tuple[InProcessClient, VirtualClock, ControllerManager]]:
    """A CronJob controller with a server, and nobody else."""
    clock, ids, config = VirtualClock(), Ids(0), Config()
    store: Store[Stored] = Store(window=config.watch_window)
    registry = Registry(store=store, clock=clock, ids=ids, config=config)
    client = InProcessClient(registry)
    await client.create(NAMESPACES, objects.namespace("default"))
    context = ControllerContext(
        client=client,
        informers=InformerFactory(client, clock),
        clock=clock,
        ids=ids,
        config=config,
        authority=Authority(ids, clock),
    )
    manager = ControllerManager(context, (CronJobController,), "*")
    await manager.start()
    yield client, clock, manager
    await manager.stop()


async def test_a_year_of_nights_costs_nothing_in_between() -> None:
    async with alone() as (client, clock, manager):
        turns = 0
        await client.create(CRON_JOBS, cron_job("30 2 * * *", timeZone="Europe/Berlin"))
        await settle.drain(clock, manager.parts)
        end = clock.time() + 365 * 86400
        while clock.step(end):
            turns += 1
            await settle.drain(clock, manager.parts)
            for handle in (await client.list(JOBS)).items:
                job = handle.obj
                if not job.get("status"):
                    now = clock.rfc3339()
                    done = [
                        {"type": t, "status": "True"} for t in ("SuccessCriteriaMet", "Complete")
                    ]
                    status = {"startTime": now, "completionTime": now, "conditions": done}
                    await client.update(JOBS, {**job, "status": status}, subresource="status")
            await settle.drain(clock, manager.parts)
        # No night of the 29th of March has a half past two; that of the 25th of October has two.
        assert 365 <= turns <= 366, "something is polled"
        found = await client.get(CRON_JOBS, "tick", "default")
        assert found["status"]["lastScheduleTime"] == "2026-12-31T01:30:00Z"
        assert found["status"]["lastSuccessfulTime"] == "2026-12-31T01:30:00Z"
        assert len((await client.list(JOBS)).items) == 3


async def test_jobs_run_one_after_the_other_and_old_ones_go() -> None:
    async with testing.cluster(nodes=1) as c:
        await c.client.create(CRON_JOBS, cron_job())
        await c.advance(1_600)
        jobs = await c.list(JOBS)
        assert len(jobs) == 3
        assert all(job["status"]["succeeded"] == 1 for job in jobs)
        assert len(await c.pods()) == 3
        status = (await c.client.get(CRON_JOBS, "tick", "default"))["status"]
        assert "active" not in status
        assert status["lastScheduleTime"] == "2026-01-01T00:25:00Z"


async def test_a_new_schedule_does_not_make_up_for_the_past() -> None:
    async with testing.cluster(nodes=0) as c:
        await c.client.create(CRON_JOBS, cron_job("0 0 1 1 *"))
        await c.advance(7_200)
        patch = {"spec": {"schedule": "30 * * * *"}}
        await c.client.patch(CRON_JOBS, "tick", patch, "default", patch_type=MERGE_PATCH)
        await c.advance(1_700)
        assert await c.list(JOBS) == []
        await c.advance(200)
        assert len(await c.list(JOBS)) == 1


async def test_replacing_takes_the_pods_along() -> None:
    async with testing.cluster(nodes=1, job_duration=1_000.0) as c:
        await c.client.create(CRON_JOBS, cron_job(concurrencyPolicy="Replace"))
        await c.advance(650)
        assert len(await c.list(JOBS)) == len(await c.pods()) == 1
        [ref] = (await c.client.get(CRON_JOBS, "tick", "default"))["status"]["active"]
        assert ref["name"] == (await c.list(JOBS))[0]["metadata"]["name"]


async def test_a_finished_job_goes_after_its_time() -> None:
    async with testing.cluster(nodes=1) as c:
        await c.client.create(JOBS, objects.job("brief", ttlSecondsAfterFinished=30))
        await c.advance(20)
        [job] = await c.list(JOBS)
        assert job["status"]["succeeded"] == 1
        await c.advance(40)
        assert await c.list(JOBS) == await c.pods() == []
