"""The facade: every verb on every resource.

The server and the in-process client call nothing else. All methods raise `StatusError`.
"""

from typing import Any

from miniplane.api import errors
from miniplane.api.options import DeleteOptions, ListOptions, User, WriteOptions
from miniplane.api.rbac import Attributes, Decision
from miniplane.api.resources import Resource
from miniplane.clock import Clock
from miniplane.config import Config
from miniplane.ids import Ids
from miniplane.registry import (
    authentication,
    authorization,
    deletion,
    patching,
    reading,
    reviews,
    scale,
    subresources,
    watching,
    write,
)
from miniplane.registry.allocators import Allocators
from miniplane.registry.context import Context
from miniplane.registry.customresources import CustomResources
from miniplane.registry.results import Deleted, ListResult, Result
from miniplane.registry.stored import Stored, seal
from miniplane.registry.tokens import Tokens
from miniplane.registry.watching import Watch
from miniplane.store.mvcc import Store


class Registry:
    """Kubernetes semantics over a store. Synchronous but for what a `Watch` waits for."""

    def __init__(self, *, store: Store[Stored], clock: Clock, ids: Ids, config: Config):
        allocators = Allocators(service_cidr=config.service_cidr, ids=ids)
        self._context = Context(
            store=store,
            clock=clock,
            ids=ids,
            config=config,
            allocators=allocators,
            tokens=Tokens(ids),
        )
        self.custom = CustomResources(store)
        """The resources that CustomResourceDefinitions have added."""

    @property
    def revision(self) -> int:
        """The revision of the latest write."""
        return self._context.store.revision

    def authorize(self, user: User, asked: Attributes) -> Decision:
        """Whether a user may do something, by the roles and bindings that are stored."""
        return authorization.decide(self._context, user, asked)

    def authenticate(self, token: str) -> User | None:
        """The service account that a bearer token stands for; None for a token of somebody else's.

        StatusError 401 for one that was issued here and is no longer good.
        """
        return authentication.user_of(self._context, token)

    def get(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        *,
        subresource: str = "",
        resource_version: str = "",
    ) -> Stored:
        """One object, or its view through a subresource."""
        _check_served(resource, subresource)
        if subresource not in ("", "status", "ephemeralcontainers", "resize", "approval"):
            if subresource == "scale":
                found = reading.get(self._context, resource, namespace, name)
                return _scale_of(resource, found)
            raise subresources.refuse(resource, subresource)
        return reading.get(
            self._context, resource, namespace, name, resource_version=resource_version
        )

    def list(self, resource: Resource, namespace: str, options: ListOptions) -> ListResult:
        """The objects of a resource, in one namespace or (`""`) in all."""
        return reading.list_objects(self._context, resource, namespace, options)

    def watch(self, resource: Resource, namespace: str, options: ListOptions) -> Watch:
        """The changes to what `list` would show. The watch must be closed."""
        return watching.watch(self._context, resource, namespace, options)

    def create(
        self,
        resource: Resource,
        namespace: str,
        raw: Any,
        options: WriteOptions,
        *,
        name: str = "",
        subresource: str = "",
    ) -> Result:
        """POST to a collection, or to the subresource of `name`."""
        _check_served(resource, subresource)
        if subresource:
            create = subresources.CREATE.get((resource.plural, subresource))
            if create is None:
                raise subresources.refuse(resource, subresource)
            return create(self._context, resource, namespace, name, raw, options)
        if not resource.stored:
            review = reviews.CREATE.get(resource.plural)
            if review is None:
                raise errors.not_implemented(f"miniplane does not serve {resource.plural}")
            return review(self._context, resource, namespace, raw, options)
        return write.create(self._context, resource, namespace, raw, options)

    def update(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        raw: Any,
        options: WriteOptions,
        *,
        subresource: str = "",
    ) -> Result:
        """PUT of an object or a subresource."""
        _check_served(resource, subresource)
        if subresource == "scale":
            return scale.replace(self._context, resource, namespace, name, raw, options)
        self._check_part(resource, subresource)
        return write.replace(
            self._context, resource, namespace, name, raw, options, subresource=subresource
        )

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
    ) -> Result:
        """PATCH of an object or a subresource. `patch_type` is the patch's media type."""
        _check_served(resource, subresource)
        if subresource == "scale":
            return scale.patch(
                self._context, resource, namespace, name, patch, options, patch_type=patch_type
            )
        self._check_part(resource, subresource)
        return patching.run(
            self._context,
            resource,
            namespace,
            name,
            patch,
            options,
            patch_type=patch_type,
            subresource=subresource,
        )

    def _check_part(self, resource: Resource, subresource: str) -> None:
        known = (resource.plural, subresource) in subresources.PREPARE
        if subresource not in ("", "status") and not known:
            raise subresources.refuse(resource, subresource)

    def delete(
        self, resource: Resource, namespace: str, name: str, options: DeleteOptions
    ) -> Deleted:
        """DELETE of one object."""
        return deletion.delete(self._context, resource, namespace, name, options)

    def delete_collection(
        self,
        resource: Resource,
        namespace: str,
        options: DeleteOptions,
        list_options: ListOptions,
    ) -> ListResult:
        """DELETE of all objects that a list with `list_options` would show."""
        return deletion.delete_collection(self._context, resource, namespace, options, list_options)


def _check_served(resource: Resource, subresource: str) -> None:
    if subresource and resource.subresource(subresource) is None:
        raise errors.path_not_found()


def _scale_of(resource: Resource, stored: Stored) -> Stored:
    custom = resource.custom
    body = scale.of(resource, stored.obj)
    if custom is not None and custom.scale.get(stored.obj) is None:
        path = custom.scale.replicas
        raise errors.internal_error(f'the spec replicas field "{path}" does not exist')
    return seal(scale.RESOURCE, body, 0)
