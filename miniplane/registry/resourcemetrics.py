"""NodeMetrics and PodMetrics: made from the stored nodes and pods when they are asked for.

After metrics-server's `pkg/api`. Only there where the cluster has been told to have one.
"""

from miniplane.api import errors, resources
from miniplane.api.objects import Obj
from miniplane.api.resourcemetrics import PODS, usage
from miniplane.api.resources import Resource
from miniplane.registry.context import Context
from miniplane.registry.stored import Stored, seal


def get(context: Context, resource: Resource, namespace: str, name: str) -> Stored:
    _check_served(context)
    now = context.clock.time()
    if resource is PODS:
        found = context.find(resources.PODS, namespace, name)
        made = usage.of_pod(found, now) if found is not None else None
        shown = f"{namespace}/{name}"
    else:
        node = context.find(resources.NODES, "", name)
        made = usage.of_node(node, _pods_of(context, name), now) if node is not None else None
        shown = name
    if made is None:
        kind = resource.kind.lower()
        message = f'{kind}.{resource.group} "{shown}" not found'
        details = {"name": shown, "group": resource.group, "kind": kind}
        raise errors.StatusError(404, "NotFound", message, details)
    return seal(resource, made, 0)


def list_(context: Context, resource: Resource, namespace: str) -> list[Stored]:
    _check_served(context)
    now = context.clock.time()
    if resource is PODS:
        pods = context.all(resources.PODS, namespace)
        made = [usage.of_pod(pod, now) for pod in pods]
    else:
        by_node: dict[str, list[Obj]] = {}
        for pod in context.all(resources.PODS):
            by_node.setdefault(pod["spec"].get("nodeName", ""), []).append(pod)
        made = [
            usage.of_node(node, by_node.get(node["metadata"]["name"], ()), now)
            for node in context.all(resources.NODES)
        ]
    return [seal(resource, obj, 0) for obj in made if obj is not None]


def _pods_of(context: Context, node: str) -> list[Obj]:
    return [p for p in context.all(resources.PODS) if p["spec"].get("nodeName") == node]


def _check_served(context: Context) -> None:
    if not context.config.metrics_server:
        raise errors.path_not_found()
