"""The ControllerRevisions of an owner, read from an informer and kept in order on the server.

What to do is decided by `revisions`; this module does it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from miniplane.api import errors, objects
from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj
from miniplane.api.resources import CONTROLLER_REVISIONS, Resource
from miniplane.api.selectors.labels import LabelSelector
from miniplane.client.protocol import Client
from miniplane.controllers import adoption, owners, revisions
from miniplane.runtime.informer import Informer

_INDEX = "controller or orphan"
_TRIES = 5


def _by_controller_or_orphan(obj: Obj) -> Iterator[str]:
    """Index function: the controller's uid, or the namespace of an orphan."""
    yield owners.controller_uid(obj) or f"orphans/{objects.namespace_of(obj)}"


class History:
    """Revisions of objects of one resource.

    `hash_label` is where a revision carries the hash that is in its name.
    """

    def __init__(
        self,
        client: Client,
        informer: Informer,
        *,
        owner: Resource,
        hash_label: str = revisions.HASH_LABEL,
    ):
        self._client = client
        self._informer = informer
        self._resource = owner
        self._hash_label = hash_label
        informer.add_index(_INDEX, _by_controller_or_orphan)

    async def of(self, owner: Obj, selector: LabelSelector, *, release: bool = False) -> list[Obj]:
        """The owner's revisions, oldest first, orphans that match adopted.

        `release` lets go of those that match no more; otherwise they are only left out.
        """
        uid, namespace = objects.uid_of(owner), objects.namespace_of(owner)
        candidates = [
            *self._informer.by_index(_INDEX, uid),
            *self._informer.by_index(_INDEX, f"orphans/{namespace}"),
        ]
        claimed = owners.claim(
            candidates,
            owner_uid=uid,
            owner_terminating=objects.is_terminating(owner),
            controller=objects.controller_of,
            terminating=objects.is_terminating,
            matches=lambda revision: selector.matches(objects.labels_of(revision)),
        )
        if not release:
            claimed = owners.Claimed(claimed.owned, claimed.adopt, ())
        adopted = await adoption.carry_out(
            self._client,
            CONTROLLER_REVISIONS,
            claimed,
            resource=self._resource,
            owner=owner,
            identify=lambda revision: (objects.name_of(revision), objects.uid_of(revision)),
        )
        return revisions.ordered([*claimed.owned, *(fresh for _, fresh in adopted)])

    async def newest(
        self, owner: Obj, history: Sequence[Obj], template: Obj, *, collisions: int
    ) -> tuple[Obj, int]:
        """The revision of the present template, made or raised if need be, and the collisions seen.

        For an owner that is being deleted nothing is written.
        """
        what = revisions.plan(history, template)
        if isinstance(what, revisions.Keep):
            return what.revision, collisions
        if objects.is_terminating(owner):
            if isinstance(what, revisions.Raise):
                return what.revision, collisions
            return self._new(owner, what, collisions), collisions
        if isinstance(what, revisions.Raise):
            raised = await self.rewrite(
                what.revision, lambda revision: {**revision, "revision": what.number}
            )
            return raised, collisions
        while True:
            revision = self._new(owner, what, collisions)
            try:
                return await self._client.create(CONTROLLER_REVISIONS, revision), collisions
            except StatusError as error:
                if not errors.is_already_exists(error):
                    raise
            metadata = revision["metadata"]
            there = await self._client.get(
                CONTROLLER_REVISIONS, metadata["name"], metadata["namespace"]
            )
            if there.get("data") == revision["data"]:
                return there, collisions
            collisions += 1

    async def rewrite(self, revision: Obj, change: Callable[[Obj], Obj]) -> Obj:
        """Changes a revision and writes it back, after another look if it is not the latest."""
        for attempt in range(1, _TRIES + 1):
            wanted = change(revision)
            if wanted == revision:
                break
            try:
                return await self._client.update(CONTROLLER_REVISIONS, wanted)
            except StatusError as error:
                if not errors.is_conflict(error) or attempt == _TRIES:
                    raise
            revision = await self._client.get(
                CONTROLLER_REVISIONS, objects.name_of(revision), objects.namespace_of(revision)
            )
        return revision

    async def delete(self, surplus: Iterable[Obj]) -> None:
        """Deletes revisions; one that is gone is fine."""
        for revision in surplus:
            try:
                await self._client.delete(
                    CONTROLLER_REVISIONS,
                    objects.name_of(revision),
                    objects.namespace_of(revision),
                )
            except StatusError as error:
                if not errors.is_not_found(error):
                    raise

    def _new(self, owner: Obj, what: revisions.Create, collisions: int) -> Obj:
        return revisions.new(
            self._resource,
            owner,
            data=what.data,
            number=what.number,
            collisions=collisions,
            hash_label=self._hash_label,
        )
