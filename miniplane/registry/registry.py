"""The facade: every verb on every resource.

The server and the in-process client call nothing else. All methods raise `StatusError`.
"""

import copy
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from miniplane.api import errors
from miniplane.api.customresources.definition import CustomResource
from miniplane.api.options import DeleteOptions, ListOptions, User, WriteOptions
from miniplane.api.rbac import Attributes, Decision
from miniplane.api.resources import Resource
from miniplane.clock import Clock
from miniplane.config import Config
from miniplane.ids import Ids
from miniplane.metrics import Family
from miniplane.registry import (
    admission,
    authentication,
    authorization,
    deletion,
    figures,
    ipaddresses,
    patching,
    reading,
    reviews,
    scale,
    subresources,
    tokenfile,
    watching,
    write,
)
from miniplane.registry.admission.extensions import Extensions
from miniplane.registry.allocators import Allocators
from miniplane.registry.asking import Session
from miniplane.registry.context import Context
from miniplane.registry.customresources import CustomResources
from miniplane.registry.results import Deleted, ListResult, Result
from miniplane.registry.stored import Stored, seal
from miniplane.registry.tokens import Tokens
from miniplane.registry.watching import Watch
from miniplane.store.mvcc import Store

T = TypeVar("T")


class Registry:
    """Kubernetes semantics over a store. Synchronous but for what a `Watch` waits for.

    ValueError for a configuration that asks for admission plugins that there are not."""

    def __init__(self, *, store: Store[Stored], clock: Clock, ids: Ids, config: Config):
        allocators = Allocators(service_cidr=config.service_cidr, ids=ids)
        self.custom = CustomResources(store, _more_rows(config))
        """The resources that CustomResourceDefinitions have added, and others like them."""
        self._context = Context(
            store=store,
            clock=clock,
            ids=ids,
            config=config,
            allocators=allocators,
            tokens=Tokens(ids, config.service_account_issuer),
            users=tokenfile.load(config.token_auth_file) if config.token_auth_file else {},
            chain=admission.chain_of(config),
            custom=self.custom,
            extensions=Extensions(store),
        )

    def _with(self, **changes: Any) -> "Registry":
        twin = copy.copy(self)
        twin._context = dataclasses.replace(self._context, **changes)
        return twin

    @property
    def exempt(self) -> "Registry":
        """This registry, for what the API server makes by itself: no policy and no webhook is
        asked."""
        return self._with(exempt=True)

    @property
    def asks(self) -> bool:
        """Whether a write may raise `Unanswered`, so that it has to be made in a session."""
        return self._context.extensions.asks

    def session(self) -> Session:
        """What one write will know of the answers to its questions."""
        return Session(self._context.clock, self._context.ids.uid())

    def attempt(self, session: Session, act: "Callable[[Registry], T]") -> T:
        """Make a write, or make it again, with what its session knows. Unanswered."""
        with session.draws.repeated(self._context.ids):
            return act(self._with(session=session, clock=session.clock))

    @property
    def revision(self) -> int:
        """The revision of the latest write."""
        return self._context.store.revision

    def figures(self) -> Iterator[Family]:
        """What there is to count of what is stored, and which features are on."""
        return figures.families(self._context)

    def repair(self) -> None:
        """Put right what clients have spoilt of the server's own objects."""
        ipaddresses.repair(self._context)

    def authorize(self, user: User, asked: Attributes) -> Decision:
        """Whether a user may do something, by the roles and bindings that are stored."""
        return authorization.decide(self._context, user, asked)

    def authenticate(self, token: str) -> User | None:
        """The user that a bearer token stands for; None for a token of somebody else's.

        StatusError 401 for one that was issued here and is no longer good.
        """
        return authentication.user_of(self._context, token)

    def token_keys(self) -> dict[str, Any]:
        """What others need to check service account tokens: a JSON Web Key Set."""
        return self._context.tokens.keys()

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
                if subresource in subresources.CONNECT:
                    subresources.connected(
                        self._context, resource, namespace, name, subresource, raw, options
                    )
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


def _more_rows(config: Config) -> Sequence[CustomResource]:
    if not config.metrics_server:
        return ()
    from miniplane.api import resourcemetrics

    return resourcemetrics.ROWS


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
