"""Entries of `metadata.managedFields`: who they are, what is valid, and their order.

Follows apimachinery's `util/managedfields/internal` (managedfields.go, capmanagers.go).
"""

import json
from collections.abc import Sequence
from typing import Any, TypeAlias

from miniplane.api.fieldset import sets
from miniplane.api.fieldset.elements import Malformed
from miniplane.api.fieldset.sets import FieldSet

Entry: TypeAlias = dict[str, Any]
Entries: TypeAlias = list[Entry]

UPDATE = "Update"
APPLY = "Apply"
MAX_UPDATERS = 10
BUCKET = "ancient-changes"
"""The manager that the oldest updates are merged into when there are more than `MAX_UPDATERS`."""


def entry(
    manager: str,
    operation: str,
    api_version: str,
    fields: FieldSet,
    *,
    time: str | None = None,
    subresource: str = "",
) -> Entry:
    """An entry with its members in the order in which a server writes them."""
    out: Entry = {"manager": manager} if manager else {}
    out["operation"] = operation
    out["apiVersion"] = api_version
    if time:
        out["time"] = time
    out["fieldsType"] = "FieldsV1"
    out["fieldsV1"] = fields
    if subresource:
        out["subresource"] = subresource
    return out


def identity(one: Entry) -> tuple[str, str, str, str]:
    """What makes two entries the same manager's. Applied ones do not differ by version."""
    operation = one["operation"]
    version = "" if operation == APPLY else one["apiVersion"]
    return (one.get("manager", ""), operation, version, one.get("subresource", ""))


def fields_of(one: Entry) -> FieldSet:
    return one.get("fieldsV1") or sets.LEAF


def with_fields(one: Entry, fields: FieldSet) -> Entry:
    return {**one, "fieldsV1": fields}


def is_reset(listed: Any) -> bool:
    """Whether a client sent a list that takes everybody's ownership away: `[]` or `[{}]`."""
    return isinstance(listed, list) and (not listed or listed == [{}])


def decoded(listed: Any) -> Entries | None:
    """Entries that a client sent, with canonical sets; None when one of them is not valid.

    Of entries with the same identity the last one counts.
    """
    if listed is None:
        return []
    if not isinstance(listed, list):
        return None
    out: dict[tuple[str, str, str, str], Entry] = {}
    for one in listed:
        if not isinstance(one, dict) or one.get("operation") not in (UPDATE, APPLY):
            return None
        names = (one.get("manager", ""), one.get("apiVersion"), one.get("subresource", ""))
        if not all(isinstance(name, str) for name in names):
            return None
        if not one["apiVersion"] or one.get("fieldsType") != "FieldsV1":
            return None
        try:
            fields = sets.from_json(one.get("fieldsV1"))
        except Malformed:
            return None
        time = one.get("time")
        made = entry(
            names[0] or "",
            one["operation"],
            one["apiVersion"],
            fields,
            time=time if isinstance(time, str) else None,
            subresource=names[2] or "",
        )
        out[identity(made)] = made
    return list(out.values())


def in_order(listed: Entries) -> Entries:
    """Applied entries first, then by time (in seconds), manager, version and subresource."""
    if len(listed) > 1:
        listed.sort(key=_place)
    return listed


def _place(one: Entry) -> tuple[str, str, str, str, str]:
    return (
        one["operation"],
        one.get("time") or "",
        one.get("manager", ""),
        one["apiVersion"],
        one.get("subresource", ""),
    )


def capped(listed: Entries) -> Entries:
    """`listed` with the oldest updates merged into one entry for each version, so that at most
    `MAX_UPDATERS` updates are left (or one for each version, if that is more)."""
    updaters = [one for one in listed if one["operation"] == UPDATE]
    excess = len(updaters) - MAX_UPDATERS
    if excess <= 0:
        return listed
    updaters.sort(key=lambda one: (one.get("time") or "", identifier(one)))
    kept = {identity(one): one for one in listed}
    first: dict[str, Entry] = {}
    for one in updaters:
        if excess <= 0:
            break
        version = one["apiVersion"]
        if version not in first:
            first[version] = one
            continue
        bucket = (BUCKET, UPDATE, version, "")
        if bucket not in kept:
            oldest = kept.pop(identity(first[version]))
            kept[bucket] = entry(BUCKET, UPDATE, version, fields_of(oldest))
        fields = sets.union(fields_of(one), fields_of(kept[bucket]))
        del kept[identity(one)]
        kept[bucket] = entry(BUCKET, UPDATE, version, fields, time=one.get("time"))
        excess -= 1
    return list(kept.values())


def identifier(one: Entry) -> str:
    """The text that real servers sort managers by: the entry as JSON, without what changes."""
    version = "" if one["operation"] == APPLY else one["apiVersion"]
    parts = {
        "manager": one.get("manager", ""),
        "operation": one["operation"],
        "apiVersion": version,
        "subresource": one.get("subresource", ""),
    }
    shown = {name: value for name, value in parts.items() if value}
    return json.dumps(shown, separators=(",", ":"), ensure_ascii=False)


def same_but_times(a: Sequence[Entry], b: Sequence[Entry]) -> bool:
    """Whether two lists of entries differ at most in when their managers wrote."""
    return len(a) == len(b) and all(
        identity(one) == identity(other)
        and one["apiVersion"] == other["apiVersion"]
        and fields_of(one) == fields_of(other)
        for one, other in zip(a, b, strict=True)
    )
