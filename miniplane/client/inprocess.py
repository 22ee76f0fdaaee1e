"""The client of those who live in the server's process: it calls the registry, nothing in between.

Requests go through the same checks, admission and ownership as over HTTP; where there are webhooks
a write waits for their answers. Nothing is encoded or copied for the caller: what comes back is
what the store shares with all readers.
"""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from miniplane.api import options as opts
from miniplane.api.objects import Obj
from miniplane.api.options import DeleteOptions, ListOptions, User, WriteOptions
from miniplane.api.resources import Resource
from miniplane.client import webhooks
from miniplane.client.protocol import ClientEvent, ObjectList, WatchEnded

if TYPE_CHECKING:
    from miniplane.registry.registry import Registry
    from miniplane.registry.results import Result
    from miniplane.registry.watching import Watch


class InProcessClient:
    """A `Client` over a registry. Calls wait for nothing but a watch's next event, and webhooks."""

    def __init__(self, registry: "Registry", manager: str = "miniplane", user: User = opts.ADMIN):
        self.manager = manager
        self._registry = registry
        self._user = user
        self._write = WriteOptions(field_manager=manager, field_validation="Ignore", user=user)
        self._apply = dataclasses.replace(self._write, force=True)

    def with_manager(self, manager: str, *, user: User | None = None) -> "InProcessClient":
        return InProcessClient(self._registry, manager, user or self._user)

    async def get(
        self, resource: Resource, name: str, namespace: str = "", *, subresource: str = ""
    ) -> Obj:
        return self._registry.get(resource, namespace, name, subresource=subresource).obj

    async def list(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
    ) -> ObjectList:
        options = ListOptions(label_selector=label_selector, field_selector=field_selector)
        found = self._registry.list(resource, namespace, options)
        return ObjectList(found.items, str(found.revision))

    async def create(
        self,
        resource: Resource,
        obj: Obj,
        *,
        namespace: str = "",
        name: str = "",
        subresource: str = "",
    ) -> Obj:
        if not namespace and resource.namespaced:
            namespace = (obj.get("metadata") or {}).get("namespace", "")
        result = await webhooks.write(
            self._registry,
            lambda registry: registry.create(
                resource, namespace, obj, self._write, name=name, subresource=subresource
            ),
        )
        return _answer(result)

    async def update(self, resource: Resource, obj: Obj, *, subresource: str = "") -> Obj:
        meta = obj["metadata"]
        namespace = meta.get("namespace", "")
        result = await webhooks.write(
            self._registry,
            lambda registry: registry.update(
                resource, namespace, meta["name"], obj, self._write, subresource=subresource
            ),
        )
        return _answer(result)

    async def patch(
        self,
        resource: Resource,
        name: str,
        patch: Any,
        namespace: str = "",
        *,
        patch_type: str = opts.STRATEGIC_MERGE_PATCH,
        subresource: str = "",
    ) -> Obj:
        options = self._apply if patch_type == opts.APPLY_PATCH else self._write
        result = await webhooks.write(
            self._registry,
            lambda registry: registry.patch(
                resource,
                namespace,
                name,
                patch,
                options,
                patch_type=patch_type,
                subresource=subresource,
            ),
        )
        return _answer(result)

    async def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str = "",
        *,
        options: DeleteOptions = DeleteOptions(),  # noqa: B008 - a frozen value
    ) -> None:
        options = self._as_user(options)
        await webhooks.write(
            self._registry, lambda registry: registry.delete(resource, namespace, name, options)
        )

    async def delete_collection(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        options: DeleteOptions = DeleteOptions(),  # noqa: B008 - a frozen value
        label_selector: str = "",
        field_selector: str = "",
    ) -> None:
        options = self._as_user(options)
        which = ListOptions(label_selector=label_selector, field_selector=field_selector)
        await webhooks.write(
            self._registry,
            lambda registry: registry.delete_collection(resource, namespace, options, which),
        )

    def _as_user(self, options: DeleteOptions) -> DeleteOptions:
        return dataclasses.replace(options, user=self._user)

    async def watch(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        resource_version: str,
        label_selector: str = "",
        field_selector: str = "",
        allow_bookmarks: bool = True,
    ) -> "InProcessWatch":
        options = ListOptions(
            label_selector=label_selector,
            field_selector=field_selector,
            resource_version=resource_version,
            allow_watch_bookmarks=allow_bookmarks,
        )
        return InProcessWatch(self._registry.watch(resource, namespace, options))


class InProcessWatch:
    """A registry's watch as a `ClientWatch`. Its handles are what the store keeps."""

    __slots__ = ("_closed", "_watch")

    def __init__(self, watch: "Watch"):
        self._watch = watch
        self._closed = False

    @property
    def pending(self) -> bool:
        return not self._watch.idle

    async def next(self, timeout: float | None = None) -> Sequence[ClientEvent]:
        if self._closed:
            raise WatchEnded
        events = await self._watch.next(timeout)
        if not events and (timeout is None or self._closed or self._watch.ended):
            raise WatchEnded
        return [ClientEvent(e.type, e.stored, str(e.revision)) for e in events]

    def close(self) -> None:
        self._closed = True
        self._watch.close()


def _answer(result: "Result") -> Obj:
    return result.stored.obj if result.status is None else result.status
