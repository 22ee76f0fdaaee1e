"""What is due for a pod's containers: the exits, restarts, probes and pulls of this moment (pure).

`due` looks at a pod, at what its containers do (`containers.behaviours`) and at what is remembered
of them (`containers.Life`), and says what is to happen now and when to look again. Pulls follow
`pkg/kubelet/images/image_manager.go`: 10 s after the first in vain, doubling to 300 s.
"""

import dataclasses
from collections.abc import Container, Hashable, Iterator, Mapping
from typing import Any

from miniplane.api.objects import Obj
from miniplane.controllers.kubelet import containers, probes
from miniplane.controllers.kubelet import status as reports
from miniplane.controllers.kubelet.blockers import CONFIG_ERROR, INVALID_IMAGE
from miniplane.controllers.kubelet.faults import FOREVER, IMAGE_PULL, Fault

KILLED = 137
"""The exit code of what its probes have killed: 128 and SIGKILL."""
PULLING = 2.0
"""Seconds from a failed pull to the next look at it, which finds that it has to wait."""
PULL_REASONS = ("ErrImagePull", "ImagePullBackOff")
RETRY = 12.0
"""Seconds from one attempt at a pod that failed to the next: 10, and up to a half more."""
RESYNC = 60.0
"""The same while a container is in back-off, if that is not over before."""
_PAUSES = ((120.0, 60.0), (1800.0, 240.0))
"""When something has lasted for so long, it is told for so long at once. Seconds."""


def waits_for_image(status: Obj) -> bool:
    """Whether it was tried already to pull the container's image, and in vain."""
    return (status["state"].get("waiting") or {}).get("reason") in PULL_REASONS


def waits_for_config(status: Obj) -> bool:
    """Whether the container could not be created for what it is configured with."""
    reason = (status["state"].get("waiting") or {}).get("reason")
    return reason in (CONFIG_ERROR, INVALID_IMAGE)


@dataclasses.dataclass(frozen=True, slots=True)
class Due:
    """What is to happen to a pod's containers now, and when (unix seconds) to look again."""

    exits: Mapping[str, int] = dataclasses.field(default_factory=dict)
    """Exit codes of those whose time is over."""
    reasons: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Why, where it does not follow from the code."""
    kills: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Of those that do not exit by themselves, what is said of it."""
    waits: Mapping[str, float] = dataclasses.field(default_factory=dict)
    """Back-offs, in seconds, of those that have exited and have to wait from now on."""
    restarts: tuple[str, ...] = ()
    """Those that are started again."""
    probed: Mapping[str, tuple[bool, bool]] = dataclasses.field(default_factory=dict)
    """Those that are started and ready now, or not any more."""
    failed: Mapping[str, tuple[str, float]] = dataclasses.field(default_factory=dict)
    """Of those whose probe has failed: which, and when."""
    pulls: tuple[str, ...] = ()
    """Those whose image is asked for, in vain."""
    stalls: tuple[str, ...] = ()
    """Those whose image is not asked for again before some time."""
    reminders: Mapping[str, int] = dataclasses.field(default_factory=dict)
    """Those that wait still, and how often that is to be told."""
    overdue: bool = False
    """Whether the pod has been active for longer than its deadline."""
    next: float | None = None
    soon: float | None = None
    """The same of what makes a container ready: that is worth waiting for."""
    later: float | None = None
    """The same of what goes on for ever."""


NOTHING = Due()


class _Plan:
    """A `Due` in the making."""

    def __init__(
        self,
        pod: Obj,
        behaviour: Mapping[str, containers.Behaviour],
        life: containers.Life,
        now: float,
    ):
        self.pod = pod
        self.behaviour = behaviour
        self.life = life
        self.now = now
        self.exits: dict[str, int] = {}
        self.reasons: dict[str, str] = {}
        self.kills: dict[str, str] = {}
        self.waits: dict[str, float] = {}
        self.restarts: list[str] = []
        self.probed: dict[str, tuple[bool, bool]] = {}
        self.failed: dict[str, tuple[str, float]] = {}
        self.pulls: list[str] = []
        self.stalls: list[str] = []
        self.reminders: dict[str, int] = {}
        self.moments: list[float] = []
        self.soon: list[float] = []
        self.later: list[float] = []

    def running(self, container: Obj, policy: str, status: Obj) -> None:
        name, now = container["name"], self.now
        fault = self.life.faults.get(name)
        if fault is not None and fault.kind == IMAGE_PULL:
            self.exits[name] = containers.TERMINATED
            self.kills[name] = f"Stopping container {name}"
            return
        does = self.behaviour.get(name)
        if does is not None and does.seconds is not None:
            ends = self.life.began(status) + does.seconds
            if ends <= now:
                self.exits[name] = does.exit_code(status["restartCount"])
                if does.reason:
                    self.reasons[name] = does.reason
                return
            self.moments.append(ends)
        if policy and (fault is not None or not (status["ready"] and status.get("started"))):
            self._probe(container, policy, status, fault)

    def _probe(self, container: Obj, policy: str, status: Obj, fault: Fault | None) -> None:
        name = container["name"]
        seen = probes.look(
            container,
            status,
            fault,
            began=self.life.began(status),
            changed=self.life.changed(name),
            now=self.now,
        )
        if (seen.started, seen.ready) != (status.get("started"), status["ready"]):
            self.probed[name] = (seen.started, seen.ready)
        if seen.failed is not None and seen.failed[1] > self.life.failed(name):
            self.failed[name] = seen.failed
        if seen.kill:
            again = ", will be restarted" if policy != "Never" else ""
            title = probes.TITLES[seen.kill].lower()
            self.exits[name] = KILLED
            self.kills[name] = f"Container {name} failed {title} probe{again}"
        if seen.soon is not None:
            self.soon.append(seen.soon)
        if seen.later is not None:
            self.later.append(seen.later)

    def ended(self, container: Obj, status: Obj, *, init: bool) -> None:
        """A container that has run, and does not now."""
        if not containers.comes_back(container, self.pod["spec"], status, init=init):
            return
        name = container["name"]
        at, delay = self.life.restarts_at(status)
        if at <= self.now:
            fault = self.life.faults.get(name)
            if fault is not None and fault.kind == IMAGE_PULL:
                self.pulls.append(name)
            else:
                self.restarts.append(name)
            return
        self.moments.append(at)
        if "terminated" in status["state"]:
            self.waits[name] = delay
        else:
            self._remind(name, RESYNC, until=at)

    def refused(self, name: str) -> None:
        """A container that cannot be created, and still cannot."""
        self._remind(name, RETRY)

    def _remind(self, name: str, period: float, *, until: float = FOREVER) -> None:
        # The more often something was told, the more of it is dropped: so after a while it need
        # not be told every time. A clock that is moved by a day has less to do then.
        lasts = self.now - self.life.changed(name)
        pause = max((pause for after, pause in _PAUSES if lasts >= after), default=0.0)
        times = max(1, round(pause / period))
        again = self.life.reminded(name) + times * period
        if again <= self.now:
            self.reminders[name] = times
            again = self.now + times * period
        if again < until:
            self.later.append(again)

    def pulling(self, name: str, status: Obj) -> None:
        """A container whose image could not be pulled, and cannot yet."""
        at, again = self.life.pulled(name)
        if again <= self.now:
            self.pulls.append(name)
            return
        self.later.append(again)
        if status["state"]["waiting"]["reason"] == PULL_REASONS[0]:
            if at + PULLING <= self.now:
                self.stalls.append(name)
            else:
                self.later.append(at + PULLING)
        else:
            self._remind(name, RETRY, until=again)


def due(
    pod: Obj,
    known: Mapping[str, Obj],
    behaviour: Mapping[str, containers.Behaviour],
    life: containers.Life,
    *,
    now: float,
    held: Container[str] = (),
    unmounted: Hashable = None,
) -> Due:
    """What is due for an accepted pod that has not ended; `known` are its container statuses,
    `held` names the containers that cannot be created, `unmounted` is the volume that cannot be
    mounted."""
    plan = _Plan(pod, behaviour, life, now)
    spec = pod["spec"]
    for container, init in _all(spec):
        status = known.get(container["name"])
        if status is None:
            continue
        policy = containers.policy_of(container, spec, init=init)
        if reports.state_of(status) == "running":
            # Nobody probes an init container that has work to do.
            probed = not init or reports.is_sidecar(container)
            plan.running(container, policy if probed else "", status)
        elif waits_for_image(status):
            fault = life.faults.get(container["name"])
            if fault is not None and fault.kind == IMAGE_PULL:
                plan.pulling(container["name"], status)
            elif containers.last_exit(status):
                plan.ended(container, status, init=init)
        elif waits_for_config(status) and container["name"] in held:
            plan.refused(container["name"])
        elif containers.last_exit(status):
            plan.ended(container, status, init=init)
    if unmounted is not None:
        plan.later.append(sum(life.mounted(unmounted)))
    overdue = False
    limit = spec.get("activeDeadlineSeconds")
    if limit is not None:
        deadline = containers.moment(pod["status"].get("startTime")) + limit
        overdue = deadline <= now
        plan.moments.append(deadline)
    return Due(
        exits=plan.exits,
        reasons=plan.reasons,
        kills=plan.kills,
        waits=plan.waits,
        restarts=tuple(plan.restarts),
        probed=plan.probed,
        failed=plan.failed,
        pulls=tuple(plan.pulls),
        stalls=tuple(plan.stalls),
        reminders=plan.reminders,
        overdue=overdue,
        next=_first(plan.moments, now),
        soon=_first(plan.soon, now),
        later=_first(plan.later, now),
    )


def _first(moments: list[float], now: float) -> float | None:
    return min((moment for moment in moments if moment > now), default=None)


def _all(spec: Obj) -> Iterator[tuple[Any, bool]]:
    for container in spec.get("initContainers") or ():
        yield container, True
    for container in spec["containers"]:
        yield container, False
