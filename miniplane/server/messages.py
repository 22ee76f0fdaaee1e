"""Objects' protobuf messages, remembered for the revisions that were asked for last.

Most clients never ask for protobuf, so nothing is encoded before one does, and no object carries
a place for it.
"""

import asyncio
from collections.abc import Sequence

import orjson

from miniplane.server.backend import Stored

KEPT = 32 * 2**20
"""How many bytes of messages are remembered."""

SLICE = 200
"""How many messages of a long list are made in one go: some ten milliseconds' work."""

WORTHWHILE = 100
"""Shorter lists are joined each time."""
LARGEST = 16 * 2**20
"""Bytes. Longer joins are not remembered."""

_OVERHEAD = 200
"""About what an entry takes beside the message, in bytes."""


class Messages:
    """Messages by stored revision, the oldest entries going first, and the last long join."""

    def __init__(self, kept: int = KEPT) -> None:
        self._limit = kept
        self._size = 0
        self._entries: dict[Stored, bytes] = {}  # revisions are equal to themselves alone
        self.frames: dict[tuple[Stored, str, str, str], bytes] = {}
        """The latest events of watches, kept by those who encode them."""
        self._joined: Sequence[Stored] | None = None
        self._join = b""

    def of(self, stored: Stored) -> bytes:
        """The object's message in the form of a list's item, which `protobuf.enclosed` puts into an
        envelope. KeyError for a kind without messages."""
        known = self._entries.get(stored)
        if known is not None:
            return known
        from miniplane.api import protobuf

        # Not `stored.obj`: a long list would push everything else out of the decoded objects.
        value = orjson.loads(stored.data)
        message = protobuf.item(protobuf.encode_message(stored.resource.definition, value))
        self._entries[stored] = message
        self._size += len(message) + _OVERHEAD
        while self._size > self._limit and self._entries:
            old = self._entries.pop(next(iter(self._entries)))
            self._size -= len(old) + _OVERHEAD
        return message

    async def prepare(self, items: Sequence[Stored]) -> None:
        """Make the messages of a long list, letting other requests go on meanwhile."""
        if items is self._joined:
            return
        known = self._entries
        new = [stored for stored in items if stored not in known]
        for at in range(0, len(new), SLICE):
            await asyncio.sleep(0)
            for stored in new[at : at + SLICE]:
                self.of(stored)

    def partials(self, items: Sequence[Stored]) -> bytes:
        """The messages of the objects' metadata alone as items of a list."""
        from miniplane.api import protobuf

        return protobuf.items(protobuf.partial(self.of(stored)) for stored in items)

    def items(self, items: Sequence[Stored]) -> bytes:
        """The messages as items of a list. Who lists again before anything of the kind was written
        gets the same bytes."""
        if items is self._joined:
            return self._join
        known = [self._entries.get(stored) for stored in items]
        if None in known:
            known = [self.of(stored) for stored in items]
        joined = b"".join(known)  # type: ignore[arg-type]
        if len(items) >= WORTHWHILE and len(joined) <= LARGEST:
            self._joined, self._join = items, joined
        return joined

    def _check(self) -> None:
        """Raises AssertionError where the books are wrong."""
        size = sum(len(message) + _OVERHEAD for message in self._entries.values())
        assert size == self._size <= self._limit
