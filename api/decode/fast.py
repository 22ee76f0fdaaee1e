"""The fast decoder: one closure for each definition, compiled when it is first needed.

A closure takes the raw JSON value and gives a new one, as a server would write it back. It knows
nothing of paths and messages: whatever is not plainly in order (an unknown field, a wrong type, a
null in a list, a doubled key) raises `Doubt`, and the caller starts over with `careful`.
"""

from collections.abc import Callable
from typing import Any

from miniplane.api import objects
from miniplane.api.decode import scalars, times, types

Decoder = Callable[[Any], Any]


class Doubt(Exception):
    """The value is not plainly in order."""


_DROP: Any = object()
_compiled: dict[str, Decoder] = {}


def decoder(definition: str) -> Decoder:
    """The closure of a definition. KeyError for an unknown one."""
    found = _compiled.get(definition)
    if found is None:
        # Definitions recurse (JSONSchemaProps): whoever asks meanwhile gets a way to the real one.
        _compiled[definition] = lambda raw: _compiled[definition](raw)
        try:
            found = _compiled[definition] = _struct(types.struct(definition))
        except BaseException:
            del _compiled[definition]
            raise
    return found


def _struct(struct: types.Struct) -> Decoder:
    dropped: dict[str, type] = {}
    kept: dict[str, type] = {}
    others: dict[str, Decoder] = {}
    fills: list[tuple[str, Callable[[], Any]]] = []
    for name, field in struct.fields.items():
        scalar = {"string": str, "bool": bool}.get(field.type.kind)
        if scalar is None:
            others[name] = _lazy(others, field)
        elif field.droppable:
            dropped[name] = scalar
        else:
            kept[name] = scalar
        if field.always:
            fills.append((name, _nothing if field.shown_null else _zero(field.type)))
    known = frozenset(struct.fields)
    dropped_type, kept_type, other = dropped.get, kept.get, others.get
    filled = tuple(fills)

    def decode(raw: Any) -> dict[str, Any]:
        if type(raw) is not dict:
            raise Doubt
        out = {}
        for name, value in raw.items():
            scalar = dropped_type(name)
            if scalar is not None:
                if type(value) is scalar:
                    if value:
                        out[name] = value
                elif value is not None:
                    raise Doubt
                continue
            if value is None:
                if name not in known:
                    raise Doubt
                continue
            convert = other(name)
            if convert is not None:
                value = convert(value)
                if value is not _DROP:
                    out[name] = value
            elif type(value) is kept_type(name):
                out[name] = value
            else:
                raise Doubt
        for name, make in filled:
            if name not in out:
                out[name] = make()
        return out

    return decode


def _nothing() -> None:
    return None


def _zero(go_type: types.Type) -> Callable[[], Any]:
    if go_type.kind != "struct":
        value = go_type.zero()
        return lambda: value
    zero = go_type.zero()
    return go_type.zero if zero else dict


def _lazy(table: dict[str, Decoder], field: types.Field) -> Decoder:
    """Compiles the field when it first occurs: most fields of a pod never do."""

    def first(raw: Any) -> Any:
        table[field.name] = compiled = _field(field)
        return compiled(raw)

    return first


def _field(field: types.Field) -> Decoder:
    convert = _value(field.type)
    kind = field.type.kind
    if kind in ("list", "map"):
        return lambda raw: convert(raw) or _DROP
    if kind in ("time", "microtime", "schema-or-array", "schema-or-strings"):

        def unless_null(raw: Any) -> Any:
            value = convert(raw)
            return _DROP if value is None else value

        return unless_null
    if field.droppable:

        def unless_empty(raw: Any) -> Any:
            return convert(raw) or _DROP

        return unless_empty
    return convert


def _value(go_type: types.Type) -> Decoder:
    """Converts a value that is not null; used for fields, list items and map values."""
    kind = go_type.kind
    if kind == "struct":
        return decoder(go_type.definition)
    if kind == "list":
        assert go_type.item is not None
        return _strings if go_type.item.kind == "string" else _list(_value(go_type.item))
    if kind == "map":
        assert go_type.item is not None
        return _string_map if go_type.item.kind == "string" else _map(_value(go_type.item))
    if kind == "int":
        return _int(go_type.low, go_type.high)
    if go_type.definition == types.FIELDS:
        return _field_set
    return _SCALARS[kind]


def _strings(raw: Any) -> list[str]:
    if type(raw) is not list:
        raise Doubt
    for item in raw:
        if type(item) is not str:
            raise Doubt
    return raw.copy()


def _list(convert: Decoder) -> Decoder:
    def decode(raw: Any) -> list[Any]:
        if type(raw) is not list:
            raise Doubt
        return [convert(item) for item in raw]

    return decode


def _string_map(raw: Any) -> dict[str, str]:
    if type(raw) is not dict:
        raise Doubt
    for item in raw.values():
        if type(item) is not str:
            raise Doubt
    return raw.copy()


def _map(convert: Decoder) -> Decoder:
    def decode(raw: Any) -> dict[str, Any]:
        if type(raw) is not dict:
            raise Doubt
        return {key: convert(item) for key, item in raw.items()}

    return decode


def _int(low: int, high: int) -> Decoder:
    def decode(raw: Any) -> int:
        if type(raw) is int and low <= raw <= high:
            return raw
        raise Doubt

    return decode


def _string(raw: Any) -> str:
    if type(raw) is str:
        return raw
    raise Doubt


def _bool(raw: Any) -> bool:
    if type(raw) is bool:
        return raw
    raise Doubt


def _float(raw: Any) -> int | float:
    if type(raw) is int or (type(raw) is float and raw - raw == 0):
        return scalars.number(float(raw))
    raise Doubt


def _int_or_string(raw: Any) -> int | str:
    if type(raw) is str or (type(raw) is int and -(1 << 31) <= raw < 1 << 31):
        return raw
    raise Doubt


def _reader(read: Callable[[Any], Any], *accepted: type) -> Decoder:
    def decode(raw: Any) -> Any:
        if type(raw) not in accepted:
            raise Doubt
        try:
            return read(raw)
        except ValueError:
            raise Doubt from None

    return decode


def _raw(raw: Any) -> Any:
    if raw is None:
        raise Doubt
    return objects.thaw(raw)


def _field_set(raw: Any) -> Any:
    """Field sets are long, and changed by nobody: they are not copied."""
    return raw if type(raw) is dict else _raw(raw)


def _unsure(raw: Any) -> Any:
    raise Doubt


def _schema_or_bool(raw: Any) -> Any:
    return raw if type(raw) is bool else decoder(types.JSON_SCHEMA)(raw)


def _schema_or_array(raw: Any) -> Any:
    return decoder(types.JSON_SCHEMA)(raw)


_SCALARS: dict[str, Decoder] = {
    "string": _string,
    "bool": _bool,
    "float": _float,
    "bytes": _reader(scalars.base64, str),
    "quantity": _reader(scalars.quantity, str, int, float),
    "time": _reader(times.time, str),
    "microtime": _reader(times.micro_time, str),
    "int-or-string": _int_or_string,
    "raw": _raw,
    "schema-or-bool": _schema_or_bool,
    "schema-or-array": _schema_or_array,
    "schema-or-strings": _unsure,
}
