"""DNS over UDP and TCP (RFC 1035, RFC 7766)."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import cast

IDLE = 10.0
"""How long a connection without a query stays open, in seconds."""
CONNECTIONS = 100
TRIES = 20

Answerer = Callable[[bytes, bool], bytes | None]
"""A query's bytes and whether it came over UDP -> the answer's bytes, or None for silence."""


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, answer: Answerer):
        self._answer = answer
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._answer(data, True)
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, addr)


class DnsServer:
    """Answers queries on one port, UDP and TCP, until it is stopped.

    `async with DnsServer(answer, host, port) as server:` or `start()` and `stop()`.
    """

    def __init__(self, answer: Answerer, host: str, port: int):
        """Port 0 takes one that is free for both."""
        self._answer = answer
        self._host, self._port = host, port
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None
        self._open: dict[asyncio.Task[None], None] = {}
        self.address: tuple[str, int] = (self._host, port)
        """Where it listens, once started."""

    async def start(self) -> None:
        """Listen. OSError when the port is taken."""
        loop = asyncio.get_running_loop()
        for left in reversed(range(TRIES)):
            self._tcp = await asyncio.start_server(self._connected, self._host, self._port)
            sock: socket.socket = self._tcp.sockets[0]
            host, port = sock.getsockname()[:2]
            try:
                self._udp, _ = await loop.create_datagram_endpoint(
                    lambda: _Datagrams(self._answer), (host, port)
                )
            except OSError:
                self._tcp.close()
                # Free for TCP is not free for UDP; another free port may be.
                if self._port or not left:
                    raise
            else:
                self.address = (host, port)
                return

    async def stop(self) -> None:
        if self._udp is not None:
            self._udp.close()
        if self._tcp is not None:
            self._tcp.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def __aenter__(self) -> "DnsServer":
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        with contextlib.closing(writer):
            if len(self._open) >= CONNECTIONS:
                return
            self._open[task] = None
            try:
                await self._talk(reader, writer)
            except (asyncio.IncompleteReadError, TimeoutError, ConnectionError):
                pass  # the client went away
            except asyncio.CancelledError:
                pass  # the server stops
            finally:
                del self._open[task]

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            async with asyncio.timeout(IDLE):
                length = int.from_bytes(await reader.readexactly(2))
                query = await reader.readexactly(length)
                answer = self._answer(query, False)
                if answer is None:
                    return
                writer.write(len(answer).to_bytes(2) + answer)
                await writer.drain()
