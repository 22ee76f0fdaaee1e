"""Gzip for large answers, as a real API server does it (`APIResponseCompression`).

Bodies of more than 128 KiB are compressed, at the level that takes least time, for clients that
accept it: every client written in Go does. Watches, logs and small answers are sent as they are.

A list's items are compressed apart from what stands around them, and remembered: most lists are
read again before they change.
"""

import asyncio
import struct
import zlib
from collections.abc import Sequence
from functools import lru_cache

from aiohttp import hdrs, web
from multidict import istr

from miniplane.server.call import Call
from miniplane.server.encode import Pieces

THRESHOLD = 128 * 1024
"""Bodies up to this length are not compressed, in bytes."""

IN_THREAD = 512 * 1024
"""From this length on compressing takes long enough to let other requests go on beside it."""

KEPT = 16 * 2**20
"""How many bytes of the bodies that were compressed last are remembered."""

GATE = "APIResponseCompression"

_LEVEL = 1
_HEAD = b"\x1f\x8b\x08\0\0\0\0\0\x04\xff"  # no name, no time, fastest, no system
_TAIL = struct.Struct("<II")
_RAW = -zlib.MAX_WBITS
_ACCEPT_ENCODING = istr(hdrs.ACCEPT_ENCODING)
_TEXT = "text/"


@lru_cache(maxsize=128)
def accepted(header: str) -> bool:
    """Whether an Accept-Encoding header asks for gzip, in no other words."""
    return any(token.strip() == "gzip" for token in header.split(","))


class Compressor:
    """Compresses answers; remembers the long pieces that it compressed last."""

    def __init__(self, kept: int = KEPT) -> None:
        self._limit = kept
        self._size = 0
        # By identity: an entry holds its source, so that no other can get the same id.
        self._entries: dict[int, tuple[bytes, bytes]] = {}

    async def answer(self, call: Call, response: web.StreamResponse) -> web.StreamResponse:
        """The answer, compressed if it is long and the client accepts it."""
        if isinstance(response, Pieces):
            pieces = response.pieces
        elif isinstance(response, web.Response) and isinstance(response.body, bytes):
            pieces = (response.body,)
        else:
            return response
        if sum(map(len, pieces)) <= THRESHOLD or not self._wanted(call, response):
            return response
        body = await self.gzip(pieces)
        if isinstance(response, Pieces):
            response.pieces = (body,)
        else:
            response.body = body
        response.headers["Content-Encoding"] = "gzip"
        response.headers.add("Vary", "Accept-Encoding")
        return response

    def _wanted(self, call: Call, response: web.StreamResponse) -> bool:
        return (
            accepted(call.request.headers.get(_ACCEPT_ENCODING, ""))
            and not response.headers["Content-Type"].startswith(_TEXT)
            and call.state.config.feature_gates.get(GATE, True)
        )

    async def gzip(self, pieces: Sequence[bytes]) -> bytes:
        """The pieces as one gzip file."""
        new = sum(len(piece) for piece in pieces if id(piece) not in self._entries)
        if new >= IN_THREAD:
            deflated = await asyncio.to_thread(self._deflate_all, pieces)
        else:
            deflated = self._deflate_all(pieces)
        self._keep(pieces, deflated)
        crc = size = 0
        for piece in pieces:
            crc = zlib.crc32(piece, crc)
            size += len(piece)
        end = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW).flush()
        return b"".join((_HEAD, *deflated, end, _TAIL.pack(crc, size & 0xFFFFFFFF)))

    def _deflate_all(self, pieces: Sequence[bytes]) -> list[bytes]:
        out = []
        for piece in pieces:
            known = self._entries.get(id(piece))
            out.append(_deflate(piece) if known is None else known[1])
        return out

    def _keep(self, pieces: Sequence[bytes], deflated: Sequence[bytes]) -> None:
        for piece, small in zip(pieces, deflated, strict=True):
            size = len(piece) + len(small)
            if id(piece) in self._entries or not THRESHOLD < size <= self._limit:
                continue
            self._entries[id(piece)] = piece, small
            self._size += size
            while self._size > self._limit:
                old, small = self._entries.pop(next(iter(self._entries)))
                self._size -= len(old) + len(small)


def _deflate(piece: bytes) -> bytes:
    """Blocks of a deflate stream that end on a byte and refer to nothing before them."""
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW)
    return compressor.compress(piece) + compressor.flush(zlib.Z_FULL_FLUSH)
