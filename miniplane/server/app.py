"""The way of every request, on one screen.

One catch-all route, one function: the order of the steps is the order of the lines in `_serve`.
"""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiohttp import hdrs, web
from multidict import istr

from miniplane.api.errors import StatusError
from miniplane.api.options import ADMIN
from miniplane.api.resources import PODS
from miniplane.clock import Clock, stopwatch
from miniplane.config import Config
from miniplane.metrics import Source
from miniplane.runtime.logs.podlogs import PodLogs
from miniplane.server import access, compress, decode, errors, guard, routes, system
from miniplane.server.access import Authenticator, Authorizer
from miniplane.server.backend import Registry
from miniplane.server.call import Call
from miniplane.server.messages import Messages
from miniplane.server.meter import Meter
from miniplane.server.peers import Peers
from miniplane.server.request_info import parse
from miniplane.server.served import Served

_HOST = istr(hdrs.HOST)
_ORIGIN = istr(hdrs.ORIGIN)


@dataclasses.dataclass(slots=True)
class State:
    """What all requests share."""

    registry: Registry
    clock: Clock
    config: Config
    authorize: Authorizer
    authenticate: Authenticator
    guard: guard.Guard
    served: Served
    logs: PodLogs
    peers: Peers | None
    """Who is behind a TLS connection; None where there are none."""
    sources: Sequence[Source] = ()
    """Who else has figures to tell."""
    watches: dict["asyncio.Task[object]", Call] = dataclasses.field(default_factory=dict)
    meter: Meter = dataclasses.field(default_factory=Meter)
    strict: bool = dataclasses.field(init=False)
    """Whether a token that nobody knows is refused."""
    messages: Messages = dataclasses.field(default_factory=Messages)
    compressor: compress.Compressor = dataclasses.field(default_factory=compress.Compressor)
    closing: bool = False

    def __post_init__(self) -> None:
        self.strict = self.config.strict


Handler = Callable[[Any], Awaitable[web.StreamResponse]]

STATE = web.AppKey("state", State)
HANDLER: web.AppKey[Handler] = web.AppKey("handler")
"""What answers every request. A server may call it without asking aiohttp's router, which knows one
route only."""


def create_app(
    registry: Registry,
    *,
    clock: Clock,
    config: Config,
    authorize: Authorizer = access.allow_all,
    authenticate: Authenticator = access.nobody,
    served: Served | None = None,
    sources: Sequence[Source] = (),
    logs: PodLogs | None = None,
) -> web.Application:
    """The API server over a registry. `authorize` decides for all but the administrator;
    `authenticate` says whose a bearer token is; `served` which resources there are, the built-in
    ones unless told otherwise; `sources` have more figures for `/metrics`; `logs` are those of the
    pods: without them, what users write outlives the pods."""
    app = web.Application(client_max_size=decode.LIMIT)
    state = State(
        registry,
        clock,
        config,
        authorize,
        authenticate,
        guard.Guard(config),
        served or Served(),
        logs or PodLogs(clock, lambda namespace, name: registry.get(PODS, namespace, name).obj),
        Peers(clock, anonymous=config.anonymous_auth is not False) if config.https else None,
        sources,
    )
    app[STATE] = state

    async def handle(request: web.Request) -> web.StreamResponse:
        return await _serve(state, request)

    app[HANDLER] = handle
    app.router.add_route("*", "/{path:.*}", handle)
    app.on_shutdown.append(end_watches)
    return app


async def _serve(state: State, request: web.Request) -> web.StreamResponse:
    started = stopwatch()
    path, _, query = request.raw_path.partition("?")
    if path[:1] != "/":
        path = request.rel_url.raw_path  # a proxy's request line holds the whole URL
    call = Call(state, request, parse(path), query)
    headers = request.headers
    try:
        # 1. Programs on this machine only, not web pages.
        host, origin = headers.get(_HOST, ""), headers.get(_ORIGIN, "")
        if not state.guard.admits(host, origin):
            raise guard.refusal(host, origin)
        # 2. Who asks, and whether they may. The administrator may.
        peers = state.peers
        user = ADMIN if peers is None else peers.user(request)
        strict = state.strict
        call.user = access.user_of(headers, state.authenticate, state.authorize, user, strict)
        if call.user is not ADMIN:
            access.check(state.authorize, call.user, access.attributes_of(call))
        # 3. The verb, or one of the pages that are not about resources.
        handler = routes.resolve(call) if call.info.plural else system.resolve(call)
        # 4. Its answer, compressed if it is long.
        response = await state.compressor.answer(call, await handler(call))
    except StatusError as error:
        response = errors.respond(call, error, call.notices)
    except (web.HTTPException, ConnectionError):
        raise
    except asyncio.CancelledError:
        # The client is gone: that is how most watches end.
        state.meter.note(call, 200, stopwatch() - started)
        raise
    except Exception as error:
        response = errors.respond(call, errors.unexpected(call, error))
    # 5. What is counted.
    state.meter.note(call, response.status, stopwatch() - started)
    return response


async def end_watches(app: web.Application) -> None:
    """End all watches, so that nobody waits for them when the server goes down."""
    state = app[STATE]
    state.closing = True
    for task in list(state.watches):
        task.cancel()
