"""From what a client sent, or an older schema let in, to an object that fits its schema.

Three things happen to the objects of custom resources that Go's decoder does to all others: fields
that the schema does not know are dropped, nulls are dropped where they are not allowed, and the
metadata (also that of embedded resources) becomes that of a real object. Then come the defaults.
After `schema/pruning`, `schema/defaulting` and `schema/objectmeta` of apiextensions-apiserver.

All functions here change the value that they are given.
"""

from typing import Any

from miniplane.api import decode, field
from miniplane.api.customresources.structural import ABSENT, META_FIELDS, Structural
from miniplane.api.field import FieldError, Path
from miniplane.api.objects import thaw

OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_EMPTY = Structural({})


def prune(value: Any, schema: Structural | None, *, root: bool = False) -> list[str]:
    """Drop the fields that the schema does not know; returns their paths, sorted.

    `root`: the value is an object of its own, whose apiVersion, kind and metadata are known.
    """
    unknown: list[str] = []
    _prune(value, schema or _EMPTY, "", root or (schema or _EMPTY).embedded, unknown)
    return sorted(unknown)


def _prune(
    value: Any, schema: Structural | None, path: str, embedded: bool, unknown: list[str]
) -> None:
    if isinstance(value, dict):
        _prune_object(value, schema, path, embedded, unknown)
    elif isinstance(value, list):
        if schema is not None and schema.preserve:
            for i, item in enumerate(value):
                if schema.items is not None:
                    _keep(item, schema.items, f"{path}[{i}]", unknown)
            return
        items = schema.items if schema is not None else None
        for i, item in enumerate(value):
            if isinstance(item, (dict, list)):
                _prune(item, items, f"{path}[{i}]", items is not None and items.embedded, unknown)


def _prune_object(
    value: dict[str, Any], schema: Structural | None, path: str, embedded: bool, unknown: list[str]
) -> None:
    preserve = schema is not None and schema.preserve
    for name in list(value):
        if embedded and name in META_FIELDS:
            continue
        inner = schema.properties.get(name) if schema is not None else None
        known = inner is not None
        if inner is None and schema is not None and schema.open:
            inner, known = schema.additional, True
        if known:
            if isinstance(value[name], (dict, list)):
                below = f"{path}.{name}" if path else name
                _prune(value[name], inner, below, inner is not None and inner.embedded, unknown)
        elif not preserve:
            if path or name not in META_FIELDS:
                unknown.append(f"{path}.{name}" if path else name)
            del value[name]


def _keep(value: Any, schema: Structural, path: str, unknown: list[str]) -> None:
    """Look for known fields below a value that may hold unknown ones."""
    if isinstance(value, dict):
        for name in list(value):
            if schema.embedded and name in META_FIELDS:
                continue
            inner = schema.properties.get(name)
            if inner is None and not schema.open:
                continue
            inner = inner or schema.additional
            embedded = inner is not None and inner.embedded
            _prune(value[name], inner, f"{path}.{name}", embedded, unknown)
    elif isinstance(value, list) and schema.items is not None:
        for i, item in enumerate(value):
            _keep(item, schema.items, f"{path}[{i}]", unknown)


def drop_nulls(value: Any, schema: Structural | None) -> None:
    """Drop the nulls of fields that are not nullable and have no default."""
    if schema is None:
        return
    if isinstance(value, dict):
        for name in list(value):
            inner = schema.field(name)
            if inner is None:
                continue
            if value[name] is None:
                if not inner.nullable and inner.default is ABSENT:
                    del value[name]
            elif isinstance(value[name], (dict, list)):
                drop_nulls(value[name], inner)
    elif isinstance(value, list):
        for item in value:
            drop_nulls(item, schema.items)


def set_defaults(value: Any, schema: Structural | None) -> None:
    """Fill in defaults: where a field is missing, or null without being nullable."""
    if schema is None or not schema.has_defaults:
        return
    if isinstance(value, dict):
        for name, inner in schema.properties.items():
            if inner.default is not ABSENT and (
                name not in value or (value[name] is None and not inner.nullable)
            ):
                value[name] = thaw(inner.default)
        for name in value:
            known = schema.field(name)
            if known is None:
                continue
            if value[name] is None and known is schema.additional and not known.nullable:
                value[name] = None if known.default is ABSENT else thaw(known.default)
            if isinstance(value[name], (dict, list)):
                set_defaults(value[name], known)
    elif isinstance(value, list) and schema.items is not None:
        items = schema.items
        for i, item in enumerate(value):
            if item is None and not items.nullable and items.default is not ABSENT:
                value[i] = thaw(items.default)
            if isinstance(value[i], (dict, list)):
                set_defaults(value[i], items)


def metadata(raw: Any, path: str = "metadata") -> tuple[dict[str, Any], list[str]]:
    """An ObjectMeta, and the paths of what it does not know. decode.TypeMismatch.

    `path` is where it stands.
    """
    meta, problems = decode.decode(OBJECT_META, raw)
    unknown = [
        f"{path}.{text.removeprefix(_UNKNOWN)[:-1]}"
        for text in problems
        if text.startswith(_UNKNOWN)
    ]
    return meta, unknown


def plain_metadata(raw: Any) -> dict[str, Any] | None:
    """An ObjectMeta, None where there is anything to be said of it."""
    return decode.plain(OBJECT_META, raw) if type(raw) is dict else None


_UNKNOWN = 'unknown field "'


def embedded(
    value: Any, schema: Structural | None, path: str = "", *, drop_invalid: bool = False
) -> tuple[FieldError | None, list[str]]:
    """Bring the metadata of embedded resources into form, everywhere below `value`.

    Returns what is wrong with the first that cannot be, and the paths of unknown fields, sorted.
    """
    unknown: list[str] = []
    problem = _embedded(value, schema, Path(path), drop_invalid, unknown)
    return problem, sorted(unknown)


def _embedded(
    value: Any, schema: Structural | None, path: Path, drop_invalid: bool, unknown: list[str]
) -> FieldError | None:
    if schema is None or not schema.has_embedded:
        return None
    if isinstance(value, dict):
        if schema.embedded:
            problem = _meta_of(value, path, drop_invalid, unknown)
            if problem is not None:
                return problem
        for name, inner_value in value.items():
            if not isinstance(inner_value, (dict, list)):
                continue
            inner = schema.properties.get(name)
            below = path.child(name) if inner is not None else path.key(name)
            problem = _embedded(inner_value, schema.field(name), below, drop_invalid, unknown)
            if problem is not None:
                return problem
    elif isinstance(value, list):
        for i, item in enumerate(value):
            problem = _embedded(item, schema.items, path.index(i), drop_invalid, unknown)
            if problem is not None:
                return problem
    return None


def _meta_of(
    value: dict[str, Any], path: Path, drop_invalid: bool, unknown: list[str]
) -> FieldError | None:
    for name in ("apiVersion", "kind"):
        if name in value and not isinstance(value[name], str):
            if not drop_invalid:
                return field.invalid(path.child(name), value[name], "must be a string")
            del value[name]
    if "metadata" in value:
        where = path.child("metadata")
        try:
            meta, paths = metadata(value["metadata"], where)
        except decode.TypeMismatch as mismatch:
            if drop_invalid:
                return None
            return field.invalid(where, value["metadata"], mismatch.cause)
        unknown.extend(paths)
        value["metadata"] = meta
    return None
