"""The EndpointSlices of one manager, as they were last seen or written.

An informer's copy lags behind what a controller has just written; deciding by it would make the
same slice twice. So what was written is kept here until the informer has caught up.
"""

from collections.abc import Callable

from miniplane.api.objects import Obj, key_of, labels_of
from miniplane.controllers.endpoints.slices import MANAGED_BY, SERVICE_NAME
from miniplane.runtime.informer import Informer


class SliceCache:
    """Slices by the key (`namespace/name`) of their service.

    `changed` is told the key of a service whose slices somebody else has changed.
    """

    def __init__(self, informer: Informer, manager: str, changed: Callable[[str], object]):
        self._manager = manager
        self._changed = changed
        self._slices: dict[str, dict[str, Obj]] = {}
        informer.on_change(self._on_change)

    def of(self, key: str) -> list[Obj]:
        """The slices of a service, the oldest first."""
        return list(self._slices.get(key, {}).values())

    def wrote(self, piece: Obj) -> None:
        """`piece` is what the server answered to a write."""
        self._put(piece)

    def removed(self, piece: Obj) -> None:
        """The slice was deleted, or found to be gone."""
        key = self._key(piece)
        if key is not None:
            self._pop(key, piece)

    def _key(self, piece: Obj | None) -> str | None:
        labels = labels_of(piece) if piece is not None else {}
        if piece is None or labels.get(MANAGED_BY) != self._manager or SERVICE_NAME not in labels:
            return None
        return f"{piece['metadata']['namespace']}/{labels[SERVICE_NAME]}"

    def _on_change(self, old: Obj | None, new: Obj | None) -> None:
        before, after = self._key(old), self._key(new)
        if before is not None and before != after and old is not None and self._pop(before, old):
            self._changed(before)
        if after is not None and new is not None and self._put(new):
            self._changed(after)

    def _put(self, piece: Obj) -> bool:
        """Whether that was news."""
        key, name = self._key(piece), piece["metadata"]["name"]
        if key is None:
            return False
        known = self._slices.get(key, {}).get(name)
        if known is not None and _revision(known) >= _revision(piece):
            return False
        self._slices.setdefault(key, {})[name] = piece
        return True

    def _pop(self, key: str, piece: Obj) -> bool:
        slices = self._slices.get(key, {})
        if slices.pop(piece["metadata"]["name"], None) is None:
            return False
        if not slices:
            del self._slices[key]
        return True

    def _check(self) -> None:
        """Walk every invariant."""
        for key, slices in self._slices.items():
            assert slices, f"the empty service {key} is kept"
            for name, piece in slices.items():
                assert self._key(piece) == key and key_of(piece).endswith(f"/{name}")


def _revision(piece: Obj) -> int:
    return int(piece["metadata"]["resourceVersion"])
