"""Who is behind a TLS connection, by the client certificate that it came with.

Follows `pkg/authentication/request/x509` of apiserver: the common name is the user, organizations
are groups. That an authority of the cluster has signed the certificate was seen to when the
connection was made.
"""

import dataclasses
import hashlib
import ssl
from asyncio import BaseTransport
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from aiohttp import web

from miniplane.api import rbac
from miniplane.api.options import User
from miniplane.clock import Clock
from miniplane.server.access import ANONYMOUS

_UID = "1.3.6.1.4.1.57683.2"
"""The attribute of a subject that is the user's uid."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Peer:
    """The user of a connection, and from when to when (Unix seconds) the certificate is good."""

    user: User | None
    start: float
    end: float


_NOBODY = _Peer(None, 0, 0)


class Peers:
    """Knows the user of each connection, from its first request on."""

    def __init__(self, clock: Clock, *, anonymous: bool):
        self._clock = clock
        self._anonymous = ANONYMOUS if anonymous else None
        self._known: WeakKeyDictionary[BaseTransport, _Peer] = WeakKeyDictionary()

    def user(self, request: web.BaseRequest) -> User | None:
        """The user by certificate, or `ANONYMOUS`; None for one who needs other credentials."""
        transport = request.transport
        if transport is None:  # the connection has gone meanwhile
            return None
        peer = self._known.get(transport)
        if peer is None:
            peer = self._known[transport] = _peer(transport.get_extra_info("ssl_object"))
        if peer.user is None:
            return self._anonymous
        return peer.user if peer.start <= self._clock.time() <= peer.end else None


def _peer(tls: ssl.SSLObject | None) -> _Peer:
    shown = tls.getpeercert(binary_form=True) if tls is not None else None
    if tls is None or shown is None:
        return _NOBODY
    told: Mapping[str, Any] = tls.getpeercert() or {}
    subject: dict[str, list[str]] = {}
    for part in told.get("subject", ()):
        for key, value in part:
            subject.setdefault(key, []).append(value)
    if not subject.get("commonName"):
        return _NOBODY
    name = subject["commonName"][-1]
    digest = hashlib.sha256(shown).hexdigest()
    user = User(
        name,
        rbac.with_authenticated(name, tuple(subject.get("organizationName", ()))),
        uid=subject.get(_UID, [""])[0],
        extra=((rbac.CREDENTIAL_ID, (f"X509SHA256={digest}",)),),
    )
    start, end = (ssl.cert_time_to_seconds(told[key]) for key in ("notBefore", "notAfter"))
    return _Peer(user, start, end)
