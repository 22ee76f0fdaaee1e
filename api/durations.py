"""Durations as people read them. Follows apimachinery's `pkg/util/duration`.

>>> human(59), human(125), human(3 * 3600 + 300), human(50 * 3600)
('59s', '2m5s', '3h5m', '2d2h')
"""

import datetime
import re

_MINUTE, _HOUR = 60, 3600
_NUMBER = r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)"
_WRITTEN = re.compile(rf"[-+]?(?:(?:{_NUMBER})+|0)")
_PART = re.compile(_NUMBER)
_NANOS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}


def parse(text: str) -> float | None:
    """Seconds of a duration as Go writes it (`time.ParseDuration`), None for what is none.

    >>> parse("1h30m"), parse("-1.5s"), parse("5")
    (5400.0, -1.5, None)
    """
    if not _WRITTEN.fullmatch(text):
        return None
    nanos = sum(float(number) * _NANOS[unit] for number, unit in _PART.findall(text))
    return (-nanos if text.startswith("-") else nanos) / 10**9


def compact(seconds: int) -> str:
    """A whole number of seconds as Go writes it (`Duration.String`).

    >>> compact(40), compact(80), compact(300)
    ('40s', '1m20s', '5m0s')
    """
    hours, rest = divmod(seconds, _HOUR)
    minutes, rest = divmod(rest, _MINUTE)
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def human(seconds: float) -> str:
    """Two or three significant figures of a duration: `HumanDuration`, as in AGE columns."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    if whole < 0:
        return "0s"
    if whole < 2 * _MINUTE:
        return f"{whole}s"
    minutes, rest = divmod(whole, _MINUTE)
    if minutes < 10:
        return f"{minutes}m{rest}s" if rest else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    hours, rest = divmod(minutes, 60)
    if hours < 8:
        return f"{hours}h{rest}m" if rest else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    days, rest = divmod(hours, 24)
    if days < 8:
        return f"{days}d{rest}h" if rest else f"{days}d"
    if days < 365 * 2:
        return f"{days}d"
    years, rest = divmod(days, 365)
    if years < 8:
        return f"{years}y{rest}d" if rest else f"{years}y"
    return f"{years}y"


def short(seconds: float) -> str:
    """One figure of a duration: `ShortHumanDuration`."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    if whole < 0:
        return "0s"
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m"
    if whole < 24 * _HOUR:
        return f"{whole // _HOUR}h"
    if whole < 365 * 24 * _HOUR:
        return f"{whole // (24 * _HOUR)}d"
    return f"{whole // (365 * 24 * _HOUR)}y"


def parse_time(text: object) -> float | None:
    """Unix seconds of an RFC 3339 time (Time or MicroTime), or None for anything else."""
    if not isinstance(text, str) or not text:
        return None
    try:
        parsed = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    if parsed.tzinfo is None:
        return None
    return parsed.timestamp()


def format_time(seconds: float) -> str:
    """Unix seconds as a Kubernetes `Time`, fractions cut off.

    >>> format_time(0.5)
    '1970-01-01T00:00:00Z'
    """
    return datetime.datetime.fromtimestamp(seconds // 1, datetime.UTC).isoformat()[:19] + "Z"


def since(text: object, now: float) -> str:
    """How long ago a time was, for people; `<unknown>` where there is none."""
    moment = parse_time(text)
    return "<unknown>" if moment is None else human(now - moment)
