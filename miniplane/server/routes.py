"""From a parsed path to the verb that serves it, or to the error that says why there is none."""

from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache

from aiohttp import web

from miniplane.api import errors
from miniplane.api.resources import Resource
from miniplane.server.aggregation import elsewhere
from miniplane.server.call import Call
from miniplane.server.notices import deprecation
from miniplane.server.verbs import connect, create, delete, deletecollection, patch, update
from miniplane.server.verbs import get as get_verb
from miniplane.server.verbs import list as list_verb
from miniplane.server.verbs import watch as watch_verb

Handler = Callable[[Call], Awaitable[web.StreamResponse]]

HANDLERS: Mapping[str, Handler] = {
    "get": get_verb.get,
    "list": list_verb.list_,
    "watch": watch_verb.watch,
    "create": create.create,
    "update": update.update,
    "patch": patch.patch,
    "delete": delete.delete,
    "deletecollection": deletecollection.delete_collection,
    "connect": connect.connect,
}

_COLLECTION = {"GET": "list", "POST": "create", "DELETE": "deletecollection"}
_ALL_NAMESPACES = {"GET": "list"}
_ITEM = {"GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_SUBRESOURCE = {**_ITEM, "POST": "create"}
_WATCH = {"GET": "watch"}

_CONNECT = ("attach", "exec", "log", "portforward", "proxy")
"""Subresources that are streams, not objects."""


def resolve(call: Call) -> Handler:
    """The handler of a path about a resource. Sets the call's resource. StatusError 404 or 405."""
    info = call.info
    served = call.state.served
    resource = served.find(info.group, info.version, info.plural)
    if resource is None:
        return _unknown if served.is_built_in(info.group) else _nothing
    methods = _methods(
        resource, bool(info.name), bool(info.namespace), info.subresource, info.deep, info.watch
    )
    if not methods or info.malformed:
        if resource.custom is not None:
            return _no_place(call, resource)
        raise errors.path_not_found()
    call.resource = resource
    call.notices = deprecation(resource)
    verb = methods.get(call.request.method)
    if verb is None:
        if resource.custom is not None:
            return _no_verb(call, resource)
        raise errors.method_not_allowed()
    if resource.custom is not None and resource.custom.needs_webhook:
        raise _not_converted(resource)
    return HANDLERS[verb]


def _not_converted(resource: Resource) -> errors.StatusError:
    """What a real server says when a conversion webhook fails, with a reason of our own."""
    assert resource.custom is not None
    group, stored = resource.group, resource.custom.storage_version
    return errors.StatusError(
        500,
        "",
        f"conversion webhook for {group}/{stored}, Kind={resource.kind} failed: miniplane does "
        f"not call conversion webhooks: use the version that is stored, {stored}",
    )


def _no_place(call: Call, resource: Resource) -> Handler:
    """What a definition's resource answers where it has no such place, as the handler of custom
    resources words it (apiextensions-apiserver's `customresource_handler.go`)."""
    info = call.info
    if info.subresource and bool(info.namespace) == resource.namespaced:
        raise errors.not_found(resource, info.name)
    return _nothing


def _no_verb(call: Call, resource: Resource) -> Handler:
    info, method = call.info, call.request.method
    if resource.namespaced and not info.namespace:
        return _nothing
    if info.subresource or method not in _VERBS:
        raise errors.method_not_supported(resource, _VERBS.get(method, ""))
    raise errors.method_not_allowed()


_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


async def _nothing(call: Call) -> web.Response:
    return elsewhere(call.registry, call.info.group, call.info.version)


async def _unknown(call: Call) -> web.Response:
    raise errors.path_not_found()


@lru_cache(maxsize=4096)
def _methods(
    resource: Resource, named: bool, in_namespace: bool, subresource: str, deep: bool, watch: bool
) -> Mapping[str, str]:
    """The HTTP methods of a place in the URL space and the verbs behind them, empty for none."""
    if in_namespace and not resource.namespaced and resource.plural != "namespaces":
        return {}
    everywhere = resource.namespaced and not in_namespace
    if (named or subresource) and everywhere:
        return {}
    if watch:
        return _WATCH if "watch" in resource.verbs and not subresource else {}
    if subresource:
        sub = resource.subresource(subresource)
        if sub is None or (deep and subresource != "proxy"):
            return {}
        if subresource in _CONNECT:
            return {m: "connect" for m, verb in _SUBRESOURCE.items() if verb in sub.verbs}
        return {m: verb for m, verb in _SUBRESOURCE.items() if verb in sub.verbs}
    places = _ITEM if named else _ALL_NAMESPACES if everywhere else _COLLECTION
    return {m: verb for m, verb in places.items() if verb in resource.verbs}
