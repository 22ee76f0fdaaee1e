"""Ownership of a workload's replicas when its `scale` subresource is written.

Follows apimachinery's `util/managedfields/scalehandler.go`, with what it does to the entries of
updates: those lose the replicas to the scale entry, which has no time of its own.
"""

from miniplane.api.fieldset import entries, sets
from miniplane.api.fieldset.entries import UPDATE, Entries
from miniplane.api.fieldset.sets import Path

REPLICAS = ("f:spec", "f:replicas")
SCALE_VERSION = "autoscaling/v1"


def update_scale_managers(
    listed: Entries | None,
    *,
    api_version: str,
    old: int,
    new: int,
    manager: str,
    path: Path = REPLICAS,
) -> Entries | None:
    """The parent's `managedFields` after its scale was updated.

    `listed` are the parent's, `api_version` its version and `path` where its replicas stand; `old`
    and `new` are the numbers of replicas (0 for none).
    """
    scaled = managers_of_scale(listed, api_version=api_version, path=path)
    if scaled and old != new:
        scaled = []
        if new:
            manager = manager or "unknown"
            replicas = sets.from_paths([REPLICAS])
            scaled.append(
                entries.entry(manager, UPDATE, SCALE_VERSION, replicas, subresource="scale")
            )
    return managers_of_parent(listed, scaled, api_version=api_version, path=path)


def managers_of_scale(
    listed: Entries | None, *, api_version: str, path: Path = REPLICAS
) -> Entries:
    """The entries of a Scale: those of its parent's managers that own the replicas."""
    replicas = sets.from_paths([REPLICAS])
    found = [
        entries.entry(
            one.get("manager", ""),
            one["operation"],
            SCALE_VERSION,
            replicas,
            time=one.get("time"),
            subresource=one.get("subresource", ""),
        )
        for one in entries.decoded(listed) or []
        if one["apiVersion"] == api_version and sets.has(entries.fields_of(one), path)
    ]
    return entries.in_order(list({entries.identity(one): one for one in found}.values()))


def managers_of_parent(
    listed: Entries | None, scaled: Entries | None, *, api_version: str, path: Path = REPLICAS
) -> Entries | None:
    """The parent's `managedFields` after a write of its scale.

    `listed` are those before it, `scaled` the entries of the Scale after it. Entries of versions
    other than the parent's are dropped.
    """
    replicas = sets.from_paths([path])
    written = {
        entries.identity(one): one
        for one in scaled or ()
        if sets.has(entries.fields_of(one), REPLICAS)
    }
    out: Entries = []
    for one in entries.decoded(listed) or []:
        if one["apiVersion"] != api_version:
            continue
        if sets.has(entries.fields_of(one), path):
            known = entries.identity(one)
            if known in written:  # an applier that still owns the replicas
                del written[known]
            else:
                fields = sets.difference(entries.fields_of(one), replicas)
                if not fields:
                    continue
                one = entries.with_fields(one, fields)
        out.append(one)
    out += [
        entries.entry(
            one.get("manager", ""),
            one["operation"],
            api_version,
            replicas,
            subresource=one.get("subresource", ""),
        )
        for one in written.values()
    ]
    return entries.in_order(out) or None
