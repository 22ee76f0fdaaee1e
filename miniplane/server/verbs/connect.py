"""Subresources that are streams: logs, and the registry's answer to exec, attach, port-forward and
proxy.

No body is read: what follows the headers belongs to the stream.
"""

from aiohttp import web

from miniplane.api.objects import Obj
from miniplane.api.options import WriteOptions
from miniplane.client import webhooks
from miniplane.server import encode, negotiate
from miniplane.server.call import Call
from miniplane.server.verbs import log


async def connect(call: Call) -> web.StreamResponse:
    media = negotiate.for_error(call.accept)
    info, resource = call.info, call.resource
    namespace = info.namespace if resource.namespaced else ""
    if info.subresource == "log":
        return await log.read(call)
    result = await webhooks.write(
        call.registry,
        lambda registry: registry.create(
            resource,
            namespace,
            _asked(call),
            WriteOptions(user=call.user),
            name=info.name,
            subresource=info.subresource,
        ),
    )
    return encode.written(call, media, result, result.warnings, status=200)


def _asked(call: Call) -> Obj:
    """The query as the options that it stands for (`PodExecOptions`...)."""
    found: Obj = {}
    for name, values in call.query.items():
        if name in ("stdin", "stdout", "stderr", "tty"):
            found[name] = values[0].lower() in ("", "1", "t", "true")
        elif name in ("command", "ports"):
            found[name] = values
        else:
            found[name] = values[0]
    return found
