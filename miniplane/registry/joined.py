"""The JSON of a list's items, one after the other, remembered for the list that was read last.

Joining 3,000 pods means touching some megabytes of fresh memory, which costs more than all the rest
of the list. Who lists again before anything of the kind was written gets the same bytes.
"""

from miniplane.registry.stored import Stored

WORTHWHILE = 100
"""Shorter lists are joined each time."""
LARGEST = 16 * 2**20
"""Bytes. Longer ones are not kept."""


class JoinCache:
    """Remembers one join: of the very list object that the store gave out."""

    __slots__ = ("_bytes", "_items")

    def __init__(self) -> None:
        self._items: list[Stored] | None = None
        self._bytes = b""

    def join(self, items: list[Stored]) -> bytes:
        if items is self._items:
            return self._bytes
        joined = b",".join([stored.data for stored in items])
        if len(items) >= WORTHWHILE and len(joined) <= LARGEST:
            self._items, self._bytes = items, joined
        return joined
