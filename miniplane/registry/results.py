"""What the verbs answer."""

import dataclasses
from collections.abc import Sequence

from miniplane.api.objects import Obj
from miniplane.api.resources import Resource
from miniplane.registry.joined import JoinCache
from miniplane.registry.stored import Stored


@dataclasses.dataclass(slots=True)
class Result:
    """The outcome of a write.

    `created` tells a 201 from a 200. `status` is set where the answer is not the object itself: a
    Scale, a Binding's Status, a TokenRequest.
    """

    stored: Stored
    warnings: list[str]
    created: bool = False
    status: Obj | None = None


@dataclasses.dataclass(slots=True)
class Deleted:
    """The outcome of a delete.

    `gone` is false while finalizers or a grace period hold the object back. `status` is the Status
    to answer instead of the object, or None.
    """

    stored: Stored
    gone: bool
    status: Obj | None
    warnings: list[str]


@dataclasses.dataclass(slots=True)
class ListResult:
    """A page of a list. `items` is shared: not to be changed.

    `remaining` is None where the server cannot tell, as with selectors. `warnings` are those of a
    deletecollection.
    """

    resource: Resource
    items: list[Stored]
    revision: int
    continue_token: str = ""
    remaining: int | None = None
    cache: JoinCache | None = None
    warnings: Sequence[str] = ()

    @property
    def data(self) -> bytes:
        """The items' JSON, divided by commas."""
        if self.cache is not None:
            return self.cache.join(self.items)
        return b",".join([stored.data for stored in self.items])
