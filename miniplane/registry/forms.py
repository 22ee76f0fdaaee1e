"""Between the form in which an object is stored and the form in which a resource serves it."""

from miniplane.api import conversion
from miniplane.api.resources import Resource
from miniplane.registry.stored import Stored, seal


def served(stored: Stored, resource: Resource) -> Stored:
    """A stored object in the form in which `resource` serves it."""
    if stored.resource is resource:
        return stored
    obj = conversion.from_storage(resource, stored.obj)
    return seal(resource, {**obj, "metadata": dict(obj["metadata"])}, stored.revision)
