"""The Kubernetes protobuf encoding (`application/vnd.kubernetes.protobuf`), both ways.

A body is the four bytes `k8s\\0` and a `runtime.Unknown` message that names the object's version
and kind and carries its bytes
(https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding).
"""

from miniplane.api.protobuf.envelope import (
    MAGIC,
    enclosed,
    encode,
    encode_message,
    envelope,
    event_type,
    frame,
    item,
    items,
    list_frame,
    partial,
)
from miniplane.api.protobuf.objects import decode, decode_message

__all__ = [
    "MAGIC",
    "decode",
    "decode_message",
    "enclosed",
    "encode",
    "encode_message",
    "envelope",
    "event_type",
    "frame",
    "item",
    "items",
    "list_frame",
    "partial",
]
