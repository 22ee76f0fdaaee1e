"""Makes the claims of generic ephemeral volumes, which live and die with their pod.

After `pkg/controller/volume/ephemeral`
(https://kubernetes.io/docs/concepts/storage/ephemeral-volumes/#generic-ephemeral-volumes).
"""

from miniplane.api import errors, resources
from miniplane.api.errors import StatusError
from miniplane.api.objects import (
    Obj,
    controller_of,
    is_terminating,
    key_of,
    split_key,
    uid_of,
)
from miniplane.controllers import owners
from miniplane.controllers import pods as podinfo
from miniplane.controllers.volumes.protection import CLAIMS_OF_PODS, claims_of
from miniplane.runtime.controller import Controller, Result


class EphemeralVolumes(Controller):
    name = "ephemeral-volume-controller"
    component = "ephemeral_volume"

    def setup(self) -> None:
        self.pods = self.informer(resources.PODS)
        self.pods.add_index(CLAIMS_OF_PODS, claims_of)
        self.claims = self.informer(resources.PERSISTENT_VOLUME_CLAIMS)
        self.pods.on_change(self._pod_changed)
        self.claims.on_change(self._claim_changed)

    def _pod_changed(self, old: Obj | None, new: Obj | None) -> None:
        if new is None or is_terminating(new):
            return
        if any("ephemeral" in volume for volume in new["spec"].get("volumes") or ()):
            self.queue.add(key_of(new))

    def _claim_changed(self, old: Obj | None, new: Obj | None) -> None:
        """A claim that was deleted while its pod lives is made again."""
        if old is None or new is not None:
            return
        for pod in self.pods.by_index(CLAIMS_OF_PODS, key_of(old)):
            self._pod_changed(None, pod)

    async def reconcile(self, key: str) -> Result | None:
        pod = self.pods.get(*split_key(key))
        if pod is None or is_terminating(pod) or podinfo.is_terminal(pod):
            return None
        for volume in pod["spec"].get("volumes") or ():
            if "ephemeral" in volume:
                await self._see_to(pod, volume)
        return None

    async def _see_to(self, pod: Obj, volume: Obj) -> None:
        namespace = pod["metadata"]["namespace"]
        name = f"{pod['metadata']['name']}-{volume['name']}"
        claim = self.claims.get(namespace, name)
        if claim is None:
            try:
                claim = await self._create(pod, volume, name)
            except StatusError as error:
                if errors.is_namespace_terminating(error):
                    return
                if not errors.is_already_exists(error):
                    await self._complain(pod, volume, f"create PVC {name}: {error.message}")
                    raise
                claim = await self.client.get(resources.PERSISTENT_VOLUME_CLAIMS, name, namespace)
        ref = controller_of(claim)
        if ref is None or ref["uid"] != uid_of(pod):
            # Somebody else's. When it goes, there will be room for ours.
            why = f"was not created for pod {key_of(pod)} (pod is not owner)"
            await self._complain(pod, volume, f"PVC {key_of(claim)} {why}")

    async def _create(self, pod: Obj, volume: Obj, name: str) -> Obj:
        template = volume["ephemeral"]["volumeClaimTemplate"]
        metadata: Obj = {
            "name": name,
            "ownerReferences": [owners.controller_ref(resources.PODS, pod)],
        }
        for field in ("labels", "annotations"):
            if (template.get("metadata") or {}).get(field):
                metadata[field] = template["metadata"][field]
        body = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": metadata,
            "spec": template["spec"],
        }
        return await self.client.create(
            resources.PERSISTENT_VOLUME_CLAIMS, body, namespace=pod["metadata"]["namespace"]
        )

    async def _complain(self, pod: Obj, volume: Obj, why: str) -> None:
        message = f"ephemeral volume {volume['name']}: {why}"
        await self.recorder.event(pod, "Warning", "FailedBinding", message)
