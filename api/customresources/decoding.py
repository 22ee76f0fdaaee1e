"""Custom objects in and out: decoding what clients send, and what is stored in another form.

After `unstructuredSchemaCoercer` in apiextensions-apiserver's `customresource_handler.go`.
"""

from typing import TYPE_CHECKING, Any

from miniplane.api import decode
from miniplane.api.customresources import coerce
from miniplane.api.customresources.structural import Structural
from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj

if TYPE_CHECKING:
    from miniplane.api.customresources.definition import CustomResource


def decoded(resource: "CustomResource", raw: Any) -> tuple[Obj, list[str]]:
    """A new object of the kind, without defaults, and what strict decoding has against `raw`.

    Shares nothing with `raw`, which may be None. Raises decode.TypeMismatch.
    """
    if type(raw) is dict and (meta := coerce.plain_metadata(raw.get("metadata"))) is not None:
        value, problems = decode.untyped({k: v for k, v in raw.items() if k != "metadata"})
        obj, unknown = _coerced(resource, value, meta)
        return obj, [*problems, *(f'unknown field "{path}"' for path in unknown)]
    value, problems = decode.untyped(raw if raw is not None else {})
    if not isinstance(value, dict):
        found = _JSON_KINDS.get(type(value), "null")
        raise _mismatch(
            resource,
            f"json: cannot unmarshal {found} into Go value of type map[string]interface {{}}",
        )
    obj, unknown = _coerced(resource, value)
    return obj, [*problems, *(f'unknown field "{path}"' for path in unknown)]


_JSON_KINDS: dict[type, str] = {
    bool: "bool",
    str: "string",
    int: "number",
    float: "number",
    list: "array",
}


def _mismatch(resource: "CustomResource", cause: str) -> decode.TypeMismatch:
    kind, version = resource.kind, resource.version
    message = f'{kind} in version "{version}" cannot be handled as a {kind}: {cause}'
    return decode.TypeMismatch(cause, message)


def _coerced(
    resource: "CustomResource", value: Obj, meta: Obj | None = None
) -> tuple[Obj, list[str]]:
    """`meta` is the metadata, where that has been brought into form already. Takes `value` over."""
    schema = resource.custom.structural
    unknown: list[str] = []
    if meta is None and "metadata" in value:
        meta = value["metadata"]
        try:
            meta, unknown = coerce.metadata(meta)
        except decode.TypeMismatch as mismatch:
            raise _mismatch(resource, mismatch.cause) from None
    unknown += coerce.prune(value, schema, root=True)
    coerce.drop_nulls(value, schema)
    problem, paths = coerce.embedded(value, schema)
    if problem is not None:
        raise _mismatch(resource, str(problem))
    unknown += paths
    value.pop("kind", None)
    value.pop("apiVersion", None)
    value.pop("metadata", None)
    head = {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": meta if meta is not None else {},
    }
    return {**head, **value}, unknown


def set_defaults(schema: Structural, obj: Obj) -> None:
    """Fill in the schema's defaults, in place."""
    meta = obj.get("metadata")
    coerce.set_defaults(obj, schema)
    if meta is not None:
        obj["metadata"] = meta


def converted(resource: "CustomResource", obj: Obj, *, defaults: bool) -> Obj:
    """An object of another version, or one that an older schema let in, as `resource` has it.

    Never changes `obj`. Nothing but the version's name differs between versions (conversion
    strategy None). `defaults`: with those of the version's schema.
    """
    value, _ = decode.untyped(obj)
    try:
        out, _ = _coerced(resource, value)
    except StatusError:
        # What cannot be brought into the new form is shown as it is.
        out = {**value, "apiVersion": resource.api_version, "kind": resource.kind}
    out["metadata"] = dict(obj["metadata"])
    if defaults:
        set_defaults(resource.custom.structural, out)
    return out
