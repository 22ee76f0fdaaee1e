"""PATCH of an object or a subresource."""

from aiohttp import web

from miniplane.client import webhooks
from miniplane.server import decode, encode, negotiate, options
from miniplane.server.call import Call


async def patch(call: Call) -> web.Response:
    media = negotiate.for_object(call.accept, custom=call.custom)
    body, patch_type, doubled = await decode.patch(call)
    chosen = options.write_options(call, "PatchOptions", patch_type)
    warnings = decode.warned(doubled, chosen)
    info, resource = call.info, call.resource
    result = await webhooks.write(
        call.registry,
        lambda registry: registry.patch(
            resource,
            info.namespace if resource.namespaced else "",
            info.name,
            body,
            chosen,
            patch_type=patch_type,
            subresource=info.subresource,
        ),
    )
    return encode.written(
        call, media, result, [*result.warnings, *warnings], status=201 if result.created else 200
    )
