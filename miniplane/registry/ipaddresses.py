"""IPAddress objects: one for every cluster IP that is given out.

After `pkg/registry/core/service/ipallocator` and the repair loop beside it. Where a real server
keeps no other book, the allocator here has one of its own, and the two are kept alike: an address
that somebody makes an object for is taken, one whose object is deleted is free, unless a service
has it. Then the object is made again, by `repair`.
"""

import ipaddress

from miniplane.api import errors, identities, resources
from miniplane.api.objects import Obj
from miniplane.api.options import DeleteOptions, WriteOptions
from miniplane.registry.context import Context

IP_ADDRESSES = resources.resource("ipaddresses", "networking.k8s.io")
MANAGED_BY = "ipallocator.k8s.io"
_OPTIONS = WriteOptions(field_manager="kube-apiserver", user=identities.API_SERVER)


def record(context: Context, address: str, namespace: str, service: str) -> None:
    """Make the object of an address that a service has been given."""
    from miniplane.registry import write  # whose strategies call this

    if context.find(IP_ADDRESSES, "", address) is not None:
        return
    labels = {
        "ipaddress.kubernetes.io/ip-family": f"IPv{ipaddress.ip_address(address).version}",
        "ipaddress.kubernetes.io/managed-by": MANAGED_BY,
    }
    parent = {"resource": "services", "namespace": namespace, "name": service}
    made = {"metadata": {"name": address, "labels": labels}, "spec": {"parentRef": parent}}
    write.create(context, IP_ADDRESSES, "", made, _OPTIONS)


def forget(context: Context, address: str) -> None:
    """Delete the object of an address that has been given back."""
    from miniplane.registry import deletion

    try:
        deletion.delete(
            context, IP_ADDRESSES, "", address, DeleteOptions(user=identities.API_SERVER)
        )
    except errors.StatusError as error:
        if not errors.is_not_found(error):
            raise


def parent_has(context: Context, obj: Obj) -> bool:
    """Whether the service that an IPAddress belongs to really has the address."""
    parent = obj["spec"]["parentRef"]
    if (parent.get("group") or "", parent["resource"]) != ("", "services"):
        return False
    service = context.find(resources.SERVICES, parent.get("namespace", ""), parent["name"])
    return service is not None and obj["metadata"]["name"] in (
        service["spec"].get("clusterIPs") or ()
    )


def repair(context: Context) -> None:
    """Make the objects again that have been deleted under their services."""
    missing = context.allocators.unrecorded
    for address, (namespace, name) in list(missing.items()):
        del missing[address]
        service = context.find(resources.SERVICES, namespace, name)
        if service is not None and address in (service["spec"].get("clusterIPs") or ()):
            record(context, address, namespace, name)
