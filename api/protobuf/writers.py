"""JSON-shaped data to messages, byte for byte as Kubernetes' generated Go code writes them.

Fields come in the order of their numbers, maps in the order of their keys. A field that is no
pointer in Go is written even when it is empty; pointers, lists and maps that are absent are not.

Each message is compiled once into a list of steps, one for each field, and a closure that runs
them:

    (JSON name, what is written where the field is absent, writer of the field)

>>> encoder("io.k8s.api.core.v1.SecretReference")({"name": "a"})
b'\\n\\x01a\\x12\\x00'
"""

import base64
import datetime
import functools
import struct
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import orjson

from miniplane.api.decode import types
from miniplane.api.protobuf import layout, wire

Encoder: TypeAlias = Callable[[Any], bytes]
"""The content of a message, without the tag and length of the field that holds it."""

Writer: TypeAlias = Callable[[Any], bytes]
"""One field of a message, tags and lengths included."""

Step: TypeAlias = tuple[str, bytes, Writer]

_MASK = (1 << 64) - 1
_DOUBLE = struct.Struct("<d")
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_SECOND = datetime.timedelta(seconds=1)
_ZERO_TIME = datetime.datetime(1, 1, 1, tzinfo=datetime.UTC)

_ZEROS: dict[str, Any] = {
    "string": "",
    "bool": False,
    "quantity": "0",
    "schema-or-bool": False,
    "schema-or-array": [],
    "schema-or-strings": [],
}
"""Go's zero values in JSON, where they are not 0."""

_EMBEDDED = ""
"""The name under which a message with embedded structs finds itself."""


_known: dict[str, Encoder] = {}


def encoder(definition: str) -> Encoder:
    """The compiled encoder of a definition. KeyError for an unknown one."""
    known = _known.get(definition)
    if known is None:
        # Entered before it is filled: JSON schemas hold JSON schemas.
        steps: list[Step] = []
        fields = layout.fields(definition)
        embeds = any(len(path) > 1 for path, _ in fields)
        known = _known[definition] = _with_embedded(steps) if embeds else _plain(steps)
        steps += _steps(fields)
    return known


def _plain(steps: list[Step]) -> Encoder:
    def encode(value: Mapping[str, Any]) -> bytes:
        get = value.get
        return b"".join(
            [
                absent if (found := get(name)) is None else write(found)
                for name, absent, write in steps
            ]
        )

    return encode


def _with_embedded(steps: list[Step]) -> Encoder:
    encode = _plain(steps)
    return lambda value: encode({**value, _EMBEDDED: value})


def _steps(fields: layout.Fields) -> list[Step]:
    """The steps of a message, sorted by number; embedded structs are a step with their own."""
    own: dict[int, Step] = {}
    embedded: dict[int, list[tuple[tuple[int, ...], types.Field]]] = {}
    for (number, *inner), field in fields:
        if inner:
            embedded.setdefault(number, []).append((tuple(inner), field))
        else:
            write = _writer(number, field.type)
            own[number] = (field.name, _absent(number, field, write), write)
    for number, parts in embedded.items():
        inner_steps = _steps(parts)
        deeper = any(name == _EMBEDDED for name, _, _ in inner_steps)
        content = _with_embedded(inner_steps) if deeper else _plain(inner_steps)
        own[number] = (_EMBEDDED, b"", _sized(number, content))
    return [own[number] for number in sorted(own)]


def _absent(number: int, field: types.Field, write: Writer) -> bytes:
    """What a field leaves that is not there."""
    return b"" if field.pointer else _zero(number, field.type, write)


def _zero(number: int, go_type: types.Type, write: Writer) -> bytes:
    """The field with Go's zero value."""
    kind = go_type.kind
    if kind in ("list", "map", "bytes"):
        return b""
    if kind in ("time", "microtime", "raw"):
        return tag(number, wire.BYTES) + b"\0"
    if kind == "struct":
        return write({})
    return write(_ZEROS.get(kind, 0))


def _writer(number: int, go_type: types.Type) -> Writer:
    kind = go_type.kind
    if kind == "string":
        return string(number)
    if kind == "int":
        return _int(number)
    if kind == "bool":
        head = tag(number, wire.VARINT)
        true, false = head + b"\1", head + b"\0"
        return lambda value: true if value else false
    if kind == "float":
        head = tag(number, wire.FIXED64)
        return lambda value: head + _DOUBLE.pack(value)
    if kind == "list":
        assert go_type.item is not None
        if go_type.name in layout.WRAPPED:
            return _sized(number, _list(1, go_type.item))
        return _list(number, go_type.item)
    if kind == "map":
        assert go_type.item is not None
        return _map(number, go_type.item)
    if kind == "struct":
        return _sized(number, encoder(go_type.definition))
    return _sized(number, _CONTENTS[kind])


def tag(number: int, wire_type: int) -> bytes:
    return wire.number(number << 3 | wire_type)


@functools.cache
def _heads(number: int, wire_type: int) -> tuple[bytes, ...]:
    """Tag and one more byte: the length of a short content, or a small number."""
    head = tag(number, wire_type)
    return tuple(head + bytes((n,)) for n in range(128))


def string(number: int) -> Writer:
    """A string field."""
    heads, head = _heads(number, wire.BYTES), tag(number, wire.BYTES)

    def write(value: str) -> bytes:
        content = value.encode()
        size = len(content)
        return (heads[size] if size < 128 else head + wire.number(size)) + content

    return write


def _sized(number: int, encode: Encoder) -> Writer:
    """A field whose content is made by `encode`."""
    heads, head = _heads(number, wire.BYTES), tag(number, wire.BYTES)

    def write(value: Any) -> bytes:
        content = encode(value)
        size = len(content)
        return (heads[size] if size < 128 else head + wire.number(size)) + content

    return write


def _int(number: int) -> Writer:
    heads, head = _heads(number, wire.VARINT), tag(number, wire.VARINT)
    return lambda value: (
        heads[value] if 0 <= value < 128 else head + wire.number(int(value) & _MASK)
    )


def _list(number: int, item: types.Type) -> Writer:
    write = _writer(number, item)
    # Not yet known inside a recursive type; nulls are no items of those.
    zero = b"" if item.kind == "struct" else _zero(number, item, write)
    return lambda value: b"".join([zero if each is None else write(each) for each in value])


def _map(number: int, item: types.Type) -> Writer:
    key, write = string(1), _writer(2, item)
    zero = b"" if item.kind == "struct" else _zero(2, item, write)

    def content(entry: tuple[str, Any]) -> bytes:
        name, value = entry
        return key(name) + (zero if value is None else write(value))

    field = _sized(number, content)
    # By code points, which is the order of the UTF-8 bytes too.
    return lambda value: b"".join([field(entry) for entry in sorted(value.items(), key=_first)])


def _first(entry: tuple[str, Any]) -> str:
    return entry[0]


@functools.lru_cache(maxsize=4096)
def _time(text: str) -> bytes:
    return _moment(text, whole=True)


@functools.lru_cache(maxsize=4096)
def _micro_time(text: str) -> bytes:
    return _moment(text, whole=False)


def _moment(text: str, *, whole: bool) -> bytes:
    """Seconds and nanoseconds; nothing at all for Go's zero time."""
    moment = datetime.datetime.fromisoformat(text)
    if moment == _ZERO_TIME:
        return b""
    seconds = (moment - _EPOCH) // _SECOND
    nanos = 0 if whole else moment.microsecond * 1000
    return b"\x08" + wire.number(seconds & _MASK) + b"\x10" + wire.number(nanos)


_first_string = string(1)
_int_value, _string_value = _int(2), string(3)


def _int_or_string(value: int | str) -> bytes:
    """Which of the two it is, the number, the text."""
    if isinstance(value, str):
        return b"\x08\1" + _int_value(0) + _string_value(value)
    return b"\x08\0" + _int_value(value) + _string_value("")


def _json_schema(value: Any) -> bytes:
    return encoder(types.JSON_SCHEMA)(value)


def _schema_or_bool(value: Any) -> bytes:
    if isinstance(value, dict):
        return b"\x08\1" + _second_schema(value)
    return b"\x08\1" if value else b"\x08\0"


def _schema_or(items: Writer) -> Encoder:
    def encode(value: Any) -> bytes:
        return b"".join(map(items, value)) if isinstance(value, list) else _first_schema(value)

    return encode


_raw = _sized(1, orjson.dumps)
_first_schema, _second_schema = _sized(1, _json_schema), _sized(2, _json_schema)

_CONTENTS: dict[str, Encoder] = {
    "bytes": base64.b64decode,
    "quantity": lambda value: _first_string(str(value)),
    "time": _time,
    "microtime": _micro_time,
    "int-or-string": _int_or_string,
    "raw": _raw,
    "schema-or-bool": _schema_or_bool,
    "schema-or-array": _schema_or(_second_schema),
    "schema-or-strings": _schema_or(string(2)),
}
