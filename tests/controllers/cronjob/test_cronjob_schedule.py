"""When schedules are due: times of day, months, days, zones whose clocks change."""

from datetime import UTC, datetime

import pytest

from miniplane.api import cron
from miniplane.controllers.cronjob.schedule import following, zone_of


def after(schedule: str, moment: str, zone: str = "") -> str | None:
    since = datetime.fromisoformat(moment).timestamp()
    found = following(cron.parse(schedule), since, zone_of(zone))
    return None if found is None else datetime.fromtimestamp(found, UTC).isoformat()[:16]


@pytest.mark.parametrize(
    ("schedule", "since", "due"),
    [
        ("* * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:01"),
        ("*/15 * * * *", "2026-01-01T00:59:30Z", "2026-01-01T01:00"),
        ("7/20 3 * * *", "2026-01-01T03:07:00Z", "2026-01-01T03:27"),
        ("0 0 1 1 *", "2026-01-01T00:00:00Z", "2027-01-01T00:00"),
        ("0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T00:00"),
        ("0 0 31 2 *", "2026-01-01T00:00:00Z", None),
        ("0 12 * * mon-fri", "2026-01-02T12:00:00Z", "2026-01-05T12:00"),
        ("0 0 13 * fri", "2026-01-01T00:00:00Z", "2026-01-02T00:00"),
        ("0 0 13 * ?", "2026-01-01T00:00:00Z", "2026-01-13T00:00"),
        ("0 0 */2 * fri", "2026-01-01T00:00:00Z", "2026-01-02T00:00"),
        ("@weekly", "2026-01-01T00:00:00Z", "2026-01-04T00:00"),
        ("@every 90m", "2026-01-01T00:00:00Z", "2026-01-01T01:30"),
        ("30 8 1 */6 *", "2026-01-01T08:30:00Z", "2026-07-01T08:30"),
    ],
)
def test_the_next_time(schedule, since, due):
    assert after(schedule, since) == due


@pytest.mark.parametrize(
    ("schedule", "since", "due"),
    [
        ("0 9 * * *", "2026-01-01T00:00:00Z", "2026-01-01T08:00"),
        ("0 9 * * *", "2026-07-01T00:00:00Z", "2026-07-01T07:00"),
        # 02:30 does not come on the 29th of March, and twice on the 25th of October.
        ("30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-30T00:30"),
        ("30 2 * * *", "2026-10-24T12:00:00Z", "2026-10-25T00:30"),
        ("30 2 * * *", "2026-10-25T00:30:00Z", "2026-10-25T01:30"),
        ("0 0 * * *", "2026-03-29T00:00:00Z", "2026-03-29T22:00"),
    ],
)
def test_zones(schedule, since, due):
    assert after(schedule, since, "Europe/Berlin") == due


def test_a_day_that_does_not_begin_at_midnight():
    # In Beirut the clocks went from 00:00 to 01:00 on the 27th of March 2022.
    for schedule in ("0 0 * * *", "0 * 28 3 *"):
        assert after(schedule, "2022-03-26T12:00:00Z", "Asia/Beirut") == "2022-03-27T21:00"
