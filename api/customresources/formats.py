"""The string formats that schemas may name, after kube-openapi's `pkg/validation/strfmt`.

A format that is not known is not looked at.
"""

import base64
import binascii
import datetime
import email.utils
import ipaddress
import re
from collections.abc import Callable
from urllib.parse import urlsplit

from miniplane.api.customresources.patterns import compile_pattern

_HOSTNAME = (
    r"^([a-zA-Z0-9\p{S}\p{L}]((-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?)"
    r"|([a-zA-Z0-9\p{S}\p{L}](([a-zA-Z0-9-\p{S}\p{L}]{0,61}[a-zA-Z0-9\p{S}\p{L}])?)(\.)){1,}"
    r"([a-zA-Z\p{L}]){2,63})$"
)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME = re.compile(r"(\d{2}):(\d{2}):(\d{2})(.\d+)?(z|[+-]\d{2}:\d{2})", re.ASCII)
_GO_DURATION = re.compile(r"[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+|[-+]?0", re.ASCII)
_LONG_DURATION = re.compile(r"\d+\s*([A-Za-zµ]+)", re.ASCII)
_EXACT_UNITS = frozenset(["ns", "us", "µs", "ms", "s", "m", "h", "hr", "d", "w", "wk"])
_UNIT_PREFIXES = ("nano", "micro", "milli", "sec", "min", "hour", "day", "week")
_MAC = re.compile(
    r"(?i)[0-9a-f]{2}(?P<sep>[:-])(?:[0-9a-f]{2}(?P=sep)){4}[0-9a-f]{2}"
    r"|[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}"
)
_CARD = re.compile(
    r"4\d{12}(?:\d{3})?|5[1-5]\d{14}|6(?:011|5\d\d)\d{12}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}"
    r"|(?:2131|1800|35\d{3})\d{11}",
    re.ASCII,
)
_RGB_PART = r"\s*(?:0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*"
_RGB = re.compile(rf"rgb\({_RGB_PART},{_RGB_PART},{_RGB_PART}\)", re.ASCII)


def _matches(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.ASCII)
    return lambda text: compiled.fullmatch(text) is not None


def _uuid(version: str = "[0-9a-f]", variant: str = "[0-9a-f]") -> Callable[[str], bool]:
    return _matches(
        f"(?i)[0-9a-f]{{8}}-?[0-9a-f]{{4}}-?{version}[0-9a-f]{{3}}-?{variant}[0-9a-f]{{3}}-?"
        "[0-9a-f]{12}"
    )


def is_date(text: str) -> bool:
    if _DATE.fullmatch(text) is None:
        return False
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        return text.startswith("0000-") and is_date(f"2000{text[4:]}")
    return True


def is_date_time(text: str) -> bool:
    """RFC 3339, without leap seconds; everything up to the second "t" counts."""
    parts = text.lower().split("t")
    if len(text) < 4 or len(parts) < 2 or not is_date(parts[0]):
        return False
    found = _TIME.fullmatch(parts[1])
    return found is not None and found[1] <= "23" and found[2] <= "59" and found[3] <= "59"


def is_duration(text: str) -> bool:
    """As Go writes them (`1h30m`), or in words (`22 ns`, `3 days`)."""
    if _GO_DURATION.fullmatch(text):
        return True
    return any(
        unit.lower() in _EXACT_UNITS or unit.lower().startswith(_UNIT_PREFIXES)
        for unit in _LONG_DURATION.findall(text)
    )


def _is_ip(text: str, sign: str) -> bool:
    if sign not in text:
        return False
    try:
        # Leading zeros are tolerated, as they were in old versions of Go.
        plain = re.sub(r"(?<![0-9a-fA-F:])0+(?=\d)", "", text) if sign == "." else text
        ipaddress.ip_address(plain)
    except ValueError:
        return False
    return "%" not in text


def is_cidr(text: str) -> bool:
    address, slash, bits = text.partition("/")
    if not slash or not bits.isdigit() or "%" in text:
        return False
    width = 128 if ":" in address else 32
    return _is_ip(address, ":" if width == 128 else ".") and int(bits) <= width


def is_uri(text: str) -> bool:
    """An absolute URI, or a path from the root: `url.ParseRequestURI`."""
    if not text or any(ord(char) <= 0x20 or ord(char) == 0x7F for char in text):
        return False
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - raises for a port that is none
    except ValueError:
        return False
    if re.search(r"%(?![0-9A-Fa-f]{2})", text):
        return False
    return text.startswith("/") or bool(parts.scheme)


def is_email(text: str) -> bool:
    _, address = email.utils.parseaddr(text)
    local, at, domain = address.rpartition("@")
    return bool(local and at and domain) and " " not in address


def is_hostname(text: str) -> bool:
    if compile_pattern(_HOSTNAME).search(text) is None or len(text.encode()) > 255:
        return False
    return all(len(part.encode()) <= 63 for part in text.split("."))


def is_base64(text: str) -> bool:
    """Standard base64, padded; nothing at all is none."""
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return bool(text)


def _isbn10(text: str) -> bool:
    digits = re.sub(r"[\s-]+", "", text)
    if not re.fullmatch(r"(?:[0-9]{9}X|[0-9]{10})", digits):
        return False
    total = sum((i + 1) * int(d) for i, d in enumerate(digits[:9]))
    return (total + 10 * (10 if digits[9] == "X" else int(digits[9]))) % 11 == 0


def _isbn13(text: str) -> bool:
    digits = re.sub(r"[\s-]+", "", text)
    if not re.fullmatch(r"[0-9]{13}", digits):
        return False
    total = sum(int(d) * (1, 3)[i % 2] for i, d in enumerate(digits[:12]))
    return (10 - total % 10) % 10 == int(digits[12])


def _credit_card(text: str) -> bool:
    digits = re.sub(r"[^0-9]+", "", text)
    if _CARD.fullmatch(digits) is None:
        return False
    total = 0
    for i, digit in enumerate(reversed(digits)):
        number = int(digit) * (1 + i % 2)
        total += number - 9 if number > 9 else number
    return total % 10 == 0


_NAME = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"

FORMATS: dict[str, Callable[[str], bool]] = {
    "bsonobjectid": _matches("[0-9a-fA-F]{24}"),
    "uri": is_uri,
    "email": is_email,
    "hostname": is_hostname,
    "ipv4": lambda text: _is_ip(text, "."),
    "ipv6": lambda text: _is_ip(text, ":"),
    "cidr": is_cidr,
    "mac": lambda text: _MAC.fullmatch(text) is not None,
    "uuid": _uuid(),
    "uuid3": _uuid("3"),
    "uuid4": _uuid("4", "[89ab]"),
    "uuid5": _uuid("5", "[89ab]"),
    "isbn": lambda text: _isbn10(text) or _isbn13(text),
    "isbn10": _isbn10,
    "isbn13": _isbn13,
    "creditcard": _credit_card,
    "ssn": _matches(r"\d{3}[- ]?\d{2}[- ]?\d{4}"),
    "hexcolor": _matches("#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})"),
    "rgbcolor": lambda text: _RGB.fullmatch(text) is not None,
    "byte": is_base64,
    "password": lambda text: True,
    "date": is_date,
    "duration": is_duration,
    "datetime": is_date_time,
    "k8sshortname": lambda text: len(text) <= 63 and re.fullmatch(_NAME, text) is not None,
    "k8slongname": lambda text: (
        len(text) <= 253 and re.fullmatch(rf"{_NAME}(\.{_NAME})*", text) is not None
    ),
}
"""What tells whether a text has the format, by its name without dashes."""

_NUMBER_FORMATS = {"integer": ("int32", "int64"), "number": ("float", "double")}


def supported(kind: str, name: str) -> bool:
    """Whether a format means something for values of a type (`""`: for strings)."""
    if kind in ("", "string"):
        return name.replace("-", "") in FORMATS
    return name in _NUMBER_FORMATS.get(kind, ())


def check(name: str) -> Callable[[str], bool] | None:
    """The check of a string format, None for one that is not known."""
    return FORMATS.get(name.replace("-", ""))
