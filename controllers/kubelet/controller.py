"""The kubelets' one loop: takes pods through the table of stages, and keeps nodes alive.

Keys are `namespace/name` for pods, `name` for nodes, and `beat:N` for the heartbeats of every
twentieth node.
"""

from typing import ClassVar

from miniplane.api.errors import StatusError, is_not_found
from miniplane.api.objects import Obj, key_of, split_key
from miniplane.api.options import DeleteOptions
from miniplane.api.resources import NODES, PODS
from miniplane.controllers import pods
from miniplane.controllers.kubelet import containers, duties, ends, evictions, node, stages
from miniplane.controllers.kubelet.hearts import BEAT, EVICT, Hearts
from miniplane.controllers.kubelet.machine import Machine
from miniplane.controllers.kubelet.view import View
from miniplane.controllers.kubelet.views import Views
from miniplane.runtime.controller import Controller, ControllerContext, Result
from miniplane.runtime.informer import by_node

BY_NODE = "node"
_FAR = 600.0
"""Seconds. What happens to a container later than that is nothing that anybody waits for."""


class Kubelet(Controller):
    """All simulated kubelets."""

    name: ClassVar[str] = "kubelet"
    manager: ClassVar[str] = "kubelet"
    keys_per_turn: ClassVar[int] = 16

    def __init__(self, ctx: ControllerContext):
        super().__init__(ctx)
        self.machines: dict[str, Machine] = {}
        self.hearts = Hearts(self)
        self.views = Views(self)
        self._written: dict[str, int] = {}
        """By pod: the revision that this controller wrote last, until its informer has it. Up to
        there nothing is news, as each write began with the pod's latest revision."""
        self._since: dict[str, tuple[str, str, float]] = {}
        """By pod: uid, stage, and since when that stage applies. Only stages that take time."""

    def setup(self) -> None:
        self.pods = self.informer(PODS)
        self.nodes = self.informer(NODES)
        self.pods.add_index(BY_NODE, by_node)
        self.nodes.on_change(self._node_changed)
        self.pods.on_change(self._pod_changed)
        self.views.needs.setup()
        for name in self.hearts.to_register:
            self.queue.add(name)

    # What happens outside.

    def _pod_changed(self, old: Obj | None, new: Obj | None) -> None:
        pod = new or old
        assert pod is not None
        machine = self.machines.get(pod["spec"].get("nodeName", ""))
        if machine is None:
            return
        key = key_of(pod)
        if machine.deferred and _may_make_room(old, new):
            # Whoever waits still will be noted again.
            for each in list(machine.deferred):
                self.queue.add(each)
            machine.deferred.clear()
        if new is None:
            self._pod_gone(key, pod, machine)
            return
        written = self._written.get(key)
        if written is not None:
            revision = int(new["metadata"]["resourceVersion"])
            if revision >= written:
                del self._written[key]
            if revision <= written:
                return
        self.queue.add(key)

    def _pod_gone(self, key: str, pod: Obj, machine: Machine) -> None:
        self.views.forget(key, pod, machine)
        self._written.pop(key, None)
        self._since.pop(key, None)
        if machine.gone and not self.pods.by_index(BY_NODE, machine.name):
            del self.machines[machine.name]

    def _node_changed(self, old: Obj | None, new: Obj | None) -> None:
        if new is None:
            assert old is not None
            name = old["metadata"]["name"]
            machine = self.machines.get(name)
            if machine is not None:
                # Whatever still runs there is stopped in the usual way when somebody deletes it.
                machine.gone = True
                if not self.pods.by_index(BY_NODE, name):
                    del self.machines[name]
            self.hearts.hosts.release(node.internal_ip(old))
            return
        name = new["metadata"]["name"]
        self.hearts.hosts.claim(node.internal_ip(new))
        if not node.is_simulated(new):
            self.machines.pop(name, None)
            return
        machine = self.machines.get(name)
        if machine is None or machine.gone:
            machine = self.machines[name] = Machine(name, self.ctx)
            self.queue.add(name)
        if machine.see(new):
            for pod in self.pods.by_index(BY_NODE, name):
                machine.claim((pod.get("status") or {}).get("podIP", ""))
                self.queue.add(key_of(pod))
        changed = self.hearts.look(machine, new)
        machine.healthy = node.is_reported(new, machine.fault.pressed(self.clock.time()))
        if changed or not machine.healthy:
            self.queue.add(name)

    # One key after the other.

    async def reconcile(self, key: str) -> Result | None:
        if key.startswith(BEAT):
            return await self.hearts.beat(int(key.removeprefix(BEAT)))
        if key.startswith(EVICT):
            return await self._evict_one(key.removeprefix(EVICT))
        namespace, name = split_key(key)
        if not namespace:
            return await self.hearts.keep(name)
        pod = self.pods.get(namespace, name)
        if pod is None:
            return None
        machine = self.machines.get(pods.node_name(pod))
        if machine is None or machine.is_out(self.clock.time()):
            return None
        return await self._keep_pod(key, pod, machine)

    def wake(self, machine: Machine) -> None:
        """Have another look at all pods of a machine."""
        for pod in self.pods_of(machine):
            self.queue.add(key_of(pod))

    def pods_of(self, machine: Machine) -> list[Obj]:
        """The pods that are bound to a machine."""
        return self.pods.by_index(BY_NODE, machine.name)

    async def _evict_one(self, name: str) -> Result | None:
        """Evict the pod that a machine can do without most, as long as it is short of something."""
        machine, found = self.machines.get(name), self.nodes.get("", name)
        now = self.clock.time()
        if machine is None or found is None or machine.is_out(now):
            return None
        pressed = machine.fault.pressed(now)
        pressure = next((p for p in evictions.PRESSURES if p.condition in pressed), None)
        if pressure is None:
            return None
        text = f"Attempting to reclaim {pressure.resource}"
        await self.hearts.tell(machine, "Warning", "EvictionThresholdMet", text)
        pod = evictions.choose(self.pods.by_index(BY_NODE, name), pressure, now=now)
        if pod is not None:
            key = key_of(pod)
            message, notes = evictions.message(pod, pressure, found, now=now)
            step = ends.evict(self.views.make(key, pod, machine), message, notes)
            assert step.status is not None
            pod = await self._write(key, pod, step.status, machine)
            for told in step.events:
                await machine.tell(pod, told)
        return Result(after=evictions.PERIOD, background=True)

    # Pods.

    async def _keep_pod(self, key: str, pod: Obj, machine: Machine) -> Result | None:
        """Take the pod as far as it gets without waiting."""
        while True:
            view = self.views.make(key, pod, machine)
            stage = stages.stage_of(view)
            if stage is None:
                return self._wait(pod, view)
            left = self._time_left(key, view, stage)
            if left > 0:
                return self._wait(pod, view, left)
            step = stage.next(view)
            if step.remove:
                await self._remove(pod, machine)
                return None
            if step.status is not None:
                pod = await self._write(key, pod, step.status, machine)
            self.views.remember(key, view, step)
            for told in step.events:
                await machine.tell(pod, told)
            if stage.final:
                if view.due is duties.NOTHING:
                    return None
                if step.status is None:
                    return self._wait(pod, view)

    def _wait(self, pod: Obj, view: View, left: float | None = None) -> Result | None:
        """Look again in `left` seconds, and when the next thing happens to a container."""
        now = self.clock.time()
        due = view.due
        waits: list[tuple[float, bool]] = [] if left is None else [(left, False)]
        if due.next is not None:
            after = due.next - now
            # What never comes to an end, and what is far off, nobody waits for.
            endless = not containers.is_of_job(pod) and (
                view.spec.get("restartPolicy") != "Never"
                or any("restartPolicy" in c for c in view.spec["containers"])
            )
            waits.append((after, endless or after > _FAR))
        if due.soon is not None:
            waits.append((due.soon - now, due.soon - now > _FAR))
        if due.later is not None:
            waits.append((due.later - now, True))
        if not waits:
            return None
        # There is one timer: as long as anything is worth waiting for, so is what comes before.
        return Result(after=min(waits)[0], background=all(background for _, background in waits))

    def _time_left(self, key: str, view: View, stage: stages.Stage) -> float:
        """How long the stage takes from now on. It began when it was met first."""
        delay = stage.delay(view)
        if delay <= 0:
            self._since.pop(key, None)
            return 0.0
        now = self.clock.time()
        since = self._since.get(key)
        if since is None or since[:2] != (view.uid, stage.name):
            self._since[key] = (view.uid, stage.name, now)
            return delay
        left = since[2] + delay - now
        if left <= 0:
            del self._since[key]
        return left

    async def _write(self, key: str, pod: Obj, status: Obj, machine: Machine) -> Obj:
        # A PUT of the revision that was looked at: it fails if somebody has written meanwhile.
        after = await machine.client.update(PODS, {**pod, "status": status}, subresource="status")
        self._written[key] = int(after["metadata"]["resourceVersion"])
        if "podIP" in status:
            self.views.taken.pop(key, None)
        return after

    async def _remove(self, pod: Obj, machine: Machine) -> None:
        meta = pod["metadata"]
        options = DeleteOptions(grace_period_seconds=0, uid=meta["uid"])
        try:
            await machine.client.delete(PODS, meta["name"], meta["namespace"], options=options)
        except StatusError as error:
            if not is_not_found(error):
                raise


def _may_make_room(old: Obj | None, new: Obj | None) -> bool:
    """Whether other pods may have more resources since a pod has changed."""
    if old is None or new is None:
        return old is not None
    if pods.is_terminal(new):
        return not pods.is_terminal(old)
    return old["metadata"].get("generation") != new["metadata"].get("generation")
