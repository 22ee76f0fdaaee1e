"""Which resources there are: the table's, and whatever joins them while the server runs."""

from collections.abc import Sequence
from typing import Protocol

from miniplane.api.resources import BY_PATH, RESOURCES, Resource


class Custom(Protocol):
    """The resources that CustomResourceDefinitions have added, as they are at this moment."""

    def find(self, group: str, version: str, plural: str) -> Resource | None: ...
    def rows(self) -> Sequence[Resource]: ...
    def everything(self) -> Sequence[Resource]:
        """The built-in rows and these. The same object until something changes."""

    def has_group(self, group: str) -> bool: ...


class Served:
    """The built-in resources, and the custom ones if there are to be any. A subclass may serve
    more of them."""

    def __init__(self, custom: Custom | None = None):
        self.custom = custom

    def rows(self) -> Sequence[Resource]:
        """All resources, in the order of discovery."""
        return RESOURCES if self.custom is None else self.custom.everything()

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        found: Resource | None = BY_PATH.get((group, version, plural))
        if found is None and self.custom is not None:
            found = self.custom.find(group, version, plural)
        return found

    def is_built_in(self, group: str) -> bool:
        return group in _GROUPS

    def has_group(self, group: str) -> bool:
        """Whether discovery shows a group."""
        return group in _GROUPS or (self.custom is not None and self.custom.has_group(group))

    def custom_rows(self) -> Sequence[Resource]:
        """The custom resources alone."""
        return () if self.custom is None else self.custom.rows()


_GROUPS = {row.group for row in RESOURCES}
