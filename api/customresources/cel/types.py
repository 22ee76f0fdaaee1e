"""The types that a schema gives to `self`, so that rules can be checked before anything is stored.

Objects become messages of a descriptor pool that exists for this purpose only; at run time, objects
are maps. After `SchemaDeclType` in apiserver's `pkg/cel/common/schemas.go`. A message cannot have
fields that are lists of lists, or maps to lists or maps: those are `dyn`, and what is done with
their items is only seen at run time.
"""

import functools
from typing import Any

from cel_expr_python import cel
from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    struct_pb2,
    timestamp_pb2,
)

from miniplane.api.customresources.cel import library, values
from miniplane.api.customresources.cel.names import escape
from miniplane.api.customresources.structural import Structural

Field = descriptor_pb2.FieldDescriptorProto

PACKAGE = "self"
WELL_KNOWN = (duration_pb2, struct_pb2, timestamp_pb2)
_DYN = (Field.TYPE_MESSAGE, ".google.protobuf.Value")
_SCALARS = {
    "string": (Field.TYPE_STRING, ""),
    "boolean": (Field.TYPE_BOOL, ""),
    "integer": (Field.TYPE_INT64, ""),
    "number": (Field.TYPE_DOUBLE, ""),
}
_FORMATS = {
    "byte": (Field.TYPE_BYTES, ""),
    "duration": (Field.TYPE_MESSAGE, ".google.protobuf.Duration"),
    "date": (Field.TYPE_MESSAGE, ".google.protobuf.Timestamp"),
    "date-time": (Field.TYPE_MESSAGE, ".google.protobuf.Timestamp"),
}
_PLAIN = {"string": "STRING", "boolean": "BOOL", "integer": "INT", "number": "DOUBLE"}
_PLAIN_FORMATS = {
    "byte": "BYTES",
    "duration": "DURATION",
    "date": "TIMESTAMP",
    "date-time": "TIMESTAMP",
}


@functools.cache
def added_types() -> bytes:
    added = descriptor_pb2.FileDescriptorProto(
        name=f"{library.PACKAGE}.proto", package=library.PACKAGE, syntax="proto2"
    )
    for name in library.TYPES:
        added.message_type.add(name=name)
    return added.SerializeToString()


def _camel(name: str) -> str:
    """A field's name as protobuf wants it in the name of a map's entries."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


class Declared:
    """The type of one place: `pool` holds the messages that `type` refers to."""

    def __init__(self, place: Structural, *, root: bool):
        self._file = descriptor_pb2.FileDescriptorProto(
            name=f"{PACKAGE}.proto", package=PACKAGE, syntax="proto2"
        )
        for module in WELL_KNOWN:
            self._file.dependency.append(module.DESCRIPTOR.name)
        self.type: Any = self._type(place, root=root)
        self.pool = descriptor_pool.DescriptorPool()
        for module in WELL_KNOWN:
            self.pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
        self.pool.AddSerializedFile(added_types())
        self.file: bytes = self._file.SerializeToString()
        """The file that these messages stand in, for pools that hold more."""
        self.pool.AddSerializedFile(self.file)

    def _type(self, place: Structural, *, root: bool) -> Any:
        if place.int_or_string or not values.is_exposed(place):
            return cel.Type.DYN
        if place.type == "array":
            assert place.items is not None
            return cel.Type.List(self._type(place.items, root=place.items.embedded))
        if place.type == "object":
            if place.additional is not None:
                inner = self._type(place.additional, root=place.additional.embedded)
                return cel.Type.Map(cel.Type.STRING, inner)
            return cel.Type(self._message(place, root=root).removeprefix("."))
        form = place.raw.get("format") or "" if place.type == "string" else ""
        return getattr(cel.Type, _PLAIN_FORMATS.get(form, _PLAIN[place.type]))

    def _message(self, place: Structural, *, root: bool) -> str:
        """The full name of an object's message."""
        name = f"Object{len(self._file.message_type)}"
        index = len(self._file.message_type)
        added = self._file.message_type.add(name=name)
        added.options.deprecated_legacy_json_field_conflicts = True
        known = {
            identifier: inner
            for field, inner in values.fields(place, root=root).items()
            if (identifier := escape(field)) is not None and values.is_exposed(inner)
        }
        taken = dict.fromkeys(known)
        for number, (identifier, inner) in enumerate(known.items(), 1):
            kind, type_name, repeated = self._field(index, identifier, inner, taken)
            # Only now: what was added for the field has moved this message in memory.
            self._file.message_type[index].field.add(
                name=identifier,
                number=number,
                json_name=f"f{number}",
                type=kind,
                type_name=type_name or None,
                label=Field.LABEL_REPEATED if repeated else Field.LABEL_OPTIONAL,
            )
        return f".{PACKAGE}.{name}"

    def _field(
        self, message: int, name: str, place: Structural, taken: dict[str, None]
    ) -> tuple[Any, str, bool]:
        """Type, name of the type, and whether there are many. `taken` are names in the message."""
        if place.type == "array" and not place.int_or_string:
            assert place.items is not None
            return (*self._item(place.items), True)
        if place.type == "object" and place.additional is not None:
            entry = f"{_camel(name)}Entry"
            if entry in taken:
                return (*_DYN, False)
            taken[entry] = None
            kind, type_name = self._item(place.additional)
            parent = self._file.message_type[message]
            added = parent.nested_type.add(name=entry)
            added.options.map_entry = True
            added.field.add(name="key", number=1, type=Field.TYPE_STRING, label=1)
            added.field.add(name="value", number=2, type=kind, type_name=type_name or None, label=1)
            return Field.TYPE_MESSAGE, f".{PACKAGE}.{parent.name}.{entry}", True
        return (*self._item(place), False)

    def _item(self, place: Structural) -> tuple[Any, str]:
        if place.int_or_string or place.type == "array":
            return _DYN
        if place.type == "object":
            if place.additional is not None:
                return _DYN
            return Field.TYPE_MESSAGE, self._message(place, root=place.embedded)
        form = place.raw.get("format") or "" if place.type == "string" else ""
        return _FORMATS.get(form, _SCALARS[place.type])
