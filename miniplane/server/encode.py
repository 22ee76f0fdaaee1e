"""Answers: JSON, YAML, protobuf, Tables and metadata, made from what the registry keeps encoded.

The plain JSON of an object and of a list is never decoded on its way out; every other form is.
"""

import functools
import re
from collections.abc import Sequence
from typing import Any

import orjson
from aiohttp import web
from multidict import CIMultiDict

from miniplane.api import errors
from miniplane.api.objects import Obj
from miniplane.api.resources import Resource
from miniplane.server import notices
from miniplane.server.backend import ListResult, Result, Stored
from miniplane.server.call import Call
from miniplane.server.negotiate import JSON, PROTOBUF, YAML, Media

NO_CACHE = ("Cache-Control", "no-cache, private")
TEXT = "text/plain; charset=utf-8"

_JSON_HEADERS = (NO_CACHE, ("Content-Type", JSON))


def respond(
    body: bytes, *, status: int = 200, content_type: str = JSON, warnings: Sequence[str] = ()
) -> web.Response:
    """Bytes as they are, with the headers that every answer has."""
    headers: CIMultiDict[str] = CIMultiDict(_JSON_HEADERS)
    if content_type is not JSON:
        headers["Content-Type"] = content_type
    for warning in warnings:
        headers.add("Warning", warning)
    return web.Response(body=body, status=status, headers=headers)


def text(body: str, *, status: int = 200) -> web.Response:
    response = respond(body.encode(), status=status, content_type=TEXT)
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def answer(
    value: Any,
    *,
    media: Media,
    pretty: bool = False,
    status: int = 200,
    warnings: Sequence[str] = (),
) -> web.Response:
    """A value in JSON, YAML or protobuf, whichever was negotiated."""
    body = dump(value, media, pretty)
    return respond(body, status=status, content_type=media.type, warnings=notices.headers(warnings))


def dump(value: Any, media: Media, pretty: bool) -> bytes:
    if media.type == PROTOBUF:
        from miniplane.api import protobuf

        return protobuf.encode(value)
    if media.type == YAML:
        return _yaml(value)
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 if pretty else orjson.OPT_APPEND_NEWLINE)


@functools.cache
def _dumper() -> Any:
    """A YAML dumper that writes what stands in two places twice, as Go does: no anchors. Text that
    could be taken for something else has double quotes, text of several lines stands as it is."""
    import yaml

    base = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    dumper = type("Dumper", (base,), {"ignore_aliases": lambda self, data: True})
    text = "tag:yaml.org,2002:str"

    def represent(self: Any, value: str) -> Any:
        if "\n" in value:
            style = "|"
        elif value[:1] in _MARKS or (
            self.resolve(yaml.ScalarNode, value, (True, False)) == text
            and not _AMBIGUOUS.fullmatch(value)
        ):
            style = None
        else:
            style = '"'
        return self.represent_scalar(text, value, style=style)

    yaml.add_representer(str, represent, Dumper=dumper)
    return dumper


_MARKS = ("!", "&", "*")
_AMBIGUOUS = re.compile(r"[yYnN]|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
"""What only Go takes for booleans and numbers."""


def _yaml(value: Any) -> bytes:
    import yaml

    return yaml.dump(
        value,
        Dumper=_dumper(),
        default_flow_style=False,
        allow_unicode=True,
        encoding="utf-8",
        width=1_000_000,
    )


def stored(
    call: Call, media: Media, value: Stored, *, status: int = 200, warnings: Sequence[str] = ()
) -> web.Response:
    """One object in the form that was negotiated. StatusError where it has no such form."""
    if media.type == JSON and not media.convert and not call.pretty(media):
        lines = notices.headers(warnings) if warnings else ()
        return respond(value.json + b"\n", status=status, warnings=lines)
    if media.type == PROTOBUF and not media.convert:
        lines = notices.headers(warnings) if warnings else ()
        body = message(call, media, value)
        return respond(body, status=status, content_type=PROTOBUF, warnings=lines)
    shown = converted(call, media, value.resource, value.obj)
    return answer(shown, media=media, pretty=call.pretty(media), status=status, warnings=warnings)


def message(call: Call, media: Media, value: Stored) -> bytes:
    """One object in protobuf, or its metadata alone, with its envelope."""
    from miniplane.api import protobuf

    resource = value.resource
    item = call.state.messages.of(value)
    if media.convert == "PartialObjectMetadata":
        return protobuf.envelope(media.meta_version, media.convert, protobuf.partial(item))
    return protobuf.enclosed(resource.api_version, resource.kind, item)


def written(
    call: Call, media: Media, result: Result, warnings: Sequence[str], *, status: int
) -> web.Response:
    """The outcome of a write, in the form that was negotiated."""
    warnings = [*call.notices, *warnings]
    if result.status is None:
        return stored(call, media, result.stored, status=status, warnings=warnings)
    shown = converted(call, media, call.resource, result.status)
    return answer(shown, media=media, pretty=call.pretty(media), status=status, warnings=warnings)


def converted(call: Call, media: Media, resource: Resource, obj: Obj) -> Obj:
    """An object as a Table or as metadata, if that was asked for."""
    if not media.convert or obj.get("kind") == "Status":
        return obj
    if media.convert == "Table":
        return table(call, media, resource, [obj], list_meta=_object_meta(obj))
    if media.convert == "PartialObjectMetadataList":
        raise _wrong_form(media.convert, "is not a list", resource, "")
    return partial(media, obj)


def _object_meta(obj: Obj) -> Obj:
    revision = obj.get("metadata", {}).get("resourceVersion")
    return {"resourceVersion": revision} if revision else {}


def listed(
    call: Call, media: Media, result: ListResult, *, warnings: Sequence[str] = ()
) -> web.StreamResponse:
    """A list in the form that was negotiated."""
    resource = call.resource
    if media.type == JSON and not media.convert and not call.pretty(media):
        head, tail = list_frame(resource, result)
        return Pieces((head, result.data, tail), notices.headers(warnings))
    meta = list_meta(result)
    if media.type == PROTOBUF and _has_pieces(media, resource):
        return _listed_protobuf(call, media, result, meta, notices.headers(warnings))
    if not media.convert:
        head, tail = list_frame(resource, result)
        value: Obj = orjson.loads(b"".join((head, result.data, tail)))
    elif media.convert == "Table":
        value = table(call, media, resource, [s.obj for s in result.items], list_meta=meta)
    elif media.convert == "PartialObjectMetadata":
        raise _wrong_form(media.convert, "is a list", resource, "List")
    else:
        value = {
            "kind": "PartialObjectMetadataList",
            "apiVersion": media.meta_version,
            "metadata": meta,
            "items": [partial(media, s.obj) for s in result.items],
        }
    return answer(value, media=media, pretty=call.pretty(media), warnings=warnings)


def _has_pieces(media: Media, resource: Resource) -> bool:
    """Whether a list is made of the items' own messages, behind its metadata."""
    if not media.convert:
        return True
    form = media.convert, media.version
    return form == ("PartialObjectMetadataList", "v1") and bool(resource.definition)


def _listed_protobuf(
    call: Call, media: Media, result: ListResult, meta: Obj, warnings: Sequence[str]
) -> web.StreamResponse:
    from miniplane.api import protobuf

    resource, messages = call.resource, call.state.messages
    if media.convert:
        kind, api_version = media.convert, media.meta_version
        data = messages.partials(result.items)
    else:
        kind, api_version = f"{resource.kind}List", resource.api_version
        data = messages.items(result.items)
    head, tail = protobuf.list_frame(api_version, kind, meta, length=len(data))
    return Pieces((head, data, tail), warnings, content_type=PROTOBUF)


def list_meta(result: ListResult) -> Obj:
    meta: Obj = {"resourceVersion": str(result.revision)}
    if result.continue_token:
        meta["continue"] = result.continue_token
        if result.remaining is not None:
            meta["remainingItemCount"] = result.remaining
    return meta


def list_frame(resource: Resource, result: ListResult) -> tuple[bytes, bytes]:
    """What stands before and after the items in the plain JSON of a list."""
    meta, kind = list_meta(result), f"{resource.kind}List"
    if resource.custom is not None:
        meta, kind = {"continue": "", **meta}, resource.custom.list_kind
    head = orjson.dumps({"kind": kind, "apiVersion": resource.api_version, "metadata": meta})
    return head[:-1] + b',"items":[', b"]}\n"


class Pieces(web.StreamResponse):
    """An answer whose body lies there in pieces: they are sent as they are, not copied together."""

    def __init__(
        self, pieces: Sequence[bytes], warnings: Sequence[str], *, content_type: str = JSON
    ):
        headers: CIMultiDict[str] = CIMultiDict((NO_CACHE, ("Content-Type", content_type)))
        for warning in warnings:
            headers.add("Warning", warning)
        super().__init__(headers=headers)
        self.pieces = pieces

    async def prepare(self, request: web.BaseRequest) -> Any:
        self.content_length = sum(map(len, self.pieces))
        return await super().prepare(request)

    async def write_eof(self, data: bytes = b"") -> None:
        if self._req is not None and self._req.method != "HEAD":
            small = sum(map(len, self.pieces)) < _SMALL
            for piece in (b"".join(self.pieces),) if small else self.pieces:
                await self.write(piece)
        await super().write_eof()


_SMALL = 64 * 1024


def partial(media: Media, obj: Obj) -> Obj:
    """The metadata of an object alone."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": media.meta_version,
        "metadata": obj.get("metadata", {}),
    }


def table(
    call: Call,
    media: Media,
    resource: Resource,
    objs: Sequence[Obj],
    *,
    list_meta: Obj,
    no_headers: bool = False,
) -> Obj:
    """Objects as a Table, each row with as much of the object as `includeObject` says."""
    from miniplane.api import tables

    return tables.render(
        resource,
        objs,
        now=call.clock.time(),
        include_object=include_object(call),
        no_headers=no_headers,
        list_meta=list_meta,
        api_version=media.meta_version,
    )


def include_object(call: Call) -> str:
    """The query parameter `includeObject`. StatusError 400 for a value that is none."""
    asked = call.param("includeObject")
    if asked not in ("", "Metadata", "Object", "None"):
        raise errors.bad_request(
            "Unable to convert to Table as requested: includeObject: Invalid value: "
            f"\"{asked}\": must be 'Metadata', 'Object', 'None', or empty"
        )
    return asked or "Metadata"


def _wrong_form(form: str, why: str, resource: Resource, suffix: str) -> errors.StatusError:
    return errors.StatusError(
        406,
        "NotAcceptable",
        f"you requested {form}, but the requested object {why} "
        f"(*{go_package(resource)}.{resource.kind}{suffix})",
    )


def go_package(resource: Resource) -> str:
    """The Go package of a kind's internal type, by which some messages name it."""
    if resource.group in ("", "events.k8s.io"):
        return "core"
    return resource.group.partition(".")[0]
