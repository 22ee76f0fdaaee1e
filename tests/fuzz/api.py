"""A whole API server in memory: bytes go in and come out, and there is no socket.

Requests run through aiohttp's own parser and writer and through everything behind them; only the
connection is made up. After each one, nothing may have been logged as an error.
"""

import asyncio
import base64
import dataclasses
import json
import logging
import zlib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import yaml
from aiohttp import web

from miniplane.api import protobuf
from miniplane.api.resources import Resource
from miniplane.server import serve
from miniplane.server.app import HANDLER, create_app
from miniplane.server.served import Served
from tests.registry.conftest import World

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
TABLE = "application/json;as=Table;g=meta.k8s.io;v={}"
PARTIAL = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v={}"

Obj = dict[str, Any]

_ROUNDS = 200
"""How often the loop goes round before a stream that says no more is cut off."""


class Defect(AssertionError):
    """An answer that no client may provoke."""


@dataclasses.dataclass(frozen=True)
class Answer:
    """An answer as it came. `status` 0: the connection was closed without one."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        return next((v for k, v in self.headers if k.lower() == name.lower()), "")

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def obj(self) -> Any:
        """The body, decoded as its type says."""
        kind = self.header("Content-Type").partition(";")[0]
        if kind == PROTOBUF:
            return protobuf.decode(self.body)
        if kind == YAML:
            return yaml.load(self.body, Loader=yaml.CSafeLoader)
        return json.loads(self.body)

    @property
    def message(self) -> str:
        try:
            return str(self.obj.get("message", ""))
        except (ValueError, AttributeError):
            return repr(self.body[:300])


class _Transport(asyncio.Transport):
    """A connection that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 8001)})
        self.data = bytearray()
        self.closed = asyncio.Event()
        self.wrote = asyncio.Event()

    def write(self, data: Any) -> None:
        self.data += data
        self.wrote.set()

    def writelines(self, pieces: Any) -> None:
        self.write(b"".join(pieces))

    def close(self) -> None:
        self.closed.set()

    abort = close

    def is_closing(self) -> bool:
        return self.closed.is_set()

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...


class _Errors(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        # What is no HTTP is told by aiohttp, with its own traceback; `serve` keeps that quiet.
        if record.name != serve._log.name or "handling request" not in record.getMessage():
            self.records.append(record)


class Api:
    """A server with a store of its own; `close` it. No controllers: nothing moves by itself."""

    def __init__(self, **settings: Any) -> None:
        self.loop = asyncio.new_event_loop()
        self.world = World(**settings)
        self.registry = self.world.registry
        self.trail: list[str] = []
        """The requests so far, as commands."""
        self._errors = _Errors()
        logging.getLogger().addHandler(self._errors)
        app = create_app(
            self.registry,
            clock=self.world.clock,
            config=self.registry._context.config,
            authorize=self.registry.authorize,
            authenticate=self.registry.authenticate,
            served=Served(self.registry.custom),
        )
        self._runner = web.AppRunner(
            app,
            access_log=None,
            logger=serve._log,
            handler_cancellation=True,
            auto_decompress=False,
            max_line_size=serve._LONGEST_LINE,
            max_field_size=serve._LONGEST_LINE,
        )
        self.loop.run_until_complete(self._runner.setup())
        server = self._runner.server
        assert server is not None
        server.request_handler = app[HANDLER]  # type: ignore[assignment]
        self._server = server

    def close(self) -> None:
        self.loop.run_until_complete(self._runner.cleanup())
        self.loop.close()
        logging.getLogger().removeHandler(self._errors)

    def __enter__(self) -> "Api":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def state(self) -> Any:
        """What a refused write leaves alone."""
        return self.world.revision, self.world.usage()

    # -- requests

    def bytes(self, data: bytes) -> Answer:
        """Whatever bytes, and what comes back until the server closes or says nothing more."""
        return self.loop.run_until_complete(self._bytes(data))

    async def _bytes(self, data: bytes) -> Answer:
        protocol = self._server()
        transport = _Transport()
        protocol.connection_made(transport)
        protocol.data_received(data)
        for _ in range(_ROUNDS):
            if transport.closed.is_set():
                break
            await asyncio.sleep(0)
        else:
            if not transport.data:  # something is done in a thread
                try:
                    await asyncio.wait_for(transport.wrote.wait(), 5)
                except TimeoutError:
                    pass
        protocol.connection_lost(None)
        for _ in range(5):
            await asyncio.sleep(0)
        if self._errors.records:
            records, self._errors.records = self._errors.records, []
            told = logging.Formatter().format(records[0])
            raise Defect(f"logged for {data[:2000]!r}:\n{told}")
        return _parse(bytes(transport.data))

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        accept: str = JSON,
        content: str = JSON,
        **query: str,
    ) -> Answer:
        """One request. A body that is no bytes is sent as JSON."""
        if query:
            path += "?" + "&".join(f"{k}={quote(str(v), safe='')}" for k, v in query.items())
        if body is None:
            data = b""
        else:
            data = body if isinstance(body, bytes) else dumps(body)
        sent = [("Host", "127.0.0.1"), ("Connection", "close"), ("Accept", accept)]
        if body is not None:
            sent += [("Content-Type", content), ("Content-Length", str(len(data)))]
        sent += headers.items() if isinstance(headers, Mapping) else headers
        head = "".join([f"{method} {path} HTTP/1.1\r\n", *(f"{k}: {v}\r\n" for k, v in sent)])
        told = sent[2:] if accept != JSON else sent[3:]
        self.trail.append(_command(method, path, data, told))
        answer = self.bytes(head.encode("utf-8", "surrogateescape") + b"\r\n" + data)
        if answer.status >= 500 and method == "HEAD":
            # It does not say why; the same GET does.
            self("GET", path, body, headers=headers, accept=accept, content=content)
        elif answer.status >= 500 and not real_500(answer.message):
            raise Defect(f"{answer.status} {answer.message}\n{self.story()}")
        return answer

    def story(self, last: int = 8) -> str:
        """The last writes and the last request, as commands for a shell and a running server."""
        writes = [command for command in self.trail[:-1] if not command.startswith("curl -sX GET")]
        return "\n".join([*writes[-last:], *self.trail[-1:]])

    # -- what tests often do

    def create(self, row: Resource, obj: Obj, **query: str) -> Answer:
        namespace = (obj.get("metadata") or {}).get("namespace", "")
        return self("POST", collection(row, namespace), obj, **query)


def dumps(value: Any) -> bytes:
    """JSON as clients write it; lone surrogates survive as escapes."""
    return json.dumps(value, separators=(",", ":")).encode()


def collection(row: Resource, namespace: str) -> str:
    return (
        f"{row.path}/namespaces/{namespace}/{row.plural}"
        if row.namespaced
        else (f"{row.path}/{row.plural}")
    )


def place(row: Resource, obj: Obj) -> str:
    """The path of an object."""
    meta = obj["metadata"]
    return f"{collection(row, meta.get('namespace', ''))}/{quote(meta['name'], safe='')}"


REAL_500 = {
    "resourceVersion should not be set on objects to be created": "a plain error",
    "strconv.ParseUint: parsing": "a resourceVersion in a body that is no number",
    "without impersonating a user name": "Impersonate-Group and no Impersonate-User",
    "failed to allocate": "clusterIP or nodePort that is taken, or outside the range",
    "failed to convert new object": "an apply configuration whose types are wrong",
    "failed to create typed patch object": "an apply configuration that does not fit the schema",
    "the spec replicas field": "the scale of a custom resource without the field",
    "This request caused apiserver to panic": "a strategic merge patch that its handler trips over",
    "does not contain declared merge key": "a strategic merge patch of a list item without a name",
    "merging lists cannot yet": "a $patch directive that lists do not have",
    "Too large resource version": "504: a revision that is not written yet",
    "miniplane does not serve": "501: streams, and what else README says is left out",
    "unknown patch type": "a $patch directive that there is none of",
}
"""What a real server answers with a 500 too: a part of the message, and why."""


def real_500(message: str) -> bool:
    return any(part in message for part in REAL_500)


def _command(method: str, path: str, data: bytes, headers: Sequence[tuple[str, str]]) -> str:
    words = [f"curl -sX {method} '$URL{path}'"]
    words += [f"-H '{name}: {value}'" for name, value in headers if name != "Content-Length"]
    if data:
        try:
            shown = data.decode()
        except UnicodeDecodeError:
            shown = ""
        if shown and shown.isprintable() and "'" not in shown:
            words.append(f"--data-binary '{shown[:_SHOWN]}'")
        else:
            packed = base64.b64encode(data).decode()
            words.append(f"--data-binary @<(base64 -d <<< {packed[:_SHOWN]})")
    return " ".join(words)


_SHOWN = 20_000


def _parse(data: bytes) -> Answer:
    if not data:
        return Answer(0, (), b"")
    head, _, body = data.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = [tuple(line.split(": ", 1)) for line in lines if ": " in line]
    answer = Answer(int(status.split(" ")[1]), headers, body)  # type: ignore[arg-type]
    if answer.header("Transfer-Encoding") == "chunked":
        answer = dataclasses.replace(answer, body=b"".join(_chunks(body)))
    # To HEAD, the header comes without the body that it tells of.
    if answer.body and answer.header("Content-Encoding") == "gzip":
        answer = dataclasses.replace(answer, body=zlib.decompress(answer.body, 31))
    return answer


def _chunks(data: bytes) -> list[bytes]:
    out = []
    while data:
        size, _, data = data.partition(b"\r\n")
        out.append(data[: int(size, 16)])
        data = data[int(size, 16) + 2 :]
    return out
