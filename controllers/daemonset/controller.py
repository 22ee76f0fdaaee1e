"""The DaemonSet controller: observes, asks the plan, carries it out, writes the status.

What makes a set's turn come: the set itself, its pods, orphans that it may adopt, a change or the
loss of one of its revisions, a node that comes or changes its labels or taints so that it matters
to the set. A node that goes is nobody's turn: the pod garbage collector removes its pods, and that
is. Follows `pkg/controller/daemon/daemon_controller.go`.
"""

from collections.abc import Mapping, Sequence

from miniplane.api import errors, objects
from miniplane.api.errors import StatusError
from miniplane.api.models.daemonset import DaemonSet, DaemonSetStatus
from miniplane.api.objects import Obj
from miniplane.api.resources import CONTROLLER_REVISIONS, DAEMON_SETS, NODES, PODS
from miniplane.api.selectors import labels as label_selectors
from miniplane.api.selectors.labels import LabelSelector
from miniplane.controllers import adoption, owners, pods
from miniplane.controllers.daemonset import history as histories
from miniplane.controllers.daemonset import podspec, status
from miniplane.controllers.daemonset.apply import Hands
from miniplane.controllers.daemonset.backoff import Backoff
from miniplane.controllers.daemonset.placement import NodeView, Placement
from miniplane.controllers.daemonset.plan import by_node, plan
from miniplane.controllers.history import History
from miniplane.controllers.podindex import PodIndex
from miniplane.controllers.pods import PodView
from miniplane.runtime.controller import Controller, ControllerContext, Result
from miniplane.runtime.expectations import Expectations

_TRIES = 2
"""How often a status is written before the sync is given up."""
_SWEEP = 60.0


class DaemonSetController(Controller):
    """Gives each node that suits a pod of each DaemonSet."""

    name = "daemonset-controller"
    workers = 2

    def __init__(self, ctx: ControllerContext):
        super().__init__(ctx)
        self._expectations = Expectations(ctx.clock)
        self._backoff = Backoff()
        self._nodes: dict[str, NodeView] = {}
        self._written: dict[str, str] = {}
        """The resourceVersion of the last status written, by the key of the set."""
        self._known: dict[str, dict[str, _Known]] = {}
        self._bound: dict[str, dict[str, int]] = {}
        """How many pods of a set (by uid) are bound to a node, by the node's name."""

    def setup(self) -> None:
        self._informer = self.informer(DAEMON_SETS)
        self._informer.on_change(self._daemon_changed)
        revisions = self.informer(CONTROLLER_REVISIONS)
        revisions.on_change(self._revision_changed)
        self._history = History(
            self.client, revisions, owner=DAEMON_SETS, hash_label=pods.REVISION_LABEL
        )
        self._pods = PodIndex(
            self.informer(PODS),
            api_version=DAEMON_SETS.api_version,
            kind=DAEMON_SETS.kind,
            view=PodView,
            changed=self._pod_changed,
        )
        self.informer(NODES).on_change(self._node_changed)
        self._sweeps = self.rounds(_SWEEP, self._sweep)

    def _sweep(self) -> float | None:
        now = self.clock.time()
        return now if self._backoff.sweep(now=now) else None

    # Whose turn it is.

    def _daemon_changed(self, old: Obj | None, new: Obj | None) -> None:
        obj = new or old or {}
        namespace, name = objects.namespace_of(obj), objects.name_of(obj)
        known = self._known.setdefault(namespace, {})
        if new is not None:
            before = known.get(name)
            known[name] = _Known(new, before)
            if self._written.get(objects.key_of(new)) == new["metadata"]["resourceVersion"]:
                return  # a status just written is no reason to look again
        else:
            del known[name]
            if not known:
                del self._known[namespace]
            self._expectations.forget(objects.key_of(obj))
            self._written.pop(objects.key_of(obj), None)
        self.queue.add(objects.key_of(obj))

    def _pod_changed(self, old: PodView | None, new: PodView | None) -> None:
        self._count(old, -1)
        self._count(new, +1)
        before = self._daemon_of(old, old.controller if old is not None else None)
        after = self._daemon_of(new, new.controller if new is not None else None)
        if before is not None and old is not None:
            if new is None or new.terminating:
                self._expectations.deletion_observed(before, old.uid)
            if before != after:
                self.queue.add(before)
        if new is None:
            return
        if after is not None:
            if old is None:
                self._expectations.creation_observed(after)
            if old is None or old != new or old.bound != new.bound:
                self.queue.add(after)
        elif new.controller is None and (
            old is None or old.labels != new.labels or old.controller is not None
        ):
            self._offer(new.namespace, new.labels)

    def _count(self, pod: PodView | None, by: int) -> None:
        if pod is None or not pod.bound or pod.controller is None:
            return
        uids = self._bound.setdefault(pod.node, {})
        uid = pod.controller["uid"]
        uids[uid] = uids.get(uid, 0) + by
        if not uids[uid]:
            del uids[uid]
            if not uids:
                del self._bound[pod.node]

    def _daemon_of(self, dependent: Obj | PodView | None, ref: Obj | None) -> str | None:
        """The key of the set that this controller reference of a dependent points to."""
        if dependent is None or ref is None or ref.get("kind") != DAEMON_SETS.kind:
            return None
        if isinstance(dependent, PodView):
            namespace = dependent.namespace
        else:
            namespace = objects.namespace_of(dependent)
        known = self._known.get(namespace, {}).get(ref["name"])
        if known is None or known.uid != ref["uid"]:
            return None
        return f"{namespace}/{ref['name']}"

    def _offer(self, namespace: str, labels: Mapping[str, str]) -> None:
        """An orphan with these labels may be adopted by whoever selects it."""
        for name, known in self._known.get(namespace, {}).items():
            if known.selector.matches(labels):
                self.queue.add(f"{namespace}/{name}")

    def _revision_changed(self, old: Obj | None, new: Obj | None) -> None:
        before = objects.controller_of(old) if old is not None else None
        after = objects.controller_of(new) if new is not None else None
        if old is not None and (new is None or before != after):
            key = self._daemon_of(old, before)
            if key is not None:
                self.queue.add(key)
        if new is None:
            return
        if after is not None:
            key = self._daemon_of(new, after)
            if old is not None and key is not None:
                self.queue.add(key)
        elif old is None or before is not None or objects.labels_of(old) != objects.labels_of(new):
            self._offer(objects.namespace_of(new), objects.labels_of(new))

    def _node_changed(self, old: Obj | None, new: Obj | None) -> None:
        if new is None:
            name = objects.name_of(old or {})
            del self._nodes[name]
            for daemons in self._known.values():
                for known in daemons.values():
                    known.placement.forget(name)
            return
        node = NodeView.of(new)
        if self._nodes.get(node.name) == node:
            return
        self._nodes[node.name] = node
        bound = self._bound.get(node.name, {})
        for namespace, daemons in self._known.items():
            for name, known in daemons.items():
                verdict = known.placement.of(node)
                if known.uid in bound:
                    matters = not verdict.should_continue or known.misscheduled
                else:
                    matters = verdict.should_run
                if matters:
                    self.queue.add(f"{namespace}/{name}")

    # A sync.

    async def reconcile(self, key: str) -> Result | None:
        namespace, name = objects.split_key(key)
        obj = self._informer.get(namespace, name)
        if obj is None or objects.is_terminating(obj):
            return None
        left = self._expectations.expires_in(key)
        if left is not None and left > 0:
            # The pod that is waited for brings the key back; this is for the case it never comes.
            return Result(after=left, background=True)
        daemon = DaemonSet.of(obj)
        known = self._known[namespace][name]
        owned = await self._claim_pods(obj, known.selector)
        history = await self._history.of(obj, known.selector, release=True)
        history = await histories.labelled(self._history, history)
        template = daemon.spec.template
        history = await histories.without_duplicates(
            self.client, self._history, history, template, owned
        )
        present, collisions = await self._history.newest(
            obj, history, template, collisions=daemon.status.collision_count or 0
        )
        hash_ = histories.hash_of(present)
        generation = podspec.generation_of(daemon.metadata.annotations)
        now = self.clock.time()
        nodes = list(self._nodes.values())
        episode = f"{daemon.metadata.uid}/{daemon.status.observed_generation}"
        what = plan(
            daemon,
            nodes,
            owned,
            placement=known.placement,
            hash_=hash_,
            generation=generation,
            now=now,
            waits=self._backoff.waits(episode, now=now),
        )
        for node in what.failed_on:
            self._backoff.failed(episode, node, now=now)
            self._sweeps.ask()
        maker = podspec.PodMaker(
            name,
            template,
            owner_ref=owners.controller_ref(DAEMON_SETS, obj),
            hash_=hash_,
            generation=generation,
        )
        hands = Hands(self.client, self.recorder, self._expectations, daemon=obj, maker=maker)
        failures = await hands.carry_out(what)
        if not failures:
            limit = daemon.spec.revision_history_limit
            live = [pod.revision for pod in owned]
            await self._history.delete(
                histories.surplus(history, present=present, live=live, limit=limit)
            )
        new = status.status_of(
            daemon,
            nodes,
            by_node(self._pods.owned(daemon.metadata.uid)),
            placement=known.placement,
            hash_=hash_,
            generation=generation,
            collisions=collisions,
            now=now,
        )
        await self._write_status(obj, daemon, new)
        if failures:
            raise failures[0]
        return Result(after=what.retry_after) if what.retry_after is not None else None

    async def _claim_pods(self, obj: Obj, selector: LabelSelector) -> Sequence[PodView]:
        """The pods of the set, after adopting and releasing."""
        uid = objects.uid_of(obj)
        matches = selector.matches
        claimed = owners.claim(
            [*self._pods.owned(uid), *self._pods.orphans(objects.namespace_of(obj))],
            owner_uid=uid,
            owner_terminating=False,
            controller=lambda pod: pod.controller,
            terminating=lambda pod: pod.terminating,
            matches=lambda pod: matches(pod.labels),
        )
        adopted = await adoption.carry_out(
            self.client,
            PODS,
            claimed,
            resource=DAEMON_SETS,
            owner=obj,
            identify=lambda pod: (pod.name, pod.uid),
        )
        return [*claimed.owned, *(pod for pod, _ in adopted)]

    async def _write_status(self, obj: Obj, daemon: DaemonSet, new: DaemonSetStatus) -> None:
        if not status.differs(daemon.status, new):
            return
        for attempt in range(1, _TRIES + 1):
            body = {**obj, "status": status.merged(obj.get("status") or {}, new)}
            try:
                written = await self.client.update(DAEMON_SETS, body, subresource="status")
                self._written[daemon.metadata.key] = written["metadata"]["resourceVersion"]
                return
            except StatusError as error:
                if not errors.is_conflict(error) or attempt == _TRIES:
                    raise
            obj = await self.client.get(
                DAEMON_SETS, daemon.metadata.name, daemon.metadata.namespace
            )
            if objects.uid_of(obj) != daemon.metadata.uid:
                return


class _Known:
    """What handlers need to know of a set."""

    __slots__ = ("generation", "misscheduled", "placement", "selector", "uid")

    placement: Placement

    def __init__(self, obj: Obj, before: "_Known | None"):
        self.uid = objects.uid_of(obj)
        self.generation = obj["metadata"]["generation"]
        self.selector = label_selectors.from_obj(obj["spec"]["selector"])
        self.misscheduled = bool((obj.get("status") or {}).get("numberMisscheduled"))
        if before is not None and (before.uid, before.generation) == (self.uid, self.generation):
            self.placement = before.placement
        else:
            self.placement = Placement(obj["spec"]["template"])
