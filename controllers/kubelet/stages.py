"""The life of a pod on its node, as a table.

Each row says when it applies, how long it takes from then on, and what comes of it. The first row
that applies counts; a pod to which none applies rests. Rows look at nothing but the view they are
given, so the table is tested by itself, input and output.

    bound   --accept-->  Pending, containers waiting  --initialize*-->  --run-->  Running, ready
    accepted, something missing        --block-->       the same, with the reason, until it is there
    Running, asked something new       --report-->      the same, with new conditions
    ended by somebody                  --end-->         its containers stopped
    deleted --acknowledge--> --stop--> Succeeded (or Failed, if it never ran) --remove--> gone
"""

import dataclasses
from collections.abc import Callable, Sequence

from miniplane.api.objects import Obj
from miniplane.controllers.kubelet import images
from miniplane.controllers.kubelet import status as reports
from miniplane.controllers.kubelet.view import View


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """An event about a pod, or one of its containers."""

    reason: str
    message: str
    type: str = "Normal"
    field_path: str = ""
    """`spec.containers{NAME}` for a container."""
    image: str = ""
    """The image that has arrived on the machine with this."""


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """What a stage does: the new status if there is one, the events, or the removal of the pod."""

    status: Obj | None = None
    events: Sequence[Told] = ()
    remove: bool = False


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
    if reports.is_sidecar(turn):
        done = reports.running(turn, uid=view.uid, now=view.now)
    else:
        done = reports.completed(turn, uid=view.uid, now=view.now, started=view.now)
    statuses = {**view.init, turn["name"]: done}
    status = _report(
        view,
        phase="Pending",
        init=[statuses[c["name"]] for c in view.spec["initContainers"]],
        containers=list(view.containers.values()),
        sandbox=True,
        pod_ip=view.address(),
    )
    return Step(status, _starting(view, [turn], "initContainers"))


def _run(view: View) -> Step:
    containers = view.spec["containers"]
    status = _report(
        view,
        phase="Running",
        init=list(view.init.values()),
        containers=[reports.running(c, uid=view.uid, now=view.now) for c in containers],
        sandbox=True,
        pod_ip=view.address(),
    )
    return Step(status, _starting(view, containers, "containers"))


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
    init = [reports.stopped(s, now=view.now) for s in view.init.values()]
    containers = [reports.stopped(s, now=view.now) for s in view.containers.values()]
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
        when=lambda v: not v.started and v.next_init is not None,
        delay=lambda v: 0.0 if reports.is_sidecar(v.next_init or {}) else v.start_seconds,
        next=_initialize,
    ),
    Stage(
        "run",
        when=lambda v: not v.started,
        delay=lambda v: v.start_seconds,
        next=_run,
        final=True,
    ),
    Stage("report", when=_has_news, next=_report_news, final=True),
)
"""The table, the most pressing rows first."""
