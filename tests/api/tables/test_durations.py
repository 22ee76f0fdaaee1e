"""Durations for people, at every cut-off of apimachinery's `pkg/util/duration`."""

import pytest

from miniplane.api import durations

MINUTE, HOUR, DAY = 60, 3600, 86400
YEAR = 365 * DAY


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-2, "<invalid>"),
        (-1.9, "0s"),
        (-0.5, "0s"),
        (0, "0s"),
        (0.9, "0s"),
        (119, "119s"),
        (2 * MINUTE, "2m"),
        (2 * MINUTE + 5, "2m5s"),
        (10 * MINUTE - 1, "9m59s"),
        (10 * MINUTE + 59, "10m"),
        (3 * HOUR - 1, "179m"),
        (3 * HOUR, "3h"),
        (3 * HOUR + 5 * MINUTE, "3h5m"),
        (8 * HOUR - 1, "7h59m"),
        (8 * HOUR + 59 * MINUTE, "8h"),
        (48 * HOUR - 1, "47h"),
        (2 * DAY, "2d"),
        (2 * DAY + HOUR, "2d1h"),
        (8 * DAY - 1, "7d23h"),
        (8 * DAY + 23 * HOUR, "8d"),
        (2 * YEAR - 1, "729d"),
        (2 * YEAR, "2y"),
        (2 * YEAR + DAY, "2y1d"),
        (8 * YEAR - 1, "7y364d"),
        (8 * YEAR + 300 * DAY, "8y"),
    ],
)
def test_human(seconds, text):
    assert durations.human(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-2, "<invalid>"), (-1, "0s"), (59, "59s"), (60, "1m"), (3599, "59m"), (DAY, "1d")],
)
def test_short(seconds, text):
    assert durations.short(seconds) == text
    assert durations.short(YEAR * 3) == "3y"
    assert durations.short(HOUR * 23) == "23h"


def test_times():
    assert durations.parse_time("1970-01-01T00:01:00Z") == 60
    assert durations.parse_time("1970-01-01T00:00:00.250000Z") == 0.25
    assert durations.parse_time("1970-01-01T01:00:00+01:00") == 0
    for bad in (None, "", "yesterday", "1970-01-01", "1970-01-01T00:00:00", 3):
        assert durations.parse_time(bad) is None


def test_since():
    assert durations.since("1970-01-01T00:00:00Z", 130) == "2m10s"
    assert durations.since(None, 130) == "<unknown>"
