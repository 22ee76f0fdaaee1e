"""Bodies to whole objects: the envelope around a message, opened."""

from typing import Any

from miniplane.api.decode import gojson, parse
from miniplane.api.objects import Obj
from miniplane.api.protobuf import layout, messages, wire
from miniplane.api.protobuf.envelope import MAGIC


def decode(data: bytes, *, definition: str = "", kind: str = "") -> Obj:
    """A body in the Kubernetes encoding as JSON-shaped data, with `apiVersion` and `kind`.

    The data is raw: empty values are there where the encoding has them, and `decode.decode` puts
    it in order. `definition` is what to read where the envelope names no kind. An object of a kind
    without a definition comes back with nothing but its `apiVersion` and `kind`.

    Raises `decode.Malformed` (400) for anything else; `kind` is for its message, as in
    `decode.parse_json`.
    """
    try:
        return unpack(data, gojson.MAX_DEPTH, definition)
    except wire.WireError as error:
        raise parse.malformed(str(error), data, kind=kind) from None


def decode_message(definition: str, data: bytes) -> Obj:
    """One bare message of a definition. Raises `decode.Malformed` (400)."""
    try:
        return messages.message(definition).read(data, gojson.MAX_DEPTH, {})
    except wire.WireError as error:
        raise parse.malformed(str(error), data) from None


def unpack(data: bytes, depth: int, definition: str = "") -> Obj:
    """The object in an envelope. Raises WireError."""
    if not data:
        raise wire.WireError("empty data")
    if not data.startswith(MAGIC):
        raise wire.WireError(
            "provided data does not appear to be a protobuf message, expected prefix "
            f"[{' '.join(str(byte) for byte in MAGIC)}]"
        )
    api_version = kind = ""
    raw = b""
    for number, wire_type, value in wire.fields(data[len(MAGIC) :]):
        if number > 2:
            continue
        if wire_type != wire.BYTES or not isinstance(value, bytes):
            raise wire.WireError(f"proto: wrong wireType = {wire_type} for field {number}")
        if number == 1:
            api_version, kind = _type_meta(value)
        else:
            raw = value
    if kind:
        definition = layout.definition_of(api_version, kind)
    out: dict[str, Any] = {}
    if kind:
        out = {"apiVersion": api_version, "kind": kind}
    if definition:
        messages.message(definition).read(raw, depth, out)
    return out


def _type_meta(data: bytes) -> tuple[str, str]:
    found = {1: "", 2: ""}
    for number, _, value in wire.fields(data):
        if number in found and isinstance(value, bytes):
            found[number] = value.decode("utf-8", errors="miniplane.each-byte")
    return found[1], found[2]
