"""From which ranges cluster addresses are taken: the ServiceCIDRs as they are at that moment.

After `pkg/registry/core/service/ipallocator/cidrallocator.go`. A range that is not ready, or is
being deleted, gives nothing out; what it has given out stays taken.
"""

from miniplane.api import resources
from miniplane.api.objects import Obj, is_terminating
from miniplane.registry.context import Context

SERVICE_CIDRS = resources.resource("servicecidrs", "networking.k8s.io")


def follow(context: Context) -> None:
    """Have the allocator know the ranges that there are now."""
    known = context.all(SERVICE_CIDRS)
    if known:
        ready = [cidr for cidr in known if _is_ready(cidr) and not is_terminating(cidr)]
        context.allocators.cluster_ips.follow(
            text for cidr in ready for text in cidr["spec"].get("cidrs") or ()
        )


def _is_ready(cidr: Obj) -> bool:
    """One that nobody has said anything of is: there may be no controller that does."""
    for condition in (cidr.get("status") or {}).get("conditions") or ():
        if condition["type"] == "Ready":
            return bool(condition["status"] == "True")
    return True
