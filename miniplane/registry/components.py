"""ComponentStatuses: a kind without objects, computed when it is asked for.

Deprecated since 1.19 and served all the same: `kubectl get componentstatuses` shows the parts of a
control plane. Here they live and die with the server that answers.
"""

from miniplane.api import errors
from miniplane.api.resources import Resource
from miniplane.registry.context import Context
from miniplane.registry.stored import Stored, seal

NAMES = ("controller-manager", "etcd-0", "scheduler")


def get(context: Context, resource: Resource, namespace: str, name: str) -> Stored:
    if name not in NAMES:
        raise errors.not_found(resource, name)
    healthy = {"type": "Healthy", "status": "True", "message": "ok"}
    return seal(resource, {"metadata": {"name": name}, "conditions": [healthy]}, 0)


def list_(context: Context, resource: Resource, namespace: str) -> list[Stored]:
    return [get(context, resource, namespace, name) for name in NAMES]
