"""Adopting and releasing: the writes that `owners.claim` asks for."""

from collections.abc import Callable
from typing import TypeVar

from miniplane.api import errors, objects
from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj
from miniplane.api.resources import Resource
from miniplane.client.protocol import Client
from miniplane.controllers import owners
from miniplane.controllers.owners import Claimed

T = TypeVar("T")


async def carry_out(
    client: Client,
    dependents: Resource,
    claimed: Claimed[T],
    *,
    resource: Resource,
    owner: Obj,
    identify: Callable[[T], tuple[str, str]],
    finalizer: str = "",
) -> list[tuple[T, Obj]]:
    """Releases and adopts; returns what was adopted, each with its new state.

    `identify` gives a dependent's name and uid. Before anything is adopted the server is asked
    whether the owner still lives, since the informer may not know yet that it does not: StatusError
    Conflict or NotFound then. A dependent that is gone is nobody's. `finalizer` comes and goes with
    the owner.
    """
    namespace, uid = objects.namespace_of(owner), objects.uid_of(owner)
    for dependent in claimed.release:
        name, its_uid = identify(dependent)
        release = owners.release_patch(uid, its_uid, finalizer=finalizer)
        try:
            await client.patch(dependents, name, release, namespace)
        except StatusError as error:
            # Invalid: the name belongs to another object by now.
            if not errors.is_not_found(error) and error.reason != "Invalid":
                raise
    adopted: list[tuple[T, Obj]] = []
    if claimed.adopt:
        await _recheck(client, resource, owner)
    for dependent in claimed.adopt:
        name, its_uid = identify(dependent)
        ref = owners.controller_ref(resource, owner)
        patch = owners.adopt_patch(ref, its_uid, finalizer=finalizer)
        try:
            adopted.append((dependent, await client.patch(dependents, name, patch, namespace)))
        except StatusError as error:
            if not errors.is_not_found(error):
                raise
    return adopted


async def _recheck(client: Client, resource: Resource, owner: Obj) -> None:
    namespace, name = objects.namespace_of(owner), objects.name_of(owner)
    fresh = await client.get(resource, name, namespace)
    if objects.uid_of(fresh) != objects.uid_of(owner):
        why = f"original {resource.kind} {namespace}/{name} is gone"
        raise errors.conflict(resource, name, why)
    if objects.is_terminating(fresh):
        when = fresh["metadata"]["deletionTimestamp"]
        why = f"{namespace}/{name} has just been deleted at {when}"
        raise errors.conflict(resource, name, why)
