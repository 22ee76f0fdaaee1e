"""Which ReplicaSets have pods that still run: a Recreate rollout waits for the old ones."""

from collections.abc import Callable

from miniplane.api.objects import Obj, controller_of
from miniplane.controllers import pods
from miniplane.runtime.informer import Informer


class RunningPods:
    """Counts the pods of each ReplicaSet that have not finished. Costs nothing per pod.

    `gone` is told the namespace and the ReplicaSet's reference when one of its pods is deleted.
    """

    def __init__(self, informer: Informer, gone: Callable[[str, Obj], None]):
        self._counts: dict[str, int] = {}
        self._gone = gone
        informer.on_change(self._on_change)

    def any_of(self, uid: str) -> bool:
        """Whether the ReplicaSet with this uid has pods that run or may run yet."""
        return uid in self._counts

    def _on_change(self, old: Obj | None, new: Obj | None) -> None:
        before, after = _owner_of_running(old), _owner_of_running(new)
        if before != after:
            if before is not None:
                self._add(before["uid"], -1)
            if after is not None:
                self._add(after["uid"], 1)
        if new is None and old is not None:
            ref = controller_of(old)
            if ref is not None and ref.get("kind") == "ReplicaSet":
                self._gone(old["metadata"]["namespace"], ref)

    def _add(self, uid: str, number: int) -> None:
        count = self._counts.get(uid, 0) + number
        if count:
            self._counts[uid] = count
        else:
            self._counts.pop(uid, None)


def _owner_of_running(pod: Obj | None) -> Obj | None:
    if pod is None or pods.is_terminal(pod):
        return None
    ref = controller_of(pod)
    return ref if ref is not None and ref.get("kind") == "ReplicaSet" else None
