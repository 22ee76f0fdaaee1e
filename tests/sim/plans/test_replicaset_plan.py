"""ReplicaSets and ReplicationControllers by their plan alone, for thousands of steps.

The model does what the controller does around its plan: it looks at copies that come late, waits
until they show what it did itself, adopts, releases, and counts.
"""

from typing import Any

import pytest

from miniplane.api.objects import Obj, controller_of
from miniplane.api.selectors import labels as label_selectors
from miniplane.controllers import pods as podinfo
from miniplane.controllers import scaling
from miniplane.controllers.replicaset import plan as plans
from miniplane.controllers.replicaset.member import DELETION_COST, Member
from miniplane.runtime.expectations import Expectations
from miniplane.testing import objects
from tests.sim.plans.world import Refused, World, active, ready
from tests.sim.steps import Steps

KEY = "default/web"
REF = {"kind": "ReplicaSet", "name": "web", "uid": "set", "controller": True}


class Replicas:
    """A set, its controller, and what it promises."""

    def __init__(self, seed: Any, steps: Steps, kind: str) -> None:
        self.world = world = World(f"{kind}/{seed}", steps, Member.of)
        self.random = world.random
        made = objects.deployment("web", replicas=3, minReadySeconds=self.random.choice((0, 0, 4)))
        if kind == "ReplicationController":
            made["spec"]["selector"] = made["spec"]["selector"]["matchLabels"]
        self.owner: Obj = {**made, "kind": kind, "status": {}}
        self.owner["metadata"].update(uid="set", generation=1)
        selector = label_selectors.from_obj({"matchLabels": {"app": "web"}})
        self.matches = selector.matches
        self.expectations = Expectations(world.clock)
        world.heard = self.heard
        self.unsure = 0
        """Pods that were made although the controller was told that they were not."""
        self.writes = 0

    @property
    def replicas(self) -> int:
        found: int = self.owner["spec"]["replicas"]
        return found

    def heard(self, old: Member | None, new: Member | None) -> None:
        if old is not None and (new is None or new.terminating):
            self.expectations.deletion_observed(KEY, old.uid)
        if old is None and new is not None and new.controller is not None:
            self.expectations.creation_observed(KEY)

    # The controller.

    def sync(self) -> bool:
        """One sync; whether it was all done without a failure."""
        world = self.world
        world.steps.take()
        try:
            found = self.survey()
            if self.expectations.satisfied(KEY):
                what = plans.plan(self.replicas, found.active, now=world.now)
                self.check(what, found)
                self.create(what.create)
                self.delete(what.delete)
            self.write_status(found)
        except Refused:
            return False
        return True

    def survey(self) -> plans.Survey:
        world = self.world
        every = [pod for pod in world.seen.values() if pod.controller is not None]
        found = plans.survey(self.owner, every, matches=self.matches, now=world.now)
        for stranger in found.strangers:
            self.own(stranger.name, stranger.uid, None)
        for pod in list(world.seen.values()):
            orphan = pod.controller is None and not (pod.terminating or pod.terminal)
            if orphan and self.matches(pod.labels) and self.own(pod.name, pod.uid, REF):
                every.append(Member.of(world.pods[pod.name]))
        return plans.survey(self.owner, every, matches=self.matches, now=world.now)

    def own(self, name: str, uid: str, ref: Obj | None) -> bool:
        """Adopt or release a pod; whether it is there."""

        def patch() -> bool:
            there = self.world.pods.get(name)
            if there is None or there["metadata"]["uid"] != uid:
                return False
            pod = self.world.change(name)
            pod["metadata"]["ownerReferences"] = [] if ref is None else [ref]
            self.world.put(pod)
            return True

        return bool(self.world.call(patch))

    def create(self, count: int) -> None:
        self.expectations.expect_creations(KEY, count)
        for batch in scaling.slow_start(count):
            failed = 0
            for _ in batch:
                template = self.owner["spec"]["template"]
                pod = podinfo.from_template(template, owner="web", owner_ref=REF)
                try:
                    self.world.call(lambda pod=pod: self.world.create(pod))
                except Refused as refused:
                    failed += 1
                    self.unsure += refused.done
            if failed:
                self.expectations.creation_failed(KEY, count - batch.stop + failed)
                raise Refused(done=False)

    def delete(self, pods: tuple[Member, ...]) -> None:
        self.expectations.expect_deletions(KEY, [pod.uid for pod in pods])
        failed = False
        for pod in pods:
            there = self.world.pods.get(pod.name)
            try:
                if there is not None:
                    self.world.call(lambda name=pod.name: self.world.delete(name))
                else:
                    self.expectations.deletion_observed(KEY, pod.uid)
            except Refused:
                self.expectations.deletion_observed(KEY, pod.uid)
                failed = True
        if failed:
            raise Refused(done=False)

    def write_status(self, found: plans.Survey) -> None:
        status = plans.status(self.owner, found, failure=None)
        self.check_status(status, found)
        if status != self.owner["status"]:
            self.world.call(lambda: self.owner.update(status=status))
            self.writes += 1

    # What is promised.

    def there(self) -> list[Obj]:
        """The pods that the set really has."""
        pods = self.world.pods.values()
        return [pod for pod in pods if active(pod) and controller_of(pod) is not None]

    def check(self, what: plans.Plan, found: plans.Survey) -> None:
        assert not (what.create and what.delete)
        uids = [pod.uid for pod in what.delete]
        assert len(dict.fromkeys(uids)) == len(uids), "a pod is deleted twice"
        if what.create:
            seen = len(found.active)
            assert seen + what.create == self.replicas
            # Nothing is on its way but what was made unknown to the controller, and orphans.
            extra = len(self.there()) + what.create - self.replicas
            assert extra <= self.unsure + self.returned(), "a pod too many"
        kept = [pod for pod in found.active if pod.uid not in uids]
        assert len(kept) >= self.replicas or not what.delete, "a pod too few is left"
        for gone in what.delete:
            assert not (gone.terminating or gone.terminal)
            worth = self.worth(gone)
            assert all(self.worth(pod) >= worth for pod in kept), "a better pod goes first"

    def returned(self) -> int:
        """How many pods the set has got, or got back, that the controller does not see as such."""
        names = {n for n, pod in self.world.seen.items() if active_view(pod, self.matches)}
        return sum(pod["metadata"]["name"] not in names for pod in self.there())

    def worth(self, pod: Member) -> tuple[bool, bool, bool, int]:
        return pod.bound, pod.phase == "Running", pod.ready, pod.cost

    def check_status(self, status: Obj, found: plans.Survey) -> None:
        seen = found.active
        since = self.world.now - self.owner["spec"]["minReadySeconds"]
        fit = [pod for pod in seen if pod.ready]
        assert status["replicas"] == len(seen)
        assert status.get("readyReplicas", 0) == len(fit)
        lasting = [pod for pod in fit if (pod.ready_since or 0.0) <= since]
        assert status.get("availableReplicas", 0) == len(lasting)
        if found.next_available is not None:
            waits = [(pod.ready_since or 0.0) - since for pod in fit if pod not in lasting]
            assert found.next_available == min(waits)

    # Everybody else.

    def edit(self) -> None:
        world, chance = self.world, self.random.random()
        name = world.pick()
        if chance < 0.08:
            self.owner["spec"]["replicas"] = self.random.choice((0, 1, 2, 3, 3, 4, 6, 9))
            self.owner["metadata"]["generation"] += 1
        elif chance < 0.10:
            world.lose_a_node()
        elif name is not None and chance < 0.16:
            world.delete(name, force=self.random.random() < 0.3)
        elif name is not None and chance < 0.20:
            pod = world.change(name)
            pod["metadata"]["labels"]["app"] = self.random.choice(("web", "stray"))
            world.put(pod)
        elif name is not None and chance < 0.24:
            pod = world.change(name)
            cost = {DELETION_COST: self.random.choice(("-5", "7", "much"))}
            pod["metadata"]["annotations"] = cost
            world.put(pod)
        elif name is not None:
            world.kubelet(name)

    def rest(self) -> None:
        """Nobody does harm any more: before long all is as it should be, and then stays so."""
        world = self.world
        world.weather = 0.0
        # Expectations that will never come true are given up.
        world.clock.advance(400)
        for _ in range(40):
            world.hear()
            self.sync()
            for name in list(world.pods):
                world.kubelet(name, whims=False)
            world.clock.advance(5)
        world.hear()
        writes, taken = self.writes, world.made
        assert self.sync()
        assert not world.news
        assert (self.writes, world.made) == (writes, taken), "it never rests"
        mine = self.there()
        assert len(mine) == self.replicas
        assert all(map(ready, mine))
        for pod in world.pods.values():
            if active(pod):
                stray = pod["metadata"]["labels"]["app"] == "stray"
                assert (controller_of(pod) is None) == stray
        assert self.owner["status"].get("availableReplicas", 0) == self.replicas
        assert self.owner["status"]["observedGeneration"] == self.owner["metadata"]["generation"]


def active_view(pod: Member, matches: Any) -> bool:
    return (
        pod.controller is not None
        and not (pod.terminating or pod.terminal)
        and bool(matches(pod.labels))
    )


@pytest.mark.seeds(2, steps=5_000)
@pytest.mark.parametrize("kind", ["ReplicaSet", "ReplicationController"])
def test_a_set_keeps_its_size(seed: int, steps: Steps, kind: str) -> None:
    sim = Replicas(seed, steps, kind)
    for turn in steps.turns():
        for _ in range(sim.random.randint(0, 6)):
            sim.edit()
        sim.world.hear(sim.random.randint(0, 12))
        sim.sync()
        sim.world.pass_time()
        if turn % 60 == 59:
            sim.rest()
            sim.world.weather, sim.unsure = 0.15, 0
    sim.rest()
