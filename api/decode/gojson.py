"""JSON as Go's `encoding/json` sees it: its syntax errors, and a slow exact parse.

Used where the fast parser refuses a document or where keys may be doubled. `syntax_error` follows
Go's scanner, so that a client reads the message that it knows; `parse` keeps every doubled key.
"""

import codecs
import json
import re
from typing import Any

MAX_DEPTH = 150
"""How deep a document may nest, so that code may recurse along it. Go allows 10,000."""

TOO_DEEP = "exceeded max depth"

_SPACE = re.compile(rb"[ \t\r\n]*")
_STRING = re.compile(rb'"(?:[^"\\\x00-\x1f]+|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*')
_HEX = b"0123456789abcdefABCDEF"
_END = "unexpected end of JSON input"


class Duplicated(dict):
    """A JSON object with doubled keys. As a dictionary it holds the last value of each key.

    `pairs` has all keys and values in the order of the document.
    """

    __slots__ = ("pairs",)

    def __init__(self, pairs: list[tuple[str, Any]]):
        super().__init__(pairs)
        self.pairs = pairs


class NumberError(ValueError):
    """A number that no float can hold. Its text is the one of Go's decoder."""


def parse(data: bytes) -> Any:
    """A document that `syntax_error` has nothing against; objects may be `Duplicated`.

    Bytes that are not UTF-8 and lone surrogates become U+FFFD, one for each byte, as in Go.
    Integers beyond 64 bits become floats. Raises NumberError.
    """
    text = data.decode("utf-8", errors="miniplane.each-byte")
    if "\\u" in text:
        text = _ESCAPE.sub(lambda m: "\\ufffd" if m[1] else m[0], text)
    return json.loads(
        text,
        object_pairs_hook=_object,
        parse_int=_integer,
        parse_float=_number,
        strict=False,
    )


_ESCAPE = re.compile(
    r"\\u[dD][89aAbB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\."
)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    return out if len(out) == len(pairs) else Duplicated(pairs)


def _integer(text: str) -> int | float:
    if len(text) <= 20 and -(1 << 63) <= (value := int(text)) < 1 << 63:
        return value
    return _number(text)


def _number(text: str) -> float:
    number = float(text)
    if number - number != 0:
        raise NumberError(f"json: cannot unmarshal number {text} into Go value of type float64")
    return number


def syntax_error(data: bytes) -> tuple[str, int]:
    """What Go's scanner says of `data` (`""`: nothing) and how deep the document nests.

    Walks without recursion; stops with `TOO_DEEP` beyond `MAX_DEPTH`.
    """
    # Go ends a document by scanning one more space: `-` and `tru` complain about that space.
    padded = data + b" "
    end = len(padded)
    closers: list[str] = []
    deepest = 0
    i = 0
    expect = "value"
    while True:
        i = _SPACE.match(padded, i).end()  # type: ignore[union-attr]
        if i >= end:
            return ("" if expect == "top" else _END), deepest
        char = chr(padded[i])
        if expect == "top":
            return _bad(char, "after top-level value"), deepest
        if expect in ("value", "value or ]", "key", "key or }"):
            if char in "]}" and expect[-1] == char:
                closers.pop()
                i += 1
                expect = _after(closers)
            elif expect.startswith("value") and char in "{[":
                closers.append("}" if char == "{" else "]")
                deepest = max(deepest, len(closers))
                if deepest > MAX_DEPTH:
                    return _bad(char, TOO_DEEP), deepest
                i += 1
                expect = "key or }" if char == "{" else "value or ]"
            else:
                is_key = expect.startswith("key")
                message, i = _key(padded, i) if is_key else _literal(padded, i)
                if message:
                    return message, deepest
                expect = ":" if is_key else _after(closers)
        elif expect == ":":
            if char != ":":
                return _bad(char, "after object key"), deepest
            i += 1
            expect = "value"
        else:
            closer = closers[-1]
            if char == ",":
                expect = "key" if closer == "}" else "value"
            elif char == closer:
                closers.pop()
                expect = _after(closers)
            else:
                where = "object key:value pair" if closer == "}" else "array element"
                return _bad(char, f"after {where}"), deepest
            i += 1


def _after(closers: list[str]) -> str:
    return "comma" if closers else "top"


def _key(data: bytes, i: int) -> tuple[str, int]:
    if data[i] != ord('"'):
        return _bad(chr(data[i]), "looking for beginning of object key string"), i
    return _string(data, i)


def _literal(data: bytes, i: int) -> tuple[str, int]:
    """Skips a string, number or word; an error message instead where it is malformed."""
    char = chr(data[i])
    if char == '"':
        return _string(data, i)
    if char in "-0123456789":
        return _number_literal(data, i)
    for word in ("true", "false", "null"):
        if char == word[0]:
            for k, wanted in enumerate(word[1:], i + 1):
                if k >= len(data):
                    return _END, k
                if data[k] != ord(wanted):
                    context = f"in literal {word} (expecting '{wanted}')"
                    return _bad(chr(data[k]), context), k
            return "", i + len(word)
    return _bad(char, "looking for beginning of value"), i


def _string(data: bytes, i: int) -> tuple[str, int]:
    i = _STRING.match(data, i).end()  # type: ignore[union-attr]
    if i >= len(data):
        return _END, i
    if data[i] == ord('"'):
        return "", i + 1
    if data[i] != ord("\\"):
        return _bad(chr(data[i]), "in string literal"), i
    if i + 1 >= len(data):
        return _END, i
    if data[i + 1] != ord("u"):
        return _bad(chr(data[i + 1]), "in string escape code"), i
    for k in range(i + 2, i + 6):
        if k >= len(data):
            break
        if data[k] not in _HEX:
            return _bad(chr(data[k]), "in \\u hexadecimal character escape"), k
    return _END, i


def _number_literal(data: bytes, i: int) -> tuple[str, int]:
    def digit(k: int) -> bool:
        return k < len(data) and data[k] in b"0123456789"

    def digits(k: int) -> int:
        while digit(k):
            k += 1
        return k

    def bad(k: int, context: str) -> tuple[str, int]:
        return (_bad(chr(data[k]), context) if k < len(data) else _END), k

    if data[i] == ord("-"):
        i += 1
        if not digit(i):
            return bad(i, "in numeric literal")
    i = i + 1 if data[i] == ord("0") else digits(i)
    if i < len(data) and data[i] == ord("."):
        i += 1
        if not digit(i):
            return bad(i, "after decimal point in numeric literal")
        i = digits(i)
    if i < len(data) and data[i] in b"eE":
        i += 1
        if i < len(data) and data[i] in b"+-":
            i += 1
        if not digit(i):
            return bad(i, "in exponent of numeric literal")
        i = digits(i)
    return "", i


_ESCAPES = {
    "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v",
    "\\": "\\\\", "'": "\\'", "\xa0": "\\u00a0", "\xad": "\\u00ad",
}  # fmt: skip


def _bad(char: str, context: str) -> str:
    """Go's complaint about one byte, quoted as `strconv.Quote` would."""
    if char in _ESCAPES:
        char = _ESCAPES[char]
    elif char < " " or char == "\x7f":
        char = f"\\x{ord(char):02x}"
    elif "\x7f" < char < "\xa0":
        char = f"\\u{ord(char):04x}"
    return f"invalid character '{char}' {context}"


def _each_byte(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return "\ufffd", error.start + 1


codecs.register_error("miniplane.each-byte", _each_byte)
