"""Keys are budgets, and pods whose mark as an eviction's target may be stale.

After `pkg/controller/disruption/disruption.go`. A budget has its turn when it changes and when one
of its pods does; the scale of the pods' owners is read then. News of an owner may come later than
those of its last pod, so a new scale brings another look a while later.
"""

from typing import ClassVar

from miniplane.api import resources
from miniplane.api.errors import StatusError, is_conflict, is_not_found
from miniplane.api.objects import Obj, controller_of, key_of, split_key
from miniplane.api.resources import POD_DISRUPTION_BUDGETS, PODS, Resource
from miniplane.api.selectors import labels
from miniplane.controllers.disruption import plan
from miniplane.controllers.disruption.members import BudgetPods, Members
from miniplane.runtime.controller import Controller, Result

_POD = "pod:"
"""Before the keys of pods. No namespace has a colon in its name."""
_LATE = 30.0
"""In how many seconds the pods of an owner that was scaled have long been seen."""
_READ_DIRECTLY = (
    resources.REPLICATION_CONTROLLERS,
    resources.REPLICA_SETS,
    resources.STATEFUL_SETS,
)


class _NoScale(Exception):
    """An owner that nobody can tell the scale of. The text says why."""


class DisruptionController(Controller):
    name: ClassVar[str] = "disruption-controller"
    component: ClassVar[str] = "controllermanager"

    def setup(self) -> None:
        self.budgets = self.informer(POD_DISRUPTION_BUDGETS)
        self.pods = self.informer(PODS)
        self.members = BudgetPods(self.pods)
        self.deployments = self.informer(resources.DEPLOYMENTS)
        self.owners = {row: self.informer(row) for row in _READ_DIRECTLY}
        self.budgets.on_change(self._budget_changed)
        self.pods.on_change(self._pod_changed)
        for informer in (self.deployments, *self.owners.values()):
            informer.on_change(self._owner_changed)

    def _budget_changed(self, old: Obj | None, new: Obj | None) -> None:
        self.members.budget_changed(old, new)
        if new is not None:
            self.queue.add(key_of(new))

    def _pod_changed(self, old: Obj | None, new: Obj | None) -> None:
        if new is not None and plan.stale_after(new, self.clock.time()) is not None:
            self.queue.add(_POD + key_of(new))
        was, now = self.members.pod_changed(old, new)
        for key in (*was, *now):
            self.queue.add(key)
        several = was if new is None else now
        if len(several) > 1:
            self.spawn(self._warn(new or old or {}, split_key(several[0])[1]))

    async def _warn(self, pod: Obj, budget: str) -> None:
        """A pod with several budgets cannot be evicted."""
        meta = pod["metadata"]
        text = (
            f'Pod "{meta["namespace"]}"/"{meta["name"]}" matches multiple PodDisruptionBudgets.  '
            f'Chose "{budget}" arbitrarily.'
        )
        await self.recorder.event(pod, "Warning", "MultiplePodDisruptionBudgets", text)

    def _owner_changed(self, old: Obj | None, new: Obj | None) -> None:
        if old is None or new is None or not len(self.budgets):
            return
        if old["spec"].get("replicas") != new["spec"].get("replicas"):
            for budget in self.budgets.list(new["metadata"]["namespace"]):
                if plan.needs_scale(budget):
                    self.queue.add_after(key_of(budget), _LATE, background=True)

    async def reconcile(self, key: str) -> Result | None:
        if key.startswith(_POD):
            return await self._unmark(*split_key(key.removeprefix(_POD)))
        namespace, name = split_key(key)
        budget = self.budgets.get(namespace, name)
        if budget is None:
            return None
        try:
            return await self._sync(budget)
        except (StatusError, ValueError, _NoScale) as error:
            if isinstance(error, StatusError) and is_conflict(error):
                raise
            await self._write(budget, plan.failure(budget, str(error), self.clock.time()))
            if isinstance(error, StatusError) and error.code >= 500:
                raise  # It may pass, and nobody else would bring the budget back.
            return None

    async def _sync(self, budget: Obj) -> Result | None:
        namespace = budget["metadata"]["namespace"]
        members = self.members.of(budget)
        if not len(members):
            await self.recorder.event(budget, "Normal", "NoPods", "No matching pods found")
        count = len(members)
        if plan.needs_scale(budget):
            try:
                count = await self._scale(budget, members)
            except (StatusError, _NoScale) as error:
                text = f"Failed to calculate the number of expected pods: {error}"
                reason = "CalculateExpectedPodCountFailed"
                await self.recorder.event(budget, "Warning", reason, text)
                raise
        now = self.clock.time()
        evicted = plan.disrupted(budget, members, now)
        for name in evicted.failed:
            pod = self.pods.get(namespace, name)
            assert pod is not None
            text = f"Pod was expected by PDB {namespace}/{namespace} to be deleted but it wasn't"
            await self.recorder.event(pod, "Warning", "NotDeleted", text)
        status = plan.status(budget, count=count, members=members, pending=evicted.pending, now=now)
        if status is not None:
            await self._write(budget, status)
        return None if evicted.recheck is None else Result(after=evicted.recheck)

    async def _write(self, budget: Obj, status: Obj) -> None:
        if status == budget.get("status"):
            return
        changed = {**budget, "status": status}
        try:
            await self.client.update(POD_DISRUPTION_BUDGETS, changed, subresource="status")
        except StatusError as error:
            if not is_not_found(error):
                raise

    async def _scale(self, budget: Obj, members: Members) -> int:
        """How many pods their owners want together."""
        scales: dict[str, int] = {}
        unmanaged = False
        namespace = budget["metadata"]["namespace"]
        for pod in list(members.firsts()):
            ref = pod.controller
            if ref is None:
                unmanaged = True
            elif ref["uid"] not in scales:
                uid, scale = await self._scale_of(ref, namespace, pod.name)
                scales[uid] = scale
                scales.setdefault(ref["uid"], 0)
        if unmanaged:
            selector = labels.go_text(budget["spec"].get("selector") or {})
            text = (
                f"Pods selected by this PodDisruptionBudget (selector: {selector}) were found to "
                "be unmanaged. As a result, the status of the PDB cannot be calculated correctly, "
                "which may result in undefined behavior. To account for these pods please set "
                '".spec.minAvailable" field of the PDB to an integer value.'
            )
            await self.recorder.event(budget, "Warning", "UnmanagedPods", text)
        return sum(scales.values())

    async def _scale_of(self, ref: Obj, namespace: str, pod: str) -> tuple[str, int]:
        """The uid and the wanted replicas of what stands behind a pod: of the Deployment behind
        its ReplicaSet, or of whatever has a scale. _NoScale, StatusError."""
        name = ref["name"]
        row = self._row(ref)
        informer = self.owners.get(row)
        owner = informer.get(namespace, name) if informer is not None else None
        if owner is not None and owner["metadata"]["uid"] == ref["uid"]:
            above = controller_of(owner)
            if row is not resources.REPLICA_SETS or above is None or above["kind"] != "Deployment":
                return ref["uid"], owner["spec"].get("replicas", 1)
            deployment = self.deployments.get(namespace, above["name"])
            if deployment is not None and deployment["metadata"]["uid"] == above["uid"]:
                return above["uid"], deployment["spec"].get("replicas", 1)
        if row.subresource("scale") is None:
            raise _NoScale(f"{row.group_resource} does not implement the scale subresource")
        try:
            scale = await self.client.get(row, name, namespace, subresource="scale")
        except StatusError as error:
            if not is_not_found(error):
                raise
        else:
            if scale["metadata"].get("uid") == ref["uid"]:
                return ref["uid"], (scale.get("spec") or {}).get("replicas", 0)
        raise _NoScale(f'found no controllers for pod "{pod}"')

    def _row(self, ref: Obj) -> Resource:
        for row in self.ctx.served():
            if row.api_version == ref["apiVersion"] and row.kind == ref["kind"]:
                return row
        raise _NoScale(f'no matches for kind "{ref["kind"]}" in version "{ref["apiVersion"]}"')

    async def _unmark(self, namespace: str, name: str) -> Result | None:
        """Take back the mark of a pod that was to be evicted and has stayed."""
        pod = self.pods.get(namespace, name)
        left = None if pod is None else plan.stale_after(pod, self.clock.time())
        if pod is None or left is None:
            return None
        if left > 0:
            return Result(after=left)
        condition = {
            "type": "DisruptionTarget",
            "status": "False",
            "lastTransitionTime": self.clock.rfc3339(),
        }
        metadata = {"resourceVersion": pod["metadata"]["resourceVersion"]}
        patch = {"metadata": metadata, "status": {"conditions": [condition]}}
        await self.client.patch(PODS, name, patch, namespace, subresource="status")
        return None
