"""The exact decoder: slow, but with Go's opinion on everything that can be wrong.

Walks a value in the order of the document along its Go type, as sigs.k8s.io/json does:

- unknown and doubled fields are noted with their path and go on;
- the first value of a wrong type is kept as the error, and the walk goes on;
- what a type's own reader refuses (a quantity, a time) ends the walk and wins.

`fast` decodes what is in order and turns to this module as soon as it is in doubt; for a value
with nothing wrong both give the same result.
"""

from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from miniplane.api import objects
from miniplane.api.decode import gojson, scalars, times, types

MAX_PROBLEMS = 100


class Mismatch(Exception):
    """A value that does not fit its Go type. Its text is the one of Go's decoder."""


class _Walk:
    """Where the walk is, and what it has found so far."""

    def __init__(self) -> None:
        self.problems: dict[str, None] = {}
        self.error = ""
        self.path: list[str] = []
        """The way as strict errors show it: `spec`, `.containers`, `[0]`..."""
        self.fields: list[str] = []
        """The way as type errors show it: field names only."""
        self.struct = ""

    def note(self, problem: str, name: str) -> None:
        where = "".join(self.path)
        text = f"{problem} field {quote(f'{where}.{name}' if where else name)}"
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.setdefault(text)

    def unfit(self, value: str, go_type: str) -> str:
        """Go's words for a value that a type cannot hold."""
        where = f"Go struct field {self.struct}.{'.'.join(self.fields)}"
        if not self.fields:
            where = "Go value"
        return f"json: cannot unmarshal {value} into {where} of type {go_type}"

    def keep(self, error: str) -> None:
        self.error = self.error or error


def decode(definition: str, raw: Any) -> tuple[dict[str, Any], list[str]]:
    """The object as a server writes it back, and the strict decoder's complaints in order.

    Raises Mismatch where `raw` does not fit.
    """
    walk = _Walk()
    struct = types.struct(definition)
    go_type = types.Type("struct", ".".join(definition.split(".")[-2:]), definition)
    if raw is None:
        return struct.zero(), []
    value = _value(walk, go_type, raw)
    if walk.error:
        raise Mismatch(walk.error)
    return value, list(walk.problems)


def quote(text: str) -> str:
    """Go's strconv.Quote for what may stand in a field path."""
    out = []
    for char in text:
        if char in '"\\':
            out.append("\\" + char)
        elif char in "\a\b\f\n\r\t\v":
            out.append("\\" + "abfnrtv"["\a\b\f\n\r\t\v".index(char)])
        elif char < " " or char == "\x7f":
            out.append(f"\\x{ord(char):02x}")
        elif char.isprintable():
            out.append(char)
        else:
            out.append(f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}")
    return f'"{"".join(out)}"'


def _json_kind(raw: Any) -> str:
    if isinstance(raw, bool):
        return "bool"
    if isinstance(raw, str):
        return "string"
    if isinstance(raw, (int, float)):
        return "number"
    return "array" if isinstance(raw, list) else "object"


def _literal(raw: int | float) -> str:
    """A number as it probably stood in the document."""
    if isinstance(raw, float) and abs(raw) >= 1e16 and raw.is_integer():
        return str(int(raw))
    return repr(raw)


def _value(walk: _Walk, go_type: types.Type, raw: Any) -> Any:
    """One value, as it is written. A value that does not fit becomes the type's zero value."""
    if raw is None:
        return go_type.zero()
    match go_type.kind:
        case "struct" if isinstance(raw, dict):
            return _struct(walk, types.struct(go_type.definition), raw)
        case "map" if isinstance(raw, dict):
            return _map(walk, go_type, raw)
        case "list" if isinstance(raw, list):
            return _list(walk, go_type, raw)
        case "string" if isinstance(raw, str):
            return raw
        case "bool" if isinstance(raw, bool):
            return raw
        case "int" if isinstance(raw, (int, float)) and not isinstance(raw, bool):
            return _int(walk, go_type, raw)
        case "float" if isinstance(raw, (int, float)) and not isinstance(raw, bool):
            return _float(walk, go_type, raw)
        case "bytes" if isinstance(raw, (str, list)):
            return _bytes(walk, raw)
        case "raw":
            return objects.thaw(raw)
        case "quantity" | "time" | "microtime" | "int-or-string":
            return _special(walk, go_type.kind, raw)
        case "schema-or-bool" | "schema-or-array" | "schema-or-strings":
            return _schema_or(go_type.kind, raw)
    walk.keep(walk.unfit(_json_kind(raw), go_type.name))
    return go_type.zero()


def _struct(walk: _Walk, struct: types.Struct, raw: dict[str, Any]) -> dict[str, Any]:
    outer = walk.struct
    out: dict[str, Any] = {}
    seen: dict[str, Any] = {}
    for name, value in _pairs(raw):
        field = struct.fields.get(name)
        if field is None:
            walk.note("unknown", name)
            continue
        if name in seen:
            walk.note("duplicate", name)
        walk.struct = struct.name
        walk.fields.append(name)
        walk.path.append(f".{name}" if walk.path else name)
        if name in seen:
            # Go decodes the second value into what the first one left behind.
            _value(walk, field.type, value)
            value = _fold(field.type, seen[name], value, field.pointer)
            _put(out, field, _value(_Walk(), field.type, value) if value is not None else None)
        else:
            _put(out, field, None if value is None else _value(walk, field.type, value))
        seen[name] = value
        walk.path.pop()
        walk.fields.pop()
        walk.struct = outer
    for field in struct.fields.values():
        if field.always and field.name not in out:
            out[field.name] = None if field.shown_null else field.type.zero()
    return out


def _put(out: dict[str, Any], field: types.Field, value: Any) -> None:
    """Sets a field unless a server would leave it out. Fields written always come in later."""
    empty = value is None or (value in ([], {}) and field.type.kind in ("list", "map"))
    if empty or (field.droppable and not value):
        out.pop(field.name, None)
    else:
        out[field.name] = value


def _pairs(raw: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    return raw.pairs if isinstance(raw, gojson.Duplicated) else raw.items()


def _fold(go_type: types.Type, first: Any, second: Any, pointer: bool) -> Any:
    if second is None and not pointer and go_type.kind not in ("list", "map", "bytes"):
        return first
    if not (isinstance(first, dict) and isinstance(second, dict)):
        return second
    out = dict(first)
    for key, value in second.items():
        field = go_type.fields.get(key) if go_type.kind == "struct" else None
        if field is not None and key in out:
            value = _fold(field.type, out[key], value, field.pointer)
        out[key] = value
    return out if go_type.kind in ("struct", "map") else second


def _map(walk: _Walk, go_type: types.Type, raw: dict[str, Any]) -> dict[str, Any]:
    assert go_type.item is not None
    out: dict[str, Any] = {}
    for key, value in _pairs(raw):
        if key in out:
            walk.note("duplicate", key)
        walk.path.append(f".{key}" if walk.path else key)
        out[key] = _element(walk, go_type.item, value)
        walk.path.pop()
    return out


def _list(walk: _Walk, go_type: types.Type, raw: list[Any]) -> list[Any]:
    assert go_type.item is not None
    out = []
    for i, value in enumerate(raw):
        walk.path.append(f"[{i}]")
        out.append(_element(walk, go_type.item, value))
        walk.path.pop()
    return out


def _element(walk: _Walk, go_type: types.Type, raw: Any) -> Any:
    """A list item or a map value: never left out, empty bytes are written as such."""
    value = _value(walk, go_type, raw)
    return "" if value is None and go_type.kind == "bytes" else value


def _int(walk: _Walk, go_type: types.Type, raw: int | float) -> int:
    if isinstance(raw, int) and go_type.low <= raw <= go_type.high:
        return raw
    walk.keep(walk.unfit(f"number {_literal(raw)}", go_type.name))
    return 0


def _float(walk: _Walk, go_type: types.Type, raw: int | float) -> int | float:
    if raw in (float("inf"), float("-inf")):
        walk.keep(walk.unfit(f"number {_literal(raw)}", go_type.name))
        return 0
    return scalars.number(float(raw))


def _bytes(walk: _Walk, raw: str | list[Any]) -> str:
    if isinstance(raw, list):
        return scalars.base64_of(bytes(_byte(walk, item) for item in raw))
    try:
        return scalars.base64(raw)
    except ValueError as error:
        walk.keep(str(error))
        return ""


def _byte(walk: _Walk, raw: Any) -> int:
    if raw is None:
        return 0
    if isinstance(raw, int) and not isinstance(raw, bool) and 0 <= raw <= 255:
        return raw
    kind = _json_kind(raw)
    walk.keep(walk.unfit(f"number {_literal(raw)}" if kind == "number" else kind, "uint8"))
    return 0


def _special(walk: _Walk, kind: str, raw: Any) -> Any:
    """A type with its own reader. What that refuses ends everything."""
    if kind == "int-or-string":
        if isinstance(raw, str):
            return raw
        if not isinstance(raw, (int, float)) or isinstance(raw, bool):
            _give_up(walk.unfit(_json_kind(raw), "int32"))
        if not isinstance(raw, int) or not -(1 << 31) <= raw < 1 << 31:
            _give_up(walk.unfit(f"number {_literal(raw)}", "int32"))
        return raw
    if kind == "quantity":
        text = str(raw).lower() if isinstance(raw, bool) else raw
        if isinstance(raw, (dict, list)):
            text = "{}"
        reader: Callable[[Any], str | None] = scalars.quantity
    else:
        if not isinstance(raw, str):
            _give_up(walk.unfit(_json_kind(raw), "string"))
        text, reader = raw, times.time if kind == "time" else times.micro_time
    try:
        return reader(text)
    except ValueError as error:
        _give_up(str(error))


def _give_up(text: str) -> NoReturn:
    raise Mismatch(text)


def _schema_or(kind: str, raw: Any) -> Any:
    """A JSON schema or something simpler. Inside, nobody looks for unknown fields."""
    schema = types.Type("struct", "v1.JSONSchemaProps", types.JSON_SCHEMA)
    if isinstance(raw, dict):
        return _nested(schema, raw)
    if kind == "schema-or-bool":
        if not isinstance(raw, bool):
            _give_up("boolean or JSON schema expected")
        return raw
    if not isinstance(raw, list) or not raw:
        return None
    if kind == "schema-or-strings":
        return _nested(types.Type("list", "[]string", item=types.Type("string", "string")), raw)
    return _nested(types.Type("list", "[]v1.JSONSchemaProps", item=schema), raw)


def _nested(go_type: types.Type, raw: Any) -> Any:
    walk = _Walk()
    value = _value(walk, go_type, raw)
    if walk.error:
        _give_up(walk.error)
    return value
