"""Carries out the actions of a plan, and tells of them in events of the set."""

import asyncio
from collections.abc import Sequence

from miniplane.api import errors, objects
from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj
from miniplane.api.options import DeleteOptions
from miniplane.api.resources import PODS
from miniplane.client.protocol import Client
from miniplane.controllers import scaling
from miniplane.controllers.daemonset.actions import CreatePod, DeletePod, Plan
from miniplane.controllers.daemonset.podspec import PodMaker
from miniplane.runtime.events import EventRecorder
from miniplane.runtime.expectations import Expectations

_TURN = 16
"""After so many writes other tasks get their turn."""


class Hands:
    """Writes on behalf of one set, during one sync."""

    def __init__(
        self,
        client: Client,
        recorder: EventRecorder,
        expectations: Expectations,
        *,
        daemon: Obj,
        maker: PodMaker,
    ):
        self._client = client
        self._recorder = recorder
        self._expectations = expectations
        self._daemon = daemon
        self._key = objects.key_of(daemon)
        self._namespace = objects.namespace_of(daemon)
        self._maker = maker
        self._writes = 0

    async def carry_out(self, plan: Plan) -> Sequence[StatusError]:
        """Does what the plan says; returns what failed. Creations stop after a batch with a
        failure; pods are deleted all the same."""
        for event in plan.tell:
            await self._recorder.event(self._daemon, event.type, event.reason, event.message)
        failures: list[StatusError] = []
        for batch in scaling.slow_start(len(plan.create)):
            for position in batch:
                await self._try(self._create(plan.create[position]), failures)
            if failures:
                break
        for deletion in plan.delete:
            await self._try(self._delete(deletion), failures)
        return failures

    async def _try(self, work, failures: list[StatusError]) -> None:
        try:
            await work
        except StatusError as error:
            failures.append(error)
        self._writes += 1
        if self._writes % _TURN == 0:
            await asyncio.sleep(0)

    async def _create(self, action: CreatePod) -> None:
        self._expectations.expect_creations(self._key, 1)
        try:
            pod = await self._client.create(
                PODS, self._maker.pod_for(action.node), namespace=self._namespace
            )
        except StatusError as error:
            self._expectations.creation_failed(self._key)
            if errors.is_namespace_terminating(error):
                return
            await self._recorder.event(
                self._daemon, "Warning", "FailedCreate", f"Error creating: {error}"
            )
            raise
        await self._recorder.event(
            self._daemon, "Normal", "SuccessfulCreate", f"Created pod: {objects.name_of(pod)}"
        )

    async def _delete(self, action: DeletePod) -> None:
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
            await self._recorder.event(
                self._daemon, "Warning", "FailedDelete", f"Error deleting: {error}"
            )
            raise
        await self._recorder.event(
            self._daemon, "Normal", "SuccessfulDelete", f"Deleted pod: {action.name}"
        )
