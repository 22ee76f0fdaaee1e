"""Whether a value is plainly valid: one closure for each schema, compiled when it is first needed.

Most objects are valid, and only those that are not need to hear why. A closure that says yes is
sure that `validate` has nothing to find; a no means nothing, `validate` is then asked. It knows
what most schemas are made of. What it does not know (alternatives, formats, factors) it has
`validate` decide, for the value at that place alone.

>>> is_valid = compiled({"type": "object", "properties": {"size": {"type": "integer"}}})
>>> is_valid({"size": 3}), is_valid({"size": "big"})
(True, False)
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from miniplane.api.customresources import formats, validate
from miniplane.api.customresources.patterns import compile_pattern

Check: TypeAlias = Callable[[Any], bool]
Schema: TypeAlias = Mapping[str, Any]

_ALTERNATIVES = ("allOf", "anyOf", "oneOf", "not")
_INTEGERS = {"int32": (-(1 << 31), 1 << 31), "": (-(1 << 63), 1 << 63)}
_INTEGERS["int64"] = _INTEGERS[""]
_MANY = 1 << 62
_SILENT = frozenset(
    {
        "default",
        "description",
        "example",
        "nullable",
        "title",
        "x-kubernetes-embedded-resource",
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-validations",
    }
)
"""What a schema may have without refusing anything."""


def compiled(schema: Schema) -> Check:
    """The closure of a schema."""
    if _SILENT.issuperset(schema):
        return _anything
    make = _MAKERS.get(schema.get("type") or "")
    unknown = schema.get("x-kubernetes-int-or-string") or any(schema.get(k) for k in _ALTERNATIVES)
    check = None if make is None or unknown else make(schema)
    if check is None:
        return lambda value: validate.validate(schema, value).valid
    if schema.get("nullable") and not schema.get("enum"):
        certain = check
        return lambda value: value is None or certain(value)
    return check


def _size(schema: Schema, what: str) -> tuple[int, int]:
    """How long or how many at the least and at the most."""
    least, most = schema.get(f"min{what}"), schema.get(f"max{what}")
    return 0 if least is None else least, _MANY if most is None else most


def _string(schema: Schema) -> Check | None:
    shortest, longest = _size(schema, "Length")
    form, choices = schema.get("format"), schema.get("enum")
    if form and formats.check(form) is not None:
        return None
    if choices:
        known = frozenset(choice for choice in choices if isinstance(choice, str))
        if schema.get("pattern") or (shortest, longest) != (0, _MANY):
            return None
        return lambda value: type(value) is str and value in known
    pattern = schema.get("pattern")
    if not pattern:
        return lambda value: type(value) is str and shortest <= len(value) <= longest
    try:
        search = compile_pattern(pattern).search
    except ValueError:
        return None

    def check(value: Any) -> bool:
        return (
            type(value) is str and shortest <= len(value) <= longest and search(value) is not None
        )

    return check


def _integer(schema: Schema) -> Check | None:
    form = schema.get("format") or ""
    if schema.get("enum") or schema.get("multipleOf") is not None or form not in _INTEGERS:
        return None
    low, high = _INTEGERS[form]
    least, most = schema.get("minimum"), schema.get("maximum")
    least, most = low if least is None else least, high - 1 if most is None else most
    if not _within(low, least, high) or not _within(low, most, high):
        return None
    least += bool(schema.get("exclusiveMinimum"))
    most -= bool(schema.get("exclusiveMaximum"))
    return lambda value: type(value) is int and least <= value <= most


def _within(low: int, limit: Any, high: int) -> bool:
    return type(limit) is int and low <= limit < high


def _number(schema: Schema) -> Check | None:
    bounds = ("enum", "multipleOf", "minimum", "maximum", "format")
    if any(schema.get(key) is not None for key in bounds):
        return None
    return lambda value: type(value) is float or type(value) is int


def _boolean(schema: Schema) -> Check | None:
    return None if schema.get("enum") else lambda value: type(value) is bool


def _array(schema: Schema) -> Check | None:
    if schema.get("enum") or schema.get("uniqueItems"):
        return None
    items = schema.get("items")
    least, most = _size(schema, "Items")
    each = compiled(items) if isinstance(items, Mapping) else None

    def check(value: Any) -> bool:
        return (
            type(value) is list
            and least <= len(value) <= most
            and (each is None or all(map(each, value)))
        )

    return check


def _object(schema: Schema) -> Check | None:
    if schema.get("enum"):
        return None
    least, most = _size(schema, "Properties")
    required = tuple(schema.get("required") or ())
    parts = schema.get("properties") or {}
    known = {name: compiled(part or {}) for name, part in parts.items()}
    additional = schema.get("additionalProperties")
    others: Check | None = None
    if isinstance(additional, Mapping):
        others = compiled(additional)
    elif additional is False:
        others = _nothing
    check_of = known.get

    def check(value: Any) -> bool:
        if type(value) is not dict or not least <= len(value) <= most:
            return False
        for name, inner in value.items():
            fits = check_of(name, others)
            if fits is not None and not fits(inner):
                return False
        return all(name in value for name in required)

    return check


def _anything(value: Any) -> bool:
    return True


def _nothing(value: Any) -> bool:
    return False


_MAKERS: Mapping[str, Callable[[Schema], Check | None]] = {
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "array": _array,
    "object": _object,
}
