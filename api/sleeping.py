"""The operands of `sleep`, as GNU coreutils and busybox read them."""

import re
from collections.abc import Sequence

_TIME = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)([smhd]?)")
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_FOREVER = ("infinity", "inf")


def seconds(times: Sequence[str]) -> float | None:
    """How long `sleep` takes with these; infinity for ever, None where it cannot be told.

    >>> seconds(["1.5", "1m"]), seconds(["infinity"]), seconds(["soon"]), seconds([])
    (61.5, inf, None, None)
    """
    total = 0.0
    for text in times:
        if text in _FOREVER:
            return float("inf")
        found = _TIME.fullmatch(text)
        if found is None:
            return None
        total += float(found[1]) * _UNITS[found[2]]
    return total if times else None
