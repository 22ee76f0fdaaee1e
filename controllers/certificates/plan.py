"""What is to be done with a CertificateSigningRequest. Pure.

Follows `pkg/controller/certificates/{approver,signer,cleaner}`.
"""

import dataclasses

from miniplane.api.certificates import requests, signers
from miniplane.api.certificates.requests import Request
from miniplane.api.objects import Obj
from miniplane.clock import parse_time

HOUR = 3600.0
DECIDED = HOUR
"""How long a request stays that has been issued, denied or failed, in seconds."""
PENDING = 24 * HOUR


@dataclasses.dataclass(frozen=True, slots=True)
class Sign:
    """Have the authority sign it."""

    request: Request
    usages: tuple[str, ...]
    seconds: int | None


@dataclasses.dataclass(frozen=True, slots=True)
class Fail:
    """Say why there will be no certificate."""

    message: str


def conditions(csr: Obj) -> dict[str, Obj]:
    """Those that are not untrue, by type."""
    found = (csr.get("status") or {}).get("conditions") or ()
    return {c["type"]: c for c in found if c.get("status", "True") == "True"}


def certificate(csr: Obj) -> str:
    return (csr.get("status") or {}).get("certificate") or ""


def sign(csr: Obj) -> Sign | Fail | None:
    """What comes of a request for one of the cluster's own signers; None for nothing, or not yet.

    ValueError for one that cannot be read.
    """
    has, spec = conditions(csr), csr["spec"]
    if certificate(csr) or "Approved" not in has or "Denied" in has or "Failed" in has:
        return None
    usages = tuple(spec.get("usages") or ())
    request = requests.decode(spec["request"])
    problem = signers.problem(spec["signerName"], request, usages)
    if problem is None:
        return None
    return Fail(problem) if problem else Sign(request, usages, spec.get("expirationSeconds"))


def approvals(csr: Obj) -> list[tuple[str, str]]:
    """By which rights a kubelet's request is approved: each the subresource of
    certificatesigningrequests that the asker must be allowed to create, and what is said then."""
    has, spec = conditions(csr), csr["spec"]
    undecided = not certificate(csr) and "Approved" not in has and "Denied" not in has
    if not undecided or spec["signerName"] != signers.KUBELET_CLIENT:
        return []
    try:
        request = requests.decode(spec["request"])
    except ValueError:
        return []
    if signers.kubelet_client(request, spec.get("usages") or ()):
        return []
    ways = [("nodeclient", "Auto approving kubelet client certificate after SubjectAccessReview.")]
    if spec.get("username") == request.common_name:
        text = "Auto approving self kubelet client certificate after SubjectAccessReview."
        ways.insert(0, ("selfnodeclient", text))
    return ways


def outdated(csr: Obj, now: float) -> bool:
    """Whether a request has been there for long enough, or its certificate has run out."""
    found = conditions(csr)
    if not found:
        return now - parse_time(csr["metadata"]["creationTimestamp"]) > PENDING
    issued = certificate(csr)
    for kind, ends in (("Approved", bool(issued)), ("Denied", True), ("Failed", True)):
        updated = found.get(kind, {}).get("lastUpdateTime")
        if ends and updated and now - parse_time(updated) > DECIDED:
            return True
    if not issued or "Approved" not in found:
        return False
    expiry = requests.expiry(issued)
    return expiry is not None and now > expiry
