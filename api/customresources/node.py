"""The schema of a custom resource in the terms of `miniplane.api.schema`, for field ownership.

Follows what structured-merge-diff makes of the schemas that apiextensions-apiserver publishes: an
object without properties is free JSON, a field that the schema leaves open is typed by what it
holds.
"""

from miniplane.api import schema
from miniplane.api.customresources.coerce import OBJECT_META
from miniplane.api.customresources.structural import Structural
from miniplane.api.schema import Node

ANY = Node("any")
_STRING = Node("scalar", scalar="string")
_BYTES = {"byte": "bytes"}


def build(root: Structural) -> Node:
    """The node of a kind's objects."""
    return _object(root, own=True)


def _object(place: Structural, *, own: bool) -> Node:
    """`own`: with the apiVersion, kind and metadata of an object of its own."""
    out = Node("object")
    out.fields = {name: _node(value) for name, value in place.properties.items()}
    if own:
        out.fields["apiVersion"] = out.fields["kind"] = _STRING
        out.fields["metadata"] = schema.node(OBJECT_META)
    if place.preserve or place.open or not out.fields:
        out.item = _node(place.additional) if place.additional is not None else ANY
    out.map_type = place.map_type
    out.required = tuple(place.raw.get("required") or ())
    return out


def _node(place: Structural) -> Node:
    if place.int_or_string:
        return _marked(Node("scalar", scalar="int-or-string"), place)
    if place.type == "object":
        if place.properties or place.embedded:
            return _marked(_object(place, own=place.embedded), place)
        if place.additional is not None:
            out = Node("map")
            out.item = _node(place.additional)
        elif place.map_type == "atomic":
            out = Node("map")
            out.item = ANY
        else:
            out = Node("any")
        out.map_type = place.map_type
        return _marked(out, place)
    if place.type == "array":
        out = Node("list")
        out.item = _node(place.items) if place.items is not None else ANY
        out.list_type = place.list_type or "atomic"
        out.list_keys = place.list_keys
        return _marked(out, place)
    if place.type in ("string", "integer", "number", "boolean"):
        form = place.raw.get("format") or ""
        scalar = _BYTES.get(form, place.type) if place.type == "string" else place.type
        return _marked(Node("scalar", scalar=scalar, format=form), place)
    return _marked(Node("any"), place)


def _marked(out: Node, place: Structural) -> Node:
    out.default = place.raw.get("default")
    return out
