"""What a cluster can be told before it starts, checked once and frozen."""

import ipaddress
from typing import Annotated

import pydantic

Port = Annotated[int, pydantic.Field(ge=0, le=65535)]


def _network(text: str) -> str:
    return str(ipaddress.ip_network(text))


Cidr = Annotated[str, pydantic.AfterValidator(_network)]


class Config(pydantic.BaseModel):
    """Settings of one cluster. Durations are seconds.

    Raises pydantic.ValidationError for a value that cannot be used, and for an unknown name.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    """Address to listen on; anything but loopback needs `allow_remote`."""
    port: Port = 8001
    """0 takes any free port."""
    nodes: Annotated[int, pydantic.Field(ge=0, le=5000)] = 3
    """How many simulated nodes the cluster starts with."""
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
    seed: int | None = None
    """Makes names, uids and choices repeatable; None draws them from the system."""
    feature_gates: dict[str, bool] = {}
    allow_remote: bool = False
    watch_window: Annotated[int, pydantic.Field(ge=1)] = 20_000
    """How many revisions stay readable for watches and paged lists."""
