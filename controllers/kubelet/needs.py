"""What pods lack, and who waits for what."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from miniplane.api.objects import Obj, split_key
from miniplane.api.resources import CONFIGMAPS, PERSISTENT_VOLUME_CLAIMS, SECRETS
from miniplane.controllers.kubelet.blockers import Blocker, Lookup

if TYPE_CHECKING:
    from miniplane.controllers.kubelet.controller import Kubelet

_KINDS = {
    "configmap": CONFIGMAPS,
    "secret": SECRETS,
    "persistentvolumeclaim": PERSISTENT_VOLUME_CLAIMS,
}


class Needs:
    """Has pods looked at again when an object comes, goes or changes that they lack."""

    def __init__(self, kubelet: "Kubelet"):
        self._kubelet = kubelet
        self._needs: dict[str, tuple[tuple[str, str], ...]] = {}
        """By pod: the objects that it lacks, by kind and name."""
        self._blocked: dict[tuple[str, str, str], dict[str, None]] = {}
        """Pods that wait for an object, by its kind, namespace and name."""

    def __len__(self) -> int:
        return len(self._blocked)

    def setup(self) -> None:
        for kind, resource in _KINDS.items():
            self._kubelet.informer(resource).on_change(self._waker(kind))

    def _waker(self, kind: str) -> Callable[[Obj | None, Obj | None], None]:
        def wake(old: Obj | None, new: Obj | None) -> None:
            if self._blocked:
                meta = (new or old or {})["metadata"]
                for key in self._blocked.get((kind, meta["namespace"], meta["name"]), ()):
                    self._kubelet.queue.add(key)

        return wake

    def lookup(self, pod: Obj) -> Lookup:
        """Finds what a pod may need, by kind and name."""
        namespace = pod["metadata"]["namespace"]
        return lambda kind, name: self._kubelet.informer(_KINDS[kind]).get(namespace, name)

    def note(
        self,
        key: str,
        pod: Obj,
        blocker: Blocker | None,
        held: Mapping[str, Blocker],
    ) -> None:
        """Have the pod looked at again when something comes that it lacks, or changes."""
        needs = blocker.needs if blocker is not None else ()
        for each in held.values():
            needs += each.needs
        if needs == self._needs.get(key, ()):
            return
        self.drop(key)
        if needs:
            self._needs[key] = needs
        namespace = pod["metadata"]["namespace"]
        for kind, name in needs:
            self._blocked.setdefault((kind, namespace, name), {})[key] = None

    def drop(self, key: str) -> None:
        """The pod waits for nothing any more."""
        namespace, _ = split_key(key)
        for kind, name in self._needs.pop(key, ()):
            waiting = self._blocked.get((kind, namespace, name), {})
            waiting.pop(key, None)
            if not waiting:
                self._blocked.pop((kind, namespace, name), None)
