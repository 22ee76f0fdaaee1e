"""What one object uses of a quota.

Pods count while they may run; their number as objects (`count/pods`) while they are there.
"""

from collections.abc import Sequence
from typing import Any

from miniplane.api import podresources, quantity, resources
from miniplane.api.objects import Obj
from miniplane.api.podresources import Amounts
from miniplane.api.quantity import Quantity
from miniplane.api.quotas import kinds
from miniplane.api.resources import Resource

ONE = Quantity(1, 0)
_MUST_BE_NAMED = tuple(
    prefix + name for prefix in ("", "requests.", "limits.") for name in ("cpu", "memory")
)
"""What every container must say when a quota counts it: a mistake of old, kept for ever."""


def of(resource: Resource, obj: Obj, *, expired: bool = False) -> Amounts:
    """What an object uses, by the names of quotas.

    `expired` is for a pod whose grace period is over: it is stuck, and does not count any more.
    """
    if resource is resources.PODS:
        return _pod(obj, expired)
    if resource is resources.SERVICES:
        return _service(obj)
    if resource is resources.PERSISTENT_VOLUME_CLAIMS:
        return _claim(obj)
    return {kinds.counter(resource): ONE, resource.plural: ONE}


def runs(pod: Obj) -> bool:
    """Whether a pod may still run, by its phase."""
    return (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")


def _pod(pod: Obj, expired: bool) -> Amounts:
    used = {"count/pods": ONE}
    if runs(pod) and not expired:
        spec = pod["spec"]
        used |= _compute(podresources.requests(spec), podresources.limits(spec))
    return used


def _compute(requests: Amounts, limits: Amounts) -> Amounts:
    used = {"pods": ONE}
    for name in ("cpu", "memory", "ephemeral-storage"):
        if name in requests:
            used[name] = used[f"requests.{name}"] = requests[name]
        if name in limits:
            used[f"limits.{name}"] = limits[name]
    for name, value in requests.items():
        if name.startswith("hugepages-"):
            used[name] = used[f"requests.{name}"] = value
        elif not kinds.is_native(name) and not name.startswith("requests."):
            used[f"requests.{name}"] = value
    return used


def unnamed(pod: Obj, names: Sequence[str]) -> str:
    """Which of the quota's compute resources a new pod's containers do not speak of, in words;
    `""` where they speak of all."""
    required = sorted(name for name in names if name in _MUST_BE_NAMED)
    spec = pod["spec"]
    if not required or podresources.has_own(spec):
        return ""
    missing: dict[str, dict[str, None]] = {}
    for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
        said = _compute(
            podresources.of_container(container, "requests"),
            podresources.of_container(container, "limits"),
        )
        for name in required:
            if name not in said:
                missing.setdefault(name, {})[container["name"]] = None
    if not missing:
        return ""
    parts = [f"{name} for: {','.join(sorted(missing[name]))}" for name in sorted(missing)]
    return f"must specify {'; '.join(parts)}"


def _service(service: Obj) -> Amounts:
    spec: Obj = service.get("spec") or {}
    ports: list[Obj] = spec.get("ports") or []
    kind = spec.get("type")
    node_ports = balancers = 0
    if kind == "NodePort":
        node_ports = len(ports)
    elif kind == "LoadBalancer":
        balancers = 1
        if spec.get("allocateLoadBalancerNodePorts") is False:
            node_ports = sum(1 for port in ports if port.get("nodePort"))
        else:
            node_ports = len(ports)
    return {
        "count/services": ONE,
        "services": ONE,
        "services.nodeports": Quantity(node_ports, 0),
        "services.loadbalancers": Quantity(balancers, 0),
    }


def _claim(claim: Obj) -> Amounts:
    counter = kinds.counter(resources.PERSISTENT_VOLUME_CLAIMS)
    used = {"persistentvolumeclaims": ONE, counter: ONE}
    storage = _storage(claim)
    if storage is not None:
        used["requests.storage"] = storage
    annotations = claim["metadata"].get("annotations") or {}
    name = annotations.get("volume.beta.kubernetes.io/storage-class")
    name = claim["spec"].get("storageClassName") if name is None else name
    if name:
        used[f"{name}{kinds.OF_A_CLASS}persistentvolumeclaims"] = ONE
        if storage is not None:
            used[f"{name}{kinds.OF_A_CLASS}requests.storage"] = storage
    return used


def _storage(claim: Obj) -> Quantity | None:
    asked: Any = ((claim["spec"].get("resources") or {}).get("requests") or {}).get("storage")
    if asked is None:
        return None
    found = quantity.parse(asked)
    allocated = ((claim.get("status") or {}).get("allocatedResources") or {}).get("storage")
    if allocated is not None and quantity.parse(allocated) > found:
        found = quantity.parse(allocated)
    # Whole bytes: parts of one are no amount of storage.
    return found if found.scale >= 0 else Quantity(found.scaled(0), 0, found.format)
