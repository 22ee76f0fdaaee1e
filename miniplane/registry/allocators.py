"""Cluster IPs and node ports: what Services are given.

As in a real cluster, addresses are drawn from the upper part of the range, the lower one is left
to those who ask for an address of their own (KEP-3070), and node ports likewise (KEP-3668).

A write takes what it needs through a `Reservation`, which is kept or undone as a whole.
"""

import functools
import ipaddress
from collections.abc import Callable, Iterable
from typing import TypeAlias

from miniplane.ids import Ids

NODE_PORTS = range(30_000, 32_768)
_STATIC_NODE_PORTS = 86


class Refused(Exception):
    """An address or port cannot be had. The message says why, in the API's words."""


Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


class _Range:
    """One range: which of its addresses can be given out, and which of these by chance."""

    __slots__ = ("base", "first", "network", "size")

    def __init__(self, network: Network):
        self.network = network
        self.base = int(network.network_address)
        self.size = network.num_addresses - 2
        """The network's own address and its broadcast one are not given out."""
        static = min(max(16, self.size // 16), 256)
        self.first = min(static, self.size - 1) + 1

    def holds(self, number: int) -> bool:
        return 1 <= number - self.base <= self.size


class IPAllocator:
    """The cluster addresses: those of one range, or of several."""

    def __init__(self, cidr: str, ids: Ids):
        self.network = ipaddress.ip_network(cidr)
        """The cluster's own range; it says which family the cluster has."""
        self._ids = ids
        self._used: dict[int, None] = {}
        self._ranges = {cidr: _Range(self.network)}

    def follow(self, cidrs: Iterable[str]) -> None:
        """Give out the addresses of these ranges from now on; those of another family count for
        nothing."""
        wanted = dict.fromkeys(cidrs)
        if list(wanted) == list(self._ranges):
            return
        known, self._ranges = self._ranges, {}
        for cidr in wanted:
            network = ipaddress.ip_network(cidr, strict=False)
            if network.version == self.network.version:
                self._ranges[cidr] = known.get(cidr) or _Range(network)

    def contains(self, address: str) -> bool:
        """Whether an address can be given out, if nobody has it."""
        number = self._number(address)
        return number is not None and any(one.holds(number) for one in self._ranges.values())

    @property
    def used(self) -> int:
        """How many addresses are taken."""
        return len(self._used)

    def has(self, address: str) -> bool:
        """Whether an address is taken."""
        return self._number(address) in self._used

    def take(self, address: str) -> None:
        """Reserve an address. Refused where it is taken, or of no range."""
        number = self._number(address)
        if number is None or not self.contains(address):
            raise Refused("the provided network does not match the current range")
        if number in self._used:
            raise Refused("provided IP is already allocated")
        self._used[number] = None

    def draw(self) -> str:
        """Reserve a free address. Refused where none is left."""
        for one in self._ranges.values():
            number = self._free(one)
            if number is not None:
                self._used[number] = None
                return str(one.network.network_address + (number - one.base))
        raise Refused("range is full")

    def _free(self, one: _Range) -> int | None:
        if one.size < 1:
            return None
        used, low = self._used, one.base + one.first
        span = one.size - one.first + 1
        start = int(self._ids.random() * span)
        for i in [*range(start, span), *range(start)] if len(used) > span // 2 else ():
            if low + i not in used:
                return low + i
        for _ in range(64):
            number = low + int(self._ids.random() * span)
            if number not in used:
                return number
        for offset in range(1, one.size + 1):
            if one.base + offset not in used:
                return one.base + offset
        return None

    def release(self, address: str) -> None:
        number = self._number(address)
        if number is not None:
            self._used.pop(number, None)

    def _number(self, address: str) -> int | None:
        """The address as a number; None for one of another family, or for no address."""
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return None
        return int(found) if found.version == self.network.version else None


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
