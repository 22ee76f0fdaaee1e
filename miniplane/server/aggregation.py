"""Requests for the servers of APIServices, which are not passed on.

Follows what kube-aggregator answers (`pkg/apiserver/handler_proxy.go`) as far as it asks nobody.
"""

from aiohttp import web

from miniplane.api import errors, resources
from miniplane.server import encode
from miniplane.server.backend import Registry
from miniplane.server.errors import not_served

_API_SERVICES = resources.resource("apiservices", "apiregistration.k8s.io")


def elsewhere(registry: Registry, group: str, version: str) -> web.Response:
    """What a path answers that this server has nothing behind: 404, or 503 where an APIService
    says that a server has it that is not available. StatusError 501 where that one is."""
    try:
        found = registry.get(_API_SERVICES, "", f"{version}.{group}").obj
    except errors.StatusError:
        return not_served()
    service = found["spec"].get("service")
    if not service:
        return not_served()
    conditions = (found.get("status") or {}).get("conditions") or ()
    if not any(c["type"] == "Available" and c["status"] == "True" for c in conditions):
        return encode.text("service unavailable\n", status=503)
    raise errors.not_implemented(
        f"miniplane passes no requests on to the servers of APIServices: {group}/{version} is "
        f"served by the service {service.get('namespace')}/{service.get('name')}"
    )
