"""What the authority of a cluster signs."""

import datetime

import pytest
from cryptography import x509
from cryptography.x509 import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store

from miniplane.api.certificates import requests
from miniplane.clock import VirtualClock
from miniplane.ids import Ids
from miniplane.pki.authority import LONGEST, Authority
from miniplane.testing import certificates

HOUR = 3600.0


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def authority(clock):
    return Authority(Ids(1), clock)


def load(pem):
    return x509.load_pem_x509_certificate(pem.encode())


def sign(authority, common_name="jane", *groups, usages=("client auth",), seconds=None, names=()):
    request = requests.parse(certificates.request(common_name, *groups, names=names).encode())
    return load(authority.sign(request, usages, seconds))


def test_it_is_made_with_the_first_certificate(authority):
    told = []
    authority.on_made(lambda: told.append(authority.certificate))
    assert not authority.made and not told
    sign(authority)
    assert authority.made
    assert told == [authority.certificate]


def test_a_seed_makes_the_same_again(clock):
    issued = []
    for seed in (1, 1, 2, None):
        authority = Authority(Ids(seed), clock)
        issued.append((authority.certificate, authority.issue("a", purpose="server auth")))
    assert issued[0] == issued[1]
    assert len({certificate for certificate, _ in issued}) == 3


def test_what_it_issues_is_verified_by_others(authority):
    shown = load(authority.issue("kube", purpose="server auth", names=["a.b", "::1"]).certificate)
    store = Store([load(authority.certificate)])
    moment = datetime.datetime(2090, 1, 1)
    policy = PolicyBuilder().store(store).time(moment)
    assert policy.build_server_verifier(x509.DNSName("a.b")).verify(shown, [])
    client = load(authority.issue("jane", organizations=["x"], purpose="client auth").certificate)
    purposes = client.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert client.subject.rfc4514_string() == "CN=jane,O=x"
    client.verify_directly_issued_by(load(authority.certificate))


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (None, LONGEST - 300),
        (2 * LONGEST, LONGEST - 300),
        (24 * HOUR, 24 * HOUR - 300),
        (HOUR, HOUR),
        (1, 600),
    ],
)
def test_how_long_a_certificate_is_good(authority, clock, asked, given):
    signed = sign(authority, seconds=asked)
    assert signed.not_valid_before_utc.timestamp() == clock.time() - 300
    assert signed.not_valid_after_utc.timestamp() == clock.time() + given


def test_names_and_usages_are_those_asked_for(authority):
    names = ["node-1", "10.0.0.1", "spiffe://a/b", "a@b.c"]
    usages = ("server auth", "digital signature", "client auth", "decipher only")
    signed = sign(authority, "system:node:a", "system:nodes", usages=usages, names=names)
    assert signed.subject.rfc4514_string() == "CN=system:node:a,O=system:nodes"
    found = signed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert found.get_values_for_type(x509.DNSName) == ["node-1"]
    assert [str(a) for a in found.get_values_for_type(x509.IPAddress)] == ["10.0.0.1"]
    purposes = signed.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    usage = signed.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature and not usage.key_agreement and not usage.key_cert_sign
    assert not signed.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_what_it_does_not_sign(authority):
    with pytest.raises(ValueError, match=r'unrecognized usage values: \["flying"\]'):
        sign(authority, usages=("client auth", "flying"))
