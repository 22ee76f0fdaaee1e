"""Schedules of CronJobs: five fields, or a descriptor such as `@daily`.

Follows robfig/cron's ParseStandard (https://pkg.go.dev/github.com/robfig/cron/v3), whose errors the
server hands on.
"""

import re
import zoneinfo

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
_DESCRIPTORS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_DURATION = re.compile(r"[-+]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+|[-+]?0")
_ZONE_CHARS = re.compile(r"[A-Za-z0-9_+\-./]{1,255}")


def schedule_problem(schedule: str) -> str:
    """What is wrong with a schedule, or nothing."""
    if not schedule:
        return "empty spec string"
    if schedule.startswith(("TZ=", "CRON_TZ=")):
        head, _, rest = schedule.partition(" ")
        name = head.partition("=")[2]
        if problem := zone_problem(name):
            return f"provided bad location {name}: {problem}"
        schedule = rest.strip()
    if schedule.startswith("@"):
        return _descriptor_problem(schedule)
    parts = schedule.split()
    if len(parts) != len(_FIELDS):
        shown = f"[{' '.join(parts)}]"
        return f"expected exactly {len(_FIELDS)} fields, found {len(parts)}: {shown}"
    for part, (name, low, high) in zip(parts, _FIELDS, strict=True):
        for expression in part.split(","):
            if expression and (problem := _range_problem(expression, name, low, high)):
                return problem
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


def _descriptor_problem(schedule: str) -> str:
    if schedule in _DESCRIPTORS:
        return ""
    if schedule.startswith("@every "):
        text = schedule.removeprefix("@every ")
        if _DURATION.fullmatch(text):
            return ""
        return f'failed to parse duration {schedule}: time: invalid duration "{text}"'
    return f"unrecognized descriptor: {schedule}"


def _range_problem(expression: str, name: str, low: int, high: int) -> str:
    steps = expression.split("/")
    bounds = steps[0].split("-")
    single = len(bounds) == 1
    if bounds[0] in ("*", "?"):
        start, end = low, high
    else:
        found = _number(bounds[0], name)
        if isinstance(found, str):
            return found
        start = end = found
        if len(bounds) == 2:
            found = _number(bounds[1], name)
            if isinstance(found, str):
                return found
            end = found
        elif len(bounds) > 2:
            return f"too many hyphens: {expression}"
    step = 1
    if len(steps) == 2:
        found = _number(steps[1], "")
        if isinstance(found, str):
            return found
        step = found
        if single and bounds[0] not in ("*", "?"):
            end = high
    elif len(steps) > 2:
        return f"too many slashes: {expression}"
    if start < low:
        return f"beginning of range ({start}) below minimum ({low}): {expression}"
    if end > high:
        return f"end of range ({end}) above maximum ({high}): {expression}"
    if start > end:
        return f"beginning of range ({start}) beyond end of range ({end}): {expression}"
    if step == 0:
        return f"step of range should be a positive number: {expression}"
    return ""


def _number(text: str, name: str) -> int | str:
    """A number or a name of the field, or what is wrong with it."""
    named = _NAMES.get(name, {}).get(text.lower())
    if named is not None:
        return named
    digits = text[1:] if text[:1] in ("-", "+") else text
    if not (digits.isascii() and digits.isdigit()):
        problem = f'strconv.Atoi: parsing "{text}": invalid syntax'
        return f"failed to parse int from {text}: {problem}"
    if len(digits) > 18:
        problem = f'strconv.Atoi: parsing "{text}": value out of range'
        return f"failed to parse int from {text}: {problem}"
    number = int(text)
    return f"negative number ({number}) not allowed: {text}" if number < 0 else number
