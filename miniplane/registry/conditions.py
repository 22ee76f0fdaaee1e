"""The times in the conditions of CertificateSigningRequests.

Follows `pkg/registry/certificates/certificates/strategy.go`.
"""

from miniplane.api.objects import Obj
from miniplane.registry.context import Context


def with_times(conditions: list[Obj], old: Obj, context: Context) -> list[Obj]:
    """Conditions with the times that they lack: when they were written, and since when they are as
    they are."""
    now = context.clock.rfc3339()
    before = (old.get("status") or {}).get("conditions") or ()
    since = {
        (c.get("type"), c.get("status")): c["lastTransitionTime"]
        for c in reversed(before)
        if c.get("lastTransitionTime")
    }
    filled = []
    for condition in conditions:
        as_it_is = condition.get("type"), condition.get("status")
        updated = condition.get("lastUpdateTime") or now
        changed = condition.get("lastTransitionTime") or since.get(as_it_is, now)
        filled.append({**condition, "lastUpdateTime": updated, "lastTransitionTime": changed})
    return filled
