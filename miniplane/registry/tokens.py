"""Signed tokens: JSON Web Tokens (RFC 7519) that this server, and only this server, can check.

They are signed with HMAC-SHA256 by a key that each cluster makes up for itself. A real server signs
with RSA, so that others can check its tokens with a public key; here nobody but the server has to,
TokenReview says whether a token is good, and no cryptography library has to be installed or loaded.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Any

import orjson

from miniplane.ids import Ids

ISSUER = "https://kubernetes.default.svc.cluster.local"
"""Who signs, and the audience that tokens are for when nobody names another."""


class Tokens:
    """Signs and reads tokens. The key is made with the first token."""

    def __init__(self, ids: Ids):
        self._ids = ids
        self._key = b""
        self._header = b""

    def sign(self, claims: dict[str, Any]) -> str:
        """A token with these claims and the issuer."""
        head = self._signing_header() + b"." + _encode({**claims, "iss": ISSUER})
        return (head + b"." + self._signature(head)).decode()

    def read(self, token: str) -> dict[str, Any] | None:
        """The claims of a token, None for one that names another issuer or is no token at all.

        ValueError for a signature that is not this key's.
        """
        head, _, signature = token.encode(errors="replace").rpartition(b".")
        claims = _payload(head)
        if claims is None or claims.get("iss") != ISSUER:
            return None
        self._signing_header()
        if not hmac.compare_digest(signature, self._signature(head)):
            raise ValueError("go-jose/go-jose: error in cryptographic primitive")
        return claims

    def _signing_header(self) -> bytes:
        if not self._key:
            self._key = bytes.fromhex(self._ids.fork("tokens").hex(64))
            name = base64.urlsafe_b64encode(hashlib.sha256(self._key).digest()).rstrip(b"=")
            self._header = _encode({"alg": "HS256", "kid": name.decode()})
        return self._header

    def _signature(self, head: bytes) -> bytes:
        digest = hmac.digest(self._key, head, "sha256")
        return base64.urlsafe_b64encode(digest).rstrip(b"=")


def _encode(value: dict[str, Any]) -> bytes:
    return base64.urlsafe_b64encode(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).rstrip(b"=")


def _payload(head: bytes) -> dict[str, Any] | None:
    parts = head.split(b".")
    if len(parts) != 2:
        return None
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(parts[1] + b"=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error):
        return None
    return claims if isinstance(claims, dict) else None
