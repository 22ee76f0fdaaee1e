"""The StatefulSet controller: observes, asks the plan, carries it out, writes the status.

One sync of `a/web`:

1. read the set, its revisions, pods and claims from informers; adopt orphans that match, release
   pods that match no more;
2. see to the revision of the present template (`revisions.plan`);
3. `plan`, and take its actions;
4. write the status if it says anything new, delete surplus revisions.

A sync starts only when the informers show all pods that earlier syncs made or deleted. Follows
`pkg/controller/statefulset/stateful_set.go`.
"""

from collections.abc import Sequence

from miniplane.api import errors, objects
from miniplane.api.errors import StatusError
from miniplane.api.models.statefulset import StatefulSet, StatefulSetStatus
from miniplane.api.objects import Obj
from miniplane.api.resources import (
    CONTROLLER_REVISIONS,
    PERSISTENT_VOLUME_CLAIMS,
    PODS,
    STATEFUL_SETS,
)
from miniplane.api.selectors import labels as label_selectors
from miniplane.api.selectors.labels import LabelSelector
from miniplane.controllers import adoption, owners, revisions
from miniplane.controllers.history import History
from miniplane.controllers.podindex import PodIndex
from miniplane.controllers.statefulset import status
from miniplane.controllers.statefulset.apply import Hands
from miniplane.controllers.statefulset.claims import ClaimView
from miniplane.controllers.statefulset.plan import Revision, plan
from miniplane.controllers.statefulset.replica import Replica
from miniplane.runtime.controller import Controller, ControllerContext, Result
from miniplane.runtime.expectations import Expectations

_TRIES = 5


class StatefulSetController(Controller):
    """Gives each StatefulSet its pods, in order and with their storage."""

    name = "statefulset-controller"
    workers = 5

    def __init__(self, ctx: ControllerContext):
        super().__init__(ctx)
        self._expectations = Expectations(ctx.clock)
        self._claims: dict[str, dict[str, ClaimView]] = {}
        self._sets: dict[str, dict[str, _Known]] = {}
        self._written: dict[str, str] = {}
        """The resourceVersion of the last status written, by the key of the set."""
        self._many_unavailable = bool(ctx.config.feature_gates.get("MaxUnavailableStatefulSet"))

    def setup(self) -> None:
        self._informer = self.informer(STATEFUL_SETS)
        self._informer.on_change(self._set_changed)
        self.informer(PERSISTENT_VOLUME_CLAIMS).on_change(self._claim_changed)
        self._history = History(
            self.client, self.informer(CONTROLLER_REVISIONS), owner=STATEFUL_SETS
        )
        self._pods = PodIndex(
            self.informer(PODS),
            api_version=STATEFUL_SETS.api_version,
            kind=STATEFUL_SETS.kind,
            view=Replica,
            changed=self._pod_changed,
        )

    # Whose turn it is.

    def _set_changed(self, old: Obj | None, new: Obj | None) -> None:
        obj = new or old or {}
        namespace, name = objects.namespace_of(obj), objects.name_of(obj)
        if new is not None:
            self._sets.setdefault(namespace, {})[name] = _Known(new)
            if old is not None and self._is_own_status(old, new):
                return
        else:
            del self._sets[namespace][name]
            if not self._sets[namespace]:
                del self._sets[namespace]
            self._expectations.forget(objects.key_of(obj))
            self._written.pop(objects.key_of(obj), None)
        self.queue.add(objects.key_of(obj))

    def _is_own_status(self, old: Obj, new: Obj) -> bool:
        """Whether the change is a status just written, which is no reason to look again. But that
        a rollout is complete is one: the old revision may be surplus now."""
        moved = ("status", "currentRevision")
        return self._written.get(objects.key_of(new)) == new["metadata"][
            "resourceVersion"
        ] and objects.get_path(old, *moved) == objects.get_path(new, *moved)

    def _pod_changed(self, old: Replica | None, new: Replica | None) -> None:
        before, after = self._set_of(old), self._set_of(new)
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
            if old != new or self._sets[new.namespace][objects.split_key(after)[1]].has_claims:
                self.queue.add(after)
        elif new.controller is None and (
            old is None or old.labels != new.labels or old.controller is not None
        ):
            for name, known in self._sets.get(new.namespace, {}).items():
                if known.selector.matches(new.labels):
                    self.queue.add(f"{new.namespace}/{name}")

    def _set_of(self, pod: Replica | None) -> str | None:
        """The key of the set that controls the pod."""
        if pod is None or pod.controller is None:
            return None
        name = pod.controller["name"]
        known = self._sets.get(pod.namespace, {}).get(name)
        if known is None or known.uid != pod.controller["uid"]:
            return None
        return f"{pod.namespace}/{name}"

    def _claim_changed(self, old: Obj | None, new: Obj | None) -> None:
        obj = new or old or {}
        namespace, name = objects.namespace_of(obj), objects.name_of(obj)
        if new is not None:
            self._claims.setdefault(namespace, {})[name] = ClaimView.of(new)
            return
        view = self._claims[namespace].pop(name)
        if not self._claims[namespace]:
            del self._claims[namespace]
        # A pod that waits for its predecessor's claim to go learns of it only here.
        for ref in view.owners:
            parent = ref["name"].rpartition("-")[0]
            if ref["kind"] == "Pod" and parent in self._sets.get(namespace, {}):
                self.queue.add(f"{namespace}/{parent}")

    # A sync.

    async def reconcile(self, key: str) -> Result | None:
        namespace, name = objects.split_key(key)
        obj = self._informer.get(namespace, name)
        if obj is None:
            return None
        left = self._expectations.expires_in(key)
        if left is not None and left > 0:
            # The pod that is waited for brings the key back; this is for the case it never comes.
            return Result(after=left, background=True)
        set_ = StatefulSet.of(obj)
        selector = label_selectors.from_obj(obj["spec"]["selector"])
        history = await self._history.of(obj, selector)
        pods = await self._claim_pods(obj, set_, selector)
        update, collisions = await self._history.newest(
            obj, history, set_.spec.template, collisions=set_.status.collision_count or 0
        )
        named = (r for r in history if r["metadata"]["name"] == set_.status.current_revision)
        current = next(named, update)
        what = plan(
            set_,
            pods,
            self._claims.get(namespace, {}),
            current=Revision.of(current),
            update=Revision.of(update),
            collisions=collisions,
            now=self.clock.time(),
            max_unavailable_gate=self._many_unavailable,
        )
        hands = Hands(self.client, self.recorder, self._expectations, key=key, set_obj=obj)
        failures = await hands.carry_out(what)
        await self._write_status(obj, set_, what.status_on_failure if failures else what.status)
        if not set_.metadata.terminating:
            live = [current["metadata"]["name"], update["metadata"]["name"]]
            live += (pod.revision for pod in pods)
            limit = set_.spec.revision_history_limit
            await self._history.delete(revisions.surplus(history, live=live, limit=limit))
        if failures:
            raise failures[0]
        return Result(after=what.retry_after) if what.retry_after is not None else None

    async def _claim_pods(
        self, obj: Obj, set_: StatefulSet, selector: LabelSelector
    ) -> Sequence[Replica]:
        """The pods of the set, after adopting and releasing."""
        name, uid = set_.metadata.name, set_.metadata.uid
        owned = self._pods.owned(uid)
        orphans = self._pods.orphans(set_.metadata.namespace)
        matches = selector.matches
        if not orphans:
            kept = [pod for pod in owned if pod.parent == name and matches(pod.labels)]
            if len(kept) == len(owned):
                return kept
        claimed = owners.claim(
            [*owned, *orphans],
            owner_uid=uid,
            owner_terminating=set_.metadata.terminating,
            controller=lambda pod: pod.controller,
            terminating=lambda pod: pod.terminating,
            matches=lambda pod: pod.parent == name and matches(pod.labels),
        )
        adopted = await adoption.carry_out(
            self.client,
            PODS,
            claimed,
            resource=STATEFUL_SETS,
            owner=obj,
            identify=lambda pod: (pod.name, pod.uid),
        )
        return [*claimed.owned, *(pod for pod, _ in adopted)]

    async def _write_status(self, obj: Obj, set_: StatefulSet, new: StatefulSetStatus) -> None:
        if not status.differs(set_.status, new):
            return
        for attempt in range(1, _TRIES + 1):
            try:
                written = await self.client.update(
                    STATEFUL_SETS, {**obj, "status": new.to_obj()}, subresource="status"
                )
                self._written[set_.metadata.key] = written["metadata"]["resourceVersion"]
                return
            except StatusError as error:
                if not errors.is_conflict(error) or attempt == _TRIES:
                    raise
            obj = await self.client.get(STATEFUL_SETS, set_.metadata.name, set_.metadata.namespace)
            if objects.uid_of(obj) != set_.metadata.uid:
                return


class _Known:
    """What handlers need to know of a set."""

    __slots__ = ("has_claims", "selector", "uid")

    def __init__(self, obj: Obj):
        self.uid = objects.uid_of(obj)
        self.selector = label_selectors.from_obj(obj["spec"]["selector"])
        self.has_claims = bool(obj["spec"].get("volumeClaimTemplates"))
