"""Which slice an endpoint goes into (pure).

After `staging/src/k8s.io/endpointslice/reconciler.go`. Endpoints with the same ports share slices
of up to 100. Those that are in a slice stay in it; new ones first go where something has to be
written anyway:

    slices of 100, 60 and 30     5 new endpoints, none gone     -> fill the one of 60
                                 5 new, one of the 100 is gone  -> 100, and 4 into the one of 60
                                 80 new                         -> a new slice

A `Packing` remembers what it has found in the slices, so that a plan only has to look at those
slices and pods that have changed since the plan before. It comes to what a new one would come to.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from sortedcontainers import SortedList

from miniplane.api.objects import Obj, is_terminating
from miniplane.controllers.endpoints import ports as portlib
from miniplane.controllers.endpoints import slices, topology
from miniplane.controllers.endpoints.ports import Port, Ports
from miniplane.controllers.endpoints.slices import PER_SLICE, Changes
from miniplane.controllers.endpoints.targets import Target, families_of, publishes_not_ready

ShareOut = Callable[[str, list[Obj], list[Obj], list[Obj]], object]
"""Puts hints on slices of a family: those to create, those to update, those that stay."""


class _Read:
    """A slice that was looked at.

    `claimed` are the pods whose endpoints it holds. `latest` is what these should say now, None if
    that is what the slice says.
    """

    __slots__ = ("claimed", "latest", "ours", "owned", "piece", "ports")

    def __init__(self, piece: Obj, ports: Ports, *, owned: bool, ours: bool):
        self.piece = piece
        self.ports = ports
        self.owned = owned
        self.ours = ours
        """Owned, and somebody has these ports."""
        self.claimed: list[str] = []
        self.latest: list[Obj] | None = None


class _Family:
    """The slices of one address family."""

    def __init__(self) -> None:
        self.holder: dict[str, str] = {}
        """The slice that holds the endpoint of a pod, by the names of both."""
        self.loose: dict[str, None] = {}
        """Pods that have an endpoint, and no slice holds it."""
        self.read: dict[str, _Read] = {}
        self.touched: dict[str, None] = {}
        """Slices to be looked at again."""


class Packing:
    """The slices of one revision of a service, for as long as the zones of the nodes stay."""

    def __init__(self, service: Obj, targets: Mapping[str, Target], zones: Mapping[str, str]):
        self._service = service
        self._targets = targets
        self._zones = zones
        self._by_share = slices.asks_for_shares(service)
        self._publish = publishes_not_ready(service)
        self._labels = slices.labels_for(service)
        self._resolve = portlib.resolver(service, portlib.in_slices)
        self._write = slices.writer(service, zones)
        self._groups: dict[Ports, SortedList] = {}
        """The names of the pods that have these ports."""
        self._lost: dict[str, None] = {}
        """Pods on nodes that are not known."""
        self._families = {family: _Family() for family in families_of(service)}
        groups: dict[Ports, list[str]] = {}
        for name, target in targets.items():
            groups.setdefault(self._resolve(target), []).append(name)
            self._place(name, target)
        for ports, names in groups.items():
            self._groups[ports] = SortedList(names)

    def update(self, targets: Mapping[str, Target], changed: Mapping[str, Target | None]) -> None:
        """`targets` are the service's now; `changed` those that came, changed or went since they
        were told last, as they were then."""
        self._targets = targets
        for name, old in changed.items():
            new = targets.get(name)
            if old == new:
                continue
            if old is not None:
                self._remove(name, old)
            if new is not None:
                self._add(name, new)

    def plan(
        self, present: Sequence[Obj], *, changed_at: str, share_out: ShareOut | None = None
    ) -> Changes:
        """What turns the slices that there are into those that there should be. `changed_at` is
        the time of the change that leads to this one, or `""`. `share_out` is asked for hints if
        the service wants shares for each zone."""
        changes = Changes()
        present = [piece for piece in present if not is_terminating(piece)]
        if not self._publish:
            changes.missing = [self._targets[name] for name in sorted(self._lost)]
        changes.delete += (
            piece for piece in present if piece.get("addressType") not in self._families
        )
        for family in self._families:
            pieces = [piece for piece in present if piece.get("addressType") == family]
            self._plan_family(changes, pieces, family, share_out if self._by_share else None)
        for piece in (*changes.create, *changes.update):
            slices.note_change(piece, changed_at)
        return changes

    # What is known of the pods.

    def _add(self, name: str, target: Target) -> None:
        ports = self._resolve(target)
        group = self._groups.get(ports)
        if group is None:
            group = self._groups[ports] = SortedList()
        group.add(name)
        self._place(name, target)

    def _place(self, name: str, target: Target) -> None:
        if target.node not in self._zones:
            self._lost[name] = None
        for family, known in self._families.items():
            # A slice that still holds it is one of those to be looked at again.
            if name not in known.holder and self._has_endpoint(target, family):
                known.loose[name] = None

    def _remove(self, name: str, target: Target) -> None:
        ports = self._resolve(target)
        group = self._groups[ports]
        group.remove(name)
        if not group:
            del self._groups[ports]
        self._lost.pop(name, None)
        for known in self._families.values():
            holder = known.holder.get(name)
            if holder is not None:
                known.touched[holder] = None
            known.loose.pop(name, None)

    def _has_endpoint(self, target: Target, family: str) -> bool:
        return (self._publish or target.node in self._zones) and bool(target.ip_of(family))

    # What is known of the slices.

    def _look(self, present: Sequence[Obj], family: str) -> None:
        """Read the slices that are not as they were, or whose pods are not."""
        known = self._families[family]
        names = {piece["metadata"]["name"]: piece for piece in present}
        stale = [
            name
            for name, read in known.read.items()
            if name in known.touched
            or names.get(name) is not read.piece
            or read.ours != (read.owned and read.ports in self._groups)
        ]
        known.touched.clear()
        for name in stale:
            self._release(known, name, family)
        for name, piece in names.items():
            if name not in known.read and not self._read(known, name, piece, family):
                break
        else:
            return
        # Two slices hold the same endpoint: the first of them counts.
        for name in list(known.read):
            self._release(known, name, family)
        for name, piece in names.items():
            self._read(known, name, piece, family)

    def _release(self, known: _Family, name: str, family: str) -> None:
        for pod in known.read.pop(name).claimed:
            del known.holder[pod]
            target = self._targets.get(pod)
            if target is not None and self._has_endpoint(target, family):
                known.loose[pod] = None

    def _read(self, known: _Family, name: str, piece: Obj, family: str) -> bool:
        """Look at a slice. Whether all that belongs into it was still to be had."""
        ports = tuple(map(Port.of, piece.get("ports") or ()))
        ports = tuple(sorted(ports, key=portlib.in_slices))
        owned = slices.is_owned(piece, self._service)
        read = _Read(piece, ports, owned=owned, ours=owned and ports in self._groups)
        known.read[name] = read
        if not read.ours:
            return True
        alone = True
        before = piece.get("endpoints") or []
        if self._by_share:
            # Hints depend on all slices: they are looked at when these are known.
            before = [topology.bare(endpoint) for endpoint in before]
        latest: list[Obj] = []
        for endpoint in before:
            pod = (endpoint.get("targetRef") or {}).get("name", "")
            target = self._targets.get(pod)
            if target is None or self._resolve(target) != ports:
                continue
            wanted = self._write(target, family)
            if wanted is None or slices.identity_of(wanted) != slices.identity_of(endpoint):
                continue
            if pod in known.holder:
                alone = False
                continue
            known.holder[pod] = name
            known.loose.pop(pod, None)
            read.claimed.append(pod)
            latest.append(wanted)
        if latest != before or slices.labels_differ(piece, self._labels):
            # It is going to be written, and then it is another one.
            read.latest = latest
            known.touched[name] = None
        return alone

    # A plan.

    def _plan_family(
        self,
        changes: Changes,
        present: Sequence[Obj],
        family: str,
        share_out: ShareOut | None,
    ) -> None:
        self._look(present, family)
        known = self._families[family]
        kept: dict[Ports, list[_Read]] = {}
        create: list[Obj] = []
        update: list[Obj] = []
        delete: list[Obj] = []
        for piece in present:
            read = known.read[piece["metadata"]["name"]]
            if read.ours:
                kept.setdefault(read.ports, []).append(read)
            else:
                delete.append(piece)
        new: dict[Ports, list[Obj]] = {}
        for pod in sorted(known.loose):
            target = self._targets[pod]
            endpoint = self._write(target, family)
            assert endpoint is not None
            new.setdefault(self._resolve(target), []).append(endpoint)
        for ports in sorted(self._groups, key=lambda ports: str(self._groups[ports][0])):
            part = self._distribute(kept.get(ports, ()), new.get(ports, []), ports, family)
            create += part.create
            update += part.update
            delete += part.delete
        if len(present) == len(delete) and not create:
            # One empty slice shows that the service has been seen.
            placeholder = slices.skeleton(self._service, (), family)
            if len(delete) == 1 and slices.is_same(delete[0], placeholder):
                delete = []
            else:
                create.append(placeholder)
        if share_out is not None:
            written = {piece["metadata"]["name"] for piece in (*update, *delete)}
            stay = [piece for piece in present if piece["metadata"]["name"] not in written]
            share_out(family, create, update, stay)
        _recycle(self._service, create, update, delete)
        changes.create += create
        changes.update += update
        changes.delete += delete
        for name in known.touched:
            known.read[name].latest = None

    def _distribute(
        self, present: Iterable[_Read], left: list[Obj], ports: Ports, family: str
    ) -> Changes:
        """Put the endpoints of one set of ports into slices."""
        changes = Changes()
        changed: list[tuple[Obj, list[Obj]]] = []
        unchanged: list[Obj] = []
        for read in present:
            if read.latest is None:
                unchanged.append(read.piece)
            elif not read.latest and read.piece.get("endpoints"):
                changes.delete.append(read.piece)
            else:
                changed.append((read.piece, read.latest))
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
            new = slices.skeleton(self._service, ports, family)
            new["endpoints"] = left[:PER_SLICE]
            changes.create.append(new)
            left = left[PER_SLICE:]
        for piece, kept in changed:
            metadata = {**piece["metadata"], "labels": self._labels}
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


def plan(
    service: Obj,
    targets: Iterable[Target],
    present: Sequence[Obj],
    *,
    zones: Mapping[str, str],
    changed_at: str,
) -> Changes:
    """What a new `Packing` plans."""
    packing = Packing(service, {target.name: target for target in targets}, zones)
    return packing.plan(present, changed_at=changed_at)
