"""Server-side apply: a configuration merged into an object, and what that makes of ownership.

An applier owns every leaf field and list item that its configuration mentions. Applying

1. puts the configuration over the live object;
2. removes what the same manager applied the last time and now leaves out, unless somebody else owns
   it (`_pruned`);
3. is refused where a field that another manager owns would change, and takes it over with `force`.

Follows structured-merge-diff's `merge/update.go` and the managers that apimachinery's
`util/managedfields/internal` stacks on it.
"""

import dataclasses

from miniplane.api.errors import StatusError
from miniplane.api.fieldset import entries, lastapplied, managers, problems, sets, tracker, typed
from miniplane.api.fieldset.conflicts import Conflicts
from miniplane.api.fieldset.entries import APPLY, Entries, Entry
from miniplane.api.fieldset.resets import Paths
from miniplane.api.fieldset.sets import FieldSet
from miniplane.api.fieldset.tracker import NEVER_OWNED, Tracker
from miniplane.api.fieldset.typed import Mismatch, Type
from miniplane.api.fieldset.walk import Untrackable
from miniplane.api.objects import Obj
from miniplane.api.schema import Node

BEFORE_FIRST_APPLY = "before-first-apply"
"""The manager that owns what an object held when it had no managed fields and was applied to."""

_STRIPPED = sets.from_paths(
    [
        ("f:apiVersion",),
        ("f:kind",),
        ("f:metadata",),
        *(("f:metadata", f"f:{name}") for name in sorted(NEVER_OWNED)),
    ]
)


@dataclasses.dataclass(frozen=True, slots=True)
class Applied:
    """The outcome of an apply.

    `obj` is the merged object, neither decoded nor defaulted, and with nulls where the
    configuration has them or nothing is left; None where the live object already is as the
    configuration wants it. It shares parts with both: treat it as frozen. `managed` is the
    `managedFields` that the object is to have in either case (None for none).
    """

    obj: Obj | None
    managed: Entries | None


@dataclasses.dataclass(frozen=True, slots=True)
class _Endpoint:
    """Where and in whose name something is applied."""

    definition: str | Node
    api_version: str
    subresource: str
    reset: Paths | None
    manager: str
    now: str
    type: Type
    tracker: Tracker

    @property
    def me(self) -> tuple[str, str, str, str]:
        return (self.manager, APPLY, "", self.subresource)


def apply(
    definition: str | Node,
    *,
    api_version: str,
    live: Obj | None,
    config: Obj,
    manager: str,
    now: str,
    force: bool = False,
    subresource: str = "",
    reset: Paths | None = None,
) -> Applied:
    """Apply `config` to `live` (None for an object that is not there yet).

    `definition` is the kind's, or the schema of a custom resource; both objects are in its
    version, and `config` is known to be of the kind and to bring no `managedFields`. `now` is a
    Time. `reset` are the paths that the endpoint resets; None for those of the real endpoint.

    StatusError 500 for a configuration that does not fit the schema, 409 for conflicts.
    """
    custom = not isinstance(definition, str)
    at = _Endpoint(
        definition,
        api_version,
        subresource,
        reset,
        manager or "unknown",
        now,
        typed.custom(definition) if custom else typed.builtin(definition),
        tracker.custom_tracker(definition, reset, subresource)
        if custom
        else tracker.tracker(definition, reset, subresource),
    )
    fields = _checked(at.type, config, "patch", config)
    owners: Entries = []
    if live is not None:
        if custom:
            _checked(at.type, live, "live", config, strict=False)
        owners = _owners(at, live)
    try:
        try:
            applied = _apply(at, live, config, fields, owners, force=force)
        except Conflicts as found:
            if at.manager != lastapplied.MANAGER:
                raise
            allowed = lastapplied.allowed(at.type, at.tracker, live, api_version)
            if allowed is None:
                raise
            left = found.without(allowed)
            if left is not None:
                raise left from None
            applied = _apply(at, live, config, fields, owners, force=True)
    except Conflicts as found:
        raise found.error() from None
    if at.manager == lastapplied.MANAGER:
        noted = lastapplied.noted(applied.obj or live, config)
        if noted is not None:
            applied = dataclasses.replace(applied, obj=noted)
    return applied


def _checked(of: Type, obj: Obj, which: str, config: Obj, *, strict: bool = True) -> FieldSet:
    """Every field that an object mentions."""
    try:
        return of.fields(obj, strict=strict) or sets.LEAF
    except (Mismatch, RecursionError):
        why = problems.describe(of, obj, strict=strict)
    raise StatusError(500, "", f"failed to create typed {which} object ({shown(config)}): {why}")


def shown(obj: Obj) -> str:
    """An object as messages name it: `default/web; apps/v1, Kind=Deployment`."""
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict):
        metadata = {}
    place = f"{_text(metadata, 'namespace')}/{_text(metadata, 'name')}"
    return f"{place}; {group_version_kind(obj)}"


def group_version_kind(obj: Obj) -> str:
    """What an object says it is, as messages show it: `apps/v1, Kind=Deployment`."""
    api_version = _text(obj, "apiVersion")
    group, _, version = api_version.rpartition("/")
    if api_version.count("/") > 1:
        group = version = ""
    return f"{group}/{version}, Kind={_text(obj, 'kind')}"


def _text(of: Obj, name: str) -> str:
    value = of.get(name)
    return value if isinstance(value, str) else ""


def _owners(at: _Endpoint, live: Obj) -> Entries:
    """The entries to start from, one for each manager, with sets that fit the schema of now."""
    listed = (live.get("metadata") or {}).get("managedFields")
    if not listed:
        bare = {**live, "metadata": {**(live.get("metadata") or {}), "managedFields": None}}
        found = managers.update_managers(
            at.definition,
            api_version=at.api_version,
            old=None,
            new=bare,
            manager=BEFORE_FIRST_APPLY,
            subresource=at.subresource,
            now=at.now,
            reset=at.reset,
        )
        return found or []
    out: dict[tuple[str, str, str, str], Entry] = {}
    for one in listed:
        version = managers.in_version(one["apiVersion"], at.definition)
        if version is None:
            continue  # of a version that is not served any more
        out[entries.identity(one)] = managers.settled(one, _type_in(at, version))
    return list(out.values())


def _apply(
    at: _Endpoint,
    live: Obj | None,
    config: Obj,
    fields: FieldSet,
    owners: Entries,
    *,
    force: bool,
) -> Applied:
    own = at.tracker.tracked(fields)
    mine = sets.difference(own, _STRIPPED)
    last = next((one for one in owners if entries.identity(one) == at.me), None)
    others = [one for one in owners if one is not last]
    if live is None:
        return Applied(config, _listed(at, mine, None, others, at.now))
    merged = at.type.merge(live, config)
    if last is not None and entries.fields_of(last) != mine:
        merged = _pruned(at, merged, last, own, others)
    changed = merged is not live
    if changed:
        others = _dispossessed(at, live, merged, others, force=force)
    time: str | None = at.now
    if not changed:
        time = None if last is None else last.get("time")
    return Applied(merged if changed else None, _listed(at, mine, last, others, time))


def _listed(
    at: _Endpoint, own: FieldSet, last: Entry | None, others: Entries, time: str | None
) -> Entries | None:
    if not own:
        return entries.in_order(others) or None
    if last is not None and last.get("time") == time and last["apiVersion"] == at.api_version:
        mine = last if entries.fields_of(last) == own else entries.with_fields(last, own)
    else:
        mine = entries.entry(
            at.manager, APPLY, at.api_version, own, time=time, subresource=at.subresource
        )
    return entries.in_order([*others, mine])


def _dispossessed(
    at: _Endpoint, live: Obj, merged: Obj, others: Entries, *, force: bool
) -> Entries:
    """The entries of all others after the change from `live` to `merged`. Conflicts, unless
    `force`, when it takes something away that it does not remove."""
    out: Entries = []
    conflicts: list[tuple[Entry, FieldSet]] = []
    changes: dict[str, tuple[FieldSet, FieldSet]] = {}
    for one in others:
        version = one["apiVersion"]
        if version not in changes:
            changes[version] = _change(at, version, live, merged)
        taken, gone = changes[version]
        fields = before = entries.fields_of(one)
        both = sets.intersection(before, taken) if taken else sets.LEAF
        if both:
            conflicts.append((one, both))
            fields = sets.difference(fields, both)
        fields = sets.difference(fields, gone)
        if fields:
            out.append(one if fields is before else entries.with_fields(one, fields))
    if conflicts and not force:
        raise Conflicts(conflicts)
    return out


def _change(at: _Endpoint, version: str, live: Obj, merged: Obj) -> tuple[FieldSet, FieldSet]:
    """What differs between two objects in the terms of a version."""
    watch = at.tracker
    try:
        if version != at.api_version and isinstance(at.definition, str):
            there = managers.in_version(version, at.definition)
            assert there is not None and isinstance(there.definition, str)
            watch = tracker.tracker(there.definition, at.reset, at.subresource)
            live, merged = there.show(live), there.show(merged, decoded=False)
        return watch.compare(live, merged)
    except (Untrackable, RecursionError):
        raise StatusError(500, "", "failed to compare objects") from None


def _pruned(at: _Endpoint, merged: Obj, last: Entry, own: FieldSet, others: Entries) -> Obj:
    """`merged` without the fields and items that its manager applied the last time, unless they are
    in `own` now, or somebody else owns them.

    First everything goes that was applied, with all that it held; then what anybody owns comes
    back, and what was never applied.
    """
    version, before = last["apiVersion"], entries.fields_of(last)
    left_out = sets.difference(before, own)
    if not before or (version == at.api_version and not left_out):
        return merged
    first = _View.of(at, version)
    if first is None:
        return merged
    owned: dict[str, FieldSet] = {version: sets.LEAF}
    for one in others:
        known = owned.get(one["apiVersion"], sets.LEAF)
        owned[one["apiVersion"]] = sets.union(known, entries.fields_of(one))
    owned[at.api_version] = sets.union(owned.get(at.api_version, sets.LEAF), own)

    if len(owned) == 1:
        # Nothing can go from top-level fields of which all that was applied still is.
        before = {element: below for element, below in before.items() if element in left_out}
    applied = first.type.named(before)
    whole = first.show(merged)
    if len(owned) == 1:
        whole = {name: value for name, value in whole.items() if f"f:{name}" in applied}
        owned[version] = {e: below for e, below in owned[version].items() if e in applied}
    everything = first.listed(whole)
    here, pruned = first, first.type.without(whole, applied) or {}
    for name, fields in owned.items():
        view = first if name == version else _View.of(at, name)
        if view is None or not fields:
            continue
        there, listed = whole, everything
        if view is not first:
            there, pruned = view.show(merged), view.show(here.hide(pruned))
            listed = view.listed(there)
        kept = sets.union(view.listed(pruned), view.type.named(fields))
        pruned = view.type.without(there, sets.difference(listed, kept)) or {}
        here = view
    if here is not first:
        pruned = first.show(here.hide(pruned))
    gone = sets.intersection(sets.difference(everything, first.listed(pruned)), applied)
    return first.hide(first.type.without(first.show(merged), gone) or {}) if gone else merged


@dataclasses.dataclass(frozen=True, slots=True)
class _View:
    """Objects in another version than that of the endpoint, or in that very version."""

    version: managers.Version
    type: Type

    @classmethod
    def of(cls, at: _Endpoint, api_version: str) -> "_View | None":
        version = managers.in_version(api_version, at.definition)
        if version is None:
            return None
        return cls(version, _type_in(at, version))

    def show(self, obj: Obj) -> Obj:
        """An object of the endpoint's version in this one."""
        return self.version.show(obj, decoded=False)

    def hide(self, obj: Obj) -> Obj:
        """An object of this version in the endpoint's."""
        return self.version.hide(obj, decoded=False)

    def listed(self, obj: Obj) -> FieldSet:
        """Every field of an object, and the named ones that lead to them."""
        return self.type.named(self.type.fields(obj, strict=False) or sets.LEAF)


def _type_in(at: _Endpoint, version: managers.Version) -> Type:
    definition = version.definition
    return typed.builtin(definition) if isinstance(definition, str) else at.type
