"""One revision of one object, as the store keeps it.

The JSON encoding is made once, when the object is written, and shared by GET, LIST and every
watcher. The decoded form is kept only for the objects that were used last: a pod of 2 KiB of JSON
takes about 14 KiB as dictionaries.
"""

from typing import Any

import orjson

from miniplane.api import errors
from miniplane.api.objects import Obj
from miniplane.api.resources import Resource

HOT_OBJECTS = 2_048
"""How many decoded objects are kept."""

_METADATA_ORDER = (
    "name",
    "generateName",
    "namespace",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
)


class _Hot:
    """A ring of the objects whose decoded form is kept."""

    __slots__ = ("at", "ring")

    def __init__(self, size: int):
        self.ring: list[Stored | None] = [None] * size
        self.at = 0

    def add(self, stored: "Stored") -> None:
        at = self.at
        old = self.ring[at]
        if old is not None:
            old._obj = None
        self.ring[at] = stored
        self.at = (at + 1) % len(self.ring)


_hot = _Hot(HOT_OBJECTS)


class Stored:
    """One revision of one object. Immutable.

    `data` is its compact JSON without `kind` and `apiVersion`, the form that list items have.
    """

    __slots__ = ("_obj", "data", "resource", "revision")

    def __init__(self, resource: Resource, revision: int, data: bytes, obj: Obj | None = None):
        self.resource = resource
        self.revision = revision
        self.data = data
        self._obj = obj
        if obj is not None:
            _hot.add(self)

    @property
    def json(self) -> bytes:
        """The whole object as compact JSON, kind and apiVersion first."""
        return b"".join((_prefix(self.resource), self.data[1:]))

    @property
    def obj(self) -> Obj:
        """The object, decoded. Shared by all readers: not to be changed."""
        obj = self._obj
        if obj is None:
            obj = orjson.loads(self.json)
            self._obj = obj
            _hot.add(self)
        return obj

    def __repr__(self) -> str:
        return f"<Stored {self.resource.plural} @{self.revision}>"


_prefixes: dict[Resource, bytes] = {}


def _prefix(resource: Resource) -> bytes:
    prefix = _prefixes.get(resource)
    if prefix is None:
        if resource.custom is not None:
            return resource.custom.json_head
        head = {"kind": resource.kind, "apiVersion": resource.api_version}
        prefix = _prefixes[resource] = orjson.dumps(head)[:-1] + b","
    return prefix


def seal(resource: Resource, obj: Obj, revision: int) -> Stored:
    """Encode an object as of `revision`. Takes `obj` over: it belongs to the readers now.

    `revision` 0 leaves the resourceVersion as it is (dry runs).
    """
    metadata: dict[str, Any] = obj["metadata"]
    if revision:
        metadata["resourceVersion"] = str(revision)
    ordered = {key: metadata[key] for key in _METADATA_ORDER if key in metadata}
    sealed: Obj = {
        "kind": resource.kind,
        "apiVersion": resource.api_version,
        "metadata": ordered,
    }
    for key, value in obj.items():
        if key not in sealed:
            sealed[key] = value
    try:
        data = orjson.dumps(sealed)
    except orjson.JSONEncodeError as error:
        raise errors.bad_request(f"the object cannot be encoded: {error}") from None
    return Stored(resource, revision, b"{" + data[len(_prefix(resource)) :], sealed)
