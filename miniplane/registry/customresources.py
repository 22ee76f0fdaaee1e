"""The resources that CustomResourceDefinitions add to the table, as they are now.

The table is brought up to date when it is asked: by then a definition that has been written is in
the store, and its event in the log. So whoever has seen a definition change, by whatever way, finds
its resources changed too.

A definition whose row would differ gets new rows; see `customresources.definition.CustomResource`.
"""

import dataclasses
from collections.abc import Sequence

from miniplane.api import resources
from miniplane.api.customresources import definition, versions
from miniplane.api.customresources.definition import CustomResource
from miniplane.api.objects import Obj
from miniplane.api.resources import Resource
from miniplane.registry import catalog
from miniplane.registry.stored import Stored
from miniplane.store.errors import Compacted
from miniplane.store.mvcc import Store

DEFINITIONS = resources.resource("customresourcedefinitions", "apiextensions.k8s.io")


@dataclasses.dataclass(slots=True)
class _Known:
    """A definition as it was last looked at, and the rows of its served versions."""

    fingerprint: bytes
    established: bool
    rows: list[CustomResource]


class CustomResources:
    """The custom rows of one registry."""

    def __init__(self, store: Store[Stored], more: Sequence[CustomResource] = ()):
        """`more` are rows that are served likewise, whatever is defined."""
        self._store = store
        self._more = more
        self._prefix = catalog.prefix(DEFINITIONS)
        self._watcher = store.watch(self._prefix, after=store.revision)
        self._known: dict[str, _Known] = {}
        self._by_path: dict[tuple[str, str, str], CustomResource] = {}
        self._rows: tuple[CustomResource, ...] = ()
        self._all: tuple[Resource, ...] = resources.RESOURCES
        self._groups: dict[str, None] = {}
        self._read_all()

    def find(self, group: str, version: str, plural: str) -> CustomResource | None:
        """The row that is served at a path, or None."""
        if not self._watcher.idle:
            self._refresh()
        return self._by_path.get((group, version, plural))

    def of_kind(self, api_version: str, kind: str) -> CustomResource | None:
        """The row of a kind, or None."""
        for row in self.rows():
            if row.api_version == api_version and row.kind == kind:
                return row
        return None

    def rows(self) -> Sequence[CustomResource]:
        """The rows that discovery shows: by group, the preferred version first, then by name."""
        if not self._watcher.idle:
            self._refresh()
        return self._rows

    def everything(self) -> Sequence[Resource]:
        """The built-in rows and these. The same object until something changes."""
        if not self._watcher.idle:
            self._refresh()
        return self._all

    def has_group(self, group: str) -> bool:
        """Whether discovery shows a group of custom resources."""
        if not self._watcher.idle:
            self._refresh()
        return group in self._groups

    def close(self) -> None:
        self._watcher.close()

    def _refresh(self) -> None:
        changed = False
        try:
            while not self._watcher.idle:
                for event in self._watcher.read():
                    name = event.value.obj["metadata"]["name"]
                    changed |= self._note(name, None if event.deleted else event.value.obj)
        except Compacted:
            self._watcher.close()
            self._watcher = self._store.watch(self._prefix, after=self._store.revision)
            self._read_all()
            return
        if changed:
            self._sort()

    def _read_all(self) -> None:
        """Start over from what is stored."""
        before, self._known = self._known, {}
        for stored in self._store.range(self._prefix):
            name = stored.obj["metadata"]["name"]
            if name in before:
                self._known[name] = before[name]
            self._note(name, stored.obj)
        self._sort()

    def _note(self, name: str, found: Obj | None) -> bool:
        """Look at a definition; tells whether that changes any row."""
        known = self._known.get(name)
        if found is None or not definition.is_served(found):
            return self._known.pop(name, None) is not None
        fingerprint = definition.fingerprint(found)
        if known is not None and known.fingerprint == fingerprint:
            return False
        rows = [row for row in definition.read(found) if row.custom.raw.get("served")]
        established = definition.is_true(found, "Established")
        self._known[name] = _Known(fingerprint, established, rows)
        return True

    def _sort(self) -> None:
        served = [row for known in self._known.values() for row in known.rows]
        served += self._more
        self._by_path = {(row.group, row.version, row.plural): row for row in served}
        shown = [row for known in self._known.values() if known.established for row in known.rows]
        shown.sort(key=lambda row: (row.group, versions.order(row.version), row.plural))
        shown += self._more
        self._rows = tuple(shown)
        self._all = (*resources.RESOURCES, *shown)
        self._groups = dict.fromkeys(row.group for row in shown)
