"""Secrets of type kubernetes.io/tls whose certificate cannot be read (`pkg/registry/core/secret`).

A server tries the pair as TLS would. Here only what can be told without a library for certificates
is told: whether there is PEM of the right kind at all.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

_NO_PEM = "tls: failed to find any PEM data in {} input"


def secret(obj: Mapping[str, Any]) -> list[str]:
    if obj.get("type") != "kubernetes.io/tls":
        return []
    data = obj.get("data") or {}
    for key, called in (("tls.crt", "certificate"), ("tls.key", "key")):
        if not _has_pem(data.get(key) or ""):
            return [_NO_PEM.format(called)]
    return []


_BLOCK = re.compile(rb"(?:^|\n)-----BEGIN ([^\n]*)-----\s*\n(.*?)-----END \1-----", re.DOTALL)


def _has_pem(value: str) -> bool:
    try:
        found = _BLOCK.search(base64.b64decode(value))
        return found is not None and bool(base64.b64decode(found[2].split(b"\n\n")[-1]))
    except (binascii.Error, ValueError):
        return False
