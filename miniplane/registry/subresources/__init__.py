"""The subresources that are more than a view on the object's status."""

from collections.abc import Callable
from typing import Any

from miniplane.api import errors
from miniplane.api.options import WriteOptions
from miniplane.api.resources import Resource
from miniplane.registry.context import Context
from miniplane.registry.results import Result
from miniplane.registry.subresources import approval, binding, eviction, podparts, token
from miniplane.registry.subresources.admitting import posted

Create = Callable[[Context, Resource, str, str, Any, WriteOptions], Result]

CREATE: dict[tuple[str, str], Create] = {
    ("pods", "binding"): binding.create,
    ("pods", "eviction"): eviction.create,
    ("serviceaccounts", "token"): token.create,
}

PREPARE = {
    ("namespaces", "finalize"): podparts.keep_status,
    ("pods", "ephemeralcontainers"): podparts.keep_ephemeral_containers,
    ("pods", "resize"): podparts.keep_resources,
    ("certificatesigningrequests", "approval"): approval.keep_approval,
}
"""Subresources that take the whole object and keep some of it as it is."""

_NOT_EMULATED = {
    "exec": "there are no processes in simulated pods to run commands in",
    "attach": "there are no processes in simulated pods to attach to",
    "portforward": "simulated pods listen on no ports",
    "proxy": "simulated pods, services and nodes answer no requests",
    "log": "its text is no object: the server streams it",
}


CONNECT = ("exec", "attach", "portforward", "proxy")
"""Subresources that are streams: policies and webhooks are asked before it turns out that there is
nobody at the other end."""


def refuse(resource: Resource, subresource: str) -> errors.StatusError:
    """What is answered for a subresource that a real server has and miniplane leaves out."""
    why = _NOT_EMULATED.get(subresource, "it is not emulated")
    return errors.not_implemented(
        f"miniplane does not serve {resource.plural}/{subresource}: {why}"
    )


def connected(
    context: Context,
    resource: Resource,
    namespace: str,
    name: str,
    subresource: str,
    asked: Any,
    options: WriteOptions,
) -> None:
    """Ask policies and webhooks whether somebody may connect; `asked` are a stream's options."""
    posted(context, resource, namespace, name, subresource, asked, options, [], operation="CONNECT")
