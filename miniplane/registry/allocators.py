"""Cluster IPs and node ports: what Services are given.

As in a real cluster, addresses are drawn from the upper part of the range, the lower one is left
to those who ask for an address of their own (KEP-3070), and node ports likewise (KEP-3668).

A write takes what it needs through a `Reservation`, which is kept or undone as a whole.
"""

import functools
import ipaddress
from collections.abc import Callable

from miniplane.ids import Ids

NODE_PORTS = range(30_000, 32_768)
_STATIC_NODE_PORTS = 86


class Refused(Exception):
    """An address or port cannot be had. The message says why, in the API's words."""


class IPAllocator:
    """The addresses of one range. The network's own and its broadcast address are not given out."""

    def __init__(self, cidr: str, ids: Ids):
        self.network = ipaddress.ip_network(cidr)
        self._ids = ids
        self._used: dict[int, None] = {}
        self._size = self.network.num_addresses - 2
        self._static = min(max(16, self._size // 16), 256)

    def contains(self, address: str) -> bool:
        try:
            offset = self._offset(address)
        except ValueError:
            return False
        return 1 <= offset <= self._size

    @property
    def used(self) -> int:
        """How many addresses are taken."""
        return len(self._used)

    def has(self, address: str) -> bool:
        """Whether an address is of this range and taken."""
        return self.contains(address) and self._offset(address) in self._used

    def take(self, address: str) -> None:
        """Reserve an address. Refused where it is taken, or of another network."""
        if not self.contains(address):
            raise Refused("the provided network does not match the current range")
        offset = self._offset(address)
        if offset in self._used:
            raise Refused("provided IP is already allocated")
        self._used[offset] = None

    def draw(self) -> str:
        """Reserve a free address. Refused where none is left."""
        first = min(self._static, self._size - 1) + 1
        span = self._size - first + 1
        start = int(self._ids.random() * span)
        for i in [*range(start, span), *range(start)] if len(self._used) > span // 2 else ():
            if first + i not in self._used:
                return self._give(first + i)
        for _ in range(64):
            offset = first + int(self._ids.random() * span)
            if offset not in self._used:
                return self._give(offset)
        for offset in range(1, self._size + 1):
            if offset not in self._used:
                return self._give(offset)
        raise Refused("range is full")

    def release(self, address: str) -> None:
        if self.contains(address):
            self._used.pop(self._offset(address), None)

    def _give(self, offset: int) -> str:
        self._used[offset] = None
        return str(self.network.network_address + offset)

    def _offset(self, address: str) -> int:
        return int(ipaddress.ip_address(address)) - int(self.network.network_address)


class PortAllocator:
    """Node ports, 30000 to 32767."""

    def __init__(self, ids: Ids):
        self._ids = ids
        self._used: dict[int, None] = {}

    @property
    def used(self) -> int:
        """How many ports are taken."""
        return len(self._used)

    def take(self, port: int) -> None:
        """Reserve a port. Refused where it is taken, or out of range."""
        if port not in NODE_PORTS:
            bounds = f"{NODE_PORTS[0]}-{NODE_PORTS[-1]}"
            raise Refused(
                f"provided port is not in the valid range. The range of valid ports is {bounds}"
            )
        if port in self._used:
            raise Refused("provided port is already allocated")
        self._used[port] = None

    def draw(self) -> int:
        """Reserve a free port. Refused where none is left."""
        dynamic = range(NODE_PORTS.start + _STATIC_NODE_PORTS, NODE_PORTS.stop)
        start = int(self._ids.random() * len(dynamic))
        for ports in (dynamic[start:], dynamic[:start], NODE_PORTS):
            for port in ports:
                if port not in self._used:
                    self._used[port] = None
                    return port
        raise Refused("range is full")

    def release(self, port: int) -> None:
        self._used.pop(port, None)


class Allocators:
    """What the registry hands out."""

    def __init__(self, *, service_cidr: str, ids: Ids):
        self.cluster_ips = IPAllocator(service_cidr, ids)
        self.node_ports = PortAllocator(ids)
        self.unrecorded: dict[str, tuple[str, str]] = {}
        """Addresses whose IPAddress has been deleted, with the namespace and name of the service
        that has them all the same."""


class Reservation:
    """What one write takes and gives up.

    What it takes is taken at once, so that nobody else gets it; what it gives up stays taken until
    the write is made. `finish` must be called, once:

        written     what was given up is free
        refused     what was taken is free, as if nothing had happened
    """

    def __init__(self, allocators: Allocators):
        self._ips = allocators.cluster_ips
        self._ports = allocators.node_ports
        self._undo: list[Callable[[], None]] = []
        self._given_up: list[Callable[[], None]] = []

    def take_ip(self, address: str) -> None:
        self._ips.take(address)
        self._undo.append(functools.partial(self._ips.release, address))

    def draw_ip(self) -> str:
        address = self._ips.draw()
        self._undo.append(functools.partial(self._ips.release, address))
        return address

    def give_up_ip(self, address: str) -> None:
        self._given_up.append(functools.partial(self._ips.release, address))

    def take_port(self, port: int) -> None:
        self._ports.take(port)
        self._undo.append(functools.partial(self._ports.release, port))

    def draw_port(self) -> int:
        port = self._ports.draw()
        self._undo.append(functools.partial(self._ports.release, port))
        return port

    def give_up_port(self, port: int) -> None:
        self._given_up.append(functools.partial(self._ports.release, port))

    def finish(self, written: bool) -> None:
        for free in self._given_up if written else self._undo:
            free()
