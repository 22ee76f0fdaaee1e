"""What the server needs of the registry, and no more."""

from collections.abc import Sequence
from typing import Any, Protocol

from miniplane.api.objects import Obj
from miniplane.api.options import DeleteOptions, ListOptions, WriteOptions
from miniplane.api.resources import Resource
from miniplane.client import webhooks


class Stored(Protocol):
    """One revision of one object, immutable. Equal to itself alone: it may be a key."""

    @property
    def resource(self) -> Resource: ...
    @property
    def revision(self) -> int: ...
    @property
    def data(self) -> bytes:
        """Compact JSON without kind and apiVersion: the form of list items."""

    @property
    def json(self) -> bytes:
        """Compact JSON with kind and apiVersion first."""

    @property
    def obj(self) -> Obj:
        """Decoded, with kind and apiVersion. Shared: not to be changed."""


class ListResult(Protocol):
    @property
    def items(self) -> Sequence[Stored]: ...
    @property
    def data(self) -> bytes:
        """The items' JSON, divided by commas."""

    @property
    def revision(self) -> int: ...
    @property
    def continue_token(self) -> str: ...
    @property
    def remaining(self) -> int | None: ...
    @property
    def warnings(self) -> Sequence[str]: ...


class Result(Protocol):
    """What a write left. `status`, where it is not None, is the answer instead of the object."""

    @property
    def stored(self) -> Stored: ...
    @property
    def warnings(self) -> Sequence[str]: ...
    @property
    def created(self) -> bool: ...
    @property
    def status(self) -> Obj | None: ...


class Deleted(Protocol):
    """What a delete left. `gone` tells whether the object has left the store; `status`, where it
    is not None, is the answer instead of the object."""

    @property
    def stored(self) -> Stored: ...
    @property
    def gone(self) -> bool: ...
    @property
    def warnings(self) -> Sequence[str]: ...
    @property
    def status(self) -> Obj | None: ...


class WatchEvent(Protocol):
    @property
    def type(self) -> str:
        """ADDED, MODIFIED, DELETED or BOOKMARK."""

    @property
    def stored(self) -> Stored | None: ...
    @property
    def revision(self) -> int: ...
    @property
    def initial_events_end(self) -> bool: ...


class Watch(Protocol):
    @property
    def ended(self) -> bool:
        """Whether nothing more will come, without anything being wrong."""

    async def next(self, timeout: float | None) -> Sequence[WatchEvent]:
        """The next events, none after `timeout` seconds. StatusError when the window has passed."""

    def bookmark(self) -> WatchEvent: ...
    def close(self) -> None: ...


class Registry(webhooks.Asking, Protocol):
    """Synchronous but for what a watch does. Every verb raises StatusError; those that write are to
    be called through `webhooks.write`."""

    def token_keys(self) -> Obj:
        """What others need to check service account tokens: a JSON Web Key Set."""

    def get(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        *,
        subresource: str = "",
        resource_version: str = "",
    ) -> Stored: ...
    def list(self, resource: Resource, namespace: str, options: ListOptions) -> ListResult: ...
    def watch(self, resource: Resource, namespace: str, options: ListOptions) -> Watch: ...
    def create(
        self,
        resource: Resource,
        namespace: str,
        raw: Obj,
        options: WriteOptions,
        *,
        name: str = "",
        subresource: str = "",
    ) -> Result: ...
    def update(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        raw: Obj,
        options: WriteOptions,
        *,
        subresource: str = "",
    ) -> Result: ...
    def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        patch: Any,
        options: WriteOptions,
        *,
        patch_type: str,
        subresource: str = "",
    ) -> Result: ...
    def delete(
        self, resource: Resource, namespace: str, name: str, options: DeleteOptions
    ) -> Deleted: ...
    def delete_collection(
        self,
        resource: Resource,
        namespace: str,
        options: DeleteOptions,
        list_options: ListOptions,
    ) -> ListResult: ...
