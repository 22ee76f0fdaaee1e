"""Views of pods by owner, kept beside an informer.

The controllers of many pods look at all pods of an owner at every sync. Decoding a thousand pods
takes longer than everything else in it, so each revision of a pod is looked at once, when the
informer tells of it, and what matters is kept as a `PodView`.
"""

from collections.abc import Callable, Collection
from typing import Generic, TypeVar

from miniplane.api import objects
from miniplane.api.objects import Obj
from miniplane.controllers.pods import PodView
from miniplane.runtime.informer import Informer

V = TypeVar("V", bound=PodView)


class PodIndex(Generic[V]):
    """The pods whose controller is of one kind, and the orphans, which it may want to adopt.

    `view` makes the views. `changed` is told of a pod that is new (None, pod), changed (old, new)
    or gone (old, None), after the index shows the new state. It hears of no other pods; one that
    is taken over by another kind is gone.
    """

    def __init__(
        self,
        informer: Informer,
        *,
        api_version: str,
        kind: str,
        view: type[V],
        changed: Callable[[V | None, V | None], None],
    ):
        self._api_version = api_version
        self._kind = kind
        self._view = view
        self._changed = changed
        self._views: dict[tuple[str, str], V] = {}
        self._by_group: dict[str, dict[tuple[str, str], V]] = {}
        informer.on_change(self._on_change)

    def owned(self, uid: str) -> Collection[V]:
        """The pods controlled by the owner with this uid. O(1) to get, in order of appearance."""
        return self._by_group.get(uid, {}).values()

    def orphans(self, namespace: str) -> Collection[V]:
        """The pods of a namespace that nobody controls."""
        return self._by_group.get(f"orphans/{namespace}", {}).values()

    def _concerns(self, ref: Obj | None) -> bool:
        if ref is None:
            return True
        return ref.get("kind") == self._kind and ref.get("apiVersion") == self._api_version

    def _group(self, view: V) -> str:
        ref = view.controller
        return f"orphans/{view.namespace}" if ref is None else ref["uid"]

    def _on_change(self, old: Obj | None, new: Obj | None) -> None:
        meta = (new or old or {})["metadata"]
        key = (meta.get("namespace", ""), meta["name"])
        before = self._views.get(key)
        # Most pods belong to others: nothing more is to be known of them than that.
        ours = new is not None and self._concerns(objects.controller_of(new))
        after = self._view.of(new) if new is not None and ours else None
        group = self._group(after) if after is not None else None
        if before is not None:
            was = self._group(before)
            if was != group:
                bucket = self._by_group[was]
                del bucket[key]
                if not bucket:
                    del self._by_group[was]
        if after is not None:
            assert group is not None
            self._views[key] = after
            self._by_group.setdefault(group, {})[key] = after
        else:
            self._views.pop(key, None)
            if before is None:
                return
        self._changed(before, after)

    def _check(self) -> None:
        """Walk every invariant."""
        found = {}
        for group, bucket in self._by_group.items():
            assert bucket, f"the empty group {group} is kept"
            for key, view in bucket.items():
                assert self._group(view) == group and (view.namespace, view.name) == key
                found[key] = view
        assert found == self._views
