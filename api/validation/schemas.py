"""Schemas of custom resources: what of OpenAPI a server supports, and its own extensions of it.

Follows `apiextensions-apiserver/pkg/apis/apiextensions/validation`.
"""

from collections.abc import Mapping
from typing import Any

from miniplane.api import field
from miniplane.api.customresources import structural
from miniplane.api.customresources.cel import paths
from miniplane.api.validation import checks
from miniplane.api.validation.checks import Errors

_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_JUNCTORS = ("allOf", "anyOf", "oneOf")
_UNSUPPORTED = {
    "patternProperties": "patternProperties is not supported",
    "definitions": "definitions is not supported",
    "dependencies": "dependencies is not supported",
    "additionalItems": "additionalItems is not supported",
    "id": "id is not supported",
    "$ref": "$ref is not supported",
}
_META = ("metadata", "kind", "apiVersion")
_REASONS = (
    "FieldValueDuplicate",
    "FieldValueForbidden",
    "FieldValueInvalid",
    "FieldValueRequired",
)
DEPTH_LIMIT = 100

Schema = Mapping[str, Any]


def sub(value: Any) -> Schema | None:
    """A schema where a boolean may stand too, as in `additionalProperties`."""
    return value if isinstance(value, dict) else None


def supported(
    errors: Errors,
    path: str,
    schema: Schema,
    *,
    is_root: bool = False,
    depth: int = 0,
    rules: bool = False,
    detached: str = "",
) -> None:
    """What the API's own schemas allow, in the whole tree.

    `rules`: those in CEL are looked at too. `detached` is the path of the place above from which
    on values have no old ones to be held against, if there is such.
    """
    if depth > DEPTH_LIMIT:
        return
    before = len(errors)
    kind = schema.get("type") or ""
    if kind and kind not in _TYPES:
        errors.append(field.not_supported(f"{path}.type", kind, _TYPES))
    for key, text in _UNSUPPORTED.items():
        if schema.get(key) not in (None, "", {}, []):
            errors.append(field.forbidden(f"{path}.{key}", text))
    if schema.get("uniqueItems"):
        text = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        errors.append(field.forbidden(f"{path}.uniqueItems", text))
    additional, properties = schema.get("additionalProperties"), schema.get("properties") or {}
    if additional is not None and additional is not True and properties:
        text = "additionalProperties and properties are mutual exclusive"
        errors.append(field.forbidden(f"{path}.additionalProperties", text))
    inner = sub(additional)
    if inner is not None:
        where = f"{path}.additionalProperties"
        supported(errors, where, inner, depth=depth + 1, rules=rules, detached=detached)
    for key, value in properties.items():
        where = f"{path}.properties[{key}]"
        supported(errors, where, value or {}, depth=depth + 1, rules=rules, detached=detached)
        if is_root and key in _META and (value or {}).get("default") is not None:
            text = f"must not be set in top-level {key}"
            errors.append(field.forbidden(f"{where}.default", text))
    for key in _JUNCTORS:
        for i, part in enumerate(schema.get(key) or ()):
            where = f"{path}.{key}[{i}]"
            supported(errors, where, part or {}, depth=depth + 1)
    if schema.get("not") is not None:
        supported(errors, f"{path}.not", schema["not"], depth=depth + 1)
    items = sub(schema.get("items"))
    if items is not None:
        without = "" if schema.get("x-kubernetes-list-type") == "map" else path
        supported(
            errors,
            f"{path}.items",
            items,
            depth=depth + 1,
            rules=rules,
            detached=detached or without,
        )
    if schema.get("x-kubernetes-preserve-unknown-fields") is False:
        where = f"{path}.x-kubernetes-preserve-unknown-fields"
        errors.append(field.invalid(where, False, "must be true or undefined"))
    _list_and_map_types(errors, path, schema)
    for i, rule in enumerate(schema.get("x-kubernetes-validations") or ()):
        _rule(errors, f"{path}.x-kubernetes-validations[{i}]", rule, schema)
    if rules and schema.get("x-kubernetes-validations") and len(errors) == before:
        _compile(errors, path, schema, is_root=is_root, detached=detached)


def _list_and_map_types(errors: Errors, path: str, schema: Schema) -> None:
    kind, items = schema.get("type") or "", sub(schema.get("items"))
    map_type, list_type = schema.get("x-kubernetes-map-type"), schema.get("x-kubernetes-list-type")
    for name, value, needed, choices in (
        ("map", map_type, "object", ("atomic", "granular")),
        ("list", list_type, "array", ("atomic", "set", "map")),
    ):
        if value is None:
            continue
        if kind != needed:
            text = f"must be {needed} if x-kubernetes-{name}-type is specified"
            if kind:
                errors.append(field.invalid(f"{path}.type", kind, text))
            else:
                errors.append(field.required(f"{path}.type", text))
        where = f"{path}.x-kubernetes-{name}-type"
        checks.supported(errors, where, value, choices)
    keys = schema.get("x-kubernetes-list-map-keys") or []
    where = f"{path}.x-kubernetes-list-type"
    if keys and list_type != "map":
        text = "must be map if x-kubernetes-list-map-keys is non-empty"
        if list_type is None:
            errors.append(field.required(where, text))
        else:
            errors.append(field.invalid(where, list_type, text))
    if list_type == "set" and items is not None:
        _set_items(errors, f"{path}.items", items)
    if list_type == "map":
        _map_keys(errors, path, items, keys)
    if list_type in ("set", "map") and (items or {}).get("nullable"):
        text = f"cannot be nullable when x-kubernetes-list-type is {list_type}"
        errors.append(field.forbidden(f"{path}.items.nullable", text))


def _set_items(errors: Errors, path: str, items: Schema) -> None:
    text = "must be atomic as item of a list with x-kubernetes-list-type=set"
    list_type = items.get("x-kubernetes-list-type")
    if items.get("type") == "array" and list_type not in (None, "atomic"):
        errors.append(field.invalid(f"{path}.x-kubernetes-list-type", list_type, text))
    if items.get("type") == "object" and items.get("x-kubernetes-map-type") != "atomic":
        errors.append(field.invalid(f"{path}.x-kubernetes-map-type", list_type, text))


def _map_keys(errors: Errors, path: str, items: Schema | None, keys: list[str]) -> None:
    where = f"{path}.x-kubernetes-list-map-keys"
    if not keys:
        text = "must not be empty if x-kubernetes-list-type is map"
        errors.append(field.required(where, text))
    if items is None:
        text = "must have a schema if x-kubernetes-list-type is map"
        errors.append(field.required(f"{path}.items", text))
        return
    kind = items.get("type") or ""
    if kind != "object":
        text = "must be object if parent array's x-kubernetes-list-type is map"
        errors.append(field.invalid(f"{path}.items.type", kind, text))
        return
    properties = items.get("properties") or {}
    for i, key in enumerate(keys):
        inner = properties.get(key)
        if inner is None:
            text = "entries must all be names of item properties"
            errors.append(field.invalid(where, keys, text))
        elif inner.get("type") in ("array", "object"):
            text = "must be a scalar type if parent array's x-kubernetes-list-type is map"
            spot = f"{path}.items.properties[{key}].type"
            errors.append(field.invalid(spot, kind, text))
        if key in keys[:i]:
            errors.append(field.invalid(where, keys, "must not contain duplicate entries"))
    needed = items.get("required") or ()
    for key in keys:
        inner = properties.get(key)
        if inner is None:
            continue
        spot = f"{path}.items.properties[{key}]"
        if key not in needed and inner.get("default") is None:
            text = (
                "this property is in x-kubernetes-list-map-keys, so it must have a default or be "
                "a required property"
            )
            errors.append(field.required(f"{spot}.default", text))
        if inner.get("nullable"):
            text = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable"
            errors.append(field.forbidden(f"{spot}.nullable", text))


_NO_CEL = "rules in CEL need the extra `cel` of miniplane: pip install 'miniplane[cel]'"


def _compile(errors: Errors, path: str, schema: Schema, *, is_root: bool, detached: str) -> None:
    """Rules have to be in the language, and to fit the types of their place."""
    try:
        from miniplane.api.customresources.cel import rules  # loads the language
    except ImportError:
        where = f"{path}.x-kubernetes-validations"
        errors.append(field.forbidden(where, _NO_CEL))
        return
    place = structural.parse(schema)
    for i, name, value, text in rules.check(
        place, root=is_root or place.embedded, uncorrelatable=detached
    ):
        where = f"{path}.x-kubernetes-validations[{i}].{name}"
        errors.append(field.invalid(where, value, text))


def _rule(errors: Errors, path: str, rule: Schema, schema: Schema) -> None:
    text, message = (rule.get("rule") or "").strip(), rule.get("message") or ""
    if not text:
        errors.append(field.required(f"{path}.rule", "rule is not specified"))
    elif message and not message.strip():
        what = "must be non-empty if specified"
        errors.append(field.invalid(f"{path}.message", message, what))
    elif _broken(message.strip()):
        errors.append(field.invalid(f"{path}.message", message, "must not contain line breaks"))
    elif _broken(text) and not message.strip():
        what = "message must be specified if rule contains line breaks"
        errors.append(field.required(f"{path}.message", what))
    expression = rule.get("messageExpression") or ""
    if expression and not expression.strip():
        what = "messageExpression must be non-empty if specified"
        errors.append(field.required(f"{path}.messageExpression", what))
    checks.supported(errors, f"{path}.reason", rule.get("reason"), _REASONS)
    target = rule.get("fieldPath") or ""
    where = f"{path}.fieldPath"
    if target and not target.strip():
        errors.append(field.invalid(where, target, "must be non-empty if specified"))
    if _broken(target):
        errors.append(field.invalid(where, target, "must not contain line breaks"))
    if target and paths.normalized(target, structural.parse(schema)) is None:
        errors.append(field.invalid(where, target, "must be a valid path"))


def _broken(text: str) -> bool:
    return "\n" in text or "\r" in text
