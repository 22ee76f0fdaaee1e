"""Embedded resources have to look like objects. After `schema/objectmeta/validation.go`."""

from typing import Any

from miniplane.api import decode, field, names
from miniplane.api.customresources import coerce
from miniplane.api.customresources.structural import Structural
from miniplane.api.field import FieldError, Path
from miniplane.api.validation import metadata


def validate(value: Any, schema: Structural | None, path: str = "") -> list[FieldError]:
    """What is wrong with the embedded resources in `value`."""
    errors: list[FieldError] = []
    _walk(errors, value, schema, Path(path))
    return errors


def _walk(errors: list[FieldError], value: Any, schema: Structural | None, path: Path) -> None:
    if schema is None or not schema.has_embedded:
        return
    if isinstance(value, dict):
        if schema.embedded:
            _resource(errors, value, path)
        for name, inner in value.items():
            if isinstance(inner, (dict, list)):
                known = name in schema.properties
                below = path.child(name) if known else path.key(name)
                _walk(errors, inner, schema.field(name), below)
    elif isinstance(value, list):
        for i, item in enumerate(value):
            _walk(errors, item, schema.items, path.index(i))


def _resource(errors: list[FieldError], value: dict[str, Any], path: Path) -> None:
    for name in ("apiVersion", "kind"):
        if name not in value:
            errors.append(field.required(path.child(name)))
    for name, inner in value.items():
        where = path.child(name)
        if name == "metadata":
            _metadata(errors, inner, where)
        elif name not in ("apiVersion", "kind"):
            continue
        elif not isinstance(inner, str):
            errors.append(field.invalid(where, inner, "must be a string"))
        elif not inner:
            errors.append(field.invalid(where, inner, "must not be empty"))
        elif name == "apiVersion" and inner.count("/") > 1:
            text = f"unexpected GroupVersion string: {inner}"
            errors.append(field.invalid(where, inner, text))
        elif name == "kind" and (complaints := names.dns1035_label(inner.lower())):
            text = f"may have mixed case, but should otherwise match: {','.join(complaints)}"
            errors.append(field.invalid(where, inner, text))


def _metadata(errors: list[FieldError], value: Any, path: Path) -> None:
    try:
        meta, _ = coerce.metadata(value)
    except decode.TypeMismatch as mismatch:
        errors.append(field.invalid(path, value, mismatch.cause))
        return
    meta.setdefault("name", "fakename")
    found: list[FieldError] = []
    metadata.on_create(
        found,
        meta,
        namespaced=bool(meta.get("namespace")),
        rule=names.path_segment,
        own=False,
    )
    for error in found:
        where = error.field.replace("metadata", path, 1)
        errors.append(FieldError(where, error.reason, error.message))
