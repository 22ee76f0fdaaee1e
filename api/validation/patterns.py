"""Regular expressions of schemas: whether Go's `regexp/syntax` would take them.

Python's grammar is near enough to Go's to check with: what only Go knows is replaced first, and
what only Python knows is refused.
"""

import re
import warnings

_TOKENS = re.compile(
    r"""
    (?P<quoted>\\Q.*?(?:\\E|\Z))
    | (?P<set>\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\])
    | (?P<class>\\[pP](?:\{\^?\w+\}|\w))
    | (?P<end>\\z)
    | (?P<backreference>\\[1-9])
    | (?P<escape>\\.)
    | \(\?P?<(?P<name>\w+)>
    | (?P<flags>\(\?[imsU]*(?:-[imsU]+)?(?P<colon>:|\)))
    | (?P<perl>\(\?(?:<?[^)]|\Z))
    | (?P<possessive>[*+?}]\+)
    """,
    re.VERBOSE | re.DOTALL,
)
_IN_SETS = re.compile(r"\\[pP](?:\{\^?\w+\}|\w)|\[:\^?\w+:\]|(\\.)", re.DOTALL)
_COMPLAINTS = (
    ("missing ), unterminated subpattern", "missing closing ): `{}`"),
    ("unbalanced parenthesis", "unexpected ): `{}`"),
    ("unterminated character set", "missing closing ]: `{}`"),
    ("bad escape (end of pattern)", "trailing backslash at end of expression: ``"),
    ("nothing to repeat", "missing argument to repetition operator: `{}`"),
    ("multiple repeat", "invalid nested repetition operator: `{}`"),
    ("bad character range", "invalid character class range: `{}`"),
    ("min repeat greater than max repeat", "invalid repeat count: `{}`"),
    ("bad escape", "invalid escape sequence: `{}`"),
)
_WHOLE = ("missing )", "unbalanced")


def problem(pattern: str) -> str:
    """What Go says of a bad expression, as `missing closing ): `(``; empty for a good one."""
    refused = ""

    def replace(token: re.Match[str]) -> str:
        nonlocal refused
        kind, text = token.lastgroup, token[0]
        if kind == "backreference":
            refused = refused or f"invalid escape sequence: `{text}`"
        elif kind == "perl":
            refused = refused or f"invalid or unsupported Perl syntax: `{text}`"
        elif kind == "possessive" and text != "}+":
            refused = refused or f"invalid nested repetition operator: `{text}`"
        if kind == "set":
            return _IN_SETS.sub(lambda inner: inner[1] or "x", text)
        replacements = {"quoted": "x", "class": "x", "end": "", "name": "("}
        if kind in ("flags", "colon"):
            return "(?:" if token["colon"] == ":" else ""
        return replacements.get(kind or "", text)

    plain = _TOKENS.sub(replace, pattern)
    if refused:
        return refused
    try:
        with warnings.catch_warnings():
            # Python warns of sets within sets; in Go they are no such thing.
            warnings.simplefilter("ignore")
            re.compile(plain)
    except (re.error, OverflowError, RecursionError) as error:
        return _in_go(str(error), pattern, getattr(error, "pos", None))
    return ""


def _in_go(complaint: str, pattern: str, position: int | None) -> str:
    for start, text in _COMPLAINTS:
        if complaint.startswith(start):
            whole = complaint.startswith(_WHOLE) or position is None
            return text.format(pattern if whole else pattern[position:])
    return f"invalid or unsupported syntax: `{pattern}`"
