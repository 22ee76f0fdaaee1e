"""What a pod asks of a node: resources and host ports.

Follows component-helpers' `resource.PodRequests`: the containers together with the sidecars, or
the init container that needs most, whichever is more; plus the pod's overhead; the pod's own
`resources` stand in for their sum where they are given
(https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#resource-sharing-within-containers).
"""

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from typing import Any

from miniplane.api import quantity
from miniplane.api.objects import Obj

CPU = "cpu"
MEMORY = "memory"
PODS = "pods"

# What a container without a request counts for when nodes are compared, never when they are filled.
_ASSUMED = {CPU: 100, MEMORY: 200 * 1024 * 1024}

HostPort = tuple[str, str, int]
"""Address, protocol and port."""


@dataclasses.dataclass(frozen=True, slots=True)
class Demand:
    """Amounts by resource name: CPU in thousandths of a core, everything else in whole units."""

    requests: Mapping[str, int]
    """What must be free on the node. Nothing in it is zero."""
    assumed_cpu: int
    """CPU as scoring sees it: containers that ask for none count for a little."""
    assumed_memory: int
    ports: tuple[HostPort, ...]


def amount(resource: str, text: Any) -> int:
    """A quantity in this module's units. 0 for one that cannot be read."""
    try:
        return quantity.to_milli(text) if resource == CPU else quantity.value(text)
    except ValueError:
        return 0


def amounts(resources: Mapping[str, Any] | None) -> dict[str, int]:
    return {name: amount(name, text) for name, text in (resources or {}).items()}


def demand_of(spec: Obj) -> Demand:
    """The demand of a pod spec. Equal specs share one Demand."""
    containers = spec.get("containers") or ()
    own = spec.get("resources")
    overhead = spec.get("overhead")
    ports: list[HostPort] = []
    for container in containers:
        for port in container.get("ports") or ():
            if host_port := port.get("hostPort"):
                protocol = port.get("protocol") or "TCP"
                ports.append((port.get("hostIP") or "0.0.0.0", protocol, host_port))
    return _demand(
        tuple(_requests(c) for c in containers),
        tuple(
            (_requests(c), c.get("restartPolicy") == "Always")
            for c in spec.get("initContainers") or ()
        ),
        _items((own or {}).get("requests")),
        _items(overhead),
        tuple(ports),
    )


_Items = tuple[tuple[str, Any], ...]


def _items(resources: Mapping[str, Any] | None) -> _Items:
    return tuple(resources.items()) if resources else ()


def _requests(container: Obj) -> _Items:
    resources = container.get("resources")
    return _items(resources.get("requests")) if resources else ()


@functools.lru_cache(maxsize=4096)
def _demand(
    containers: tuple[_Items, ...],
    init_containers: tuple[tuple[_Items, bool], ...],
    own: _Items,
    overhead: _Items,
    ports: tuple[HostPort, ...],
) -> Demand:
    requests = _total(containers, init_containers, own, overhead, {})
    assumed = _total(containers, init_containers, own, overhead, _ASSUMED)
    return Demand(
        {name: value for name, value in requests.items() if value > 0},
        assumed.get(CPU, 0),
        assumed.get(MEMORY, 0),
        ports,
    )


def _total(
    containers: Iterable[_Items],
    init_containers: Iterable[tuple[_Items, bool]],
    own: _Items,
    overhead: _Items,
    assumed: Mapping[str, int],
) -> dict[str, int]:
    running: dict[str, int] = {}
    for items in containers:
        _add(running, {**assumed, **amounts(dict(items))})
    sidecars: dict[str, int] = {}
    highest: dict[str, int] = {}
    for items, is_sidecar in init_containers:
        needed = {**assumed, **amounts(dict(items))}
        if is_sidecar:
            _add(sidecars, needed)
            _raise_to(highest, sidecars)
        else:
            _add(needed, sidecars)
            _raise_to(highest, needed)
    _add(running, sidecars)
    _raise_to(running, highest)
    running.update(amounts(dict(own)))
    _add(running, amounts(dict(overhead)))
    return running


def _add(total: dict[str, int], more: Mapping[str, int]) -> None:
    for name, value in more.items():
        total[name] = total.get(name, 0) + value


def _raise_to(total: dict[str, int], other: Mapping[str, int]) -> None:
    for name, value in other.items():
        if value > total.get(name, 0):
            total[name] = value
