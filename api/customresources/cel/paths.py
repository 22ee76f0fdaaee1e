"""A rule's `fieldPath`: `.a.b`, `.a['b.c']`. After `ValidFieldPath` of apiextensions-apiserver."""

import re

from miniplane.api.customresources.structural import Structural
from miniplane.api.field import Path

_STEP = re.compile(r"\.([^.\[\]]+)|\['((?:[^'\\]|\\.)*)'\]")
_ESCAPE = re.compile(r"\\(.)")
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_ESCAPES |= {"'": "'", "\\": "\\"}


def normalized(text: str, place: Structural) -> str | None:
    """The path as errors show it, None for one that does not lead to a field of the schema."""
    path = Path("")
    at = 0
    while at < len(text):
        step = _STEP.match(text, at)
        if step is None:
            return None
        at = step.end()
        name = step[1]
        if name is None:
            if any(escape not in _ESCAPES for escape in _ESCAPE.findall(step[2])):
                return None
            name = _ESCAPE.sub(lambda found: _ESCAPES[found[1]], step[2])
        if place.properties:
            if name not in place.properties:
                return None
            path, place = path.child(name), place.properties[name]
        elif place.additional is not None:
            path, place = path.key(name), place.additional
        else:
            return None
    return str(path)
