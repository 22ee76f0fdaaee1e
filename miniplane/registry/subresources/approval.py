"""certificatesigningrequests/approval."""

from miniplane.api.objects import Obj
from miniplane.registry.conditions import with_times
from miniplane.registry.context import Context
from miniplane.registry.subresources.podparts import keep_all


def keep_approval(obj: Obj, old: Obj, context: Context) -> None:
    """Only the conditions may change."""
    conditions = (obj.get("status") or {}).get("conditions")
    keep_all(obj, old)
    status = dict(old.get("status") or {})
    status.pop("conditions", None)
    if conditions:
        status["conditions"] = with_times(conditions, old, context)
    obj["status"] = status
