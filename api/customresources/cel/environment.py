"""The language as 1.36 speaks it: which extensions there are, how rules are compiled and asked.

After apiserver's `pkg/cel/environment/base.go`. A rule is compiled twice: once against the types of
the schema, to find its faults when the definition is created, and once for values of any type, to
be asked.
"""

import functools
import re
from typing import Any

from cel_expr_python import cel

from miniplane.api.customresources.cel import library
from miniplane.api.customresources.cel.types import Declared

SELF, OLD_SELF = "self", "oldSelf"
_GIVEN, _OLD = "__given", "__old"

_EXTENSIONS = """
name: kubernetes
extensions:
- name: strings
  version: 2
- name: sets
- name: lists
- name: optional
- name: two-var-comprehensions
"""
_BINDINGS = "- name: bindings\n"

_PREFIX = re.compile(r"^[A-Z_]+: ")
_SUFFIX = re.compile(r" \[[A-Z_]+\]$")
_STRUCT = re.compile(r" not found in struct '[^']*'")
_UNDECLARED = re.compile(
    r"(?P<input>ERROR: <input>:\d+:)(?P<column>\d+): undeclared reference to "
    r"'(?P<name>\w+(?:\.\w+)+)' \(in container ''\)\n \| (?P<line>[^\n]*)\n \| \.*\^"
)
_RUNTIME: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r'Key not found in map : "(.*)"'), r"no such key: \1"),
    (re.compile(r"Index error: index=(-?\d+) size=\d+"), r"index out of bounds: \1"),
    (re.compile(r"divide by zero"), "division by zero"),
    (re.compile(r"No matching overloads found.*", re.DOTALL), "no such overload"),
)


class CompileError(ValueError):
    """A rule that is not in the language, or does not fit its schema. The text says where."""


class EvaluationError(ValueError):
    """A rule that came to no result. The text is that of cel-go, where they differ."""


@functools.cache
def config(*, bindings: bool) -> Any:
    return cel.NewEnvConfigFromYaml(_EXTENSIONS + (_BINDINGS if bindings else ""))


@functools.cache
def extension(*, checking: bool) -> Any:
    return library.extension(checking=checking)


@functools.cache
def _runtime() -> Any:
    names = (SELF, OLD_SELF, _GIVEN, _OLD)
    return cel.NewEnv(
        config=config(bindings=True),
        variables=dict.fromkeys(names, cel.Type.DYN),
        extensions=[extension(checking=False)],
    )


class Checker:
    """Checks the rules of one place against its types."""

    def __init__(self, declared: Declared):
        self._declared = declared

    def check(self, expression: str, *, wants: str, optional_old: bool = False) -> None:
        """CompileError for a rule that cannot work; `wants` is the type of its result."""
        old = cel.Type.DYN if optional_old else self._declared.type
        env = cel.NewEnv(
            self._declared.pool,
            config=config(bindings=False),
            variables={SELF: self._declared.type, OLD_SELF: old},
            extensions=[extension(checking=True)],
        )
        try:
            found = env.compile(expression).return_type().name()
        except RuntimeError as error:
            raise CompileError(compile_text(str(error))) from None
        if found not in (wants, "DYN"):
            raise CompileError(found)


def compile_text(text: str) -> str:
    """What is wrong with an expression, in cel-go's words."""
    text = _STRUCT.sub("", _SUFFIX.sub("", _PREFIX.sub("", text, count=1)))
    return _UNDECLARED.sub(_first_name, text)


def _first_name(found: re.Match[str]) -> str:
    """Of `a.b.c` cel-go finds `a` missing, and points at it."""
    line, at = found["line"], int(found["column"]) - 1
    parts = found["name"].split(".")
    for place in re.finditer(r"\s*\.\s*".join(map(re.escape, parts)), line):
        if place.start() <= at < place.end():
            at = place.start()
            break
    return (
        f"{found['input']}{at + 1}: undeclared reference to '{parts[0]}' (in container '')\n"
        f" | {line}\n | {'.' * at}^"
    )


class Program:
    """A compiled expression. `optional_old`: `oldSelf` is an optional."""

    def __init__(self, expression: str, *, optional_old: bool = False):
        if optional_old:
            given = f"{_GIVEN} ? optional.of({_OLD}) : optional.none()"
            expression = f"cel.bind({OLD_SELF}, {given}, ({expression}\n))"
        try:
            self._expression = _runtime().compile(expression)
        except RuntimeError as error:
            raise CompileError(compile_text(str(error))) from None
        self._optional_old = optional_old

    def ask(self, value: Any, old: Any, *, has_old: bool) -> Any:
        """The result as a plain value. EvaluationError."""
        data = {SELF: value}
        if self._optional_old:
            data |= {_GIVEN: has_old, _OLD: old}
        elif has_old:
            data[OLD_SELF] = old
        try:
            found = self._expression.eval(data=data)
            kind, result = found.type().name(), found.value()
        except (RuntimeError, TypeError) as error:
            raise EvaluationError(runtime_text(str(error))) from None
        if kind == "ERROR":
            raise EvaluationError(runtime_text(str(result)))
        return result


def runtime_text(text: str) -> str:
    text = _PREFIX.sub("", text, count=1)
    for pattern, replacement in _RUNTIME:
        found = pattern.search(text)
        if found:
            return found.expand(replacement)
    return text
