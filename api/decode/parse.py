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
    # Loaded late: most servers never see YAML, and importing its reader takes a while.
    from miniplane.api.decode import goyaml

    try:
        value, doubled = goyaml.load(data)
    except goyaml.YAMLError as error:
        raise malformed(str(error), data, kind=kind) from None
    return value, doubled


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
