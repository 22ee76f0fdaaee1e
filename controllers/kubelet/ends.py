"""How pods and containers end: by themselves, by a deadline, or because somebody deletes them."""

from collections.abc import Mapping

from miniplane.api.objects import Obj
from miniplane.controllers.kubelet import containers as lives
from miniplane.controllers.kubelet import duties, telling
from miniplane.controllers.kubelet import status as reports
from miniplane.controllers.kubelet.evictions import EVICTED
from miniplane.controllers.kubelet.steps import Step, Told
from miniplane.controllers.kubelet.view import View


def acknowledge(view: View) -> Step:
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
    return telling.report(
        view,
        phase=phase,
        init=init,
        containers=containers,
        sandbox=False,
        pod_ip=view.status.get("podIP", ""),
    )


def end(view: View) -> Step:
    return Step(_ended(view), _killing(view))


def stop(view: View) -> Step:
    # Where there was time to acknowledge the deletion, the events went with that.
    return Step(_ended(view), _killing(view) if view.stop_seconds <= 0 else ())


def exit_(view: View) -> Step:
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
    status = telling.report(
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


def _all_stopped(view: View, code: int) -> tuple[list[Obj], list[Obj]]:
    """The init containers, of which those that run are stopped, and all others."""
    init = [
        reports.stopped(s, now=view.now, code=code) if reports.state_of(s) == "running" else s
        for s in view.init.values()
    ]
    return init, [reports.stopped(s, now=view.now, code=code) for s in view.containers.values()]


def expire(view: View) -> Step:
    why = "Pod was active on the node longer than the specified deadline"
    init, regular = _all_stopped(view, lives.TERMINATED)
    status = telling.report(
        view,
        phase="Failed",
        init=init,
        containers=regular,
        sandbox=False,
        pod_ip=view.status.get("podIP", ""),
    )
    told = Told("DeadlineExceeded", why)
    return Step({**status, "reason": "DeadlineExceeded", "message": why}, [told, *_killing(view)])


def evict(view: View, why: str, notes: Mapping[str, str]) -> Step:
    """The machine is short of something, so the pod has to go: at once, and for good."""
    init, regular = _all_stopped(view, duties.KILLED)
    target = reports.condition(
        view.pod, "DisruptionTarget", "TerminationByKubelet", why, now=view.now
    )
    before = view.status.get("conditions") or ()
    others = [c for c in before if c["type"] != target["type"]]
    told = Told(EVICTED, why, type="Warning", annotations=notes)
    status = telling.report(
        view,
        phase="Failed",
        init=init,
        containers=regular,
        sandbox=False,
        pod_ip=view.status.get("podIP", ""),
        conditions=[*others, target],
    )
    return Step({**status, "reason": EVICTED, "message": why}, [told, *_killing(view)])


def refuse(view: View) -> Step:
    """The node cannot take the pod: it fails without having been looked at."""
    refusal = view.refusal
    assert refusal is not None
    before = view.status.get("conditions") or ()
    status = {
        **view.status,
        "phase": "Failed",
        "reason": refusal.reason,
        "message": f"Pod was rejected: {refusal.message}",
        "observedGeneration": view.generation,
        "startTime": view.now,
        "conditions": [c for c in before if c["type"] not in reports.OWN_CONDITIONS],
    }
    return Step(status, [Told(refusal.reason, refusal.message, type="Warning")])


def _run_of(view: View, name: str) -> int:
    status = view.init.get(name) or view.containers[name]
    run: int = status["restartCount"]
    return run


def _name_of(told: Told) -> str:
    return told.field_path.partition("{")[2].rstrip("}")


def remove(view: View) -> Step:
    return Step(remove=True)
