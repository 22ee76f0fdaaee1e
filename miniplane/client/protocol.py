"""What a client is. Controllers see nothing else of the API server.

Every method is a coroutine and raises `miniplane.api.errors.StatusError` for whatever the server,
or the way to it, refuses. `resource` is always a row of the resource table. What a client returns
is frozen by convention: `miniplane.api.objects.thaw` makes a copy that may be changed.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, Protocol

from miniplane.api.objects import Obj
from miniplane.api.options import STRATEGIC_MERGE_PATCH, DeleteOptions, User
from miniplane.api.resources import Resource


class Handle(Protocol):
    """One revision of one object, decoded when asked. A registry's `Stored` is one."""

    @property
    def obj(self) -> Obj:
        """The object, with apiVersion and kind. Shared and frozen."""

    @property
    def revision(self) -> int:
        """Its resourceVersion: no other object of the resource has it, nor ever had."""


@dataclasses.dataclass(slots=True)
class PlainHandle:
    """A handle of an object that is decoded already."""

    obj: Obj

    @property
    def revision(self) -> int:
        return int(self.obj["metadata"]["resourceVersion"])


@dataclasses.dataclass(frozen=True, slots=True)
class ObjectList:
    """A collection as it was at `resource_version`, in the order of namespaces and names."""

    items: Sequence[Handle]
    resource_version: str


@dataclasses.dataclass(slots=True)
class ClientEvent:
    """One watch event. A bookmark has no handle; a DELETED one carries the last state."""

    type: str
    """`ADDED`, `MODIFIED`, `DELETED` or `BOOKMARK`."""
    handle: Handle | None
    resource_version: str
    """Where a watch continues that has seen everything up to this event."""


class WatchEnded(Exception):
    """The server closed a watch in the ordinary way: watch again from the last resource version."""


class ClientWatch(Protocol):
    """A stream of events. Not to be awaited by two tasks at a time."""

    @property
    def pending(self) -> bool:
        """Whether `next` would return events at once, as far as is known on this side."""

    async def next(self, timeout: float | None = None) -> Sequence[ClientEvent]:
        """All events that are there, at least one; none after `timeout` seconds without any.

        StatusError `Expired` when the server no longer keeps what comes next; `WatchEnded` at the
        end of the stream. A cancelled call loses no events.
        """

    def close(self) -> None:
        """End the watch. May be called more than once."""


class Client(Protocol):
    """The verbs of the API. `subresource` is `"status"`, `"scale"`, `"binding"`..."""

    @property
    def manager(self) -> str:
        """The field manager in whose name this client writes."""

    def with_manager(self, manager: str, *, user: User | None = None) -> "Client":
        """The same client, writing as `manager`, and as another user if one is given."""

    async def get(
        self, resource: Resource, name: str, namespace: str = "", *, subresource: str = ""
    ) -> Obj: ...

    async def list(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
    ) -> ObjectList:
        """The objects of one namespace, or of all when it is empty."""

    async def create(
        self,
        resource: Resource,
        obj: Obj,
        *,
        namespace: str = "",
        name: str = "",
        subresource: str = "",
    ) -> Obj:
        """POST. The namespace is the object's own unless given; `name` is the parent's name when a
        subresource is posted (`binding`, `eviction`)."""

    async def update(self, resource: Resource, obj: Obj, *, subresource: str = "") -> Obj:
        """PUT. A `metadata.resourceVersion` in it is a precondition."""

    async def patch(
        self,
        resource: Resource,
        name: str,
        patch: Any,
        namespace: str = "",
        *,
        patch_type: str = STRATEGIC_MERGE_PATCH,
        subresource: str = "",
    ) -> Obj:
        """PATCH with a patch as it would stand in the body, decoded. One to be applied is forced,
        as controllers do it."""

    async def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str = "",
        *,
        options: DeleteOptions = DeleteOptions(),  # noqa: B008 - a frozen value
    ) -> None: ...

    async def delete_collection(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        options: DeleteOptions = DeleteOptions(),  # noqa: B008 - a frozen value
        label_selector: str = "",
        field_selector: str = "",
    ) -> None: ...

    async def watch(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        resource_version: str,
        label_selector: str = "",
        field_selector: str = "",
        allow_bookmarks: bool = True,
    ) -> ClientWatch:
        """Events after `resource_version`, usually that of a list."""
