"""Disks that pods name in their own volumes, and that two pods of a node may not share.

Follows the VolumeRestrictions plugin: such a disk can be attached to a node once, except that all
pods may read it.
"""

import dataclasses
from collections.abc import Sequence

from miniplane.api.objects import Obj


@dataclasses.dataclass(frozen=True, slots=True)
class Disk:
    """`names` are those under which it is known; one in common is enough to be the same."""

    kind: str
    names: tuple[tuple[str, ...], ...]
    shared: bool
    """Whether it is only read."""


def disks_of(volume: Obj) -> Disk | None:
    """The disk of one of `spec.volumes`; None for all other volumes."""
    if source := volume.get("gcePersistentDisk"):
        return _disk("gcePersistentDisk", [(source.get("pdName", ""),)], source)
    if source := volume.get("awsElasticBlockStore"):
        # Not even for reading.
        return Disk("awsElasticBlockStore", ((source.get("volumeID", ""),),), False)
    if source := volume.get("iscsi"):
        return _disk("iscsi", [(source.get("iqn", ""),)], source)
    if source := volume.get("rbd"):
        image = (source.get("pool", ""), source.get("image", ""))
        return _disk("rbd", [(monitor, *image) for monitor in source.get("monitors") or ()], source)
    return None


def _disk(kind: str, names: Sequence[tuple[str, ...]], source: Obj) -> Disk:
    return Disk(kind, tuple(names), bool(source.get("readOnly")))


def conflict(wanted: Sequence[Disk], there: Sequence[Disk]) -> bool:
    """Whether one pod's disks keep another pod with its own off the node."""
    return any(
        one.kind == other.kind
        and not (one.shared and other.shared)
        and any(name in other.names for name in one.names)
        for one in wanted
        for other in there
    )
