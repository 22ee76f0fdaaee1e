"""What the scheduler writes: bindings, evictions, reserved volumes, conditions and events."""

import logging

from miniplane.api.errors import StatusError, is_not_found
from miniplane.api.objects import Obj, key_of
from miniplane.api.options import DeleteOptions
from miniplane.api.resources import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS
from miniplane.client.protocol import Client
from miniplane.clock import Clock
from miniplane.controllers import pods
from miniplane.controllers.scheduler import messages, volumes
from miniplane.runtime.events import EventRecorder

log = logging.getLogger(__name__)

SCHEDULER_NAME = "default-scheduler"


class Writes:
    """The scheduler's writes. What is only told to people is never raised."""

    def __init__(self, client: Client, recorder: EventRecorder, clock: Clock):
        self._client = client
        self._recorder = recorder
        self._clock = clock

    async def bind(self, pod: Obj, node: str) -> None:
        """Bind the pod to the node. StatusError if that is refused."""
        meta = pod["metadata"]
        namespace, name = meta["namespace"], meta["name"]
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"namespace": namespace, "name": name, "uid": meta["uid"]},
            "target": {"kind": "Node", "name": node},
        }
        await self._client.create(
            PODS, binding, namespace=namespace, name=name, subresource="binding"
        )

    async def tell_bound(self, pod: Obj, node: str) -> None:
        text = f"Successfully assigned {key_of(pod)} to {node}"
        await self._recorder.note(pod, "Normal", "Scheduled", "Binding", text)

    async def explain(self, pod: Obj, text: str) -> None:
        """Tell why the pod goes where it goes, for whoever has asked."""
        note = messages.note(text)
        await self._recorder.note(pod, "Normal", "SchedulingExplained", "Scheduling", note)

    async def reserve(self, volume: Obj, claim: Obj) -> None:
        """Keep a volume for a claim; the binder of volumes does the rest."""
        await self._client.update(PERSISTENT_VOLUMES, volumes.reserved(volume, claim))

    async def ask_for_volume(self, claim: Obj, node: str) -> None:
        """Have a volume made for the claim that can be used on the node."""
        meta = claim["metadata"]
        patch = {
            "metadata": {
                "resourceVersion": meta["resourceVersion"],
                "annotations": {volumes.SELECTED_NODE: node},
            }
        }
        await self._client.patch(PERSISTENT_VOLUME_CLAIMS, meta["name"], patch, meta["namespace"])

    async def evict(self, pod: Obj, preemptor: Obj, node: str) -> None:
        """Delete a pod that is in the way of a more important one, and say why."""
        meta = pod["metadata"]
        condition = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "PreemptionByScheduler",
            "message": f"{SCHEDULER_NAME}: preempting to accommodate a higher priority pod",
            "observedGeneration": meta.get("generation", 0),
            "lastProbeTime": None,
            "lastTransitionTime": self._clock.rfc3339(),
        }
        try:
            await self._patch_status(pod, {"conditions": [condition]})
            await self._client.delete(
                PODS, meta["name"], meta["namespace"], options=DeleteOptions(uid=meta["uid"])
            )
        except StatusError as error:
            if not is_not_found(error):
                raise
            return
        text = f"Preempted by pod {preemptor['metadata']['uid']} on node {node}"
        await self._recorder.note(pod, "Normal", "Preempted", "Preempting", text, related=preemptor)

    async def tell_refused(self, pod: Obj, reason: str, text: str, *, nominated: str) -> None:
        """Write an event, and the PodScheduled condition unless it says this already. `nominated`
        is the node on which room is being made, `""` for none."""
        try:
            await self._recorder.note(
                pod, "Warning", "FailedScheduling", "Scheduling", messages.note(text)
            )
            status: Obj = {}
            was = pods.condition(pod, "PodScheduled") or {}
            said = (was.get("status"), was.get("reason"), was.get("message"))
            if said != ("False", reason, text):
                status["conditions"] = [self._refused(pod, was, reason, text)]
            if nominated != (pod.get("status") or {}).get("nominatedNodeName", ""):
                status["nominatedNodeName"] = nominated or None
            if status:
                await self._patch_status(pod, status)
        except StatusError as error:
            log.debug("%s: not told: %r", key_of(pod), error)

    def _refused(self, pod: Obj, was: Obj, reason: str, text: str) -> Obj:
        since = was.get("lastTransitionTime") if was.get("status") == "False" else None
        return {
            "type": "PodScheduled",
            "status": "False",
            "reason": reason,
            "message": text,
            "observedGeneration": pod["metadata"].get("generation", 0),
            "lastProbeTime": None,
            "lastTransitionTime": since or self._clock.rfc3339(),
        }

    async def _patch_status(self, pod: Obj, status: Obj) -> None:
        meta = pod["metadata"]
        patch = {"metadata": {"uid": meta["uid"]}, "status": status}
        await self._client.patch(PODS, meta["name"], patch, meta["namespace"], subresource="status")
