"""Expressions as text: what is written anew before they are compiled.

Two things that Kubernetes adds to the language are not functions. `variables.NAME` stands for
another expression, asked only when it is needed: it becomes an identifier that a lazy `cel.bind`
defines. `Object.spec{replicas: 3}` and `JSONPatch{op: "add"}` make values of types that are known
by their names alone: they become maps, in which `TYPE` keeps the name.

>>> with_maps('Object{spec: Object.spec{replicas: 3}}')
'{"__type": "Object", "spec": {"__type": "Object.spec", "replicas": 3}}'
"""

import re
from collections.abc import Iterator

TYPE = "__type"
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_TEXT = (
    r"""[rRbB]{0,2}(?:\"{3}.*?\"{3}|'{3}.*?'{3}|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|//[^\n]*"""
)
_VARIABLE = re.compile(
    rf"(?P<text>{_TEXT})"
    rf"|(?P<has>\bhas\(\s*variables\s*\.\s*{_NAME}\s*\))"
    rf"|(?<![\w.])variables\s*\.\s*(?P<name>{_NAME})",
    re.DOTALL,
)
_TOKEN = re.compile(
    rf"(?P<text>{_TEXT})"
    rf"|(?<![\w.])(?P<type>(?:Object(?:\s*\.\s*{_NAME})*|JSONPatch)\s*(?=\{{))"
    rf"|(?P<field>(?P<optional>(?:\?\s*)?)(?P<name>{_NAME})\s*:)"
    rf"|(?P<word>{_NAME})|(?P<space>\s+)|(?P<other>.)",
    re.DOTALL,
)
_SPACE = re.compile(r"\s+")


def identifier(name: str) -> str:
    """What a variable is called once it is bound."""
    return f"__variable_{name}"


def variables(expression: str) -> list[str]:
    """The names of the variables that an expression mentions, in order, each once."""
    found = (match["name"] for match in _VARIABLE.finditer(expression))
    return list(dict.fromkeys(name for name in found if name))


def with_identifiers(expression: str) -> str:
    """`variables.NAME` as `identifier(NAME)`.

    >>> with_identifiers("variables.a > 1 && x.variables.b == 'variables.c'")
    "__variable_a > 1 && x.variables.b == 'variables.c'"
    """

    def replaced(match: re.Match[str]) -> str:
        if match["text"] is not None:
            return match[0]
        return "true" if match["has"] else identifier(match["name"])

    return _VARIABLE.sub(replaced, expression)


def with_maps(expression: str) -> str:
    """Values of named types as maps."""
    return "".join(_with_maps(expression))


def _with_maps(expression: str) -> Iterator[str]:
    opened: list[bool] = []  # whether each bracket that is open is that of a named type
    fresh = False  # whether the next thing is the name of a field of a named type
    kind = ""
    for match in _TOKEN.finditer(expression):
        if match["type"] is not None:
            kind = _SPACE.sub("", match["type"])
            continue
        if match["space"] is not None:
            yield match[0]
            continue
        text = match[0]
        if match["field"] is not None and fresh:
            yield f'{match["optional"]}"{match["name"]}":'
            fresh = False
            continue
        if match["field"] is not None:
            # No field: a map's key, or the middle of `a ? b : c`.
            yield text
            fresh = False
            continue
        fresh = False
        if text in "([{":
            opened.append(bool(kind))
            if kind:
                yield f'{{"{TYPE}": "{kind}", '
                fresh, kind = True, ""
                continue
        elif text in ")]}" and opened:
            opened.pop()
        elif text == "," and opened and opened[-1]:
            fresh = True
        yield text
