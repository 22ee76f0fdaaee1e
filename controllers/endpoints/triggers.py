"""When the change happened that a write of endpoints answers to: readers measure delays by it.

After `staging/src/k8s.io/endpointslice/util/trigger_time_tracker.go`. Times are kept as they are
written; as text they sort by time.
"""

from collections.abc import Iterable

from miniplane.api.objects import Obj, key_of
from miniplane.controllers.endpoints.targets import Target


class TriggerTimes:
    """Remembers, for each service, the times of its pods at the last sync."""

    def __init__(self) -> None:
        self._pods: dict[str, dict[str, str]] = {}

    def see(self, service: Obj, targets: Iterable[Target]) -> str:
        """The time of the first change since the last call, `""` if none is known.

        For a new service, that is the time of its creation.
        """
        key = key_of(service)
        times = {target.name: target.changed_at for target in targets if target.changed_at}
        known = self._pods.get(key)
        self._pods[key] = times
        if known is None:
            return service["metadata"].get("creationTimestamp", "")
        later = (time for name, time in times.items() if time > known.get(name, ""))
        return min(later, default="")

    def forget(self, key: str) -> None:
        self._pods.pop(key, None)
