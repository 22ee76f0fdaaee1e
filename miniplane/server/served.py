"""Which resources there are: the table's, and whatever joins them while the server runs."""

from collections.abc import Sequence

from miniplane.api.resources import BY_PATH, RESOURCES, Resource


class Served:
    """The built-in resources. A subclass may serve more of them."""

    def rows(self) -> Sequence[Resource]:
        """All resources, in the order of discovery."""
        return RESOURCES

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        return BY_PATH.get((group, version, plural))

    def has_group(self, group: str) -> bool:
        return group in _GROUPS


_GROUPS = {row.group for row in RESOURCES}
