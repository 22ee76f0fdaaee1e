"""What runs where, kept up to date one pod and one node at a time.

A pod counts from the moment the scheduler has decided, before the API server and the informer say
so (kube-scheduler's "assumed" pods): `add_pod` may be called again with the same pod, and the
later call replaces the earlier.

Questions about labels ("how many pods on each node match these terms?") are answered from counts
that are made at the first question and maintained from then on, so that a thousand pods with the
same constraint do not each walk over all the others.
"""

import collections
import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from miniplane.api.objects import Obj, controller_of
from miniplane.controllers.scheduler import demand, disks, terms
from miniplane.controllers.scheduler.demand import CPU, MEMORY, PODS, Demand, HostPort

_QUESTIONS = 256
"""How many questions are kept answered."""

_SPREAD_OWNERS = ("ReplicaSet", "ReplicationController", "StatefulSet")
"""Owners whose pods are spread without being asked (the default topology spread constraints)."""


class PodInfo:
    """What the scheduler remembers of a pod: no reference to the whole object is kept."""

    __slots__ = (
        "anti_affinity",
        "claims",
        "created",
        "demand",
        "disks",
        "generation",
        "inclinations",
        "key",
        "labels",
        "namespace",
        "node",
        "owner",
        "preempted",
        "priority",
        "terminating",
        "uid",
    )

    def __init__(self, pod: Obj, node: str):
        meta, spec = pod["metadata"], pod["spec"]
        self.namespace: str = meta.get("namespace", "")
        self.key = f"{self.namespace}/{meta['name']}"
        self.uid: str = meta.get("uid", "")
        self.labels: dict[str, str] = meta.get("labels") or {}
        self.generation: int = meta.get("generation", 0)
        self.created: str = meta.get("creationTimestamp") or ""
        self.terminating = "deletionTimestamp" in meta
        self.preempted = self.terminating and _is_preempted(pod)
        """Whether it is being deleted to make room."""
        self.node = node
        self.demand: Demand = demand.demand_of(spec)
        self.priority: int = spec.get("priority") or 0
        self.owner = spread_owner(pod)
        self.anti_affinity = terms.required(pod, "podAntiAffinity") if "affinity" in spec else ()
        self.inclinations = terms.inclinations(pod) if "affinity" in spec else ()
        volumes = spec.get("volumes") or ()
        self.claims: tuple[str, ...] = tuple(
            f"{self.namespace}/{volume['persistentVolumeClaim']['claimName']}"
            if "persistentVolumeClaim" in volume
            else f"{self.key}-{volume['name']}"
            for volume in volumes
            if "persistentVolumeClaim" in volume or "ephemeral" in volume
        )
        self.disks: tuple[disks.Disk, ...] = tuple(
            disk for disk in map(disks.disks_of, volumes) if disk is not None
        )

    def same_as(self, pod: Obj) -> bool:
        """Whether nothing that this class looks at has changed."""
        meta = pod["metadata"]
        return (
            meta.get("uid", "") == self.uid
            and meta.get("generation", 0) == self.generation
            and ("deletionTimestamp" in meta) == self.terminating
            and (meta.get("labels") or {}) == self.labels
        )


def _is_preempted(pod: Obj) -> bool:
    """Whether the scheduler has said that it deletes the pod."""
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition["type"] == "DisruptionTarget":
            reason = condition.get("reason")
            return condition["status"] == "True" and reason == "PreemptionByScheduler"
    return False


def spread_owner(pod: Obj) -> str:
    """The uid of the workload whose pods are spread over the nodes, `""` for none."""
    owner = controller_of(pod)
    return owner["uid"] if owner and owner["kind"] in _SPREAD_OWNERS else ""


class NodeInfo:
    """A node and what its pods use of it."""

    __slots__ = (
        "allocatable",
        "assumed_cpu",
        "assumed_memory",
        "cpu",
        "hard_taints",
        "labels",
        "max_pods",
        "memory",
        "name",
        "obj",
        "owners",
        "pods",
        "ports",
        "requested",
        "soft_taints",
        "taint_key",
        "unschedulable",
    )

    def __init__(self, name: str):
        self.name = name
        self.obj: Obj | None = None
        """Name and labels in the form of a Node; None for a node that does not exist."""
        self.labels: dict[str, str] = {}
        self.allocatable: dict[str, int] = {}
        self.max_pods = 0
        self.cpu = 0
        """Allocatable, in thousandths; `memory` in bytes. Both are in `allocatable` too."""
        self.memory = 0
        self.unschedulable = False
        self.hard_taints: list[Obj] = []
        self.soft_taints: list[Obj] = []
        self.taint_key: tuple[Any, ...] = ()
        self.pods: dict[str, PodInfo] = {}
        self.requested: dict[str, int] = {}
        self.assumed_cpu = 0
        self.assumed_memory = 0
        self.ports: dict[HostPort, int] = {}
        self.owners: dict[str, int] = {}

    def set_node(self, node: Obj) -> None:
        self.labels = node["metadata"].get("labels") or {}
        # Selectors ask for no more than this; a whole Node is ten times as big.
        self.obj = {"metadata": {"name": self.name, "labels": self.labels}}
        spec, status = node.get("spec") or {}, node.get("status") or {}
        self.allocatable = demand.amounts(status.get("allocatable"))
        self.max_pods = self.allocatable.pop(PODS, 0)
        self.cpu = self.allocatable.get(CPU, 0)
        self.memory = self.allocatable.get(MEMORY, 0)
        self.unschedulable = bool(spec.get("unschedulable"))
        taints = spec.get("taints") or ()
        self.hard_taints = [t for t in taints if t.get("effect") in ("NoSchedule", "NoExecute")]
        self.soft_taints = [t for t in taints if t.get("effect") == "PreferNoSchedule"]
        self.taint_key = tuple((t.get("key"), t.get("value"), t.get("effect")) for t in taints)

    def add(self, pod: PodInfo) -> None:
        self.pods[pod.key] = pod
        self._count(pod, 1)

    def remove(self, pod: PodInfo) -> None:
        del self.pods[pod.key]
        self._count(pod, -1)

    def _count(self, pod: PodInfo, sign: int) -> None:
        wanted = pod.demand
        requested = self.requested
        for name, value in wanted.requests.items():
            requested[name] = requested.get(name, 0) + sign * value
        self.assumed_cpu += sign * wanted.assumed_cpu
        self.assumed_memory += sign * wanted.assumed_memory
        for port in wanted.ports:
            _tally(self.ports, port, sign)
        if pod.owner and not pod.terminating:
            _tally(self.owners, pod.owner, sign)


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """Pods that match all of `terms`, those that are being deleted left out if `living`."""

    terms: tuple[terms.Term, ...]
    living: bool = False


class Cache:
    """All nodes and all pods that are bound to one, or about to be."""

    def __init__(self) -> None:
        self.nodes: dict[str, NodeInfo] = {}
        """Nodes that exist, by name."""
        self.pods: dict[str, PodInfo] = {}
        """Pods that have a node, by `namespace/name`."""
        self.anti_affinity: dict[terms.AffinityTerm, dict[str, int]] = {}
        """Required anti-affinity terms of the pods there, with how many on which node have them."""
        self.inclinations: dict[terms.AffinityTerm, dict[str, int]] = {}
        """What the pods there would have near them or not, with how many on which node."""
        self.claims: dict[str, int] = {}
        """How many pods use a claim, by `namespace/name`."""
        self._infos: dict[str, NodeInfo] = {}
        self._names: list[str] | None = None
        self._next = 0
        self._namespaces: dict[str, Mapping[str, str]] = {}
        self._counts: collections.OrderedDict[Question, dict[str, int]] = collections.OrderedDict()
        # Pods by owner, node label and its value: for owners whose pods are just being spread.
        self._domains: collections.OrderedDict[str, dict[str, dict[str, int]]] = (
            collections.OrderedDict()
        )

    def set_node(self, node: Obj) -> None:
        name = node["metadata"]["name"]
        info = self._info(name)
        before = info.labels
        if name not in self.nodes:
            self.nodes[name] = info
            self._names = None
            self._domains.clear()
        info.set_node(node)
        if info.labels != before:
            self._domains.clear()

    def remove_node(self, name: str) -> None:
        """The node is gone. Its pods stay counted until they go too."""
        info = self.nodes.pop(name, None)
        if info is not None:
            info.obj = None
            self._names = None
            self._domains.clear()
            self._tidy(info)

    def add_pod(self, pod: PodInfo) -> None:
        """Count a pod on `pod.node`, in the place of what was counted under its key before."""
        self.remove_pod(pod.key)
        self.pods[pod.key] = pod
        self._info(pod.node).add(pod)
        self._count(pod, 1)

    def remove_pod(self, key: str) -> PodInfo | None:
        pod = self.pods.pop(key, None)
        if pod is not None:
            info = self._infos[pod.node]
            info.remove(pod)
            self._count(pod, -1)
            self._tidy(info)
        return pod

    def set_namespace(self, name: str, labels: Mapping[str, str] | None) -> None:
        """The labels of a namespace; None when it is gone."""
        if self._namespaces.get(name) == labels:
            return
        if labels is None:
            self._namespaces.pop(name, None)
        else:
            self._namespaces[name] = labels
        selecting = [q for q in self._counts if any(t.namespace_selector for t in q.terms)]
        for question in selecting:
            del self._counts[question]

    def namespace_labels(self, name: str) -> Mapping[str, str]:
        return self._namespaces.get(name) or {}

    def matching(self, question: Question) -> Mapping[str, int]:
        """How many pods match, by node name; nodes without any are left out."""
        counts = self._counts.get(question)
        if counts is not None:
            self._counts.move_to_end(question)
            return counts
        counts = {}
        for pod in self.pods.values():
            if self._matches(question, pod):
                _tally(counts, pod.node, 1)
        self._counts[question] = counts
        if len(self._counts) > _QUESTIONS:
            self._counts.popitem(last=False)
        return counts

    def spread(self, owner: str, key: str) -> Mapping[str, int]:
        """How many pods of an owner, those left out that are being deleted, are on nodes with each
        value of the label `key`; values without any are left out."""
        known = self._domains.get(owner)
        if known is None:
            known = self._domains[owner] = {}
            if len(self._domains) > _QUESTIONS:
                self._domains.popitem(last=False)
        counts = known.get(key)
        if counts is None:
            counts = known[key] = self._spread_again(owner, key)
        return counts

    def _spread_again(self, owner: str, key: str) -> dict[str, int]:
        counts: dict[str, int] = {}
        for info in self.nodes.values():
            count, value = info.owners.get(owner, 0), info.labels.get(key)
            if count and value is not None:
                counts[value] = counts.get(value, 0) + count
        return counts

    def round(self) -> Iterator[NodeInfo]:
        """All nodes once, beginning where `turn` was told that the last round ended."""
        names = self._names
        if names is None:
            names = self._names = sorted(self.nodes)
            self._next = 0
        nodes = self.nodes
        start = self._next
        for i in range(start, len(names)):
            yield nodes[names[i]]
        for i in range(start):
            yield nodes[names[i]]

    def turn(self, seen: int) -> None:
        """The last round looked at `seen` nodes: the next one begins after them."""
        if self._names:
            self._next = (self._next + seen) % len(self._names)

    def _info(self, name: str) -> NodeInfo:
        info = self._infos.get(name)
        if info is None:
            info = self._infos[name] = NodeInfo(name)
        return info

    def _tidy(self, info: NodeInfo) -> None:
        if info.obj is None and not info.pods:
            del self._infos[info.name]

    def _matches(self, question: Question, pod: PodInfo) -> bool:
        if question.living and pod.terminating:
            return False
        for term in question.terms:
            if not term.matches(pod.namespace, pod.labels, self.namespace_labels):
                return False
        return True

    def _count(self, pod: PodInfo, sign: int) -> None:
        for found, known in (
            (pod.anti_affinity, self.anti_affinity),
            (pod.inclinations, self.inclinations),
        ):
            for term in found:
                nodes = known.setdefault(term, {})
                _tally(nodes, pod.node, sign)
                if not nodes:
                    del known[term]
        for claim in pod.claims:
            _tally(self.claims, claim, sign)
        if pod.owner in self._domains and not pod.terminating and pod.node in self.nodes:
            labels = self.nodes[pod.node].labels
            for key, by_value in self._domains[pod.owner].items():
                if key in labels:
                    _tally(by_value, labels[key], sign)
        for question, counts in self._counts.items():
            if self._matches(question, pod):
                _tally(counts, pod.node, sign)

    def _check(self) -> None:
        """Count everything again and compare; AssertionError where a sum has drifted."""
        for name, info in self._infos.items():
            fresh = NodeInfo(name)
            for pod in info.pods.values():
                assert self.pods.get(pod.key) is pod and pod.node == name, f"{pod.key} is misplaced"
                fresh.add(pod)
            left = {k: v for k, v in info.requested.items() if v}
            assert left == {k: v for k, v in fresh.requested.items() if v}, f"requests of {name}"
            assert info.ports == fresh.ports, f"ports of {name}"
            assert info.owners == fresh.owners, f"owners on {name}"
            assert info.assumed_cpu == fresh.assumed_cpu, f"assumed cpu of {name}"
            assert info.assumed_memory == fresh.assumed_memory, f"assumed memory of {name}"
        for question, counts in self._counts.items():
            again: dict[str, int] = {}
            for pod in self.pods.values():
                if self._matches(question, pod):
                    _tally(again, pod.node, 1)
            assert counts == again, f"answer to {question}"
        for owner, by_key in self._domains.items():
            for key, by_value in by_key.items():
                assert by_value == self._spread_again(owner, key), f"{owner} by {key}"
        for name in ("anti_affinity", "inclinations"):
            terms_again: dict[terms.AffinityTerm, dict[str, int]] = {}
            for pod in self.pods.values():
                for term in getattr(pod, name):
                    _tally(terms_again.setdefault(term, {}), pod.node, 1)
            assert getattr(self, name) == terms_again, name


def _tally(counts: dict[Any, int], key: Any, sign: int) -> None:
    """Counts without zeros."""
    count = counts.get(key, 0) + sign
    if count:
        counts[key] = count
    else:
        del counts[key]
