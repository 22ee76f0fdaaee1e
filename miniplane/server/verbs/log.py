"""GET of a pod's log, and POST of lines into it.

The answer is what `LogREST` in `pkg/registry/core/pod/rest/log.go` passes on from a kubelet: plain
text, and nothing at all (204) for a pod that has no node yet. With `follow` it lasts until the
container ends, the client leaves or the server stops.

Lines are written at a path of our own, which is no resource for access rules:

    POST /miniplane/v1/namespaces/NAMESPACE/pods/NAME/log?container=C&stream=stderr&previous=true
"""

import asyncio
import contextlib

from aiohttp import web

from miniplane.api import errors, field
from miniplane.api.decode import times
from miniplane.api.field import FieldError
from miniplane.api.resources import NODES, PODS
from miniplane.clock import parse_time
from miniplane.runtime.logs.reading import LogOptions, Reader
from miniplane.runtime.logs.runs import container_of
from miniplane.runtime.logs.written import STDERR, STDOUT
from miniplane.server import decode, encode, negotiate, options
from miniplane.server.call import Call
from miniplane.server.verbs.watch import PIECE, push

GATE = "PodLogsQuerySplitStreams"
"""The feature gate of `stream`; off by default, as in Kubernetes 1.36."""

_PLAIN = "text/plain"
_STREAMS = {"All": "", "Stderr": STDERR, "Stdout": STDOUT}


async def read(call: Call) -> web.StreamResponse:
    """The log of one container."""
    info = call.info
    negotiate.for_object(call.accept)
    chosen = _options(call)
    pod = call.registry.get(PODS, info.namespace, info.name).obj
    container_of(pod, chosen.container)
    node = pod["spec"].get("nodeName")
    if not node:
        return web.Response(status=204, headers=(encode.NO_CACHE,))
    call.registry.get(NODES, "", node)
    news = asyncio.Event()
    reader = call.state.logs.open(pod, chosen, news.set)
    try:
        if chosen.follow:
            return await _follow(call, reader, news)
        return encode.respond(reader.read(), content_type=_PLAIN)
    finally:
        reader.close()


async def _follow(call: Call, reader: Reader, news: asyncio.Event) -> web.StreamResponse:
    response = web.StreamResponse(headers=(encode.NO_CACHE, ("Content-Type", _PLAIN)))
    response.enable_chunked_encoding()
    task = asyncio.current_task()
    going = call.state.watches
    assert task is not None
    going[task] = call
    try:
        await response.prepare(call.request)
        while not call.state.closing:
            news.clear()
            over = reader.over
            data = reader.read()
            for start in range(0, len(data), PIECE):
                await push(call, response, data[start : start + PIECE])
            if over or reader.full:
                break
            await news.wait()
        await response.write_eof()
    except asyncio.CancelledError:
        if not call.state.closing or not response.prepared:
            raise
        task.uncancel()
        with contextlib.suppress(ConnectionError):
            await response.write_eof()
    except ConnectionError:
        pass
    finally:
        going.pop(task, None)
    return response


async def write(call: Call) -> web.StreamResponse:
    """Lines for the log of one container. StatusError 404 for other paths."""
    parts = call.info.parts
    if len(parts) != 7 or (*parts[1:3], parts[4], parts[6]) != ("v1", "namespaces", "pods", "log"):
        raise errors.path_not_found()
    if call.request.method != "POST":
        raise errors.method_not_allowed()
    stream = call.param("stream") or STDOUT
    if stream not in (STDOUT, STDERR):
        raise errors.bad_request(f'stream must be "{STDOUT}" or "{STDERR}", not "{stream}"')
    body = await decode.read(call)
    call.state.logs.write(
        parts[3],
        parts[5],
        body,
        container=call.param("container"),
        stream=stream,
        previous=_flag(call, "previous"),
    )
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    return encode.answer(status, media=negotiate.for_error(call.accept))


# The query.


def _options(call: Call) -> LogOptions:
    """The query as `ValidatePodLogOptions` lets it pass. StatusError 400 or 422."""
    since_seconds = _number(call, "sinceSeconds")
    since_time, since = _since_time(call)
    tail, limit = _number(call, "tailLines"), _number(call, "limitBytes")
    problems = [] if tail is None or tail >= 0 else [_at_least_0("tailLines", tail)]
    if limit is not None and limit < 1:
        problems.append(field.invalid("limitBytes", limit, "must be greater than 0"))
    if since_seconds is not None and since_time:
        why = "at most one of `sinceTime` or `sinceSeconds` may be specified"
        problems.append(field.forbidden("[]", why))
    elif since_seconds is not None and since_seconds < 1:
        problems.append(field.invalid("sinceSeconds", since_seconds, "must be greater than 0"))
    stream, wrong = _stream(call, tail is not None)
    problems += wrong
    if problems:
        raise errors.invalid("", "PodLogOptions", call.info.name, problems)
    if since_seconds is not None:
        since = call.clock.time() - since_seconds
    return LogOptions(
        container=call.param("container"),
        follow=_flag(call, "follow"),
        previous=_flag(call, "previous"),
        since=since,
        timestamps=_flag(call, "timestamps"),
        tail_lines=tail,
        limit_bytes=limit,
        stream=stream,
    )


def _stream(call: Call, tailed: bool) -> tuple[str, list[FieldError]]:
    asked = call.query.get("stream")
    if not call.state.config.feature_gates.get(GATE, False):
        return "", [field.forbidden("stream", "may not be specified")] if asked else []
    stream = asked[0] if asked else "All"
    problems = []
    if stream not in _STREAMS:
        problems.append(field.not_supported("stream", stream, tuple(_STREAMS)))
    if stream != "All" and tailed:
        why = "`tailLines` and specific `stream` are mutually exclusive for now"
        problems.append(field.forbidden("[]", why))
    return _STREAMS.get(stream, ""), problems


def _at_least_0(name: str, value: int) -> FieldError:
    return field.invalid(name, value, "must be greater than or equal to 0")


def _number(call: Call, name: str) -> int | None:
    values = call.query.get(name)
    return options.integer(values) if values else None


def _flag(call: Call, name: str) -> bool:
    values = call.query.get(name)
    return bool(values) and options.boolean(values or [])


def _since_time(call: Call) -> tuple[bool, float | None]:
    """Whether a time is given, and what it is, in whole seconds. The zero time is given, too."""
    values = call.query.get("sinceTime")
    if not values:
        return False, None
    try:
        moment = times.time(values[0]) if values[0] not in ("", "null") else None
    except ValueError as error:
        raise errors.bad_request(str(error)) from None
    return True, parse_time(moment) if moment else None
