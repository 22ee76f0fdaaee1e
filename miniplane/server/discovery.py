"""Discovery: which groups, versions and resources there are, singly and in one document.

See https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api. The documents are
made by `miniplane.api.openapi.discovery`; here they are negotiated and sent.
"""

import hashlib

from aiohttp import web

from miniplane.api import errors
from miniplane.api.objects import Obj
from miniplane.server import encode, negotiate
from miniplane.server.aggregation import elsewhere
from miniplane.server.call import Call
from miniplane.server.errors import not_served

AGGREGATED = ";g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
"""What follows the media type of an aggregated document."""


async def api(call: Call) -> web.Response:
    """`/api` and `/api/v1`."""
    from miniplane.api.openapi import discovery

    parts, rows = call.info.parts, call.state.served.rows()
    if len(parts) == 1:
        media = negotiate.for_discovery(call.accept)
        if media.convert:
            return _aggregated(call, media, discovery.aggregated(core=True, rows=rows))
        address = call.request.headers.get("Host") or call.state.config.host
        return _plain(call, media, discovery.api_versions(address))
    media = negotiate.for_document(call.accept)
    return _plain(call, media, discovery.api_resource_list("", parts[1], rows))


async def apis(call: Call) -> web.Response:
    """`/apis`, `/apis/{group}` and `/apis/{group}/{version}`."""
    from miniplane.api.openapi import discovery

    parts, rows = call.info.parts, call.state.served.rows()
    if len(parts) == 1:
        media = negotiate.for_discovery(call.accept)
        if media.convert:
            return _aggregated(call, media, discovery.aggregated(core=False, rows=rows))
        return _plain(call, media, discovery.api_group_list(rows))
    group = parts[1]
    if not group or not call.state.served.has_group(group):
        return elsewhere(call.registry, group, parts[2]) if len(parts) > 2 else not_served()
    media = negotiate.for_document(call.accept)
    if len(parts) == 2:
        return _plain(call, media, discovery.api_group(group, rows))
    return _plain(call, media, discovery.api_resource_list(group, parts[2], rows))


def _plain(call: Call, media: negotiate.Media, document: Obj | None) -> web.Response:
    if document is None:
        raise errors.path_not_found()
    response = encode.answer(document, media=media, pretty=call.pretty(media))
    response.headers["Vary"] = "Accept"
    return response


def _aggregated(call: Call, media: negotiate.Media, document: Obj) -> web.Response:
    """The aggregated document, or 304 for a client that has it already."""
    tag = _tag(encode.dump(document, negotiate.Media(), False))
    if call.request.headers.get("If-None-Match") == tag:
        response = web.Response(status=304)
    else:
        body = encode.dump(document, media, call.pretty(media))
        response = encode.respond(body, content_type=media.type + AGGREGATED)
    response.headers["ETag"] = tag
    response.headers["Vary"] = "Accept"
    return response


def _tag(body: bytes) -> str:
    return f'"{hashlib.sha512(body).hexdigest().upper()}"'
