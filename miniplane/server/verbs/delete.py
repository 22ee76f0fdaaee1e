"""DELETE of one object."""

from aiohttp import web

from miniplane.client import webhooks
from miniplane.server import decode, encode, negotiate, options
from miniplane.server.call import Call


async def delete(call: Call) -> web.Response:
    """Answers the object, or a Status where the kind has it so; 202 where it was asked for
    dependents to go first and the object is still there."""
    media = negotiate.for_object(call.accept, custom=call.custom)
    body = await decode.delete_body(call)
    chosen = options.delete_options(call, body)
    info, resource = call.info, call.resource
    namespace = info.namespace if resource.namespaced else ""
    result = await webhooks.write(
        call.registry, lambda registry: registry.delete(resource, namespace, info.name, chosen)
    )
    waits = not result.gone and options.orphans(call, body) is False
    status = 202 if waits else 200
    notices = [*call.notices, *result.warnings]
    if result.status is not None:
        return encode.answer(
            result.status,
            media=media,
            pretty=call.pretty(media),
            status=status,
            warnings=notices,
        )
    return encode.stored(call, media, result.stored, status=status, warnings=notices)
