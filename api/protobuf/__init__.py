"""The Kubernetes protobuf encoding, as clients send it (`application/vnd.kubernetes.protobuf`).

A body is the four bytes `k8s\\0` and a `runtime.Unknown` message that names the object's version
and kind and carries its bytes
(https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding). Only reading is
needed: a server may answer in JSON whatever it was sent.
"""

from miniplane.api.protobuf.objects import MAGIC, decode, decode_message

__all__ = ["MAGIC", "decode", "decode_message"]
