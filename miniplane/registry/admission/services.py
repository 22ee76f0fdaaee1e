"""DenyServiceExternalIPs: services may not take addresses of their own choice."""

from miniplane.api import errors, resources
from miniplane.registry.admission.attributes import Attributes


def deny_external_ips(attributes: Attributes) -> None:
    """Refuse external IPs that a service did not have before."""
    if attributes.resource is not resources.SERVICES or attributes.subresource:
        return
    if attributes.operation == "DELETE":
        return
    wanted = attributes.obj["spec"].get("externalIPs") or ()
    old = attributes.old
    had = (old["spec"].get("externalIPs") or ()) if old is not None else ()
    if any(ip not in had for ip in wanted):
        why = "Use of external IPs is denied by admission control"
        raise errors.forbidden(resources.SERVICES, attributes.name, why)
