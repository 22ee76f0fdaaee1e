"""Small checks that many kinds share. Each adds what it finds to `errors`.

The path of a field is only spelled out when there is an error to report: most objects are valid.
"""

import functools
import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from miniplane.api import field, names, quantity
from miniplane.api.field import FieldError

Errors: TypeAlias = list[FieldError]
Object: TypeAlias = Mapping[str, Any]

NOT_NEGATIVE = "must be greater than or equal to 0"
NOT_POSITIVE = "must be greater than zero"
IMMUTABLE = "field is immutable"
FILE_MODE = "must be a number between 0 and 0777 (octal), both inclusive"

_NOTHING: tuple[Any, ...] = (None, [], {}, "")


def below(path: str, name: str) -> str:
    """The path of a field; the root's is empty."""
    return f"{path}.{name}" if path else name


def nonnegative(errors: Errors, obj: Object, path: str, *names_: str) -> None:
    """The integer fields `names_` of `obj`, where they are set."""
    for name in names_:
        value = obj.get(name)
        if value is not None and value < 0:
            errors.append(field.invalid(below(path, name), value, NOT_NEGATIVE))


def required(errors: Errors, obj: Object, path: str, *names_: str) -> None:
    """The fields `names_` must not be empty."""
    for name in names_:
        if obj.get(name) in _NOTHING:
            errors.append(field.required(below(path, name)))


def one_of(
    errors: Errors, path: str, value: Any, choices: Sequence[str], *, shown: Any = None
) -> None:
    """An enumeration: absent is an error of its own."""
    if not value:
        errors.append(field.required(path))
    elif value not in choices:
        errors.append(field.not_supported(path, shown or value, choices))


def supported(errors: Errors, path: str, value: Any, choices: Sequence[str]) -> None:
    """An optional enumeration, or one where the empty string is just unsupported."""
    if value is not None and value not in choices:
        errors.append(field.not_supported(path, value, choices))


def each(errors: Errors, path: str, value: Any, complaints: Iterable[str]) -> None:
    for complaint in complaints:
        errors.append(field.invalid(path, value, complaint))


def dns_label(errors: Errors, path: str, value: str) -> None:
    if complaints := names.dns1123_label(value):
        each(errors, path, value, complaints)


def dns_subdomain(errors: Errors, path: str, value: str) -> None:
    if complaints := names.dns1123_subdomain(value):
        each(errors, path, value, complaints)


def qualified_name(errors: Errors, path: str, value: str) -> None:
    if complaints := names.qualified_name(value):
        each(errors, path, value, complaints)


def labels(errors: Errors, path: str, values: Mapping[str, str] | None) -> None:
    if values:
        for key, value in values.items():
            if complaints := names.qualified_name(key):
                each(errors, path, key, complaints)
            if complaints := names.label_value(value):
                each(errors, path, value, complaints)


def immutable(errors: Errors, path: str, new: Any, old: Any, *, shown: Any = None) -> None:
    """`shown` is how the new value prints, where that is not as it stands."""
    if not equal(new, old):
        errors.append(field.invalid(path, new if shown is None else shown, IMMUTABLE))


def equal(new: Any, old: Any) -> bool:
    """Semantic equality: absent, null and empty lists are the same."""
    if new is old or new == old:
        return True
    if isinstance(new, dict) and isinstance(old, dict):
        return all(equal(item, old.get(key)) for key, item in new.items()) and all(
            equal(None, item) for key, item in old.items() if key not in new
        )
    if new and old and isinstance(new, list) and isinstance(old, list):
        return len(new) == len(old) and all(map(equal, new, old))
    return (new is None or new == []) and (old is None or old == [])


def port_number(errors: Errors, path: str, value: int) -> None:
    if not 1 <= value <= 65535:
        each(errors, path, value, names.port_number(value))


def port(errors: Errors, path: str, value: int | str | None) -> None:
    """A port's number or its name."""
    if isinstance(value, str):
        each(errors, path, value, names.port_name(value))
    else:
        port_number(errors, path, value or 0)


def int_or_percent(errors: Errors, path: str, value: int | str | None) -> None:
    if isinstance(value, str):
        each(errors, path, value, names.percent(value))
    elif value is not None and value < 0:
        errors.append(field.invalid(path, value, NOT_NEGATIVE))


def at_most_100_percent(errors: Errors, path: str, value: int | str | None) -> None:
    if isinstance(value, str) and not names.percent(value) and int_value(value) > 100:
        errors.append(field.invalid(path, value, "must not be greater than 100%"))


def int_value(value: int | str | None) -> int:
    """The number in an integer or a percentage, 0 where there is none."""
    if isinstance(value, str):
        digits = value[:-1] if value.endswith("%") else value
        return int(digits[:18]) if digits.isascii() and digits.isdigit() else 0
    return value or 0


def positive_quantity(errors: Errors, path: str, value: str | int | float) -> None:
    if parsed(value).sign <= 0:
        errors.append(field.invalid(path, quantity_text(value), NOT_POSITIVE))


def nonnegative_quantity(errors: Errors, path: str, value: str | int | float) -> None:
    if parsed(value).sign < 0:
        errors.append(field.invalid(path, quantity_text(value), NOT_NEGATIVE))


def parsed(value: str | int | float | None) -> quantity.Quantity:
    """A quantity, or zero for one that decoding would have refused."""
    try:
        return quantity.ZERO if value is None else quantity.parse(value)
    except ValueError:
        return quantity.ZERO


def quantity_text(value: str | int | float) -> str:
    return value if isinstance(value, str) else str(parsed(value))


IPAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


_LONGEST_IP = 45
"""Characters of an address, unless it has leading zeros."""


def parse_ip(value: str) -> IPAddress | None:
    """An address as the server reads it: leading zeros do not count, zones are unknown."""
    return _known_ip(value) if len(value) <= _LONGEST_IP else _parse_ip(value)


def _parse_ip(value: str) -> IPAddress | None:
    if "%" in value or not value.isascii():
        return None
    if "." in value:
        value = ".".join(_without_zeros(part) for part in value.split("."))
    try:
        return ipaddress.ip_address(value)
    except ValueError:
        return None


# The same addresses come again: in each status of a pod, and in each revision of its Endpoints.
_known_ip = functools.lru_cache(4096)(_parse_ip)


def _without_zeros(part: str) -> str:
    head, colon, tail = part.rpartition(":")
    return f"{head}{colon}{tail.lstrip('0') or '0'}" if tail.isdigit() else part


def parse_cidr(value: str) -> IPNetwork | None:
    address, slash, length = value.partition("/")
    ip = parse_ip(address)
    if ip is None or not slash or not (length.isascii() and length.isdigit()):
        return None
    if len(length) > 3 or int(length) > ip.max_prefixlen:
        return None
    return ipaddress.ip_network((ip, int(length)), strict=False)


def ip_address(errors: Errors, path: str, value: str) -> bool:
    """`IsValidIPForLegacyField`: what different readers would read differently is refused."""
    long = len(value) > _LONGEST_IP
    complaint = _ip_complaint(value) if long else _known_ip_complaint(value)
    if complaint:
        errors.append(field.invalid(path, value, complaint))
    return not complaint


def _ip_complaint(value: str) -> str:
    ip = _parse_ip(value)
    if ip is None:
        return "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
    if not _is_plain(value):
        return "must not have leading 0s"
    return "must not be an IPv4-mapped IPv6 address" if _is_mapped(ip) else ""


_known_ip_complaint = functools.lru_cache(4096)(_ip_complaint)


def _is_plain(address: str) -> bool:
    """Whether an address that has been read has no leading zeros."""
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True


def _is_mapped(ip: IPAddress) -> bool:
    return ip.version == 6 and ip.ipv4_mapped is not None


def cidr(errors: Errors, path: str, value: str) -> bool:
    """`IsValidCIDRForLegacyField`, as strict as `ip_address`."""
    complaint = _cidr_complaint(value)
    if complaint:
        errors.append(field.invalid(path, value, complaint))
    return not complaint


def _cidr_complaint(value: str) -> str:
    network = parse_cidr(value)
    address, _, length = value.partition("/")
    ip = parse_ip(address)
    if network is None or ip is None:
        return "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
    if not _is_plain(address) or (length != "0" and length.startswith("0")):
        return "must not have leading 0s in IP or prefix length"
    if _is_mapped(ip):
        return "must not have an IPv4-mapped IPv6 address"
    return (
        "" if network.network_address == ip else "must not have bits set beyond the prefix length"
    )


def is_ipv6(value: str) -> bool:
    ip = parse_ip(value)
    return ip is not None and ip.version == 6


def dual_stack(values: Sequence[str]) -> bool:
    """Whether both families are among `values`."""
    return len({is_ipv6(value) for value in values}) == 2


def non_special_ip(errors: Errors, path: str, value: str) -> None:
    """No address that means something else on each machine."""
    ip = parse_ip(value)
    if ip is None:
        errors.append(field.invalid(path, value, "must be a valid IP address"))
        return
    if ip.is_unspecified:
        errors.append(field.invalid(path, value, f"may not be unspecified ({value})"))
    errors.extend(field.invalid(path, value, text) for text in _special(ip))


@functools.lru_cache(4096)
def _special(ip: IPAddress) -> tuple[str, ...]:
    """What is wrong with an address of a special range."""
    texts = []
    if ip.is_loopback:
        texts.append("may not be in the loopback range (127.0.0.0/8, ::1/128)")
    if ip.is_link_local:
        texts.append("may not be in the link-local range (169.254.0.0/16, fe80::/10)")
    if ip.is_multicast and (
        (ip.version == 4 and ip.packed[:3] == b"\xe0\x00\x00")
        or (ip.version == 6 and ip.packed[1] & 0x0F == 2)
    ):
        texts.append("may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)")
    return tuple(texts)


def local_path(errors: Errors, path: str, value: str) -> None:
    """A relative path that does not climb."""
    if value.startswith("/"):
        errors.append(field.invalid(path, value, "must be a relative path"))
    no_backsteps(errors, path, value)


def reserved_path(errors: Errors, path: str, value: str) -> None:
    """As `local_path`; names that begin with two dots are the kubelet's own."""
    local_path(errors, path, value)
    if value.startswith("..") and not value.startswith("../"):
        errors.append(field.invalid(path, value, "must not start with '..'"))


def no_backsteps(errors: Errors, path: str, value: str) -> None:
    if ".." in value.split("/"):
        errors.append(field.invalid(path, value, "must not contain '..'"))


def file_mode(errors: Errors, path: str, value: int | None) -> None:
    if value is not None and not 0 <= value <= 0o777:
        errors.append(field.invalid(path, value, FILE_MODE))


def domain_prefixed_path(errors: Errors, path: str, value: str) -> None:
    """`example.com/name`, as controllers and classes name themselves."""
    if not value:
        errors.append(field.required(path))
        return
    host, slash, rest = value.partition("/")
    if not (slash and host and rest):
        text = 'must be a domain-prefixed path (such as "acme.io/foo")'
        errors.append(field.invalid(path, value, text))
        return
    each(errors, path, host, names.dns1123_subdomain(host))
    each(errors, path, rest, names.url_path(rest))
