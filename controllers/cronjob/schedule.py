"""When a schedule is due next (pure). Times are whole unix seconds.

Follows `SpecSchedule.Next` of robfig/cron v3, which walks from field to field, the coarse ones
first. Where clocks are put forward, a time of day that is skipped does not come; where they are put
back, one that comes twice is due twice.

>>> from miniplane.api import cron
>>> following(cron.parse("30 6 * * mon"), 1_767_225_600, zone_of(""))  # from a Thursday at midnight
1767594600
"""

import calendar
import datetime
import functools
import zoneinfo

from miniplane.api.cron import Schedule

YEARS = 5
"""So far ahead a time is looked for: the 31st of February never comes."""

Zone = datetime.tzinfo


@functools.lru_cache(maxsize=256)
def zone_of(name: str) -> Zone:
    """A time zone by name; `""` is the cluster's own, UTC. ValueError, OSError or KeyError for one
    that is not known here."""
    if name in ("", "UTC", "Etc/UTC", "Local"):
        return datetime.UTC
    return zoneinfo.ZoneInfo(name)


def following(schedule: Schedule, after: float, zone: Zone) -> int | None:
    """The first time later than `after` at which the schedule is due; None if there is none.

    Takes some dozen steps; the same is asked several times for each time that comes.
    """
    if schedule.every:
        return int(after) + schedule.every
    return _following(schedule, int(after), zone)


@functools.lru_cache(maxsize=1024)
def _following(schedule: Schedule, after: int, zone: Zone) -> int | None:
    minutes, hours, _, months, _ = schedule.fields
    moment = after + 1
    local = _local(moment, zone)
    limit = local.year + YEARS
    whole = False
    """Whether it is cut to the unit that is counted now."""
    while local.year <= limit:
        if local.month not in months:
            year, month = (local.year, local.month + 1) if local.month < 12 else (local.year + 1, 1)
            moment, whole = _at(zone, year, month, 1), True
        elif not _suits(schedule, local):
            moment, whole = _next_day(zone, local, local.hour if whole else 0), True
        elif local.hour not in hours:
            if not whole:
                moment = _at(zone, local.year, local.month, local.day, local.hour)
            step = 3600 * _distance(hours, local.hour, 24)
            # Where clocks are changed, not every hour follows the one before it.
            steady = _offset(moment + step, zone) == _offset(moment, zone)
            moment, whole = moment + (step if steady else 3600), True
        elif local.minute not in minutes:
            moment, whole = moment - moment % 60, True
            step = 60 * _distance(minutes, local.minute, 60)
            steady = _offset(moment + step, zone) == _offset(moment, zone)
            moment += step if steady else 60
        elif local.second:
            moment, whole = moment + 60 - local.second, True
        else:
            return moment
        local = _local(moment, zone)
    return None


def _local(moment: int, zone: Zone) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(moment, zone)


def _suits(schedule: Schedule, local: datetime.datetime) -> bool:
    in_month = local.day in schedule.fields[2]
    in_week = local.isoweekday() % 7 in schedule.fields[4]
    return (in_month and in_week) if schedule.any_day else (in_month or in_week)


def _distance(values: tuple[int, ...], now: int, end: int) -> int:
    """How far it is to the next of `values`, or to the end."""
    return next((value for value in values if value > now), end) - now


def _offset(moment: int, zone: Zone) -> int:
    found = _local(moment, zone).utcoffset()
    return 0 if found is None else int(found.total_seconds())


def _at(zone: Zone, year: int, month: int, day: int, hour: int = 0) -> int:
    """A time of day as a moment; one that is skipped or comes twice as Go's `time.Date` has it."""
    naive = calendar.timegm((year, month, day, hour, 0, 0))
    offset = _offset(naive, zone)
    return naive - _offset(naive - offset, zone)


def _next_day(zone: Zone, local: datetime.datetime, hour: int) -> int:
    """The next day at that hour, put right to midnight where clocks were changed in between. A day
    without a midnight may be passed over, as the library does it."""
    day = local.date() + datetime.timedelta(days=1)
    moment = _at(zone, day.year, day.month, day.day, hour)
    hour = _local(moment, zone).hour
    if hour:
        moment += 3600 * (24 - hour if hour > 12 else -hour)
    return moment
