"""Pages that are not about resources: discovery, OpenAPI, health, version, the list of paths."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from aiohttp import web

from miniplane.api import errors
from miniplane.server import discovery, encode, health, metrics, openapi, openid
from miniplane.server.call import Call
from miniplane.server.errors import not_served
from miniplane.server.verbs import log
from miniplane.server.version import VERSION

Handler = Callable[[Call], Awaitable[web.StreamResponse]]


def resolve(call: Call) -> Handler:
    """The handler of a path that is not about a resource. StatusError 405."""
    parts = call.info.parts
    handler = _HANDLERS.get(parts[0] if parts else "", _nothing)
    if handler in _ONLY_GET and call.request.method not in ("GET", "HEAD"):
        raise errors.method_not_allowed()
    return handler


def _indented(value: Any) -> web.Response:
    return encode.respond(orjson.dumps(value, option=orjson.OPT_INDENT_2))


async def _nothing(call: Call) -> web.Response:
    return not_served()


async def version(call: Call) -> web.Response:
    if len(call.info.parts) > 1:
        raise errors.path_not_found()
    return _indented(VERSION)


async def index(call: Call) -> web.Response:
    """`/`: every path that is worth a visit."""
    paths = [openid.CONFIGURATION, openid.KEYS]
    paths += ["/api", "/apis", "/metrics", "/metrics/slis", "/version"]
    paths += ["/openapi/v2", "/openapi/v3", "/openapi/v3/"]
    for row in call.state.served.rows():
        paths += [row.path, f"/apis/{row.group}" if row.group else "/api"]
    for name, checks in health.CHECKS.items():
        paths.append(f"/{name}")
        paths += [f"/{name}/{check}" for check in checks]
    return _indented({"paths": sorted({*paths})})


_HANDLERS: Mapping[str, Handler] = {
    "": index,
    "api": discovery.api,
    "apis": discovery.apis,
    "version": version,
    "openapi": openapi.serve,
    "metrics": metrics.serve,
    ".well-known": openid.configuration,
    "openid": openid.keys,
    "miniplane": log.write,
    **dict.fromkeys(health.CHECKS, health.serve),
}

_ONLY_GET = (discovery.api, discovery.apis, version, openid.configuration, openid.keys)
