"""Sets of completion indexes, as runs of consecutive numbers.

Follows `pkg/controller/job/indexed_job_utils.go`. `status.completedIndexes` and
`status.failedIndexes` are written so: ascending, runs of three or more with a hyphen.

>>> text(merge(parse("1,3-5", 10), singles([2, 7])))
'1-5,7'
"""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

Intervals: TypeAlias = tuple[tuple[int, int], ...]
"""(first, last) of each run, ascending; no two of them touch."""


def parse(written: str, completions: int) -> Intervals:
    """The indexes below `completions` that `written` names. What cannot be read is skipped, as it
    is only there if somebody else wrote the status."""
    found: list[tuple[int, int]] = []
    for part in written.split(",") if written else ():
        head, dash, tail = part.partition("-")
        try:
            first = int(head)
            last = int(tail) if dash else first
        except ValueError:
            continue
        if first >= completions:
            break
        last = min(last, completions - 1)
        if found and found[-1][1] == first - 1:
            found[-1] = (found[-1][0], last)
        else:
            found.append((first, last))
    return tuple(found)


def text(intervals: Intervals) -> str:
    """As it stands in a status: `"0-2,4,5"`."""
    parts = []
    for first, last in intervals:
        if first == last:
            parts.append(str(first))
        else:
            parts.append(f"{first}{',' if last == first + 1 else '-'}{last}")
    return ",".join(parts)


def singles(indexes: Iterable[int]) -> Intervals:
    """Runs of one index each, for `merge`."""
    return tuple((index, index) for index in sorted(dict.fromkeys(indexes)))


def merge(one: Intervals, two: Intervals) -> Intervals:
    """The union. O(n log n)."""
    if not two:
        return one
    merged: list[tuple[int, int]] = []
    for first, last in sorted((*one, *two)):
        if merged and first <= merged[-1][1] + 1:
            if last > merged[-1][1]:
                merged[-1] = (merged[-1][0], last)
        else:
            merged.append((first, last))
    return tuple(merged)


def total(intervals: Intervals) -> int:
    """How many indexes there are."""
    return sum(last - first + 1 for first, last in intervals)


def has(intervals: Intervals, index: int) -> bool:
    return any(first <= index <= last for first, last in intervals)


def common(one: Intervals, two: Intervals) -> int:
    """How many indexes are in both."""
    count = i = j = 0
    while i < len(one) and j < len(two):
        count += max(0, min(one[i][1], two[j][1]) - max(one[i][0], two[j][0]) + 1)
        if one[i][1] < two[j][1]:
            i += 1
        else:
            j += 1
    return count


def missing(intervals: Intervals, completions: int) -> Iterator[int]:
    """The indexes below `completions` that are not in it, ascending."""
    candidate = 0
    for first, last in intervals:
        yield from range(candidate, min(first, completions))
        candidate = max(candidate, last + 1)
    yield from range(candidate, completions)
