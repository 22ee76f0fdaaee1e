"""The life of a pod on its node, as a table.

Each row says when it applies, how long it takes from then on, and what comes of it. The first row
that applies counts; a pod to which none applies rests. Rows look at nothing but the view they are
given, so the table is tested by itself, input and output.

    bound   --refuse-->  Failed, if its node cannot take it
    bound   --accept-->  Pending, containers waiting  --initialize*-->  --run-->  Running, ready
    accepted, a volume missing         --block-->       the same, and told so, until it is there
    Running, asked something new       --report-->      the same, with new conditions
    Running, other resources asked --start-resize--> agreed to or not --resize--> Running with them
    ended by somebody                  --end-->         its containers stopped
    Running --exit--> --restart--> Running, or --back-off--> its container waits --restart-->
    Running --probe--> the same, started, ready or not ready as the probes say
    a container waits for long --remind--> the same, and told so again
    an image cannot be pulled --pull--> ErrImagePull, ImagePullBackOff, until it can be
    Running --exit--> Succeeded or Failed, once all containers have ended for good
    too long active --expire--> Failed
    deleted --acknowledge--> --stop--> Succeeded (or Failed, if it never ran) --remove--> gone
"""

import dataclasses
from collections.abc import Callable

from miniplane.api import durations
from miniplane.api.objects import Obj
from miniplane.controllers.kubelet import containers as lives
from miniplane.controllers.kubelet import ends, resizing, telling, troubles
from miniplane.controllers.kubelet import status as reports
from miniplane.controllers.kubelet.steps import Step, Told
from miniplane.controllers.kubelet.view import View


@dataclasses.dataclass(frozen=True, slots=True)
class Stage:
    """One row. `delay` counts from when the row first applied to the pod."""

    name: str
    when: Callable[[View], bool]
    next: Callable[[View], Step]
    delay: Callable[[View], float] = lambda view: 0.0
    final: bool = False
    """Whether no other row can apply right after it, unless somebody changes the pod."""


def stage_of(view: View) -> Stage | None:
    """The row that applies."""
    for stage in STAGES:
        if stage.when(view):
            return stage
    return None


# What comes of each stage.


def _accept(view: View) -> Step:
    init = view.spec.get("initContainers") or ()
    reason = "PodInitializing" if init else "ContainerCreating"
    status = telling.report(
        view,
        phase="Pending",
        init=[reports.waiting(c, reason) for c in init],
        containers=[reports.waiting(c, reason) for c in view.spec["containers"]],
        sandbox=False,
        pod_ip=view.initial_ip,
    )
    events = []
    if view.missing_secrets:
        names = ", ".join(view.missing_secrets)
        why = f"Unable to retrieve some image pull secrets ({names}); "
        why += "attempting to pull the image may not succeed."
        events = [Told("FailedToRetrieveImagePullSecret", why, type="Warning")]
    if view.spec.get("resourceClaims"):
        # A real pod would wait for them. Somebody ought to say that this one does not.
        why = "Devices are not simulated: the pod runs without its resource claims."
        events.append(Told("ResourceClaimsIgnored", why, type="Warning"))
    return Step(status, events)


def _initialize(view: View) -> Step:
    turn = view.next_init
    assert turn is not None
    name = turn["name"]
    begins = []
    pulls = []
    if view.is_held(name):
        done = troubles.not_pulled(turn, None)
        events = troubles.refused(turn, view.path(name))
        pulls = [name]
    elif name in view.held:
        done = troubles.not_created(turn, view.held[name], None)
        events = telling.unfit(view, [turn], "initContainers")
    else:
        events = telling.starting(view, [turn], "initContainers")
        if reports.is_sidecar(turn) or name in view.ending:
            done = telling.started(view, turn)
            begins = [(name, 0)]
        else:
            done = reports.completed(turn, uid=view.uid, now=view.now, started=view.now)
    statuses = {**view.init, name: done}
    status = telling.report(
        view,
        phase="Pending",
        init=[statuses[c["name"]] for c in view.spec["initContainers"]],
        containers=list(view.containers.values()),
        sandbox=True,
        pod_ip=view.address(),
    )
    return Step(status, events, begins=begins, pulls=pulls, reminds=[name])


def _run(view: View) -> Step:
    held = [c for c in view.to_start if view.is_held(c["name"])]
    others = [c for c in view.to_start if not view.is_held(c["name"])]
    unfit = [c for c in others if c["name"] in view.held]
    starting = [c for c in others if c["name"] not in view.held]
    statuses = {
        **view.containers,
        **{c["name"]: troubles.not_pulled(c, None) for c in held},
        **{c["name"]: troubles.not_created(c, view.held[c["name"]], None) for c in unfit},
        **{c["name"]: telling.started(view, c) for c in starting},
    }
    status = telling.report(
        view,
        phase=lives.phase_of(view.spec, {**view.init, **statuses}),
        init=list(view.init.values()),
        containers=[statuses[c["name"]] for c in view.spec["containers"]],
        sandbox=True,
        pod_ip=view.address(),
    )
    events = telling.starting(view, starting, "containers")
    events += telling.unfit(view, unfit, "containers")
    for container in held:
        events += troubles.refused(container, view.path(container["name"]))
    begins = [(c["name"], 0) for c in starting]
    pulls = [c["name"] for c in held]
    return Step(status, events, begins=begins, pulls=pulls, reminds=[c["name"] for c in unfit])


def _block(view: View) -> Step:
    blocker = view.blocker
    assert blocker is not None
    told = Told(blocker.reason, blocker.message, type="Warning")
    return Step(events=[told], unmounted=blocker)


def _refreshed(view: View) -> Obj:
    """The status of a running pod, with what has been asked of it since."""
    status = telling.report(
        view,
        phase=view.phase,
        init=list(view.init.values()),
        containers=list(view.containers.values()),
        sandbox=True,
        pod_ip=view.status.get("podIP", ""),
    )
    if ephemeral := view.spec.get("ephemeralContainers"):
        known = reports.by_name(view.status.get("ephemeralContainerStatuses"))
        status["ephemeralContainerStatuses"] = [
            known.get(c["name"]) or _ephemeral(view, c) for c in ephemeral
        ]
    return status


def _ephemeral(view: View, container: Obj) -> Obj:
    found = reports.running(container, uid=view.uid, now=view.now)
    # Nobody probes a container that is there for debugging.
    return {k: v for k, v in found.items() if k != "started"} | {"ready": False}


def _gist(status: Obj) -> object:
    """What makes two statuses of a running pod different."""
    return (
        status.get("observedGeneration"),
        [
            (c["type"], c["status"], c.get("reason", ""), c.get("message", ""))
            for c in status.get("conditions") or ()
            if c["type"] in reports.OWN_CONDITIONS
        ],
        [s["name"] for s in status.get("ephemeralContainerStatuses") or ()],
    )


def _has_news(view: View) -> bool:
    return view.phase == "Running" and _gist(_refreshed(view)) != _gist(view.status)


def _report_news(view: View) -> Step:
    known = reports.by_name(view.status.get("ephemeralContainerStatuses"))
    new = [c for c in view.spec.get("ephemeralContainers") or () if c["name"] not in known]
    return Step(_refreshed(view), telling.starting(view, new, "ephemeralContainers"))


def _back_off(view: View) -> Step:
    """Containers that have exited wait for their next start, and say so."""
    pod = troubles.pod_of(view)
    statuses = {**view.init, **view.containers}
    for name, delay in view.due.waits.items():
        wait = durations.compact(round(delay))
        message = f"back-off {wait} restarting failed container={name} pod={pod}"
        statuses[name] = reports.crash_looping(statuses[name], message)
    events = [troubles.backing_off(view, name) for name in view.due.waits]
    return Step(telling.goes_on(view, statuses), events, reminds=view.due.waits)


def _restart(view: View) -> Step:
    statuses = {**view.init, **view.containers}
    events: list[Told] = []
    begins = []
    unfit = [name for name in view.due.restarts if name in view.held]
    for kind in ("initContainers", "containers"):
        again = [c for c in view.spec.get(kind) or () if c["name"] in view.due.restarts]
        for container in again:
            name = container["name"]
            if name in view.held:
                statuses[name] = troubles.not_created(container, view.held[name], statuses[name])
                continue
            run = statuses[name]["restartCount"] + 1
            last = lives.last_exit(statuses[name])
            statuses[name] = telling.started(view, container, run=run, last=last)
            begins.append((name, run))
        events += telling.starting(view, [c for c in again if c["name"] not in view.held], kind)
        events += telling.unfit(view, [c for c in again if c["name"] in view.held], kind)
    return Step(telling.goes_on(view, statuses), events, begins=begins, reminds=unfit)


def _remind(view: View) -> Step:
    events = troubles.still_waiting(view, _containers(view))
    return Step(events=events, reminds=view.due.reminders)


def _pull(view: View) -> Step:
    statuses, events = troubles.pull(view, _containers(view))
    due = view.due
    return Step(telling.goes_on(view, statuses), events, pulls=due.pulls, reminds=due.stalls)


def _probe(view: View) -> Step:
    statuses, events = troubles.probe(view, _containers(view))
    return Step(
        telling.goes_on(view, statuses) if statuses else None, events, failed=view.due.failed
    )


def _complain(view: View) -> Step:
    told = Told("InvalidAnnotation", view.complaint, type="Warning")
    return Step(events=[told], complained=view.complaint)


def _containers(view: View) -> list[Obj]:
    return [*(view.spec.get("initContainers") or ()), *view.spec["containers"]]


STAGES: tuple[Stage, ...] = (
    Stage(
        "remove",
        when=lambda v: v.deleted and v.terminal and v.at_rest and v.grace > 0,
        delay=lambda v: v.cleanup_seconds,
        next=ends.remove,
        final=True,
    ),
    Stage(
        "acknowledge",
        when=lambda v: v.deleted and not v.at_rest and not v.acknowledged and v.stop_seconds > 0,
        next=ends.acknowledge,
    ),
    Stage(
        "stop",
        when=lambda v: v.deleted and not (v.terminal and v.at_rest),
        delay=lambda v: 0.0 if v.at_rest else v.stop_seconds,
        next=ends.stop,
    ),
    Stage("end", when=lambda v: v.terminal and not v.at_rest, next=ends.end, final=True),
    Stage("rest", when=lambda v: v.terminal, next=lambda v: Step(), final=True),
    Stage("refuse", when=lambda v: v.refusal is not None, next=ends.refuse, final=True),
    Stage("accept", when=lambda v: not v.accepted, next=_accept),
    Stage("complain", when=lambda v: bool(v.complaint), next=_complain),
    Stage("expire", when=lambda v: v.due.overdue, next=ends.expire, final=True),
    Stage("probe", when=lambda v: bool(v.due.probed or v.due.failed), next=_probe),
    Stage("exit", when=lambda v: bool(v.due.exits), next=ends.exit_),
    Stage("back-off", when=lambda v: bool(v.due.waits), next=_back_off),
    Stage("pull", when=lambda v: bool(v.due.pulls or v.due.stalls), next=_pull),
    Stage("restart", when=lambda v: bool(v.due.restarts), next=_restart),
    Stage("remind", when=lambda v: bool(v.due.reminders), next=_remind, final=True),
    Stage(
        "block",
        when=lambda v: not v.started and v.blocker is not None and not v.blocker_told,
        next=_block,
    ),
    Stage(
        "wait",
        when=lambda v: not v.started and v.blocker is not None,
        next=lambda v: Step(),
        final=True,
    ),
    Stage(
        "initialize",
        when=lambda v: not v.started and v.next_init_is_new,
        delay=lambda v: 0.0 if reports.is_sidecar(v.next_init or {}) else v.start_seconds,
        next=_initialize,
    ),
    Stage(
        "run",
        when=lambda v: not v.started and v.next_init is None and bool(v.to_start),
        delay=lambda v: v.start_seconds,
        next=_run,
        final=True,
    ),
    Stage("start-resize", when=resizing.is_new, next=resizing.start),
    Stage(
        "resize",
        when=resizing.goes_on,
        delay=lambda v: v.startup,
        next=resizing.finish,
    ),
    Stage("report", when=_has_news, next=_report_news, final=True),
)
"""The table, the most pressing rows first."""
