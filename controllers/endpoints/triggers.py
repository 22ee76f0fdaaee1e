"""When the change happened that a write of endpoints answers to: readers measure delays by it.

After `staging/src/k8s.io/endpointslice/util/trigger_time_tracker.go`. Times are kept as they are
written; as text they sort by time.
"""

from collections.abc import Mapping

from miniplane.api.objects import Obj
from miniplane.controllers.endpoints.targets import Target


def changed_at(
    service: Obj, targets: Mapping[str, Target], changed: Mapping[str, Target | None] | None
) -> str:
    """The time of the first change since the last sync, `""` if none is known.

    `targets` are the service's now, `changed` those that came, changed or went, as they were then;
    None for a service that is new: then it is the time of its creation.
    """
    if changed is None:
        created: str = service["metadata"].get("creationTimestamp", "")
        return created
    later = []
    for name, before in changed.items():
        target = targets.get(name)
        if target is not None and target.changed_at > (before.changed_at if before else ""):
            later.append(target.changed_at)
    return min(later, default="")
