"""The life of a pod on its node, as a table.

Each row says when it applies, how long it takes from then on, and what comes of it. The first row
that applies counts; a pod to which none applies rests. Rows look at nothing but the view they are
given, so the table is tested by itself, input and output.

    bound   --accept-->  Pending, containers waiting  --initialize*-->  --run-->  Running, ready
    accepted, something missing        --block-->       the same, with the reason, until it is there
    Running, asked something new       --report-->      the same, with new conditions
    ended by somebody                  --end-->         its containers stopped
    Running --exit--> --restart--> Running, or --back-off--> its container waits --restart-->
    Running --probe--> the same, started, ready or not ready as the probes say
    an image cannot be pulled --pull--> ErrImagePull, ImagePullBackOff, until it can be
    Running --exit--> Succeeded or Failed, once all containers have ended for good
    too long active --expire--> Failed
    deleted --acknowledge--> --stop--> Succeeded (or Failed, if it never ran) --remove--> gone
"""

import dataclasses
from collections.abc import Callable, Sequence

from miniplane.api import durations
from miniplane.api.objects import Obj
from miniplane.controllers.kubelet import containers as lives
from miniplane.controllers.kubelet import images, probes, troubles
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


def _report(
    view: View,
    *,
    phase: str,
    init: Sequence[Obj],
    containers: Sequence[Obj],
    sandbox: bool,
    pod_ip: str,
) -> Obj:
    return reports.build(
        view.pod,
        phase=phase,
        init=init,
        containers=containers,
        sandbox=sandbox,
        host_ip=view.host_ip,
        pod_ip=pod_ip,
        now=view.now,
    )


def _accept(view: View) -> Step:
    init = view.spec.get("initContainers") or ()
    reason = "PodInitializing" if init else "ContainerCreating"
    status = _report(
        view,
        phase="Pending",
        init=[reports.waiting(c, reason) for c in init],
        containers=[reports.waiting(c, reason) for c in view.spec["containers"]],
        sandbox=False,
        pod_ip=view.initial_ip,
    )
    return Step(status)


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
    else:
        events = _starting(view, [turn], "initContainers")
        if reports.is_sidecar(turn) or name in view.ending:
            done = _running(view, turn)
            begins = [(name, 0)]
        else:
            done = reports.completed(turn, uid=view.uid, now=view.now, started=view.now)
    statuses = {**view.init, name: done}
    status = _report(
        view,
        phase="Pending",
        init=[statuses[c["name"]] for c in view.spec["initContainers"]],
        containers=list(view.containers.values()),
        sandbox=True,
        pod_ip=view.address(),
    )
    return Step(status, events, begins=begins, pulls=pulls)


def _run(view: View) -> Step:
    held = [c for c in view.to_start if view.is_held(c["name"])]
    starting = [c for c in view.to_start if not view.is_held(c["name"])]
    statuses = {
        **view.containers,
        **{c["name"]: troubles.not_pulled(c, None) for c in held},
        **{c["name"]: _running(view, c) for c in starting},
    }
    status = _report(
        view,
        phase=lives.phase_of(view.spec, {**view.init, **statuses}),
        init=list(view.init.values()),
        containers=[statuses[c["name"]] for c in view.spec["containers"]],
        sandbox=True,
        pod_ip=view.address(),
    )
    events = _starting(view, starting, "containers")
    for container in held:
        events += troubles.refused(container, view.path(container["name"]))
    begins = [(c["name"], 0) for c in starting]
    return Step(status, events, begins=begins, pulls=[c["name"] for c in held])


def _running(view: View, container: Obj, *, run: int = 0, last: Obj | None = None) -> Obj:
    """A container that has just been started."""
    name = container["name"]
    if name in view.init and not reports.is_sidecar(container):
        started, ready = True, False
    else:
        started, ready = probes.at_start(container, view.faults.get(name))
    return reports.running(
        container, uid=view.uid, now=view.now, run=run, last=last, ready=ready, started=started
    )


def _starting(view: View, containers: Sequence[Obj], kind: str) -> list[Told]:
    events = []
    pulled: dict[str, None] = {}
    for container in containers:
        path = f"spec.{kind}{{{container['name']}}}"
        image = container.get("image", "")
        present = image in pulled or view.has_image(image)
        pulled[image] = None
        policy = images.pull_policy(container)
        for reason, message in images.pull_events(image, policy, present=present):
            arrived = image if reason == "Pulled" else ""
            events.append(Told(reason, message, field_path=path, image=arrived))
        events.append(Told("Created", "Container created", field_path=path))
        events.append(Told("Started", "Container started", field_path=path))
    return events


def _block(view: View) -> Step:
    blocker = view.blocker
    assert blocker is not None
    if not blocker.container:
        return Step(events=[Told(blocker.reason, blocker.message, type="Warning")])
    containers = [
        reports.waiting(c, blocker.reason, blocker.message)
        if c["name"] == blocker.container
        else view.containers[c["name"]]
        for c in view.spec["containers"]
    ]
    status = _report(
        view,
        phase="Pending",
        init=list(view.init.values()),
        containers=containers,
        sandbox=True,
        pod_ip=view.address(),
    )
    path = f"spec.containers{{{blocker.container}}}"
    told = Told("Failed", f"Error: {blocker.message}", type="Warning", field_path=path)
    return Step(status, [told])


def _refreshed(view: View) -> Obj:
    """The status of a running pod, with what has been asked of it since."""
    specs = {c["name"]: c for c in view.spec["containers"]}
    containers = [
        {**s, **reports.resources(specs[s["name"]])} if s["name"] in specs else s
        for s in view.containers.values()
    ]
    status = _report(
        view,
        phase=view.phase,
        init=list(view.init.values()),
        containers=containers,
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
        [
            ((s.get("resources") or {}), s.get("allocatedResources") or {})
            for s in status.get("containerStatuses") or ()
        ],
    )


def _has_news(view: View) -> bool:
    return view.phase == "Running" and _gist(_refreshed(view)) != _gist(view.status)


def _report_news(view: View) -> Step:
    known = reports.by_name(view.status.get("ephemeralContainerStatuses"))
    new = [c for c in view.spec.get("ephemeralContainers") or () if c["name"] not in known]
    return Step(_refreshed(view), _starting(view, new, "ephemeralContainers"))


def _acknowledge(view: View) -> Step:
    status = {
        **view.status,
        "observedGeneration": view.generation,
        "conditions": [
            {**c, "observedGeneration": view.generation}
            if c["type"] in reports.OWN_CONDITIONS
            else c
            for c in view.status.get("conditions") or ()
        ],
    }
    return Step(status, _killing(view))


def _killing(view: View) -> list[Told]:
    return [
        Told("Killing", f"Stopping container {name}", field_path=f"spec.{kind}{{{name}}}")
        for kind, statuses in (("containers", view.containers), ("initContainers", view.init))
        for name, status in statuses.items()
        if reports.state_of(status) == "running"
    ]


def _ended(view: View) -> Obj:
    """The status once everything has stopped. A phase that says so already stands."""
    code = view.killed_with
    init = [reports.stopped(s, now=view.now, code=code) for s in view.init.values()]
    containers = [reports.stopped(s, now=view.now, code=code) for s in view.containers.values()]
    phase = view.phase
    if not view.terminal:
        well = [s["state"]["terminated"].get("exitCode") == 0 for s in containers]
        phase = "Succeeded" if well and all(well) else "Failed"
    return _report(
        view,
        phase=phase,
        init=init,
        containers=containers,
        sandbox=False,
        pod_ip=view.status.get("podIP", ""),
    )


def _end(view: View) -> Step:
    return Step(_ended(view), _killing(view))


def _stop(view: View) -> Step:
    # Where there was time to acknowledge the deletion, the events went with that.
    return Step(_ended(view), _killing(view) if view.stop_seconds <= 0 else ())


# Containers that end by themselves.


def _exit(view: View) -> Step:
    exits, reasons = view.due.exits, view.due.reasons

    def after(status: Obj, *, init: bool) -> Obj:
        name = status["name"]
        if name not in exits:
            return status
        code = exits[name]
        done = init and not code
        return reports.exited(status, code, now=view.now, done=done, reason=reasons.get(name, ""))

    init = {name: after(s, init=True) for name, s in view.init.items()}
    regular = {name: after(s, init=False) for name, s in view.containers.items()}
    phase = lives.phase_of(view.spec, {**init, **regular})
    over = phase in ("Succeeded", "Failed")
    events = [
        Told("Killing", text, field_path=view.path(name)) for name, text in view.due.kills.items()
    ]
    if over:
        # Sidecars end with the containers that they are there for, and well.
        events += [told for told in _killing(view) if _name_of(told) not in exits]
        init = {name: _quit(s, view.now) for name, s in init.items()}
    status = _report(
        view,
        phase=phase,
        init=list(init.values()),
        containers=list(regular.values()),
        sandbox=not over,
        pod_ip=view.status.get("podIP", ""),
    )
    ends = [(name, _run_of(view, name)) for name in exits]
    return Step(status, events, ends=ends)


def _quit(container_status: Obj, now: str) -> Obj:
    if reports.state_of(container_status) == "running":
        return reports.exited(container_status, 0, now=now)
    return container_status


def _back_off(view: View) -> Step:
    """Containers that have exited wait for their next start, and say so."""
    meta = view.pod["metadata"]
    pod = f"{meta['name']}_{meta['namespace']}({view.uid})"
    statuses = {**view.init, **view.containers}
    for name, delay in view.due.waits.items():
        wait = durations.compact(round(delay))
        message = f"back-off {wait} restarting failed container={name} pod={pod}"
        statuses[name] = reports.crash_looping(statuses[name], message)
    events = [
        Told(
            "BackOff",
            f"Back-off restarting failed container {name} in pod {pod}",
            type="Warning",
            field_path=view.path(name),
        )
        for name in view.due.waits
    ]
    return Step(_with(view, statuses), events)


def _restart(view: View) -> Step:
    statuses = {**view.init, **view.containers}
    events: list[Told] = []
    begins = []
    for kind in ("initContainers", "containers"):
        again = [c for c in view.spec.get(kind) or () if c["name"] in view.due.restarts]
        for container in again:
            name = container["name"]
            run = statuses[name]["restartCount"] + 1
            last = lives.last_exit(statuses[name])
            statuses[name] = _running(view, container, run=run, last=last)
            begins.append((name, run))
        events += _starting(view, again, kind)
    return Step(_with(view, statuses), events, begins=begins)


def _pull(view: View) -> Step:
    statuses, events = troubles.pull(view, _containers(view))
    return Step(_with(view, statuses), events, pulls=view.due.pulls)


def _probe(view: View) -> Step:
    statuses, events = troubles.probe(view, _containers(view))
    return Step(_with(view, statuses) if statuses else None, events, failed=view.due.failed)


def _complain(view: View) -> Step:
    told = Told("InvalidAnnotation", view.complaint, type="Warning")
    return Step(events=[told], complained=view.complaint)


def _containers(view: View) -> list[Obj]:
    return [*(view.spec.get("initContainers") or ()), *view.spec["containers"]]


def _expire(view: View) -> Step:
    why = "Pod was active on the node longer than the specified deadline"
    init = [
        reports.stopped(s, now=view.now, code=lives.TERMINATED)
        if reports.state_of(s) == "running"
        else s
        for s in view.init.values()
    ]
    regular = [
        reports.stopped(s, now=view.now, code=lives.TERMINATED) for s in view.containers.values()
    ]
    status = _report(
        view,
        phase="Failed",
        init=init,
        containers=regular,
        sandbox=False,
        pod_ip=view.status.get("podIP", ""),
    )
    told = Told("DeadlineExceeded", why)
    return Step({**status, "reason": "DeadlineExceeded", "message": why}, [told, *_killing(view)])


def _with(view: View, changed: dict[str, Obj]) -> Obj:
    """The status of a pod that goes on, with these container statuses."""
    statuses = {**view.init, **view.containers, **changed}
    return _report(
        view,
        phase=view.phase,
        init=[statuses[name] for name in view.init],
        containers=[statuses[name] for name in view.containers],
        sandbox=True,
        pod_ip=view.status.get("podIP", ""),
    )


def _run_of(view: View, name: str) -> int:
    status = view.init.get(name) or view.containers[name]
    run: int = status["restartCount"]
    return run


def _name_of(told: Told) -> str:
    return told.field_path.partition("{")[2].rstrip("}")


def _remove(view: View) -> Step:
    return Step(remove=True)


STAGES: tuple[Stage, ...] = (
    Stage(
        "remove",
        when=lambda v: v.deleted and v.terminal and v.at_rest and v.grace > 0,
        delay=lambda v: v.cleanup_seconds,
        next=_remove,
        final=True,
    ),
    Stage(
        "acknowledge",
        when=lambda v: v.deleted and not v.at_rest and not v.acknowledged and v.stop_seconds > 0,
        next=_acknowledge,
    ),
    Stage(
        "stop",
        when=lambda v: v.deleted and not (v.terminal and v.at_rest),
        delay=lambda v: 0.0 if v.at_rest else v.stop_seconds,
        next=_stop,
    ),
    Stage("end", when=lambda v: v.terminal and not v.at_rest, next=_end, final=True),
    Stage("rest", when=lambda v: v.terminal, next=lambda v: Step(), final=True),
    Stage("accept", when=lambda v: not v.accepted, next=_accept),
    Stage("complain", when=lambda v: bool(v.complaint), next=_complain),
    Stage("expire", when=lambda v: v.due.overdue, next=_expire, final=True),
    Stage("probe", when=lambda v: bool(v.due.probed or v.due.failed), next=_probe),
    Stage("exit", when=lambda v: bool(v.due.exits), next=_exit),
    Stage("back-off", when=lambda v: bool(v.due.waits), next=_back_off),
    Stage("pull", when=lambda v: bool(v.due.pulls or v.due.stalls), next=_pull),
    Stage("restart", when=lambda v: bool(v.due.restarts), next=_restart),
    Stage(
        "block",
        when=lambda v: not v.started and v.blocker is not None and not v.blocker_told,
        next=_block,
        final=True,
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
    Stage("report", when=_has_news, next=_report_news, final=True),
)
"""The table, the most pressing rows first."""
