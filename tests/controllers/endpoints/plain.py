"""The plain way: what the slices and the Endpoints of a service come to, all at once from nothing.

Slower than what the controllers do, which is held against it.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from miniplane.api.objects import Obj, is_terminating
from miniplane.controllers.endpoints import ports as portlib
from miniplane.controllers.endpoints import slices, subsets
from miniplane.controllers.endpoints.ports import Port, Ports
from miniplane.controllers.endpoints.slices import PER_SLICE, Changes, Identity
from miniplane.controllers.endpoints.targets import (
    Target,
    families_of,
    is_headless,
    publishes_not_ready,
)


def found(service: Obj, targets: Iterable[Target]) -> tuple[list[Obj], bool]:
    """The subsets of the Endpoints, and whether they are cut."""
    return _truncate(subsets.repack(_entries(service, targets)))


def _entries(service: Obj, targets: Iterable[Target]) -> Iterable[subsets.Entry]:
    """The service's targets as addresses. Terminating pods have no place among them, unless
    readiness does not matter; nor have pods without any of the service's ports."""
    family = families_of(service)[0]
    publish = publishes_not_ready(service)
    resolve = portlib.resolver(service, portlib.in_subsets)
    bare = is_headless(service) and not service["spec"].get("ports")
    for target in targets:
        ip = target.ip_of(family)
        if not ip or (target.terminating and not publish):
            continue
        ports = resolve(target)
        if not ports and not bare:
            continue
        address: Obj = {"ip": ip, "nodeName": target.node, "targetRef": target.reference}
        hostname = target.hostname_for(service)
        if hostname:
            address["hostname"] = hostname
        yield ports, publish or target.ready, address


def _truncate(whole: list[Obj]) -> tuple[list[Obj], bool]:
    """At most `CAPACITY` addresses, and whether that meant to leave some out.

    Ready ones are kept first, and each subset keeps its share.
    """
    ready, unready = _total(whole, "addresses"), _total(whole, "notReadyAddresses")
    if ready + unready <= subsets.CAPACITY:
        return whole, False
    if ready > subsets.CAPACITY:
        keep = _shares(whole, "addresses", ready, subsets.CAPACITY)
        return [_cut(s, {"addresses": keep(s), "notReadyAddresses": 0}) for s in whole], True
    keep = _shares(whole, "notReadyAddresses", unready, subsets.CAPACITY - ready)
    return [_cut(s, {"notReadyAddresses": keep(s)}) for s in whole], True


def _total(whole: Iterable[Obj], field: str) -> int:
    return sum(len(subset.get(field) or ()) for subset in whole)


def _shares(whole: Iterable[Obj], field: str, total: int, room: int) -> Callable[[Obj], int]:
    left = room

    def keep(subset: Obj) -> int:
        nonlocal left
        share = math.ceil(len(subset.get(field) or ()) * room / total)
        share = min(share, left, len(subset.get(field) or ()))
        left -= share
        return share

    return keep


def _cut(subset: Obj, sizes: Mapping[str, int]) -> Obj:
    out = dict(subset)
    for field, size in sizes.items():
        kept = (out.pop(field, None) or [])[:size]
        if kept:
            out[field] = kept
    return out


def plan(
    service: Obj,
    targets: Iterable[Target],
    present: Sequence[Obj],
    *,
    zones: Mapping[str, str],
    changed_at: str,
) -> Changes:
    """`zones` are the known nodes with their zones (`""` for none); `changed_at` is the time of the
    change that leads to this one, or `""`."""
    changes = Changes()
    present = [piece for piece in present if not is_terminating(piece)]
    chosen = sorted(targets, key=lambda target: target.name)
    if not publishes_not_ready(service):
        changes.missing = [target for target in chosen if target.node not in zones]
    families = families_of(service)
    changes.delete += (piece for piece in present if piece.get("addressType") not in families)
    for family in families:
        pieces = [piece for piece in present if piece.get("addressType") == family]
        _plan_family(changes, service, chosen, pieces, family=family, zones=zones)
    for piece in (*changes.create, *changes.update):
        slices.note_change(piece, changed_at)
    return changes


def _plan_family(
    changes: Changes,
    service: Obj,
    targets: Iterable[Target],
    present: Sequence[Obj],
    *,
    family: str,
    zones: Mapping[str, str],
) -> None:
    resolve = portlib.resolver(service, portlib.in_slices)
    write = slices.writer(service, zones)
    desired: dict[Ports, dict[Identity, Obj]] = {}
    for target in targets:
        group = desired.setdefault(resolve(target), {})
        endpoint = write(target, family)
        if endpoint is not None:
            group[slices.identity_of(endpoint)] = endpoint
    kept: dict[Ports, list[Obj]] = {}
    create: list[Obj] = []
    update: list[Obj] = []
    delete: list[Obj] = []
    for piece in present:
        ports = tuple(map(Port.of, piece.get("ports") or ()))
        ports = tuple(sorted(ports, key=portlib.in_slices))
        if ports in desired and slices.is_owned(piece, service):
            kept.setdefault(ports, []).append(piece)
        else:
            delete.append(piece)
    for ports, group in desired.items():
        part = _distribute(service, kept.get(ports, ()), group, ports=ports, family=family)
        create += part.create
        update += part.update
        delete += part.delete
    if len(present) == len(delete) and not create:
        # One empty slice shows that the service has been seen.
        placeholder = slices.skeleton(service, (), family)
        if len(delete) == 1 and slices.is_same(delete[0], placeholder):
            delete = []
        else:
            create.append(placeholder)
    _recycle(service, create, update, delete)
    changes.create += create
    changes.update += update
    changes.delete += delete


def _distribute(
    service: Obj,
    present: Iterable[Obj],
    desired: dict[Identity, Obj],
    *,
    ports: Ports,
    family: str,
) -> Changes:
    """Put the endpoints of one set of ports into slices. Empties `desired`."""
    changes = Changes()
    labels = slices.labels_for(service)
    changed: list[tuple[Obj, list[Obj]]] = []
    unchanged: list[Obj] = []
    for piece in present:
        before = piece.get("endpoints") or []
        kept = []
        for endpoint in before:
            latest = desired.pop(slices.identity_of(endpoint), None)
            if latest is not None:
                kept.append(latest)
        if kept == before and not slices.labels_differ(piece, labels):
            unchanged.append(piece)
        elif not kept and before:
            changes.delete.append(piece)
        else:
            changed.append((piece, kept))
    left = list(desired.values())
    for _, kept in sorted(changed, key=lambda item: -len(item[1])):
        room = PER_SLICE - len(kept)
        kept += left[:room]
        left = left[room:]
    while left:
        closest = None
        if len(left) < PER_SLICE:
            fitting = [
                piece
                for piece in unchanged
                if len(left) + len(piece.get("endpoints") or ()) <= PER_SLICE
            ]
            closest = max(
                fitting, key=lambda piece: len(piece.get("endpoints") or ()), default=None
            )
        if closest is not None:
            changed.append((closest, [*(closest.get("endpoints") or ()), *left]))
            break
        new = slices.skeleton(service, ports, family)
        new["endpoints"] = left[:PER_SLICE]
        changes.create.append(new)
        left = left[PER_SLICE:]
    for piece, kept in changed:
        metadata = {**piece["metadata"], "labels": labels}
        changes.update.append({**piece, "metadata": metadata, "endpoints": kept})
    return changes


def _recycle(service: Obj, create: list[Obj], update: list[Obj], delete: list[Obj]) -> None:
    """Rewrite slices that would be deleted instead of creating others."""
    for piece in list(delete):
        if not create:
            return
        new = create[-1]
        if piece.get("addressType") == new["addressType"] and slices.is_owned(piece, service):
            create.pop()
            delete.remove(piece)
            metadata = {**new["metadata"], "name": piece["metadata"]["name"]}
            update.append({**new, "metadata": metadata})
