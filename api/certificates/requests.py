"""PKCS#10 certificate signing requests, read.

Follows `pkg/apis/certificates/helpers.go`: PEM with one block that is a certificate request.
"""

import base64
import binascii
import dataclasses
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509

_BLOCK = re.compile(rb"-----BEGIN ([^\r\n-]+)-----\r?\n(.*?)-----END \1-----", re.DOTALL)
_TYPE = b"CERTIFICATE REQUEST"


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """What somebody wants to have certified. Names are in the order of the request."""

    common_name: str
    organizations: tuple[str, ...]
    dns_names: tuple[str, ...]
    addresses: tuple[str, ...]
    emails: tuple[str, ...]
    uris: tuple[str, ...]
    raw: "x509.CertificateSigningRequest"


def decode(encoded: str) -> Request:
    """The request in a `spec.request`: PEM in base64. ValueError, worded as Go words it."""
    try:
        pem = base64.b64decode(encoded)
    except (binascii.Error, ValueError):
        pem = b""
    return parse(pem)


def parse(pem: bytes) -> Request:
    """The request in a PEM file. ValueError, worded as Go words it."""
    block = _BLOCK.search(pem)
    if block is None or block[1] != _TYPE:
        raise ValueError("PEM block type must be CERTIFICATE REQUEST")
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    try:
        raw = x509.load_der_x509_csr(base64.b64decode(block[2]))
        # The last of several common names counts, as in Go's `pkix.Name`.
        names = [_text(a) for a in raw.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        groups = [_text(a) for a in raw.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
        try:
            others = raw.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            others = x509.SubjectAlternativeName([])
        return Request(
            common_name=names[-1] if names else "",
            organizations=tuple(groups),
            dns_names=tuple(others.get_values_for_type(x509.DNSName)),
            addresses=tuple(map(str, others.get_values_for_type(x509.IPAddress))),
            emails=tuple(others.get_values_for_type(x509.RFC822Name)),
            uris=tuple(others.get_values_for_type(x509.UniformResourceIdentifier)),
            raw=raw,
        )
    except (ValueError, TypeError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        raise ValueError("asn1: structure error: malformed certificate request") from None


def _text(attribute: "x509.NameAttribute[str | bytes]") -> str:
    value = attribute.value
    return value if isinstance(value, str) else value.decode(errors="replace")


def check_signature(request: Request) -> None:
    """ValueError, worded as Go words it, where the asker does not hold the key that he names."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    try:
        if request.raw.is_signature_valid:
            return
        key = request.raw.public_key()
    except (ValueError, UnsupportedAlgorithm):
        text = "x509: cannot verify signature: algorithm unimplemented"
        raise ValueError(text) from None
    if isinstance(key, rsa.RSAPublicKey):
        raise ValueError("crypto/rsa: verification error")
    if isinstance(key, ec.EllipticCurvePublicKey):
        raise ValueError("x509: ECDSA verification failure")
    if isinstance(key, ed25519.Ed25519PublicKey):
        raise ValueError("x509: Ed25519 verification failure")
    raise ValueError("x509: cannot verify signature: algorithm unimplemented")


def check_certificate(encoded: str) -> None:
    """ValueError where a `status.certificate` is not PEM of certificates alone."""
    try:
        pem = base64.b64decode(encoded)
    except (binascii.Error, ValueError):
        pem = b""
    blocks = list(_BLOCK.finditer(pem))
    if not blocks:
        raise ValueError("must contain at least one CERTIFICATE PEM block")
    from cryptography import x509

    for block in blocks:
        if block[1] != b"CERTIFICATE":
            kind = block[1].decode(errors="replace")
            raise ValueError(f'only CERTIFICATE PEM blocks are allowed, found "{kind}"')
        if b":" in block[2]:
            raise ValueError("no PEM block headers are permitted")
        try:
            x509.load_der_x509_certificate(base64.b64decode(block[2]))
        except ValueError:
            raise ValueError("x509: malformed certificate") from None


def expiry(encoded: str) -> float | None:
    """When the first certificate of a `status.certificate` runs out, in Unix seconds; None where
    there is none that can be read."""
    from cryptography import x509

    try:
        block = _BLOCK.search(base64.b64decode(encoded))
        if block is None:
            return None
        found = x509.load_der_x509_certificate(base64.b64decode(block[2]))
    except (binascii.Error, ValueError):
        return None
    return found.not_valid_after_utc.timestamp()
