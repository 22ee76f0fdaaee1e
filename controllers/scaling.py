"""Arithmetic of replicas: numbers or percentages, and batches that grow while all goes well."""

from collections.abc import Iterator


def scaled(value: int | str, total: int, *, round_up: bool) -> int:
    """An IntOrString against a total (apimachinery's `intstr.GetScaledValueFromIntOrPercent`).

    >>> scaled(3, 10, round_up=True), scaled("25%", 10, round_up=True)
    (3, 3)
    >>> scaled("25%", 10, round_up=False)
    2

    ValueError for a string that is no percentage.
    """
    if isinstance(value, int):
        return value
    if not value.endswith("%"):
        raise ValueError(f"neither a number nor a percentage: {value!r}")
    product = int(value[:-1]) * total
    return -(-product // 100) if round_up else product // 100


def slow_start(count: int, *, first: int = 1, limit: int | None = None) -> Iterator[range]:
    """Positions 0 to `count` in batches of 1, 2, 4... up to `limit`.

    Who works through them stops after a batch in which something failed, so that a hopeless job
    (a quota that is used up) fails once or twice and not a thousand times.

    >>> [list(batch) for batch in slow_start(5)]
    [[0], [1, 2], [3, 4]]
    """
    start, size = 0, first
    while start < count:
        if limit is not None:
            size = min(size, limit)
        end = min(start + size, count)
        yield range(start, end)
        start, size = end, 2 * size
