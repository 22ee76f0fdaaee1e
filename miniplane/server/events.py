"""Watch events as lines of JSON or frames of protobuf, in whatever form the client asked its
objects to have."""

import functools

import orjson

from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj
from miniplane.server import encode, zero
from miniplane.server.backend import Stored, WatchEvent
from miniplane.server.call import Call
from miniplane.server.negotiate import JSON, PROTOBUF, Media

FRAMES_KEPT = 64
LONGEST_KEPT = 64 * 1024
"""Bytes. Longer frames are made for each watch."""

INITIAL_EVENTS_END = "k8s.io/initial-events-end"

_HEADS = {
    kind: b'{"type":"' + kind.encode() + b'","object":'
    for kind in ("ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR")
}
_TAIL = b"}\n"


class EventEncoder:
    """Encodes the events of one watch. Only its first Table carries column definitions."""

    def __init__(self, call: Call, media: Media):
        self._call = call
        self._resource = call.resource
        self._media = media
        self._plain = media.convert not in ("Table", "PartialObjectMetadata")
        self._headers_sent = False
        self._binary = media.type == PROTOBUF
        self._shared = self._binary and not call.custom
        self._frames = call.state.messages.frames
        self.content_type = f"{PROTOBUF};stream=watch" if self._binary else JSON
        if media.convert == "Table":
            encode.include_object(call)

    def line(self, event: WatchEvent) -> bytes:
        """One event."""
        stored = event.stored
        if stored is not None and self._shared:
            return self._frame(event.type, stored)
        if stored is not None and self._plain:
            body = stored.json
        else:
            body = self._body(self._converted(_object(stored) or self._bookmark(event)))
        return self._framed(event.type, body)

    def _frame(self, kind: str, stored: Stored) -> bytes:
        """What all watches that ask for protobuf are sent, made for the first of them."""
        key = stored, kind, self._media.convert, self._media.version
        frame = self._frames.get(key)
        if frame is None:
            frame = self._framed(kind, encode.message(self._call, self._media, stored))
            if len(frame) <= LONGEST_KEPT:
                self._frames[key] = frame
                if len(self._frames) > FRAMES_KEPT:
                    del self._frames[next(iter(self._frames))]
        return frame

    def error(self, error: StatusError) -> bytes:
        """The event that ends a stream."""
        return self._framed("ERROR", self._body(error.to_status()))

    def _framed(self, kind: str, body: bytes) -> bytes:
        if not self._binary:
            return b"".join((_HEADS[kind], body, _TAIL))
        from miniplane.api import protobuf

        return protobuf.frame(_binary_type(kind), body)

    def _body(self, obj: Obj) -> bytes:
        return encode.dump(obj, self._media, False) if self._binary else orjson.dumps(obj)

    def _bookmark(self, event: WatchEvent) -> Obj:
        metadata: Obj = {"resourceVersion": str(event.revision)}
        if event.initial_events_end:
            metadata["annotations"] = {INITIAL_EVENTS_END: "true"}
        return {
            "kind": self._resource.kind,
            "apiVersion": self._resource.api_version,
            "metadata": metadata,
            **zero.fields(self._resource),
        }

    def _converted(self, obj: Obj) -> Obj:
        media = self._media
        if media.convert == "Table":
            no_headers, self._headers_sent = self._headers_sent, True
            return encode.table(
                self._call,
                media,
                self._resource,
                [obj],
                list_meta={"resourceVersion": obj["metadata"]["resourceVersion"]},
                no_headers=no_headers,
            )
        if media.convert == "PartialObjectMetadata":
            return encode.partial(media, obj)
        return obj


def _object(stored: Stored | None) -> Obj | None:
    return None if stored is None else stored.obj


@functools.cache
def _binary_type(kind: str) -> bytes:
    from miniplane.api import protobuf

    return protobuf.event_type(kind)
