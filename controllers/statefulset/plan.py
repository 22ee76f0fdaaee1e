"""What a StatefulSet needs next: a pure function of what was observed and of the time.

`plan` looks at the set, its pods and its claims, and says which actions to take now, in which
order, and what the status is. It never looks ahead: whatever an action brings about is observed
before the next plan.

OrderedReady, three replicas (`R` running and ready, `P` pending, `T` terminating, `-` absent; each
line is one plan):

    observed            actions                  because
    -  -  -             create web-0             the first that is missing
    P  -  -             none                     web-0 has to be ready before web-1
    R  -  -             create web-1
    R  R  R             none                     done
    R  R  R  R          delete web-3             one too many, from the top
    R  R  R  T          none                     it has to be gone before anything else
    R  P  R  R          none                     all below have to be ready before one goes
    R  F  R             delete web-1             failed: comes back once it is gone

Only when all pods are there and available are those of an old revision replaced, from the top:
`rollout`. So scaling goes before updating.

Parallel does not wait: all that is missing is made and all that is too much goes in one plan, in
batches of 1, 2, 4...; replacing still goes one at a time.

Follows `pkg/controller/statefulset/stateful_set_control.go`.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from miniplane.api.models.statefulset import StatefulSet, StatefulSetStatus
from miniplane.api.objects import Obj
from miniplane.controllers import revisions, scaling
from miniplane.controllers.pods import POD_NAME_LABEL
from miniplane.controllers.statefulset import claims as claim_rules
from miniplane.controllers.statefulset import identity, rollout, status
from miniplane.controllers.statefulset.actions import (
    Action,
    CreatePod,
    DeletePod,
    MakeClaims,
    OwnClaims,
    Plan,
    Step,
    UpdatePod,
)
from miniplane.controllers.statefulset.claims import ClaimView, Member
from miniplane.controllers.statefulset.replica import Replica

MAX_BATCH = 500
"""The most pods that a Parallel set works on at once."""


@dataclasses.dataclass(frozen=True, slots=True)
class Slot:
    """One ordinal and the pod that has it, if any. `position` is its place among its like."""

    position: int
    ordinal: int
    pod: Replica | None


@dataclasses.dataclass(frozen=True, slots=True)
class Revision:
    """A revision as the plan needs it: its name and the template that it puts back."""

    name: str
    template: Obj

    @classmethod
    def of(cls, revision: Obj) -> "Revision":
        return cls(revision["metadata"]["name"], revisions.template_of(revision))


def plan(
    set_: StatefulSet,
    pods: Sequence[Replica],
    claims: Mapping[str, ClaimView],
    *,
    current: Revision,
    update: Revision,
    collisions: int = 0,
    now: float,
    max_unavailable_gate: bool = False,
) -> Plan:
    """What to do now.

    `pods` are the pods that the set owns, `claims` those of its namespace by name. `current` and
    `update` are the revisions to come from and to go to, often the same.
    """
    return _Planner(
        set_, pods, claims, current, update, collisions, now, max_unavailable_gate
    ).plan()


class _Planner:
    """The working memory of one plan."""

    def __init__(
        self,
        set_: StatefulSet,
        pods: Sequence[Replica],
        claims: Mapping[str, ClaimView],
        current: Revision,
        update: Revision,
        collisions: int,
        now: float,
        max_unavailable_gate: bool,
    ):
        self.set = set_
        self.claims = claims
        self.current = current
        self.update = update
        self.collisions = collisions
        self.now = now
        self.gate = max_unavailable_gate
        self.pods = pods
        self.monotonic = set_.monotonic
        self.min_ready = set_.spec.min_ready_seconds
        self.owner_ref = identity.owner_ref(set_)
        self.batches: list[tuple[Step, ...]] = []
        self.updates = 0
        self.waiting = ""

        self.start, end = set_.start, set_.end
        self.replicas: list[Replica | None] = [None] * set_.spec.replicas
        condemned: list[Replica] = []
        for pod in pods:
            if self.start <= pod.ordinal < end:
                self.replicas[pod.ordinal - self.start] = pod
            elif pod.ordinal >= 0:
                condemned.append(pod)
        # From the top, as they go.
        condemned.sort(key=lambda pod: -pod.ordinal)
        self.condemned = [Slot(i, pod.ordinal, pod) for i, pod in enumerate(condemned)]

    def plan(self) -> Plan:
        if self.set.metadata.terminating:
            return self._finish(self.pods)
        if (
            self._run(self._restless(), len(self.replicas), self._replica)
            and self._run(self.condemned, len(self.condemned), self._claims_of_condemned)
            and self._run(self.condemned, len(self.condemned), self._condemned)
            and self.set.spec.update_strategy.type != "OnDelete"
        ):
            self._update()
        return self._finish(pod for pod in self.pods if pod.ordinal >= 0)

    def _slot(self, position: int) -> Slot:
        return Slot(position, self.start + position, self.replicas[position])

    def _restless(self) -> Iterator[Slot]:
        """The wanted slots that there may be something to do about."""
        everybody = self.min_ready or self.set.spec.volume_claim_templates
        for position, pod in enumerate(self.replicas):
            if everybody or pod is None or not pod.settled:
                yield self._slot(position)

    def _finish(self, members: Iterable[Replica]) -> Plan:
        counts = status.count(
            members,
            min_ready_seconds=self.min_ready,
            now=self.now,
            current=self.current.name,
            update=self.update.name,
        )

        def status_with(updates: int) -> StatefulSetStatus:
            return status.status_of(
                self.set,
                counts,
                current=self.current.name,
                update=self.update.name,
                collisions=self.collisions,
                updates=updates,
            )

        return Plan(
            batches=tuple(self.batches),
            status=status_with(self.updates),
            status_on_failure=status_with(0),
            waiting=self.waiting,
            retry_after=self._next_moment(),
        )

    def _next_moment(self) -> float | None:
        """When a pod becomes available by the mere passing of time."""
        if not self.min_ready:
            return None
        moments = [
            pod.ready_since + self.min_ready
            for pod in self.pods
            if pod.ready_since is not None and pod.ready_since + self.min_ready > self.now
        ]
        return min(moments) - self.now if moments else None

    def _run(
        self,
        slots: Iterable[Slot],
        total: int,
        visit: Callable[[Slot], tuple[list[Action], bool]],
    ) -> bool:
        """Visits slots in order. Returns whether the plan may go on to what comes after them.

        A visit gives the actions for its slot, and whether an ordered set has to stop there. The
        batches of others are made of `total` positions, whether there is anything to do or not.
        """
        if self.monotonic:
            for slot in slots:
                actions, stop = visit(slot)
                if actions:
                    self.batches.append((tuple(actions),))
                if stop:
                    return False
            return True
        steps: dict[int, Step] = {}
        for slot in slots:
            if actions := visit(slot)[0]:
                steps[slot.position] = tuple(actions)
        if steps:
            for batch in scaling.slow_start(total, limit=MAX_BATCH):
                if found := tuple(steps[i] for i in batch if i in steps):
                    self.batches.append(found)
        return True

    def _wait(self, slot: Slot, until: str) -> None:
        self.waiting = f"{identity.pod_name(self.set.metadata.name, slot.ordinal)} to {until}"

    def _member(self, slot: Slot) -> Member:
        name = identity.pod_name(self.set.metadata.name, slot.ordinal)
        return Member(slot.ordinal, name, slot.pod.uid if slot.pod else "")

    def _revision_for(self, ordinal: int) -> Revision:
        """At which revision a missing pod is made."""
        strategy = self.set.spec.update_strategy
        if strategy.rolling_update is not None:
            old = strategy.rolling_update.partition
        else:
            old = self.set.status.current_replicas if strategy.type == "RollingUpdate" else 0
        return self.current if ordinal < self.set.start + old else self.update

    # The pods that are wanted.

    def _replica(self, slot: Slot) -> tuple[list[Action], bool]:
        pod = slot.pod
        if pod is None:
            return self._absent(slot)
        if pod.terminal:
            self._wait(slot, "be gone")
            return ([] if pod.terminating else [_delete(pod)]), True
        if pod.phase == "Pending":
            actions, blocked = self._claims_of_pending(slot)
            if blocked:
                self._wait(slot, "get its claims")
                return actions, True
        else:
            actions = []
        if self.monotonic:
            if pod.terminating:
                self._wait(slot, "be gone")
                return actions, True
            if not pod.running_and_ready:
                self._wait(slot, "be Running and Ready")
                return actions, True
            if not pod.available(self.min_ready, self.now):
                self._wait(slot, "be Available")
                return actions, True
        if not actions:
            actions = self._invariants(slot, pod)
        return actions, False

    def _absent(self, slot: Slot) -> tuple[list[Action], bool]:
        member = self._member(slot)
        if claim_rules.is_stale(self.set, self.claims, member):
            self._wait(slot, "lose the claims of its predecessor")
            return [], True
        absent, going = claim_rules.missing(self.set, self.claims, slot.ordinal)
        revision = self._revision_for(slot.ordinal)
        pod = identity.new_pod(
            self.set,
            revision.template,
            ordinal=slot.ordinal,
            revision=revision.name,
            owner_ref=self.owner_ref,
        )
        owning = claim_rules.misowned(self.set, self.claims, member)
        self._wait(slot, "be Running and Ready")
        return [CreatePod(member.name, pod, absent, going, owning)], True

    def _claims_of_pending(self, slot: Slot) -> tuple[list[Action], bool]:
        """A pod that cannot start may be waiting for a claim that somebody took away."""
        actions: list[Action] = []
        if not self.set.spec.volume_claim_templates:
            return actions, False
        absent, going = claim_rules.missing(self.set, self.claims, slot.ordinal)
        member = self._member(slot)
        if absent or going:
            actions.append(MakeClaims(member.name, absent, going))
        owning = claim_rules.misowned(self.set, self.claims, member)
        if owning:
            actions.append(OwnClaims(member.name, owning))
        return actions, bool(going)

    def _invariants(self, slot: Slot, pod: Replica) -> list[Action]:
        """Brings a pod that was adopted, and claims of another policy, to what the set says."""
        name_ok = pod.labels.get(POD_NAME_LABEL) == pod.name
        if name_ok and not self.set.spec.volume_claim_templates:
            return []
        storage_ok = identity.storage_matches(self.set, pod)
        owning = claim_rules.misowned(self.set, self.claims, self._member(slot))
        if name_ok and storage_ok and not owning:
            return []
        name = self.set.metadata.name
        absent, going = (
            ((), ()) if storage_ok else claim_rules.missing(self.set, self.claims, slot.ordinal)
        )
        return [
            UpdatePod(
                pod.name,
                labels={} if name_ok else identity.labels_for(name, slot.ordinal),
                volumes=None if storage_ok else identity.claim_volumes(self.set, slot.ordinal),
                claims=absent,
                going=going,
                owning=owning,
            )
        ]

    # The pods that are too many.

    def _claims_of_condemned(self, slot: Slot) -> tuple[list[Action], bool]:
        owning = claim_rules.misowned(self.set, self.claims, self._member(slot))
        return ([OwnClaims(self._member(slot).name, owning)] if owning else []), False

    def _condemned(self, slot: Slot) -> tuple[list[Action], bool]:
        pod = slot.pod
        assert pod is not None
        if pod.terminating:
            self._wait(slot, "be gone")
            return [], True
        ready = pod.running_and_ready and pod.available(self.min_ready, self.now)
        if not ready and self.monotonic and slot is not self._first_unavailable():
            self._wait(slot, "be Running, Ready and Available before it goes")
            return [], True
        return [_delete(pod)], True

    def _first_unavailable(self) -> Slot | None:
        """The lowest slot whose pod is not available, the wanted ones first."""
        for position in range(len(self.replicas)):
            slot = self._slot(position)
            if self._unavailable(slot):
                return slot
        return next((slot for slot in reversed(self.condemned) if self._unavailable(slot)), None)

    def _unavailable(self, slot: Slot) -> bool:
        pod = slot.pod
        return pod is None or pod.terminating or not pod.available(self.min_ready, self.now)

    # The pods that are at another revision.

    def _update(self) -> None:
        going, waiting = rollout.choose(
            self.set,
            self.replicas,
            update=self.update.name,
            now=self.now,
            max_unavailable_gate=self.gate,
        )
        for position in going:
            pod = self.replicas[position]
            assert pod is not None
            self.updates += 1
            self._wait(self._slot(position), "be gone")
            # A Parallel set is not stopped by a finished pod, which this plan deletes already.
            if not pod.terminal:
                self.batches.append(((_delete(pod),),))
        if waiting is not None:
            self._wait(self._slot(waiting), "be Running, Ready and Available")


def _delete(pod: Replica) -> DeletePod:
    return DeletePod(pod.name, pod.uid)
