"""A DNS server for the informers of a cluster."""

import ipaddress
import socket

from miniplane.dns import messages
from miniplane.dns.server import DnsServer
from miniplane.dns.view import InformerView
from miniplane.dns.zone import Zone
from miniplane.runtime.informer import InformerFactory


def dns_server(informers: InformerFactory, host: str, port: int) -> DnsServer:
    """A server, not started yet, that answers from the informers as they are when it is asked.

    OSError for a host without an address."""
    found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_DGRAM)
    here = ipaddress.ip_address(found[0][4][0])
    view = InformerView(informers)
    zone = Zone(view, address="127.0.0.1" if here.is_unspecified else str(here))

    def answer(query: bytes, udp: bool) -> bytes | None:
        return messages.answer(zone, query, serial=view.serial, udp=udp)

    return DnsServer(answer, str(here), port)
