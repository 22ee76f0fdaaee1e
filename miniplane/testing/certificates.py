"""Certificate signing requests, for tests of what comes of them."""

import base64
import ipaddress
from collections.abc import Sequence
from typing import Any

from miniplane.api.certificates.signers import API_SERVER_CLIENT
from miniplane.api.objects import Obj
from miniplane.ids import Ids
from miniplane.pki import keys


def request(
    common_name: str,
    *organizations: str,
    names: Sequence[str] = (),
    key: Any = None,
) -> str:
    """A PKCS#10 request in PEM. `names` are host names, addresses, URIs and mail addresses; the key
    is a certain one unless given (`keys.make`)."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.x509.oid import NameOID

    subject = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name) for name in organizations]
    if common_name:
        subject.append(x509.NameAttribute(NameOID.COMMON_NAME, common_name))
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    if names:
        found = x509.SubjectAlternativeName([_general_name(name) for name in names])
        builder = builder.add_extension(found, critical=False)
    signed = builder.sign(key or keys.make(Ids(0)), hashes.SHA256(), ecdsa_deterministic=True)
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def _general_name(name: str) -> Any:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    if "://" in name:
        return x509.UniformResourceIdentifier(name)
    return x509.RFC822Name(name) if "@" in name else x509.DNSName(name)


def signing_request(
    name: str,
    pem: str,
    *,
    signer: str = API_SERVER_CLIENT,
    usages: Sequence[str] = ("client auth",),
    **spec: Any,
) -> Obj:
    """A CertificateSigningRequest for a request in PEM."""
    encoded = base64.b64encode(pem.encode()).decode()
    spec = {"request": encoded, "signerName": signer, "usages": list(usages), **spec}
    return {"metadata": {"name": name}, "spec": spec}


APPROVED: Obj = {"type": "Approved", "status": "True", "reason": "Tested", "message": "yes"}
