"""How long a container's command takes and with what it exits, where that can be told by looking.

Nothing is run. `sleep 5`, `echo`, `printenv NAME`, `true`, `false`, and shell scripts of such
commands joined by `;`, `&&` and `||` are understood; of all else nothing is known.

>>> foresee(["sh", "-c", "echo hello; sleep 5 && exit 42"])
Foresight(seconds=5.0, exit_code=42)
>>> foresee(["perl", "-wle", "print bpi(2000)"])
"""

import dataclasses
import math
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from miniplane.api import sleeping

_AT_ONCE = dict.fromkeys(
    ("echo", "printf", "true", ":", "date", "hostname", "pwd", "env", "id", "whoami", "uname", "ls")
)
_SHELLS = dict.fromkeys(("sh", "bash", "ash", "dash"))


@dataclasses.dataclass(frozen=True, slots=True)
class Foresight:
    """`seconds` is None for a command that never ends."""

    seconds: float | None
    exit_code: int = 0


_NOW = Foresight(0.0)
_NO_VARIABLES: Mapping[str, str] = MappingProxyType({})


def foresee(argv: Sequence[str], env: Mapping[str, str] = _NO_VARIABLES) -> Foresight | None:
    """None where it cannot be told. `env` are the variables that `printenv` finds."""
    if not argv:
        return None
    name, rest = argv[0].rpartition("/")[2], argv[1:]
    if name in _AT_ONCE:
        return _NOW
    if name == "false":
        return Foresight(0.0, 1)
    if name == "printenv" and len(rest) <= 1:
        return Foresight(0.0, 0 if not rest or rest[0] in env else 1)
    if name == "sleep":
        return _sleep(rest)
    if name in _SHELLS and len(rest) >= 2 and re.fullmatch(r"-[a-z]*c", rest[0]):
        return _script(rest[1], env, stop_at_errors="e" in rest[0])
    return None


def _sleep(times: Sequence[str]) -> Foresight | None:
    seconds = sleeping.seconds(times)
    return None if seconds is None else Foresight(seconds if math.isfinite(seconds) else None)


def _script(text: str, env: Mapping[str, str], *, stop_at_errors: bool) -> Foresight | None:
    try:
        commands = list(_commands(text))
    except ValueError:
        return None
    seconds, code = 0.0, 0
    for joint, argv in commands:
        if (joint == "&&" and code) or (joint == "||" and not code):
            continue
        if argv[0].startswith("#"):
            continue
        if argv[0] == "set":
            stop_at_errors = stop_at_errors or any(re.fullmatch(r"-[a-z]*e[a-z]*", a) for a in argv)
            code = 0
            continue
        if argv[0] == "exit":
            number = argv[1] if len(argv) > 1 else str(code)
            return Foresight(seconds, int(number) % 256) if number.isdecimal() else None
        found = foresee(argv, env)
        if found is None or found.seconds is None:
            return found
        seconds, code = seconds + found.seconds, found.exit_code
        if code and stop_at_errors:
            break
    return Foresight(seconds, code)


def _commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """What joins each simple command to the one before it, and its words. ValueError for a script
    with anything else in it."""
    words = shlex.shlex(text, posix=True, punctuation_chars=";&|()<>\n")
    words.whitespace = " \t\r"
    words.commenters = ""
    words.whitespace_split = True
    joint = ""
    argv: list[str] = []
    for word in words:
        if not word or not all(c in ";&|()<>\n" for c in word):
            if "`" in word or "$(" in word:
                raise ValueError("a command in a command")
            argv.append(word)
            continue
        if argv:
            yield joint, argv
            argv = []
        joint = word.strip("\n;")
        if joint not in ("", "&&", "||"):
            raise ValueError(f"not simple: {word!r}")
    if argv:
        yield joint, argv
