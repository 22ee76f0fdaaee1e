"""Watch events as lines of JSON, in whatever form the client asked its objects to have."""

import orjson

from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj
from miniplane.server import encode, zero
from miniplane.server.backend import WatchEvent
from miniplane.server.call import Call
from miniplane.server.negotiate import Media

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
        if media.convert == "Table":
            encode.include_object(call)

    def line(self, event: WatchEvent) -> bytes:
        stored = event.stored
        if self._plain and stored is not None:
            return b"".join((_HEADS[event.type], stored.json, _TAIL))
        obj = stored.obj if stored is not None else self._bookmark(event)
        return b"".join((_HEADS[event.type], orjson.dumps(self._converted(obj)), _TAIL))

    def error(self, error: StatusError) -> bytes:
        return b"".join((_HEADS["ERROR"], orjson.dumps(error.to_status()), _TAIL))

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
