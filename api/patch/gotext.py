"""JSON-shaped values as the API server's messages print them.

Patch errors quote values and types in the notation of the server's language: maps as
`map[a:1 b:x]` with sorted keys, lists as `[1 x]`, and type names such as
`map[string]interface {}`. Clients and people see those texts, so they are reproduced here.
"""

import json
from typing import Any

import orjson

MAP_TYPE = "map[string]interface {}"
LIST_TYPE = "[]interface {}"


def type_name(value: Any) -> str:
    """The dynamic type of a decoded JSON value."""
    match value:
        case None:
            return "%!s(<nil>)"
        case bool():
            return "bool"
        case int():
            return "int64"
        case float():
            return "float64"
        case str():
            return "string"
        case dict():
            return MAP_TYPE
        case _:
            return LIST_TYPE


def json_kind(value: Any) -> str:
    """What a JSON decoder calls a value that does not fit: `string`, `number`, `array`..."""
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case str():
            return "string"
        case dict():
            return "object"
        case _:
            return "array"


def text(value: Any) -> str:
    """A value as `%v` prints it.

    >>> text({"b": [1, None, True], "a": "x"})
    'map[a:x b:[1 <nil> true]]'
    """
    match value:
        case None:
            return "<nil>"
        case bool():
            return "true" if value else "false"
        case float():
            return _float(value)
        case dict():
            return f"map[{' '.join(f'{k}:{text(value[k])}' for k in sorted(value))}]"
        case list() | tuple():
            return f"[{' '.join(text(item) for item in value)}]"
        case _:
            return str(value)


def string_verb(value: Any) -> str:
    """A value as `%s` prints it: values that are not strings are marked with their type."""
    if isinstance(value, str):
        return value
    if value is None:
        return "%!s(<nil>)"
    if isinstance(value, dict):
        return f"map[{' '.join(f'{k}:{string_verb(value[k])}' for k in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(string_verb(item) for item in value)}]"
    return f"%!s({type_name(value)}={text(value)})"


def compact_json(value: Any) -> str:
    """A value as JSON with sorted keys. RecursionError for what is nested too deep."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:  # deeper than 254 levels, integers beyond 64 bits
        return json.dumps(value, separators=(",", ":"), sort_keys=True)


def _float(value: float) -> str:
    """The shortest decimal that reads back the same, with an exponent outside 1e-4 .. 1e21."""
    if value == 0 or 1e-4 <= abs(value) < 1e21:
        plain = format(value, "f") if abs(value) >= 1e16 else repr(value)
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    mantissa, _, exponent = repr(value).partition("e")
    if not exponent:
        return mantissa
    sign, digits = exponent[0], exponent.lstrip("+-")
    return f"{mantissa.removesuffix('.0')}e{'-' if sign == '-' else '+'}{digits.zfill(2)}"
