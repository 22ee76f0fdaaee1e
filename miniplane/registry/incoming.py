"""The first steps of every write: what a client sent becomes an object of the right kind.

Follows `rest.BeforeCreate`, `rest.BeforeUpdate` and the create and update handlers of apiserver.
"""

from typing import Any

from miniplane.api import decode, defaults, errors
from miniplane.api.objects import Obj
from miniplane.api.options import WriteOptions
from miniplane.api.resources import Resource
from miniplane.api.schema import Node


def decoded(resource: Resource, raw: Any, options: WriteOptions, warnings: list[str]) -> Obj:
    """A new object of `resource`: pruned, type-checked, with defaults.

    Whether a body is of the resource's kind at all is seen to at the door (`decode.check_type`).

    Unknown fields are refused, warned about or ignored as `options.field_validation` says.
    """
    obj, unknown = typed(resource, raw)
    if unknown:
        report(resource, unknown, options, warnings)
    complete(resource, obj, raw)
    return obj


def typed(resource: Resource, raw: Any) -> tuple[Obj, list[str]]:
    """A new object of the kind, without defaults, and what strict decoding has against `raw`.

    Raises decode.TypeMismatch.
    """
    if resource.custom is not None:
        return resource.custom.decode(resource, raw)
    return decode.decode(resource.definition, raw)


def schema_of(resource: Resource) -> str | Node:
    """What field ownership knows a kind by: its definition, or the schema of a custom resource."""
    return resource.definition if resource.custom is None else resource.custom.node


def complete(resource: Resource, obj: Obj, raw: Any) -> None:
    """Give a decoded object its defaults, and what decoding may not lose."""
    metadata = obj.setdefault("metadata", {})
    if raw and (raw.get("metadata") or {}).get("managedFields") == []:
        # An empty list is a word of its own: it takes everybody's ownership away.
        metadata["managedFields"] = []
    if resource.custom is None:
        defaults.apply(resource, obj)
    else:
        resource.custom.set_defaults(obj)


def report(
    resource: Resource, problems: list[str], options: WriteOptions, warnings: list[str]
) -> None:
    """Refuse, warn of, or ignore unknown and duplicate fields."""
    if options.field_validation == "Strict":
        raise errors.bad_request(
            f'{resource.kind} in version "{resource.version}" cannot be handled as a '
            f"{resource.kind}: strict decoding error: {', '.join(problems)}"
        )
    if options.field_validation == "Warn":
        warnings.extend(problems)


def check_place(obj: Obj, resource: Resource, namespace: str, name: str) -> None:
    """Hold the object's name and namespace against the URL's; an empty namespace is filled in."""
    metadata = obj["metadata"]
    if name:
        given = metadata.get("name", "")
        if not given:
            raise errors.bad_request(
                f"the name of the object ({name} based on URL) was undeterminable: "
                "name must be provided"
            )
        if given != name:
            raise errors.bad_request(
                f"the name of the object ({given}) does not match the name on the URL ({name})"
            )
    if resource.namespaced:
        given = metadata.get("namespace", "")
        if given and given != namespace:
            raise errors.bad_request(
                "the namespace of the provided object does not match the namespace sent on the "
                "request"
            )
        metadata["namespace"] = namespace
    else:
        metadata.pop("namespace", None)
