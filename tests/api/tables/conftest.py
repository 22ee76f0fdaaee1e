"""What the tests of rows share."""

import pytest

from miniplane.api import resources, tables


@pytest.fixture
def row():
    """The cells of an object called `a` that was made two minutes ago.

    `row(plural, obj, group="", version="v1")`; `obj` is without kind, name and creation time.
    """

    def cells(plural, obj, group="", version="v1"):
        resource = resources.resource(plural, group, version)
        made = {"name": "a", "creationTimestamp": "2027-01-15T07:58:00Z"}
        whole = {
            **obj,
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {**made, **obj.get("metadata", {})},
        }
        return tables.cells(resource, whole, 1_800_000_000.0)

    return cells
