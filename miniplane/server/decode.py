"""Request bodies: bytes in, JSON-shaped data of the right kind out.

Which fields a kind has is not looked at here, the registry decodes further; only that a body can be
read at all, and that its kind and version are those of the URL.
"""

from typing import Any

from aiohttp import hdrs, web
from multidict import istr

from miniplane.api import decode, errors
from miniplane.api.decode import Malformed, TypeMismatch
from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj
from miniplane.api.options import APPLY_PATCH, STRATEGIC_MERGE_PATCH, WriteOptions
from miniplane.server import media
from miniplane.server.call import Call
from miniplane.server.negotiate import JSON, PROTOBUF, YAML

LIMIT = 3 * 1024 * 1024
"""Longest request body, in bytes."""

_DELETE_OPTIONS = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"
_CONTENT_TYPE = istr(hdrs.CONTENT_TYPE)


async def read(call: Call) -> bytes:
    """The body. StatusError 413 when it is longer than `LIMIT`."""
    request = call.request
    if not request.body_exists:
        return b""
    length = request.content_length
    if length is not None and length > LIMIT:
        raise errors.request_too_large(LIMIT)
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise errors.request_too_large(LIMIT) from None


def content_type(call: Call) -> str:
    return call.request.headers.get(_CONTENT_TYPE, "")


def parse(
    data: bytes, media_type: str, *, kind: str = "", definition: str = ""
) -> tuple[Any, list[str]]:
    """The value of a body, and what there is to say of doubled YAML keys. StatusError 400.

    `kind` is the kind that the body should be, for the message; `definition` its definition, for
    protobuf that names no kind.
    """
    if media_type == PROTOBUF:
        from miniplane.api import protobuf

        return protobuf.decode(data, definition=definition, kind=kind), []
    if media_type == YAML:
        return decode.parse_yaml(data, kind=kind)
    return decode.parse_json(data, kind=kind)


async def body(call: Call, options: WriteOptions) -> tuple[Obj, list[str]]:
    """The object that a create or update sends, and what to warn of in it.

    StatusError 400 (doubled keys included, where validation is strict), 413 or 415.
    """
    media_type = media.of_body(content_type(call))
    data = await read(call)
    resource = call.resource
    kind, api_version = _expected(call)
    definition = "" if kind else resource.definition
    if media_type == PROTOBUF and call.custom and not kind:
        raise errors.bad_request(
            f'{resource.kind} in version "{resource.version}" cannot be handled as a '
            f"{resource.kind}: object *unstructured.Unstructured does not implement the protobuf "
            "marshalling interface and cannot be encoded to a protobuf message"
        )
    value, doubled = parse(data, media_type, kind=kind or resource.kind, definition=definition)
    decode.check_type(value, resource, data=data, kind=kind, api_version=api_version)
    if doubled and options.field_validation == "Strict":
        raise _strict(call, value, kind or resource.kind, doubled)
    return value or {}, doubled if options.field_validation == "Warn" else []


def _expected(call: Call) -> tuple[str, str]:
    """Kind and apiVersion of a body where they are not those of the resource itself."""
    name, resource = call.info.subresource, call.resource
    sub = resource.subresource(name) if name else None
    if sub is None or not sub.kind:
        return "", ""
    if not sub.version:
        return sub.kind, resource.api_version
    return sub.kind, f"{sub.group}/{sub.version}" if sub.group else sub.version


def _strict(call: Call, value: Any, kind: str, problems: list[str]) -> StatusError:
    resource = call.resource
    if kind == resource.kind and resource.definition:
        problems = problems + decode.decode(resource.definition, value)[1]
    return errors.bad_request(
        f'{kind} in version "{resource.version}" cannot be handled as a {kind}: '
        f"strict decoding error: {', '.join(problems)}"
    )


async def delete_body(call: Call) -> Obj | None:
    """The DeleteOptions that a delete sends, or None where it sends no body.

    StatusError 400, 413 or 415.
    """
    data = await read(call)
    if not data:
        return None
    value, _ = parse(data, media.of_body(content_type(call)), definition=_DELETE_OPTIONS)
    if isinstance(value, dict) and value.get("kind", "DeleteOptions") != "DeleteOptions":
        kind, version = value["kind"], value.get("apiVersion", call.resource.version)
        raise errors.bad_request(
            f'no kind "{kind}" is registered for version "{version}" in scheme '
            '"pkg/apis/meta/internalversion/scheme/register.go:28"'
        )
    try:
        return decode.decode(_DELETE_OPTIONS, value)[0]
    except TypeMismatch as error:
        raise errors.bad_request(error.cause) from None


async def patch(call: Call) -> tuple[Any, str, list[str]]:
    """A patch, its type, and what there is to say of doubled keys in an apply configuration.

    StatusError 400, 413 or 415.
    """
    patch_type = media.of_patch(content_type(call), empty=not call.request.body_exists)
    data = await read(call)
    if patch_type == APPLY_PATCH:
        media_type, prefix = YAML, "error decoding YAML: "
    elif patch_type == STRATEGIC_MERGE_PATCH:
        media_type, prefix = JSON, ""
    else:
        media_type, prefix = JSON, "error decoding patch: "
    try:
        value, doubled = parse(data, media_type)
    except Malformed as error:
        raise errors.bad_request(prefix + error.cause) from None
    if patch_type != APPLY_PATCH:
        return value, patch_type, []
    return value, patch_type, [f"error converting YAML to JSON: {text}" for text in doubled]


def warned(doubled: list[str], options: WriteOptions) -> list[str]:
    """What to warn of doubled keys in an apply configuration. StatusError 400 where validation is
    strict."""
    if doubled and options.field_validation == "Strict":
        raise errors.bad_request(f"error strict decoding YAML: {doubled[0]}")
    return doubled if options.field_validation == "Warn" else []
