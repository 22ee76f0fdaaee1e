"""What an empty object of a kind looks like on the wire.

Bookmarks carry an object of the watched kind that has nothing but a resourceVersion. A Go server
still writes the fields that its types do not leave out when they are empty, as `null` where it has
nothing at all to write.
"""

import functools
from typing import Any

from miniplane.api import schema
from miniplane.api.decode import types
from miniplane.api.objects import Obj
from miniplane.api.resources import Resource

_NULL_KINDS = ("list", "map", "bytes")

_COUNTED = ("Deployment", "ReplicaSet", "ReplicationController", "StatefulSet")
"""Kinds whose internal form has a plain number of replicas: it is written back as 0."""


@functools.cache
def fields(resource: Resource) -> Obj:
    """The fields of an empty object beside kind, apiVersion and metadata. Not to be changed."""
    if not resource.definition:
        return {}
    empty = _struct(resource.definition)
    empty.pop("metadata", None)
    if resource.kind in _COUNTED:
        empty["spec"] = {"replicas": 0, **empty["spec"]}
    return empty


def _struct(definition: str) -> dict[str, Any]:
    required = schema.node(definition).required
    empty: dict[str, Any] = {}
    for name, field in types.struct(definition).fields.items():
        if field.always:
            inner = field.type.kind == "struct" and not field.shown_null
            empty[name] = _struct(field.type.definition) if inner else field.type.zero()
        elif (name in required) if field.pointer else _null(field):
            empty[name] = None
    return empty


def _null(field: types.Field) -> bool:
    return field.type.kind in _NULL_KINDS and not field.droppable
