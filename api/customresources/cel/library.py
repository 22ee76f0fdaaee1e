"""The functions that Kubernetes adds to the language: lists, regular expressions, URLs, IP
addresses, networks, quantities and semantic versions.

After apiserver's `pkg/cel/library`. Values of the added types are maps with one key at run time,
whose value is what they are compared by; when rules are checked they have types of their own. The
`format` library is left out: its functions answer with optionals, which no function that is
written in Python can give.
"""

import functools
import ipaddress
import itertools
import operator
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cel_expr_python import cel

from miniplane.api import quantity
from miniplane.api.customresources import formats
from miniplane.api.customresources.patterns import compile_pattern

T = cel.Type
Value = dict[str, Any]

PACKAGE = "kubernetes"
TYPES = ("Quantity", "URL", "IP", "CIDR", "Semver")
"""The names of the added types, which are messages of `PACKAGE` when rules are checked."""
_QUANTITY, _URL, _IP, _CIDR, _SEMVER = (f"{PACKAGE}.{name}" for name in TYPES)
_SEMANTIC = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z.-]+))?(?:\+([0-9A-Za-z.-]+))?",
    re.ASCII,
)
_INT64 = 1 << 63


def _fails(function: Callable[..., Any], *given: Any) -> bool:
    try:
        function(*given)
    except ValueError:
        return True
    return False


# Quantities: their exact value, as the text of a fraction.


def _quantity(text: str) -> Value:
    found = quantity.parse(text)
    return {_QUANTITY: str(Fraction(found.mantissa) * Fraction(10) ** found.scale)}


def _amount(value: Any) -> Fraction:
    return Fraction(value[_QUANTITY])


def _integer(value: Any) -> int:
    amount = _amount(value)
    if amount.denominator != 1 or not -_INT64 <= amount < _INT64:
        raise ValueError("cannot convert value to integer")
    return int(amount)


# Addresses and networks.


def _ip(text: str) -> Value:
    return {_IP: str(_address(text))}


def _address(text: str) -> Any:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(f'IP Address "{text}" parse error during conversion from string') from None
    if "%" in text:
        raise ValueError(f'IP address "{text}" with zone value is not allowed')
    if getattr(found, "ipv4_mapped", None) is not None:
        raise ValueError(f'IPv4-mapped IPv6 address "{text}" is not allowed')
    return found


def _cidr(text: str) -> Value:
    address, slash, bits = text.partition("/")
    if not slash or not bits.isdigit() or _fails(_network, text) or _fails(_address, address):
        raise ValueError(f'network address parse error during conversion from string: "{text}"')
    return {_CIDR: str(ipaddress.ip_interface(text))}


def _network(text: str) -> Any:
    return ipaddress.ip_interface(text).network


def _contains(value: Any, other: Any) -> bool:
    text = other if isinstance(other, str) else other[_IP]
    address = _address(text)
    network = _network(value[_CIDR])
    return address.version == network.version and address in network


def _contains_network(value: Any, other: Any) -> bool:
    inner = _network(other if isinstance(other, str) else other[_CIDR])
    outer = _network(value[_CIDR])
    return inner.version == outer.version and inner.subnet_of(outer)


def _from_ip(test: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: test(ipaddress.ip_address(value[_IP]))


def _is_global(address: Any) -> bool:
    broadcast = address.version == 4 and int(address) == 0xFFFFFFFF
    return not (
        broadcast
        or address.is_unspecified
        or address.is_loopback
        or address.is_multicast
        or address.is_link_local
    )


# URLs.


def _url(text: str) -> Value:
    if not formats.is_uri(text):
        raise ValueError(f'URL parse error during conversion from string: parse "{text}"')
    return {_URL: text}


def _part(get: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: get(urlsplit(value[_URL]))


# Semantic versions.


def _semver(text: str, normalize: bool = False) -> Value:
    if normalize:
        main, *rest = re.split(r"(?=[-+])", text.removeprefix("v"), maxsplit=1)
        numbers = [part.lstrip("0") or "0" for part in main.split(".")]
        text = ".".join([*numbers, "0", "0"][: max(3, len(numbers))]) + "".join(rest)
    if _SEMANTIC.fullmatch(text) is None:
        raise ValueError(f'invalid semantic version "{text}"')
    return {_SEMVER: text.partition("+")[0]}


def _order(value: Any) -> tuple[Any, ...]:
    found = _SEMANTIC.fullmatch(value[_SEMVER])
    assert found is not None
    pre = found[4]
    parts = [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in pre.split(".")] if pre else []
    return (int(found[1]), int(found[2]), int(found[3]), not pre, parts)


def _compare(mine: Any, other: Any) -> int:
    rank: Callable[[Any], Any] = _amount if _QUANTITY in mine else _order
    a, b = rank(mine), rank(other)
    return (a > b) - (a < b)


# Lists and regular expressions.


def _is_sorted(items: list[Any]) -> bool:
    return all(a <= b for a, b in itertools.pairwise(items))


def _extreme(choose: Callable[[Any], Any], name: str) -> Callable[[Any], Any]:
    def function(items: list[Any]) -> Any:
        if not items:
            raise ValueError(f"{name} called on empty list")
        return choose(items)

    return function


def _sum(items: list[Any]) -> Any:
    return functools.reduce(lambda a, b: a + b, items) if items else 0


def _index(items: list[Any], item: Any) -> int:
    return items.index(item) if item in items else -1


def _last_index(items: list[Any], item: Any) -> int:
    return len(items) - 1 - items[::-1].index(item) if item in items else -1


def _find(text: str, pattern: str) -> str:
    found = compile_pattern(pattern).search(text)
    return found[0] if found else ""


def _find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
    found = [match[0] for match in compile_pattern(pattern).finditer(text)]
    return found if limit < 0 else found[:limit]


def _string(value: Any) -> str:
    for kind in (_IP, _CIDR):
        if kind in value:
            return value[kind]
    raise ValueError("no such overload")


def extension(*, checking: bool) -> Any:
    """The functions for an environment: with types of their own where rules are only checked."""

    def own(name: str) -> Any:
        return T(name) if checking else T.MAP

    def given(name: str) -> Any:
        """As `own`, of what a function gives."""
        return T(name) if checking else T.DYN

    quantities, url, ip, cidr, semver = map(own, (_QUANTITY, _URL, _IP, _CIDR, _SEMVER))
    found: dict[str, list[Any]] = {}

    def add(name: str, gives: Any, takes: list[Any], impl: Any, *, member: bool = True) -> None:
        overloads = found.setdefault(name, [])
        if not checking and any(known == takes for known, _ in overloads):
            return
        overload = cel.Overload(f"k8s_{name}_{len(overloads)}", gives, takes, member, impl=impl)
        overloads.append((takes, overload))

    def function(name: str, gives: Any, takes: list[Any], impl: Any) -> None:
        add(name, gives, takes, impl, member=False)

    function("quantity", given(_QUANTITY), [T.STRING], _quantity)
    function("isQuantity", T.BOOL, [T.STRING], lambda text: not _fails(_quantity, text))
    add("sign", T.INT, [quantities], lambda v: (_amount(v) > 0) - (_amount(v) < 0))
    add("isInteger", T.BOOL, [quantities], lambda v: not _fails(_integer, v))
    add("asInteger", T.INT, [quantities], _integer)
    add("asApproximateFloat", T.DOUBLE, [quantities], lambda v: float(_amount(v)))
    for name, sign in (("add", 1), ("sub", -1)):

        def combine(a: Any, b: Any, sign: int = sign) -> Value:
            other = b if isinstance(b, int) else _amount(b)
            return {_QUANTITY: str(_amount(a) + sign * other)}

        add(name, given(_QUANTITY), [quantities, quantities], combine)
        add(name, given(_QUANTITY), [quantities, T.INT], combine)
    for kind in (quantities, semver):
        add("isGreaterThan", T.BOOL, [kind, kind], lambda a, b: _compare(a, b) > 0)
        add("isLessThan", T.BOOL, [kind, kind], lambda a, b: _compare(a, b) < 0)
        add("compareTo", T.INT, [kind, kind], _compare)

    function("semver", given(_SEMVER), [T.STRING], _semver)
    function("semver", given(_SEMVER), [T.STRING, T.BOOL], _semver)
    function("isSemver", T.BOOL, [T.STRING], lambda text: not _fails(_semver, text))
    function("isSemver", T.BOOL, [T.STRING, T.BOOL], lambda t, n: not _fails(_semver, t, n))
    for i, name in enumerate(("major", "minor", "patch")):
        add(name, T.INT, [semver], lambda v, i=i: _order(v)[i])

    function("ip", given(_IP), [T.STRING], _ip)
    function("isIP", T.BOOL, [T.STRING], lambda text: not _fails(_ip, text))
    function("ip.isCanonical", T.BOOL, [T.STRING], lambda text: str(_address(text)) == text)
    add("family", T.INT, [ip], lambda v: ipaddress.ip_address(v[_IP]).version)
    for name, test in (
        ("isUnspecified", lambda a: a.is_unspecified),
        ("isLoopback", lambda a: a.is_loopback),
        (
            "isLinkLocalMulticast",
            lambda a: a in ipaddress.ip_network("ff02::/16" if a.version == 6 else "224.0.0.0/24"),
        ),
        ("isLinkLocalUnicast", lambda a: a.is_link_local),
        ("isGlobalUnicast", _is_global),
    ):
        add(name, T.BOOL, [ip], _from_ip(test))

    function("cidr", given(_CIDR), [T.STRING], _cidr)
    function("isCIDR", T.BOOL, [T.STRING], lambda text: not _fails(_cidr, text))
    add("containsIP", T.BOOL, [cidr, T.STRING], _contains)
    add("containsIP", T.BOOL, [cidr, ip], _contains)
    add("containsCIDR", T.BOOL, [cidr, T.STRING], _contains_network)
    add("containsCIDR", T.BOOL, [cidr, cidr], _contains_network)
    add("ip", given(_IP), [cidr], lambda v: {_IP: v[_CIDR].partition("/")[0]})
    add("prefixLength", T.INT, [cidr], lambda v: _network(v[_CIDR]).prefixlen)
    add("masked", given(_CIDR), [cidr], lambda v: {_CIDR: str(_network(v[_CIDR]))})
    for kind in (ip, cidr):
        function("string", T.STRING, [kind], _string)

    function("url", given(_URL), [T.STRING], _url)
    function("isURL", T.BOOL, [T.STRING], formats.is_uri)
    for name, get in (
        ("getScheme", lambda u: u.scheme),
        ("getHost", lambda u: u.netloc.rpartition("@")[2]),
        ("getHostname", lambda u: u.hostname or ""),
        ("getPort", lambda u: str(u.port or "")),
        ("getEscapedPath", lambda u: u.path),
    ):
        add(name, T.STRING, [url], _part(get))
    texts = T.Map(T.STRING, T.List(T.STRING))
    add("getQuery", texts, [url], _part(lambda u: parse_qs(u.query, keep_blank_values=True)))

    kinds = [T.INT, T.DOUBLE, T.BOOL, T.STRING, T.DURATION, T.TIMESTAMP, T.BYTES, T.UINT]
    summable = (T.INT, T.DOUBLE, T.DURATION, T.UINT)
    for kind in kinds:
        listed = T.List(kind) if checking else T.LIST
        gives = kind if checking else T.DYN
        add("isSorted", T.BOOL, [listed], _is_sorted)
        add("max", gives, [listed], _extreme(max, "max"))
        add("min", gives, [listed], _extreme(min, "min"))
        if kind in summable:
            add("sum", gives, [listed], _sum)
    add("indexOf", T.INT, [T.LIST, T.DYN], _index)
    add("lastIndexOf", T.INT, [T.LIST, T.DYN], _last_index)

    add("find", T.STRING, [T.STRING, T.STRING], _find)
    add("findAll", T.List(T.STRING), [T.STRING, T.STRING], _find_all)
    add("findAll", T.List(T.STRING), [T.STRING, T.STRING, T.INT], _find_all)

    if checking:
        numbers = (T.INT, T.UINT, T.DOUBLE)
        for name, compare in (
            ("_<_", operator.lt),
            ("_<=_", operator.le),
            ("_>_", operator.gt),
            ("_>=_", operator.ge),
        ):
            for one, other in itertools.permutations(numbers, 2):
                function(name, T.BOOL, [one, other], compare)

    declared = [cel.FunctionDecl(name, [o for _, o in rows]) for name, rows in found.items()]
    return cel.CelExtension("kubernetes", declared)
