"""Chance, handed in from outside: the only module that draws random numbers.

The same seed and the same order of calls give the same values; `fork` gives a component a stream of
its own, so that one more draw in one place does not move all others.

>>> Ids(seed=7).uid() == Ids(seed=7).uid()
True
"""

import contextlib
import os
import random
from collections.abc import Callable, Iterator, MutableSequence, Sequence
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


class Draws:
    """What a piece of work drew, so that it draws the same when it is done over.

    Where it asks for something else than the last time, what came after that is forgotten.

    >>> ids, draws = Ids(seed=7), Draws()
    >>> with draws.repeated(ids):
    ...     first = ids.uid()
    >>> with draws.repeated(ids):
    ...     again, other = ids.uid(), ids.uid()
    >>> first == again, first == other
    (True, False)
    """

    def __init__(self) -> None:
        self._drawn: list[tuple[object, Any]] = []
        self._at = 0
        self._source: random.Random | None = None

    @contextlib.contextmanager
    def repeated(self, ids: Ids) -> Iterator[None]:
        """Inside, `ids` gives what it gave before. Not to be nested; nothing may wait inside."""
        self._source, self._at = ids._random, 0
        ids._random = self  # type: ignore[assignment]  # it draws as a Random does
        try:
            yield
        finally:
            ids._random, self._source = self._source, None

    def _draw(self, key: object, make: Callable[[random.Random], T]) -> T:
        at = self._at
        if at >= len(self._drawn) or self._drawn[at][0] != key:
            assert self._source is not None
            del self._drawn[at:]
            self._drawn.append((key, make(self._source)))
        self._at = at + 1
        found: T = self._drawn[at][1]
        return found

    def getrandbits(self, k: int) -> int:
        return self._draw(("bits", k), lambda source: source.getrandbits(k))

    def choices(self, population: Sequence[T], *, k: int) -> list[T]:
        size = len(population)
        picks = self._draw(("choices", size, k), lambda source: source.choices(range(size), k=k))
        return [population[i] for i in picks]

    def random(self) -> float:
        return self._draw("random", lambda source: source.random())

    def randint(self, a: int, b: int) -> int:
        return self._draw(("integer", a, b), lambda source: source.randint(a, b))

    def choice(self, seq: Sequence[T]) -> T:
        return seq[self.randint(0, len(seq) - 1)]

    def shuffle(self, x: MutableSequence[Any]) -> None:
        size = len(x)
        order = self._draw(("shuffle", size), lambda source: source.sample(range(size), size))
        x[:] = [x[i] for i in order]
