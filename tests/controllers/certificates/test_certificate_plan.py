"""What is done with signing requests, as a table."""

import base64

import pytest

from miniplane.api.certificates import signers
from miniplane.clock import VirtualClock, format_time
from miniplane.controllers.certificates import plan
from miniplane.ids import Ids
from miniplane.pki.authority import Authority
from miniplane.testing import certificates
from miniplane.testing.certificates import APPROVED

NOW = 1_800_000_000.0
CLIENT = ("digital signature", "client auth")
SERVER = ("digital signature", "key encipherment", "server auth")


def csr(pem, *conditions, certificate="", username="", age=0.0, **options):
    obj = certificates.signing_request("r", pem, **options)
    obj["metadata"]["creationTimestamp"] = format_time(NOW - age)
    obj["spec"]["username"] = username
    status = {"conditions": list(conditions)}
    if certificate:
        status["certificate"] = base64.b64encode(certificate.encode()).decode()
    return {**obj, "status": status}


JANE = certificates.request("jane", "devs")
NODE = certificates.request("system:node:a", "system:nodes")
DENIED = {"type": "Denied", "status": "True"}
FAILED = {"type": "Failed", "status": "True"}


def test_a_request_is_signed_once_it_is_approved():
    assert plan.sign(csr(JANE)) is None
    assert plan.sign(csr(JANE, DENIED)) is None
    assert plan.sign(csr(JANE, APPROVED, FAILED)) is None
    assert plan.sign(csr(JANE, APPROVED, certificate="there")) is None
    assert plan.sign(csr(JANE, APPROVED, signer="example.com/mine")) is None
    signed = plan.sign(csr(JANE, APPROVED, expirationSeconds=600))
    assert isinstance(signed, plan.Sign)
    assert (signed.request.common_name, signed.usages, signed.seconds) == (
        "jane",
        ("client auth",),
        600,
    )


def test_what_cannot_be_read_is_an_error():
    with pytest.raises(ValueError, match="PEM block type must be CERTIFICATE REQUEST"):
        plan.sign(csr("nothing", APPROVED))


@pytest.mark.parametrize(
    ("signer", "usages", "pem", "message"),
    [
        (
            signers.API_SERVER_CLIENT,
            ("client auth", "server auth"),
            JANE,
            "invalid usage for client certificate: server auth",
        ),
        (
            signers.API_SERVER_CLIENT,
            ("digital signature",),
            JANE,
            "missing required usage for client certificate: client auth",
        ),
        (signers.KUBELET_CLIENT, CLIENT, JANE, "subject organization is not system:nodes"),
        (
            signers.KUBELET_CLIENT,
            CLIENT,
            certificates.request("a", "system:nodes"),
            "subject common name does not begin with system:node:",
        ),
        (
            signers.KUBELET_CLIENT,
            CLIENT,
            certificates.request("system:node:a", "system:nodes", names=["a.b"]),
            "DNS subjectAltNames are not allowed",
        ),
        (
            signers.KUBELET_CLIENT,
            SERVER,
            NODE,
            "usages did not match [client auth digital signature key encipherment]",
        ),
        (signers.KUBELET_SERVING, SERVER, NODE, "DNS or IP subjectAltName is required"),
        (
            signers.KUBELET_SERVING,
            SERVER,
            certificates.request("system:node:a", "system:nodes", names=["a.b", "x://y"]),
            "URI subjectAltNames are not allowed",
        ),
    ],
)
def test_what_signers_refuse(signer, usages, pem, message):
    wanted = plan.sign(csr(pem, APPROVED, signer=signer, usages=usages))
    assert wanted == plan.Fail(message)


def test_what_kubelets_get():
    client = csr(NODE, APPROVED, signer=signers.KUBELET_CLIENT, usages=CLIENT)
    assert isinstance(plan.sign(client), plan.Sign)
    pem = certificates.request("system:node:a", "system:nodes", names=["a.b", "10.0.0.1"])
    serving = csr(pem, APPROVED, signer=signers.KUBELET_SERVING, usages=SERVER)
    assert isinstance(plan.sign(serving), plan.Sign)


def test_by_which_rights_a_kubelet_is_approved():
    def ways(*conditions, pem=NODE, **options):
        asked = csr(pem, *conditions, signer=signers.KUBELET_CLIENT, usages=CLIENT, **options)
        return [subresource for subresource, _ in plan.approvals(asked)]

    assert ways() == ["nodeclient"]
    assert ways(username="system:node:a") == ["selfnodeclient", "nodeclient"]
    assert ways(APPROVED) == ways(DENIED) == ways(pem=JANE) == ways(certificate="x") == []
    assert plan.approvals(csr(NODE, usages=CLIENT)) == []


@pytest.mark.parametrize(
    ("condition", "certificate", "age", "outdated"),
    [
        ("", "", 24, False),
        ("", "", 24.1, True),
        ("Approved", "", 48, False),
        ("Approved", "issued", 1, False),
        ("Approved", "issued", 1.1, True),
        ("Denied", "", 1.1, True),
        ("Failed", "", 1.1, True),
        ("Failed", "", 0.9, False),
    ],
)
def test_when_a_request_is_removed(condition, certificate, age, outdated):
    updated = format_time(NOW - age * plan.HOUR)
    found = [{"type": condition, "status": "True", "lastUpdateTime": updated}] if condition else []
    asked = csr(JANE, *found, certificate=certificate, age=age * plan.HOUR)
    assert plan.outdated(asked, NOW) is outdated


def test_a_certificate_that_has_run_out_takes_its_request_along():
    clock = VirtualClock()
    wanted = plan.sign(csr(JANE, APPROVED))
    assert isinstance(wanted, plan.Sign)
    pem = Authority(Ids(0), clock).sign(wanted.request, wanted.usages, 600)
    fresh = {**APPROVED, "lastUpdateTime": format_time(clock.time() + 590)}
    asked = csr(JANE, fresh, certificate=pem)
    assert not plan.outdated(asked, clock.time() + 600)
    assert plan.outdated(asked, clock.time() + 601)
