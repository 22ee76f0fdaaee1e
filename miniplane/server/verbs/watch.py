"""Watches: the registry's events as a chunked stream of JSON lines or protobuf frames.

Nothing is queued for a reader that is slow. While the socket takes no more, the watch is not read;
it falls behind on the store's log, and once the log has moved past it the stream ends with an
ERROR event (410 Expired), as a real server's does. A reader that takes nothing at all for
`STALLED` seconds is cut off.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Sequence

from aiohttp import web

from miniplane.api import errors
from miniplane.api.errors import StatusError
from miniplane.api.options import ListOptions
from miniplane.server import encode, negotiate, notices, options
from miniplane.server.backend import Watch, WatchEvent
from miniplane.server.call import Call
from miniplane.server.events import EventEncoder

BOOKMARK_INTERVAL = 60.0
DEFAULT_TIMEOUT = 1800.0
"""How long a watch lasts that does not say so, in seconds."""

STALLED = 60.0
PIECE = 64 * 1024
"""Events are handed to the socket in pieces of about this many bytes."""


async def watch(call: Call) -> web.StreamResponse:
    """The old paths below `/watch/`, whose query has no say in it."""
    negotiate.for_list(call.accept, custom=call.custom)
    return await start(call, options.selection(call, watch=True).options)


async def start(call: Call, chosen: ListOptions) -> web.StreamResponse:
    """Answer with a stream. StatusError as long as nothing has been sent."""
    resource, info = call.resource, call.info
    if "watch" not in resource.verbs:
        raise errors.method_not_supported(resource, "watch")
    if info.name:
        chosen = options.for_name(chosen, resource, info.name)
    media = negotiate.for_stream(call.accept, custom=call.custom)
    encoder = EventEncoder(call, media)
    namespace = info.namespace if resource.namespaced else ""
    stream = Stream(call, chosen, encoder)
    try:
        source = call.registry.watch(resource, namespace, chosen)
    except StatusError as error:
        if error.code not in (410, 504):
            raise
        # A revision that is gone or not there yet is news for the stream, not the status line.
        return await stream.fail(error)
    try:
        return await stream.run(source)
    finally:
        source.close()


class Stream:
    """The answer to one watch."""

    def __init__(self, call: Call, chosen: ListOptions, encoder: EventEncoder):
        self.call = call
        self.encoder = encoder
        self.bookmarks = chosen.allow_watch_bookmarks
        self.timeout = float(chosen.timeout_seconds or DEFAULT_TIMEOUT)
        self.response = web.StreamResponse(
            headers=(encode.NO_CACHE, ("Content-Type", encoder.content_type))
        )
        for warning in notices.headers(call.notices):
            self.response.headers.add("Warning", warning)
        self.response.enable_chunked_encoding()

    async def run(self, source: Watch) -> web.StreamResponse:
        """Send events until the time is up, the client is gone, or the server stops."""
        task = asyncio.current_task()
        watches = self.call.state.watches
        assert task is not None
        watches[task] = self.call
        try:
            await self.response.prepare(self.call.request)
            if not self.call.state.closing:
                await self._pump(source)
            await self.response.write_eof()
        except asyncio.CancelledError:
            if not self.call.state.closing or not self.response.prepared:
                raise
            # The server is going down: end the stream the way it would have ended.
            task.uncancel()
            with contextlib.suppress(ConnectionError):
                await self.response.write_eof()
        except ConnectionError:
            pass
        finally:
            watches.pop(task, None)
        return self.response

    async def fail(self, error: StatusError) -> web.StreamResponse:
        """A stream of one ERROR event."""
        await self.response.prepare(self.call.request)
        await self.response.write_eof(self.encoder.error(error))
        return self.response

    async def _pump(self, source: Watch) -> None:
        clock = self.call.clock
        request = self.call.request
        now = clock.time()
        end = now + self.timeout
        bookmark_at = now + BOOKMARK_INTERVAL if self.bookmarks else end
        while request.transport is not None:
            try:
                events: Sequence[WatchEvent] = await source.next(
                    max(0.0, min(end, bookmark_at) - now)
                )
            except StatusError as error:
                await self._send((self.encoder.error(error),))
                return
            if events:
                await self._send(map(self.encoder.line, events))
                self.call.state.meter.sent(self.call.resource, len(events))
            now = clock.time()
            if now >= end or source.ended:
                return
            if now >= bookmark_at:
                await self._send((self.encoder.line(source.bookmark()),))
                bookmark_at = now + BOOKMARK_INTERVAL

    async def _send(self, lines: Iterable[bytes]) -> None:
        piece: list[bytes] = []
        size = 0
        for line in lines:
            piece.append(line)
            size += len(line)
            if size >= PIECE:
                await push(self.call, self.response, b"".join(piece))
                piece, size = [], 0
        if piece:
            await push(self.call, self.response, b"".join(piece))


async def push(call: Call, response: web.StreamResponse, data: bytes) -> None:
    """Send a piece of a stream. ConnectionResetError when the client is gone, or takes nothing for
    `STALLED` seconds."""
    transport = call.request.transport
    if transport is None:
        raise ConnectionResetError("the client is gone")
    if len(data) <= PIECE and not transport.get_write_buffer_size():
        # Fits into the transport's buffer: this cannot wait.
        await response.write(data)
        return
    try:
        async with asyncio.timeout(STALLED):
            await response.write(data)
    except TimeoutError:
        transport.abort()
        raise ConnectionResetError("the client stopped reading") from None
