"""A listening server around the application: quick to start, quick to stop."""

import logging
import socket
import ssl

from aiohttp import web

from miniplane.config import Config
from miniplane.server.app import HANDLER
from miniplane.server.guard import is_loopback

SHUTDOWN = 0.5
"""How long requests that are under way when the server stops may still take, in seconds."""

KEEP_ALIVE = 3600.0
"""How long an idle connection stays open, in seconds: longer than clients keep theirs, so that the
server never closes one that is just being used again."""

_log = logging.getLogger("miniplane.server.http")
_log.addHandler(logging.NullHandler())  # bytes that are no HTTP are nobody's concern by default

_LONGEST_LINE = 1 << 20
"""Longest request line and header, as in Go's server: selectors can be long."""


def bind(config: Config) -> socket.socket:
    """A socket on the configured address, bound but not listening yet.

    OSError when the port is taken or the address is not this machine's; ValueError for an address
    that others can reach, unless `allow_remote` is set: over plain HTTP there are no passwords.
    """
    host = config.host.strip("[]")
    if not config.allow_remote and not is_loopback(host.lower()):
        raise ValueError(f"listening on {host}, which others can reach, needs --allow-remote")
    family, kind, proto, _, address = socket.getaddrinfo(
        host, config.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    sock = socket.socket(family, kind, proto)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
    except BaseException:
        sock.close()
        raise
    return sock


class Server:
    """Serves an application until it is stopped.

    `async with Server(app, config) as server:` or `start()` and `stop()`. It speaks HTTPS where it
    is given a `tls` context.
    """

    def __init__(
        self,
        app: web.Application,
        config: Config,
        *,
        sock: socket.socket | None = None,
        tls: ssl.SSLContext | None = None,
    ):
        self._app = app
        self._tls = tls
        self._config = config
        self._sock = sock
        self._runner: web.AppRunner | None = None
        self.url = ""
        """`http://host:port` or `https://host:port`, once started."""

    async def start(self) -> str:
        """Listen. Returns the URL. OSError as `bind`."""
        sock = self._sock or bind(self._config)
        self.url = url_of(sock, https=self._tls is not None)
        runner = web.AppRunner(
            self._app,
            access_log=None,
            logger=_log,
            # A watch must hear that its client is gone, not wait for the next event.
            handler_cancellation=True,
            # Bodies are what they are, whatever Content-Encoding says: so does Go's server.
            auto_decompress=False,
            shutdown_timeout=SHUTDOWN,
            keepalive_timeout=KEEP_ALIVE,
            max_line_size=_LONGEST_LINE,
            max_field_size=_LONGEST_LINE,
        )
        await runner.setup()
        if HANDLER in self._app and runner.server is not None:
            # Looking for the one route takes a tenth of the time of a short GET.
            runner.server.request_handler = self._app[HANDLER]
        self._runner = runner
        await web.SockSite(runner, sock, backlog=1024, ssl_context=self._tls).start()
        return self.url

    async def stop(self) -> None:
        """Close the port, end the watches, let requests finish for a moment."""
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    async def __aenter__(self) -> "Server":
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()


def url_of(sock: socket.socket, *, https: bool = False) -> str:
    """The URL by which a client on this machine reaches a bound socket."""
    host, port = sock.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1" if host == "0.0.0.0" else "::1"
    scheme = "https" if https else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
