"""`managedFields` of objects that are created, updated or patched (apply is another algorithm).

A write makes its manager the owner of every path that it adds or changes, takes those paths away
from all others, and removed paths from everybody. It works on the object as it was decoded and
defaulted, before admission and before the registry's own changes to it; what those add belongs to
nobody. Follows apimachinery's `util/managedfields/internal`; the steps of its chain of managers are
the steps of `update_managers`.
"""

import dataclasses
import functools
from typing import Any

from miniplane.api import conversion, decode, resources
from miniplane.api.fieldset import entries, sets, typed
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
        owners = [settled(one, typed.custom(definition)) for one in owners]
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
                other_versions[version] = _change_in(
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


def settled(one: Entry, of: typed.Type) -> Entry:
    """An entry in terms of the schema of now; the very entry where it fits."""
    fields = entries.fields_of(one)
    fitting = of.settled(fields)
    return one if fitting is fields else entries.with_fields(one, fitting)


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


def _change_in(
    api_version: str,
    definition: str | Node,
    pair: tuple[Obj | None, Obj],
    watch: Tracker,
    endpoint: tuple[Paths | None, str],
) -> tuple[FieldSet, FieldSet] | None:
    """What a write changes in the terms of another version, None where that is not served."""
    version = in_version(api_version, definition)
    if version is None:
        return None
    if not isinstance(version.definition, str):
        return watch.compare(*pair)
    old, new = pair
    old = old and version.show(old)
    return tracker(version.definition, *endpoint).compare(old, version.show(new))


@dataclasses.dataclass(frozen=True, slots=True)
class Version:
    """A version in which an endpoint's objects are served too, or its very own version.

    `definition` is that of the version, or the schema of a custom resource; `here` and `there` are
    the endpoint's row and the version's, None for custom resources and for views (Scale).
    """

    definition: str | Node
    here: resources.Resource | None = None
    there: resources.Resource | None = None

    def show(self, obj: Obj, *, decoded: bool = True) -> Obj:
        """An object of the endpoint in this version. Merged objects are to be `decoded` first."""
        return self._convert(self.here, self.there, obj, decoded)

    def hide(self, obj: Obj, *, decoded: bool = True) -> Obj:
        """An object of this version in that of the endpoint."""
        return self._convert(self.there, self.here, obj, decoded)

    @staticmethod
    def _convert(
        source: resources.Resource | None,
        target: resources.Resource | None,
        obj: Obj,
        decoded: bool,
    ) -> Obj:
        if source is None or target is None or source is target:
            return obj
        if not decoded:
            obj, _ = decode.decode(source.definition, obj)
        made = conversion.from_storage(target, conversion.to_storage(source, obj))
        return {**made, "apiVersion": target.api_version, "kind": target.kind}


@functools.lru_cache(maxsize=1024)
def in_version(api_version: str, definition: str | Node) -> Version | None:
    """How the objects of a definition look in a version, None where they are not served in it."""
    if not isinstance(definition, str):
        return Version(definition)
    here = _row(definition)
    if here is None:
        return Version(definition)
    there = here if here.api_version == api_version else _sibling(here, api_version)
    return None if there is None else Version(there.definition, here, there)


def _row(definition: str) -> resources.Resource | None:
    return next((row for row in resources.RESOURCES if row.definition == definition), None)


def _sibling(here: resources.Resource, api_version: str) -> resources.Resource | None:
    """The same kind in another version, where that is served and stored as the same thing."""
    for row in resources.RESOURCES:
        if row.api_version == api_version and row.kind == here.kind:
            same = conversion.storage_resource(row) is conversion.storage_resource(here)
            return row if same else None
    return None
