"""Claims that ask for more than they have.

The volumes of simulated provisioners grow in two steps, as those of CSI drivers do: first the
volume (`Resizing`), then, when a pod uses it, the file system on it (`FileSystemResizePending`
until then). A block device has none, and is through after the first. Any other volume is left to
whoever made it. After `pkg/controller/volume/expand`, the sidecar `external-resizer`, and
`pkg/volume/util/operationexecutor` for the part of the kubelet.

    asked --grow--> ControllerResizeInProgress --> NodeResizePending --a pod runs--> capacity

The annotation `sim.miniplane.dev/fail: resize` of a claim keeps its volume from growing.
"""

import dataclasses
from collections.abc import Iterator, Sequence

from miniplane.api import quantity, resources
from miniplane.api.objects import Obj, annotations_of, is_terminating, key_of, split_key
from miniplane.controllers import pods as podinfo
from miniplane.controllers.volumes import plan
from miniplane.controllers.volumes.protection import CLAIMS_OF_PODS, claims_of
from miniplane.runtime.controller import Controller, Result
from miniplane.runtime.events import EventRecorder

RESIZING = "Resizing"
PENDING = "FileSystemResizePending"
FAILED = "ControllerResizeError"
FAIL = "sim.miniplane.dev/fail"
STORAGE = "storage"
_IN_PROGRESS = "ControllerResizeInProgress"
_INFEASIBLE = "ControllerResizeInfeasible"
_NODE_PENDING = "NodeResizePending"
_WAITS = "Waiting for user to (re-)start a pod to finish file system resize of volume on node."


@dataclasses.dataclass(frozen=True, slots=True)
class TellOnly:
    """Somebody else has to make the volume grow."""


@dataclasses.dataclass(frozen=True, slots=True)
class Grow:
    """Make the volume grow, beginning with what the claim says of it."""

    status: Obj
    resizer: str


@dataclasses.dataclass(frozen=True, slots=True)
class Fail:
    """The volume cannot grow."""

    status: Obj
    message: str


@dataclasses.dataclass(frozen=True, slots=True)
class Wait:
    """The volume has grown, the file system on it has not."""

    status: Obj


@dataclasses.dataclass(frozen=True, slots=True)
class Finish:
    """All has grown; `pod` uses it, None for a block device."""

    status: Obj
    pod: Obj | None


Action = TellOnly | Grow | Fail | Wait | Finish | None


def plan_expansion(claim: Obj, volume: Obj, users: Sequence[Obj], *, now: str) -> Action:
    """The next step of a bound claim; `users` are the pods that run with it."""
    status = claim.get("status") or {}
    if status.get("phase") != "Bound" or is_terminating(claim):
        return None
    asked = claim["spec"]["resources"]["requests"][STORAGE]
    has = (status.get("capacity") or {}).get(STORAGE, "0")
    if quantity.compare(asked, has) <= 0:
        return None
    resizer = annotations_of(volume).get(plan.PROVISIONED_BY, "")
    if not resizer.startswith(plan.PROVISIONER_DOMAIN):
        return TellOnly()
    state = (status.get("allocatedResourceStatuses") or {}).get(STORAGE, "")
    allocated = (status.get("allocatedResources") or {}).get(STORAGE, "0")
    fails = annotations_of(claim).get(FAIL) == "resize"
    if state == _INFEASIBLE and fails and not quantity.compare(allocated, asked):
        return None
    if state in ("", _INFEASIBLE) or quantity.compare(allocated, asked):
        begun = _told(status, RESIZING, now=now)
        return Grow(
            {
                **begun,
                "allocatedResources": {**(begun.get("allocatedResources") or {}), STORAGE: asked},
                "allocatedResourceStatuses": {STORAGE: _IN_PROGRESS},
            },
            resizer,
        )
    if fails and state == _IN_PROGRESS:
        why = "rpc error: code = OutOfRange desc = the requested size is too large"
        name = volume["metadata"]["name"]
        text = f'resize volume "{name}" by resizer "{resizer}" failed: {why}'
        failed = _told(status, FAILED, now=now, message=text)
        return Fail({**failed, "allocatedResourceStatuses": {STORAGE: _INFEASIBLE}}, text)
    block = claim["spec"].get("volumeMode") == "Block"
    if state == _IN_PROGRESS and not block:
        waiting = _told(status, PENDING, now=now, message=_WAITS)
        return Wait({**waiting, "allocatedResourceStatuses": {STORAGE: _NODE_PENDING}})
    if block or users:
        done = {k: v for k, v in status.items() if k != "allocatedResourceStatuses"}
        done["capacity"] = {**(status.get("capacity") or {}), STORAGE: asked}
        done["conditions"] = _others(status)
        return Finish(done, None if block else users[0])
    return None


def _others(status: Obj) -> list[Obj]:
    conditions = status.get("conditions") or ()
    return [c for c in conditions if c["type"] not in (RESIZING, PENDING, FAILED)]


def _told(status: Obj, kind: str, *, now: str, message: str = "") -> Obj:
    """The status with one of the conditions, and not the others."""
    condition: Obj = {
        "type": kind,
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": now,
    }
    if message:
        condition["message"] = message
    return {**status, "conditions": [*_others(status), condition]}


def users_of(pods: Sequence[Obj]) -> Iterator[Obj]:
    """Those of a claim's pods whose node has mounted it."""
    for pod in pods:
        if (pod.get("status") or {}).get("phase") == "Running" and podinfo.node_name(pod):
            yield pod


class VolumeExpander(Controller):
    name = "persistentvolume-expander-controller"
    component = "volume_expand"

    def setup(self) -> None:
        self.claims = self.informer(resources.PERSISTENT_VOLUME_CLAIMS)
        self.volumes = self.informer(resources.PERSISTENT_VOLUMES)
        self.pods = self.informer(resources.PODS)
        self.pods.add_index(CLAIMS_OF_PODS, claims_of)
        self.claims.on_change(self._claim_changed)
        self.pods.on_change(self._pod_changed)
        self._told: dict[str, str] = {}
        """By claim: the size that somebody else was told to see to."""
        self._others: dict[tuple[str, str], EventRecorder] = {}
        """Those in whose names it writes events, by component and host."""

    def _claim_changed(self, old: Obj | None, new: Obj | None) -> None:
        if new is None:
            assert old is not None
            self._told.pop(key_of(old), None)
        elif _asks_for_more(new):
            self.queue.add(key_of(new))

    def _pod_changed(self, old: Obj | None, new: Obj | None) -> None:
        if new is None or (new.get("status") or {}).get("phase") != "Running":
            return
        for key in claims_of(new):
            claim = self.claims.get(*split_key(key))
            if claim is not None and _asks_for_more(claim):
                self.queue.add(key)

    async def reconcile(self, key: str) -> Result | None:
        claim = self.claims.get(*split_key(key))
        while claim is not None:
            volume = self.volumes.get("", claim["spec"].get("volumeName", ""))
            ref = (volume or {"spec": {}})["spec"].get("claimRef") or {}
            if volume is None or ref.get("uid") != claim["metadata"]["uid"]:
                return None
            claim = await self._step(key, claim, volume)
        return None

    async def _step(self, key: str, claim: Obj, volume: Obj) -> Obj | None:
        """The claim after the next step; None if there is none."""
        users = list(users_of(self.pods.by_index(CLAIMS_OF_PODS, key)))
        action = plan_expansion(claim, volume, users, now=self.clock.rfc3339())
        name = volume["metadata"]["name"]
        if action is None:
            return None
        if isinstance(action, TellOnly):
            size = claim["spec"]["resources"]["requests"][STORAGE]
            if self._told.get(key) != size:
                self._told[key] = size
                await self._tell_of_others(claim)
            return None
        if isinstance(action, Grow):
            await self._tell_of_others(claim)
            claim = await self._put(claim, action.status)
            await self._tell(claim, "Resizing", f"External resizer is resizing volume {name}")
            return claim
        if isinstance(action, Fail):
            claim = await self._put(claim, action.status)
            await self._tell(claim, "VolumeResizeFailed", action.message, type="Warning")
            return None
        if isinstance(action, Wait):
            await self._grow(claim, volume)
            claim = await self._put(claim, action.status)
            text = "Require file system resize of volume on node"
            await self._tell(claim, "FileSystemResizeRequired", text)
            return claim
        if action.pod is None:
            await self._grow(claim, volume)
            claim = await self._put(claim, action.status)
            await self._tell(claim, "VolumeResizeSuccessful", "Resize volume succeeded")
            return claim
        claim = await self._put(claim, action.status)
        node = podinfo.node_name(action.pod)
        text = f'MountVolume.NodeExpandVolume succeeded for volume "{name}" {node}'
        for about in (action.pod, claim):
            kubelet = self._as("kubelet", node)
            await kubelet.event(about, "Normal", "FileSystemResizeSuccessful", text)
        return claim

    async def _grow(self, claim: Obj, volume: Obj) -> None:
        size = claim["spec"]["resources"]["requests"][STORAGE]
        if plan.capacity(volume) < quantity.value(size):
            capacity = {**volume["spec"]["capacity"], STORAGE: size}
            body = {**volume, "spec": {**volume["spec"], "capacity": capacity}}
            await self.client.update(resources.PERSISTENT_VOLUMES, body)

    async def _tell_of_others(self, claim: Obj) -> None:
        text = "waiting for an external controller to expand this PVC"
        await self.recorder.event(claim, "Normal", "ExternalExpanding", text)

    async def _tell(self, claim: Obj, reason: str, message: str, *, type: str = "Normal") -> None:
        provisioner = annotations_of(claim).get(plan.STORAGE_PROVISIONER, "")
        resizer = self._as(f"external-resizer {provisioner}")
        await resizer.event(claim, type, reason, message)

    def _as(self, component: str, host: str = "") -> EventRecorder:
        found = self._others.get((component, host))
        if found is None:
            found = self._others[component, host] = self.ctx.recorder(component, host=host)
        return found

    async def _put(self, claim: Obj, status: Obj) -> Obj:
        body = {**claim, "status": status}
        return await self.client.update(
            resources.PERSISTENT_VOLUME_CLAIMS, body, subresource="status"
        )


def _asks_for_more(claim: Obj) -> bool:
    status = claim.get("status") or {}
    has = (status.get("capacity") or {}).get(STORAGE)
    return has is not None and plan.requested(claim) > quantity.value(has)
