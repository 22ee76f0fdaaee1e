"""Regular expressions as Go's `regexp` reads them (RE2 syntax), for `pattern` in schemas.

Python's are close; what differs is translated: `$` and `\\z` mean the very end, `\\d` and `\\w` are
ASCII, and there are POSIX classes and Unicode categories.

>>> bool(compile_pattern("^[[:alpha:]]+$").search("abc"))
True
>>> bool(compile_pattern("a$").search("a\\n"))
False
"""

import functools
import re
import sys
import unicodedata

_POSIX = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": "\\x00-\\x7f",
    "blank": "\\t ",
    "cntrl": "\\x00-\\x1f\\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": "!-/:-@\\[-`{-~",
    "space": "\\t\\n\\v\\f\\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
_UNTAKEN = re.compile(r"\\[1-9]|\(\?(?:[=!]|<[=!]|\()|(?<!\\)(?:[*+?]|\})\+")
"""What Python would take and Go does not: back references, look-around, possessive repetition."""


@functools.lru_cache(maxsize=1024)
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """ValueError for a pattern that Go would not take."""
    if _UNTAKEN.search(pattern):
        raise ValueError(f"invalid or unsupported Perl syntax: `{pattern}`")
    try:
        return re.compile(_translated(pattern), re.ASCII)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"{error}: `{pattern}`") from None


def _translated(pattern: str) -> str:
    out: list[str] = []
    at, in_class, multiline = 0, False, pattern.startswith(("(?m", "(?im", "(?sm"))
    while at < len(pattern):
        char = pattern[at]
        if char == "\\" and at + 1 < len(pattern):
            at = _escape(pattern, at, out, in_class)
            continue
        if in_class:
            if pattern.startswith("[:", at) and (end := pattern.find(":]", at)) > 0:
                name = pattern[at + 2 : end]
                out.append(_POSIX.get(name, re.escape(name)))
                at = end + 2
                continue
            in_class = char != "]"
            out.append("\\[" if char == "[" else char)
        elif char == "[":
            in_class = True
            out.append(char)
            if pattern.startswith("^", at + 1):
                at += 1
                out.append("^")
            if pattern.startswith("]", at + 1):
                at += 1
                out.append("\\]")
        else:
            out.append("\\Z" if char == "$" and not multiline else char)
        at += 1
    return "".join(out)


def _escape(pattern: str, at: int, out: list[str], in_class: bool) -> int:
    """Translate the escape at `at`; returns where it ends."""
    letter = pattern[at + 1]
    if letter == "z":
        out.append("\\Z")
        return at + 2
    if letter == "Q":
        end = pattern.find("\\E", at)
        end = len(pattern) if end < 0 else end
        out.append(re.escape(pattern[at + 2 : end]))
        return end + 2
    if letter in "pP":
        return _category(pattern, at, out, in_class)
    if letter == "x" and pattern.startswith("{", at + 2):
        end = pattern.index("}", at)
        out.append(re.escape(chr(int(pattern[at + 3 : end], 16))))
        return end + 1
    out.append(pattern[at : at + 2])
    return at + 2


def _category(pattern: str, at: int, out: list[str], in_class: bool) -> int:
    if pattern.startswith("{", at + 2):
        end = pattern.index("}", at) + 1
        name = pattern[at + 3 : end - 1]
    else:
        end = at + 3
        name = pattern[at + 2 : end]
    inverse = (pattern[at + 1] == "P") != name.startswith("^")
    chars = _ranges(name.removeprefix("^"), inverse)
    out.append(chars if in_class else f"[{chars}]")
    return end


@functools.lru_cache(maxsize=32)
def _ranges(category: str, inverse: bool) -> str:
    """The characters of a Unicode category (`L`, `Lu`, `N`...) as the inside of a class."""
    found: list[tuple[int, int]] = []
    for code in range(sys.maxunicode + 1):
        if unicodedata.category(chr(code)).startswith(category) is not inverse:
            if found and found[-1][1] == code - 1:
                found[-1] = (found[-1][0], code)
            else:
                found.append((code, code))
    if not found:
        raise re.error(f"invalid character class range: `\\p{{{category}}}`")
    return "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in found)
