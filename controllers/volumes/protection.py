"""Keeps claims that pods use, and volumes that are bound, from going (storage object in use).

After `pkg/controller/volume/{pvcprotection,pvprotection}`: the finalizer that admission put on goes
when a deleted claim has no pod left, when a deleted volume has no claim left. A pod uses its claims
from when it has a node until it is gone, finished or not.
"""

from collections.abc import Iterator

from miniplane.api import resources
from miniplane.api.objects import Obj, controller_of, is_terminating, key_of, split_key, uid_of
from miniplane.api.resources import Resource
from miniplane.controllers import pods as podinfo
from miniplane.runtime.controller import Controller, Result

CLAIM_FINALIZER = "kubernetes.io/pvc-protection"
VOLUME_FINALIZER = "kubernetes.io/pv-protection"
CLAIMS_OF_PODS = "claims"
"""The index of pods by the claims that they name."""


def claims_of(pod: Obj) -> Iterator[str]:
    """The claims that a pod names, as `namespace/name`. An index function."""
    meta = pod["metadata"]
    for volume in (pod.get("spec") or {}).get("volumes") or ():
        if "persistentVolumeClaim" in volume:
            yield f"{meta['namespace']}/{volume['persistentVolumeClaim']['claimName']}"
        elif "ephemeral" in volume:
            yield f"{meta['namespace']}/{meta['name']}-{volume['name']}"


def uses(pod: Obj, claim: Obj) -> bool:
    """Whether a pod that names a claim uses it now."""
    if not podinfo.node_name(pod):
        return False
    name = claim["metadata"]["name"]
    for volume in pod["spec"].get("volumes") or ():
        if (volume.get("persistentVolumeClaim") or {}).get("claimName") == name:
            return True
        if "ephemeral" in volume and f"{pod['metadata']['name']}-{volume['name']}" == name:
            # Its own claim may go with it once its containers are gone.
            stopped = pod["metadata"].get("deletionGracePeriodSeconds") == 0
            ref = controller_of(claim)
            mine = ref is not None and ref["uid"] == uid_of(pod)
            return mine and not (is_terminating(pod) and stopped)
    return False


class Protection(Controller):
    """Puts a finalizer on objects that live, and takes it off deleted ones that are not in use."""

    resource: Resource
    finalizer: str

    def setup(self) -> None:
        self.objects = self.informer(self.resource)
        self.objects.on_change(self._changed)

    def _changed(self, old: Obj | None, new: Obj | None) -> None:
        if new is not None and self._is_concerned(new):
            self.queue.add(key_of(new))

    def _is_concerned(self, obj: Obj) -> bool:
        """Whether a deleted object has the finalizer, or one that lives lacks it."""
        return is_terminating(obj) == (self.finalizer in (obj["metadata"].get("finalizers") or ()))

    def is_used(self, obj: Obj) -> bool:
        raise AssertionError("subclasses say what use is")

    async def reconcile(self, key: str) -> Result | None:
        obj = self.objects.get(*split_key(key))
        if obj is None or not self._is_concerned(obj):
            return None
        meta = obj["metadata"]
        finalizers = list(meta.get("finalizers") or ())
        if not is_terminating(obj):
            finalizers.append(self.finalizer)
        elif self.is_used(obj):
            return None
        else:
            finalizers.remove(self.finalizer)
        await self.client.update(
            self.resource, {**obj, "metadata": {**meta, "finalizers": finalizers}}
        )
        return None


class ClaimProtection(Protection):
    name = "persistentvolumeclaim-protection-controller"
    resource = resources.PERSISTENT_VOLUME_CLAIMS
    finalizer = CLAIM_FINALIZER

    def setup(self) -> None:
        super().setup()
        self.pods = self.informer(resources.PODS)
        self.pods.add_index(CLAIMS_OF_PODS, claims_of)
        self.pods.on_change(self._pod_changed)

    def _pod_changed(self, old: Obj | None, new: Obj | None) -> None:
        if old is not None and (new is None or is_terminating(new)):
            for key in claims_of(old):
                self.queue.add(key)

    def is_used(self, obj: Obj) -> bool:
        return any(uses(pod, obj) for pod in self.pods.by_index(CLAIMS_OF_PODS, key_of(obj)))


class VolumeProtection(Protection):
    name = "persistentvolume-protection-controller"
    resource = resources.PERSISTENT_VOLUMES
    finalizer = VOLUME_FINALIZER

    def is_used(self, obj: Obj) -> bool:
        return (obj.get("status") or {}).get("phase") == "Bound"
