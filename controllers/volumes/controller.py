"""Binds claims to volumes, provisions volumes, and lets go of released ones."""

from collections.abc import Iterable, Iterator, Sequence

from miniplane.api import errors, resources
from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj, is_terminating, key_of, split_key
from miniplane.api.options import DeleteOptions
from miniplane.controllers import pods as podinfo
from miniplane.controllers.volumes import bodies, plan
from miniplane.controllers.volumes.protection import CLAIMS_OF_PODS, claims_of
from miniplane.runtime.controller import Controller, Result
from miniplane.runtime.events import EventRecorder

RESYNC = 15.0
"""Seconds from one look at a claim that waits to the next, unless something happens before."""
CLAIM = "claim:"
VOLUME = "volume:"
BINDING = "binding"
"""The index of volumes: those that refer to a claim, and the free ones of a class."""
PENDING = "pending"
"""The index of claims that wait, by their class."""
NAMED = "named"
"""The index of claims by the volume that they name."""


def binding_of(volume: Obj) -> Iterator[str]:
    ref = volume["spec"].get("claimRef")
    if ref is None:
        yield f"free:{plan.class_of(volume)}"
    else:
        yield f"{CLAIM}{ref.get('namespace', '')}/{ref.get('name', '')}"


def pending_class_of(claim: Obj) -> Iterator[str]:
    if (claim.get("status") or {}).get("phase") in (None, "Pending"):
        yield plan.class_of(claim)


def named_volume_of(claim: Obj) -> Iterator[str]:
    if name := claim["spec"].get("volumeName"):
        yield name


class VolumeBinder(Controller):
    name = "persistentvolume-binder-controller"
    component = "persistentvolume-controller"

    def setup(self) -> None:
        self.claims = self.informer(resources.PERSISTENT_VOLUME_CLAIMS)
        self.claims.add_index(PENDING, pending_class_of)
        self.claims.add_index(NAMED, named_volume_of)
        self.volumes = self.informer(resources.PERSISTENT_VOLUMES)
        self.volumes.add_index(BINDING, binding_of)
        self.classes = self.informer(resources.STORAGE_CLASSES)
        self.pods = self.informer(resources.PODS)
        self.pods.add_index(CLAIMS_OF_PODS, claims_of)
        self._provisioners: dict[str, EventRecorder] = {}
        """Those in whose names it writes events."""
        self.claims.on_change(self._claim_changed)
        self.volumes.on_change(self._volume_changed)
        self.classes.on_change(self._class_changed)

    # Whose turn it is.

    def _claim_changed(self, old: Obj | None, new: Obj | None) -> None:
        claim = new or old
        assert claim is not None
        self.queue.add(CLAIM + key_of(claim))
        if claim["spec"].get("volumeName"):
            self.queue.add(VOLUME + claim["spec"]["volumeName"])
        if new is None:
            for volume in self.volumes.by_index(BINDING, CLAIM + key_of(claim)):
                self.queue.add(VOLUME + volume["metadata"]["name"])

    def _volume_changed(self, old: Obj | None, new: Obj | None) -> None:
        volume = new or old
        assert volume is not None
        name = volume["metadata"]["name"]
        self.queue.add(VOLUME + name)
        ref = volume["spec"].get("claimRef")
        if ref is not None:
            self.queue.add(f"{CLAIM}{ref.get('namespace', '')}/{ref.get('name', '')}")
        if new is not None and not _refers_to_the_same(old, new):
            # Claims that the volume no longer refers to, or does not yet, find out by the resync.
            for claim in self.claims.by_index(NAMED, name):
                self.queue.add_after(CLAIM + key_of(claim), RESYNC, background=True)
        if new is not None and plan.is_free(new) and not (old is not None and plan.is_free(old)):
            self._retry(plan.class_of(new))

    def _class_changed(self, old: Obj | None, new: Obj | None) -> None:
        self._retry((new or old or {})["metadata"]["name"])
        # It may be the default one now.
        self._retry("")

    def _retry(self, storage_class: str) -> None:
        """Look at the claims of a class again that are waiting. They wait for the resync: nobody
        else tells the real controller that there is something for them now."""
        for claim in self.claims.by_index(PENDING, storage_class):
            self.queue.add_after(CLAIM + key_of(claim), RESYNC)

    async def reconcile(self, key: str) -> Result | None:
        if key.startswith(CLAIM):
            claim = self.claims.get(*split_key(key.removeprefix(CLAIM)))
            if claim is not None and await self._sync_claim(claim):
                return Result(after=RESYNC, background=True)
        else:
            volume = self.volumes.get("", key.removeprefix(VOLUME))
            if volume is not None:
                await self._sync_volume(volume)
        return None

    # Claims.

    async def _sync_claim(self, claim: Obj) -> bool:
        """Do for a claim what can be done now. Whether it waits, and is to be told so again."""
        named = claim["spec"].get("volumeName", "")
        action = self._plan_claim(claim, self.volumes.get("", named))
        if isinstance(action, plan.Lose) and named:
            # Our copy may only be late, as when the volume has just been made.
            action = self._plan_claim(claim, await self._live_volume(named))
        if isinstance(action, plan.Bind):
            await self._bind(claim, action.volume)
        elif isinstance(action, plan.Provision):
            await self._provision(claim, action)
        elif isinstance(action, plan.Assign):
            spec = {**claim["spec"], "storageClassName": action.storage_class}
            await self._update(resources.PERSISTENT_VOLUME_CLAIMS, {**claim, "spec": spec})
        elif isinstance(action, plan.Tell):
            await self.recorder.event(claim, action.type, action.reason, action.message)
            return True
        elif isinstance(action, plan.Lose):
            await self._lose(claim, action)
        return isinstance(action, plan.Provision) and not action.simulated

    def _plan_claim(self, claim: Obj, named: Obj | None) -> plan.ClaimAction:
        return plan.plan_claim(
            claim,
            named=named,
            candidates=lambda: self._candidates(claim),
            storage_class=self.classes.get("", plan.class_of(claim)),
            default_class=plan.default_class(self.classes.list()),
            waiting_pods=lambda: self._waiting_pods(claim),
        )

    def _candidates(self, claim: Obj) -> Iterable[Obj]:
        yield from self.volumes.by_index(BINDING, CLAIM + key_of(claim))
        yield from self.volumes.by_index(BINDING, f"free:{plan.class_of(claim)}")

    def _waiting_pods(self, claim: Obj) -> Sequence[str]:
        return [
            pod["metadata"]["name"]
            for pod in self.pods.by_index(CLAIMS_OF_PODS, key_of(claim))
            if not podinfo.node_name(pod) and not podinfo.is_terminal(pod)
        ]

    async def _bind(self, claim: Obj, volume: Obj) -> None:
        """Volume first, then claim: whatever is interrupted is taken up again from there."""
        changed = bodies.bound_volume(volume, claim)
        if changed is not None:
            volume = await self._update(resources.PERSISTENT_VOLUMES, changed)
        volume = await self._set_phase(volume, "Bound")
        changed = bodies.bound_claim(claim, volume)
        if changed is not None:
            claim = await self._update(resources.PERSISTENT_VOLUME_CLAIMS, changed)
        status = bodies.bound_status(claim, volume)
        if status is not None:
            await self._put_claim_status(claim, status)

    async def _provision(self, claim: Obj, action: plan.Provision) -> None:
        provisioner = action.provisioner
        noted = {
            plan.STORAGE_PROVISIONER: provisioner,
            plan.BETA_STORAGE_PROVISIONER: provisioner,
        }
        changed = bodies.annotated(claim, noted)
        if changed["metadata"]["annotations"] != claim["metadata"].get("annotations"):
            claim = await self._update(resources.PERSISTENT_VOLUME_CLAIMS, changed)
        message = (
            f"Waiting for a volume to be created either by the external provisioner "
            f"'{provisioner}' or manually by the system administrator. If volume creation is "
            "delayed, please verify that the provisioner is running and correctly registered."
        )
        await self.recorder.event(claim, "Normal", "ExternalProvisioning", message)
        if not action.simulated:
            return
        body = bodies.provisioned(claim, action.storage_class, provisioner)
        name = body["metadata"]["name"]
        maker = self._provisioners.get(provisioner)
        if maker is None:
            maker = self._provisioners[provisioner] = self.ctx.recorder(provisioner)
        message = f'External provisioner is provisioning volume for claim "{key_of(claim)}"'
        await maker.event(claim, "Normal", "Provisioning", message)
        try:
            volume = await self.client.create(resources.PERSISTENT_VOLUMES, body)
        except StatusError as error:
            if not errors.is_already_exists(error):
                raise
            volume = await self.client.get(resources.PERSISTENT_VOLUMES, name)
        else:
            message = f"Successfully provisioned volume {name}"
            await maker.event(claim, "Normal", "ProvisioningSucceeded", message)
        await self._bind(claim, volume)

    async def _lose(self, claim: Obj, action: plan.Lose) -> None:
        before = claim.get("status") or {}
        if before.get("phase") == "Lost":
            return
        status = {k: v for k, v in before.items() if k not in ("accessModes", "capacity")}
        await self._put_claim_status(claim, {**status, "phase": "Lost"})
        await self.recorder.event(claim, "Warning", action.reason, action.message)

    # Volumes.

    async def _sync_volume(self, volume: Obj) -> None:
        action = plan.plan_volume(volume, await self._claim_of(volume))
        if isinstance(action, plan.SetPhase):
            await self._set_phase(volume, action.phase)
        elif isinstance(action, plan.Release):
            await self._release(volume)
        elif isinstance(action, plan.Unbind):
            changed = bodies.unbound_volume(volume)
            volume = await self._update(resources.PERSISTENT_VOLUMES, changed)
            await self._set_phase(volume, "Available")
        else:
            ref = volume["spec"]["claimRef"]
            claim = self.claims.get(ref["namespace"], ref["name"])
            if claim is None or plan.same_mode(volume, claim):
                self.queue.add(f"{CLAIM}{ref['namespace']}/{ref['name']}")
            else:
                await self._tell_of_modes(volume, claim)

    async def _claim_of(self, volume: Obj) -> Obj | None:
        """The claim that a volume refers to. The server is asked before it is taken to be gone: a
        volume must not be let go because our copy is late."""
        ref = volume["spec"].get("claimRef") or {}
        if not ref.get("uid"):
            return None
        namespace, name = ref.get("namespace", ""), ref.get("name", "")
        claim = self.claims.get(namespace, name)
        if claim is not None and claim["metadata"]["uid"] == ref["uid"]:
            return claim
        try:
            return await self.client.get(resources.PERSISTENT_VOLUME_CLAIMS, name, namespace)
        except StatusError as error:
            if errors.is_not_found(error):
                return None
            raise

    async def _release(self, volume: Obj) -> None:
        if _phase(volume) not in ("Released", "Failed"):
            volume = await self._set_phase(volume, "Released")
        action = plan.plan_reclaim(volume)
        if isinstance(action, plan.Remove):
            if not is_terminating(volume):
                name = volume["metadata"]["name"]
                options = DeleteOptions(uid=volume["metadata"]["uid"])
                await self.client.delete(resources.PERSISTENT_VOLUMES, name, options=options)
        elif isinstance(action, plan.Recycle):
            await self.recorder.event(volume, "Normal", "VolumeRecycled", "Volume recycled")
            changed = bodies.recycled_volume(volume)
            volume = await self._update(resources.PERSISTENT_VOLUMES, changed)
            await self._set_phase(volume, "Available")
        elif isinstance(action, plan.Fail) and _phase(volume) != "Failed":
            volume = await self._set_phase(volume, "Failed", message=action.message)
            await self.recorder.event(volume, "Warning", action.reason, action.message)

    async def _tell_of_modes(self, volume: Obj, claim: Obj) -> None:
        reason, why = "VolumeMismatch", "due to incompatible volumeMode."
        message = (
            "Cannot bind PersistentVolume to requested PersistentVolumeClaim "
            f'"{claim["metadata"]["name"]}" {why}'
        )
        await self.recorder.event(volume, "Warning", reason, message)
        message = (
            f'Cannot bind PersistentVolume "{volume["metadata"]["name"]}" to requested '
            f"PersistentVolumeClaim {why}"
        )
        await self.recorder.event(claim, "Warning", reason, message)

    # Writes.

    async def _live_volume(self, name: str) -> Obj | None:
        try:
            return await self.client.get(resources.PERSISTENT_VOLUMES, name)
        except StatusError as error:
            if errors.is_not_found(error):
                return None
            raise

    async def _set_phase(self, volume: Obj, phase: str, *, message: str = "") -> Obj:
        """The volume with this phase, which is written if it is new."""
        if _phase(volume) == phase:
            return volume
        status = {**(volume.get("status") or {}), "phase": phase}
        status.pop("message", None)
        if message:
            status["message"] = message
        body = {**volume, "status": status}
        return await self._update(resources.PERSISTENT_VOLUMES, body, subresource="status")

    async def _put_claim_status(self, claim: Obj, status: Obj) -> Obj:
        body = {**claim, "status": status}
        return await self._update(resources.PERSISTENT_VOLUME_CLAIMS, body, subresource="status")

    async def _update(self, row: resources.Resource, body: Obj, *, subresource: str = "") -> Obj:
        return await self.client.update(row, body, subresource=subresource)


def _refers_to_the_same(old: Obj | None, new: Obj) -> bool:
    return old is not None and old["spec"].get("claimRef") == new["spec"].get("claimRef")


def _phase(volume: Obj) -> str:
    return (volume.get("status") or {}).get("phase", "")
