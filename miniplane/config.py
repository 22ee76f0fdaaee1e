"""What a cluster can be told before it starts, checked once and frozen."""

import ipaddress
from typing import Annotated, Self

import pydantic

from miniplane.api import quantity

Port = Annotated[int, pydantic.Field(ge=0, le=65535)]


def _network(text: str) -> str:
    return str(ipaddress.ip_network(text))


def _modes(text: str) -> str:
    known = ("AlwaysAllow", "RBAC", "Node")
    modes = [mode.strip() for mode in text.split(",")]
    for mode in modes:
        if mode not in known:
            raise ValueError(f"{mode!r} is none of {', '.join(known)}")
    return ",".join(dict.fromkeys(modes))


def _split(value: object) -> object:
    if not isinstance(value, str):
        return value
    return [part.strip() for part in value.split(",")] if value else []


Names = Annotated[tuple[str, ...], pydantic.BeforeValidator(_split)]
"""Names, or one text with commas between them."""


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise ValueError("an http or https URL is wanted")
    return text


Url = Annotated[str, pydantic.AfterValidator(_url)]


def _pairs(value: object) -> object:
    if not isinstance(value, str):
        return value
    pairs = {}
    for part in filter(None, (piece.strip() for piece in value.split(","))):
        key, equals, text = part.partition("=")
        if not key or not equals:
            raise ValueError(f"KEY=VALUE is wanted, not {part!r}")
        pairs[key] = text
    return pairs


def _capacity(pairs: dict[str, str]) -> dict[str, str]:
    for key, value in pairs.items():
        if quantity.parse(value).sign < 0:
            raise ValueError(f"{key}: {value!r} is negative")
    return pairs


Pairs = Annotated[dict[str, str], pydantic.BeforeValidator(_pairs)]
"""Values by key, or one text of `KEY=VALUE` with commas between them."""
Capacity = Annotated[Pairs, pydantic.AfterValidator(_capacity)]
Cidr = Annotated[str, pydantic.AfterValidator(_network)]
Modes = Annotated[str, pydantic.AfterValidator(_modes)]
ISSUER = "https://kubernetes.default.svc.cluster.local"


class Config(pydantic.BaseModel):
    """Settings of one cluster. Durations are seconds.

    Raises pydantic.ValidationError for a value that cannot be used, and for an unknown name.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    """Address to listen on; anything but loopback needs `allow_remote`."""
    port: Port = 8001
    """0 takes any free port."""
    dns_port: Port | None = None
    """Where to answer the names of the cluster, over UDP and TCP; 0 takes any free port, None
    answers none."""
    nodes: Annotated[int, pydantic.Field(ge=0, le=5000)] = 3
    """How many simulated nodes the cluster starts with."""
    node_zones: Names = ()
    """Zones to which these nodes are dealt in turn."""
    node_capacity: Capacity = {}
    """What these nodes have, where it differs from the usual: quantities by resource, extended ones
    too."""
    node_labels: Pairs = {}
    """Labels that these nodes have in common."""
    node_lease_duration: Annotated[float, pydantic.Field(ge=4, le=86400 * 3650)] = 40.0
    """How long the leases of simulated nodes last; they are renewed four times as often, and a node
    that has been silent for ten seconds longer than that is not ready. Long ones make it cheap to
    let years of virtual time pass."""
    controllers: str = "*"
    """Which controllers run, as kube-controller-manager's `--controllers`: `*,-kubelet`."""
    kubeconfig: str | None = None
    """Where `serve` writes a kubeconfig; None for a place of its own that is removed at exit."""
    pod_startup: Annotated[float, pydantic.Field(ge=0, le=86400)] = 1.0
    """How long a simulated pod takes from bound to running."""
    job_duration: Annotated[float, pydantic.Field(ge=0, le=86400 * 365)] = 10.0
    """How long the containers of Jobs run whose command does not tell."""
    service_cidr: Cidr = "10.96.0.0/16"
    pod_cidr: Cidr = "10.244.0.0/16"
    load_balancer_cidr: Cidr | None = None
    """Addresses for services of type LoadBalancer and for ingresses; None leaves them pending, as
    clusters without a cloud do."""
    seed: int | None = None
    """Makes names, uids and choices repeatable; None draws them from the system."""
    feature_gates: dict[str, bool] = {}
    enable_admission_plugins: Names = ()
    """Admission plugins that run beside those that always do, as kube-apiserver's flag."""
    disable_admission_plugins: Names = ()
    """Admission plugins that do not run, as kube-apiserver's flag."""
    metrics_server: bool = False
    """Whether metrics.k8s.io is served, with usage that is made up."""
    webhook_services: dict[str, Url] = {}
    """Where the servers of services listen that webhooks are behind: `namespace/name` to a URL."""
    allow_remote: bool = False
    https: bool = False
    """Serve HTTPS: who asks shows a client certificate or a token, or is `system:anonymous`."""
    tls_cert_file: str | None = None
    """What the server shows, instead of a certificate of its own authority. PEM, with
    `tls_private_key_file`."""
    tls_private_key_file: str | None = None
    client_ca_file: str | None = None
    """Authorities, in PEM, whose client certificates are taken beside those of the cluster's."""
    token_auth_file: str | None = None
    """CSV of bearer tokens: token, user name, uid, groups."""
    anonymous_auth: bool | None = None
    """Whether requests without credentials are `system:anonymous`; if not, they are refused. None
    is True. Over plain HTTP they are the administrator's, and this cannot be set."""
    authorization_mode: Modes | None = None
    """As kube-apiserver's: `AlwaysAllow`, `RBAC`, `Node,RBAC`. None is RBAC for everybody but the
    administrator of a server that speaks plain HTTP, and there, unknown tokens are overlooked."""
    service_account_issuer: Annotated[str, pydantic.Field(min_length=1)] = ISSUER
    """Who signs service account tokens, and whom they are for when nobody says."""
    watch_window: Annotated[int, pydantic.Field(ge=1)] = 20_000
    """How many revisions stay readable for watches and paged lists."""

    @pydantic.model_validator(mode="after")
    def _fit_together(self) -> Self:
        if not self.https:
            for name in ("tls_cert_file", "tls_private_key_file", "client_ca_file"):
                if getattr(self, name) is not None:
                    raise ValueError(f"--{name.replace('_', '-')} needs --https")
            if self.anonymous_auth is not None:
                raise ValueError(
                    "--anonymous-auth needs --https: over plain HTTP, who shows no credentials is "
                    "the administrator"
                )
        if (self.tls_cert_file is None) != (self.tls_private_key_file is None):
            raise ValueError("--tls-cert-file and --tls-private-key-file go together")
        if self.https and self.allow_remote and self.seed is not None:
            raise ValueError("--seed makes keys that others can guess: not with --allow-remote")
        return self

    @property
    def strict(self) -> bool:
        """Whether a token that nobody knows is refused: where somebody asked for access control."""
        return self.https or self.authorization_mode is not None or self.token_auth_file is not None
