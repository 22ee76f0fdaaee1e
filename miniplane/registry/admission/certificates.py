"""Who may have certificates approved and signed, and for whom there are none.

Follows `plugin/pkg/admission/certificates`. Rights on signers are rules on the resource `signers`,
by the signer's name or, for all of a domain, by `domain/*`.
"""

from miniplane.api import errors
from miniplane.api.certificates import requests, signers
from miniplane.api.rbac import MASTERS
from miniplane.api.rbac import Attributes as Asked
from miniplane.registry import authorization
from miniplane.registry.admission.attributes import Attributes

_PLURAL = "certificatesigningrequests"


def approval(attributes: Attributes) -> None:
    """CertificateApproval: only who may `approve` for the signer may approve, or deny."""
    if attributes.resource.plural != _PLURAL or attributes.subresource != "approval":
        return
    assert attributes.old is not None
    _check(attributes, "approve", attributes.old["spec"].get("signerName", ""))


def signing(attributes: Attributes) -> None:
    """CertificateSigning: only who may `sign` for the signer may hand in a certificate, or say why
    there is none."""
    if attributes.resource.plural != _PLURAL or attributes.subresource != "status":
        return
    assert attributes.old is not None
    new, old = attributes.obj.get("status") or {}, attributes.old.get("status") or {}
    if any(new.get(key) != old.get(key) for key in ("certificate", "conditions")):
        _check(attributes, "sign", attributes.old["spec"].get("signerName", ""))


def _check(attributes: Attributes, verb: str, signer: str) -> None:
    for name in (signer, f"{signer.partition('/')[0]}/*"):
        asked = Asked(verb, group=signers.GROUP, version="*", resource="signers", name=name)
        if authorization.decide(attributes.context, attributes.options.user, asked).allowed:
            return
    why = f'user not permitted to {verb} requests with signerName "{signer}"'
    raise errors.forbidden(attributes.resource, attributes.name, why)


def subject_restriction(attributes: Attributes) -> None:
    """CertificateSubjectRestriction: nobody becomes a member of `system:masters` in this way."""
    if attributes.resource.plural != _PLURAL or attributes.operation != "CREATE":
        return
    spec = attributes.obj["spec"]
    if spec.get("signerName") != signers.API_SERVER_CLIENT:
        return
    try:
        request = requests.decode(spec.get("request", ""))
    except ValueError as error:
        why = f"failed to parse CSR: {error}"
        raise errors.forbidden(attributes.resource, attributes.called, why) from None
    if MASTERS in request.organizations:
        why = f"use of {signers.API_SERVER_CLIENT} signer with {MASTERS} group is not allowed"
        raise errors.forbidden(attributes.resource, attributes.called, why)
