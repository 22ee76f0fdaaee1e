"""Ranges of pod addresses for nodes: the cluster's range, cut into equal pieces.

>>> ranges = Ranges("10.244.0.0/16")
>>> ranges.take(), ranges.take()
('10.244.0.0/24', '10.244.1.0/24')
"""

import ipaddress

NODE_MASK = 24
NODE_MASK_V6 = 64


class Ranges:
    """Pieces of one range, the next free one after the last that was given out.

    They are as large as `NODE_MASK` says, or smaller where there have to be at least `count`.
    """

    def __init__(self, cidr: str, count: int = 1):
        self._whole = ipaddress.ip_network(cidr)
        mask = NODE_MASK if self._whole.version == 4 else NODE_MASK_V6
        needed = self._whole.prefixlen + (count - 1).bit_length()
        smallest = self._whole.max_prefixlen - 2
        self._prefix = max(self._whole.prefixlen, min(max(mask, needed), smallest))
        self._count = 1 << (self._prefix - self._whole.prefixlen)
        self._bits = self._whole.max_prefixlen - self._prefix
        self._next = 0
        self._used: dict[int, None] = {}

    def take(self) -> str | None:
        """A free range, or None when all are given out."""
        if len(self._used) >= self._count:
            return None
        number = self._next
        while number in self._used:
            number = (number + 1) % self._count
        self._used[number] = None
        self._next = (number + 1) % self._count
        base = int(self._whole.network_address) + (number << self._bits)
        address = type(self._whole.network_address)(base)
        return f"{address}/{self._prefix}"

    def claim(self, cidr: str) -> None:
        """Mark a range as given out. One that is not a piece of the cluster's is ignored."""
        number = self._number(cidr)
        if number is not None:
            self._used[number] = None

    def release(self, cidr: str) -> None:
        number = self._number(cidr)
        if number is not None:
            self._used.pop(number, None)

    def _number(self, cidr: str) -> int | None:
        try:
            network = ipaddress.ip_network(cidr)
        except ValueError:
            return None
        number = (int(network.network_address) - int(self._whole.network_address)) >> self._bits
        same = network.version == self._whole.version and network.prefixlen == self._prefix
        return number if same and 0 <= number < self._count else None
