"""Random days in the life of a set: kubelets, users and garbage collectors act between the syncs.

The world is a small model of the API: objects in dictionaries, no clock but a number. After every
sync the promises of a StatefulSet are checked, and in the end, when everybody behaves, the set must
come to rest with exactly the pods that it should have.
"""

import itertools
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from miniplane.api.models.statefulset import StatefulSet, StatefulSetStatus
from miniplane.api.objects import Obj
from miniplane.clock import format_time
from miniplane.controllers import revisions
from miniplane.controllers.pods import is_available
from miniplane.controllers.statefulset.actions import (
    CreatePod,
    DeletePod,
    MakeClaims,
    OwnClaims,
    Plan,
    UpdatePod,
)
from miniplane.controllers.statefulset.claims import ClaimView
from miniplane.controllers.statefulset.identity import with_claims
from miniplane.controllers.statefulset.plan import Revision, plan
from miniplane.controllers.statefulset.replica import Replica

START = 1_767_225_600
SET_UID = "set-uid"


class World:
    def __init__(self, *, policy: str, gate: bool, limit: int, claims: bool, min_ready: int):
        self.now = START
        self.uids = (f"uid-{n}" for n in itertools.count())
        self.pods: dict[str, Obj] = {}
        self.claims: dict[str, Obj] = {}
        self.history: list[Obj] = []
        self.status = StatefulSetStatus()
        self.gate = gate
        self.limit = limit
        self.ordered = policy == "OrderedReady"
        self.generation = 1
        self.spec: Obj = {
            "replicas": 3,
            "serviceName": "web",
            "podManagementPolicy": policy,
            "minReadySeconds": min_ready,
            "selector": {"matchLabels": {"app": "web"}},
            "template": self.template(1),
            "updateStrategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"partition": 0, "maxUnavailable": limit},
            },
            "persistentVolumeClaimRetentionPolicy": {
                "whenDeleted": "Retain",
                "whenScaled": "Retain",
            },
        }
        if claims:
            self.spec["volumeClaimTemplates"] = [{"metadata": {"name": "data"}, "spec": {}}]

    @staticmethod
    def template(version: int) -> Obj:
        return {"metadata": {"labels": {"app": "web"}}, "spec": {"image": f"v{version}"}}

    # What others do.

    def act(self, what: str, number: int) -> None:
        """One thing that happens; `number` picks whom to."""
        if what == "time":
            self.now += number % 7 + 1
        elif what == "kubelets":
            for pod in list(self.pods.values()):
                self.happen_to(pod, "kubelet")
        elif what == "scale":
            self.user(replicas=number % 6)
        elif what == "template":
            self.user(template=self.template(number % 4))
        elif what == "partition":
            rolling = {"partition": number % 4, "maxUnavailable": self.limit}
            self.user(updateStrategy={"type": "RollingUpdate", "rollingUpdate": rolling})
        elif what == "strategy":
            rolling = {"partition": 0, "maxUnavailable": self.limit}
            on_delete: Obj = {"type": "OnDelete"}
            update: Obj = {"type": "RollingUpdate", "rollingUpdate": rolling}
            self.user(updateStrategy=on_delete if number % 2 else update)
        elif what == "start":
            self.user(ordinals={"start": number % 3})
        elif what == "retention":
            policy = {
                "whenDeleted": ("Retain", "Delete")[number % 2],
                "whenScaled": ("Retain", "Delete")[number // 2 % 2],
            }
            self.user(persistentVolumeClaimRetentionPolicy=policy)
        elif what == "lose claim" and self.claims:
            name = sorted(self.claims)[number % len(self.claims)]
            if all(name not in used(pod) for pod in self.pods.values()):
                del self.claims[name]
        elif self.pods:
            pod = self.pods[sorted(self.pods)[number % len(self.pods)]]
            self.happen_to(pod, what)

    def user(self, **spec: Any) -> None:
        self.spec = {**self.spec, **spec}
        self.generation += 1

    def happen_to(self, pod: Obj, what: str) -> None:
        phase, meta = pod["status"]["phase"], pod["metadata"]
        if what == "kubelet":
            if "deletionTimestamp" in meta:
                del self.pods[meta["name"]]
                self.collect()
            elif phase == "Pending":
                pod["status"]["phase"] = "Running"
            elif phase == "Running" and not ready(pod):
                set_ready(pod, self.now)
        elif what == "delete":
            self.delete(meta["name"])
        elif what in ("Failed", "Succeeded"):
            pod["status"] = {"phase": what}
        elif what == "unready":
            pod["status"].pop("conditions", None)
        elif what == "strip label":
            meta["labels"].pop("statefulset.kubernetes.io/pod-name", None)

    def delete(self, name: str) -> None:
        pod = self.pods[name]
        if pod["status"]["phase"] in ("Failed", "Succeeded"):
            del self.pods[name]
            self.collect()
        else:
            pod["metadata"]["deletionTimestamp"] = format_time(self.now)

    def collect(self) -> None:
        """The garbage collector: claims go with the pods that own them."""
        alive = {pod["metadata"]["uid"] for pod in self.pods.values()} | {SET_UID}
        for name, claim in list(self.claims.items()):
            refs = claim["metadata"].get("ownerReferences", [])
            if refs and not any(ref["uid"] in alive for ref in refs):
                del self.claims[name]

    # What the controller does.

    def set(self) -> StatefulSet:
        metadata = {
            "name": "web",
            "namespace": "a",
            "uid": SET_UID,
            "generation": self.generation,
        }
        body = {"metadata": metadata, "spec": self.spec, "status": self.status.to_obj()}
        return StatefulSet.of(body)

    def sync(self) -> Plan:
        set_ = self.set()
        what = revisions.plan(self.history, set_.spec.template)
        if isinstance(what, revisions.Create):
            name = f"web-{revisions.digest(what.data)}"
            meta = {"name": name, "creationTimestamp": format_time(self.now)}
            update: Obj = {"metadata": meta, "data": what.data, "revision": what.number}
            self.history.append(update)
        else:
            update = what.revision
            if isinstance(what, revisions.Raise):
                update["revision"] = what.number
        named = (r for r in self.history if r["metadata"]["name"] == self.status.current_revision)
        current = next(named, update)
        done = plan(
            set_,
            [Replica.of(pod) for pod in self.pods.values()],
            {name: ClaimView.of(claim) for name, claim in self.claims.items()},
            current=Revision.of(current),
            update=Revision.of(update),
            now=float(self.now),
            max_unavailable_gate=self.gate,
        )
        self.check(set_, done, update["metadata"]["name"])
        for action in done.actions:
            self.take(action)
        self.status = done.status
        live = [self.status.current_revision, update["metadata"]["name"]]
        live += (revision(pod) for pod in self.pods.values())
        for old in revisions.surplus(self.history, live=live, limit=2):
            self.history.remove(old)
        return done

    def take(self, action: Any) -> None:
        if isinstance(action, CreatePod):
            self.make_claims(action.claims)
            assert action.name not in self.pods, f"{action.name} is there already"
            pod: Obj = {**action.pod, "metadata": {**action.pod["metadata"]}}
            pod["metadata"]["uid"] = next(self.uids)
            pod["metadata"]["labels"] = dict(pod["metadata"]["labels"])
            pod["metadata"]["creationTimestamp"] = format_time(self.now)
            pod["status"] = {"phase": "Pending"}
            self.pods[action.name] = pod
            self.own(action.owning)
        elif isinstance(action, DeletePod):
            assert self.pods[action.name]["metadata"]["uid"] == action.uid
            self.delete(action.name)
        elif isinstance(action, UpdatePod):
            pod = self.pods[action.name]
            pod["metadata"]["labels"].update(action.labels)
            if action.volumes is not None:
                volumes = with_claims(action.volumes, pod["spec"].get("volumes", []))
                pod["spec"] = {**pod["spec"], "volumes": volumes}
            self.make_claims(action.claims)
            self.own(action.owning)
        elif isinstance(action, MakeClaims):
            self.make_claims(action.claims)
        else:
            assert isinstance(action, OwnClaims)
            self.own(action.owning)

    def make_claims(self, claims: Any) -> None:
        for claim in claims:
            name = claim["metadata"]["name"]
            assert name not in self.claims, f"{name} is there already"
            metadata = {**claim["metadata"], "uid": next(self.uids)}
            self.claims[name] = {**claim, "metadata": metadata}

    def own(self, owning: Any) -> None:
        for change in owning:
            metadata = self.claims[change.claim]["metadata"]
            metadata["ownerReferences"] = list(change.owners)

    # What it promises.

    def fine(self, pod: Obj) -> bool:
        return (
            pod["status"]["phase"] == "Running"
            and "deletionTimestamp" not in pod["metadata"]
            and is_available(pod, self.spec["minReadySeconds"], self.now)
        )

    def check(self, set_: StatefulSet, done: Plan, update: str) -> None:
        created = [a for a in done.actions if isinstance(a, CreatePod)]
        deleted = [a for a in done.actions if isinstance(a, DeletePod)]
        wanted = [f"web-{o}" for o in range(set_.start, set_.end)]
        finished = [name for name, pod in self.pods.items() if terminal(pod)]
        updates = [a for a in deleted if a.name in wanted and a.name not in finished]
        for action in deleted:
            assert "deletionTimestamp" not in self.pods[action.name]["metadata"]
        assert len({a.name for a in done.actions if isinstance(a, (CreatePod, DeletePod))}) == len(
            created
        ) + len(deleted), "two things at once with one pod"
        assert all(a.name in wanted and a.name not in self.pods for a in created)

        if self.ordered:
            assert len(created) <= 1
            allowed = max(1, self.limit) if self.gate else 1
            assert len(deleted) <= (allowed if updates else 1)
            assert not (created and deleted)
            for action in created:
                below = wanted[: wanted.index(action.name)]
                assert all(n in self.pods and self.fine(self.pods[n]) for n in below)
            for action in deleted:
                if action.name not in wanted:
                    assert all(n in self.pods and self.fine(self.pods[n]) for n in wanted)
                    higher = [n for n in self.pods if ordinal(n) > ordinal(action.name)]
                    assert all(n in wanted for n in higher), "not from the top"

        if updates:
            strategy = set_.spec.update_strategy
            assert strategy.type == "RollingUpdate" and strategy.rolling_update is not None
            floor = set_.start + strategy.rolling_update.partition
            for action in updates:
                assert ordinal(action.name) >= floor, "below the partition"
                assert revision(self.pods[action.name]) != update
            going = {a.name for a in updates}
            bad = [n for n in wanted if n not in self.pods or not self.fine(self.pods[n])]
            fresh = [n for n in going if n not in bad]
            allowed = max(1, self.limit) if self.gate else 1
            if self.ordered or self.gate:
                assert not fresh or len(bad) + len(fresh) <= allowed, "too many unavailable"

        replicas = len(self.pods)
        assert done.status.replicas == replicas
        assert 0 <= done.status.available_replicas <= done.status.ready_replicas <= replicas
        assert 0 <= done.status.current_replicas <= replicas

    def rest(self) -> None:
        """Everybody behaves until nothing happens any more."""
        for _ in range(400):
            quiet = not self.sync().actions and all(map(self.fine, self.pods.values()))
            for pod in list(self.pods.values()):
                self.happen_to(pod, "kubelet")
                if terminal(pod):
                    # Two finished pods that are too many wait for each other: somebody has to help.
                    self.pods.pop(pod["metadata"]["name"], None)
            self.collect()
            self.now += 1
            if quiet:
                break
        else:
            raise AssertionError(f"no rest: {sorted(self.pods)} {self.spec}")
        assert not self.sync().actions
        set_ = self.set()
        assert sorted(self.pods) == sorted(f"web-{o}" for o in range(set_.start, set_.end))
        strategy = set_.spec.update_strategy
        newest = revisions.ordered(self.history)[-1]["metadata"]["name"]
        if strategy.type == "RollingUpdate" and strategy.rolling_update is not None:
            for name, pod in self.pods.items():
                if ordinal(name) >= set_.start + strategy.rolling_update.partition:
                    assert revision(pod) == newest
        for name, pod in self.pods.items():
            assert pod["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"] == name
            for claim in used(pod):
                assert claim in self.claims, f"{claim} of {name} is lost"
        assert self.status.replicas == self.status.available_replicas == set_.spec.replicas
        names = {r["metadata"]["name"] for r in self.history}
        assert {revision(pod) for pod in self.pods.values()} <= names


def ordinal(name: str) -> int:
    return int(name.rpartition("-")[2])


def revision(pod: Obj) -> str:
    return pod["metadata"]["labels"]["controller-revision-hash"]


def terminal(pod: Obj) -> bool:
    return pod["status"]["phase"] in ("Failed", "Succeeded")


def ready(pod: Obj) -> bool:
    return bool(pod["status"].get("conditions"))


def set_ready(pod: Obj, now: int) -> None:
    since = format_time(now)
    pod["status"]["conditions"] = [{"type": "Ready", "status": "True", "lastTransitionTime": since}]


def used(pod: Obj) -> list[str]:
    volumes = pod["spec"].get("volumes", [])
    return [v["persistentVolumeClaim"]["claimName"] for v in volumes]


KUBELET = ["kubelets"] * 5 + ["kubelet"] * 4
RARELY = [
    "time",
    "scale",
    "template",
    "partition",
    "strategy",
    "start",
    "retention",
    "lose claim",
    "delete",
    "Failed",
    "Succeeded",
    "unready",
    "strip label",
]
steps = st.lists(
    st.tuples(st.sampled_from(KUBELET + RARELY), st.integers(0, 11), st.booleans()), max_size=60
)


@settings(max_examples=250, deadline=None)
@given(
    policy=st.sampled_from(["OrderedReady", "Parallel"]),
    gate=st.booleans(),
    limit=st.integers(1, 3),
    claims=st.booleans(),
    min_ready=st.sampled_from([0, 0, 5]),
    rested=st.booleans(),
    steps=steps,
)
def test_promises_hold_and_the_set_comes_to_rest(
    policy: str,
    gate: bool,
    limit: int,
    claims: bool,
    min_ready: int,
    rested: bool,
    steps: list[tuple[str, int, bool]],
) -> None:
    world = World(policy=policy, gate=gate, limit=limit, claims=claims, min_ready=min_ready)
    if rested:
        world.rest()
    for what, number, sync in steps:
        kept = dict(world.claims)
        world.act(what, number)
        if sync:
            world.sync()
        retained = world.spec["persistentVolumeClaimRetentionPolicy"]["whenScaled"] == "Retain"
        if retained and what not in ("lose claim", "retention"):
            owned = {
                name for name, claim in kept.items() if claim["metadata"].get("ownerReferences")
            }
            assert set(kept) - owned <= set(world.claims), "a claim was lost"
    world.rest()
