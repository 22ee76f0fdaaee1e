"""The names in a quota's `hard`, by the resource whose objects they count.

>>> belongs("requests.nvidia.com/gpu", resources.PODS), belongs("services", resources.PODS)
(True, False)
"""

from collections.abc import Iterable

from miniplane.api import resources
from miniplane.api.resources import Resource

_POD_NAMES = frozenset(
    (
        "pods",
        *(
            prefix + name
            for prefix in ("", "requests.", "limits.")
            for name in ("cpu", "memory", "ephemeral-storage")
        ),
    )
)
_SERVICE_NAMES = ("services", "services.nodeports", "services.loadbalancers")
_CLAIM_NAMES = ("persistentvolumeclaims", "requests.storage")
_COUNTED_BY_NAME = ("configmaps", "resourcequotas", "replicationcontrollers", "secrets")
"""Kinds of the core group that are counted by their plain name, too."""

OF_A_CLASS = ".storageclass.storage.k8s.io/"
"""Between a storage class and what its claims use, as in `gold...k8s.io/requests.storage`."""
NEVER = ("events",)
"""Kinds that no quota counts."""


def counter(resource: Resource) -> str:
    """The name that counts objects: `count/deployments.apps`."""
    return f"count/{resource.group_resource}"


def is_native(name: str) -> bool:
    """Whether a compute resource is one of Kubernetes' own."""
    return "/" not in name or "kubernetes.io/" in name


def belongs(name: str, resource: Resource) -> bool:
    """Whether a name in a quota is about objects of a resource."""
    if name == counter(resource):
        return resource.plural not in NEVER
    if resource is resources.PODS:
        return (
            name in _POD_NAMES
            or name.startswith(("hugepages-", "requests.hugepages-"))
            or (name.startswith("requests.") and not is_native(name))
        )
    if resource is resources.SERVICES:
        return name in _SERVICE_NAMES
    if resource is resources.PERSISTENT_VOLUME_CLAIMS:
        return name in _CLAIM_NAMES or name.endswith(tuple(OF_A_CLASS + n for n in _CLAIM_NAMES))
    return not resource.group and name == resource.plural and name in _COUNTED_BY_NAME


def counted(names: Iterable[str], rows: Iterable[Resource]) -> dict[Resource, list[str]]:
    """The resources that a quota with these names counts, and which names are whose."""
    names = list(names)
    found: dict[Resource, list[str]] = {}
    for row in rows:
        if row.namespaced and row.stored and row.preferred:
            mine = [name for name in names if belongs(name, row)]
            if mine:
                found[row] = mine
    return found
