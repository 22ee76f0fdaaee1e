"""The targets of each service, kept beside the informers.

Every revision of a pod is looked at once, and compared with the services of its namespace; a sync
of a service then only asks which pods it has, and which of them have changed since it asked last.
The controllers of one cluster share one of these.
"""

import weakref
from collections.abc import Callable, Iterable, Mapping

from miniplane.api import resources
from miniplane.api.objects import Obj
from miniplane.controllers.endpoints.targets import Target, selector_of
from miniplane.runtime.informer import InformerFactory

Listener = Callable[[str], object]

Changed = dict[str, Target | None]
"""Names of pods that came, changed or went, each with the target that it was, None for none."""


class Feed:
    """What has changed among the pods of each service since a reader took it last."""

    def __init__(self) -> None:
        self._changed: dict[str, Changed] = {}

    def take(self, key: str) -> Changed | None:
        """The changes since the last call; None if there was none, so that all pods are new."""
        changed = self._changed.get(key)
        self._changed[key] = {}
        return changed

    def forget(self, key: str) -> None:
        self._changed.pop(key, None)

    def note(self, key: str, name: str, before: Target | None) -> None:
        """A pod of a service was `before`. Of several changes the first tells what is known."""
        changed = self._changed.get(key)
        if changed is not None:
            changed.setdefault(name, before)


class ServicePods:
    """Which pods the services select. Keys of services are `namespace/name`.

    Listeners are told the key of a service whose pods have changed in a way that it can see.
    """

    def __init__(self, informers: InformerFactory):
        self._selectors: dict[str, dict[str, Mapping[str, str]]] = {}
        self._targets: dict[str, dict[str, Target]] = {}
        self._members: dict[str, dict[str, Target]] = {}
        self._listeners: list[Listener] = []
        self._feeds: list[Feed] = []
        informers.of(resources.SERVICES).on_change(self._service_changed)
        informers.of(resources.PODS).on_change(self._pod_changed)

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def feed(self) -> Feed:
        """A feed for one reader."""
        feed = Feed()
        self._feeds.append(feed)
        return feed

    def of(self, key: str) -> Mapping[str, Target]:
        """The targets of a service by name, in order of appearance. O(1)."""
        return self._members.get(key, {})

    def _service_changed(self, old: Obj | None, new: Obj | None) -> None:
        meta = (new or old or {})["metadata"]
        namespace, name = meta["namespace"], meta["name"]
        selector = selector_of(new) if new is not None else None
        selectors = self._selectors.get(namespace, {})
        if selectors.get(name) == selector:
            return
        key = f"{namespace}/{name}"
        if selector is None:
            del selectors[name]
            if not selectors:
                del self._selectors[namespace]
            self._replace(key, {})
            return
        self._selectors.setdefault(namespace, {})[name] = selector
        targets = self._targets.get(namespace, {})
        wanted = selector.items()
        self._replace(key, {n: t for n, t in targets.items() if wanted <= t.labels.items()})

    def _pod_changed(self, old: Obj | None, new: Obj | None) -> None:
        meta = (new or old or {})["metadata"]
        namespace, name = meta["namespace"], meta["name"]
        targets = self._targets.get(namespace, {})
        before, after = targets.get(name), Target.of(new)
        if before is None and after is None:
            return
        if after is not None:
            self._targets.setdefault(namespace, {})[name] = after
        else:
            del targets[name]
            if not targets:
                del self._targets[namespace]
        for service, selector in self._selectors.get(namespace, {}).items():
            wanted = selector.items()
            was = before is not None and wanted <= before.labels.items()
            now = after is not None and wanted <= after.labels.items()
            if not was and not now:
                continue
            key = f"{namespace}/{service}"
            self._note(key, (name,), {name: before} if was and before is not None else {})
            if now and after is not None:
                self._members.setdefault(key, {})[name] = after
            else:
                left = self._members[key]
                del left[name]
                self._set(key, left)
            if was != now or before != after:
                for listener in self._listeners:
                    listener(key)

    def _replace(self, key: str, members: dict[str, Target]) -> None:
        before = self._members.get(key, {})
        self._note(key, (*before, *members), before)
        self._set(key, members)

    def _note(self, key: str, names: Iterable[str], before: Mapping[str, Target]) -> None:
        for feed in self._feeds:
            for name in names:
                feed.note(key, name, before.get(name))

    def _set(self, key: str, members: dict[str, Target]) -> None:
        if members:
            self._members[key] = members
        else:
            self._members.pop(key, None)

    def _check(self) -> None:
        """Walk every invariant."""
        for namespace, selectors in self._selectors.items():
            assert selectors, f"the empty namespace {namespace} is kept"
            for service, selector in selectors.items():
                chosen = {
                    name: target
                    for name, target in self._targets.get(namespace, {}).items()
                    if all(target.labels.get(k) == v for k, v in selector.items())
                }
                assert self._members.get(f"{namespace}/{service}", {}) == chosen
        assert all(self._members.values()) and all(self._targets.values())


_Shared = weakref.WeakKeyDictionary[InformerFactory, "weakref.ref[ServicePods]"]
_shared: _Shared = weakref.WeakKeyDictionary()


def shared(informers: InformerFactory) -> ServicePods:
    """The one that goes with these informers, which keep it alive."""
    known = _shared.get(informers)
    found = known() if known is not None else None
    if found is None:
        found = ServicePods(informers)
        _shared[informers] = weakref.ref(found)
    return found
