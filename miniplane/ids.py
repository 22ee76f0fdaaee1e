"""Chance, handed in from outside: the only module that draws random numbers.

The same seed and the same order of calls give the same values; `fork` gives a component a stream of
its own, so that one more draw in one place does not move all others.

>>> Ids(seed=7).uid() == Ids(seed=7).uid()
True
"""

import os
import random
from collections.abc import MutableSequence, Sequence
from typing import Any, TypeVar

T = TypeVar("T")

ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Letters and digits of generated names: no vowels, nothing that looks like another
(apimachinery's `pkg/util/rand`)."""


class Ids:
    """UIDs, name suffixes and choices. Without a seed they differ from run to run."""

    def __init__(self, seed: int | str | None = None):
        self.seed = seed
        self._random = random.Random(seed)
        self._repeatable = seed is not None

    def fork(self, name: str) -> "Ids":
        """An independent stream for `name`: the same for the same seed and name."""
        if self.seed is None:
            fork = Ids(self._random.getrandbits(64))
            fork._repeatable = False
            return fork
        fork = Ids(f"{self.seed}/{name}")
        fork._repeatable = self._repeatable
        return fork

    def uid(self) -> str:
        """A UUID of version 4, as `metadata.uid`: `9e3c...-....-4...-a...-............`."""
        bits = self._random.getrandbits(128)
        bits = bits & ~(0xF000 << 64) & ~(0xC000 << 48) | (0x4000 << 64) | (0x8000 << 48)
        text = f"{bits:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def suffix(self, length: int = 5) -> str:
        """What follows a `generateName`."""
        return "".join(self._random.choices(ALPHABET, k=length))

    def hex(self, length: int) -> str:
        return f"{self._random.getrandbits(4 * length):0{length}x}" if length else ""

    def secret(self, length: int) -> bytes:
        """Bytes for a key: with a seed the same each time, without one nobody's to guess."""
        return self._random.randbytes(length) if self._repeatable else os.urandom(length)

    def random(self) -> float:
        """In [0, 1)."""
        return self._random.random()

    def integer(self, low: int, high: int) -> int:
        """From `low` to `high`, both included."""
        return self._random.randint(low, high)

    def choice(self, items: Sequence[T]) -> T:
        return self._random.choice(items)

    def shuffle(self, items: MutableSequence[Any]) -> None:
        """Shuffle `items` in place."""
        self._random.shuffle(items)
