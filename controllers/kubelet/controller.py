"""The kubelets' one loop: takes pods through the table of stages, and keeps nodes alive.

Keys are `namespace/name` for pods, `name` for nodes, and `beat:N` for the heartbeats of every
twentieth node.
"""

from collections.abc import Mapping
from typing import ClassVar

from miniplane.api.errors import StatusError, is_not_found
from miniplane.api.objects import Obj, key_of, split_key
from miniplane.api.options import DeleteOptions
from miniplane.api.resources import (
    CONFIGMAPS,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PODS,
    SECRETS,
)
from miniplane.controllers import pods
from miniplane.controllers.kubelet import (
    addresses,
    admission,
    blockers,
    containers,
    duties,
    ends,
    evictions,
    faults,
    node,
    probes,
    resizing,
    stages,
    steps,
)
from miniplane.controllers.kubelet import status as reports
from miniplane.controllers.kubelet.hearts import BEAT, EVICT, Hearts
from miniplane.controllers.kubelet.machine import Machine
from miniplane.controllers.kubelet.view import NOTHING_HELD, View
from miniplane.runtime.controller import Controller, ControllerContext, Result
from miniplane.runtime.informer import by_node

BY_NODE = "node"
_FAR = 600.0
"""Seconds. What happens to a container later than that is nothing that anybody waits for."""

_KINDS = {
    "configmap": CONFIGMAPS,
    "secret": SECRETS,
    "persistentvolumeclaim": PERSISTENT_VOLUME_CLAIMS,
}


class Kubelet(Controller):
    """All simulated kubelets."""

    name: ClassVar[str] = "kubelet"
    manager: ClassVar[str] = "kubelet"
    keys_per_turn: ClassVar[int] = 16

    def __init__(self, ctx: ControllerContext):
        super().__init__(ctx)
        self.machines: dict[str, Machine] = {}
        self.hearts = Hearts(self)
        self.overflow = addresses.Pool(addresses.OVERFLOW)
        self._written: dict[str, int] = {}
        """By pod: the revision that this controller wrote last, until its informer has it. Up to
        there nothing is news, as each write began with the pod's latest revision."""
        self._since: dict[str, tuple[str, str, float]] = {}
        """By pod: uid, stage, and since when that stage applies. Only stages that take time."""
        self._lives: dict[str, containers.Life] = {}
        """By pod: what is remembered of its containers. Only of pods that end by themselves."""
        self._taken: dict[str, tuple[str, str]] = {}
        """By pod: uid and an address that its status does not show yet."""
        self._needs: dict[str, tuple[tuple[str, str], ...]] = {}
        """By pod: the objects that it lacks, by kind and name."""
        self._blocked: dict[tuple[str, str, str], dict[str, None]] = {}
        """Pods that wait for an object, by its kind, namespace and name."""

    def setup(self) -> None:
        self.pods = self.informer(PODS)
        self.nodes = self.informer(NODES)
        self.pods.add_index(BY_NODE, by_node)
        self.nodes.on_change(self._node_changed)
        self.pods.on_change(self._pod_changed)
        for kind, resource in _KINDS.items():
            self.informer(resource).on_change(self._waker(kind))
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
        address = (pod.get("status") or {}).get("podIP", "")
        _, taken = self._taken.pop(key, ("", ""))
        for each in dict.fromkeys((address, taken)):
            if each:
                machine.release(each)
                self.overflow.release(each)
        self._written.pop(key, None)
        self._since.pop(key, None)
        self._lives.pop(key, None)
        self._unblock(key)
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

    def _waker(self, kind: str):  # type: ignore[no-untyped-def]
        def wake(old: Obj | None, new: Obj | None) -> None:
            if self._blocked:
                meta = (new or old or {})["metadata"]
                for key in self._blocked.get((kind, meta["namespace"], meta["name"]), ()):
                    self.queue.add(key)

        return wake

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
        for pod in self.pods.by_index(BY_NODE, machine.name):
            self.queue.add(key_of(pod))

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
            step = ends.evict(self._view(key, pod, machine), message, notes)
            assert step.status is not None
            pod = await self._write(key, pod, step.status, machine)
            for told in step.events:
                await machine.tell(pod, told)
        return Result(after=evictions.PERIOD, background=True)

    # Pods.

    async def _keep_pod(self, key: str, pod: Obj, machine: Machine) -> Result | None:
        """Take the pod as far as it gets without waiting."""
        while True:
            view = self._view(key, pod, machine)
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
            self._remember(key, view, step)
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

    def _remember(self, key: str, view: View, step: steps.Step) -> None:
        life = self._lives.get(key)
        if life is not None and life.uid == view.uid:
            now = self.clock.time()
            for name, run in step.begins:
                life.begin(name, run, now)
            for name, run in step.ends:
                life.end(name, run, now)
            for name in step.pulls:
                life.pull(name, now)
            for name, (_, at) in step.failed.items():
                life.fail(name, at)
            for name in step.reminds:
                life.remind(name, now)
            if step.unmounted is not None:
                life.mount(step.unmounted, now)
            if step.complained:
                life.complained = step.complained

    def _view(self, key: str, pod: Obj, machine: Machine) -> View:
        now = self.clock.time()
        status = pod.get("status") or {}
        blocker, held = None, NOTHING_HELD
        secrets: tuple[str, ...] = ()
        refusal = None
        if "startTime" not in status:
            refusal = self._refusal(pod, machine)
            if pod["spec"].get("imagePullSecrets"):
                secrets = blockers.missing_pull_secrets(pod, self._lookup(pod))
        elif not pods.is_terminal(pod) and not all(
            reports.state_of(s) == "running" for s in status.get("containerStatuses") or ()
        ):
            lookup = self._lookup(pod)
            if status["phase"] == "Pending":
                blocker = blockers.of_volumes(pod, lookup)
            held = blockers.of_containers(pod, lookup)
        self._await(key, pod, blocker, held)
        asked = faults.of_pod(pod)
        if bad := containers.complaint(pod):
            bad = f"{asked.complaint}; {bad}" if asked.complaint else bad
            asked = faults.Asked(asked.faults, bad)
        ending = containers.behaviours(
            pod, job_duration=self.config.job_duration, faults=asked.faults
        )
        due = duties.NOTHING
        complaint = ""
        if (
            ending
            or blocker is not None
            or held
            or key in self._lives
            or asked is not faults.NOTHING
            or _has_own_time(pod)
        ):
            due, complaint = self._due(key, pod, ending, asked, blocker=blocker, held=held)
        life = self._lives.get(key)
        told = blocker is not None and life is not None and now < sum(life.mounted(blocker))
        return View(
            pod=pod,
            host_ip=machine.host_ip,
            address=lambda: self._address(key, pod, machine),
            has_image=machine.images.__contains__,
            now=self.clock.rfc3339(),
            startup=self.config.pod_startup,
            blocker=blocker,
            blocker_told=told,
            due=due,
            ending=ending,
            faults=asked.faults,
            complaint=complaint,
            held=held,
            missing_secrets=secrets,
            refusal=refusal,
            unfit=lambda: self._unfit(key, pod, machine),
            killed_with=containers.TERMINATED if containers.is_of_job(pod) else 0,
        )

    def _due(
        self,
        key: str,
        pod: Obj,
        ending: Mapping[str, containers.Behaviour],
        asked: faults.Asked,
        *,
        blocker: blockers.Blocker | None,
        held: Mapping[str, blockers.Blocker],
    ) -> tuple[duties.Due, str]:
        """What is due for a pod whose containers do something by themselves, and what is to be
        said of its annotations."""
        status = pod.get("status") or {}
        if "startTime" not in status or pods.is_terminal(pod) or pods.is_terminating(pod):
            return duties.NOTHING, ""
        uid = pod["metadata"]["uid"]
        life = self._lives.get(key)
        if life is None or life.uid != uid:
            life = self._lives[key] = containers.Life(uid, self.clock.time())
        life.learn(asked.faults, self.clock.time())
        complaint = asked.complaint if asked.complaint != life.complained else ""
        if not asked.complaint:
            life.complained = ""
        known = {
            s["name"]: s
            for kind in ("initContainerStatuses", "containerStatuses")
            for s in status.get(kind) or ()
        }
        now = self.clock.time()
        due = duties.due(pod, known, ending, life, now=now, held=held, unmounted=blocker)
        return due, complaint

    def _refusal(self, pod: Obj, machine: Machine) -> admission.Refusal | None:
        """Why the machine does not take a pod that is new to it."""
        if pods.is_terminal(pod) or pods.is_terminating(pod):
            return None
        pressures = machine.fault.pressed(self.clock.time()) if machine.fault.pressures else ()
        if not pressures and admission.is_scheduled(pod):
            return None
        found = self.nodes.get("", machine.name)
        if found is None:
            return None
        others = self._others(pod, machine)
        return admission.refusal(pod, found, others, pressures=pressures)

    def _others(self, pod: Obj, machine: Machine) -> list[Obj]:
        """Those beside a pod that have been taken by its machine and have not ended."""
        return [
            other
            for other in self.pods.by_index(BY_NODE, machine.name)
            if "startTime" in (other.get("status") or {})
            and not pods.is_terminal(other)
            and other["metadata"]["uid"] != pod["metadata"]["uid"]
        ]

    def _unfit(self, key: str, pod: Obj, machine: Machine) -> admission.Refusal | None:
        """Why a pod cannot have the resources that it asks for now. If that may change, it will be
        looked at again when another pod of the machine ends or shrinks."""
        found = self.nodes.get("", machine.name)
        refusal = resizing.unfit(pod, found, self._others(pod, machine)) if found else None
        if refusal is not None and refusal.reason == resizing.DEFERRED:
            machine.deferred[key] = None
        return refusal

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

    def _address(self, key: str, pod: Obj, machine: Machine) -> str:
        if pod["spec"].get("hostNetwork"):
            return machine.host_ip
        if shown := (pod.get("status") or {}).get("podIP"):
            return shown
        uid = pod["metadata"]["uid"]
        taken = self._taken.get(key)
        if taken is None or taken[0] != uid:
            address = machine.take() or self.overflow.take() or ""
            taken = self._taken[key] = (uid, address)
        return taken[1]

    async def _write(self, key: str, pod: Obj, status: Obj, machine: Machine) -> Obj:
        # A PUT of the revision that was looked at: it fails if somebody has written meanwhile.
        after = await machine.client.update(PODS, {**pod, "status": status}, subresource="status")
        self._written[key] = int(after["metadata"]["resourceVersion"])
        if "podIP" in status:
            self._taken.pop(key, None)
        return after

    async def _remove(self, pod: Obj, machine: Machine) -> None:
        meta = pod["metadata"]
        options = DeleteOptions(grace_period_seconds=0, uid=meta["uid"])
        try:
            await machine.client.delete(PODS, meta["name"], meta["namespace"], options=options)
        except StatusError as error:
            if not is_not_found(error):
                raise

    def _lookup(self, pod: Obj) -> blockers.Lookup:
        namespace = pod["metadata"]["namespace"]
        return lambda kind, name: self.informer(_KINDS[kind]).get(namespace, name)

    def _await(
        self,
        key: str,
        pod: Obj,
        blocker: blockers.Blocker | None,
        held: Mapping[str, blockers.Blocker],
    ) -> None:
        """Have the pod looked at again when something comes that it lacks, or changes."""
        needs = blocker.needs if blocker is not None else ()
        for each in held.values():
            needs += each.needs
        if needs == self._needs.get(key, ()):
            return
        self._unblock(key)
        if needs:
            self._needs[key] = needs
        namespace = pod["metadata"]["namespace"]
        for kind, name in needs:
            self._blocked.setdefault((kind, namespace, name), {})[key] = None

    def _unblock(self, key: str) -> None:
        namespace, _ = split_key(key)
        for kind, name in self._needs.pop(key, ()):
            waiting = self._blocked.get((kind, namespace, name), {})
            waiting.pop(key, None)
            if not waiting:
                self._blocked.pop((kind, namespace, name), None)


def _may_make_room(old: Obj | None, new: Obj | None) -> bool:
    """Whether other pods may have more resources since a pod has changed."""
    if old is None or new is None:
        return old is not None
    if pods.is_terminal(new):
        return not pods.is_terminal(old)
    return old["metadata"].get("generation") != new["metadata"].get("generation")


def _has_own_time(pod: Obj) -> bool:
    """Whether something happens to the pod at a certain time: its deadline, or a probe that does
    not succeed at once."""
    spec = pod["spec"]
    if "activeDeadlineSeconds" in spec:
        return True
    return any(
        probes.take_time(c) for c in (*(spec.get("initContainers") or ()), *spec["containers"])
    )
