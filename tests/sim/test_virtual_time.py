"""Long times in a whole cluster: what is at rest is not woken, and what is due comes in time."""

import itertools

from miniplane import testing
from miniplane.api.resources import CRON_JOBS, ENDPOINTS, EVENTS, JOBS, LEASES, RESOURCE_QUOTAS
from miniplane.clock import VirtualClock
from miniplane.testing import objects

YEAR, WEEK = 365 * 86_400, 7 * 86_400


class CountingClock(VirtualClock):
    """How often time has stopped for somebody."""

    stops = 0

    def step(self, limit: float | None = None) -> bool:
        moved = super().step(limit)
        self.stops += moved
        return moved


async def test_a_cluster_at_rest_sleeps_for_a_year() -> None:
    clock = CountingClock()
    async with testing.cluster(nodes=3, node_lease_duration=2 * YEAR, clock=clock) as cluster:
        await cluster.advance(86_400)
        revision, clock.stops = cluster.registry.revision, 0
        await cluster.advance(YEAR)
        # Each node renews its lease and reports itself at most twice.
        assert cluster.registry.revision - revision <= 12
        assert clock.stops <= 20, "something is polled"


async def test_a_year_of_sundays() -> None:
    clock = CountingClock()
    async with testing.cluster(nodes=1, node_lease_duration=2 * YEAR, clock=clock) as cluster:
        spec = {
            "schedule": "30 2 * * 0",
            "timeZone": "Europe/Berlin",
            "jobTemplate": {"spec": objects.job("x")["spec"]},
        }
        weekly = {"metadata": {"name": "weekly"}, "spec": spec}
        made: list[float] = []
        watched = cluster.cluster.informers.of(JOBS)
        watched.on_change(lambda old, new: made.append(clock.time()) if old is None else None)
        await cluster.client.create(CRON_JOBS, weekly, namespace="default")
        await cluster.advance(YEAR)
        # The night of the 29th of March has no half past two, that of the 25th of October has two.
        assert len(made) == 52
        apart = [b - a for a, b in itertools.pairwise(made)]
        assert sorted(apart) == [3_600, *[WEEK] * 49, 2 * WEEK - 3_600]
        found = await cluster.client.get(CRON_JOBS, "weekly", "default")
        assert found["status"] == {
            "lastScheduleTime": "2026-12-27T01:30:00Z",
            "lastSuccessfulTime": "2026-12-27T01:30:11Z",
        }
        assert [job["status"]["succeeded"] for job in await cluster.list(JOBS)] == [1, 1, 1]
        assert len(await cluster.pods()) == 3
        assert await cluster.list(EVENTS, "") == []
        assert clock.stops <= 52 * 40, "something is polled"


async def test_leases_are_renewed_four_times_as_often_as_they_run_out() -> None:
    async with testing.cluster(nodes=1, node_lease_duration=4_000) as cluster:
        renewed: list[float] = []
        leases = cluster.cluster.informers.of(LEASES)
        leases.on_change(lambda old, new: renewed.append(cluster.clock.time()))
        renewed.clear()
        await cluster.advance(10_000)
        assert len(renewed) == 10


async def test_what_is_deleted_in_a_quiet_cluster_comes_back_in_time() -> None:
    async with testing.cluster(nodes=0) as cluster:
        for _ in range(3):
            await cluster.advance(86_401)
            await cluster.client.delete(ENDPOINTS, "kubernetes", "default")
            await cluster.advance(10)
            await cluster.client.get(ENDPOINTS, "kubernetes", "default")


async def test_quotas_are_counted_anew_every_five_minutes() -> None:
    async with testing.cluster(nodes=0) as cluster:
        await cluster.advance(1_000)
        quota = {"metadata": {"name": "q"}, "spec": {"hard": {"configmaps": "5"}}}
        await cluster.client.create(RESOURCE_QUOTAS, quota, namespace="default")
        await cluster.settle()
        made = await cluster.client.get(RESOURCE_QUOTAS, "q", "default")
        for used in ("3", "4"):
            wrong = {**made["status"], "used": {"configmaps": used}}
            found = await cluster.client.get(RESOURCE_QUOTAS, "q", "default")
            await cluster.client.update(
                RESOURCE_QUOTAS, {**found, "status": wrong}, subresource="status"
            )
            await cluster.advance(301)
            found = await cluster.client.get(RESOURCE_QUOTAS, "q", "default")
            assert found["status"] == made["status"]
