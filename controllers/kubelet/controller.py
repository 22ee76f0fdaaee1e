"""The kubelets' one loop: takes pods through the table of stages, and keeps nodes alive.

Keys are `namespace/name` for pods, `name` for nodes, and `beat:N` for the heartbeats of every
twentieth node.
"""

from collections.abc import Mapping
from typing import ClassVar

from miniplane.api.errors import StatusError, is_already_exists, is_not_found
from miniplane.api.objects import Obj, key_of, split_key
from miniplane.api.options import DeleteOptions
from miniplane.api.resources import (
    CONFIGMAPS,
    LEASES,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PODS,
    SECRETS,
)
from miniplane.clock import format_time
from miniplane.controllers import pods
from miniplane.controllers.kubelet import addresses, blockers, containers, node, stages
from miniplane.controllers.kubelet.machine import Machine
from miniplane.controllers.kubelet.view import View
from miniplane.runtime.controller import Controller, ControllerContext, Result
from miniplane.runtime.informer import by_node

BY_NODE = "node"
_BEAT = "beat:"
_SHARES = 20
"""Into how many parts the nodes are divided, so that not all of their hearts beat at once, and not
each of them wakes the process."""
_AT_ONCE = 25
"""How many leases are renewed before others get their turn."""
_GOLDEN = 0.6180339887498949
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
        self.hosts = addresses.Pool(addresses.HOSTS, first=3)
        self.overflow = addresses.Pool(addresses.OVERFLOW)
        self._to_register = dict.fromkeys(f"node-{i + 1}" for i in range(self.config.nodes))
        self._shares: dict[int, dict[Machine, None]] = {}
        self._leased = 0
        self._written: dict[str, int] = {}
        """By pod: the revision that this controller wrote last, until its informer has it. Up to
        there nothing is news, as each write began with the pod's latest revision."""
        self._since: dict[str, tuple[str, str, float]] = {}
        """By pod: uid, stage, and since when that stage applies. Only stages that take time."""
        self._lives: dict[str, containers.Life] = {}
        """By pod: what is remembered of its containers. Only of pods that end by themselves."""
        self._taken: dict[str, tuple[str, str]] = {}
        """By pod: uid and an address that its status does not show yet."""
        self._told: dict[str, blockers.Blocker] = {}
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
        for name in self._to_register:
            self.queue.add(name)

    # What happens outside.

    def _pod_changed(self, old: Obj | None, new: Obj | None) -> None:
        pod = new or old
        assert pod is not None
        machine = self.machines.get(pod["spec"].get("nodeName", ""))
        if machine is None:
            return
        key = key_of(pod)
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
            self.hosts.release(node.internal_ip(old))
            return
        name = new["metadata"]["name"]
        self.hosts.claim(node.internal_ip(new))
        if not node.is_simulated(new):
            self.machines.pop(name, None)
            return
        machine = self.machines.get(name)
        if machine is None or machine.gone:
            machine = self.machines[name] = Machine(name)
            self.queue.add(name)
        if machine.see(new):
            for pod in self.pods.by_index(BY_NODE, name):
                machine.claim((pod.get("status") or {}).get("podIP", ""))
                self.queue.add(key_of(pod))
        machine.healthy = node.is_reported(new)
        if not machine.healthy:
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
        if key.startswith(_BEAT):
            return await self._beat(int(key.removeprefix(_BEAT)))
        namespace, name = split_key(key)
        if not namespace:
            return await self._keep_node(name)
        pod = self.pods.get(namespace, name)
        if pod is None:
            return None
        machine = self.machines.get(pods.node_name(pod))
        return await self._keep_pod(key, pod, machine) if machine is not None else None

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
                await self._remove(pod)
                return None
            if stage.name == "block":
                self._block(key, view)
            if step.status is not None:
                pod = await self._write(key, pod, step.status)
            self._remember(key, view, step)
            for told in step.events:
                await machine.tell(self.ctx, self.client, pod, told)
            if stage.final:
                if view.due is containers.NOTHING:
                    return None
                if step.status is None:
                    return self._wait(pod, view)

    def _wait(self, pod: Obj, view: View, left: float | None = None) -> Result | None:
        """Look again in `left` seconds, and when the next thing happens to a container."""
        if view.due.next is None:
            return Result(after=left) if left is not None else None
        after = view.due.next - self.clock.time()
        if left is not None and left <= after:
            return Result(after=left)
        # What never comes to an end, and what is far off, nobody waits for.
        endless = not containers.is_of_job(pod) and view.spec.get("restartPolicy") != "Never"
        return Result(after=after, background=endless or after > _FAR)

    def _remember(self, key: str, view: View, step: stages.Step) -> None:
        life = self._lives.get(key)
        if life is not None and life.uid == view.uid:
            now = self.clock.time()
            for name, run in step.begins:
                life.begin(name, run, now)
            for name, run in step.ends:
                life.end(name, run, now)

    def _view(self, key: str, pod: Obj, machine: Machine) -> View:
        blocker = None
        told = False
        status = pod.get("status") or {}
        if status.get("phase") == "Pending" and "startTime" in status:
            namespace = pod["metadata"]["namespace"]
            blocker = blockers.find(
                pod, lambda kind, name: self.informer(_KINDS[kind]).get(namespace, name)
            )
            told = blocker is not None and self._told.get(key) == blocker
            if blocker is None:
                self._unblock(key)
        ending = containers.behaviours(pod, job_duration=self.config.job_duration)
        due = containers.NOTHING
        if ending or key in self._lives or "activeDeadlineSeconds" in pod["spec"]:
            due = self._due(key, pod, ending)
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
            killed_with=containers.TERMINATED if containers.is_of_job(pod) else 0,
        )

    def _due(
        self, key: str, pod: Obj, ending: Mapping[str, containers.Behaviour]
    ) -> containers.Due:
        """What is due for a pod whose containers end by themselves."""
        status = pod.get("status") or {}
        if "startTime" not in status or pods.is_terminal(pod) or pods.is_terminating(pod):
            return containers.NOTHING
        uid = pod["metadata"]["uid"]
        life = self._lives.get(key)
        if life is None or life.uid != uid:
            life = self._lives[key] = containers.Life(uid)
        known = {
            s["name"]: s
            for kind in ("initContainerStatuses", "containerStatuses")
            for s in status.get(kind) or ()
        }
        return containers.due(pod, known, ending, life, now=self.clock.time())

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

    async def _write(self, key: str, pod: Obj, status: Obj) -> Obj:
        # A PUT of the revision that was looked at: it fails if somebody has written meanwhile.
        after = await self.client.update(PODS, {**pod, "status": status}, subresource="status")
        self._written[key] = int(after["metadata"]["resourceVersion"])
        if "podIP" in status:
            self._taken.pop(key, None)
        return after

    async def _remove(self, pod: Obj) -> None:
        meta = pod["metadata"]
        options = DeleteOptions(grace_period_seconds=0, uid=meta["uid"])
        try:
            await self.client.delete(PODS, meta["name"], meta["namespace"], options=options)
        except StatusError as error:
            if not is_not_found(error):
                raise

    def _block(self, key: str, view: View) -> None:
        assert view.blocker is not None
        self._unblock(key)
        self._told[key] = view.blocker
        namespace = view.pod["metadata"]["namespace"]
        for kind, name in view.blocker.needs:
            self._blocked.setdefault((kind, namespace, name), {})[key] = None

    def _unblock(self, key: str) -> None:
        told = self._told.pop(key, None)
        if told is None:
            return
        namespace, _ = split_key(key)
        for kind, name in told.needs:
            waiting = self._blocked.get((kind, namespace, name), {})
            waiting.pop(key, None)
            if not waiting:
                self._blocked.pop((kind, namespace, name), None)

    # Nodes.

    async def _keep_node(self, name: str) -> Result | None:
        found = self.nodes.get("", name)
        if found is None:
            if name in self._to_register:
                del self._to_register[name]
                await self._register(name)
            return None
        self._to_register.pop(name, None)
        machine = self.machines.get(name)
        if machine is None:
            return None
        if not node.is_reported(found):
            found = await self._report(found)
        if machine.lease is None:
            await self._lease(found, machine)
        if not machine.beating:
            self._join(machine)
            ref = {"kind": "Node", "name": name, "uid": name}
            text = f"Node {name} status is now: NodeReady"
            await machine.recorder(self.ctx, self.client).event(ref, "Normal", "NodeReady", text)
        return None

    async def _register(self, name: str) -> None:
        body = node.registration(
            name,
            address=self.hosts.take() or "",
            now=self.clock.rfc3339(),
            machine_id=self.ids.hex(32),
        )
        try:
            await self.client.create(NODES, body)
        except StatusError as error:
            if not is_already_exists(error):
                self._to_register[name] = None
                raise

    async def _report(self, found: Obj) -> Obj:
        """Write what the kubelet knows of its node: labels once, and the status."""
        meta = found["metadata"]
        name = meta["name"]
        there = meta.get("labels") or {}
        missing = {k: v for k, v in node.labels(name).items() if k not in there}
        if missing:
            patch = {"metadata": {"labels": missing}}
            found = await self.client.patch(NODES, name, patch)
        old = found.get("status") or {}
        info = old.get("nodeInfo") or {}
        status = node.status(
            old,
            name,
            address=node.internal_ip(found) or self.hosts.take() or "",
            now=self.clock.rfc3339(),
            machine_id=info.get("machineID") or self.ids.hex(32),
        )
        return await self.client.update(NODES, {**found, "status": status}, subresource="status")

    async def _lease(self, found: Obj, machine: Machine) -> None:
        lease = node.lease(found, now=self.clock.micro())
        try:
            machine.lease = await self.client.create(LEASES, lease)
        except StatusError as error:
            if not is_already_exists(error):
                raise
            machine.lease = await self.client.get(LEASES, machine.name, node.LEASE_NAMESPACE)
        machine.reported = self.clock.time()

    def _join(self, machine: Machine) -> None:
        """Have the machine's heart beat, with those of its share."""
        machine.beating = True
        self._leased += 1
        number = int(self._leased * _GOLDEN % 1.0 * _SHARES)
        share = self._shares.setdefault(number, {})
        if not share:
            # Evenly over the second half of the first period.
            after = node.RENEW_SECONDS * (1 + number / _SHARES) / 2
            self.queue.add_after(f"{_BEAT}{number}", after, background=True)
        share[machine] = None

    async def _beat(self, number: int) -> Result | None:
        """Renew the leases of a share of the nodes."""
        share = self._shares[number]
        for count, machine in enumerate(list(share), 1):
            if machine.gone or self.machines.get(machine.name) is not machine:
                del share[machine]
                continue
            await self._renew(machine)
            if count % _AT_ONCE == 0:
                await self.clock.sleep(0)
        return Result(after=node.RENEW_SECONDS, background=True) if share else None

    async def _renew(self, machine: Machine) -> None:
        """Renew one lease, and write the node's status when that is due or differs."""
        name = machine.name
        try:
            if machine.lease is None:
                found = self.nodes.get("", name)
                if found is not None:
                    await self._lease(found, machine)
            else:
                renewed = node.renewed(machine.lease, now=self.clock.micro())
                machine.lease = await self.client.update(LEASES, renewed)
            now = self.clock.time()
            if now >= machine.reported + node.REPORT_SECONDS or not machine.healthy:
                found = self.nodes.get("", name)
                if found is not None:
                    await self._report(found)
                    machine.reported = now
        except StatusError as error:
            # Somebody changed or removed it: begin anew, as a kubelet does.
            self.log.debug("heartbeat of %s at %s: %r", name, format_time(self.clock.time()), error)
            machine.lease = None
