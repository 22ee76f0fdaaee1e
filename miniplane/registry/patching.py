"""PATCH: the present object, changed by a patch, on the path of an update.

Follows `endpoints/handlers/patch.go` of apiserver. A patch is applied to the object as its version
serves it; the result is decoded like a body that a client had sent.
"""

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

from miniplane.api import decode, errors, patch
from miniplane.api import options as opts
from miniplane.api.objects import Obj
from miniplane.api.options import WriteOptions
from miniplane.api.resources import Resource
from miniplane.registry import applying, incoming, ownerrefs, write
from miniplane.registry.context import Context
from miniplane.registry.results import Result

Typed: TypeAlias = Callable[[Any], tuple[Obj, list[str]]]
"""Decodes what a patch has made, as `incoming.typed` does for a kind."""


def apply_to(
    definition: str, old: Obj, body: Any, *, patch_type: str, field_validation: str
) -> Any:
    """The raw outcome of a patch. Shares what did not change with `old`."""
    if patch_type == opts.JSON_PATCH:
        return patch.json_patch(old, body, field_validation=field_validation)
    if patch_type == opts.MERGE_PATCH:
        return patch.merge_patch(old, body, field_validation=field_validation)
    if patch_type == opts.STRATEGIC_MERGE_PATCH and definition:
        return patch.strategic(definition, old, body)
    if not definition:
        raise errors.unsupported_media_type([opts.JSON_PATCH, opts.MERGE_PATCH, opts.APPLY_PATCH])
    raise errors.unsupported_media_type(
        [opts.JSON_PATCH, opts.MERGE_PATCH, opts.STRATEGIC_MERGE_PATCH]
    )


def patched(
    definition: str,
    old: Obj,
    body: Any,
    options: WriteOptions,
    warnings: list[str],
    *,
    patch_type: str,
    typed: Typed | None = None,
) -> tuple[Any, Obj]:
    """The outcome of a patch, raw and decoded. What cannot be decoded is a 422.

    `typed` decodes where there is no `definition`.
    """
    raw = apply_to(
        definition,
        old,
        body,
        patch_type=patch_type,
        field_validation=options.field_validation,
    )
    strategic = patch_type == opts.STRATEGIC_MERGE_PATCH
    try:
        obj, unknown = decode.decode(definition, raw) if typed is None else typed(raw)
    except decode.TypeMismatch as mismatch:
        raise _undecodable(raw, body, mismatch.cause, strategic=strategic) from None
    if patch_type == opts.JSON_PATCH:
        unknown = [*patch.unknown_members(body), *unknown]
    if unknown and options.field_validation == "Strict":
        why = f"strict decoding error: {', '.join(unknown)}"
        raise _undecodable(raw, body, why, strategic=strategic)
    if options.field_validation == "Warn":
        warnings.extend(unknown)
    return raw, obj


def _undecodable(raw: Any, body: Any, why: str, *, strategic: bool) -> errors.StatusError:
    return patch.undecodable_strategic(body, why) if strategic else patch.undecodable(raw, why)


def _check_type(raw: Any, resource: Resource, body: Any, *, strategic: bool) -> None:
    """A patch may not make another kind of the object."""
    try:
        decode.check_type(raw, resource)
    except errors.StatusError as error:
        raise _undecodable(raw, body, error.message, strategic=strategic) from None


def run(
    context: Context,
    resource: Resource,
    namespace: str,
    name: str,
    body: Any,
    options: WriteOptions,
    *,
    patch_type: str,
    subresource: str = "",
) -> Result:
    """PATCH of an object or of its status."""
    if patch_type == opts.APPLY_PATCH:
        return applying.run(
            context, resource, namespace, name, body, options, subresource=subresource
        )
    warnings: list[str] = []

    def change(old: Obj) -> Obj:
        typed: Typed | None = None
        if resource.custom is not None:
            typed = functools.partial(incoming.typed, resource)
        raw, obj = patched(
            resource.definition,
            old,
            body,
            options,
            warnings,
            patch_type=patch_type,
            typed=typed,
        )
        _check_type(raw, resource, body, strategic=patch_type == opts.STRATEGIC_MERGE_PATCH)
        incoming.complete(resource, obj, raw)
        ownerrefs.deduplicate(obj, warnings, patched=True)
        given = obj["metadata"].get("resourceVersion")
        if given is None:
            obj["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
        incoming.check_place(obj, resource, namespace, name)
        return obj

    return write.update(
        context,
        resource,
        namespace,
        name,
        change,
        options,
        warnings,
        subresource=subresource,
    )
