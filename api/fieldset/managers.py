"""`managedFields` of objects that are created, updated or patched (apply is another algorithm).

A write makes its manager the owner of every path that it adds or changes, takes those paths away
from all others, and removed paths from everybody. It works on the object as it was decoded and
defaulted, before admission and before the registry's own changes to it; what those add belongs to
nobody. Follows apimachinery's `util/managedfields/internal`; the steps of its chain of managers are
the steps of `update_managers`.
"""

from typing import Any

from miniplane.api import conversion, resources
from miniplane.api.fieldset import entries, sets
from miniplane.api.fieldset.entries import UPDATE, Entries, Entry
from miniplane.api.fieldset.resets import Paths
from miniplane.api.fieldset.sets import FieldSet
from miniplane.api.fieldset.tracker import Tracker, custom_tracker, tracker
from miniplane.api.fieldset.walk import Untrackable
from miniplane.api.objects import Obj
from miniplane.api.schema import Node


def update_managers(
    definition: str | Node,
    *,
    api_version: str,
    old: Obj | None,
    new: Obj,
    manager: str,
    subresource: str = "",
    now: str,
    reset: Paths | None = None,
) -> Entries | None:
    """The `managedFields` that `new` is to have, None for none at all.

    `definition` is the kind's, or the schema of a custom resource. `old` is the stored object, None
    when `new` is created; both are in the version of `definition`. `new` is decoded and defaulted,
    with the `managedFields` that the client sent, if any (`[]` must have stayed: it takes
    everybody's ownership away). `now` is a Time. `reset` are the paths that the endpoint resets;
    None for those of the real endpoint.

    Entries and sets are shared with `old` and `new` where nothing changed: treat them as frozen.
    """
    live_metadata = (old.get("metadata") or {}) if old is not None else {}
    live = live_metadata.get("managedFields")
    owners = _owners(live, new, from_request=not subresource)
    if not owners and live_metadata.get("uid"):
        return None
    if isinstance(definition, str):
        watch = tracker(definition, reset, subresource)
    else:
        watch = custom_tracker(definition, reset, subresource)
    try:
        own, gone = watch.compare(old, new)
    except (Untrackable, RecursionError):
        return live
    manager = manager or "unknown"
    me = (manager, UPDATE, api_version, subresource)
    out: Entries = []
    mine: Entry | None = None
    other_versions: dict[str, tuple[FieldSet, FieldSet] | None] = {api_version: (own, gone)}
    for one in owners:
        before = entries.fields_of(one)
        if entries.identity(one) == me:
            fields = sets.difference(before, gone)
            if own:
                mine = one
                fields = sets.union(fields, own)
                out.append({**one, "time": now, "fieldsV1": fields})
                continue
        else:
            version = one["apiVersion"]
            if version not in other_versions:
                other_versions[version] = _in_version(
                    version, definition, (old, new), watch, (reset, subresource)
                )
            changed = other_versions[version]
            if changed is None:
                continue
            fields = sets.difference(sets.difference(before, changed[0]), changed[1])
        if fields:
            out.append(one if fields is before else entries.with_fields(one, fields))
    if own and mine is None:
        out.append(
            entries.entry(manager, UPDATE, api_version, own, time=now, subresource=subresource)
        )
    if len(out) > entries.MAX_UPDATERS:
        out = entries.capped(out)
    return entries.in_order(out) or None


def _owners(live: Any, new: Obj, *, from_request: bool) -> Entries:
    """The entries to start from: the request's, if it has valid ones, else the stored ones."""
    if from_request:
        sent = (new.get("metadata") or {}).get("managedFields")
        if sent is not None and sent is not live:
            if entries.is_reset(sent):
                return []
            if sent != live:
                valid = entries.decoded(sent)
                if valid:
                    return valid
    if not live:
        return []
    known = {entries.identity(one): one for one in live}
    return live if len(known) == len(live) else list(known.values())


def _in_version(
    api_version: str,
    definition: str | Node,
    pair: tuple[Obj | None, Obj],
    watch: Tracker,
    endpoint: tuple[Paths | None, str],
) -> tuple[FieldSet, FieldSet] | None:
    """What a write changes in the terms of another version, None where that is not served."""
    if not isinstance(definition, str):
        return watch.compare(*pair)
    here = _row(definition)
    there = _sibling(here, api_version) if here is not None else None
    if here is None or there is None:
        return None
    old, new = (
        one and conversion.from_storage(there, conversion.to_storage(here, one)) for one in pair
    )
    assert new is not None
    return tracker(there.definition, *endpoint).compare(old, new)


def _row(definition: str) -> resources.Resource | None:
    return next((row for row in resources.RESOURCES if row.definition == definition), None)


def _sibling(here: resources.Resource, api_version: str) -> resources.Resource | None:
    """The same kind in another version, where that is served and stored as the same thing."""
    for row in resources.RESOURCES:
        if row.api_version == api_version and row.kind == here.kind:
            same = conversion.storage_resource(row) is conversion.storage_resource(here)
            return row if same else None
    return None
