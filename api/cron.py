"""Schedules of CronJobs: five fields, or a descriptor such as `@daily`.

Follows robfig/cron's ParseStandard (https://pkg.go.dev/github.com/robfig/cron/v3), whose errors the
server hands on.

>>> parse("*/20 8-9 * * mon").fields[:2]
((0, 20, 40), (8, 9))
"""

import dataclasses
import re
import zoneinfo

from miniplane.api import durations

_FIELDS: tuple[tuple[str, int, int], ...] = (
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of month", 1, 31),
    ("month", 1, 12),
    ("day of week", 0, 6),
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NAMES: dict[str, dict[str, int]] = {
    "month": {name: i + 1 for i, name in enumerate(_MONTHS)},
    "day of week": {name: i for i, name in enumerate(_DAYS)},
}
_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_ZONE_CHARS = re.compile(r"[A-Za-z0-9_+\-./]{1,255}")


@dataclasses.dataclass(frozen=True, slots=True)
class Schedule:
    """`fields` are the minutes, hours, days of the month, months and days of the week (0: Sunday)
    on which it is due. Where both kinds of days are restricted, one of them is enough; `any_day`
    says that one is not. `every` is the period in seconds of an `@every`, which has no fields.
    """

    fields: tuple[tuple[int, ...], ...] = ()
    any_day: bool = False
    every: int = 0
    zone: str = ""
    """The time zone of a `TZ=` before it, `""` without one."""


def parse(schedule: str) -> Schedule:
    """ValueError, in the library's words, for one that cannot be read."""
    if not schedule:
        raise ValueError("empty spec string")
    zone = ""
    if schedule.startswith(("TZ=", "CRON_TZ=")):
        head, _, rest = schedule.partition(" ")
        zone = head.partition("=")[2]
        if problem := zone_problem(zone):
            raise ValueError(f"provided bad location {zone}: {problem}")
        schedule = rest.strip()
    if schedule.startswith("@every "):
        return Schedule(every=_period(schedule), zone=zone)
    if schedule.startswith("@"):
        if schedule not in _DESCRIPTORS:
            raise ValueError(f"unrecognized descriptor: {schedule}")
        schedule = _DESCRIPTORS[schedule]
    parts = schedule.split()
    if len(parts) != len(_FIELDS):
        shown = f"[{' '.join(parts)}]"
        raise ValueError(f"expected exactly {len(_FIELDS)} fields, found {len(parts)}: {shown}")
    fields = []
    stars = []
    for part, (name, low, high) in zip(parts, _FIELDS, strict=True):
        values: dict[int, None] = {}
        star = False
        for expression in part.split(","):
            if expression:
                found, every = _range(expression, name, low, high)
                values.update(dict.fromkeys(found))
                star = star or every
        fields.append(tuple(sorted(values)))
        stars.append(star)
    return Schedule(fields=tuple(fields), any_day=stars[2] or stars[4], zone=zone)


def schedule_problem(schedule: str) -> str:
    """What is wrong with a schedule, or nothing."""
    try:
        parse(schedule)
    except ValueError as error:
        return str(error)
    return ""


def zone_problem(name: str) -> str:
    """What is wrong with the name of a time zone, or nothing."""
    problem = f"unknown time zone {name}"
    if name in ("", "UTC", "Local"):
        return ""
    if not _ZONE_CHARS.fullmatch(name) or ".." in name or name.startswith(("/", "\\")):
        return "time: invalid location name" if ".." in name or name[:1] == "/" else problem
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        # Without a time zone database nobody knows any zone; then every name is as good.
        return problem if _has_zones() else ""
    return ""


def _has_zones() -> bool:
    try:
        zoneinfo.ZoneInfo("Europe/London")
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _period(schedule: str) -> int:
    """Whole seconds, at least one."""
    text = schedule.removeprefix("@every ")
    seconds = durations.parse(text)
    if seconds is None:
        raise ValueError(f'failed to parse duration {schedule}: time: invalid duration "{text}"')
    return max(1, int(seconds))


def _range(expression: str, name: str, low: int, high: int) -> tuple[range, bool]:
    """The values of one expression, and whether it stands for all of them."""
    steps = expression.split("/")
    bounds = steps[0].split("-")
    single = len(bounds) == 1
    star = bounds[0] in ("*", "?")
    if star:
        start, end = low, high
    else:
        start = end = _number(bounds[0], name)
        if len(bounds) == 2:
            end = _number(bounds[1], name)
        elif len(bounds) > 2:
            raise ValueError(f"too many hyphens: {expression}")
    step = 1
    if len(steps) == 2:
        step = _number(steps[1], "")
        if single and not star:
            end = high
    elif len(steps) > 2:
        raise ValueError(f"too many slashes: {expression}")
    if start < low:
        raise ValueError(f"beginning of range ({start}) below minimum ({low}): {expression}")
    if end > high:
        raise ValueError(f"end of range ({end}) above maximum ({high}): {expression}")
    if start > end:
        raise ValueError(f"beginning of range ({start}) beyond end of range ({end}): {expression}")
    if step == 0:
        raise ValueError(f"step of range should be a positive number: {expression}")
    return range(start, end + 1, step), star and step == 1


def _number(text: str, name: str) -> int:
    """A number or a name of the field."""
    named = _NAMES.get(name, {}).get(text.lower())
    if named is not None:
        return named
    digits = text[1:] if text[:1] in ("-", "+") else text
    if not (digits.isascii() and digits.isdigit()):
        problem = f'strconv.Atoi: parsing "{text}": invalid syntax'
        raise ValueError(f"failed to parse int from {text}: {problem}")
    if len(digits) > 18:
        problem = f'strconv.Atoi: parsing "{text}": value out of range'
        raise ValueError(f"failed to parse int from {text}: {problem}")
    number = int(text)
    if number < 0:
        raise ValueError(f"negative number ({number}) not allowed: {text}")
    return number
