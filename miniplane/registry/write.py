"""Create and update: the one path by which objects enter the store.

Every step is in this file, in order; what differs between kinds stands in their strategies, what
a cluster adds or refuses stands in admission.
"""

from collections.abc import Callable
from typing import Any

from miniplane.api import conversion, errors, field, fieldset
from miniplane.api.objects import Obj
from miniplane.api.options import WriteOptions
from miniplane.api.resources import Resource
from miniplane.registry import admission, catalog, deletion, incoming, ownerrefs, subresources
from miniplane.registry.admission import Attributes
from miniplane.registry.context import Context
from miniplane.registry.forms import served
from miniplane.registry.results import Result
from miniplane.registry.stored import Stored, seal
from miniplane.registry.strategies import strategy_of
from miniplane.registry.strategy import Strategy, nothing, restore

GENERATED_NAME_TRIES = 8
MAX_GENERATED_PREFIX = 58


def create(
    context: Context, resource: Resource, namespace: str, raw: Any, options: WriteOptions
) -> Result:
    """POST of an object to its collection."""
    warnings: list[str] = []
    obj = incoming.decoded(resource, raw, options, warnings)
    incoming.check_place(obj, resource, namespace, "")
    ownerrefs.deduplicate(obj, warnings)
    return insert(context, resource, obj, options, warnings)


def insert(
    context: Context,
    resource: Resource,
    obj: Obj,
    options: WriteOptions,
    warnings: list[str],
    *,
    owned: bool = False,
) -> Result:
    """Create an object that has been decoded already. Takes `obj` over.

    `owned`: its managed fields already say who set what.
    """
    strategy = strategy_of(resource)
    metadata = obj["metadata"]
    namespace = metadata.get("namespace", "")
    now = context.clock.rfc3339()
    given_revision = metadata.pop("resourceVersion", "")
    metadata.pop("selfLink", None)
    metadata.pop("deletionTimestamp", None)
    metadata.pop("deletionGracePeriodSeconds", None)
    metadata.pop("generation", None)

    if not owned:
        own(resource, None, obj, options, now, "")
    attributes = Attributes(
        context=context,
        operation="CREATE",
        resource=resource,
        namespace=namespace,
        name=metadata.get("name", ""),
        obj=obj,
        old=None,
        options=options,
        warnings=warnings,
    )
    admission.mutate(attributes)

    metadata = obj["metadata"]
    name_it(context, resource, metadata)
    attributes.name = metadata.get("name", "")
    metadata["uid"] = context.ids.uid()
    metadata["creationTimestamp"] = now
    if strategy.generation:
        metadata["generation"] = 1
    finish = strategy.begin_create(obj, context)
    try:
        _check_new(attributes, strategy, given_revision)
        result = _store_new(context, resource, obj, options, warnings)
    except BaseException:
        finish(False)
        raise
    finish(not options.dry_run)
    if attributes.afterwards and not options.dry_run:
        admission.complete(attributes)
    return result


def _check_new(attributes: Attributes, strategy: Strategy, given_revision: str) -> None:
    resource, obj = attributes.resource, attributes.obj
    strategy.prepare_for_create(obj, attributes.context)
    strategy.note_author(obj, attributes.options.user)
    problems = strategy.validate(obj)
    if problems:
        name = obj["metadata"].get("name", "")
        raise errors.invalid(group_of(resource), resource.kind, name, problems)
    if given_revision and given_revision != "0":
        raise errors.StatusError(
            500, "", "resourceVersion should not be set on objects to be created"
        )
    attributes.warnings.extend(strategy.warnings_on_create(obj))
    admission.validate(attributes)


def _store_new(
    context: Context, resource: Resource, obj: Obj, options: WriteOptions, warnings: list[str]
) -> Result:
    metadata = obj["metadata"]
    key = catalog.key(resource, metadata.get("namespace", ""), metadata["name"])
    existing = context.store.find(key)
    if existing is not None:
        raise taken(resource, existing, metadata)
    stored_as = catalog.storage_resource(resource)
    body = conversion.to_storage(resource, obj)
    if options.dry_run:
        return Result(served(seal(stored_as, body, 0), resource), warnings, created=True)
    stored = context.store.create(key, lambda revision: seal(stored_as, body, revision))
    return Result(served(stored, resource), warnings, created=True)


def name_it(context: Context, resource: Resource, metadata: dict[str, Any]) -> None:
    """Make a name from generateName where none is given, one that is free if chance allows."""
    prefix = metadata.get("generateName")
    if metadata.get("name") or not prefix:
        return
    namespace = metadata.get("namespace", "")
    for _ in range(GENERATED_NAME_TRIES):
        name = prefix[:MAX_GENERATED_PREFIX] + context.ids.suffix(5)
        metadata["name"] = name
        if context.store.find(catalog.key(resource, namespace, name)) is None:
            return


def group_of(resource: Resource) -> str:
    """The group that an Invalid error names: that of the form in which objects are stored."""
    return catalog.storage_resource(resource).group


def taken(resource: Resource, existing: Stored, metadata: dict[str, Any]) -> errors.StatusError:
    name = metadata["name"]
    error = errors.already_exists(resource, name)
    if "deletionTimestamp" in existing.obj["metadata"]:
        message = f"object is being deleted: {error.message}"
        return errors.StatusError(error.code, error.reason, message, error.details)
    if metadata.get("generateName"):
        return errors.generate_name_conflict(resource, name)
    return error


def own(
    resource: Resource,
    old: Obj | None,
    obj: Obj,
    options: WriteOptions,
    now: str,
    subresource: str,
) -> None:
    """Note in metadata.managedFields who set what."""
    managed = (
        _own_replicas(resource, old, obj, options.field_manager)
        if subresource == "scale" and old is not None
        else fieldset.update_managers(
            incoming.schema_of(resource),
            api_version=resource.api_version,
            old=old,
            new=obj,
            manager=options.field_manager,
            subresource=subresource,
            now=now,
            reset=resets_of(resource, subresource),
        )
    )
    set_managers(obj, managed)


def resets_of(resource: Resource, subresource: str) -> fieldset.Paths | None:
    """The fields that a write does not own, where its kind does not tell already: a custom
    resource without a status subresource lets everybody write its status."""
    if resource.custom is None or resource.custom.has_status:
        return None
    return ()


def set_managers(obj: Obj, managed: list[Obj] | None) -> None:
    """Set an object's managed fields; None for none at all."""
    if managed:
        obj["metadata"]["managedFields"] = managed
    else:
        obj["metadata"].pop("managedFields", None)


def _own_replicas(resource: Resource, old: Obj, obj: Obj, manager: str) -> list[Obj] | None:
    custom = resource.custom
    if custom is not None:
        return fieldset.update_scale_managers(
            old["metadata"].get("managedFields"),
            api_version=resource.api_version,
            old=custom.scale.get(old) or 0,
            new=custom.scale.get(obj) or 0,
            manager=manager,
            path=custom.scale.elements,
        )
    return fieldset.update_scale_managers(
        old["metadata"].get("managedFields"),
        api_version=resource.api_version,
        old=old["spec"].get("replicas", 0),
        new=obj["spec"].get("replicas", 0),
        manager=manager,
    )


Change = Callable[[Obj], Obj]
"""Makes the new object, decoded and with defaults, from the present one (frozen)."""


def update(
    context: Context,
    resource: Resource,
    namespace: str,
    name: str,
    change: Change,
    options: WriteOptions,
    warnings: list[str],
    *,
    subresource: str = "",
    owned: bool = False,
) -> Result:
    """Change an object that is there: the common end of PUT and PATCH.

    `owned`: the managed fields of what `change` makes already say who set what.
    """
    key = catalog.key(resource, namespace, name)
    present = context.store.find(key)
    if present is None:
        raise errors.not_found(resource, name)
    before = served(present, resource)
    old = before.obj
    obj = change(old)
    strategy = strategy_of(resource)

    check_revision(resource, obj, old, strategy.unconditional_update)
    if not owned:
        own(resource, old, obj, options, context.clock.rfc3339(), subresource)
    attributes = Attributes(
        context=context,
        operation="UPDATE",
        resource=resource,
        namespace=namespace,
        name=name,
        obj=obj,
        old=old,
        options=options,
        warnings=warnings,
        subresource=subresource,
    )
    admission.mutate(attributes)

    finish = nothing if subresource else strategy.begin_update(obj, old, context)
    written = False
    try:
        _check_change(attributes, strategy, old)
        keep_times(obj, old)
        if unchanged(obj, old):
            return Result(before, warnings)
        stored_as = catalog.storage_resource(resource)
        body = conversion.to_storage(resource, obj)
        if strategy.should_delete_during_update(obj, old):
            return deletion.finish_update(context, resource, present, body, options, warnings)
        if options.dry_run:
            return Result(served(seal(stored_as, body, 0), resource), warnings)
        stored = context.store.update(
            key, lambda revision: seal(stored_as, body, revision), expect=present
        )
        written = True
    finally:
        finish(written)
    if attributes.afterwards:
        admission.complete(attributes)
    return Result(served(stored, resource), warnings)


def _check_change(attributes: Attributes, strategy: Strategy, old: Obj) -> None:
    context, resource, obj = attributes.context, attributes.resource, attributes.obj
    subresource = attributes.subresource
    metadata, old_metadata = obj["metadata"], old["metadata"]
    if subresource == "status":
        strategy.prepare_for_status(obj, old, context)
    elif (prepare := subresources.PREPARE.get((resource.plural, subresource))) is not None:
        prepare(obj, old, context)
    else:
        strategy.prepare_for_update(obj, old, context)
    if not metadata.get("uid"):
        restore(metadata, old_metadata, "uid")
    for kept in ("creationTimestamp", "generation", "selfLink"):
        restore(metadata, old_metadata, kept)
    if "deletionTimestamp" in old_metadata:
        restore(metadata, old_metadata, "deletionTimestamp")
    if metadata.get("deletionGracePeriodSeconds") is None:
        restore(metadata, old_metadata, "deletionGracePeriodSeconds")
    if subresource != "status" and strategy.generation and strategy.spec_changed(obj, old):
        metadata["generation"] = old_metadata.get("generation", 0) + 1
    metadata["resourceVersion"] = old_metadata["resourceVersion"]
    problems = strategy.validate_update(obj, old, subresource, attributes.warnings)
    if problems:
        name = attributes.name
        raise errors.invalid(group_of(resource), resource.kind, name, problems)
    if not subresource:
        attributes.warnings.extend(strategy.warnings_on_update(obj, old))
    admission.validate(attributes)


def check_revision(resource: Resource, obj: Obj, old: Obj, unconditional: bool) -> None:
    """Hold the sent resourceVersion against the present one."""
    name = old["metadata"]["name"]
    revision = obj["metadata"].get("resourceVersion", "")
    if revision not in ("", "0"):
        if not revision.isdigit():
            raise errors.StatusError(
                500, "", f'strconv.ParseUint: parsing "{revision}": invalid syntax'
            )
        if revision != old["metadata"]["resourceVersion"]:
            raise errors.stale_revision(resource, name)
    elif not unconditional:
        problem = field.invalid("metadata.resourceVersion", 0, "must be specified for an update")
        raise errors.invalid(resource.group, resource.plural, name, [problem])


def check_uid(
    context: Context, resource: Resource, namespace: str, name: str, uid: str | None
) -> None:
    """A uid in the body of a PUT is a precondition, checked before everything else."""
    present = context.store.find(catalog.key(resource, namespace, name))
    if not uid or (present is None and not strategy_of(resource).create_on_update):
        return
    known = "" if present is None else present.obj["metadata"]["uid"]
    if uid == known:
        return
    plural = catalog.storage_resource(resource).plural
    place = f"{namespace}/{name}" if resource.namespaced else name
    raise errors.conflict(
        resource,
        name,
        f"StorageError: invalid object, Code: 4, Key: /registry/{plural}/{place}, "
        "ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: "
        f"{uid}, UID in object meta: {known}",
    )


def keep_times(obj: Obj, old: Obj) -> None:
    """Take back when managers wrote, where that would be all that changes: what they sent may be
    what was there already, in other words."""
    listed, before = (one["metadata"].get("managedFields") for one in (obj, old))
    if not listed or not before or listed is before:
        return
    if listed != before and fieldset.same_but_times(listed, before):
        obj["metadata"]["managedFields"] = before
        if not unchanged(obj, old):
            obj["metadata"]["managedFields"] = listed


def unchanged(obj: Obj, old: Obj) -> bool:
    """Whether a write would store what is there already."""
    if obj.keys() | {"kind", "apiVersion"} != old.keys() | {"kind", "apiVersion"}:
        return False
    return all(obj[key] == old[key] for key in obj if key not in ("kind", "apiVersion"))


def replace(
    context: Context,
    resource: Resource,
    namespace: str,
    name: str,
    raw: Any,
    options: WriteOptions,
    *,
    subresource: str = "",
) -> Result:
    """PUT of an object."""
    warnings: list[str] = []
    obj = incoming.decoded(resource, raw, options, warnings)
    incoming.check_place(obj, resource, namespace, name)
    ownerrefs.deduplicate(obj, warnings)
    strategy = strategy_of(resource)
    check_uid(context, resource, namespace, name, obj["metadata"].get("uid"))
    key = catalog.key(resource, namespace, name)
    if context.store.find(key) is None and strategy.create_on_update and not subresource:
        obj["metadata"].pop("resourceVersion", None)
        return insert(context, resource, obj, options, warnings)
    return update(
        context,
        resource,
        namespace,
        name,
        lambda old: obj,
        options,
        warnings,
        subresource=subresource,
    )
