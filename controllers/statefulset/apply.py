"""Carries out the actions of a plan, and tells of them in events of the set."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from miniplane.api import errors
from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj
from miniplane.api.options import DeleteOptions
from miniplane.api.resources import PERSISTENT_VOLUME_CLAIMS, PODS, Resource
from miniplane.client.protocol import Client
from miniplane.controllers.statefulset import identity
from miniplane.controllers.statefulset.actions import (
    Action,
    CreatePod,
    DeletePod,
    MakeClaims,
    OwnClaims,
    Plan,
    UpdatePod,
)
from miniplane.controllers.statefulset.claims import Owning
from miniplane.runtime.events import EventRecorder
from miniplane.runtime.expectations import Expectations

_TRIES = 5
"""How often a write is tried when others keep changing the object."""
_TURN = 16
"""After so many actions other tasks get their turn."""


class ClaimsFailed(StatusError):
    """Claims that a pod needs are not there, and why."""

    def __init__(self, failures: Sequence[str]):
        text = failures[0] if len(failures) == 1 else f"[{', '.join(failures)}]"
        super().__init__(500, "InternalError", text)


class Hands:
    """Writes on behalf of one set, during one sync."""

    def __init__(
        self,
        client: Client,
        recorder: EventRecorder,
        expectations: Expectations,
        *,
        key: str,
        set_obj: Obj,
    ):
        self._client = client
        self._recorder = recorder
        self._expectations = expectations
        self._key = key
        self._set = set_obj
        self._namespace: str = set_obj["metadata"]["namespace"]
        self._name: str = set_obj["metadata"]["name"]

    async def carry_out(self, plan: Plan) -> Sequence[StatusError]:
        """Takes the actions in order; returns what failed in the batch that ended it, if any."""
        done = 0
        for batch in plan.batches:
            failures: list[StatusError] = []
            for step in batch:
                try:
                    for action in step:
                        await self.take(action)
                except StatusError as error:
                    failures.append(error)
                done += 1
                if done % _TURN == 0:
                    await asyncio.sleep(0)
            if failures:
                return failures
        return ()

    async def take(self, action: Action) -> None:
        if isinstance(action, CreatePod):
            await self._create_pod(action)
        elif isinstance(action, DeletePod):
            await self._delete_pod(action)
        elif isinstance(action, UpdatePod):
            await self._update_pod(action)
        elif isinstance(action, MakeClaims):
            await self._make_claims(action.name, action.claims, action.going)
        else:
            await self._own_claims(action)

    # Pods.

    async def _create_pod(self, action: CreatePod) -> None:
        try:
            await self._make_claims(action.name, action.claims, action.going)
        except ClaimsFailed as error:
            await self._tell("Create", action.name, error)
            raise
        self._expectations.expect_creations(self._key, 1)
        try:
            await self._client.create(PODS, action.pod, namespace=self._namespace)
        except StatusError as error:
            self._expectations.creation_failed(self._key)
            # Somebody else has the name, or an own pod that was not seen yet: not worth an event.
            if not errors.is_already_exists(error):
                await self._tell("Create", action.name, error)
            raise
        if action.owning:
            await self._own_claims(OwnClaims(action.name, action.owning))
        await self._tell("Create", action.name)

    async def _delete_pod(self, action: DeletePod) -> None:
        self._expectations.expect_deletions(self._key, [action.uid])
        try:
            await self._client.delete(
                PODS, action.name, self._namespace, options=DeleteOptions(uid=action.uid)
            )
        except StatusError as error:
            self._expectations.deletion_observed(self._key, action.uid)
            if errors.is_not_found(error):
                return  # the informer is about to say so
            if errors.is_conflict(error):
                raise  # the name belongs to another pod by now: look again
            await self._tell("Delete", action.name, error)
            raise
        await self._tell("Delete", action.name)

    async def _update_pod(self, action: UpdatePod) -> None:
        try:
            await self._make_claims(action.name, action.claims, action.going)
            for owning in action.owning:
                await self._own_claim(owning)
            await self._rewrite(PODS, action.name, lambda pod: _corrected(pod, action, self._name))
        except StatusError as error:
            await self._tell("Update", action.name, error)
            raise
        await self._tell("Update", action.name)

    # Claims.

    async def _make_claims(self, pod: str, claims: Sequence[Obj], going: Sequence[str]) -> None:
        """Tries all; raises ClaimsFailed with everything that went wrong."""
        failures: list[str] = []
        for claim in claims:
            name = claim["metadata"]["name"]
            failure: StatusError | None = None
            try:
                await self._client.create(
                    PERSISTENT_VOLUME_CLAIMS, claim, namespace=self._namespace
                )
            except StatusError as error:
                if errors.is_already_exists(error):
                    continue  # made a moment ago
                failure = error
                failures.append(f"failed to create PVC {name}: {error}")
            await self._tell_of_claim(name, pod, failure)
        failures += [f"pvc {name} is being deleted" for name in going]
        if failures:
            raise ClaimsFailed(failures)

    async def _own_claims(self, action: OwnClaims) -> None:
        try:
            for owning in action.owning:
                await self._own_claim(owning)
        except StatusError as error:
            await self._tell("Update", action.name, error)
            raise

    async def _own_claim(self, owning: Owning) -> None:
        if owning.conflict:
            await self._recorder.event(
                self._set,
                "Warning",
                "ConflictingController",
                f"PersistentVolumeClaim {owning.claim} has a conflicting OwnerReference that acts "
                "as a manging controller, the retention policy is ignored for this claim",
            )

        def owned(claim: Obj) -> Obj:
            metadata = {**claim["metadata"], "ownerReferences": list(owning.owners)}
            if not owning.owners:
                del metadata["ownerReferences"]
            return {**claim, "metadata": metadata}

        await self._rewrite(PERSISTENT_VOLUME_CLAIMS, owning.claim, owned)

    # What they share.

    async def _rewrite(self, resource: Resource, name: str, change: Callable[[Obj], Obj]) -> None:
        """Reads an object, changes it and writes it back; again if it changed in between."""
        for attempt in range(1, _TRIES + 1):
            obj = await self._client.get(resource, name, self._namespace)
            try:
                await self._client.update(resource, change(obj))
                return
            except StatusError as error:
                if not errors.is_conflict(error) or attempt == _TRIES:
                    raise

    def _tell(self, verb: str, pod: str, error: Exception | None = None) -> Awaitable[None]:
        what = f"{verb} Pod {pod} in StatefulSet {self._name}"
        if error is None:
            return self._event("Normal", f"Successful{verb}", f"{what} successful")
        return self._event("Warning", f"Failed{verb}", f"{what} failed error: {error}")

    def _tell_of_claim(self, claim: str, pod: str, error: Exception | None) -> Awaitable[None]:
        if error is None:
            text = f"Create Claim {claim} Pod {pod} in StatefulSet {self._name} success"
            return self._event("Normal", "SuccessfulCreate", text)
        text = f"Create Claim {claim} for Pod {pod} in StatefulSet {self._name} failed error: "
        return self._event("Warning", "FailedCreate", f"{text}{error}")

    def _event(self, kind: str, reason: str, message: str) -> Awaitable[Any]:
        return self._recorder.event(self._set, kind, reason, message)


def _corrected(pod: Obj, action: UpdatePod, set_name: str) -> Obj:
    """The pod with the labels and volumes that its ordinal asks for."""
    metadata = {**pod["metadata"], "labels": {**pod["metadata"].get("labels", {}), **action.labels}}
    spec = pod["spec"]
    if action.volumes is not None:
        spec = {**spec, "volumes": identity.with_claims(action.volumes, spec.get("volumes") or [])}
    return {**pod, "metadata": metadata, "spec": spec}
