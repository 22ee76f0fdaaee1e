"""Addresses of pods and nodes.

A pod's address comes from its node's `spec.podCIDR`, the next free one after the last that was
given out, so that an address that is free again is not taken at once by somebody else.
"""

import ipaddress
from collections.abc import Iterable

OVERFLOW = "100.64.0.0/10"
"""Where pods get addresses whose node has no range, or a range that is full."""
HOSTS = "172.18.0.0/16"
"""Where simulated nodes get theirs."""


class Pool:
    """The addresses of one range. `take` is O(1) while the range is not nearly full."""

    def __init__(self, cidr: str, *, first: int = 2):
        network = ipaddress.ip_network(cidr)
        self.cidr = cidr
        self._base = int(network.network_address)
        self._version6 = network.version == 6
        # Neither the network, nor the gateway, nor (in version 4) the broadcast address.
        self._first = first
        self._last = min(network.num_addresses - (1 if self._version6 else 2), 1 << 24)
        self._next = first
        self._used: dict[int, None] = {}

    def take(self) -> str | None:
        """A free address, or None when there is none."""
        room = self._last - self._first + 1
        if len(self._used) >= room:
            return None
        number = self._next
        while number in self._used:
            number = number + 1 if number < self._last else self._first
        self._used[number] = None
        self._next = number + 1 if number < self._last else self._first
        return self._text(number)

    def claim(self, address: str) -> None:
        """Mark an address as taken by somebody who has it. One from elsewhere is ignored."""
        number = self._number(address)
        if number is not None:
            self._used[number] = None

    def release(self, address: str) -> None:
        number = self._number(address)
        if number is not None:
            self._used.pop(number, None)

    def claim_all(self, addresses: Iterable[str]) -> None:
        for address in addresses:
            self.claim(address)

    def _text(self, number: int) -> str:
        value = self._base + number
        if self._version6:
            return str(ipaddress.IPv6Address(value))
        return f"{value >> 24}.{value >> 16 & 255}.{value >> 8 & 255}.{value & 255}"

    def _number(self, address: str) -> int | None:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return None
        number = int(parsed) - self._base
        if (parsed.version == 6) != self._version6 or not self._first <= number <= self._last:
            return None
        return number
