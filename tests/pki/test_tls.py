"""TLS contexts of PEM in memory."""

import ssl

import pytest

from miniplane.clock import VirtualClock
from miniplane.config import Config
from miniplane.ids import Ids
from miniplane.pki import tls
from miniplane.pki.authority import Authority
from miniplane.pki.serving import Serving


@pytest.fixture
def authority():
    return Authority(Ids(1), VirtualClock())


def handshake(server, client, name="127.0.0.1"):
    """The server's end of a connection that has been made. ssl.SSLError."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        server.wrap_bio(to_server, to_client, server_side=True),
        client.wrap_bio(to_client, to_server, server_hostname=name),
    ]
    waiting = list(ends)
    for _ in range(10):
        for end in list(waiting):
            try:
                end.do_handshake()
                waiting.remove(end)
            except ssl.SSLWantReadError:
                pass
    assert not waiting
    return ends[0]


def serving(authority, **settings):
    return Serving(authority, Config(https=True, **settings), endpoint="172.18.0.2")


@pytest.mark.parametrize(
    "name", ["127.0.0.1", "::1", "localhost", "kubernetes.default.svc", "10.96.0.1", "172.18.0.2"]
)
def test_the_server_is_known_by_all_its_names(authority, name):
    made = serving(authority)
    end = handshake(made.server, made.client(), name)
    subject = dict(part[0] for part in end.getpeercert()["subject"])
    assert subject == {
        "organizationName": "kubeadm:cluster-admins",
        "commonName": "kubernetes-admin",
    }
    assert end.selected_alpn_protocol() is None and end.version() == "TLSv1.3"


def test_old_protocols_are_not_spoken(authority):
    made = serving(authority)
    client = made.client()
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    assert handshake(made.server, client).version() == "TLSv1.2"
    assert made.server.minimum_version == ssl.TLSVersion.TLSv1_2


def test_a_client_need_not_show_anything(authority):
    made = serving(authority)
    assert handshake(made.server, tls.client(made.authorities)).getpeercert(True) is None


def test_certificates_of_others_are_refused(authority):
    made, other = serving(authority), Authority(Ids(2), VirtualClock())
    stranger = other.issue("jane", purpose="client auth")
    client = tls.client(made.authorities, stranger.certificate, stranger.key)
    with pytest.raises(ssl.SSLError):
        handshake(made.server, client)


def test_other_authorities_and_certificates_by_file(authority, tmp_path):
    other = Authority(Ids(2), VirtualClock())
    shown = other.issue("mine", purpose="server auth", names=["127.0.0.1"])
    paths = {}
    for name, text in (
        ("tls_cert_file", shown.certificate),
        ("tls_private_key_file", shown.key),
        ("client_ca_file", other.certificate),
    ):
        paths[name] = str(tmp_path / name)
        (tmp_path / name).write_text(text)
    made = serving(authority, **paths)
    jane = other.issue("jane", purpose="client auth")
    for client in (
        made.client(),
        tls.client(other.certificate, jane.certificate, jane.key),
    ):
        # Whoever is given one certificate to trust, not an authority, trusts just that.
        client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        assert handshake(made.server, client).getpeercert(True)


def test_files_that_cannot_be_used(authority, tmp_path):
    with pytest.raises(ValueError, match=r"cannot read .*/no: no such file"):
        serving(authority, client_ca_file=str(tmp_path / "no"))
    (tmp_path / "bad").write_text("bad")
    with pytest.raises(ValueError, match=r"bad: no certificate that can be read"):
        serving(authority, client_ca_file=str(tmp_path / "bad"))
    with pytest.raises(ValueError, match=r"bad, .*bad: no certificate that can be read"):
        bad = str(tmp_path / "bad")
        serving(authority, tls_cert_file=bad, tls_private_key_file=bad)


def test_a_long_chain_is_loaded(authority):
    shown = authority.issue("a", purpose="server auth")
    chain = shown.certificate + authority.certificate * 200
    assert len(chain) > 100_000
    assert tls.server(chain, shown.key, authority.certificate)
