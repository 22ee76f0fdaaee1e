"""Signed tokens: JSON Web Tokens (RFC 7519), after `pkg/serviceaccount/jwt.go`.

They are signed with ECDSA on P-256 (ES256), by a key that each cluster makes for itself with the
first token; what others need to check them is at `/openid/v1/jwks`.
"""

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING, Any

import orjson

from miniplane.ids import Ids
from miniplane.pki import keys

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

ALGORITHM = "ES256"
_HALF = 32
"""Bytes of either number in a signature."""


class Tokens:
    """Signs and reads tokens of one issuer, which is also the audience that they are for when
    nobody names another. The key is made with the first token."""

    def __init__(self, ids: Ids, issuer: str):
        self.issuer = issuer
        self._ids = ids
        self._key: ec.EllipticCurvePrivateKey | None = None
        self._header = b""
        self._read: dict[str, dict[str, Any]] = {}

    def sign(self, claims: dict[str, Any]) -> str:
        """A token with these claims and the issuer."""
        from cryptography.hazmat.primitives.asymmetric import utils

        key = self._signing_key()
        head = self._header + b"." + _encode({**claims, "iss": self.issuer})
        r, s = utils.decode_dss_signature(key.sign(head, _algorithm()))
        return (head + b"." + _base64(r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big"))).decode()

    def read(self, token: str) -> dict[str, Any] | None:
        """The claims of a token, None for one that names another issuer or is no token at all.

        ValueError for a signature that is not this key's.
        """
        known = self._read.get(token)
        if known is not None:
            return known
        head, _, signature = token.encode(errors="replace").rpartition(b".")
        claims = _payload(head)
        if claims is None or claims.get("iss") != self.issuer:
            return None
        if not self._verifies(head, signature):
            raise ValueError("go-jose/go-jose: error in cryptographic primitive")
        # Whoever has a token shows it with every request.
        if len(self._read) >= _REMEMBERED:
            self._read.clear()
        self._read[token] = claims
        return claims

    def keys(self) -> dict[str, Any]:
        """The public key, as a JSON Web Key Set (RFC 7517)."""
        numbers = self._signing_key().public_key().public_numbers()
        key = {
            "use": "sig",
            "kty": "EC",
            "kid": self._key_id(),
            "crv": "P-256",
            "alg": ALGORITHM,
            "x": _base64(numbers.x.to_bytes(_HALF, "big")).decode(),
            "y": _base64(numbers.y.to_bytes(_HALF, "big")).decode(),
        }
        return {"keys": [key]}

    def _signing_key(self) -> "ec.EllipticCurvePrivateKey":
        if self._key is None:
            self._key = keys.make(self._ids.fork("tokens"))
            self._header = _encode({"alg": ALGORITHM, "kid": self._key_id()})
        return self._key

    def _key_id(self) -> str:
        from cryptography.hazmat.primitives import serialization

        public = self._signing_key().public_key()
        der = public.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return _base64(hashlib.sha256(der).digest()).decode()

    def _verifies(self, head: bytes, signature: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric import utils

        key = self._signing_key()
        try:
            raw = _decode(signature)
        except (ValueError, binascii.Error):
            return False
        if len(raw) != 2 * _HALF or head.partition(b".")[0] != self._header:
            return False
        r, s = (int.from_bytes(half, "big") for half in (raw[:_HALF], raw[_HALF:]))
        try:
            key.public_key().verify(utils.encode_dss_signature(r, s), head, _algorithm())
        except InvalidSignature:
            return False
        return True


_REMEMBERED = 1000


def _algorithm() -> "ec.ECDSA":
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.ECDSA(hashes.SHA256(), deterministic_signing=True)


def _base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _decode(text: bytes) -> bytes:
    return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))


def _encode(value: dict[str, Any]) -> bytes:
    return _base64(orjson.dumps(value, option=orjson.OPT_SORT_KEYS))


def _payload(head: bytes) -> dict[str, Any] | None:
    parts = head.split(b".")
    if len(parts) != 2:
        return None
    try:
        claims = orjson.loads(_decode(parts[1]))
    except (ValueError, binascii.Error):
        return None
    return claims if isinstance(claims, dict) else None
