"""What a cluster shows on HTTPS, and what its administrator does."""

import ipaddress
import socket
import ssl
from pathlib import Path

from miniplane.config import Config
from miniplane.pki import tls
from miniplane.pki.authority import Authority, Credentials

ADMIN = "kubernetes-admin"
ADMINS = "kubeadm:cluster-admins"
"""User and group of the administrator's kubeconfig, as `kubeadm init` makes it: the group has its
rights by a ClusterRoleBinding."""
_SERVICE = "kubernetes"
_NAMES = (
    "localhost",
    _SERVICE,
    f"{_SERVICE}.default",
    f"{_SERVICE}.default.svc",
    f"{_SERVICE}.default.svc.cluster.local",
)


class Serving:
    """TLS of a cluster. ValueError where a file that the configuration names cannot be used."""

    def __init__(self, authority: Authority, config: Config, *, endpoint: str):
        """`endpoint` is the address of the API server in the endpoints of its service."""
        own = authority.certificate
        shown = self._shown(authority, config, endpoint)
        authorities = own
        if config.client_ca_file is not None:
            authorities += _authorities(config.client_ca_file)
        self.authorities = own if config.tls_cert_file is None else own + shown.certificate
        """What a client has to trust, in PEM."""
        self.admin = authority.issue(ADMIN, organizations=[ADMINS], purpose="client auth")
        """What makes a client the administrator."""
        try:
            self.server: ssl.SSLContext = tls.server(shown.certificate, shown.key, authorities)
        except ValueError as error:
            files = f"{config.tls_cert_file}, {config.tls_private_key_file}"
            raise ValueError(f"{files}: {error}") from None

    def client(self) -> ssl.SSLContext:
        """For a client that is the administrator."""
        return tls.client(self.authorities, self.admin.certificate, self.admin.key)

    def _shown(self, authority: Authority, config: Config, endpoint: str) -> Credentials:
        if config.tls_cert_file is not None and config.tls_private_key_file is not None:
            return Credentials(_read(config.tls_cert_file), _read(config.tls_private_key_file))
        service = ipaddress.ip_network(config.service_cidr).network_address + 1
        names = [*_NAMES, config.host.strip("[]"), "127.0.0.1", "::1", str(service), endpoint]
        if config.allow_remote:
            names.append(socket.gethostname())
        return authority.issue(
            "kube-apiserver", purpose="server auth", names=list(dict.fromkeys(filter(None, names)))
        )


def _authorities(path: str) -> str:
    text = _read(path)
    try:
        tls.client(text)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return "\n" + text


def _read(path: str) -> str:
    try:
        return Path(path).expanduser().read_text()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ValueError(f"cannot read {path}: {why.lower()}") from None
