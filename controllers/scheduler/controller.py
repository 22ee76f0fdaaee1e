"""The scheduler's loop: takes pods in turn, asks the filters and scores, binds or says why not."""

from collections.abc import Iterable, Iterator
from typing import ClassVar

from miniplane.api.errors import StatusError, is_conflict, is_not_found
from miniplane.api.objects import Obj, is_terminating, key_of, split_key
from miniplane.api.resources import (
    NAMESPACES,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    POD_DISRUPTION_BUDGETS,
    PODS,
    STORAGE_CLASSES,
    resource,
)
from miniplane.controllers import pods
from miniplane.controllers.scheduler import (
    explain,
    filters,
    limits,
    messages,
    preemption,
    queue,
    score,
    volumes,
)
from miniplane.controllers.scheduler.cache import Cache, NodeInfo, PodInfo
from miniplane.controllers.scheduler.filters import Placement
from miniplane.controllers.scheduler.writes import SCHEDULER_NAME, Writes
from miniplane.runtime.controller import Controller, ControllerContext, Result

CSI_NODES = resource("csinodes", "storage.k8s.io")
_ROUND = "round"
"""The only key of the work queue: the pods have a queue of their own, with priorities."""
_SLICE = 32
"""How many pods are dealt with before other controllers get their turn."""
_ENOUGH = 100
"""How many nodes that fit are enough to choose from (`percentageOfNodesToScore`)."""
_FLUSH_EVERY = 30.0
_FLUSH_OLDER = 300.0


class Scheduler(Controller):
    """Binds pods of the default scheduler to nodes."""

    name: ClassVar[str] = "scheduler"
    manager: ClassVar[str] = "kube-scheduler"
    keys_per_turn: ClassVar[int] = 16
    component: ClassVar[str] = SCHEDULER_NAME

    def __init__(self, ctx: ControllerContext):
        super().__init__(ctx)
        self.writes = Writes(self.client, self.recorder, self.clock)
        self.cache = Cache()
        self.pending = queue.SchedulingQueue()
        self.limits: dict[str, dict[str, int]] = {}
        """How many volumes of a driver a node can have, by node and driver."""
        self.nominated: dict[str, PodInfo] = {}
        """Pods that wait for their victims to leave, by key; `node` is where."""
        self.promised: dict[str, tuple[str, str]] = {}
        """By key, the uids of pods whose volumes are made or bound for a node, and that node."""

    def setup(self) -> None:
        self.pods = self.informer(PODS)
        self.nodes = self.informer(NODES)
        self.claims = self.informer(PERSISTENT_VOLUME_CLAIMS)
        self.volumes = self.informer(PERSISTENT_VOLUMES)
        self.classes = self.informer(STORAGE_CLASSES)
        self.budgets = self.informer(POD_DISRUPTION_BUDGETS)
        self.nodes.on_change(self._node_changed)
        self.informer(NAMESPACES).on_change(self._namespace_changed)
        self.pods.on_change(self._pod_changed)
        for informer in (self.claims, self.volumes, self.classes):
            informer.on_change(self._volumes_changed)
        self.informer(CSI_NODES).on_change(self._limits_changed)
        self._flushes = self.rounds(_FLUSH_EVERY, self._flush)

    # What happens outside.

    def _pod_changed(self, old: Obj | None, new: Obj | None) -> None:
        if new is None or pods.is_terminal(new):
            self._pod_gone(new or old or {})
            return
        spec = new["spec"]
        if node := spec.get("nodeName"):
            self._pod_bound(new, node)
        elif spec.get("schedulerName", SCHEDULER_NAME) == SCHEDULER_NAME:
            self._pod_waits(old, new)

    def _pod_gone(self, pod: Obj) -> None:
        key = key_of(pod)
        self.pending.remove(key)
        self.nominated.pop(key, None)
        self.promised.pop(key, None)
        known = self.cache.pods.get(key)
        if known is not None and known.uid == pod["metadata"].get("uid"):
            self.cache.remove_pod(key)
            self._moved(queue.POD_GONE)

    def _pod_bound(self, pod: Obj, node: str) -> None:
        key = key_of(pod)
        known = self.cache.pods.get(key)
        if known is not None and known.node == node and known.same_as(pod):
            return
        self.pending.remove(key)
        self.nominated.pop(key, None)
        info = PodInfo(pod, node)
        self.cache.add_pod(info)
        self._moved(queue.POD_THERE)
        if known is not None and known.demand != info.demand:
            # Resized: it may need less now.
            self._moved(queue.POD_GONE)

    def _pod_waits(self, old: Obj | None, new: Obj) -> None:
        key = key_of(new)
        if new["spec"].get("schedulingGates") or is_terminating(new):
            self.pending.remove(key)
            return
        if key in self.pending and old is not None:
            was, now = old["metadata"], new["metadata"]
            if was.get("generation") == now.get("generation") and (
                was.get("labels") == now.get("labels")
            ):
                return
        if key in self.cache.pods:
            return  # assumed: the news of its binding are on their way
        self.pending.add(key, new["spec"].get("priority") or 0)
        self._flushes.ask()
        self.queue.add(_ROUND)

    def _node_changed(self, old: Obj | None, new: Obj | None) -> None:
        if new is None:
            assert old is not None
            self.cache.remove_node(old["metadata"]["name"])
            self._moved(queue.NODE_LABELS)
            return
        if old is None:
            self.cache.set_node(new)
            self._moved(queue.NODE_ADDED)
            return
        labels = old["metadata"].get("labels") != new["metadata"].get("labels")
        was, now = old.get("spec") or {}, new.get("spec") or {}
        taints = was.get("taints") != now.get("taints") or (
            was.get("unschedulable") != now.get("unschedulable")
        )
        room = (old.get("status") or {}).get("allocatable") != (new.get("status") or {}).get(
            "allocatable"
        )
        self.cache.set_node(new)
        for changed, change in (
            (labels, queue.NODE_LABELS),
            (taints, queue.NODE_TAINTS),
            (room, queue.NODE_ROOM),
        ):
            if changed:
                self._moved(change)

    def _namespace_changed(self, old: Obj | None, new: Obj | None) -> None:
        if new is not None:
            meta = new["metadata"]
            self.cache.set_namespace(meta["name"], meta.get("labels") or {})
        elif old is not None:
            self.cache.set_namespace(old["metadata"]["name"], None)

    def _volumes_changed(self, old: Obj | None, new: Obj | None) -> None:
        self._moved(queue.VOLUMES)

    def _limits_changed(self, old: Obj | None, new: Obj | None) -> None:
        name = (new or old or {})["metadata"]["name"]
        found = limits.of_csi_node(new) if new is not None else {}
        if found:
            self.limits[name] = found
        else:
            self.limits.pop(name, None)
        self._moved(queue.VOLUMES)

    def _moved(self, change: str) -> None:
        if self.pending.interested(change):
            self.pending.moved(change, self.clock.time())
            self.queue.add(_ROUND)

    def _flush(self) -> float | None:
        if not self.pending:
            return None
        now = self.clock.time()
        self.pending.flush(now, _FLUSH_OLDER)
        self.queue.add(_ROUND)
        return now

    # One pod after the other.

    async def reconcile(self, key: str) -> Result | None:
        for _ in range(_SLICE):
            pod_key = self.pending.pop(self.clock.time())
            if pod_key is None:
                break
            pod = self.pods.get(*split_key(pod_key))
            if pod is None or pods.node_name(pod):
                self.pending.remove(pod_key)
                continue
            try:
                await self._schedule(pod_key, pod)
            except Exception as error:
                await self._failed(pod_key, pod, error)
        return Result(after=self.pending.next_due(self.clock.time()))

    async def _schedule(self, key: str, pod: Obj) -> None:
        wanted = filters.want(pod, PodInfo(pod, ""), self._volumes_of(pod))
        if self.limits and wanted.info.claims:
            of_pod = frozenset(self._attached(wanted.info.claims))
            wanted.attach_limits = limits.Limits(self.limits, of_pod, self._attached)
        if wanted.volumes.waiting:
            self.pending.park(key, queue.helpful(["VolumeBinding"]))
            return
        if (promised := self._promised(key, wanted)) is not None:
            await self._bind(key, wanted, promised)
            return
        if not self.cache.nodes:
            await self._refuse(key, pod, messages.NO_NODES, [""])
            return
        problem, plugin = wanted.volumes.problem, "VolumeBinding"
        if wanted.pinned == ():
            problem, plugin = filters.CONFLICTING_TERMS, "NodeAffinity"
        if problem:
            text = messages.problem(len(self.cache.nodes), problem)
            await self._refuse(key, pod, text, [plugin])
            return
        placement = self._place(wanted)
        if not placement.fitting:
            await self._preempt(key, wanted, placement)
            return
        scored = score.scores(wanted, placement.fitting, self.cache)
        best = score.best(placement.fitting, scored)
        node = self.ids.choice(best)
        if explain.is_asked(pod):
            text = explain.explain(wanted, placement, best, node, self.cache)
            await self.writes.explain(pod, text)
        if wanted.volumes.delayed:
            await self._bind_volumes(key, wanted, node)
        else:
            await self._bind(key, wanted, node)

    def _attached(self, claims: Iterable[str]) -> Iterator[limits.Attachment]:
        """What these claims have attached to the nodes of their pods."""
        for key in claims:
            if (claim := self.claims.get(*split_key(key))) is not None:
                found = limits.attachment(
                    claim,
                    volume=lambda name: self.volumes.get("", name),
                    storage_class=lambda name: self.classes.get("", name),
                )
                if found is not None:
                    yield found

    def _volumes_of(self, pod: Obj) -> volumes.Volumes:
        if "volumes" not in pod["spec"]:
            return volumes.NONE
        namespace = pod["metadata"]["namespace"]
        return volumes.survey(
            pod,
            claim=lambda name: self.claims.get(namespace, name),
            volume=lambda name: self.volumes.get("", name),
            storage_class=lambda name: self.classes.get("", name),
            volumes=self.volumes.list,
        )

    def _place(self, wanted: filters.Want) -> Placement:
        """Look at nodes until enough of them fit. The one on which room was made comes first: if
        the pod fits there now, no other is looked at."""
        cache = self.cache
        around = filters.survey(wanted, cache)
        nominated = (wanted.pod.get("status") or {}).get("nominatedNodeName")
        if nominated in cache.nodes and (wanted.pinned is None or nominated in wanted.pinned):
            node = cache.nodes[nominated]
            if self._check(wanted, node, around, cache) is None:
                return Placement([node], {})
        refusals: dict[str, filters.Refusal] = {}
        fitting: list[NodeInfo] = []
        if wanted.pinned is not None:
            known = [cache.nodes[name] for name in wanted.pinned if name in cache.nodes]
            for node in known:
                if (refusal := self._check(wanted, node, around, cache)) is not None:
                    refusals[node.name] = refusal
                else:
                    fitting.append(node)
            return Placement(fitting, refusals, absent=len(cache.nodes) - len(known))
        seen = 0
        check = filters.check if not self.nominated else self._check
        for node in cache.round():
            seen += 1
            if (refusal := check(wanted, node, around, cache)) is not None:
                refusals[node.name] = refusal
                continue
            fitting.append(node)
            if len(fitting) >= _ENOUGH:
                break
        cache.turn(seen)
        return Placement(fitting, refusals)

    def _check(
        self, wanted: filters.Want, node: NodeInfo, around: filters.Surroundings, cache: Cache
    ) -> filters.Refusal | None:
        """`filters.check`, with the pods counted in for which room is being made."""
        refusal = filters.check(wanted, node, around, cache)
        if refusal is not None or not self.nominated:
            return refusal
        guests = [
            info
            for key, info in self.nominated.items()
            if info.node == node.name
            and key != wanted.info.key
            and info.priority >= wanted.info.priority
            and key not in cache.pods
        ]
        if not guests:
            return None
        try:
            for info in guests:
                cache.add_pod(info)
            return filters.check(wanted, node, filters.survey(wanted, cache), cache)
        finally:
            for info in guests:
                cache.remove_pod(info.key)

    async def _bind(self, key: str, wanted: filters.Want, node: NodeInfo) -> None:
        info = wanted.info
        info.node = node.name
        self.cache.add_pod(info)
        try:
            await self.writes.bind(wanted.pod, node.name)
        except BaseException:
            if self.cache.pods.get(key) is info:
                self.cache.remove_pod(key)
            raise
        self.pending.remove(key)
        self.nominated.pop(key, None)
        self._moved(queue.POD_THERE)
        await self.writes.tell_bound(wanted.pod, node.name)

    def _promised(self, key: str, wanted: filters.Want) -> NodeInfo | None:
        """The node for which a pod's volumes were made, if it still has room for the pod."""
        if not self.promised or wanted.volumes.delayed or wanted.volumes.problem:
            return None
        uid, name = self.promised.pop(key, ("", ""))
        node = self.cache.nodes.get(name)
        if node is None or uid != wanted.pod["metadata"]["uid"]:
            return None
        around = filters.survey(wanted, self.cache)
        return node if self._check(wanted, node, around, self.cache) is None else None

    async def _bind_volumes(self, key: str, wanted: filters.Want, node: NodeInfo) -> None:
        """Reserve the volumes, or ask for them; the pod follows when its claims are bound."""
        for claim, volume in volumes.choose(wanted.volumes, node.obj or {}) or ():
            if volume is not None:
                await self.writes.reserve(volume, claim)
            else:
                await self.writes.ask_for_volume(claim, node.name)
        self.promised[key] = wanted.pod["metadata"]["uid"], node.name
        self.pending.park(key, queue.helpful(["VolumeBinding"]))

    async def _preempt(self, key: str, wanted: filters.Want, placement: Placement) -> None:
        """No node fits: make room if that is allowed, and say so in either case."""
        pod, total = wanted.pod, len(self.cache.nodes)
        nominated = (pod.get("status") or {}).get("nominatedNodeName", "")
        budgets = preemption.budgets(self.budgets.list()) if wanted.info.priority > 0 else []
        outcome = preemption.find(
            wanted, placement.refusals, self.cache, budgets, nominated=nominated
        )
        text = messages.unschedulable(
            total,
            refusals=placement.refusals.values(),
            preemption=outcome.message,
            absent=filters.NOT_NAMED.reasons[0],
            absents=placement.absent,
        )
        candidate = outcome.candidate
        if candidate is not None:
            wanted.info.node = candidate.node
            self.nominated[key] = wanted.info
            for victim in candidate.victims:
                found = self.pods.get(*split_key(victim.key))
                if found is not None and not is_terminating(found):
                    await self.writes.evict(found, pod, candidate.node)
            nominated = candidate.node
        elif outcome.message != messages.VICTIMS_LEAVING:
            self.nominated.pop(key, None)
            nominated = ""
        plugins = [refusal.plugin for refusal in placement.refusals.values()]
        if placement.absent:
            plugins.append(filters.NOT_NAMED.plugin)
        await self._refuse(key, pod, text, plugins, nominated=nominated)

    async def _refuse(
        self, key: str, pod: Obj, text: str, plugins: list[str], *, nominated: str = ""
    ) -> None:
        """Leave the pod parked until something helps, and tell people why."""
        self.pending.park(key, queue.helpful(plugins))
        await self.writes.tell_refused(pod, "Unschedulable", text, nominated=nominated)

    async def _failed(self, key: str, pod: Obj, error: Exception) -> None:
        """Something went wrong that has nothing to do with nodes."""
        if is_not_found(error) and self.pods.get(*split_key(key)) is None:
            self.pending.remove(key)
            return
        self.pending.retry(key, self.clock.time())
        if is_conflict(error) or is_not_found(error):
            self.log.debug("%s: %r: again later", key, error)
            return
        if isinstance(error, StatusError):
            self.log.warning("%s: %r: again later", key, error)
        else:
            self.log.exception("%s: scheduling failed: again later", key, exc_info=error)
        text = f"running Bind plugin: {error}"
        await self.writes.tell_refused(pod, "SchedulerError", text, nominated="")
