"""Failures on their way out: every one is a Status, and none is a traceback."""

import logging
from collections.abc import Sequence

from aiohttp import web

from miniplane.api import errors
from miniplane.api.errors import StatusError
from miniplane.server import encode, negotiate
from miniplane.server.call import Call

log = logging.getLogger("miniplane.server")


def respond(call: Call | None, error: StatusError, warnings: Sequence[str] = ()) -> web.Response:
    """The answer to a request that failed: the Status, in a form that the client can read."""
    media = negotiate.for_error(call.accept) if call is not None else negotiate.Media()
    pretty = call is not None and call.pretty(media)
    response = encode.answer(
        error.to_status(), status=error.code, media=media, pretty=pretty, warnings=warnings
    )
    retry = (error.details or {}).get("retryAfterSeconds")
    if retry:
        response.headers["Retry-After"] = str(retry)
    return response


def unexpected(call: Call, error: Exception) -> StatusError:
    """What a client hears of a defect: nothing but that there was one."""
    request = call.request
    log.error("%s %s failed", request.method, request.raw_path, exc_info=error)
    return errors.internal_error(f"{type(error).__name__} while serving the request")


def not_served() -> web.Response:
    """What a path answers that nothing stands behind."""
    return encode.text("404 page not found\n", status=404)
