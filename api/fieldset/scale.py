"""Ownership of a workload's replicas when its `scale` subresource is written.

Follows apimachinery's `util/managedfields/scalehandler.go`, with what it does to the entries of
updates: those lose the replicas to the scale entry, which has no time of its own.
"""

from miniplane.api.fieldset import entries, sets
from miniplane.api.fieldset.entries import UPDATE, Entries
from miniplane.api.fieldset.sets import Path

REPLICAS = ("f:spec", "f:replicas")


def update_scale_managers(
    listed: Entries | None,
    *,
    api_version: str,
    old: int,
    new: int,
    manager: str,
    path: Path = REPLICAS,
) -> Entries | None:
    """The parent's `managedFields` after its scale was written.

    `listed` are the parent's, `api_version` its version and `path` where its replicas stand; `old`
    and `new` are the numbers of replicas (0 for none).
    """
    owners = entries.decoded(listed) or []
    replicas = sets.from_paths([path])
    scaled = {
        entries.identity(one): one
        for one in owners
        if one["apiVersion"] == api_version and sets.has(entries.fields_of(one), path)
    }
    written: Entries = []
    if scaled and old == new:
        written = [
            entries.entry(
                one.get("manager", ""),
                one["operation"],
                api_version,
                replicas,
                subresource=one.get("subresource", ""),
            )
            for one in scaled.values()
        ]
    elif scaled and new:
        manager = manager or "unknown"
        written = [entries.entry(manager, UPDATE, api_version, replicas, subresource="scale")]
    kept_applied = {entries.identity(one) for one in written if one["operation"] != UPDATE}
    out: Entries = []
    for one in owners:
        if one["apiVersion"] != api_version:
            continue
        known = entries.identity(one)
        if known in scaled and known not in kept_applied:
            fields = sets.difference(entries.fields_of(one), replicas)
            if not fields:
                continue
            one = entries.with_fields(one, fields)
        out.append(one)
    out += [one for one in written if entries.identity(one) not in kept_applied]
    return entries.in_order(out) or None
