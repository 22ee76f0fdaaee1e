"""Which pod a kubelet evicts when its machine is short of something, and what it says (pure).

One pod after the other has to go, as long as that lasts: first those that use more than they have
asked for, then those of lower priority, then those that use the most beyond what they have asked
for. After `pkg/kubelet/eviction/{eviction_manager.go,helpers.go}`, with its default thresholds for
memory and disk. Usage is that of the metrics API; on disk it is made up.
https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/
"""

import dataclasses
import zlib
from collections.abc import Iterable, Mapping, Sequence

from miniplane.api import podresources, quantity
from miniplane.api.objects import Obj, annotations_of
from miniplane.api.resourcemetrics import usage

EVICTED = "Evicted"
PERIOD = 10.0
"""Seconds from one eviction to the next."""
_CRITICAL = 2_000_000_000
"""The priority from which on pods are never evicted."""
_MI = 2**20


@dataclasses.dataclass(frozen=True, slots=True)
class Pressure:
    """What a machine may be short of: the resource, from when on that counts, and what is left."""

    condition: str
    resource: str
    threshold: str
    available: str


PRESSURES: Sequence[Pressure] = (
    Pressure("MemoryPressure", "memory", "100Mi", "65536Ki"),
    Pressure("DiskPressure", "ephemeral-storage", "10%", "4%"),
    Pressure("PIDPressure", "pids", "1638", "1024"),
)
"""The most pressing first."""

_WORDS: Mapping[str, tuple[tuple[str, str, str], tuple[str, str, str]]] = {
    "MemoryPressure": (
        (
            "KubeletHasSufficientMemory",
            "kubelet has sufficient memory available",
            "NodeHasSufficientMemory",
        ),
        (
            "KubeletHasInsufficientMemory",
            "kubelet has insufficient memory available",
            "NodeHasInsufficientMemory",
        ),
    ),
    "DiskPressure": (
        ("KubeletHasNoDiskPressure", "kubelet has no disk pressure", "NodeHasNoDiskPressure"),
        ("KubeletHasDiskPressure", "kubelet has disk pressure", "NodeHasDiskPressure"),
    ),
    "PIDPressure": (
        (
            "KubeletHasSufficientPID",
            "kubelet has sufficient PID available",
            "NodeHasSufficientPID",
        ),
        (
            "KubeletHasInsufficientPID",
            "kubelet has insufficient PID available",
            "NodeHasInsufficientPID",
        ),
    ),
}


def words(condition: str, *, pressed: bool) -> tuple[str, str, str]:
    """What is said of a node's condition: reason, message, and the reason of the event."""
    return _WORDS[condition][pressed]


def is_critical(pod: Obj) -> bool:
    """Whether the pod is never evicted, nor refused by a machine that is short of something."""
    source = annotations_of(pod).get("kubernetes.io/config.source", "api")
    return source != "api" or (pod["spec"].get("priority") or 0) >= _CRITICAL


def choose(pods: Iterable[Obj], pressure: Pressure, *, now: float) -> Obj | None:
    """The pod that has to go next, None if there is none that may."""

    def rank(pod: Obj) -> tuple[bool, int, int, str, str]:
        used = sum(_usage(pod, pressure.resource, now).values())
        requests = podresources.requests(pod["spec"], overhead=False)
        asked = requests[pressure.resource].scaled(0) if pressure.resource in requests else 0
        priority = pod["spec"].get("priority") or 0
        meta = pod["metadata"]
        beyond = used > asked
        return not beyond, priority, asked - used, meta["namespace"], meta["name"]

    candidates = [
        pod
        for pod in pods
        if (pod.get("status") or {}).get("phase") == "Running"
        and "deletionTimestamp" not in pod["metadata"]
        and not is_critical(pod)
    ]
    return min(candidates, key=rank, default=None)


def message(pod: Obj, pressure: Pressure, node: Obj, *, now: float) -> tuple[str, Obj]:
    """What is said of an evicted pod, and the annotations of the event."""
    capacity = ((node.get("status") or {}).get("capacity") or {}).get(pressure.resource, "0")
    threshold, available = (
        _share(text, capacity) for text in (pressure.threshold, pressure.available)
    )
    text = f"The node was low on resource: {pressure.resource}. "
    text += f"Threshold quantity: {threshold}, available: {available}. "
    specs = {c["name"]: c for c in pod["spec"]["containers"]}
    offending: dict[str, str] = {}
    for name, used in _usage(pod, pressure.resource, now).items():
        given = (
            ((specs[name].get("resources") or {}).get("requests") or {}) if name in specs else {}
        )
        asked = given.get(pressure.resource, "0")
        if name in specs and used > quantity.value(asked):
            shown = f"{used // 1024}Ki"
            offending[name] = shown
            text += f"Container {name} was using {shown}, request is {asked}, "
            text += f"has larger consumption of {pressure.resource}. "
    notes = {
        "offending_containers": ",".join(offending),
        "offending_containers_usage": ",".join(offending.values()),
        "starved_resource": pressure.resource,
    }
    return text, notes


def _share(text: str, capacity: str) -> str:
    """A quantity, or a percentage of the capacity."""
    if not text.endswith("%"):
        return text
    return str(quantity.value(capacity) * int(text[:-1]) // 100)


def _usage(pod: Obj, resource: str, now: float) -> dict[str, int]:
    """Bytes by container; empty for what is not measured."""
    if resource == "memory":
        measured = usage.of_pod(pod, now) or {"containers": ()}
        return {c["name"]: quantity.value(c["usage"]["memory"]) for c in measured["containers"]}
    if resource != "ephemeral-storage":
        return {}
    uid = pod["metadata"].get("uid", "")
    return {
        c["name"]: (4 + zlib.crc32(f"{uid}/{c['name']}/disk".encode()) % 60) * 1024
        for c in pod["spec"]["containers"]
    }
