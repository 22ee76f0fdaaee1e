"""The plan against a world of ReplicaSets and pods that are moved by chance, from a seed.

The world does what the other controllers and the kubelets do, in no particular order: ReplicaSets
make and remove pods (those that are not available first), pods become available, and now and then
one fails. Meanwhile the Deployment is changed: another template, another size, paused or not.
"""

import random
from typing import Any

import pytest

from miniplane.api.objects import Obj
from miniplane.controllers.deployment import replicasets as sets
from miniplane.controllers.deployment.plan import Annotate, Create, Delete, Plan, Scale, plan
from miniplane.controllers.deployment.status import counts


class World:
    def __init__(self, rng: random.Random, *, strategy: str, surge: Any, unavailable: Any):
        self.rng = rng
        how: Obj = {"type": strategy}
        if strategy == "RollingUpdate":
            how["rollingUpdate"] = {"maxSurge": surge, "maxUnavailable": unavailable}
        self.deployment: Obj = {
            "metadata": {"name": "web", "namespace": "a", "uid": "u", "generation": 1},
            "spec": {
                "replicas": rng.randint(1, 10),
                "revisionHistoryLimit": rng.randint(0, 3),
                "selector": {"matchLabels": {"app": "web"}},
                "strategy": how,
            },
            "status": {},
        }
        self.sets: dict[str, Obj] = {}
        self.pods: dict[str, list[bool]] = {}
        """For each ReplicaSet its pods: whether each is available."""
        self.made = 0
        self.set_image("v0")

    # What people do.

    def set_image(self, image: str) -> None:
        spec = {"containers": [{"name": "main", "image": image}]}
        self.change(template={"metadata": {"labels": {"app": "web"}}, "spec": spec})

    def change(self, **spec: Any) -> None:
        self.deployment["spec"].update(spec)
        self.deployment["metadata"]["generation"] += 1

    # What the others do.

    def count(self, name: str) -> None:
        pods = self.pods[name]
        self.sets[name]["status"] = {
            "replicas": len(pods),
            "availableReplicas": sum(pods),
            "observedGeneration": self.sets[name]["metadata"]["generation"],
        }

    def replicaset_controller(self, name: str) -> None:
        wanted, pods = sets.replicas(self.sets[name]), self.pods[name]
        pods.sort()
        del pods[: max(0, len(pods) - wanted)]
        pods += [False] * (wanted - len(pods))
        self.count(name)

    def kubelet(self, name: str) -> None:
        pods = self.pods[name]
        for index in range(len(pods)):
            if self.rng.random() < 0.4:
                pods[index] = True
        self.count(name)

    def accident(self, name: str) -> None:
        if self.pods[name]:
            self.pods[name][self.rng.randrange(len(self.pods[name]))] = False
        self.count(name)

    # What the controller does.

    def sync(self) -> Plan:
        found = list(self.sets.values())
        new = sets.find_new(self.deployment, found)
        old_pods = any(self.pods[rs["metadata"]["name"]] for rs in found if rs is not new)
        what = plan(self.deployment, found, old_pods=old_pods)
        if isinstance(what.prepare, Create):
            self.make(what.prepare.replica_set)
        elif isinstance(what.prepare, Annotate):
            what.prepare.replica_set["metadata"]["annotations"] = what.prepare.annotations
        for step in what.steps:
            name = step.replica_set["metadata"]["name"]
            if isinstance(step, Delete):
                assert not self.pods[name], "a ReplicaSet with pods is not history"
                del self.sets[name], self.pods[name]
                continue
            rs = self.sets[name]
            rs["metadata"]["generation"] += rs["spec"]["replicas"] != step.to
            rs["spec"]["replicas"] = step.to
            rs["metadata"]["annotations"].update(sets.size_annotations(self.deployment))
        found = list(self.sets.values())
        new = sets.find_new(self.deployment, found)
        self.deployment["status"] = counts(self.deployment, found, new)
        return what

    def make(self, replica_set: Obj) -> None:
        name = replica_set["metadata"]["name"]
        assert name not in self.sets, "a ReplicaSet of this template is there"
        self.made += 1
        stamp = f"2026-01-01T{self.made // 3600:02}:{self.made // 60 % 60:02}:{self.made % 60:02}Z"
        replica_set["metadata"].update(uid=name, generation=1, creationTimestamp=stamp)
        self.sets[name], self.pods[name] = replica_set, []

    # What is asked.

    @property
    def available(self) -> int:
        return sum(map(sum, self.pods.values()))

    @property
    def wanted(self) -> int:
        return sum(map(sets.replicas, self.sets.values()))

    def available_after_removals(self) -> int:
        """What would be left if every ReplicaSet now removed what it has too many."""
        return sum(
            sum(sorted(pods, reverse=True)[: sets.replicas(self.sets[name])])
            for name, pods in self.pods.items()
        )


STRATEGIES = [
    ("RollingUpdate", 1, 0),
    ("RollingUpdate", 0, 1),
    ("RollingUpdate", 1, 1),
    ("RollingUpdate", "25%", "25%"),
    ("RollingUpdate", "100%", "50%"),
    ("RollingUpdate", 3, 2),
    ("RollingUpdate", "1%", "1%"),
]


def check_sync(world: World) -> Plan:
    """One sync of a rolling Deployment, and what must hold of it."""
    surge, unavailable = sets.bounds(world.deployment)
    size = sets.wanted_of(world.deployment)
    before, available = world.wanted, world.available_after_removals()
    what = world.sync()
    assert world.wanted <= max(before, size + surge), "more pods than the surge allows"
    if what.rollout:
        least = min(available, size - unavailable)
        assert world.available_after_removals() >= least, "too many were taken away"
    return what


@pytest.mark.parametrize("strategy", STRATEGIES, ids=str)
@pytest.mark.parametrize("seed", range(25))
def test_a_rolling_update_keeps_its_bounds_and_comes_to_an_end(strategy: Any, seed: int) -> None:
    rng = random.Random(f"{seed}/{strategy}")
    kind, surge, unavailable = strategy
    world = World(rng, strategy=kind, surge=surge, unavailable=unavailable)
    for _ in range(120):
        names = list(world.sets)
        act = rng.random()
        if act < 0.4 or not names:
            check_sync(world)
        elif act < 0.65:
            world.replicaset_controller(rng.choice(names))
        elif act < 0.85:
            world.kubelet(rng.choice(names))
        elif act < 0.9:
            world.accident(rng.choice(names))
        elif act < 0.94:
            world.set_image(f"v{rng.randrange(4)}")
        elif act < 0.97:
            world.change(replicas=rng.randint(0, 10))
        else:
            world.change(paused=rng.random() < 0.5)
    world.change(paused=False)
    settle(world)
    size = sets.wanted_of(world.deployment)
    new = sets.find_new(world.deployment, world.sets.values())
    assert new is not None
    assert {name: len(pods) for name, pods in world.pods.items() if pods} == (
        {new["metadata"]["name"]: size} if size else {}
    )
    assert len(world.sets) - 1 <= world.deployment["spec"]["revisionHistoryLimit"]
    numbers = [sets.revision_of(rs) for rs in world.sets.values()]
    assert sets.revision_of(new) == max(numbers) and len(numbers) == len(dict.fromkeys(numbers))


def settle(world: World) -> None:
    """Let everything that can happen happen, without accidents, until nothing does any more."""
    for _ in range(200):
        before = world.deployment["status"]
        what = check_sync(world)
        for name in list(world.sets):
            world.replicaset_controller(name)
            world.pods[name] = [True] * len(world.pods[name])
            world.count(name)
        idle = what.prepare is None and not what.steps
        # A status that was written brings the Deployment back.
        if idle and before == world.deployment["status"] and counts_are_true(world):
            return
    raise AssertionError("the rollout does not come to an end")


def counts_are_true(world: World) -> bool:
    found = list(world.sets.values())
    new = sets.find_new(world.deployment, found)
    return counts(world.deployment, found, new) == world.deployment["status"]


@pytest.mark.parametrize("seed", range(40))
def test_recreate_never_has_pods_of_two_templates(seed: int) -> None:
    rng = random.Random(seed)
    world = World(rng, strategy="Recreate", surge=0, unavailable=0)
    for _ in range(150):
        names = list(world.sets)
        act = rng.random()
        if act < 0.4 or not names:
            world.sync()
        elif act < 0.7:
            world.replicaset_controller(rng.choice(names))
        elif act < 0.9:
            world.kubelet(rng.choice(names))
        else:
            world.set_image(f"v{rng.randrange(3)}")
        assert sum(bool(pods) for pods in world.pods.values()) <= 1
    for _ in range(50):
        world.sync()
        for name in list(world.sets):
            world.replicaset_controller(name)
    new = sets.find_new(world.deployment, world.sets.values())
    assert new is not None
    assert len(world.pods[new["metadata"]["name"]]) == sets.wanted_of(world.deployment)


@pytest.mark.parametrize("seed", range(40))
def test_scaling_in_a_rollout_spreads_exactly_what_is_allowed(seed: int) -> None:
    rng = random.Random(seed)
    world = World(rng, strategy="RollingUpdate", surge=rng.randint(1, 3), unavailable=0)
    settle(world)
    world.set_image("v1")
    world.sync()
    for name in list(world.sets):
        world.replicaset_controller(name)
    size = rng.randint(1, 40)
    world.change(replicas=size)
    surge, _ = sets.bounds(world.deployment)
    what = world.sync()
    assert not what.rollout or size == world.deployment["spec"]["replicas"]
    assert all(isinstance(step, Scale) for step in what.steps)
    if what.steps and not what.rollout:
        assert world.wanted == size + surge
