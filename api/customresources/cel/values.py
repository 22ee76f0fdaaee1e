"""Values as rules see them: with the types that their schema gives them, under escaped names.

After `UnstructuredToVal` in apiserver's `pkg/cel/common/values.go`. What the schema does not know
is not there.
"""

import base64
import binascii
import re
from typing import Any

from google.protobuf import duration_pb2, timestamp_pb2

from miniplane.api.customresources.cel.names import escape
from miniplane.api.customresources.structural import Structural

_STRING = Structural({"type": "string"})
_METADATA = Structural(
    {"type": "object", "properties": {"name": _STRING.raw, "generateName": _STRING.raw}}
)
_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9}
_UNITS |= {"m": 60 * 10**9, "h": 3600 * 10**9}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)


def fields(place: Structural, *, root: bool) -> dict[str, Structural]:
    """The fields of an object; every resource has a kind, an apiVersion and a name."""
    known = dict(place.properties)
    if root:
        known |= {"apiVersion": _STRING, "kind": _STRING, "metadata": _METADATA}
    return known


def is_exposed(place: Structural) -> bool:
    """Whether rules can see values of this place at all: only if all types are known."""
    if place.int_or_string:
        return True
    if place.type == "array":
        return place.items is not None and is_exposed(place.items)
    if place.type == "object":
        return place.additional is None or is_exposed(place.additional)
    return place.type in ("string", "boolean", "number", "integer")


def convert(value: Any, place: Structural, *, root: bool = False) -> Any:
    """A value for the language. `root`: it is a resource."""
    if value is None or place.int_or_string:
        return value
    if place.type == "object" and isinstance(value, dict):
        if place.additional is not None and not place.properties:
            inner = place.additional
            return {name: convert(item, inner, root=inner.embedded) for name, item in value.items()}
        out = {}
        for name, inner in fields(place, root=root).items():
            identifier = escape(name)
            if name in value and identifier is not None and is_exposed(inner):
                out[identifier] = convert(value[name], inner, root=inner.embedded)
        return out
    if place.type == "array" and isinstance(value, list) and place.items is not None:
        items = place.items
        return [convert(item, items, root=items.embedded) for item in value]
    if place.type == "number" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if place.type == "integer" and isinstance(value, float):
        return int(value)
    if place.type == "string" and isinstance(value, str):
        return _string(value, place.raw.get("format") or "")
    return value


def _string(value: str, form: str) -> Any:
    try:
        if form == "byte":
            return base64.b64decode(value, validate=True)
        if form == "duration":
            return _duration(value)
        if form in ("date", "date-time"):
            stamp = timestamp_pb2.Timestamp()
            stamp.FromJsonString(f"{value}T00:00:00Z" if form == "date" else value.upper())
            return stamp
    except (ValueError, binascii.Error):
        pass
    return value


def _duration(text: str) -> duration_pb2.Duration:
    sign = -1 if text.startswith("-") else 1
    parts = _PART.findall(text)
    if not parts and text.lstrip("+-") != "0":
        raise ValueError(text)
    total = sign * sum(round(float(number) * _UNITS[unit]) for number, unit in parts)
    out = duration_pb2.Duration()
    out.FromNanoseconds(total)
    return out
