"""Validation of values against their schema, check by check as kube-openapi does it.

See `pkg/validation/validate` there, and `pkg/apiserver/validation` of apiextensions-apiserver for
ratcheting: what is wrong with a part that an update has left as it was is not held against it.

>>> schema = {"type": "object", "properties": {"size": {"type": "integer"}}}
>>> [str(e) for e in validate(schema, {"size": "big"}).errors()]
['size: Invalid value: "string": size in body must be of type integer: "string"']
"""

import struct
from collections.abc import Mapping
from typing import Any

from miniplane.api.customresources import formats, results
from miniplane.api.customresources.correlate import Correlated
from miniplane.api.customresources.patterns import compile_pattern
from miniplane.api.customresources.results import Result

Schema = Mapping[str, Any]

_JSON_TYPES: dict[type, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
}
_EXACT = 1 << 53
_LIMITS = {"int32": 1 << 31, "int64": 1 << 63, "": 1 << 63}
_NOTHING: Schema = {}


def validate(schema: Schema, value: Any, old: Correlated | None = None) -> Result:
    """`old` is the value beside the one that it replaces, None for a new object."""
    return _ratcheted(schema, value, "", old)


def _ratcheted(schema: Schema, value: Any, path: str, old: Correlated | None) -> Result:
    found = _value(schema, value, path, old)
    if found.findings and old is not None and old.equal:
        return Result()
    return found


def _value(schema: Schema, value: Any, path: str, old: Correlated | None) -> Result:
    result = Result()
    kinds = _types(schema)
    if value is None:
        if kinds and not schema.get("nullable"):
            result.add(results.wrong_type(path, ",".join(kinds), "null"))
        _enum(result, schema, value, path)
        return result
    form = _format(schema, kinds)
    if kinds or form:
        _type(result, schema, value, path, kinds, form)
        result.matches += 1
    result.merge(_junctors(schema, value, path, old))
    result.matches += 1
    if isinstance(value, str):
        _string(result, schema, value, path)
        result.matches += 1
        check = formats.check(form) if form else None
        if check is not None:
            if not check(value):
                result.add(results.wrong_type(path, form, value))
            result.matches += 1
    elif isinstance(value, list):
        _list(result, schema, value, path, old)
        result.matches += 2
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        _number(result, schema, value, path, kinds, form)
        result.matches += 2
    _enum(result, schema, value, path)
    result.matches += 1
    if isinstance(value, dict):
        _object(result, schema, value, path, old)
        result.matches += 1
    result.matches += 1
    return result


def _types(schema: Schema) -> tuple[str, ...]:
    if schema.get("x-kubernetes-int-or-string"):
        return ("integer", "string")
    kind = schema.get("type")
    return (kind,) if kind else ()


def _format(schema: Schema, kinds: tuple[str, ...]) -> str:
    form = schema.get("format") or ""
    kind = kinds[0] if len(kinds) == 1 else ""
    return form if form and formats.supported(kind, form) else ""


def json_type(value: Any) -> str:
    """`string`, `integer`, `object`...: the type of a value that is not null."""
    return _JSON_TYPES.get(type(value), "object")


def _is_whole(value: Any) -> bool:
    return isinstance(value, float) and value.is_integer() and abs(value) < _EXACT


def _type(
    result: Result, schema: Schema, value: Any, path: str, kinds: tuple[str, ...], form: str
) -> None:
    found = json_type(value)
    fits = (
        found in kinds
        or (found == "integer" and "number" in kinds)
        or ("integer" in kinds and _is_whole(value))
    )
    numeric = "number" in kinds or "integer" in kinds
    if form and not fits and not isinstance(value, (str, list)):
        own = {"integer": "int64", "number": "float64"}.get(found, "")
        result.add(results.wrong_type(path, form, own))
    elif form and not numeric and isinstance(value, (str, list)):
        result.matches += 1
    elif not fits:
        result.add(results.wrong_type(path, ",".join(kinds), found))
    else:
        result.matches += 1


def _enum(result: Result, schema: Schema, value: Any, path: str) -> None:
    choices = schema.get("enum")
    if not choices:
        return
    for choice in choices:
        if choice == value and isinstance(choice, bool) == isinstance(value, bool):
            if choice is None:
                continue
            return
    result.add(results.not_one_of(path, value, list(choices)))


def _string(result: Result, schema: Schema, value: str, path: str) -> None:
    longest, shortest = schema.get("maxLength"), schema.get("minLength")
    pattern = schema.get("pattern")
    if longest is not None and len(value) > longest:
        result.add(results.too_long(path, longest))
    elif shortest is not None and len(value) < shortest:
        result.add(results.too_short(path, value, shortest))
    elif pattern:
        try:
            matches = compile_pattern(pattern).search(value) is not None
        except ValueError as error:
            text = f"{pattern}, but pattern is invalid: error parsing regexp: {error}"
            result.add(results.no_match(path, value, text))
        else:
            if not matches:
                result.add(results.no_match(path, value, pattern))


def _in_range(value: int | float, kinds: tuple[str, ...], form: str) -> bool:
    """Whether a number can be held by the schema's type."""
    if kinds == ("integer",):
        limit = _LIMITS[form]
        if isinstance(value, float) and not value.is_integer():
            return False
        return -limit <= value < limit
    if form == "float":
        try:
            struct.pack("f", float(value))
        except OverflowError:
            return False
    return True


def _number(
    result: Result,
    schema: Schema,
    value: int | float,
    path: str,
    kinds: tuple[str, ...],
    form: str,
) -> None:
    kind = kinds[0] if len(kinds) == 1 else ""
    named = f"{kind} with format {form}" if form else f"{kind} (default format)"

    def fits(what: str, checked: int | float) -> bool:
        if _in_range(checked, kinds, form):
            return True
        result.add(results.plain(f"{what} value must be of type {named} in {path}"))
        return False

    fits("Checked", value)
    factor = schema.get("multipleOf")
    if factor is not None:
        _multiple(result, value, factor, path, whole=fits("MultipleOf", factor))
    for key, what in (("maximum", "Maximum boundary"), ("minimum", "Minimum boundary")):
        limit = schema.get(key)
        if limit is None:
            continue
        exclusive = bool(schema.get(f"exclusive{key.capitalize()}"))
        fitting = fits(what, limit)
        shown = int(limit) if fitting and isinstance(value, int) else limit
        compared = shown
        if key == "maximum":
            if value > compared or (exclusive and value == compared):
                result.add(results.above(path, value, shown, exclusive=exclusive))
        elif value < compared or (exclusive and value == compared):
            result.add(results.below(path, value, shown, exclusive=exclusive))


def _multiple(
    result: Result, value: int | float, factor: int | float, path: str, *, whole: bool
) -> None:
    if whole and isinstance(value, int):
        step = int(factor)
        if step <= 0:
            result.add(results.bad_factor(path, step))
        elif value % step:
            result.add(results.not_multiple(path, value, step))
    elif factor <= 0:
        result.add(results.bad_factor(path, factor))
    else:
        times = 1 / factor * value if factor < 1 else value / factor
        near = round(times)
        if abs(times - near) > 1e-9 * max(1.0, abs(times)):
            result.add(results.not_multiple(path, value, factor))


def _list(
    result: Result, schema: Schema, value: list[Any], path: str, old: Correlated | None
) -> None:
    items = schema.get("items")
    if isinstance(items, Mapping):
        for i, item in enumerate(value):
            before = old.index(i) if old is not None else None
            result.merge(_ratcheted(items, item, f"{path}[{i}]", before))
    size, most, least = len(value), schema.get("maxItems"), schema.get("minItems")
    if least is not None and size < least:
        result.add(results.too_few(path, size, least, what="items"))
    if most is not None and size > most:
        result.add(results.too_many(path, size, most, what="items"))
    if schema.get("uniqueItems") and any(item in value[:i] for i, item in enumerate(value)):
        result.add(results.duplicates(path))


def _object(
    result: Result, schema: Schema, value: dict[str, Any], path: str, old: Correlated | None
) -> None:
    size, most, least = len(value), schema.get("maxProperties"), schema.get("minProperties")
    if least is not None and size < least:
        result.add(results.too_few(path, size, least, what="properties"))
    if most is not None and size > most:
        result.add(results.too_many(path, size, most, what="properties"))
    properties, additional = (
        schema.get("properties") or _NOTHING,
        schema.get("additionalProperties"),
    )
    if additional is False:
        for name in value:
            if name not in properties:
                result.add(results.not_allowed(path, name))
    elif isinstance(additional, Mapping):
        for name, inner in value.items():
            if name not in properties:
                before = _below(old, name, path)
                result.merge(_ratcheted(additional, inner, f"{path}.{name}", before))
    for name, inner in value.items():
        known = properties.get(name)
        if known is not None:
            where = f"{path}.{name}" if path else name
            result.merge(_ratcheted(known, inner, where, _below(old, name, path)))
    for name in schema.get("required") or ():
        if name not in value:
            result.add(results.required(f"{path}.{name}"))


def _below(old: Correlated | None, name: str, path: str) -> Correlated | None:
    if old is None or (not path and name in ("kind", "apiVersion")):
        return None
    return old.key(name)


def _junctors(schema: Schema, value: Any, path: str, old: Correlated | None) -> Result:
    main = Result()
    any_of, one_of, all_of = schema.get("anyOf"), schema.get("oneOf"), schema.get("allOf")
    if any_of:
        tried = []
        for part in any_of:
            tried.append(_value(part or _NOTHING, value, path, old))
            if tried[-1].valid:
                break
        if tried[-1].valid:
            main.merge(tried[-1])
        else:
            main.add(results.plain(f'"{path}" must validate at least one schema (anyOf)'))
            main.merge(max(tried, key=lambda found: found.matches))
    if one_of:
        tried = [_value(part or _NOTHING, value, path, old) for part in one_of]
        good = [found for found in tried if found.valid]
        if len(good) == 1:
            main.merge(good[0])
        else:
            count = f"Found {len(good)} valid alternatives" if good else "Found none valid"
            text = f'"{path}" must validate one and only one schema (oneOf). {count}'
            main.add(results.plain(text))
            if not good:
                main.merge(max(tried, key=lambda found: found.matches))
    if all_of:
        tried = [_value(part or _NOTHING, value, path, old) for part in all_of]
        for found in tried:
            main.merge(found)
        good = [found for found in tried if found.valid]
        if len(good) != len(tried):
            tail = "" if good else ". None validated"
            main.add(results.plain(f'"{path}" must validate all the schemas (allOf){tail}'))
    negated = schema.get("not")
    if negated is not None and _value(negated, value, path, old).valid:
        main.add(results.plain(f'"{path}" must not validate the schema (not)'))
    main.matches += 1
    return main
