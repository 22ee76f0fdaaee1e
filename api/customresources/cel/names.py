"""Field names as identifiers of the language. After apiserver's `pkg/cel/escaping.go`."""

import functools
import re

_RESERVED = frozenset(
    [
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    ]
)
_SPECIAL = re.compile(r"__|[-./]")
_ESCAPES = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_IDENTIFIER = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)


@functools.lru_cache(maxsize=4096)
def escape(name: str) -> str | None:
    """The identifier of a field, None for a field that rules cannot name.

    >>> escape("namespace"), escape("x-y"), escape("1st")
    ('__namespace__', 'x__dash__y', None)
    """
    if name in _RESERVED:
        return f"__{name}__"
    out = _SPECIAL.sub(lambda found: _ESCAPES[found[0]], name)
    return out if _IDENTIFIER.fullmatch(out) else None
