"""Objects to bodies: the envelope around a message, lists, and the frames of a watch.

The envelope is a `runtime.Unknown` message (apimachinery's `pkg/runtime/generated.proto`) behind
four bytes; a watch is a row of bare `WatchEvent` messages, each behind its length.
"""

import functools
from collections.abc import Iterable, Mapping
from typing import Any

from miniplane.api import errors
from miniplane.api.objects import Obj
from miniplane.api.protobuf import layout, wire, writers

MAGIC = b"k8s\0"

_MESSAGE = b"\x12"
"""The tag of what an envelope holds, and of a list's items: both are field 2."""

_END = b"\x1a\0\x22\0"
"""`contentEncoding` and `contentType`, which are always empty."""


def encode(obj: Obj) -> bytes:
    """An object with `apiVersion` and `kind` as a body. StatusError 406 for a kind without
    messages, such as a custom resource or a Table."""
    api_version, kind = obj.get("apiVersion", ""), obj["kind"]
    definition = layout.definition_of(api_version, kind)
    if not definition:
        raise errors.StatusError(
            406,
            "NotAcceptable",
            f"object {kind} does not implement the protobuf marshalling interface and cannot be "
            "encoded to a protobuf message",
        )
    return envelope(api_version, kind, writers.encoder(definition)(obj))


def encode_message(definition: str, value: Mapping[str, Any]) -> bytes:
    """One bare message. KeyError for an unknown definition."""
    return writers.encoder(definition)(value)


def envelope(api_version: str, kind: str, message: bytes) -> bytes:
    """A body made of an object's message."""
    return b"".join((_head(api_version, kind), item(message), _END))


def enclosed(api_version: str, kind: str, item: bytes) -> bytes:
    """A body made of an object's message in the form of a list's item."""
    return b"".join((_head(api_version, kind), item, _END))


@functools.lru_cache(maxsize=1024)
def _head(api_version: str, kind: str) -> bytes:
    """All that stands before the message."""
    type_meta = writers.string(1)(api_version) + writers.string(2)(kind)
    return MAGIC + b"\x0a" + wire.number(len(type_meta)) + type_meta


def item(message: bytes) -> bytes:
    """An object's message as an item of a list: with its tag and length."""
    return b"".join((_MESSAGE, wire.number(len(message)), message))


def items(messages: Iterable[bytes]) -> bytes:
    """Objects' messages as the items of a list."""
    return b"".join(map(item, messages))


def list_frame(api_version: str, kind: str, metadata: Obj, length: int) -> tuple[bytes, bytes]:
    """What stands before and after a list's items, which are `length` bytes."""
    meta = writers.encoder(layout.LIST_META)(metadata)
    meta = b"\x0a" + wire.number(len(meta)) + meta
    return _head(api_version, kind) + _MESSAGE + wire.number(len(meta) + length) + meta, _END


def partial(item: bytes) -> bytes:
    """The message of an object's `PartialObjectMetadata`, cut out of the object's own, which is in
    the form of a list's item: metadata is the first field of both."""
    _, at = wire.varint(item, 1)
    size, start = wire.varint(item, at + 1)
    return item[at : start + size]


def frame(event: bytes, body: bytes) -> bytes:
    """One event of a watch. `event` is an `event_type`, `body` the object in its envelope."""
    raw = b"\x0a" + wire.number(len(body))
    size = len(raw) + len(body)
    head = event + b"\x12" + wire.number(size)
    return b"".join(((len(head) + size).to_bytes(4, "big"), head, raw, body))


def event_type(name: str) -> bytes:
    """ADDED, MODIFIED, DELETED, BOOKMARK or ERROR, as `frame` takes it."""
    return writers.string(1)(name)
