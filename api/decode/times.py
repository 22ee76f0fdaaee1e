"""Time and MicroTime as Go's `time.Parse` reads them and as a server writes them back.

`Time` is RFC 3339 in UTC with whole seconds, `MicroTime` with six decimals. Go's reader is laxer
than the RFC here and there (one-digit hours, any fraction), and its complaints end up in clients'
hands, so both are followed to the letter.
"""

import datetime
import json
import re

_PLAIN = re.compile(
    r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z",
    re.ASCII,
)
_RFC3339 = "2006-01-02T15:04:05Z07:00"
_RFC3339_MICRO = "2006-01-02T15:04:05.000000Z07:00"
_ZERO = datetime.datetime(1, 1, 1)
_ZERO_TEXT = "0001-01-01T00:00:00Z"
_DIGITS = "0123456789"

_ELEMENTS = (
    ("", "2006", "year"),
    ("-", "01", "month"),
    ("-", "02", "day"),
    ("T", "15", "hour"),
    (":", "04", "minute"),
    (":", "05", "second"),
)
_LIMITS = {"month": (1, 12), "hour": (0, 23), "minute": (0, 59), "second": (0, 59)}


def time(value: str) -> str | None:
    """`value` as a server writes a Time; None for the zero time. ValueError with Go's text."""
    if _PLAIN.fullmatch(value):
        return value if value != _ZERO_TEXT else None
    moment, nanos = _parse(value, _RFC3339)
    if moment == _ZERO and not nanos:
        return None
    return _text(moment) + "Z"


def micro_time(value: str) -> str | None:
    """`value` as a server writes a MicroTime; None for the zero time. ValueError with Go's text."""
    moment, nanos = _parse(value, _RFC3339_MICRO)
    if moment == _ZERO and not nanos:
        return None
    return f"{_text(moment)}.{nanos // 1000:06d}Z"


def _text(moment: datetime.datetime) -> str:
    return f"{moment.year:04d}" + moment.strftime("-%m-%dT%H:%M:%S")


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _parse(value: str, layout: str) -> tuple[datetime.datetime, int]:
    """The moment in UTC without its fraction, and the fraction in nanoseconds."""
    prefix = f"parsing time {_quote(value)}"

    def bad(rest: str, element: str) -> ValueError:
        head = f"{prefix} as {_quote(layout)}"
        return ValueError(f"{head}: cannot parse {_quote(rest)} as {_quote(element)}")

    rest = value
    parts: dict[str, int] = {}
    for literal, element, name in _ELEMENTS:
        if not rest.startswith(literal):
            raise bad(rest, literal)
        rest = rest[len(literal) :]
        width = _width(rest, name)
        if not width:
            raise bad(rest, element)
        number, rest = int(rest[:width]), rest[width:]
        low, high = _LIMITS.get(name, (0, 9999))
        if not low <= number <= high:
            raise ValueError(f"{prefix}: {name} out of range")
        parts[name] = number
    nanos, rest = _fraction(rest, layout, bad)
    offset, rest = _zone(rest, prefix, bad)
    if rest:
        raise ValueError(f"{prefix}: extra text: {_quote(rest)}")
    try:
        moment = datetime.datetime(**parts)  # type: ignore[arg-type]
    except ValueError:
        if parts["year"] == 0:
            raise ValueError("Time.MarshalJSON: year outside of range [1,9999]") from None
        raise ValueError(f"{prefix}: day out of range") from None
    try:
        return moment - datetime.timedelta(minutes=offset), nanos
    except OverflowError:
        raise ValueError("Time.MarshalJSON: year outside of range [1,9999]") from None


def _width(rest: str, name: str) -> int:
    """How many characters a number takes; 0 where there is none. Only hours may be one digit."""
    wanted = 4 if name == "year" else 2
    digits = 0
    while digits < min(wanted, len(rest)) and rest[digits] in _DIGITS:
        digits += 1
    if digits == wanted or (name == "hour" and digits == 1):
        return digits
    return 0


def _fraction(rest: str, layout: str, bad) -> tuple[int, str]:
    """The fraction in nanoseconds: six digits in a MicroTime, any number in a Time."""
    if layout == _RFC3339_MICRO:
        if not re.match(r"[.,][0-9]{6}", rest):
            raise bad(rest, ".000000")
        return int(rest[1:7]) * 1000, rest[7:]
    found = re.match(r"[.,]([0-9]+)", rest)
    if found is None:
        return 0, rest
    return int(found[1][:9].ljust(9, "0")), rest[found.end() :]


def _zone(rest: str, prefix: str, bad) -> tuple[int, str]:
    """The zone's offset in minutes."""
    if rest.startswith("Z"):
        return 0, rest[1:]
    found = re.match(r"([+-])([0-9]{2}):([0-9]{2})", rest)
    if found is None:
        raise bad(rest, "Z07:00")
    hours, minutes = int(found[2]), int(found[3])
    if hours > 24:
        raise ValueError(f"{prefix}: time zone offset hour out of range")
    if minutes > 60:
        raise ValueError(f"{prefix}: time zone offset minute out of range")
    total = hours * 60 + minutes
    return -total if found[1] == "-" else total, rest[6:]
