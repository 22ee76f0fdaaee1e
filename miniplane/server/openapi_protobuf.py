"""The OpenAPI v2 document in protobuf: all that kubectl up to 1.28 can read of it.

Messages and field numbers are those of `openapiv2/OpenAPIv2.proto` in
github.com/google/gnostic-models; what Kubernetes never writes into its document is left out. Values
of any type (enumerations, defaults, everything that begins with `x-`) are YAML texts there, for
which JSON will do.
"""

import struct
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson

from miniplane.api.objects import Obj

MEDIA_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
OLD_MEDIA_TYPE = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"

Encoder = Callable[[Any], bytes]
"""The content of a message made of a JSON value, without the tag of the field that holds it."""

_Fields = dict[str, tuple[int, Any]]
"""Number and type of each field by its JSON name: `str`, `bool`, `int`, `float`, or an encoder of
a message. Lists are repeated fields."""

_DOUBLE = struct.Struct("<d")


def encode(document: Obj) -> bytes:
    """An OpenAPI v2 document, as JSON has it, as a `Document` message."""
    return _document(document)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _bytes(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _field(number: int, kind: Any, value: Any) -> bytes:
    if kind is str:
        return _bytes(number, value.encode())
    if kind is bool or kind is int:
        return _varint(number << 3) + _varint(value)
    if kind is float:
        return _varint(number << 3 | 1) + _DOUBLE.pack(value)
    return _bytes(number, kind(value))


def _any(value: Any) -> bytes:
    return _bytes(2, orjson.dumps(value))


def _message(fields: _Fields, extensions: int = 0) -> Encoder:
    """An encoder of objects with these fields; `extensions` is the number of those with `x-`."""

    def encoder(value: Mapping[str, Any]) -> bytes:
        out = []
        for name, item in value.items():
            field = fields.get(name)
            if field is not None:
                number, kind = field
                if isinstance(item, list):
                    out += [_field(number, kind, each) for each in item]
                else:
                    out.append(_field(number, kind, item))
            elif extensions and name.startswith("x-"):
                out.append(_bytes(extensions, _named(name, _any(item))))
        return b"".join(out)

    return encoder


def _named(name: str, content: bytes) -> bytes:
    return _bytes(1, name.encode()) + _bytes(2, content)


def _map(content: Encoder, number: int = 1) -> Encoder:
    """An encoder of objects with any names, which become a list of names and values."""

    def encoder(value: Mapping[str, Any]) -> bytes:
        return b"".join(_bytes(number, _named(name, content(value[name]))) for name in value)

    return encoder


def _strings(value: str | Iterable[str]) -> bytes:
    return b"".join(
        _bytes(1, each.encode()) for each in ([value] if isinstance(value, str) else value)
    )


def _wrapped(content: Encoder, number: int = 1) -> Encoder:
    return lambda value: _bytes(number, content(value))


def _schema(value: Mapping[str, Any]) -> bytes:
    return _schema_message(value)


def _additional(value: Any) -> bytes:
    return _field(2, bool, value) if isinstance(value, bool) else _bytes(1, _schema(value))


_schema_message = _message(
    {
        "$ref": (1, str),
        "format": (2, str),
        "title": (3, str),
        "description": (4, str),
        "default": (5, _any),
        "maximum": (7, float),
        "exclusiveMaximum": (8, bool),
        "minimum": (9, float),
        "exclusiveMinimum": (10, bool),
        "maxLength": (11, int),
        "minLength": (12, int),
        "pattern": (13, str),
        "maxItems": (14, int),
        "minItems": (15, int),
        "uniqueItems": (16, bool),
        "maxProperties": (17, int),
        "minProperties": (18, int),
        "required": (19, str),
        "enum": (20, _any),
        "additionalProperties": (21, _additional),
        "type": (22, _strings),
        "items": (23, _wrapped(_schema)),
        "allOf": (24, _schema),
        "properties": (25, _map(_schema)),
    },
    extensions=31,
)

_body_parameter = _message(
    {
        "description": (1, str),
        "name": (2, str),
        "in": (3, str),
        "required": (4, bool),
        "schema": (5, _schema),
    }
)
_query_parameter = _message(
    {
        "required": (1, bool),
        "in": (2, str),
        "description": (3, str),
        "name": (4, str),
        "type": (6, str),
        "format": (7, str),
        "uniqueItems": (20, bool),
    }
)
_path_parameter = _message(
    {
        "required": (1, bool),
        "in": (2, str),
        "description": (3, str),
        "name": (4, str),
        "type": (5, str),
        "format": (6, str),
        "uniqueItems": (19, bool),
    }
)
_PARAMETERS: dict[str, Encoder] = {
    "body": _wrapped(_body_parameter, 1),
    "query": _wrapped(_wrapped(_query_parameter, 3), 2),
    "path": _wrapped(_wrapped(_path_parameter, 4), 2),
}


def _parameter(value: Mapping[str, Any]) -> bytes:
    if "$ref" in value:
        return _bytes(2, _bytes(1, value["$ref"].encode()))
    return _bytes(1, _PARAMETERS[value["in"]](value))


_response = _message({"description": (1, str), "schema": (2, _wrapped(_schema))})

_operation = _message(
    {
        "tags": (1, str),
        "description": (3, str),
        "operationId": (5, str),
        "produces": (6, str),
        "consumes": (7, str),
        "parameters": (8, _parameter),
        "responses": (9, _map(_wrapped(_response))),
        "schemes": (10, str),
        "deprecated": (11, bool),
    },
    extensions=13,
)

_path_item = _message(
    {
        "get": (2, _operation),
        "put": (3, _operation),
        "post": (4, _operation),
        "delete": (5, _operation),
        "options": (6, _operation),
        "head": (7, _operation),
        "patch": (8, _operation),
        "parameters": (9, _parameter),
    },
    extensions=10,
)

_api_key = _message({"type": (1, str), "name": (2, str), "in": (3, str), "description": (4, str)})

_document = _message(
    {
        "swagger": (1, str),
        "info": (2, _message({"title": (1, str), "version": (2, str), "description": (3, str)})),
        "paths": (8, _map(_path_item, 2)),
        "definitions": (9, _map(_schema)),
        "security": (12, _map(_strings)),
        "securityDefinitions": (13, _map(_wrapped(_api_key, 2))),
    },
    extensions=16,
)
