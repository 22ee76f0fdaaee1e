"""Deletes Jobs, and their pods first, some time after they have finished."""

from miniplane.api import errors, resources
from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj, key_of, split_key
from miniplane.api.options import DeleteOptions
from miniplane.controllers.ttlafterfinished import plan
from miniplane.runtime.controller import Controller, Result

_FAR = 600.0
"""Seconds. A Job that stays longer is nothing that anybody waits for."""


class TtlAfterFinished(Controller):
    name = "ttl-after-finished-controller"

    def setup(self) -> None:
        self.jobs = self.informer(resources.JOBS)
        self.jobs.on_change(self._changed)

    def _changed(self, old: Obj | None, new: Obj | None) -> None:
        if new is not None and plan.expires_at(new) is not None:
            self.queue.add(key_of(new))

    async def reconcile(self, key: str) -> Result | None:
        namespace, name = split_key(key)
        job = self.jobs.get(namespace, name)
        if job is None or (left := self._left(job)) is None:
            return None
        if left > 0:
            return Result(after=left, background=left > _FAR)
        try:
            # Somebody may have given it more time a moment ago.
            job = await self.client.get(resources.JOBS, name, namespace)
            left = self._left(job)
            if left is None or left > 0:
                return Result(after=left)
            options = DeleteOptions(propagation_policy="Foreground", uid=job["metadata"]["uid"])
            await self.client.delete(resources.JOBS, name, namespace, options=options)
        except StatusError as error:
            if not errors.is_not_found(error):
                raise
        return None

    def _left(self, job: Obj) -> float | None:
        expires = plan.expires_at(job)
        return None if expires is None else expires - self.clock.time()
