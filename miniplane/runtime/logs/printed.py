"""What a simple command prints, and when, where that can be told by looking (pure).

Nothing is run: `echo`, `printenv`, `hostname`, `sleep` and shell scripts of these, joined by `;`,
`&&` and `||`, are understood. Of all else nothing is known.

>>> printed(["sh", "-c", 'echo "I am $NAME"; sleep 2; echo $(NAME) done'], {"NAME": "web-0"})
[(0.0, 'I am web-0'), (2.0, 'web-0 done')]
>>> printed(["nginx", "-g", "daemon off;"], {})
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from miniplane.api import downward, sleeping

Line = tuple[float, str]
"""Seconds after the start, and the text."""

_SHELLS = ("sh", "bash", "ash", "dash")
_VARIABLE = re.compile(r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})")
_TOKEN = re.compile(
    r"""(?P<joint>&&|\|\||;|\n)|(?P<space>[ \t\r]+)|'(?P<single>[^']*)'|"(?P<double>[^"\\`]*)\""""
    r"""|(?P<bare>[^\s;&|<>()'"`\\*?#]+)"""
)
_SUBSTITUTION = "$("


class _Unclear(Exception):
    """The script has something in it that is not understood."""


def printed(argv: Sequence[str], env: Mapping[str, str]) -> list[Line] | None:
    """The lines of a command, whose `$(NAME)`s are variables; None where they cannot be told."""
    argv = [downward.expand(text, env) for text in argv]
    try:
        return list(_lines(argv, env))
    except _Unclear:
        return None


def _lines(argv: Sequence[str], env: Mapping[str, str]) -> Iterator[Line]:
    after = 0.0
    if len(argv) == 3 and argv[0].rpartition("/")[2] in _SHELLS and argv[1] == "-c":
        commands = list(_commands(argv[2], env))
    else:
        commands = [("", list(argv))]
    failed = False
    for joint, words in commands:
        if (joint == "&&" and failed) or (joint == "||" and not failed):
            continue
        name, rest = words[0].rpartition("/")[2], words[1:]
        failed = name == "false"
        if name == "exit":
            return
        if name == "sleep":
            after += _seconds(rest)
        elif name == "echo":
            yield after, " ".join(rest)
        elif name == "printenv" and len(rest) == 1:
            failed = rest[0] not in env
            if not failed:
                yield after, env[rest[0]]
        elif name == "hostname" and not rest:
            yield after, env.get("HOSTNAME", "")
        elif name not in ("true", "false", ":"):
            raise _Unclear(name)


def _seconds(times: Sequence[str]) -> float:
    seconds = sleeping.seconds(times)
    if seconds is None:
        raise _Unclear(times)
    return seconds


def _commands(script: str, env: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    """What joins each command to the one before, and its words."""
    joint, at = "", 0
    words: list[str] = []
    word: str | None = None
    while at < len(script):
        found = _TOKEN.match(script, at)
        if found is None:
            raise _Unclear(script[at:])
        at = found.end()
        if found["joint"] or found["space"]:
            if word is not None:
                words.append(word)
            word = None
            if found["joint"] and words:
                yield joint, words
                words = []
            if found["joint"]:
                joint = found["joint"].strip("\n;")
            continue
        word = word or ""
        if found["single"] is not None:
            word += found["single"]
            continue
        text: str = found["double"] if found["double"] is not None else found["bare"]
        if _SUBSTITUTION in text:
            raise _Unclear(text)
        word += _VARIABLE.sub(lambda each: env.get(each[1] or each[2], ""), text)
    if word is not None:
        words.append(word)
    if words:
        yield joint, words
