"""Private keys: ECDSA on P-256, which are made in no time and which every client understands."""

from typing import TYPE_CHECKING

from miniplane.ids import Ids

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""How many points the curve has (FIPS 186-4, D.1.2.3)."""


def make(ids: Ids) -> "ec.EllipticCurvePrivateKey":
    """A key that nobody can guess, unless `ids` has a seed."""
    from cryptography.hazmat.primitives.asymmetric import ec

    # 8 bytes more than the number has, so that all numbers are as likely (FIPS 186-4, B.4.1).
    number = int.from_bytes(ids.secret(40), "big") % (_ORDER - 1) + 1
    return ec.derive_private_key(number, ec.SECP256R1())


def pem(key: "ec.EllipticCurvePrivateKey") -> str:
    from cryptography.hazmat.primitives import serialization

    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()
