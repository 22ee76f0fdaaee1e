"""`/openapi/v3`, its documents, and `/openapi/v2`: made when they are first asked for.

Caching follows kube-openapi: a URL with the document's hash may be kept for ever, one with
another hash leads to the right one.
"""

import hashlib
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from functools import lru_cache
from typing import TYPE_CHECKING

import orjson
from aiohttp import web

from miniplane.api.resources import Resource
from miniplane.server import encode, openapi_protobuf
from miniplane.server.call import Call
from miniplane.server.errors import not_served
from miniplane.server.negotiate import JSON, parse_accept

if TYPE_CHECKING:
    from miniplane.api.openapi.custom import CustomDocuments

YEAR = 365 * 24 * 3600.0

_V3_TYPES = {JSON: JSON}
_V2_TYPES = {
    JSON: JSON,
    openapi_protobuf.OLD_MEDIA_TYPE: openapi_protobuf.MEDIA_TYPE,
    openapi_protobuf.MEDIA_TYPE: openapi_protobuf.MEDIA_TYPE,
}
"""Clients that ask under the old name, which no RFC allows, are answered under the new one."""


async def serve(call: Call) -> web.StreamResponse:
    parts = call.info.parts[1:]
    if parts == ("v2",):
        return v2(call)
    if parts[:1] != ("v3",):
        return not_served()
    _, below, path = call.info.path.partition("/v3/")
    return document(call, path) if below else index(call)


def index(call: Call) -> web.Response:
    """The documents that there are, with their hashes, whatever form was asked for."""
    from miniplane.api import openapi

    # The aggregator names no type; Go then guesses one from the first bytes.
    texts = orjson.dumps(openapi.v3_index(_custom(call).texts))
    return encode.respond(texts, content_type=encode.TEXT)


def document(call: Call, path: str) -> web.Response:
    """The document of one group version."""
    from miniplane.api import openapi

    custom = _custom(call)
    entry = openapi.v3_index(custom.texts)["paths"].get(path)
    if entry is None:
        return web.Response(status=404)
    if not _chosen(call, _V3_TYPES):
        return _not_acceptable()
    url = entry["serverRelativeURL"]
    asked = call.param("hash")
    if asked and asked != url.partition("hash=")[2]:
        headers = {"Location": url, "Vary": "Accept", "Content-Type": JSON}
        return web.Response(status=301, headers=headers)
    made = custom.document(path) if path in custom.texts else openapi.v3_document(path)
    response = _tagged(call, made)
    if asked:
        response.headers["Cache-Control"] = "public, immutable"
        response.headers["Expires"] = formatdate(call.clock.time() + YEAR, usegmt=True)
    return response


def _custom(call: Call) -> "CustomDocuments":
    from miniplane.api.openapi.custom import CustomDocuments

    return _documents(CustomDocuments, call.state.served.custom_rows())


@lru_cache(maxsize=4)
def _documents(make: "type[CustomDocuments]", rows: Sequence[Resource]) -> "CustomDocuments":
    return make(rows)


def v2(call: Call) -> web.Response:
    """The document of everything, in JSON or protobuf."""
    kind = _chosen(call, _V2_TYPES)
    if not kind:
        return _not_acceptable()
    rows = call.state.served.custom_rows()
    return _tagged(call, _v2(rows) if kind == JSON else _v2_protobuf(rows), kind)


@lru_cache(maxsize=2)
def _v2(rows: Sequence[Resource]) -> bytes:
    from miniplane.api import openapi
    from miniplane.api.openapi.custom import CustomDocuments

    return _documents(CustomDocuments, rows).v2 if rows else openapi.v2_document()


@lru_cache(maxsize=2)
def _v2_protobuf(rows: Sequence[Resource]) -> bytes:
    return openapi_protobuf.encode(orjson.loads(_v2(rows)))


def _chosen(call: Call, offered: Mapping[str, str]) -> str:
    """The media type to answer in: the first that is asked for and offered, "" for none.

    `offered` tells for each media type that may be asked for the one that is answered.
    """
    if not call.accept:
        return JSON
    for clause in parse_accept(call.accept):
        for asked, answered in offered.items():
            kind, _, subtype = asked.partition("/")
            if clause.type in (kind, "*") and clause.subtype in (subtype, "*"):
                return answered
    return ""


def _not_acceptable() -> web.Response:
    return web.Response(status=406, headers={"Vary": "Accept"})


def _tagged(call: Call, body: bytes, content_type: str = JSON) -> web.Response:
    tag = _tag(body)
    if call.request.headers.get("If-None-Match") == tag:
        response = web.Response(status=304)
    else:
        response = encode.respond(body, content_type=content_type)
    response.headers["ETag"] = tag
    response.headers["Vary"] = "Accept"
    return response


@lru_cache(maxsize=128)
def _tag(body: bytes) -> str:
    return f'"{hashlib.sha512(body).hexdigest().upper()}"'
