"""Schemas of custom resources: every value has its type declared, once, outside of conditions.

Follows `apiextensions-apiserver/pkg/apiserver/schema/validation.go`.
"""

from collections.abc import Mapping
from typing import Any

from miniplane.api import field
from miniplane.api.customresources import coerce, structural, validate
from miniplane.api.objects import thaw
from miniplane.api.validation import patterns, schemas
from miniplane.api.validation.checks import Errors

_ROOT_KEYS = {
    "description": "Description",
    "type": "Type",
    "format": "Format",
    "title": "Title",
    "maximum": "Maximum",
    "exclusiveMaximum": "ExclusiveMaximum",
    "minimum": "Minimum",
    "exclusiveMinimum": "ExclusiveMinimum",
    "maxLength": "MaxLength",
    "minLength": "MinLength",
    "pattern": "Pattern",
    "maxItems": "MaxItems",
    "minItems": "MinItems",
    "uniqueItems": "UniqueItems",
    "multipleOf": "MultipleOf",
    "required": "Required",
    "items": "Items",
    "properties": "Properties",
    "externalDocs": "ExternalDocs",
    "example": "Example",
    "x-kubernetes-preserve-unknown-fields": "XPreserveUnknownFields",
    "x-kubernetes-validations": "XValidations",
}
_INT_OR_STRING = [{"type": "integer"}, {"type": "string"}]
_NESTED_FORBIDDEN = (
    ("type", "must be empty to be structural"),
    ("additionalProperties", "must be undefined to be structural"),
    ("default", "must be undefined to be structural"),
    ("title", "must be empty to be structural"),
    ("description", "must be empty to be structural"),
    ("nullable", "must be false to be structural"),
    ("x-kubernetes-preserve-unknown-fields", "must be false to be structural"),
    ("x-kubernetes-embedded-resource", "must be false to be structural"),
    ("x-kubernetes-int-or-string", "must be false to be structural"),
    ("x-kubernetes-list-map-keys", "must be empty to be structural"),
    ("x-kubernetes-list-type", "must be undefined to be structural"),
    ("x-kubernetes-map-type", "must be undefined to be structural"),
    ("x-kubernetes-validations", "must be empty to be structural"),
)

Schema = Mapping[str, Any]


def root(errors: Errors, path: str, schema: Schema, *, has_status: bool) -> None:
    """The `openAPIV3Schema` of a version; `has_status`: it has the status subresource."""
    if has_status:
        _status_root(errors, path, schema)
    if schema.get("nullable"):
        errors.append(field.forbidden(f"{path}.nullable", "nullable cannot be true at the root"))
    found: Errors = []
    _invariants(found, path, schema, "root", 0)
    found.sort(key=str)
    well_formed = not found
    if well_formed:
        _defaults(found, path, schema, 0)
    errors.extend(found)
    schemas.supported(errors, path, schema, is_root=True, rules=well_formed)


def _status_root(errors: Errors, path: str, schema: Schema) -> None:
    kind = schema.get("type") or ""
    if kind and kind != "object":
        text = (
            'only "object" is allowed as the type at the root of the schema if the status '
            "subresource is enabled"
        )
        errors.append(field.invalid(f"{path}.type", kind, text))
        return
    for key, value in schema.items():
        if key not in _ROOT_KEYS and value not in (None, [], {}, "", False):
            allowed = " ".join(_ROOT_KEYS.values())
            text = (
                f"only [{allowed}] fields are allowed at the root of the schema if the status "
                "subresource is enabled"
            )
            errors.append(field.invalid(path, schema, text))
            return


def _invariants(errors: Errors, path: str, schema: Schema, level: str, depth: int) -> None:
    if depth > schemas.DEPTH_LIMIT:
        return
    kind = schema.get("type") or ""
    items, properties = schemas.sub(schema.get("items")), schema.get("properties") or {}
    additional = schema.get("additionalProperties")
    embedded = bool(schema.get("x-kubernetes-embedded-resource"))
    preserve = bool(schema.get("x-kubernetes-preserve-unknown-fields"))
    int_or_string = bool(schema.get("x-kubernetes-int-or-string"))
    if kind == "array" and items is None:
        errors.append(field.required(f"{path}.items", "must be specified"))
    if items is not None:
        _invariants(errors, f"{path}.items", items, "item", depth + 1)
    for key, value in properties.items():
        _invariants(errors, f"{path}.properties[{key}]", value or {}, "field", depth + 1)
    if additional is not None and additional is not False:
        where = f"{path}.additionalProperties"
        if level == "root":
            errors.append(field.forbidden(where, "must not be used at the root"))
        inner = schemas.sub(additional)
        if inner is not None:
            _invariants(errors, where, inner, "field", depth + 1)
    if int_or_string:
        for flag, name in ((preserve, "preserve-unknown-fields"), (embedded, "embedded-resource")):
            if flag:
                text = "must be false if x-kubernetes-int-or-string is true"
                errors.append(field.invalid(f"{path}.x-kubernetes-{name}", True, text))
    _value_validation(errors, path, schema, depth)
    _type(errors, path, schema, level)
    if embedded and additional:
        text = "must not be used if x-kubernetes-embedded-resource is set"
        errors.append(field.forbidden(f"{path}.additionalProperties", text))
    _metadata(errors, path, properties, level, checked=level == "root" or embedded)
    if embedded and not preserve and not properties:
        text = (
            "must not be empty if x-kubernetes-embedded-resource is true without "
            "x-kubernetes-preserve-unknown-fields"
        )
        errors.append(field.required(f"{path}.properties", text))


def _type(errors: Errors, path: str, schema: Schema, level: str) -> None:
    where, kind = f"{path}.type", schema.get("type") or ""
    if schema.get("x-kubernetes-embedded-resource") and kind != "object":
        text = "must be object if x-kubernetes-embedded-resource is true"
        if kind:
            errors.append(field.invalid(where, kind, text))
        else:
            errors.append(field.required(where, text))
    elif not kind and not (
        schema.get("x-kubernetes-int-or-string")
        or schema.get("x-kubernetes-preserve-unknown-fields")
    ):
        what = {
            "root": "at the root",
            "item": "for specified array items",
            "field": "for specified object fields",
        }[level]
        errors.append(field.required(where, f"must not be empty {what}"))
    if level == "root" and kind and kind != "object":
        errors.append(field.invalid(where, kind, "must be object at the root"))


def _metadata(errors: Errors, path: str, properties: Schema, level: str, *, checked: bool) -> None:
    """Of metadata a schema may only restrict the names."""
    if checked:
        for key in ("kind", "apiVersion"):
            if key in properties:
                kind = (properties[key] or {}).get("type") or ""
                if kind != "string":
                    where = f"{path}.properties[{key}].type"
                    errors.append(field.invalid(where, kind, "must be string"))
    meta = properties.get("metadata")
    if meta is None:
        return
    where = f"{path}.properties[metadata]"
    kind = meta.get("type") or ""
    if checked and kind != "object":
        errors.append(field.invalid(f"{where}.type", kind, "must be object"))
    if level == "root":
        inner = set(meta.get("properties") or ())
        rest = [
            key
            for key, value in meta.items()
            if key not in ("type", "properties", "description") and value not in (None, [], {})
        ]
        if rest or (inner and not inner <= {"name", "generateName"}):
            text = (
                "must not specify anything other than name and generateName, but metadata is "
                "implicitly specified"
            )
            errors.append(field.forbidden(where, text))


def _value_validation(
    errors: Errors, path: str, schema: Schema, depth: int, *, nested: bool = False
) -> None:
    any_of, all_of = schema.get("anyOf") or [], schema.get("allOf") or []
    skip_any = not nested and any_of == _INT_OR_STRING
    skip_first = not nested and bool(all_of) and (all_of[0] or {}).get("anyOf") == _INT_OR_STRING
    if not skip_any:
        for i, part in enumerate(any_of):
            _nested(errors, f"{path}.anyOf[{i}]", part or {}, depth + 1)
    for i, part in enumerate(all_of):
        skip = skip_first and i == 0
        trimmed = {k: v for k, v in (part or {}).items() if not (skip and k == "anyOf")}
        _nested(errors, f"{path}.allOf[{i}]", trimmed, depth + 1)
    for i, part in enumerate(schema.get("oneOf") or ()):
        _nested(errors, f"{path}.oneOf[{i}]", part or {}, depth + 1)
    if schema.get("not") is not None:
        _nested(errors, f"{path}.not", schema["not"], depth + 1)
    pattern = schema.get("pattern")
    if pattern and (problem := patterns.problem(pattern)):
        text = f"must be a valid regular expression, but isn't: error parsing regexp: {problem}"
        errors.append(field.invalid(f"{path}.pattern", pattern, text))


def _nested(errors: Errors, path: str, schema: Schema, depth: int) -> None:
    """Below allOf, anyOf, oneOf and not, values are restricted but nothing is declared."""
    if depth > schemas.DEPTH_LIMIT:
        return
    _value_validation(errors, path, schema, depth, nested=True)
    items, properties = schemas.sub(schema.get("items")), schema.get("properties") or {}
    if items is not None:
        _nested(errors, f"{path}.items", items, depth + 1)
    for key, value in properties.items():
        _nested(errors, f"{path}.properties[{key}]", value or {}, depth + 1)
    for key, text in _NESTED_FORBIDDEN:
        if schema.get(key) not in (None, False, "", [], {}):
            errors.append(field.forbidden(f"{path}.{key}", text))
    if "metadata" in properties:
        text = "must not be specified in a nested context"
        errors.append(field.forbidden(f"{path}.properties[metadata]", text))


def _defaults(errors: Errors, path: str, schema: Schema, depth: int) -> None:
    if depth > schemas.DEPTH_LIMIT:
        return
    if schema.get("default") is not None:
        _default(errors, f"{path}.default", schema, schema["default"])
    items, additional = (
        schemas.sub(schema.get("items")),
        schemas.sub(schema.get("additionalProperties")),
    )
    if items is not None:
        _defaults(errors, f"{path}.items", items, depth + 1)
    for key, value in (schema.get("properties") or {}).items():
        _defaults(errors, f"{path}.properties[{key}]", value or {}, depth + 1)
    if additional is not None:
        _defaults(errors, f"{path}.additionalProperties", additional, depth + 1)


def _default(errors: Errors, path: str, schema: Schema, value: Any) -> None:
    """A default has to be good for its field."""
    from miniplane.api.customresources import embedded  # which needs this package for metadata

    place = structural.parse(schema)
    if coerce.prune(thaw(value), place):
        errors.append(field.invalid(path, value, "must not have unknown fields"))
    problem, _ = coerce.embedded(thaw(value), place, path)
    problems = [problem] if problem is not None else embedded.validate(value, place, path)
    errors.extend(problems or validate.validate(schema, value).errors(path))
