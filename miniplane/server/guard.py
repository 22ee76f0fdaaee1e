"""Who may connect: programs on this machine, not web pages that a browser here has open.

A server that speaks plain HTTP has no passwords, so a page must not reach it: neither by a name of
its own that it has pointed at 127.0.0.1 (the Host header tells; over HTTPS the certificate does),
nor from another origin (the Origin header tells).
"""

import ipaddress
from functools import lru_cache
from urllib.parse import urlsplit

from miniplane.api.errors import StatusError
from miniplane.config import Config


def _name_of(authority: str) -> str:
    """The host in `host:port`, lower-case and without the brackets of an IPv6 address."""
    try:
        return (urlsplit(f"//{authority}").hostname or "").rstrip(".")
    except ValueError:
        return ""


@lru_cache(maxsize=256)
def is_loopback(name: str) -> bool:
    """Whether a host name or address means this machine and nothing else."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class Guard:
    """Decides by a request's Host and Origin headers; remembers what it has decided."""

    def __init__(self, config: Config):
        self._own = config.host.strip("[]").lower()
        self._remote = config.allow_remote or config.https
        self._known: dict[tuple[str, str], bool] = {}

    def admits(self, host: str, origin: str) -> bool:
        key = (host, origin)
        known = self._known.get(key)
        if known is None:
            if len(self._known) > 1024:
                self._known.clear()
            known = self._known[key] = self._host(host) and self._origin(origin, host)
        return known

    def _host(self, host: str) -> bool:
        # Without a Host header there is no browser, and with remote access any name may be ours.
        if not host or self._remote:
            return True
        name = _name_of(host)
        return name == self._own or is_loopback(name)

    def _origin(self, origin: str, host: str) -> bool:
        if not origin:
            return True
        scheme, _, authority = origin.partition("://")
        if scheme not in ("http", "https") or not authority:
            return False
        name = _name_of(authority)
        return is_loopback(name) or (bool(name) and authority.lower() == host.lower())


def refusal(host: str, origin: str) -> StatusError:
    what = f'origin "{origin}"' if origin else f'host "{host}"'
    message = f"forbidden: requests for {what} are not served: this server is for local clients"
    return StatusError(403, "Forbidden", message, {})
