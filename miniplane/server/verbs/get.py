"""GET of one object or subresource."""

from aiohttp import web

from miniplane.server import encode, negotiate
from miniplane.server.call import Call


async def get(call: Call) -> web.Response:
    media = negotiate.for_object(call.accept, custom=call.custom)
    info, resource = call.info, call.resource
    namespace = info.namespace if resource.namespaced else ""
    if call.query_string:
        stored = call.registry.get(
            resource,
            namespace,
            info.name,
            subresource=info.subresource,
            resource_version=call.param("resourceVersion"),
        )
    else:
        stored = call.registry.get(resource, namespace, info.name, subresource=info.subresource)
    return encode.stored(call, media, stored, warnings=call.notices)
