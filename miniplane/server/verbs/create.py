"""POST: a new object, or a subresource that is made by posting, as an Eviction."""

from aiohttp import web

from miniplane.client import webhooks
from miniplane.server import decode, encode, negotiate, options
from miniplane.server.call import Call


async def create(call: Call) -> web.Response:
    media = negotiate.for_object(call.accept, custom=call.custom)
    chosen = options.write_options(call, "CreateOptions")
    raw, warnings = await decode.body(call, chosen)
    info, resource = call.info, call.resource
    result = await webhooks.write(
        call.registry,
        lambda registry: registry.create(
            resource,
            info.namespace if resource.namespaced else "",
            raw,
            chosen,
            name=info.name,
            subresource=info.subresource,
        ),
    )
    return encode.written(call, media, result, [*warnings, *result.warnings], status=201)
