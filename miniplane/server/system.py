"""Pages that are not about resources: discovery, OpenAPI, health, version, the list of paths."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from aiohttp import web

from miniplane.api import errors
from miniplane.server import discovery, encode, health, openapi, openid
from miniplane.server.call import Call
from miniplane.server.errors import not_served

Handler = Callable[[Call], Awaitable[web.StreamResponse]]

VERSION = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": "v1.36.2",
    "gitCommit": "unknown",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "go1.26",
    "compiler": "gc",
    "platform": "linux/amd64",
}
"""https://kubernetes.io/docs/reference/using-api/ of the release that is emulated. Clients compare
the numbers; there is no commit to name."""


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


async def metrics(call: Call) -> web.Response:
    """The one figure that clients look for: which version is running."""
    if len(call.info.parts) > 1:
        return not_served()
    labels = ",".join(
        f'{name}="{VERSION[key]}"'
        for name, key in (
            ("build_date", "buildDate"),
            ("compiler", "compiler"),
            ("git_commit", "gitCommit"),
            ("git_tree_state", "gitTreeState"),
            ("git_version", "gitVersion"),
            ("go_version", "goVersion"),
            ("major", "major"),
            ("minor", "minor"),
            ("platform", "platform"),
        )
    )
    body = (
        "# HELP kubernetes_build_info [BETA] A metric with a constant '1' value labeled by major, "
        "minor, git version, git commit, git tree state, build date, Go version, and compiler "
        "from which Kubernetes was built, and platform on which it is running.\n"
        "# TYPE kubernetes_build_info gauge\n"
        f"kubernetes_build_info{{{labels}}} 1\n"
    )
    return encode.respond(
        body.encode(), content_type="text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
    )


async def index(call: Call) -> web.Response:
    """`/`: every path that is worth a visit."""
    paths = [openid.CONFIGURATION, openid.KEYS]
    paths += ["/api", "/apis", "/metrics", "/openapi/v2", "/openapi/v3", "/openapi/v3/", "/version"]
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
    "metrics": metrics,
    ".well-known": openid.configuration,
    "openid": openid.keys,
    **dict.fromkeys(health.CHECKS, health.serve),
}

_ONLY_GET = (discovery.api, discovery.apis, version, openid.configuration, openid.keys)
