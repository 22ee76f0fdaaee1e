"""Kinds that are served in two versions: how an object of one looks in the other.

Two kinds are stored once and served twice: an Event as core/v1 (stored) and events.k8s.io/v1, a
HorizontalPodAutoscaler as autoscaling/v2 (stored) and autoscaling/v1. Custom resources may have any
number of versions, which differ in their schemas. For every other resource the functions here
return what they are given.

>>> from miniplane.api import resources
>>> new = to_storage(resources.EVENTS_V1, {"metadata": {"name": "a"}, "note": "hello"})
>>> new["message"], new["apiVersion"]
('hello', 'v1')
"""

from miniplane.api import resources
from miniplane.api.conversion import autoscalers, events
from miniplane.api.objects import Obj
from miniplane.api.resources import Resource

_AUTOSCALERS_V1 = resources.resource("horizontalpodautoscalers", "autoscaling", "v1")
_AUTOSCALERS_V2 = resources.resource("horizontalpodautoscalers", "autoscaling", "v2")

_STORED = {resources.EVENTS_V1: resources.EVENTS, _AUTOSCALERS_V1: _AUTOSCALERS_V2}


def storage_resource(resource: Resource) -> Resource:
    """The row under whose version the objects of this resource are stored."""
    if resource.custom is not None:
        return resource.custom.storage
    return _STORED.get(resource, resource)


def to_storage(resource: Resource, obj: Obj) -> Obj:
    """An object of the resource's version in the stored version. Never changes `obj`."""
    if resource is resources.EVENTS_V1:
        return events.to_core(obj)
    if resource is _AUTOSCALERS_V1:
        return autoscalers.to_v2(obj)
    if resource is _AUTOSCALERS_V2:
        return autoscalers.without_round_trip_annotations(obj)
    if resource.custom is not None:
        return resource.custom.to_storage(resource, obj)
    return obj


def from_storage(resource: Resource, obj: Obj) -> Obj:
    """A stored object in the resource's version. Never changes `obj`."""
    if resource is resources.EVENTS_V1:
        return events.to_events_v1(obj)
    if resource is _AUTOSCALERS_V1:
        return autoscalers.to_v1(obj)
    if resource.custom is not None:
        return resource.custom.from_storage(resource, obj)
    return obj
