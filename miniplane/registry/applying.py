"""PATCH with an apply configuration: server-side apply of an object, its status or its scale.

Follows the applyPatcher of apiserver's `endpoints/handlers/patch.go`. What becomes of fields and
of their owners is `fieldset.apply`; here its outcome becomes an object that is stored: created
where there was none, else updated.
"""

from typing import Any

from miniplane.api import decode, errors, fieldset
from miniplane.api.objects import Obj, thaw
from miniplane.api.options import WriteOptions
from miniplane.api.patch import gotext
from miniplane.api.resources import Resource
from miniplane.registry import catalog, incoming, ownerrefs, write
from miniplane.registry.context import Context
from miniplane.registry.results import Result

SYSTEM_FIELDS = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")
"""What a configuration may say of an object that is not there yet, to no effect."""


def run(
    context: Context,
    resource: Resource,
    namespace: str,
    name: str,
    body: Any,
    options: WriteOptions,
    *,
    subresource: str = "",
) -> Result:
    """Apply `body` to an object, which comes into being if need be, or to its status."""
    warnings: list[str] = []
    config = configuration(body)
    now = context.clock.rfc3339()

    def applied(live: Obj | None) -> Obj:
        obj = merged(resource, live, config, options, now, subresource=subresource)
        metadata = obj["metadata"]
        if live is None and metadata.get("uid"):
            raise errors.conflict(
                resource,
                name,
                f"uid mismatch: the provided object specified uid {metadata['uid']}, and no "
                "existing object was found",
            )
        incoming.check_place(obj, resource, namespace, name)
        ownerrefs.deduplicate(obj, warnings, patched=True)
        return obj

    present = context.store.find(catalog.key(resource, namespace, name))
    if present is not None:
        return write.update(
            context,
            resource,
            namespace,
            name,
            applied,
            options,
            warnings,
            subresource=subresource,
            owned=True,
        )
    obj = applied(None)
    if subresource:
        raise errors.not_found(resource, name)
    for field in SYSTEM_FIELDS:
        obj["metadata"].pop(field, None)
    obj["metadata"].pop("resourceVersion", None)
    return write.insert(context, resource, obj, options, warnings, owned=True)


def configuration(body: Any) -> Obj:
    """The configuration that a client sent. StatusError 400 for what is no object."""
    if body is None:
        return {}
    if not isinstance(body, dict):
        raise errors.bad_request(
            "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot "
            f"unmarshal {gotext.json_kind(body)} into Go value of type {gotext.MAP_TYPE}"
        )
    return body


def merged(
    resource: Resource,
    live: Obj | None,
    config: Obj,
    options: WriteOptions,
    now: str,
    *,
    subresource: str = "",
) -> Obj:
    """`live` after the apply: decoded, with defaults and managed fields, and the caller's own.

    `live` is in the form of `resource`, None where there is no object yet. StatusError 400 for a
    configuration of another kind or with managed fields, 500 for one that does not fit the schema,
    409 for conflicts.
    """
    said = fieldset.group_version_kind(config)
    if (config.get("apiVersion"), config.get("kind")) != (resource.api_version, resource.kind):
        raise errors.bad_request(f"invalid object type: {said}")
    metadata = config.get("metadata")
    if isinstance(metadata, dict) and isinstance(metadata.get("managedFields"), list):
        raise errors.bad_request("metadata.managedFields must be nil")
    outcome = fieldset.apply(
        incoming.schema_of(resource),
        api_version=resource.api_version,
        live=live,
        config=config,
        manager=options.field_manager,
        force=options.force,
        subresource=subresource,
        now=now,
    )
    if outcome.obj is None:
        assert live is not None
        obj = thaw({**live, "metadata": {**live["metadata"], "managedFields": None}})
    else:
        obj = _finished(resource, outcome.obj, config)
    write.set_managers(obj, outcome.managed)
    return obj


def _finished(resource: Resource, raw: Obj, config: Obj) -> Obj:
    """A merged object, decoded and with defaults."""
    metadata = raw.get("metadata")
    if metadata and "managedFields" in metadata:
        metadata = {name: value for name, value in metadata.items() if name != "managedFields"}
        raw = {**raw, "metadata": metadata}
    try:
        obj, _ = incoming.typed(resource, raw)
    except decode.TypeMismatch as mismatch:
        shown = fieldset.shown(config)
        raise errors.StatusError(
            500,
            "",
            f"failed to convert new object ({shown}) to proper version: unable to convert "
            f"unstructured object to {fieldset.group_version_kind(config)}: {mismatch.cause}",
        ) from None
    incoming.complete(resource, obj, None)
    return obj
