"""GET of a collection: a list, or a watch where the query says so."""

from aiohttp import web

from miniplane.server import encode, negotiate, options
from miniplane.server.call import Call
from miniplane.server.verbs import watch


async def list_(call: Call) -> web.StreamResponse:
    media = negotiate.for_list(call.accept, custom=call.custom)
    chosen = options.selection(call)
    if chosen.watch:
        return await watch.start(call, chosen.options)
    resource = call.resource
    namespace = call.info.namespace if resource.namespaced else ""
    result = call.registry.list(resource, namespace, chosen.options)
    if media.type == negotiate.PROTOBUF and not call.custom:
        await call.state.messages.prepare(result.items)
    return encode.listed(call, media, result, warnings=call.notices)
