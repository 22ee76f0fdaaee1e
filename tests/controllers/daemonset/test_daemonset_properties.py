"""Random days in the life of a DaemonSet: nodes and pods come and go between the syncs.

After every sync the promises are checked; in the end, when everybody behaves, every node that suits
has exactly one pod of the present template, and nothing is left to do.
"""

import itertools
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from miniplane.api.models.daemonset import DaemonSet
from miniplane.api.objects import Obj
from miniplane.clock import format_time
from miniplane.controllers.daemonset import podspec, rollout
from miniplane.controllers.daemonset.actions import Plan
from miniplane.controllers.daemonset.backoff import Backoff
from miniplane.controllers.daemonset.placement import NodeView, Placement
from miniplane.controllers.daemonset.plan import by_node, plan
from miniplane.controllers.daemonset.status import status_of
from miniplane.controllers.pods import PodView

START = 1_767_225_600
REF = {
    "apiVersion": "apps/v1",
    "kind": "DaemonSet",
    "name": "agent",
    "uid": "u",
    "controller": True,
}
TAINTS = [
    [],
    [{"key": "busy", "effect": "NoSchedule"}],
    [{"key": "broken", "effect": "NoExecute"}],
]


class World:
    def __init__(self, rolling: Obj, min_ready: int):
        self.now = START
        self.numbers = itertools.count()
        self.nodes: dict[str, Obj] = {}
        self.pods: dict[str, Obj] = {}
        self.backoff = Backoff()
        self.version = 1
        self.generation = 1
        self.spec: Obj = {
            "minReadySeconds": min_ready,
            "selector": {"matchLabels": {"app": "agent"}},
            "template": self.template(1),
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": rolling},
        }
        for name in ("n0", "n1", "n2"):
            self.add_node(name)

    @staticmethod
    def template(version: int) -> Obj:
        spec = {"image": f"v{version}", "nodeSelector": {"pool": "x"}}
        return {"metadata": {"labels": {"app": "agent"}}, "spec": spec}

    def add_node(self, name: str) -> None:
        self.nodes[name] = {"metadata": {"name": name, "labels": {"pool": "x"}}, "spec": {}}

    # What others do.

    def act(self, what: str, number: int) -> None:
        name = f"n{number % 5}"
        if what == "time":
            self.now += number + 1
        elif what == "kubelets":
            for pod in list(self.pods.values()):
                self.happen_to(pod, "kubelet")
        elif what == "template":
            self.version = number % 3
            self.generation += 1
            self.spec = {**self.spec, "template": self.template(self.version)}
        elif what == "strategy":
            self.generation += 1
            strategy = {"type": "OnDelete"} if number % 2 else self.spec["updateStrategy"]
            if number % 2 == 0 and strategy["type"] == "OnDelete":
                strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}}
            self.spec = {**self.spec, "updateStrategy": strategy}
        elif what == "node":
            if name in self.nodes:
                del self.nodes[name]
            else:
                self.add_node(name)
        elif what == "taint" and name in self.nodes:
            self.nodes[name]["spec"] = {"taints": TAINTS[number % 3]}
        elif what == "label" and name in self.nodes:
            self.nodes[name]["metadata"]["labels"] = {"pool": "xy"[number % 2]}
        elif self.pods:
            self.happen_to(self.pods[sorted(self.pods)[number % len(self.pods)]], what)

    def happen_to(self, pod: Obj, what: str) -> None:
        phase, meta = pod["status"]["phase"], pod["metadata"]
        node = PodView.of(pod).node
        if what == "kubelet":
            if "deletionTimestamp" in meta:
                if phase == "Running":
                    pod["status"] = {"phase": "Succeeded"}
                else:
                    del self.pods[meta["name"]]
            elif node not in self.nodes and "nodeName" in pod["spec"]:
                del self.pods[meta["name"]]  # the pod garbage collector
            elif node not in self.nodes:
                return
            elif "nodeName" not in pod["spec"]:
                pod["spec"] = {**pod["spec"], "nodeName": node}
            elif phase == "Pending":
                pod["status"] = {"phase": "Running"}
            elif phase == "Running" and not pod["status"].get("conditions"):
                since = format_time(self.now)
                ready = {"type": "Ready", "status": "True", "lastTransitionTime": since}
                pod["status"]["conditions"] = [ready]
        elif what == "delete":
            self.delete(meta["name"])
        elif what in ("Failed", "Succeeded") and "deletionTimestamp" not in meta:
            pod["status"] = {"phase": what}
        elif what == "unready":
            pod["status"].pop("conditions", None)
        elif what == "twin":
            name = f"agent-{next(self.numbers):04}"
            twin = {"metadata": {**meta, "name": name, "uid": name}}
            self.pods[name] = {**pod, **twin, "status": dict(pod["status"])}

    def delete(self, name: str) -> None:
        pod = self.pods[name]
        if pod["status"]["phase"] != "Running" or "nodeName" not in pod["spec"]:
            del self.pods[name]
        else:
            pod["metadata"]["deletionTimestamp"] = format_time(self.now)

    # What the controller does.

    def views(self) -> tuple[DaemonSet, list[NodeView], list[PodView], Placement]:
        meta = {"name": "agent", "namespace": "a", "uid": "u", "generation": self.generation}
        daemon = DaemonSet.of({"metadata": meta, "spec": self.spec})
        nodes = [NodeView.of(node) for node in self.nodes.values()]
        return (
            daemon,
            nodes,
            [PodView.of(p) for p in self.pods.values()],
            Placement(daemon.spec.template),
        )

    def sync(self) -> Plan:
        daemon, nodes, pods, placement = self.views()
        now = float(self.now)
        done = plan(
            daemon,
            nodes,
            pods,
            placement=placement,
            hash_=f"v{self.version}",
            generation="",
            now=now,
            waits=self.backoff.waits("k", now=now),
        )
        self.check(daemon, nodes, pods, placement, done)
        for node in done.failed_on:
            self.backoff.failed("k", node, now=now)
        maker = podspec.PodMaker(
            "agent",
            daemon.spec.template,
            owner_ref=REF,
            hash_=f"v{self.version}",
            generation="",
        )
        for creation in done.create:
            pod = maker.pod_for(creation.node)
            name = f"agent-{next(self.numbers):04}"
            stamp = format_time(self.now)
            more = {"name": name, "namespace": "a", "uid": name, "creationTimestamp": stamp}
            pod["metadata"] = {**pod["metadata"], **more}
            pod["status"] = {"phase": "Pending"}
            self.pods[name] = pod
        for deletion in done.delete:
            assert self.pods[deletion.name]["metadata"]["uid"] == deletion.uid
            self.delete(deletion.name)
        return done

    # What it promises.

    def check(
        self,
        daemon: DaemonSet,
        nodes: list[NodeView],
        pods: list[PodView],
        placement: Placement,
        done: Plan,
    ) -> None:
        suits = {node.name: placement.of(node) for node in nodes}
        deleted = {deletion.name for deletion in done.delete}
        created = [creation.node for creation in done.create]
        assert len(deleted) == len(done.delete), "a pod is deleted twice"
        assert len(set(created)) == len(created), "two pods for a node at once"
        assert all(suits[name].should_run for name in created)
        surging = rollout.allows_surge(daemon)
        for name in suits:
            active = [
                p
                for p in pods
                if p.node == name and not p.terminating and not p.terminal and p.name not in deleted
            ]
            number = len(active) + (name in created)
            assert number <= (2 if surging else 1), f"{number} pods on {name}"
        desired = [name for name, verdict in suits.items() if verdict.should_run]
        min_ready = daemon.spec.min_ready_seconds
        if surging:
            usable = [p for p in pods if p.available(min_ready, self.now) and not p.terminal]
            for pod in usable:
                if pod.name in deleted and pod.node in desired:
                    others = [p for p in pods if p.node == pod.node and p.name not in deleted]
                    # Of twins the older stays, whatever it is like.
                    assert any(p in usable or p.revision == pod.revision for p in others), (
                        f"{pod.node} loses its available pod"
                    )
        strategy = daemon.spec.update_strategy
        wrong = [
            p
            for p in pods
            if p.name in deleted
            and p.node in desired
            and not p.terminal
            and sum(q.node == p.node and not q.terminating and not q.terminal for q in pods) == 1
        ]
        if not wrong:
            return
        assert strategy.type == "RollingUpdate", "OnDelete replaces nothing"
        assert all(p.revision != f"v{self.version}" for p in wrong)
        limit = max(1, rollout.max_unavailable(daemon, len(desired)))
        fresh = [p for p in wrong if p.available(min_ready, self.now)]
        if fresh:
            assert not surging, "a surging set gives up an available pod"
            there = by_node(p for p in pods if p.name not in deleted and not p.terminating)
            without = [
                name
                for name in desired
                if not any(p.available(min_ready, self.now) for p in there.get(name, ()))
            ]
            assert len(without) <= limit, "too many nodes without an available pod"

    def rest(self) -> None:
        for _ in range(300):
            before = repr((self.pods, self.nodes))
            done = self.sync()
            for pod in list(self.pods.values()):
                self.happen_to(pod, "kubelet")
            self.now += 1
            unchanged = repr((self.pods, self.nodes)) == before
            if unchanged and not done.actions and done.retry_after is None:
                break
        else:
            raise AssertionError(f"no rest: {sorted(self.pods)}")
        daemon, nodes, pods, placement = self.views()
        found = by_node(pods)
        assert set(found) <= set(self.nodes), "pods of nodes that are gone"
        for node in nodes:
            here = found.get(node.name, [])
            verdict = placement.of(node)
            if verdict.should_run:
                assert len(here) == 1 and here[0].ready
                if daemon.spec.update_strategy.type == "RollingUpdate":
                    assert here[0].revision == f"v{self.version}"
            elif not verdict.should_continue:
                assert not here
        status = status_of(
            daemon,
            nodes,
            found,
            placement=placement,
            hash_=f"v{self.version}",
            generation="",
            collisions=0,
            now=float(self.now),
        )
        assert status.number_unavailable == 0
        assert status.desired_number_scheduled == status.number_available


OPERATIONS = (
    ["kubelets"] * 6
    + ["kubelet"] * 3
    + [
        "time",
        "template",
        "strategy",
        "node",
        "taint",
        "label",
        "delete",
        "Failed",
        "Succeeded",
        "unready",
        "twin",
    ]
)
ROLLING: list[Any] = [
    {"maxUnavailable": 1},
    {"maxUnavailable": 2},
    {"maxUnavailable": "50%", "maxSurge": 0},
    {"maxUnavailable": 0, "maxSurge": 1},
    {"maxUnavailable": 0, "maxSurge": "100%"},
]
steps = st.lists(
    st.tuples(st.sampled_from(OPERATIONS), st.integers(0, 11), st.booleans()), max_size=60
)


@settings(max_examples=250, deadline=None)
@given(
    rolling=st.sampled_from(ROLLING),
    min_ready=st.sampled_from([0, 0, 5]),
    rested=st.booleans(),
    steps=steps,
)
def test_promises_hold_and_the_set_comes_to_rest(
    rolling: Obj, min_ready: int, rested: bool, steps: list[tuple[str, int, bool]]
) -> None:
    world = World(rolling, min_ready)
    if rested:
        world.rest()
    for what, number, sync in steps:
        world.act(what, number)
        if sync:
            world.sync()
    world.rest()
