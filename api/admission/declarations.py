"""The types that `request`, `namespaceObject` and `authorizer` have when expressions are checked.

After `BuildRequestType` and `BuildNamespaceType` of apiserver's `pkg/admission/plugin/cel`, and
`pkg/cel/library/authz.go`. They are messages of a descriptor pool that exists for this purpose
only; at run time all of them are maps.
"""

import functools
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, duration_pb2, struct_pb2, timestamp_pb2

from miniplane.api.customresources.cel import types

Field = descriptor_pb2.FieldDescriptorProto
PACKAGE = "kubernetes"

_TEXT, _BOOL, _INT, _ANY, _TIME = "text", "bool", "int", "any", "time"
_TEXTS = "[text"
_SCALARS = {
    _TEXT: (Field.TYPE_STRING, None),
    _BOOL: (Field.TYPE_BOOL, None),
    _INT: (Field.TYPE_INT64, None),
    _ANY: (Field.TYPE_MESSAGE, ".google.protobuf.Value"),
    _TIME: (Field.TYPE_MESSAGE, ".google.protobuf.Timestamp"),
}

_KIND = {"group": _TEXT, "version": _TEXT, "kind": _TEXT}
_MESSAGES: dict[str, dict[str, str]] = {
    "variables": {},
    "GroupVersionKind": _KIND,
    "GroupVersionResource": {"group": _TEXT, "version": _TEXT, "resource": _TEXT},
    "UserInfo": {"username": _TEXT, "uid": _TEXT, "groups": _TEXTS, "extra": "any"},
    "AdmissionRequest": {
        "kind": "GroupVersionKind",
        "resource": "GroupVersionResource",
        "subResource": _TEXT,
        "requestKind": "GroupVersionKind",
        "requestResource": "GroupVersionResource",
        "requestSubResource": _TEXT,
        "name": _TEXT,
        "namespace": _TEXT,
        "operation": _TEXT,
        "userInfo": "UserInfo",
        "dryRun": _BOOL,
        "options": _ANY,
    },
    "NamespaceSpec": {"finalizers": _TEXTS},
    "NamespaceCondition": {
        "status": _TEXT,
        "type": _TEXT,
        "lastTransitionTime": _TIME,
        "message": _TEXT,
        "reason": _TEXT,
    },
    "NamespaceStatus": {"conditions": "[NamespaceCondition", "phase": _TEXT},
    "NamespaceMetadata": {
        "name": _TEXT,
        "generateName": _TEXT,
        "namespace": _TEXT,
        "labels": "{text",
        "annotations": "{text",
        "UID": _TEXT,
        "creationTimestamp": _TIME,
        "deletionGracePeriodSeconds": _INT,
        "deletionTimestamp": _TIME,
        "generation": _INT,
        "resourceVersion": _TEXT,
        "finalizers": _TEXTS,
    },
    "Namespace": {
        "metadata": "NamespaceMetadata",
        "spec": "NamespaceSpec",
        "status": "NamespaceStatus",
    },
    "Authorizer": {},
    "PathCheck": {},
    "GroupCheck": {},
    "ResourceCheck": {},
    "Decision": {},
}


def name(message: str) -> str:
    """The full name of a message."""
    return f"{PACKAGE}.{message}"


@functools.cache
def _file() -> bytes:
    file = descriptor_pb2.FileDescriptorProto(
        name="admission.proto", package=PACKAGE, syntax="proto2"
    )
    for module in types.WELL_KNOWN:
        file.dependency.append(module.DESCRIPTOR.name)
    for message, fields in _MESSAGES.items():
        added = file.message_type.add(name=message)
        for number, (field, kind) in enumerate(fields.items(), 1):
            form, inner = kind[:1], kind.lstrip("[{")
            known: tuple[Any, str | None] = _SCALARS.get(
                inner, (Field.TYPE_MESSAGE, f".{PACKAGE}.{inner}")
            )
            label = Field.LABEL_REPEATED if form in "[{" else Field.LABEL_OPTIONAL
            if form == "{":
                entry = added.nested_type.add(name=f"{field[:1].upper()}{field[1:]}Entry")
                entry.options.map_entry = True
                text = Field.TYPE_STRING
                entry.field.add(name="key", number=1, type=text, label=Field.LABEL_OPTIONAL)
                entry.field.add(name="value", number=2, type=text, label=Field.LABEL_OPTIONAL)
                known = (Field.TYPE_MESSAGE, f".{PACKAGE}.{message}.{entry.name}")
            added.field.add(
                name=field, number=number, type=known[0], type_name=known[1], label=label
            )
    return file.SerializeToString()


def pool(own: bytes = b"") -> Any:
    """A descriptor pool with these types; `own` is one more file, serialized."""
    found = descriptor_pool.DescriptorPool()
    for module in (duration_pb2, struct_pb2, timestamp_pb2):
        found.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    found.AddSerializedFile(types.added_types())
    found.AddSerializedFile(_file())
    if own:
        found.AddSerializedFile(own)
    return found
