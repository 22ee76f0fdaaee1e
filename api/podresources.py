"""What a pod asks for and may use, as a whole, in exact quantities.

Follows component-helpers' `resource.PodRequests` and `PodLimits`: the containers together with the
sidecars, or the init container that needs most, whichever is more; the pod's own `resources` stand
in for their sum where they are given
(https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#resource-sharing-within-containers).
"""

from collections.abc import Mapping
from typing import Any

from miniplane.api import quantity
from miniplane.api.objects import Obj
from miniplane.api.quantity import Quantity

Amounts = dict[str, Quantity]


def amounts(given: Mapping[str, Any] | None) -> Amounts:
    """A ResourceList in numbers."""
    return {name: quantity.parse(value) for name, value in (given or {}).items()}


def requests(spec: Obj, *, overhead: bool = True) -> Amounts:
    """What must be set aside for a pod with this spec."""
    total = _total(spec, "requests")
    if overhead:
        add_to(total, amounts(spec.get("overhead")))
    return total


def limits(spec: Obj, *, overhead: bool = True) -> Amounts:
    """What a pod with this spec can use at most, of the resources that are limited at all."""
    total = _total(spec, "limits")
    if overhead:
        for name, value in amounts(spec.get("overhead")).items():
            if total.get(name):
                total[name] = total[name] + value
    return total


def has_own(spec: Obj) -> bool:
    """Whether the pod asks for resources as a whole."""
    own = spec.get("resources") or {}
    names = [*(own.get("requests") or ()), *(own.get("limits") or ())]
    return any(_counts_for_pods(name) for name in names)


def _counts_for_pods(name: str) -> bool:
    return name in ("cpu", "memory") or name.startswith("hugepages-")


def of_container(container: Obj, key: str) -> Amounts:
    """The `requests` or `limits` of one container."""
    return amounts((container.get("resources") or {}).get(key))


def _total(spec: Obj, key: str) -> Amounts:
    running: Amounts = {}
    for container in spec.get("containers") or ():
        add_to(running, of_container(container, key))
    sidecars: Amounts = {}
    highest: Amounts = {}
    for container in spec.get("initContainers") or ():
        needed = of_container(container, key)
        if container.get("restartPolicy") == "Always":
            add_to(running, needed)
            add_to(sidecars, needed)
            needed = sidecars
        else:
            add_to(needed, sidecars)
        _raise_to(highest, needed)
    _raise_to(running, highest)
    for name, value in amounts((spec.get("resources") or {}).get(key)).items():
        if _counts_for_pods(name):
            running[name] = value
    return running


def add_to(total: Amounts, more: Mapping[str, Quantity]) -> None:
    """Add `more` to `total`, name by name."""
    for name, value in more.items():
        total[name] = total[name] + value if name in total else value


def _raise_to(total: Amounts, other: Mapping[str, Quantity]) -> None:
    for name, value in other.items():
        if name not in total or value > total[name]:
            total[name] = value
