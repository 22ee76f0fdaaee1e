"""Keeps so many pods of a template, for ReplicaSets and ReplicationControllers.

A sync adopts and releases, then makes or takes away pods, and writes the status. It makes and takes
away none before the informer has shown all that earlier syncs did; it counts them all the same.
"""

import asyncio
from collections.abc import Iterable

from miniplane.api import errors, objects, resources
from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj, controller_of, key_of, split_key
from miniplane.api.options import DeleteOptions
from miniplane.api.resources import Resource
from miniplane.api.selectors import labels as label_selectors
from miniplane.api.selectors.labels import LabelSelector
from miniplane.controllers import adoption, grouping, owners, scaling
from miniplane.controllers import pods as podinfo
from miniplane.controllers.owners import Claimed
from miniplane.controllers.podindex import PodIndex
from miniplane.controllers.replicaset import plan as plans
from miniplane.controllers.replicaset.member import Member
from miniplane.runtime.controller import Controller, ControllerContext, Result
from miniplane.runtime.expectations import Expectations

_TURN = 16
"""After so many writes other tasks get their turn."""

Failure = tuple[str, StatusError]
"""The reason of the condition ReplicaFailure, and the error behind it."""


class _Known:
    """What handlers need to know of a set."""

    __slots__ = ("selector", "uid")

    def __init__(self, uid: str, selector: LabelSelector):
        self.uid = uid
        self.selector = selector


class ReplicaSetController(Controller):
    """Reads its sets as JSON: the two kinds differ in little else than their name."""

    name = "replicaset-controller"
    row: Resource = resources.REPLICA_SETS

    def __init__(self, ctx: ControllerContext):
        super().__init__(ctx)
        self._expectations = Expectations(ctx.clock)
        self._known: dict[str, dict[str, _Known]] = {}
        self._written: dict[str, str] = {}
        """The resourceVersion of the last status written, by the key of the set."""

    def setup(self) -> None:
        self.sets = self.informer(self.row)
        grouping.add_to(self.sets)
        self.sets.on_change(self._set_changed)
        self.pods = PodIndex(
            self.informer(resources.PODS),
            api_version=self.row.api_version,
            kind=self.row.kind,
            view=Member,
            changed=self._pod_changed,
        )

    def selector_of(self, owner: Obj) -> LabelSelector:
        return label_selectors.from_obj(owner["spec"].get("selector"))

    # Whose turn it is.

    def _set_changed(self, old: Obj | None, new: Obj | None) -> None:
        obj = new or old or {}
        key, meta = key_of(obj), obj["metadata"]
        if new is None:
            known = self._known[meta["namespace"]]
            del known[meta["name"]]
            if not known:
                del self._known[meta["namespace"]]
            self._expectations.forget(key)
            self._written.pop(key, None)
            return
        self._known.setdefault(meta["namespace"], {})[meta["name"]] = _Known(
            meta["uid"], self.selector_of(new)
        )
        # A status just written is no reason to look again.
        if old is None or self._written.get(key) != meta["resourceVersion"]:
            self.queue.add(key)

    def _pod_changed(self, old: Member | None, new: Member | None) -> None:
        before, after = self._set_of(old), self._set_of(new)
        if before is not None and old is not None:
            if new is None or new.terminating:
                self._expectations.deletion_observed(before, old.uid)
            if before != after:
                self._look_at(before, old)
        if new is None:
            return
        if after is not None:
            if old is None:
                self._expectations.creation_observed(after)
            if old != new:
                self._look_at(after, new)
        elif new.controller is None and (
            old is None or old.labels != new.labels or old.controller is not None
        ):
            for name, known in self._known.get(new.namespace, {}).items():
                if known.selector.matches(new.labels):
                    self.queue.add(f"{new.namespace}/{name}")

    def _look_at(self, key: str, pod: Member) -> None:
        assert pod.controller is not None
        members = self.pods.owned(pod.controller["uid"])
        self.queue.add_after(key, grouping.patience(len(members)))

    def _set_of(self, pod: Member | None) -> str | None:
        """The key of the set that controls the pod."""
        if pod is None or pod.controller is None:
            return None
        name = pod.controller["name"]
        known = self._known.get(pod.namespace, {}).get(name)
        if known is None or known.uid != pod.controller["uid"]:
            return None
        return f"{pod.namespace}/{name}"

    # A sync.

    async def reconcile(self, key: str) -> Result | None:
        owner = self.sets.get(*split_key(key))
        if owner is None:
            return None
        found = await self._survey(owner)
        left = self._expectations.expires_in(key)
        awaited = left is not None and left > 0
        failure: Failure | None = None
        if not awaited and not objects.is_terminating(owner):
            what = plans.plan(
                owner["spec"].get("replicas", 0),
                found.active,
                related=self._related(owner),
                now=self.clock.time(),
            )
            if what.create:
                failure = await self._create(key, owner, what.create)
            elif what.delete:
                failure = await self._delete(key, owner, what.delete)
        await self._write_status(key, owner, found, failure)
        if failure is not None:
            raise failure[1]
        if found.next_available is not None:
            return Result(after=found.next_available)
        # A pod that is waited for brings the key back; this is for the case it never comes.
        return Result(after=left, background=True) if awaited else None

    async def _survey(self, owner: Obj) -> plans.Survey:
        """Count the pods, after adopting and releasing."""
        meta = owner["metadata"]
        uid, namespace = meta["uid"], meta["namespace"]
        matches = self._known[namespace][meta["name"]].selector.matches
        now = self.clock.time()
        members: Iterable[Member] = self.pods.owned(uid)
        found = plans.survey(owner, members, matches=matches, now=now)
        if objects.is_terminating(owner):
            return found
        orphans = tuple(
            pod
            for pod in self.pods.orphans(namespace)
            if not (pod.terminating or pod.terminal) and matches(pod.labels)
        )
        if not orphans and not found.strangers:
            return found
        adopted = await adoption.carry_out(
            self.client,
            resources.PODS,
            Claimed(owned=(), adopt=orphans, release=tuple(found.strangers)),
            resource=self.row,
            owner=owner,
            identify=lambda pod: (pod.name, pod.uid),
        )
        every = {pod.uid: pod for pod in (*self.pods.owned(uid), *(pod for pod, _ in adopted))}
        return plans.survey(owner, every.values(), matches=matches, now=now)

    def _related(self, owner: Obj) -> Iterable[Member]:
        """The pods of all sets with the same controller, the owner's own among them."""
        ref = controller_of(owner)
        if ref is None:
            return
        for other in grouping.owned(self.sets, ref["uid"]):
            yield from self.pods.owned(other["metadata"]["uid"])

    async def _create(self, key: str, owner: Obj, count: int) -> Failure | None:
        name, namespace = owner["metadata"]["name"], owner["metadata"]["namespace"]
        ref = owners.controller_ref(self.row, owner)
        self._expectations.expect_creations(key, count)
        for batch in scaling.slow_start(count):
            failed: list[StatusError] = []
            for position in batch:
                pod = podinfo.from_template(owner["spec"]["template"], owner=name, owner_ref=ref)
                try:
                    made = await self.client.create(resources.PODS, pod, namespace=namespace)
                except StatusError as error:
                    failed.append(error)
                    if not errors.is_namespace_terminating(error):
                        message = f"Error creating: {error.message}"
                        await self.recorder.event(owner, "Warning", "FailedCreate", message)
                else:
                    message = f"Created pod: {made['metadata']['name']}"
                    await self.recorder.event(owner, "Normal", "SuccessfulCreate", message)
                if position % _TURN == _TURN - 1:
                    await asyncio.sleep(0)
            if failed:
                self._expectations.creation_failed(key, count - batch.stop + len(failed))
                # In a namespace on its way out nothing can be made, and nothing needs to be.
                if errors.is_namespace_terminating(failed[0]):
                    return None
                return "FailedCreate", failed[0]
        return None

    async def _delete(self, key: str, owner: Obj, pods: tuple[Member, ...]) -> Failure | None:
        self._expectations.expect_deletions(key, [pod.uid for pod in pods])
        failure: Failure | None = None
        for position, pod in enumerate(pods):
            options = DeleteOptions(uid=pod.uid)
            try:
                await self.client.delete(resources.PODS, pod.name, pod.namespace, options=options)
            except StatusError as error:
                self._expectations.deletion_observed(key, pod.uid)
                if not errors.is_not_found(error):
                    message = f"Error deleting: {error.message}"
                    await self.recorder.event(owner, "Warning", "FailedDelete", message)
                    failure = failure or ("FailedDelete", error)
            else:
                message = f"Deleted pod: {pod.name}"
                await self.recorder.event(owner, "Normal", "SuccessfulDelete", message)
            if position % _TURN == _TURN - 1:
                await asyncio.sleep(0)
        return failure

    async def _write_status(
        self, key: str, owner: Obj, found: plans.Survey, failure: Failure | None
    ) -> None:
        condition = None
        if failure is not None:
            reason, error = failure
            now = self.clock.rfc3339()
            condition = plans.failure_condition(owner, reason, error.message, now)
        status = plans.status(owner, found, failure=condition)
        if status == owner.get("status"):
            return
        try:
            written = await self._put_status(owner, status)
        except StatusError as error:
            if not errors.is_conflict(error):
                raise
            # Somebody else changed the set meanwhile: what was counted is still true.
            name, namespace = owner["metadata"]["name"], owner["metadata"]["namespace"]
            fresh = await self.client.get(self.row, name, namespace)
            if objects.uid_of(fresh) == objects.uid_of(owner):
                await self._put_status(fresh, status)
        else:
            self._written[key] = written["metadata"]["resourceVersion"]

    async def _put_status(self, owner: Obj, status: Obj) -> Obj:
        body = {**owner, "status": status}
        return await self.client.update(self.row, body, subresource="status")


class ReplicationControllerController(ReplicaSetController):
    name = "replicationcontroller-controller"
    component = "replication-controller"
    row = resources.REPLICATION_CONTROLLERS

    def selector_of(self, owner: Obj) -> LabelSelector:
        return label_selectors.from_obj({"matchLabels": owner["spec"].get("selector") or {}})
