"""The protobuf wire format: bytes to fields and back, without knowing what they mean.

Follows https://protobuf.dev/programming-guides/encoding/. Every malformed input raises WireError
with the text of Go's generated decoders.
"""

import struct
from collections.abc import Iterator
from typing import Any

VARINT, FIXED64, BYTES, START_GROUP, END_GROUP, FIXED32 = range(6)

_EOF = "unexpected EOF"
_DOUBLE = struct.Struct("<d")
_SMALL = [bytes((n,)) for n in range(128)]


class WireError(ValueError):
    """Bytes that are no protobuf message."""


def varint(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned number of up to 64 bits, and where it ends."""
    value = shift = 0
    end = len(data)
    while True:
        if at >= end:
            raise WireError(_EOF)
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
        if shift >= 64:
            raise WireError("proto: integer overflow")


def number(value: int) -> bytes:
    """An unsigned number as a varint."""
    if value < 0x80:
        return _SMALL[value]
    if value < 0x4000:
        return bytes((value & 0x7F | 0x80, value >> 7))
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def fields(data: bytes) -> Iterator[tuple[int, int, Any]]:
    """The fields of a message in order: (number, wire type, value).

    The value is an int for varints, the content for everything else. Groups are skipped.
    """
    at, end = 0, len(data)
    while at < end:
        # Most keys, small numbers and lengths are one byte: spare them the call.
        key = data[at]
        at += 1
        if key >= 0x80:
            key, at = varint(data, at - 1)
        number, kind = key >> 3, key & 7
        if number == 0 or number >= 1 << 29:
            raise WireError(f"proto: illegal tag {number} (wire type {kind})")
        if kind == BYTES and at < end and data[at] < 0x80:
            start = at + 1
            at = start + data[at]
            if at > end:
                raise WireError(_EOF)
            yield number, kind, data[start:at]
        elif kind == VARINT:
            value, at = varint(data, at)
            yield number, kind, value
        elif kind == START_GROUP:
            at = _skip_group(data, at)
        else:
            content, at = _content(data, at, kind)
            yield number, kind, content


def _content(data: bytes, at: int, kind: int) -> tuple[bytes, int]:
    if kind == BYTES:
        size, at = varint(data, at)
        if size >= 1 << 63:
            raise WireError("proto: negative length found during unmarshaling")
    elif kind == FIXED64:
        size = 8
    elif kind == FIXED32:
        size = 4
    elif kind == END_GROUP:
        raise WireError("proto: unexpected end of group")
    else:
        raise WireError(f"proto: illegal wireType {kind}")
    if at + size > len(data):
        raise WireError(_EOF)
    return data[at : at + size], at + size


def _skip_group(data: bytes, at: int) -> int:
    """Where a group ends; groups in it are skipped with it, by counting."""
    depth = 1
    while depth:
        key, at = varint(data, at)
        kind = key & 7
        if kind == VARINT:
            _, at = varint(data, at)
        elif kind == START_GROUP:
            depth += 1
        elif kind == END_GROUP:
            depth -= 1
        else:
            _, at = _content(data, at, kind)
    return at


def packed(data: bytes) -> Iterator[int]:
    """The numbers of a packed list."""
    at = 0
    while at < len(data):
        value, at = varint(data, at)
        yield value


def signed(value: int, bits: int = 64) -> int:
    """A varint as a two's complement number of `bits` bits."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def double(content: bytes) -> float:
    return _DOUBLE.unpack(content)[0]
