"""DELETE: grace periods, finalizers, and the garbage collector's part in them.

Follows `rest.BeforeDelete` and `registry/generic/registry/store.go`. A delete takes two steps
where a grace period or a finalizer is at work: first the object is marked (deletionTimestamp),
later it goes, with another delete or with the update that removes its last finalizer.
"""

import dataclasses
import datetime
from typing import Any

from miniplane.api import errors
from miniplane.api.objects import Obj
from miniplane.api.options import DeleteOptions, ListOptions, WriteOptions
from miniplane.api.resources import Resource
from miniplane.registry import admission, catalog, reading
from miniplane.registry.admission import Attributes
from miniplane.registry.context import Context
from miniplane.registry.forms import served
from miniplane.registry.results import Deleted, ListResult, Result
from miniplane.registry.stored import Stored, seal
from miniplane.registry.strategies import strategy_of
from miniplane.registry.strategy import Strategy

ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"


def delete(
    context: Context, resource: Resource, namespace: str, name: str, options: DeleteOptions
) -> Deleted:
    """DELETE of one object."""
    present = context.store.find(catalog.key(resource, namespace, name))
    if present is None:
        raise errors.not_found(resource, name)
    warnings = list(strategy_of(resource).warnings_on_delete(options))
    old = served(present, resource).obj
    attributes = Attributes(
        context=context,
        operation="DELETE",
        resource=resource,
        namespace=namespace,
        name=name,
        obj=old,
        old=old,
        options=WriteOptions(dry_run=options.dry_run, user=options.user),
        warnings=warnings,
        delete_options=options,
    )
    if not context.extensions.idle:
        admission.mutate_deleted(attributes)
    admission.validate(attributes)
    return _delete(context, resource, present, options, warnings)


def _delete(
    context: Context,
    resource: Resource,
    present: Stored,
    options: DeleteOptions,
    warnings: list[str],
) -> Deleted:
    strategy = strategy_of(resource)
    obj = present.obj
    check_preconditions(resource, obj, options)
    first = "deletionTimestamp" not in obj["metadata"]
    marked: Obj | None = strategy.first_delete(obj, context) if first else None
    if marked is not None:
        held = True
    elif not strategy.terminates:
        marked, held = _mark(context, strategy, obj, options)
    elif first:
        marked, held = _terminate(context, strategy, obj, options), True
    elif obj.get("spec", {}).get("finalizers"):
        marked, held = None, True
    else:
        marked, held = _mark(context, strategy, obj, options)
    if marked is not None:
        present = _store(context, resource, present, marked, dry_run=options.dry_run)
    if held:
        return Deleted(served(present, resource), False, None, warnings)
    gone = _remove(context, resource, present, present.obj, dry_run=options.dry_run)
    status = None if strategy.returns_deleted else _success(resource, obj)
    return Deleted(served(gone, resource), True, status, warnings)


def check_preconditions(resource: Resource, obj: Obj, options: DeleteOptions) -> None:
    """StatusError (409) where the object is not the one that is meant, or has changed since."""
    metadata = obj["metadata"]
    checks = (
        ("UID", options.uid, metadata["uid"], "deleted and then recreated"),
        ("ResourceVersion", options.resource_version, metadata["resourceVersion"], "modified"),
    )
    for what, wanted, found, fate in checks:
        if wanted is None or wanted == found:
            continue
        if strategy_of(resource).terminates:
            kind = resource.plural
            why = (
                f"Precondition failed: {what} in precondition: {wanted}, "
                f"{what} in object meta: {found}"
            )
        else:
            kind = resource.kind
            why = (
                f"the {what} in the precondition ({wanted}) does not match the {what} in record "
                f"({found}). The object might have been {fate}"
            )
        name = metadata["name"]
        message = f'Operation cannot be fulfilled on {kind} "{name}": {why}'
        details = {"name": name, "kind": kind}
        if resource.group:
            details["group"] = resource.group
        raise errors.StatusError(409, "Conflict", message, details)


def _terminate(context: Context, strategy: Strategy, obj: Obj, options: DeleteOptions) -> Obj:
    """A namespace as its first delete leaves it: its controller empties and finalizes it."""
    metadata = {**obj["metadata"], "deletionTimestamp": context.clock.rfc3339()}
    if finalizers := _finalizers(strategy, metadata, options):
        metadata["finalizers"] = finalizers
    else:
        metadata.pop("finalizers", None)
    return {
        **obj,
        "metadata": metadata,
        "status": {**obj.get("status", {}), "phase": "Terminating"},
    }


def _mark(
    context: Context, strategy: Strategy, obj: Obj, options: DeleteOptions
) -> tuple[Obj | None, bool]:
    """The object as this delete leaves it (None: as it is), and whether it stays for now."""
    metadata = dict(obj["metadata"])
    now = int(context.clock.time())
    grace = strategy.grace_period(obj, options)
    graceful = grace is not None
    deleting = "deletionTimestamp" in metadata
    if grace is not None and not deleting:
        metadata["deletionTimestamp"] = _format(now + grace)
        metadata["deletionGracePeriodSeconds"] = grace
        _count(metadata)
    elif grace is not None:
        # A second delete can only shorten the grace period, whatever the kind thinks of it.
        present = metadata.get("deletionGracePeriodSeconds")
        asked = options.grace_period_seconds
        grace = asked if asked is None or asked >= 0 else 1
        graceful = bool(present)
        if present:
            if grace is None or grace >= present:
                return None, True
            ends = _parse(metadata["deletionTimestamp"]) - present + grace
            if ends < now:
                # That time is over: as soon as can be, but a graceful delete stays one.
                ends, grace = now, min(grace, 1)
            metadata["deletionTimestamp"] = _format(ends)
            metadata["deletionGracePeriodSeconds"] = grace
    finalizers = _finalizers(strategy, metadata, options)
    if finalizers:
        metadata["finalizers"] = finalizers
    else:
        metadata.pop("finalizers", None)
    if not graceful and not finalizers:
        return None, False
    if not graceful:
        if not deleting:
            _count(metadata)
        if not deleting or _parse(metadata["deletionTimestamp"]) > now:
            metadata["deletionTimestamp"] = _format(now)
        metadata["deletionGracePeriodSeconds"] = 0
    changed = metadata != obj["metadata"]
    held = bool(finalizers) or (graceful and bool(grace))
    return ({**obj, "metadata": metadata} if changed else None), held


def _count(metadata: dict[str, Any]) -> None:
    if metadata.get("generation"):
        metadata["generation"] += 1


def _finalizers(strategy: Strategy, metadata: dict[str, Any], options: DeleteOptions) -> list[str]:
    """The finalizers that the delete's propagation policy leaves on the object."""
    present: list[str] = metadata.get("finalizers") or []
    policy = options.propagation_policy if strategy.owns else "Background"
    if policy is None:
        if ORPHAN in present:
            policy = "Orphan"
        elif FOREGROUND in present:
            policy = "Foreground"
        else:
            policy = strategy.default_propagation
    kept = [f for f in present if f not in (ORPHAN, FOREGROUND)]
    if policy == "Orphan":
        kept.append(ORPHAN)
    elif policy == "Foreground":
        kept.append(FOREGROUND)
    return present if sorted(kept) == sorted(present) else kept


def _store(
    context: Context, resource: Resource, present: Stored, obj: Obj, *, dry_run: bool
) -> Stored:
    obj = {**obj, "metadata": dict(obj["metadata"])}
    if dry_run:
        return seal(present.resource, obj, 0)
    metadata = obj["metadata"]
    key = catalog.key(resource, metadata.get("namespace", ""), metadata["name"])
    return context.store.update(
        key, lambda revision: seal(present.resource, obj, revision), expect=present
    )


def _remove(
    context: Context, resource: Resource, present: Stored, last: Obj, *, dry_run: bool
) -> Stored:
    """Take an object out of the store; watchers are told `last`."""
    metadata = last["metadata"]
    body = {**last, "metadata": dict(metadata)}
    if dry_run:
        return present
    key = catalog.key(resource, metadata.get("namespace", ""), metadata["name"])
    gone = context.store.delete(
        key, lambda revision: seal(present.resource, body, revision), expect=present
    )
    strategy_of(resource).after_delete(gone.obj, context)
    return gone


def finish_update(
    context: Context,
    resource: Resource,
    present: Stored,
    body: Obj,
    options: WriteOptions,
    warnings: list[str],
) -> Result:
    """An update took away the last finalizer: the object goes.

    Watchers see it as it was; the client gets what it wrote.
    """
    gone = _remove(context, resource, present, present.obj, dry_run=options.dry_run)
    answer = seal(present.resource, body, 0 if options.dry_run else gone.revision)
    return Result(served(answer, resource), warnings)


def _success(resource: Resource, obj: Obj) -> Obj:
    details = {"name": obj["metadata"]["name"]}
    if resource.group:
        details["group"] = resource.group
    details["kind"] = resource.plural
    details["uid"] = obj["metadata"]["uid"]
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": details,
    }


def delete_collection(
    context: Context,
    resource: Resource,
    namespace: str,
    options: DeleteOptions,
    list_options: ListOptions,
) -> ListResult:
    """DELETE of all objects that a list would show. Answers them as they were.

    Where no limit is given there is one nevertheless, a large one. It shows: a list with a limit
    is a list of exactly the revision that is asked for.
    """
    asked = list_options.resource_version
    if not list_options.limit and asked not in ("", "0") and not list_options.continue_:
        match = list_options.resource_version_match or "Exact"
        list_options = dataclasses.replace(list_options, resource_version_match=match)
    session = context.session
    if session is None:
        found = reading.list_objects(context, resource, namespace, list_options)
        done: dict[str, None] = {}
    else:
        # Made over, it goes on with the objects that were there when it began.
        found = session.keep(
            "list", lambda: reading.list_objects(context, resource, namespace, list_options)
        )
        done = session.keep("deleted", lambda: {})
    warnings = list(strategy_of(resource).warnings_on_delete(options))
    for stored in found.items:
        metadata = stored.obj["metadata"]
        if metadata["uid"] in done:
            continue
        try:
            delete(context, resource, metadata.get("namespace", ""), metadata["name"], options)
        except errors.StatusError as error:
            if not errors.is_not_found(error):
                raise
        if session is not None:
            done[metadata["uid"]] = None
    return dataclasses.replace(found, warnings=warnings)


def _parse(text: str) -> int:
    stamp = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return int(stamp.timestamp())


def _format(seconds: int) -> str:
    stamp = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return stamp.strftime("%Y-%m-%dT%H:%M:%SZ")
