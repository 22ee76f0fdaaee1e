"""DELETE of a collection: answers the list of what was deleted."""

from aiohttp import web

from miniplane.client import webhooks
from miniplane.server import decode, encode, negotiate, options
from miniplane.server.call import Call


async def delete_collection(call: Call) -> web.StreamResponse:
    media = negotiate.for_object(call.accept, custom=call.custom)
    chosen = options.selection(call, watch=False)
    body = await decode.delete_body(call)
    deletion = options.delete_options(call, body)
    resource = call.resource
    namespace = call.info.namespace if resource.namespaced else ""
    result = await webhooks.write(
        call.registry,
        lambda registry: registry.delete_collection(resource, namespace, deletion, chosen.options),
    )
    return encode.listed(call, media, result, warnings=[*call.notices, *result.warnings])
