"""PUT: an object or a subresource, whole."""

from aiohttp import web

from miniplane.client import webhooks
from miniplane.server import decode, encode, negotiate, options
from miniplane.server.call import Call


async def update(call: Call) -> web.Response:
    media = negotiate.for_object(call.accept, custom=call.custom)
    chosen = options.write_options(call, "UpdateOptions")
    raw, warnings = await decode.body(call, chosen)
    info, resource = call.info, call.resource
    result = await webhooks.write(
        call.registry,
        lambda registry: registry.update(
            resource,
            info.namespace if resource.namespaced else "",
            info.name,
            raw,
            chosen,
            subresource=info.subresource,
        ),
    )
    return encode.written(
        call, media, result, [*warnings, *result.warnings], status=201 if result.created else 200
    )
