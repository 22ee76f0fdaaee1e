"""The certificate authority of a cluster.

Signs what the server itself shows and what CertificateSigningRequests ask for, the latter after
`pkg/controller/certificates/authority`.
"""

import dataclasses
import datetime
import ipaddress
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from miniplane.api.certificates.requests import Request, check_signature
from miniplane.clock import Clock
from miniplane.ids import Ids
from miniplane.pki import keys

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

NAME = "kubernetes"
_FROM = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
_UNTIL = datetime.datetime(2120, 1, 1, tzinfo=datetime.UTC)
"""What the cluster signs for itself is good whatever the time is: a test's clock is not its
client's."""

LONGEST = 365 * 24 * 3600.0
"""kube-controller-manager's --cluster-signing-duration, in seconds."""
_SHORTEST = 600.0
_BACKDATED = 300.0
_SHORT = 8 * 3600.0
"""A certificate that is good for less is not cut at its end for being good a moment ago."""

_KEY_USAGES = {
    "signing": "digital_signature",
    "digital signature": "digital_signature",
    "content commitment": "content_commitment",
    "key encipherment": "key_encipherment",
    "key agreement": "key_agreement",
    "data encipherment": "data_encipherment",
    "cert sign": "key_cert_sign",
    "crl sign": "crl_sign",
    "encipher only": "encipher_only",
    "decipher only": "decipher_only",
}
_PURPOSES = {
    "any": "2.5.29.37.0",
    "server auth": "1.3.6.1.5.5.7.3.1",
    "client auth": "1.3.6.1.5.5.7.3.2",
    "code signing": "1.3.6.1.5.5.7.3.3",
    "email protection": "1.3.6.1.5.5.7.3.4",
    "s/mime": "1.3.6.1.5.5.7.3.4",
    "ipsec end system": "1.3.6.1.5.5.7.3.5",
    "ipsec tunnel": "1.3.6.1.5.5.7.3.6",
    "ipsec user": "1.3.6.1.5.5.7.3.7",
    "timestamping": "1.3.6.1.5.5.7.3.8",
    "ocsp signing": "1.3.6.1.5.5.7.3.9",
    "microsoft sgc": "1.3.6.1.4.1.311.10.3.3",
    "netscape sgc": "2.16.840.1.113730.4.1",
}
"""The words of `KeyUsage` in certificates.k8s.io, in the order of Go's `x509.ExtKeyUsage`."""


@dataclasses.dataclass(frozen=True, slots=True)
class Credentials:
    """A certificate and its key, in PEM."""

    certificate: str
    key: str = dataclasses.field(repr=False)


class Authority:
    """Made with the first certificate that somebody wants of it."""

    def __init__(self, ids: Ids, clock: Clock):
        self._ids = ids
        self._clock = clock
        self._pair: tuple[ec.EllipticCurvePrivateKey, x509.Certificate] | None = None
        self._told: list[Callable[[], object]] = []

    @property
    def made(self) -> bool:
        return self._pair is not None

    def on_made(self, tell: Callable[[], object]) -> None:
        """Call `tell` when the authority is made; it is told nothing if that has been before."""
        self._told.append(tell)

    @property
    def certificate(self) -> str:
        """The authority's own certificate, in PEM."""
        return _pem(self._own()[1])

    def issue(
        self,
        common_name: str,
        *,
        purpose: str,
        organizations: Sequence[str] = (),
        names: Sequence[str] = (),
    ) -> Credentials:
        """A certificate that does not run out, with a new key. `purpose` is `server auth` or
        `client auth`; `names` are host names and addresses."""
        from cryptography import x509
        from cryptography.x509.oid import NameOID

        key = keys.make(self._ids)
        subject = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name) for name in organizations]
        subject.append(x509.NameAttribute(NameOID.COMMON_NAME, common_name))
        builder = self._builder(x509.Name(subject), key.public_key(), _FROM, _UNTIL)
        if names:
            alternative = x509.SubjectAlternativeName([_general_name(name) for name in names])
            builder = builder.add_extension(alternative, critical=False)
        usages = ("digital signature", "key encipherment", purpose)
        return Credentials(_pem(self._signed(_with_usages(builder, usages))), keys.pem(key))

    def sign(self, request: Request, usages: Sequence[str], seconds: float | None) -> str:
        """A certificate, in PEM, for what a CertificateSigningRequest asks for.

        `seconds` is for how long it wants to be good. ValueError for a signature or a usage that
        cannot be taken.
        """
        check_signature(request)
        unknown = [usage for usage in usages if usage not in _KEY_USAGES | _PURPOSES]
        if unknown:
            quoted = " ".join(f'"{usage}"' for usage in unknown)
            raise ValueError(f"unrecognized usage values: [{quoted}]")
        now = self._clock.time()
        length = LONGEST if seconds is None else min(max(seconds, _SHORTEST), LONGEST)
        end = now + length if length < _SHORT else now + length - _BACKDATED
        start, until = _moment(now - _BACKDATED), min(_moment(end), _UNTIL)
        raw = request.raw
        builder = self._builder(raw.subject, raw.public_key(), start, until)
        names = _alternative_names(raw)
        if names is not None:
            builder = builder.add_extension(names, critical=not list(raw.subject))
        return _pem(self._signed(_with_usages(builder, usages)))

    def _own(self) -> "tuple[ec.EllipticCurvePrivateKey, x509.Certificate]":
        if self._pair is None:
            from cryptography import x509
            from cryptography.x509.oid import NameOID

            key = keys.make(self._ids)
            name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
            identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
            usages = ("digital signature", "key encipherment", "cert sign")
            builder = (
                x509.CertificateBuilder(name, name, key.public_key(), self._serial(), _FROM, _UNTIL)
                .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
                .add_extension(identifier, critical=False)
            )
            self._pair = key, _sign(_with_usages(builder, usages), key)
            for tell in self._told:
                tell()
        return self._pair

    def _builder(
        self, subject: "x509.Name", key: Any, start: datetime.datetime, end: datetime.datetime
    ) -> "x509.CertificateBuilder":
        from cryptography import x509

        _, own = self._own()
        identifier = own.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        issuer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
        return (
            x509.CertificateBuilder(own.subject, subject, key, self._serial(), start, end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(issuer, critical=False)
        )

    def _signed(self, builder: "x509.CertificateBuilder") -> "x509.Certificate":
        return _sign(builder, self._own()[0])

    def _serial(self) -> int:
        return self._ids.integer(1, 2**127 - 1)


def _sign(
    builder: "x509.CertificateBuilder", key: "ec.EllipticCurvePrivateKey"
) -> "x509.Certificate":
    from cryptography.hazmat.primitives import hashes

    return builder.sign(key, hashes.SHA256(), ecdsa_deterministic=True)


def _with_usages(
    builder: "x509.CertificateBuilder", usages: Sequence[str]
) -> "x509.CertificateBuilder":
    from cryptography import x509

    flags = dict.fromkeys(_KEY_USAGES.values(), False)
    for usage in usages:
        if usage in _KEY_USAGES:
            flags[_KEY_USAGES[usage]] = True
    if not flags["key_agreement"]:
        # They say how a key is agreed upon, and mean nothing without that.
        flags["encipher_only"] = flags["decipher_only"] = False
    if any(flags.values()):
        builder = builder.add_extension(x509.KeyUsage(**flags), critical=True)
    purposes = dict.fromkeys(oid for word, oid in _PURPOSES.items() if word in usages)
    if purposes:
        found = x509.ExtendedKeyUsage([x509.ObjectIdentifier(oid) for oid in purposes])
        builder = builder.add_extension(found, critical=False)
    return builder


def _alternative_names(
    request: "x509.CertificateSigningRequest",
) -> "x509.SubjectAlternativeName | None":
    from cryptography import x509

    try:
        found = request.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return None
    kinds = (x509.DNSName, x509.RFC822Name, x509.IPAddress, x509.UniformResourceIdentifier)
    # All of a kind together, as Go writes them.
    names = [name for kind in kinds for name in found.value if isinstance(name, kind)]
    return x509.SubjectAlternativeName(names) if names else None


def _general_name(name: str) -> "x509.GeneralName":
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _moment(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds // 1, datetime.UTC)


def _pem(certificate: "x509.Certificate") -> str:
    from cryptography.hazmat.primitives import serialization

    return certificate.public_bytes(serialization.Encoding.PEM).decode()
