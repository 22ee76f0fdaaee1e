"""Scalars with a form of their own: quantities, base64, floats. Each returns the written form.

What cannot be read raises ValueError with the text that Go's own decoder gives.
"""

import binascii
import functools
import re
from typing import Any

from miniplane.api import quantity as quantities

_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?", re.ASCII)


@functools.lru_cache(maxsize=4096)
def quantity(value: str | int | float) -> str:
    """The canonical form of a quantity: `0.5` -> `500m`, `1024Mi` -> `1Gi`."""
    if isinstance(value, str):
        value = value.strip(" \t\r\n\v\f\x85\xa0")
    return quantities.canonical(value)


def base64(value: str) -> str:
    """Standard base64, re-encoded; Go skips line breaks inside."""
    text = value.replace("\n", "").replace("\r", "")
    if not _BASE64.fullmatch(text):
        raise ValueError(f"illegal base64 data at input byte {_illegal_byte(value)}")
    return base64_of(binascii.a2b_base64(text))


def base64_of(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode()


def _illegal_byte(value: str) -> int:
    """Where Go's decoder gives up: the first foreign character, or the quantum it could not end."""
    # Go sees UTF-8 bytes; line breaks count as positions though they are skipped.
    places = [(i, chr(c)) for i, c in enumerate(value.encode()) if c not in b"\r\n"]
    end = len(value.encode())
    for n, (i, char) in enumerate(places):
        if char == "=":
            return _illegal_padding(n % 4, i, places[n + 1 :], end)
        if not (char.isascii() and (char.isalnum() or char in "+/")):
            return i
    return end - len(places) % 4


def _illegal_padding(filled: int, at: int, rest: list[tuple[int, str]], end: int) -> int:
    """`filled` characters of the quantum stand before the first `=`, which is at byte `at`."""
    if filled < 2:
        return at
    if filled == 2:
        if not rest:
            return end
        if rest[0][1] != "=":
            return rest[0][0] - 1
        rest = rest[1:]
    return rest[0][0] if rest else end


def number(value: Any) -> Any:
    """A float as Go writes it: whole numbers without a fraction."""
    if type(value) is float and value.is_integer() and abs(value) < 1e21:
        return int(value)
    return value
