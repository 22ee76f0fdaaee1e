"""Addresses in forms that not everybody reads alike (`apimachinery/pkg/util/validation/ip.go`).

>>> list(ip("spec.x", "010.0.0.1"))
['spec.x: non-standard IP address "010.0.0.1" is invalid: use "10.0.0.1"']
>>> list(ip("spec.x", "2001:DB8::1"))
['spec.x: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")']
"""

import ipaddress
from collections.abc import Iterator

from miniplane.api.validation import checks


def ip(path: str, value: str) -> Iterator[str]:
    """`value` has been validated: what is no address at all is not warned of."""
    lenient = checks.parse_ip(value)
    if lenient is None:
        return
    mapped = _mapped(lenient)
    strict = _strict(value)
    if strict is None or mapped is not None:
        shown = mapped or lenient
        yield f'{path}: non-standard IP address "{value}" is invalid: use "{shown}"'
    elif strict.version == 6 and str(strict) != value:
        yield (
            f'{path}: IPv6 address "{value}" should be in RFC 5952 canonical format ("{strict}")'
        )


def cidr(path: str, value: str) -> Iterator[str]:
    """As `ip`, for a range of addresses."""
    network = checks.parse_cidr(value)
    if network is None:
        return
    address, _, length = value.partition("/")
    lenient = checks.parse_ip(address)
    assert lenient is not None
    shown = str(network)
    found = False
    if lenient != network.network_address:
        single = f"{_mapped(lenient) or lenient}/{lenient.max_prefixlen}"
        yield (
            f'{path}: CIDR value "{value}" is ambiguous in this context (should be "{shown}" or '
            f'"{single}"?)'
        )
        found = True
    well_formed = _strict(address) is not None and length == str(int(length))
    if not well_formed or _mapped(lenient) is not None:
        yield f'{path}: non-standard CIDR value "{value}" is invalid: use "{shown}"'
        found = True
    if not found and network.version == 6 and shown != value:
        yield (
            f'{path}: IPv6 CIDR value "{value}" should be in RFC 5952 canonical format ("{shown}")'
        )


def _mapped(address: checks.IPAddress) -> ipaddress.IPv4Address | None:
    return address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None


def _strict(value: str) -> checks.IPAddress | None:
    try:
        return ipaddress.ip_address(value)
    except ValueError:
        return None
