"""Discovery documents in protobuf: the few messages of meta/v1 that they are made of.

Field numbers as in apimachinery's `pkg/apis/meta/v1/generated.proto`.
"""

from typing import Any

from miniplane.api.objects import Obj

_MAGIC = b"k8s\0"

_Field = tuple[int, Any]
"""Number and type of a field: `str`, `bool`, or the fields of a message."""

_VERBS: dict[str, _Field] = {"items": (1, str)}
_ADDRESS: dict[str, _Field] = {"clientCIDR": (1, str), "serverAddress": (2, str)}
_VERSION: dict[str, _Field] = {"groupVersion": (1, str), "version": (2, str)}
_GROUP: dict[str, _Field] = {
    "name": (1, str),
    "versions": (2, _VERSION),
    "preferredVersion": (3, _VERSION),
    "serverAddressByClientCIDRs": (4, _ADDRESS),
}
_RESOURCE: dict[str, _Field] = {
    "name": (1, str),
    "namespaced": (2, bool),
    "kind": (3, str),
    "verbs": (4, _VERBS),
    "shortNames": (5, str),
    "singularName": (6, str),
    "categories": (7, str),
    "group": (8, str),
    "version": (9, str),
    "storageVersionHash": (10, str),
}

_DOCUMENTS: dict[str, dict[str, _Field]] = {
    "APIVersions": {"versions": (1, str), "serverAddressByClientCIDRs": (2, _ADDRESS)},
    "APIGroupList": {"groups": (1, _GROUP)},
    "APIGroup": _GROUP,
    "APIResourceList": {"groupVersion": (1, str), "resources": (2, _RESOURCE)},
}


def encode(document: Obj) -> bytes:
    """One of the documents above, in the envelope that names its version and kind."""
    kind = document["kind"]
    type_meta = _bytes(1, document.get("apiVersion", "").encode()) + _bytes(2, kind.encode())
    message = _message(document, _DOCUMENTS[kind])
    return _MAGIC + _bytes(1, type_meta) + _bytes(2, message) + _bytes(3, b"") + _bytes(4, b"")


def _message(value: Obj, fields: dict[str, _Field]) -> bytes:
    if fields is _VERBS:
        value = {"items": value}  # JSON has the list alone
    out = bytearray()
    for name, (number, kind) in fields.items():
        found = value.get(name)
        many = found if isinstance(found, list) and kind is not _VERBS else [found]
        for item in many:
            if item is None:
                # Go writes the empty value of everything that is not a list.
                if kind is str and name not in ("shortNames", "categories"):
                    out += _bytes(number, b"")
            elif kind is str:
                out += _bytes(number, item.encode())
            elif kind is bool:
                out += bytes((number << 3, int(item)))
            else:
                out += _bytes(number, _message(item, kind))
    return bytes(out)


def _bytes(number: int, content: bytes) -> bytes:
    return bytes((number << 3 | 2,)) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
