"""Resource quantities: `100m`, `1.5Gi`, `1e3`, held exactly.

Follows apimachinery's `pkg/api/resource`: what parses, what a quantity looks like once a server
has read it and written it back, and how it rounds. A quantity is `mantissa * 10**scale`, both
integers; nothing here goes through a float.

>>> canonical("1024Mi"), canonical("0.5"), canonical("1000m"), canonical("1e3")
('1Gi', '500m', '1', '1e3')
"""

import dataclasses
import functools
import re
from typing import TypeAlias

QuantityLike: TypeAlias = "str | int | float | Quantity"

FORMAT_ERROR = (
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)
NUMERIC_ERROR = "unable to parse numeric part of quantity"
SUFFIX_ERROR = "unable to parse quantity's suffix"

DECIMAL_SI = "DecimalSI"
BINARY_SI = "BinarySI"
DECIMAL_EXPONENT = "DecimalExponent"

_SYNTAX = re.compile(
    r"([+-]?)(0*)([0-9]*)(\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)", re.ASCII | re.DOTALL
)
_EXPONENT = re.compile(r"[eE]([-+]?[0-9]{1,19})", re.ASCII)
_DECIMAL = {
    "n": -9,
    "u": -6,
    "m": -3,
    "": 0,
    "k": 3,
    "M": 6,
    "G": 9,
    "T": 12,
    "P": 15,
    "E": 18,
}
_DECIMAL_NAMES = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_BINARY_NAMES = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_MAX_INT64 = (1 << 63) - 1
_INT64_DIGITS = 18
_NANO = -9
# Exponents come from clients: 1e2000000000 is a valid quantity, and must not be multiplied out.
_WIDEST_SCALE = 400
_LONGEST_KEPT = 64


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Quantity:
    """An exact quantity. `text` is its original form where a server keeps that form."""

    mantissa: int
    scale: int
    format: str = DECIMAL_SI
    text: str = ""

    def __str__(self) -> str:
        return self.text or _canonical_text(self)

    @property
    def sign(self) -> int:
        return (self.mantissa > 0) - (self.mantissa < 0)

    def scaled(self, scale: int) -> int:
        """The value in units of `10**scale`, rounded away from zero."""
        shift = min(self.scale - scale, _WIDEST_SCALE)
        if shift >= 0:
            return self.mantissa * 10**shift
        if not self.mantissa:
            return 0
        shift = min(-shift, _WIDEST_SCALE)
        whole = -(-abs(self.mantissa) // 10**shift)
        return whole if self.mantissa > 0 else -whole

    def compare(self, other: "Quantity") -> int:
        """-1, 0 or 1."""
        scale = max(min(self.scale, other.scale), -_WIDEST_SCALE)
        mine, theirs = self.scaled(scale), other.scaled(scale)
        return (mine > theirs) - (mine < theirs)

    def __eq__(self, other: object) -> bool:
        return self.compare(other) == 0 if isinstance(other, Quantity) else NotImplemented

    def __lt__(self, other: "Quantity") -> bool:
        return self.compare(other) < 0

    def __le__(self, other: "Quantity") -> bool:
        return self.compare(other) <= 0

    def __gt__(self, other: "Quantity") -> bool:
        return self.compare(other) > 0

    def __ge__(self, other: "Quantity") -> bool:
        return self.compare(other) >= 0

    def __hash__(self) -> int:
        mantissa, scale = _strip_zeros(self.mantissa, self.scale)
        return hash((mantissa, scale))

    def __bool__(self) -> bool:
        return self.mantissa != 0

    def __neg__(self) -> "Quantity":
        return Quantity(-self.mantissa, self.scale, self.format)

    def __add__(self, other: "Quantity") -> "Quantity":
        # A zero takes the format of what is added to it, so that sums look like their terms.
        form = self.format if self.mantissa else other.format
        scale = max(min(self.scale, other.scale), -_WIDEST_SCALE)
        return Quantity(self.scaled(scale) + other.scaled(scale), scale, form)

    def __sub__(self, other: "Quantity") -> "Quantity":
        form = self.format if self.mantissa else other.format
        scale = max(min(self.scale, other.scale), -_WIDEST_SCALE)
        return Quantity(self.scaled(scale) - other.scaled(scale), scale, form)


ZERO = Quantity(0, 0)


def parse(quantity: QuantityLike) -> Quantity:
    """The value of a quantity as JSON holds it. ValueError, with the server's words, if bad."""
    if isinstance(quantity, str):
        return _parse(quantity) if len(quantity) <= _LONGEST_KEPT else _parse.__wrapped__(quantity)
    if isinstance(quantity, Quantity):
        return quantity
    return _parse(repr(quantity))


def canonical(quantity: QuantityLike) -> str:
    """The form in which a server writes back what it read. ValueError as `parse`."""
    if isinstance(quantity, str) and len(quantity) <= _LONGEST_KEPT:
        return _canonical(quantity)
    return str(parse(quantity))


def value(quantity: QuantityLike) -> int:
    """The value in whole units, rounded away from zero."""
    return parse(quantity).scaled(0)


def to_milli(quantity: QuantityLike) -> int:
    """The value in thousandths, rounded away from zero."""
    return parse(quantity).scaled(-3)


def compare(left: QuantityLike, right: QuantityLike) -> int:
    """-1, 0 or 1, by exact value."""
    return parse(left).compare(parse(right))


def add(left: QuantityLike, right: QuantityLike) -> str:
    """The sum, in canonical form; the format is that of `left` unless it is zero."""
    return str(parse(left) + parse(right))


def subtract(left: QuantityLike, right: QuantityLike) -> str:
    """The difference, in canonical form; the format is that of `left` unless it is zero."""
    return str(parse(left) - parse(right))


@functools.lru_cache(maxsize=4096)
def _canonical(text: str) -> str:
    return str(_parse(text))


@functools.lru_cache(maxsize=4096)
def _parse(text: str) -> Quantity:
    text = text.strip()
    match = _SYNTAX.fullmatch(text)
    if match is None or not text:
        raise ValueError(FORMAT_ERROR)
    if text == "0":
        return Quantity(0, 0, DECIMAL_SI, text)
    sign, zeros, whole, _, fraction, suffix = match.groups()
    whole, fraction = whole or "0", fraction or ""
    base, exponent, form = _interpret(suffix)
    digits = whole + fraction
    number = int(digits) if len(digits) <= 4000 else _int_of(digits)

    # Where the number fits 64 bits and is as short as it can be, the server keeps its text.
    if base == 2:
        small = not fraction and 14 - len(whole) - exponent * 3 // 10 >= 0
        if small and (number << exponent) <= _MAX_INT64:
            mantissa = -(number << exponent) if sign == "-" else number << exponent
            return Quantity(mantissa, 0, form, text if number & 7 else "")
    else:
        scale = exponent - len(fraction)
        if len(digits) <= _INT64_DIGITS and scale >= _NANO:
            kept = scale % 3 == 0 and not digits.endswith("000") and digits[0] != "0"
            mantissa = -number if sign == "-" else number
            return Quantity(mantissa, scale, form, text if kept else "")

    if not (zeros or match[3] or fraction):
        raise ValueError(NUMERIC_ERROR)
    if base == 2:
        exact = Quantity(number << exponent, -len(fraction), form)
    else:
        exact = Quantity(number, exponent - len(fraction), form)
    # A value below a billionth counts as one: who asks for something shall get something.
    scale = max(exact.scale, _NANO)
    mantissa = exact.scaled(scale)
    if base == 2:
        if Quantity(mantissa, scale) > Quantity(_MAX_INT64, 0):
            mantissa, scale = _MAX_INT64, 0
        elif Quantity(mantissa, scale) < Quantity(1, 0):
            form = DECIMAL_SI
    return Quantity(-mantissa if sign == "-" else mantissa, scale, form)


def _interpret(suffix: str) -> tuple[int, int, str]:
    """Base, exponent and format of a suffix."""
    exponent = _DECIMAL.get(suffix)
    if exponent is not None:
        return 10, exponent, DECIMAL_SI
    exponent = _BINARY.get(suffix)
    if exponent is not None:
        return 2, exponent, BINARY_SI
    match = _EXPONENT.fullmatch(suffix)
    if match is None or abs(int(match[1])) > _MAX_INT64:
        raise ValueError(SUFFIX_ERROR)
    # The server keeps exponents in 32 bits and lets larger ones wrap around.
    return 10, (int(match[1]) + (1 << 31)) % (1 << 32) - (1 << 31), DECIMAL_EXPONENT


def _int_of(digits: str) -> int:
    """An integer of any length: `int` itself refuses more than some thousand digits."""
    number = 0
    for start in range(0, len(digits), 4000):
        piece = digits[start : start + 4000]
        number = number * 10 ** len(piece) + int(piece)
    return number


def _strip_zeros(mantissa: int, scale: int) -> tuple[int, int]:
    if not mantissa:
        return 0, 0
    while mantissa % 10 == 0:
        mantissa //= 10
        scale += 1
    return mantissa, scale


def _canonical_text(quantity: Quantity) -> str:
    if not quantity.mantissa:
        return "0"
    if quantity.format == BINARY_SI:
        whole = quantity.scaled(0)
        exact = Quantity(whole, 0).compare(quantity) == 0
        if exact and abs(whole) >= 1024:
            power = 0
            while whole % 1024 == 0 and power < len(_BINARY_NAMES) - 1:
                whole //= 1024
                power += 1
            return f"{whole}{_BINARY_NAMES[power]}"
    mantissa, scale = _strip_zeros(quantity.mantissa, quantity.scale)
    # Exponents are multiples of three, the next one below.
    mantissa *= 10 ** (scale % 3)
    scale -= scale % 3
    if quantity.format == DECIMAL_EXPONENT:
        return f"{mantissa}e{scale}" if scale else str(mantissa)
    return f"{mantissa}{_DECIMAL_NAMES.get(scale, '')}"
