"""The hearts of simulated machines: how nodes register, report, renew leases, and fall silent.

A machine that is out of reach (`faults.STOPPED`) does nothing: its lease is not renewed, its pods
stay as they are, those that are being deleted too. Back again, it reports itself ready and takes up
what was asked of it meanwhile.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from miniplane.api import identities
from miniplane.api.errors import StatusError, is_already_exists
from miniplane.api.objects import Obj
from miniplane.api.resources import LEASES, NODES
from miniplane.client.protocol import Client
from miniplane.clock import format_time
from miniplane.controllers.kubelet import addresses, evictions, faults, node
from miniplane.controllers.kubelet.machine import Machine
from miniplane.runtime.controller import Result

if TYPE_CHECKING:
    from miniplane.controllers.kubelet.controller import Kubelet

BEAT = "beat:"
EVICT = "evict:"
_SHARES = 20
"""Into how many parts the nodes are divided, so that not all of their hearts beat at once, and not
each of them wakes the process."""
_AT_ONCE = 25
"""How many leases are renewed before others get their turn."""
_GOLDEN = 0.6180339887498949


class Hearts:
    """What the kubelets' controller does for its nodes."""

    def __init__(self, kubelet: "Kubelet"):
        self._kubelet = kubelet
        self.hosts = addresses.Pool(addresses.HOSTS, first=3)
        count = kubelet.config.nodes
        self.to_register = dict.fromkeys(f"node-{i + 1}" for i in range(count))
        self._shares: dict[int, dict[Machine, None]] = {}
        self._leased = 0
        self._period = kubelet.config.node_lease_duration / node.RENEWALS

    def look(self, machine: Machine, found: Obj) -> bool:
        """Take note of what the machine suffers from. Whether that, or a cordon, calls for
        something."""
        fault = faults.of_node(found)
        if fault == machine.fault:
            return machine.beating and node.is_schedulable(found) != machine.schedulable
        machine.fault = fault
        return True

    async def keep(self, name: str) -> Result | None:
        found = self._kubelet.nodes.get("", name)
        if found is None:
            if name in self.to_register:
                del self.to_register[name]
                await self._register(name)
            return None
        self.to_register.pop(name, None)
        machine = self._kubelet.machines.get(name)
        if machine is None:
            return None
        fault = machine.fault
        if fault.complaint and machine.complained != fault.complaint:
            machine.complained = fault.complaint
            await self.tell(machine, "Warning", "InvalidAnnotation", fault.complaint)
        now = self._kubelet.clock.time()
        changes = fault.changes_at(now)
        later = None if changes is None else Result(after=changes - now, background=True)
        if machine.is_out(now):
            machine.away = True
            return later
        if not node.is_reported(found, fault.pressed(now)):
            before = node.by_type(found)
            found = await self._report(found, machine)
            await self._tell_pressures(machine, before, node.by_type(found))
            silent = before.get("Ready") != "True"
        else:
            silent = False
        if machine.lease is None:
            await self._lease(found, machine)
        if machine.away:
            machine.away = False
            await self._renew(machine)
            if silent:
                await self._tell_ready(machine)
            self._kubelet.wake(machine)
        if not machine.beating:
            self._join(machine)
            await self._tell_ready(machine)
        if machine.schedulable != node.is_schedulable(found):
            machine.schedulable = not machine.schedulable
            reason = "NodeSchedulable" if machine.schedulable else "NodeNotSchedulable"
            text = f"Node {machine.name} status is now: {reason}"
            await self.tell(machine, "Normal", reason, text)
        if fault.pressed(now):
            self._kubelet.queue.add(EVICT + name)
        return later

    async def _tell_pressures(
        self, machine: Machine, before: Mapping[str, str], after: Mapping[str, str]
    ) -> None:
        """Say what the machine is short of now, or not any more."""
        for pressure in evictions.PRESSURES:
            kind = pressure.condition
            if kind in before and before[kind] != after[kind]:
                _, _, reason = evictions.words(kind, pressed=after[kind] == "True")
                text = f"Node {machine.name} status is now: {reason}"
                await self.tell(machine, "Normal", reason, text)

    async def _tell_ready(self, machine: Machine) -> None:
        text = f"Node {machine.name} status is now: NodeReady"
        await self.tell(machine, "Normal", "NodeReady", text)

    async def tell(self, machine: Machine, type: str, reason: str, text: str) -> None:
        """Write an event about the machine's node."""
        ref = {"kind": "Node", "name": machine.name, "uid": machine.name}
        await machine.recorder.event(ref, type, reason, text)

    async def _register(self, name: str) -> None:
        body = node.registration(
            name,
            address=self.hosts.take() or "",
            now=self._kubelet.clock.rfc3339(),
            machine_id=self._kubelet.ids.hex(32),
            more_labels=self._labels(name),
            capacity=self._kubelet.config.node_capacity,
        )
        try:
            await self._client(name).create(NODES, body)
        except StatusError as error:
            if not is_already_exists(error):
                self.to_register[name] = None
                raise

    def _labels(self, name: str) -> dict[str, str]:
        """What the configuration labels one of the first nodes with."""
        config = self._kubelet.config
        labels = dict(config.node_labels)
        if config.node_zones:
            number = int(name.rpartition("-")[2]) - 1
            labels[node.ZONE] = config.node_zones[number % len(config.node_zones)]
        return labels

    def _client(self, name: str) -> Client:
        """Writes as the kubelet of a node that is not there yet."""
        kubelet = self._kubelet
        return kubelet.ctx.client.with_manager(kubelet.manager, user=identities.kubelet(name))

    async def _report(self, found: Obj, machine: Machine) -> Obj:
        """Write what the kubelet knows of its node: labels once, and the status."""
        meta = found["metadata"]
        name = meta["name"]
        there = meta.get("labels") or {}
        missing = {k: v for k, v in node.labels(name).items() if k not in there}
        if missing:
            patch = {"metadata": {"labels": missing}}
            found = await machine.client.patch(NODES, name, patch)
        old = found.get("status") or {}
        info = old.get("nodeInfo") or {}
        status = node.status(
            old,
            name,
            address=node.internal_ip(found) or self.hosts.take() or "",
            now=self._kubelet.clock.rfc3339(),
            machine_id=info.get("machineID") or self._kubelet.ids.hex(32),
            pressed=machine.fault.pressed(self._kubelet.clock.time()),
        )
        return await machine.client.update(NODES, {**found, "status": status}, subresource="status")

    async def _lease(self, found: Obj, machine: Machine) -> None:
        lease = node.lease(
            found,
            seconds=self._kubelet.config.node_lease_duration,
            now=self._kubelet.clock.micro(),
        )
        try:
            machine.lease = await machine.client.create(LEASES, lease)
        except StatusError as error:
            if not is_already_exists(error):
                raise
            machine.lease = await machine.client.get(LEASES, machine.name, node.LEASE_NAMESPACE)
        machine.reported = self._kubelet.clock.time()

    def _join(self, machine: Machine) -> None:
        """Have the machine's heart beat, with those of its share."""
        machine.beating = True
        self._leased += 1
        number = int(self._leased * _GOLDEN % 1.0 * _SHARES)
        share = self._shares.setdefault(number, {})
        if not share:
            # Evenly over the second half of the first period.
            after = self._period * (1 + number / _SHARES) / 2
            self._kubelet.queue.add_after(f"{BEAT}{number}", after, background=True)
        share[machine] = None

    async def beat(self, number: int) -> Result | None:
        """Renew the leases of a share of the nodes."""
        share = self._shares[number]
        for count, machine in enumerate(list(share), 1):
            if machine.gone or self._kubelet.machines.get(machine.name) is not machine:
                del share[machine]
                continue
            if not machine.is_out(self._kubelet.clock.time()):
                await self._renew(machine)
            if count % _AT_ONCE == 0:
                await self._kubelet.clock.sleep(0)
        return Result(after=self._period, background=True) if share else None

    async def _renew(self, machine: Machine) -> None:
        """Renew one lease, and write the node's status when that is due or differs."""
        name = machine.name
        try:
            if machine.lease is None:
                found = self._kubelet.nodes.get("", name)
                if found is not None:
                    await self._lease(found, machine)
            else:
                renewed = node.renewed(machine.lease, now=self._kubelet.clock.micro())
                machine.lease = await machine.client.update(LEASES, renewed)
            now = self._kubelet.clock.time()
            if now >= machine.reported + node.REPORT_SECONDS or not machine.healthy:
                found = self._kubelet.nodes.get("", name)
                if found is not None:
                    await self._report(found, machine)
                    machine.reported = now
        except StatusError as error:
            # Somebody changed or removed it: begin anew, as a kubelet does.
            self._kubelet.log.debug(
                "heartbeat of %s at %s: %r", name, format_time(self._kubelet.clock.time()), error
            )
            machine.lease = None
