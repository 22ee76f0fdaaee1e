"""Rolls Deployments out: one step of the plan at a sync, and the status after it.

One sync of `a/web`: adopt and release ReplicaSets; `plan`; make the new ReplicaSet or bring it up
to date; note its revision on the Deployment, for which the status endpoint is used (it takes
annotations); scale and delete as planned; write the status. Whatever changes comes back by the
ReplicaSets' statuses.
"""

from collections.abc import Sequence

from miniplane.api import errors, resources
from miniplane.api.errors import StatusError
from miniplane.api.objects import (
    Obj,
    annotations_of,
    controller_of,
    is_terminating,
    key_of,
    split_key,
    uid_of,
)
from miniplane.api.options import DeleteOptions
from miniplane.api.selectors import labels as label_selectors
from miniplane.controllers import adoption, grouping, owners
from miniplane.controllers.deployment import conditions, rollback
from miniplane.controllers.deployment import plan as plans
from miniplane.controllers.deployment import replicasets as sets
from miniplane.controllers.deployment import status as statuses
from miniplane.controllers.deployment.conditions import Moment
from miniplane.controllers.deployment.oldpods import RunningPods
from miniplane.runtime.controller import Controller, Result


class DeploymentController(Controller):
    name = "deployment-controller"

    def setup(self) -> None:
        self.deployments = self.informer(resources.DEPLOYMENTS)
        self.replica_sets = self.informer(resources.REPLICA_SETS)
        grouping.add_to(self.replica_sets)
        self.deployments.on_change(lambda old, new: self.queue.add(key_of(new or old or {})))
        self.replica_sets.on_change(self._replica_set_changed)
        self.running = RunningPods(self.informer(resources.PODS), self._pod_gone)

    # Whose turn it is.

    def _replica_set_changed(self, old: Obj | None, new: Obj | None) -> None:
        for key in dict.fromkeys(map(self._deployment_of, (old, new))):
            if key is not None:
                self.queue.add(key)
        if new is not None and controller_of(new) is None:
            labels = new["metadata"].get("labels") or {}
            for deployment in self.deployments.list(new["metadata"]["namespace"]):
                if label_selectors.from_obj(deployment["spec"].get("selector")).matches(labels):
                    self.queue.add(key_of(deployment))

    def _deployment_of(self, replica_set: Obj | None) -> str | None:
        """The key of the Deployment that controls a ReplicaSet."""
        ref = controller_of(replica_set) if replica_set is not None else None
        if replica_set is None or ref is None or ref.get("kind") != "Deployment":
            return None
        namespace = replica_set["metadata"]["namespace"]
        deployment = self.deployments.get(namespace, ref["name"])
        if deployment is None or uid_of(deployment) != ref["uid"]:
            return None
        return f"{namespace}/{ref['name']}"

    def _pod_gone(self, namespace: str, ref: Obj) -> None:
        """A Recreate rollout waits for the last old pod to be gone, and hears of it here."""
        if self.running.any_of(ref["uid"]):
            return
        key = self._deployment_of(self.replica_sets.get(namespace, ref["name"]))
        deployment = self.deployments.get(*split_key(key)) if key is not None else None
        if key is not None and deployment is not None and not sets.is_rolling(deployment):
            self.queue.add(key)

    # A sync.

    async def reconcile(self, key: str) -> Result | None:
        deployment = self.deployments.get(*split_key(key))
        if deployment is None:
            return None
        replica_sets = await self._claim(deployment)
        now = Moment(self.clock.time(), self.clock.rfc3339())
        if not is_terminating(deployment):
            told = statuses.after_pausing(deployment, now)
            if told is not None:
                deployment = await self._put_status(deployment, found=told)
        what = plans.plan(
            deployment, replica_sets, old_pods=self._old_pods_run(deployment, replica_sets)
        )
        new = what.new
        if isinstance(what.prepare, plans.Create):
            try:
                deployment, new = await self._create(deployment, what.prepare.replica_set, now)
            except StatusError as error:
                if errors.is_namespace_terminating(error):
                    return None
                raise
            replica_sets = [*(rs for rs in replica_sets if uid_of(rs) != uid_of(new)), new]
        elif new is not None:
            if what.prepare is not None:
                new = await self._annotate(what.prepare)
                replica_sets = [new if uid_of(rs) == uid_of(new) else rs for rs in replica_sets]
            found = statuses.after_finding(deployment, new, now)
            deployment = await self._note(deployment, new, found)
        if what.back_to is not None:
            await self._roll_back(rollback.plan(deployment, replica_sets, what.back_to))
            return None
        await self._carry_out(deployment, what.steps, replica_sets)
        status = statuses.compute(deployment, replica_sets, new, rollout=what.rollout, now=now)
        if status != deployment.get("status"):
            body = {**deployment, "status": status}
            await self.client.update(resources.DEPLOYMENTS, body, subresource="status")
        left = statuses.seconds_left(deployment, status, now) if what.rollout else None
        return Result(after=left, background=True) if left is not None else None

    async def _claim(self, deployment: Obj) -> list[Obj]:
        """The Deployment's ReplicaSets, after adopting and releasing."""
        meta = deployment["metadata"]
        matches = label_selectors.from_obj(deployment["spec"].get("selector")).matches
        claimed = owners.claim(
            grouping.candidates(self.replica_sets, deployment),
            owner_uid=meta["uid"],
            owner_terminating=is_terminating(deployment),
            controller=controller_of,
            terminating=is_terminating,
            matches=lambda rs: matches(rs["metadata"].get("labels") or {}),
        )
        adopted = await adoption.carry_out(
            self.client,
            resources.REPLICA_SETS,
            claimed,
            resource=resources.DEPLOYMENTS,
            owner=deployment,
            identify=lambda rs: (rs["metadata"]["name"], rs["metadata"]["uid"]),
        )
        return [*claimed.owned, *(fresh for _, fresh in adopted)]

    def _old_pods_run(self, deployment: Obj, replica_sets: Sequence[Obj]) -> bool:
        if sets.is_rolling(deployment):
            return False
        new = sets.find_new(deployment, replica_sets)
        return any(self.running.any_of(uid_of(rs)) for rs in replica_sets if rs is not new)

    async def _create(self, deployment: Obj, replica_set: Obj, now: Moment) -> tuple[Obj, Obj]:
        """Make the new ReplicaSet and note it. StatusError if it could not be made."""
        name, namespace = replica_set["metadata"]["name"], replica_set["metadata"]["namespace"]
        try:
            new = await self.client.create(resources.REPLICA_SETS, replica_set, namespace=namespace)
        except StatusError as error:
            if errors.is_already_exists(error):
                taken = await self.client.get(resources.REPLICA_SETS, name, namespace)
                if _is_ours(deployment, taken):
                    return await self._note(deployment, taken, conditions.of(deployment)), taken
                # Another template has the same hash: from now on it is made with a number.
                status = dict(deployment.get("status") or {})
                status["collisionCount"] = status.get("collisionCount", 0) + 1
                body = {**deployment, "status": status}
                await self.client.update(resources.DEPLOYMENTS, body, subresource="status")
            elif not errors.is_namespace_terminating(error):
                message = f'Failed to create new replica set "{name}": {error.message}'
                found = statuses.after_failing(deployment, message, now)
                if found != conditions.of(deployment):
                    await self._put_status(deployment, found=found)
                await self.recorder.event(deployment, "Warning", "ReplicaSetCreateError", message)
            raise
        size = sets.replicas(new)
        if size:
            message = f"Scaled up replica set {name} from 0 to {size}"
            await self.recorder.event(deployment, "Normal", "ScalingReplicaSet", message)
        found = statuses.after_creating(deployment, new, now)
        return await self._note(deployment, new, found), new

    async def _annotate(self, action: plans.Annotate) -> Obj:
        rs = action.replica_set
        spec = {**rs["spec"], "minReadySeconds": action.min_ready_seconds}
        meta = {**rs["metadata"], "annotations": action.annotations}
        body = {**rs, "metadata": meta, "spec": spec}
        return await self.client.update(resources.REPLICA_SETS, body)

    async def _note(self, deployment: Obj, new: Obj, found: list[Obj]) -> Obj:
        """Write the new ReplicaSet's revision and the conditions `found`, where they are new."""
        present = annotations_of(deployment)
        revision = annotations_of(new).get(sets.REVISION, "")
        if revision == present.get(sets.REVISION, "") and found == conditions.of(deployment):
            return deployment
        annotations = {**present, sets.REVISION: revision}
        meta = {**deployment["metadata"], "annotations": annotations}
        return await self._put_status({**deployment, "metadata": meta}, found=found)

    async def _roll_back(self, what: rollback.Rollback) -> None:
        if not what.done:
            await self.recorder.event(what.deployment, "Warning", what.reason, what.message)
        await self.client.update(resources.DEPLOYMENTS, what.deployment)
        if what.done:
            await self.recorder.event(what.deployment, "Normal", what.reason, what.message)

    async def _carry_out(
        self,
        deployment: Obj,
        steps: Sequence[plans.Scale | plans.Delete],
        replica_sets: Sequence[Obj],
    ) -> None:
        latest = {uid_of(rs): rs for rs in replica_sets}
        for step in steps:
            rs = latest[uid_of(step.replica_set)]
            if isinstance(step, plans.Scale):
                latest[uid_of(rs)] = await self._scale(deployment, rs, step.to)
                continue
            name, namespace = rs["metadata"]["name"], rs["metadata"]["namespace"]
            options = DeleteOptions(uid=uid_of(rs))
            try:
                await self.client.delete(resources.REPLICA_SETS, name, namespace, options=options)
            except StatusError as error:
                if not errors.is_not_found(error):
                    raise

    async def _scale(self, deployment: Obj, rs: Obj, to: int) -> Obj:
        before = sets.replicas(rs)
        annotations = {**annotations_of(rs), **sets.size_annotations(deployment)}
        meta = {**rs["metadata"], "annotations": annotations}
        body = {**rs, "metadata": meta, "spec": {**rs["spec"], "replicas": to}}
        changed = await self.client.update(resources.REPLICA_SETS, body)
        if to != before:
            direction = "up" if to > before else "down"
            name = rs["metadata"]["name"]
            message = f"Scaled {direction} replica set {name} from {before} to {to}"
            await self.recorder.event(deployment, "Normal", "ScalingReplicaSet", message)
        return changed

    async def _put_status(self, deployment: Obj, *, found: list[Obj]) -> Obj:
        """Write the status as it is but for its conditions, and the annotations."""
        status = {**(deployment.get("status") or {}), "conditions": found}
        body = {**deployment, "status": status}
        return await self.client.update(resources.DEPLOYMENTS, body, subresource="status")


def _is_ours(deployment: Obj, replica_set: Obj) -> bool:
    ref = controller_of(replica_set)
    template, other = deployment["spec"]["template"], replica_set["spec"]["template"]
    return (
        ref is not None and ref["uid"] == uid_of(deployment) and sets.same_template(template, other)
    )
