"""How many volumes of a driver a node can have (CSINodes tell).

Follows the NodeVolumeLimits plugin. A volume that several pods of a node use counts once; one that
is not there yet counts as one more.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping

from miniplane.api.objects import Obj
from miniplane.controllers.scheduler.cache import NodeInfo

Attachment = tuple[str, str]
"""A driver, and a name of one of its volumes."""

EXCEEDED = "node(s) exceed max volume count"


def of_csi_node(csi_node: Obj) -> dict[str, int]:
    """The limits that a CSINode tells of, by driver."""
    found = {}
    for driver in csi_node["spec"].get("drivers") or ():
        count = (driver.get("allocatable") or {}).get("count")
        if count is not None:
            found[driver["name"]] = count
    return found


def attachment(
    claim: Obj, volume: Callable[[str], Obj | None], storage_class: Callable[[str], Obj | None]
) -> Attachment | None:
    """What a claim has attached to the node of its pod; None for what no driver attaches."""
    spec, meta = claim["spec"], claim["metadata"]
    bound = volume(spec["volumeName"]) if spec.get("volumeName") else None
    if bound is not None:
        csi = bound["spec"].get("csi")
        return (csi["driver"], csi["volumeHandle"]) if csi else None
    name = spec.get("storageClassName")
    kind = storage_class(name) if name else None
    if kind is None:
        return None
    return kind.get("provisioner", ""), f"{meta['namespace']}/{meta['name']}"


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """What a pod would have attached, and how much of that the nodes can have."""

    by_node: Mapping[str, Mapping[str, int]]
    """Node name -> driver -> how many volumes."""
    wanted: frozenset[Attachment]
    of_claims: Callable[[Iterable[str]], Iterator[Attachment]]
    """Keys of claims -> what they have attached."""

    def exceeded(self, node: NodeInfo) -> bool:
        """Whether the pod's volumes are too many for the node."""
        limits = self.by_node.get(node.name)
        if not limits or not any(driver in limits for driver, _ in self.wanted):
            return False
        there = frozenset(self.of_claims(key for pod in node.pods.values() for key in pod.claims))
        counts: dict[str, int] = {}
        for driver, _ in there:
            counts[driver] = counts.get(driver, 0) + 1
        more: dict[str, int] = {}
        for driver, _ in self.wanted - there:
            more[driver] = more.get(driver, 0) + 1
        return any(
            counts.get(driver, 0) + count > limits[driver]
            for driver, count in more.items()
            if driver in limits
        )
