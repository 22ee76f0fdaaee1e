"""Where objects of a resource stand in the store.

Keys have the shape `resource.group/namespace/name`, or `resource.group/name` for cluster-scoped
kinds, so that they sort as a real cluster's keys below `/registry` do.
"""

from functools import lru_cache

from miniplane.api import resources
from miniplane.api.resources import Resource


@lru_cache(maxsize=4096)
def storage_resource(resource: Resource) -> Resource:
    """The resource in whose form objects are stored: kinds that are served by several groups or
    versions share their objects."""
    if resource is resources.EVENTS_V1:
        return resources.EVENTS
    if (resource.group, resource.version) == ("autoscaling", "v1"):
        return resources.resource(resource.plural, "autoscaling", "v2")
    return resource if resource.custom is None else resource.custom.storage


def prefix(resource: Resource, namespace: str = "") -> str:
    """The prefix of all keys of a resource, or of those in one namespace."""
    bucket = storage_resource(resource).group_resource
    return f"{bucket}/{namespace}/" if namespace else f"{bucket}/"


def key(resource: Resource, namespace: str, name: str) -> str:
    bucket = storage_resource(resource).group_resource
    return f"{bucket}/{namespace}/{name}" if resource.namespaced else f"{bucket}/{name}"
