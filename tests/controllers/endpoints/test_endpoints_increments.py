"""From one sync to the next only what has changed is looked at: it comes to the same."""

import dataclasses
import random
from collections.abc import Iterable
from typing import Any

import pytest

from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj, labels_of
from miniplane.api.options import DeleteOptions
from miniplane.api.resources import ENDPOINT_SLICES, ENDPOINTS, NODES, PODS, SERVICES
from miniplane.controllers import grouping
from miniplane.controllers.endpoints import members
from miniplane.controllers.endpoints.controller import ZONE
from miniplane.controllers.endpoints.packing import Packing
from miniplane.controllers.endpoints.slices import MANAGED_BY, MANAGER, SERVICE_NAME
from miniplane.controllers.endpoints.subsets import OVER_CAPACITY, Addresses
from miniplane.controllers.endpoints.targets import Target
from miniplane.testing import objects
from miniplane.testing.harness import Harness, cluster
from tests.controllers.endpoints import plain

CONTROLLERS = "endpoints-controller,endpointslice-controller"
NODE_NAMES = [f"node-{number}" for number in range(4)]
PORTS: list[tuple[tuple[str, str, int], ...]] = [
    (("web", "TCP", 8080),),
    (("web", "TCP", 8081),),
    (("web", "TCP", 8080), ("admin", "TCP", 1)),
    (),
]


class World:
    """A service, its pods and nodes, and the slices that were written for it."""

    def __init__(self, seed: int):
        self.rng = random.Random(seed)
        self.revision = self.made = self.zoning = 0
        self.zones = {name: self.rng.choice(["", "east", "west"]) for name in NODE_NAMES[:3]}
        self.pods: dict[str, Target] = {}
        self.pieces: dict[str, Obj] = {}
        self.changed: members.Changed = {}
        self.service: Obj = {}
        self.change_service()
        for number in range(300):
            self.change_pod(number)

    def change_service(self) -> None:
        ports: list[Obj] = [{"name": "http", "port": 80, "targetPort": "web"}]
        if self.rng.random() < 0.5:
            ports.append({"name": "metrics", "port": 9100})
        if self.rng.random() < 0.1:
            ports = []
        families = self.rng.choice([["IPv4"], ["IPv4", "IPv6"], ["IPv6", "IPv4"], ["IPv6"]])
        self.revision += 1
        self.service = {
            "metadata": {
                "name": "web",
                "namespace": "a",
                "uid": self.rng.choice(["one", "one", "two"]),
                "resourceVersion": str(self.revision),
                "labels": {"team": self.rng.choice("xy")},
            },
            "spec": {
                "clusterIP": self.rng.choice(["None", "10.96.0.7"]),
                "ipFamilies": families,
                "ports": ports,
                "publishNotReadyAddresses": self.rng.random() < 0.2,
                "trafficDistribution": self.rng.choice(["", "PreferSameZone", "PreferSameNode"]),
            },
        }

    def make_target(self, name: str, number: int) -> Target:
        rng = self.rng
        self.revision += 1
        four, six = f"10.244.{number // 256}.{number % 256}", f"fd00::{number:x}"
        return Target(
            namespace="a",
            name=name,
            uid=f"uid-{self.revision}",
            ips=rng.choice([(four,), (four, six), (six,), (four, six)]),
            ready=rng.random() < 0.7,
            terminating=rng.random() < 0.1,
            node=rng.choice(NODE_NAMES),
            hostname=rng.choice(["", name]),
            subdomain=rng.choice(["web", ""]),
            ports=rng.choices(PORTS, weights=[8, 1, 1, 1])[0],
            labels={},
            changed_at="",
        )

    def change_pod(self, number: int) -> None:
        name = f"p{number}"
        target = self.pods.get(name)
        self.changed.setdefault(name, target)
        act = self.rng.random()
        if target is None or act < 0.1:
            self.pods[name] = self.make_target(name, number)
        elif act < 0.4:
            del self.pods[name]
        elif act < 0.7:
            self.pods[name] = dataclasses.replace(target, ready=not target.ready)
        elif act < 0.8:
            self.pods[name] = dataclasses.replace(target, terminating=True)
        elif act < 0.9:
            self.pods[name] = dataclasses.replace(target, labels={"a": "b"}, changed_at="later")

    def change_node(self) -> None:
        name = self.rng.choice(NODE_NAMES)
        self.zoning += 1
        if self.zones.pop(name, None) is None:
            self.zones[name] = self.rng.choice(["", "east", "west"])

    def meddle(self) -> None:
        """Somebody else writes a slice, takes one away, or makes one."""
        rng = self.rng
        if not self.pieces:
            return
        name = rng.choice(list(self.pieces))
        piece = self.pieces[name]
        endpoints = list(piece["endpoints"])
        rng.shuffle(endpoints)
        act = rng.random()
        if act < 0.2:
            del self.pieces[name]
        elif act < 0.4:
            self.put({**piece, "endpoints": endpoints[1:]})
        elif act < 0.6:
            other = rng.choice(list(self.pieces.values()))
            self.put({**piece, "endpoints": [*endpoints, *other["endpoints"][:3]][:100]})
        elif act < 0.7:
            self.put({**piece, "metadata": {**piece["metadata"], "labels": {"team": "z"}}})
        elif act < 0.8:
            self.put({**piece, "ports": []})
        elif act < 0.9:
            self.put({**piece, "metadata": {**piece["metadata"], "ownerReferences": []}})
        else:
            self.made += 1
            self.put({**piece, "metadata": {**piece["metadata"], "name": f"web-{self.made}"}})

    def put(self, piece: Obj) -> None:
        self.pieces[piece["metadata"]["name"]] = dict(piece)

    def write(self, changes: Any) -> None:
        for body in changes.create:
            self.made += 1
            self.put({**body, "metadata": {**body["metadata"], "name": f"web-{self.made}"}})
        for body in changes.update:
            self.put(body)
        for body in changes.delete:
            del self.pieces[body["metadata"]["name"]]

    def step(self) -> None:
        rng = self.rng
        for _ in range(rng.choice([0, 1, 1, 3, 20])):
            self.change_pod(rng.randrange(400))
        if rng.random() < 0.03:
            for number in range(rng.randrange(400)):
                self.change_pod(number)
        if rng.random() < 0.2:
            self.meddle()
        if rng.random() < 0.05:
            self.change_node()
        if rng.random() < 0.05:
            self.change_service()


@pytest.mark.parametrize("seed", range(12))
def test_a_packing_plans_what_a_plain_one_would(seed: int) -> None:
    world = World(seed)
    packing: Packing | None = None
    basis: Any = None
    for number in range(80):
        world.step()
        wanted = world.service["metadata"]["resourceVersion"], world.zoning
        if packing is None or basis != wanted or world.rng.random() < 0.02:
            packing, basis = Packing(world.service, dict(world.pods), dict(world.zones)), wanted
        else:
            packing.update(dict(world.pods), world.changed)
        world.changed = {}
        present = list(world.pieces.values())
        changed_at = world.rng.choice(["", "2026-01-01T00:00:00Z"])
        changes = packing.plan(present, changed_at=changed_at)
        expected = plain.plan(
            world.service,
            world.pods.values(),
            present,
            zones=world.zones,
            changed_at=changed_at,
        )
        assert changes == expected, f"seed {seed}, step {number}"
        # In a namespace on its way out, writes fail without anybody hearing of it.
        if world.rng.random() < 0.95:
            world.write(changes)


def test_of_two_slices_with_the_same_endpoint_the_first_counts() -> None:
    world = World(0)
    world.change_service()
    world.service["spec"].update(ipFamilies=["IPv4"], ports=[{"port": 80}])
    world.pods = {
        name: dataclasses.replace(world.make_target(name, n), ips=(f"10.0.0.{n}",), node="node-0")
        for n, name in ((n, f"p{n:03}") for n in range(150))
    }
    world.zones = {"node-0": ""}
    packing = Packing(world.service, world.pods, world.zones)
    for _ in range(2):
        world.write(packing.plan(list(world.pieces.values()), changed_at=""))
    first, second = world.pieces.values()
    stolen = second["endpoints"][7]
    world.put({**first, "endpoints": [stolen, *first["endpoints"][1:]]})
    present = list(world.pieces.values())
    changes = packing.plan(present, changed_at="")
    (rewritten,) = changes.update
    assert rewritten["metadata"]["name"] == second["metadata"]["name"]
    assert stolen not in rewritten["endpoints"] and first["endpoints"][0] in rewritten["endpoints"]
    targets = world.pods.values()
    assert changes == plain.plan(world.service, targets, present, zones=world.zones, changed_at="")


@pytest.mark.parametrize("capacity", [1_000, 150, 40])
@pytest.mark.parametrize("seed", range(4))
def test_addresses_come_to_what_plain_ones_would(
    seed: int, capacity: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("miniplane.controllers.endpoints.subsets.CAPACITY", capacity)
    world = World(seed)
    addresses: Addresses | None = None
    revision = ""
    present: Obj | None = None
    for number in range(80):
        world.step()
        if addresses is None or revision != world.service["metadata"]["resourceVersion"]:
            addresses = Addresses(world.service, dict(world.pods))
            revision = world.service["metadata"]["resourceVersion"]
        else:
            addresses.update(dict(world.pods), world.changed)
        world.changed = {}
        found, cut = plain.found(world.service, world.pods.values())
        assert addresses.subsets() == (found, cut), f"seed {seed}, step {number}"
        body = addresses.body(present, changed_at="")
        if body is not None:
            assert body["subsets"] == found
            assert (OVER_CAPACITY in body["metadata"]["annotations"]) == cut
            present = body
        assert present is not None and present["subsets"] == found
        assert addresses.body(present, changed_at="") is None


class Sandbox:
    """A service in a cluster, its pods and nodes, and what may happen to them."""

    many = grouping.FEW + 30

    def __init__(self, c: Harness, seed: int):
        self.c = c
        self.client = c.client
        self.rng = random.Random(seed)

    async def set_up(self) -> None:
        for number in range(2):
            await self.client.create(NODES, objects.node(f"n{number}"))
        await self.client.create(SERVICES, objects.service("web", selector={"app": "x"}))
        for number in range(self.many):
            await self.add(number)

    async def add(self, number: int) -> None:
        node = f"n{self.rng.randrange(3)}"
        pod = objects.pod(f"p{number}", labels={"app": "x"}, nodeName=node)
        await self.client.create(PODS, pod)
        await self.tell(number, "False")

    async def remove(self, number: int, grace: int = 0) -> None:
        options = DeleteOptions(grace_period_seconds=grace)
        await self.client.delete(PODS, f"p{number}", "default", options=options)

    async def tell(self, number: int, ready: str) -> None:
        time = f"2026-01-01T00:{self.rng.randrange(60):02}:00Z"
        condition = {"type": "Ready", "status": ready, "lastTransitionTime": time}
        ip = {"podIP": f"10.0.0.{number}", "podIPs": [{"ip": f"10.0.0.{number}"}]}
        status = {"status": {"phase": "Running", **ip, "conditions": [condition]}}
        await self.client.patch(PODS, f"p{number}", status, "default", subresource="status")

    async def act(self) -> None:
        rng, client = self.rng, self.client
        number, chance = rng.randrange(self.many), rng.random()
        try:
            if chance < 0.5:
                await self.tell(number, rng.choice(["True", "False"]))
            elif chance < 0.6:
                await self.remove(number, rng.choice([0, 30]))
            elif chance < 0.75:
                await self.add(number)
            elif chance < 0.8:
                labels = {"metadata": {"labels": {"app": rng.choice("xxy")}}}
                await client.patch(PODS, f"p{number}", labels, "default")
            elif chance < 0.85:
                node = {"metadata": {"labels": {ZONE: rng.choice("ab")}}}
                await client.patch(NODES, f"n{rng.randrange(3)}", node)
            elif chance < 0.9:
                await client.create(NODES, objects.node("n2"))
            elif chance < 0.92:
                selector = {"spec": {"selector": {"app": rng.choice("xxxy")}}}
                await client.patch(SERVICES, "web", selector, "default")
            elif chance < 0.94:
                await client.delete(ENDPOINTS, "web", "default")
            else:
                name = rng.choice(await self.c.list(ENDPOINT_SLICES))["metadata"]["name"]
                if chance < 0.97:
                    await client.delete(ENDPOINT_SLICES, name, "default")
                else:
                    change = {"endpoints": [], "metadata": {"labels": {"a": rng.choice("xy")}}}
                    await client.patch(ENDPOINT_SLICES, name, change, "default")
        except StatusError as error:
            assert error.reason in ("NotFound", "AlreadyExists"), error

    async def check(self, targets: Iterable[Target]) -> None:
        web = await self.client.get(SERVICES, "web", "default")
        nodes = await self.c.list(NODES)
        zones = {n["metadata"]["name"]: labels_of(n).get(ZONE, "") for n in nodes}
        selector = f"{SERVICE_NAME}=web,{MANAGED_BY}={MANAGER}"
        pieces = await self.c.list(ENDPOINT_SLICES, label_selector=selector)
        changes = plain.plan(web, targets, pieces, zones=zones, changed_at="")
        assert (changes.create, changes.update, changes.delete) == ([], [], [])
        endpoints = await self.client.get(ENDPOINTS, "web", "default")
        assert plain.found(web, targets) == (endpoints.get("subsets") or [], False)


@pytest.mark.parametrize("seed", range(4))
async def test_a_cluster_leaves_nothing_for_a_plain_plan_to_do(seed: int) -> None:
    async with cluster(nodes=0, seed=seed, controllers=CONTROLLERS) as c:
        sandbox = Sandbox(c, seed)
        await sandbox.set_up()
        await c.settle()
        pods = members.shared(c.cluster.manager.ctx.informers)
        for _ in range(20):
            for _ in range(sandbox.rng.choice([1, 2, 10])):
                await sandbox.act()
            await c.settle()
            # Zones are looked up at the next sync: a pod that changes brings it.
            await c.client.patch(SERVICES, "web", {"spec": {"selector": {"app": "x"}}}, "default")
            await sandbox.add(sandbox.many)
            await c.settle()
            await sandbox.remove(sandbox.many)
            await c.settle()
            await sandbox.check(pods.of("default/web").values())
