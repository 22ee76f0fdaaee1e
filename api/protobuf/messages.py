"""Messages to JSON-shaped data, along the published definitions."""

import base64
import datetime
import functools
from collections.abc import Callable
from typing import Any

from miniplane.api.decode import gojson, parse, types
from miniplane.api.errors import StatusError
from miniplane.api.protobuf import layout, wire
from miniplane.api.protobuf.wire import WireError

Reader = Callable[[Any, int], Any]
"""Reads one field's value; the number is how deep messages may still nest."""

_EPOCH = datetime.datetime(1970, 1, 1)
_EMBEDDED = "#"
_WIRE_TYPES = {"int": wire.VARINT, "bool": wire.VARINT, "float": wire.FIXED64}


class Message:
    """A compiled message: what to do with each field number."""

    __slots__ = ("fields",)

    def __init__(self) -> None:
        self.fields: dict[int, tuple[str, str, int, Any]] = {}
        """Number -> (JSON name, `one`/`repeated`/`map`/`#`, wire type, reader or Message)."""

    def read(self, data: bytes, depth: int, out: dict[str, Any]) -> dict[str, Any]:
        """Adds the message's fields to `out`, empty ones included."""
        if depth <= 0:
            raise WireError(gojson.TOO_DEEP)
        for number, kind, value in wire.fields(data):
            found = self.fields.get(number)
            if found is None:
                continue
            name, shape, wanted, read = found
            if kind != wanted:
                if shape == "repeated" and wanted == wire.VARINT and kind == wire.BYTES:
                    out.setdefault(name, []).extend(read(n, depth) for n in wire.packed(value))
                    continue
                raise WireError(f"proto: wrong wireType = {kind} for field {name or number}")
            if shape == "one":
                # A message that comes twice is merged, as protobuf wants it.
                old = out.get(name)
                new = read(value, depth - 1)
                merge = isinstance(old, dict) and isinstance(new, dict)
                out[name] = {**old, **new} if merge else new  # type: ignore[dict-item]
            elif shape == "repeated":
                out.setdefault(name, []).append(read(value, depth - 1))
            elif shape == "map":
                key, item = _map_entry(value, read, depth - 1)
                out.setdefault(name, {})[key] = item
            else:
                read.read(value, depth - 1, out)
        return out


@functools.cache
def message(definition: str) -> Message:
    """The compiled message of a definition. KeyError for an unknown one."""
    top = Message()
    for (*outer, last), field in layout.fields(definition):
        home = top
        for step in outer:
            if step not in home.fields:
                home.fields[step] = ("", _EMBEDDED, wire.BYTES, Message())
            home = home.fields[step][3]
        home.fields[last] = (field.name, *_shape(field.type))
    return top


def _shape(go_type: types.Type) -> tuple[str, int, Reader]:
    if go_type.kind == "list" and go_type.name not in layout.WRAPPED:
        assert go_type.item is not None
        return "repeated", _wire_type(go_type.item), _reader(go_type.item)
    if go_type.kind == "map":
        assert go_type.item is not None
        return "map", wire.BYTES, _reader(go_type.item)
    return "one", _wire_type(go_type), _reader(go_type)


def _wire_type(go_type: types.Type) -> int:
    return _WIRE_TYPES.get(go_type.kind, wire.BYTES)


def _reader(go_type: types.Type) -> Reader:
    kind = go_type.kind
    if kind == "struct":
        definition = go_type.definition
        return lambda data, depth: message(definition).read(data, depth, {})
    if kind == "list":
        assert go_type.item is not None
        return _wrapped(_reader(go_type.item))
    if kind == "int":
        bits = 32 if go_type.high < 1 << 32 else 64
        return lambda value, depth: wire.signed(value, bits)
    return _READERS[kind]


def _wrapped(read: Reader) -> Reader:
    def items(data: bytes, depth: int) -> list[Any]:
        found = []
        for number, kind, value in wire.fields(data):
            if number == 1:
                if kind != wire.BYTES:
                    raise WireError(f"proto: wrong wireType = {kind} for field Items")
                found.append(read(value, depth - 1))
        return found

    return items


def _map_entry(data: Any, read: Reader, depth: int) -> tuple[str, Any]:
    key: str = ""
    content: Any = b""
    for number, kind, value in wire.fields(data):
        if number in (1, 2) and kind != wire.BYTES:
            raise WireError(f"proto: wrong wireType = {kind} for a map entry")
        if number == 1:
            key = _text(value, depth)
        elif number == 2:
            content = value
    return key, read(content, depth)


def _text(data: Any, depth: int) -> str:
    return data.decode("utf-8", errors="miniplane.each-byte")


def _parts(data: bytes) -> dict[int, Any]:
    return {number: value for number, _, value in wire.fields(data)}


def _moment(data: bytes) -> tuple[datetime.datetime, int] | None:
    """Seconds and nanoseconds; None for an empty message, which is no time at all."""
    if not data:
        return None
    parts = _parts(data)
    seconds, nanos = parts.get(1, 0), parts.get(2, 0)
    if not isinstance(seconds, int) or not isinstance(nanos, int):
        raise WireError("proto: wrong wireType for field Seconds")
    try:
        moment = _EPOCH + datetime.timedelta(seconds=wire.signed(seconds))
    except OverflowError:
        raise WireError("Time.MarshalJSON: year outside of range [0,9999]") from None
    return moment, max(0, wire.signed(nanos, 32)) % 1_000_000_000


def _time(data: bytes, depth: int) -> str | None:
    found = _moment(data)
    return None if found is None else f"{found[0].isoformat(timespec='seconds')}Z"


def _micro_time(data: bytes, depth: int) -> str | None:
    found = _moment(data)
    if found is None:
        return None
    return f"{found[0].isoformat(timespec='seconds')}.{found[1] // 1000:06d}Z"


def _quantity(data: bytes, depth: int) -> str:
    value = _parts(data).get(1, b"")
    text = _text(value, depth) if isinstance(value, bytes) else ""
    return text or "0"


def _int_or_string(data: bytes, depth: int) -> int | str:
    parts = _parts(data)
    text, number = parts.get(3, b""), parts.get(2, 0)
    if parts.get(1, 0) == 1:
        return _text(text, depth) if isinstance(text, bytes) else ""
    return wire.signed(number, 32) if isinstance(number, int) else 0


def _raw(data: bytes, depth: int) -> Any:
    """Untyped data: JSON text, or once more an object in the Kubernetes encoding."""
    content = _parts(data).get(1, b"")
    if not isinstance(content, bytes) or not content:
        return None
    if content.startswith(b"k8s\0"):
        from miniplane.api.protobuf import objects

        return objects.unpack(content, depth - 1)
    try:
        return parse.parse_json(content)[0]
    except StatusError as error:
        raise WireError(error.message) from None


def _schema_or(content_number: int, read: Reader, *, repeated: bool) -> Reader:
    """JSONSchemaPropsOr...: number 1 is a schema or a list's partner, as each type has it."""

    def either(data: bytes, depth: int) -> Any:
        schema: Any = None
        several: list[Any] = []
        allowed = False
        for number, kind, value in wire.fields(data):
            if not repeated and number == 1:
                allowed = value == 1
            elif kind != wire.BYTES:
                raise WireError(f"proto: wrong wireType = {kind} for field {number}")
            elif number == content_number:
                schema = _json_schema(value, depth)
            elif repeated and number == 2:
                several.append(read(value, depth))
        if repeated:
            return several or schema
        return allowed if schema is None else schema

    return either


def _json_schema(data: Any, depth: int) -> Any:
    return message(types.JSON_SCHEMA).read(data, depth, {})


_READERS: dict[str, Reader] = {
    "string": _text,
    "bool": lambda value, depth: value != 0,
    "float": lambda value, depth: wire.double(value),
    "bytes": lambda value, depth: base64.b64encode(value).decode(),
    "quantity": _quantity,
    "time": _time,
    "microtime": _micro_time,
    "int-or-string": _int_or_string,
    "raw": _raw,
    "schema-or-bool": _schema_or(2, _json_schema, repeated=False),
    "schema-or-array": _schema_or(1, _json_schema, repeated=True),
    "schema-or-strings": _schema_or(1, _text, repeated=True),
}
