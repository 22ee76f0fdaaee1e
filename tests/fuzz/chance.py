"""Random choices that Hypothesis makes, so that it can shrink them, in plain functions.

How much is tried: `MINIPLANE_FUZZ=N` runs N times as many examples, with fresh seeds each time;
without it every run is the same.
"""

import functools
import os
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

T = TypeVar("T")

TIMES = float(os.environ.get("MINIPLANE_FUZZ", "0"))


@functools.lru_cache(maxsize=4096)
def _below(count: int) -> "st.SearchStrategy[int]":
    return st.integers(0, count - 1)


class Chance:
    """Choices for one example. The first ones of a choice are the simple ones."""

    def __init__(self, draw: Callable[..., Any]) -> None:
        self._draw = draw

    def below(self, count: int) -> int:
        return self._draw(_below(count)) if count > 1 else 0

    def between(self, low: int, high: int) -> int:
        return low + self.below(high - low + 1)

    def percent(self, share: int) -> bool:
        """True in so many of a hundred cases; False is the simple one."""
        return self.below(100) >= 100 - share

    def pick(self, choices: Sequence[T]) -> T:
        return choices[self.below(len(choices))]

    def some(self, choices: Iterable[T], most: int) -> list[T]:
        """A few of them, in their order."""
        rest = list(choices)
        count = self.between(0, min(most, len(rest)))
        chosen = sorted({self.below(len(rest)) for _ in range(count)})
        return [rest[at] for at in chosen]


class Seeded(Chance):
    """Choices without Hypothesis, for counting what becomes of them."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def below(self, count: int) -> int:
        return self._random.randrange(count)


@st.composite
def _chances(draw: Callable[..., Any]) -> Chance:
    return Chance(draw)


def fuzz(examples: int, **more: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A test that takes a `chance` and runs `examples` times, times MINIPLANE_FUZZ."""

    def decorate(test: Callable[..., Any]) -> Callable[..., Any]:
        chosen = settings(
            max_examples=max(1, round(examples * (TIMES or 1))),
            derandomize=not TIMES,
            deadline=None,
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            **more,
        )
        return chosen(given(chance=_chances())(test))

    return decorate
