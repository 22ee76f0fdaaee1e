"""From bytes to JSON-shaped data: JSON and YAML bodies.

The fast way is orjson, which cannot tell doubled keys from single ones. That there are none is
proved by counting colons: writing the parsed data again gives as many colons as the document has
exactly if no key was lost. Only where the counts differ is the document parsed again, slowly.
"""

import re
from typing import Any

import orjson

from miniplane.api import errors
from miniplane.api.decode import gojson

_ESCAPED_COLON = re.compile(rb"\\u003[aA]")


class Malformed(errors.StatusError):
    """400: a body that cannot be parsed. `cause` is the parser's own text."""

    def __init__(self, cause: str, message: str):
        super().__init__(400, "BadRequest", message)
        self.cause = cause


def parse_json(data: bytes, *, kind: str = "") -> tuple[Any, list[str]]:
    """A JSON document, and an empty list (the form that `parse_yaml` has, too).

    Doubled keys are kept inside the value (`gojson.Duplicated`) and come out of `decode` and
    `untyped` in their place among the other problems. Integers are exact within 64 bits; what is
    larger becomes a float, as in Go.
    `kind` is the kind that the body should be, for the message of the `Malformed` that is raised
    for anything that is not JSON; without it the message is the parser's own.
    """
    try:
        value = orjson.loads(data)
        again = orjson.dumps(value)
    except (orjson.JSONDecodeError, TypeError, RecursionError):
        return _careful(data, kind), []
    if data.count(b":") != again.count(b":") or _ESCAPED_COLON.search(data):
        return _careful(data, kind), []
    if again.count(b"{") + again.count(b"[") > gojson.MAX_DEPTH and _too_deep(value):
        return _careful(data, kind), []
    return value, []


def _too_deep(value: Any) -> bool:
    """Whether parsed data nests more than `MAX_DEPTH` levels; one level at a time."""
    level = [value]
    for _ in range(gojson.MAX_DEPTH):
        below: list[Any] = []
        for one in level:
            if type(one) is dict:
                below.extend(v for v in one.values() if type(v) is dict or type(v) is list)
            elif type(one) is list:
                below.extend(v for v in one if type(v) is dict or type(v) is list)
        if not below:
            return False
        level = below
    return True


def _careful(data: bytes, kind: str) -> Any:
    """The slow exact way, for documents that orjson refuses or that may have doubled keys."""
    message, _ = gojson.syntax_error(data)
    if message:
        raise malformed(message, data, kind=kind, interpreting=True)
    try:
        return gojson.parse(data)
    except gojson.NumberError as error:
        raise malformed(str(error), data, kind=kind) from None


def parse_yaml(data: bytes, *, kind: str = "") -> tuple[Any, list[str]]:
    """The first document of a YAML stream, as sigs.k8s.io/yaml turns it into JSON.

    The list holds what a strict decoder says of doubled keys: one text of several lines, or
    nothing. Raises `Malformed` as `parse_json` does.
    """
    if data.startswith(b"{") and (plain := _json_in_yaml(data)) is not None:
        return plain, []
    # Loaded late: most servers never see YAML, and importing its reader takes a while.
    from miniplane.api.decode import goyaml

    try:
        value, doubled = goyaml.load(data)
    except goyaml.YAMLError as error:
        raise malformed(str(error), data, kind=kind) from None
    return value, doubled


_NOT_PLAIN = re.compile(rb'\\[^"\\n]|[\t\r\x7f]|"<<"')
"""What JSON and YAML do not read alike, or might not: escapes, tabs, merge keys."""

_LONGEST_KEY = 1_000
_DEEPEST = 100
_LARGEST = 1_000_000
"""Bytes. Longer documents might have more values than a YAML document may."""


def _json_in_yaml(data: bytes) -> Any:
    """The object in a YAML document that is plain JSON, as most programs write what they apply.

    It takes a tenth of the time. None where there is the least doubt whether YAML reads it so.
    """
    if len(data) > _LARGEST or not data.isascii() or _NOT_PLAIN.search(data):
        return None
    try:
        value = orjson.loads(data)
        again = orjson.dumps(value)
    except (orjson.JSONDecodeError, TypeError, RecursionError):
        return None
    if data.count(b":") != again.count(b":"):  # doubled keys
        return None
    return value if _is_plain(value, _DEEPEST) else None


def _is_plain(value: Any, depth: int) -> bool:
    """Whether there are no fractions, no huge numbers, no long keys, and no deep nesting."""
    kind = type(value)
    if kind is dict:
        for key, inner in value.items():
            if len(key) > _LONGEST_KEY:
                return False
            if type(inner) is not str and not (depth and _is_plain(inner, depth - 1)):
                return False
        return True
    if kind is list:
        for inner in value:
            if type(inner) is not str and not (depth and _is_plain(inner, depth - 1)):
                return False
        return True
    return kind is not float


def malformed(cause: str, data: bytes, *, kind: str = "", interpreting: bool = False) -> Malformed:
    """400 for a body that cannot be parsed.

    With `interpreting` the failure is worded as that of finding out the object's version and kind,
    which is the first thing that a server does with JSON.
    """
    if not kind:
        return Malformed(cause, cause)
    inner = f"couldn't get version/kind; json parse error: {cause}" if interpreting else cause
    return Malformed(cause, unrecognized(inner, data, kind=kind))


def unrecognized(cause: str, data: bytes, *, kind: str) -> str:
    """The message for a body whose kind could not even be found out."""
    summary = _summary(data)
    return f"the object provided is unrecognized (must be of type {kind}): {cause} ({summary})"


def _summary(data: bytes, limit: int = 30) -> str:
    if not data:
        return "<empty>"
    head, more = data[:limit], " ..." if len(data) > limit else ""
    if data.startswith(b"{"):
        return head.decode("utf-8", errors="replace") + more
    return head.hex() + more
