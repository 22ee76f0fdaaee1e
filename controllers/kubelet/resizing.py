"""Containers that are given other resources while they run (pure).

    spec differs --start--> PodResizeInProgress, if the node has room for it   --finish--> as asked
                            PodResizePending, Infeasible or Deferred, if not

What a container has is in its status: `resources`, and `allocatedResources` from the moment that
the kubelet has agreed. Whoever has `RestartContainer` in his resize policy is started again. After
`pkg/kubelet/allocation/allocation_manager.go`, `computePodResizeAction` in
`pkg/kubelet/kuberuntime/kuberuntime_manager.go` and `pkg/kubelet/events`.
https://kubernetes.io/docs/tasks/configure-pod-container/resize-container-resources/
"""

import json
from collections.abc import Iterator

from miniplane.api import podresources, quantity
from miniplane.api.objects import Obj
from miniplane.controllers.kubelet import duties, telling
from miniplane.controllers.kubelet import status as reports
from miniplane.controllers.kubelet.admission import Refusal, shortage
from miniplane.controllers.kubelet.steps import Step, Told
from miniplane.controllers.kubelet.view import View

PENDING = "PodResizePending"
IN_PROGRESS = "PodResizeInProgress"
INFEASIBLE = "Infeasible"
DEFERRED = "Deferred"

_RESIZABLE = ("cpu", "memory")
_PARTS = ("limits", "requests")


def is_new(view: View) -> bool:
    """Whether something is asked for that has not been decided."""
    if view.phase != "Running":
        return False
    conditions = _conditions(view)
    if not any(_differing(view)):
        return PENDING in conditions
    if _is_of(view, conditions.get(IN_PROGRESS)):
        return False
    refusal, pending = view.unfit(), conditions.get(PENDING)
    if refusal is None or pending is None:
        return True
    return (pending.get("reason"), pending.get("message")) != (refusal.reason, refusal.message)


def start(view: View) -> Step:
    """Agree to what is asked for, or say why not."""
    if not any(_differing(view)):
        return Step(_with(view, {}, gone=(PENDING,)))
    refusal = view.unfit()
    if refusal is None:
        statuses = {**view.init, **view.containers}
        for container in _differing(view):
            name = container["name"]
            requests = (container.get("resources") or {}).get("requests") or {}
            statuses[name] = {**statuses[name], "allocatedResources": requests}
        condition = _condition(view, IN_PROGRESS, "", "")
        status = _with(view, statuses, condition, gone=(PENDING,))
        return Step(status, [Told("ResizeStarted", _message(view, "Pod resize started"))])
    condition = _condition(view, PENDING, refusal.reason, refusal.message)
    text = _message(view, f"Pod resize {refusal.reason}", error=refusal.message)
    return Step(_with(view, {}, condition), [Told(f"Resize{refusal.reason}", text, type="Warning")])


def goes_on(view: View) -> bool:
    """Whether something has been agreed to that is not carried out yet."""
    if view.phase != "Running":
        return False
    condition = _conditions(view).get(IN_PROGRESS)
    return condition is not None and (_is_of(view, condition) or not any(_differing(view)))


def finish(view: View) -> Step:
    """Give the containers what has been agreed to."""
    statuses = {**view.init, **view.containers}
    killed: list[Told] = []
    started: list[Told] = []
    begins = []
    for container in _differing(view):
        name = container["name"]
        before = statuses[name]
        if not _needs_restart(container, before):
            statuses[name] = {**before, **reports.resources(container)}
            continue
        text = f"Container {name} resize requires restart"
        killed.append(Told("Killing", text, field_path=view.path(name)))
        run = before["restartCount"] + 1
        last = reports.exited(before, duties.KILLED, now=view.now)["state"]["terminated"]
        statuses[name] = telling.started(view, container, run=run, last=last)
        kind = view.path(name).removeprefix("spec.").partition("{")[0]
        started += telling.starting(view, [container], kind)
        begins.append((name, run))
    done = Told("ResizeCompleted", _message(view, "Pod resize completed"))
    status = _with(view, statuses, gone=(IN_PROGRESS,))
    return Step(status, [*killed, *started, done], begins=begins)


def unfit(pod: Obj, node: Obj, others: list[Obj]) -> Refusal | None:
    """Why the resources that a pod asks for cannot be had on its node, beside `others`."""
    allocatable = podresources.amounts((node.get("status") or {}).get("allocatable"))
    wanted = podresources.requests(pod["spec"])
    for name in reversed(_RESIZABLE):
        scale = -3 if name == "cpu" else 0
        if name in wanted and name in allocatable:
            asked, there = wanted[name].scaled(scale), allocatable[name].scaled(scale)
            if asked > there:
                text = f"Node didn't have enough capacity: {name}, requested: {asked}, "
                return Refusal(INFEASIBLE, f"{text}capacity: {there}")
    found = shortage(pod["spec"], node, [allocated(other) for other in others])
    if found is None:
        return None
    name, asked, used, there = found
    text = f"Node didn't have enough resource: {name}, requested: {asked}, used: {used}, "
    return Refusal(DEFERRED, f"{text}capacity: {there}")


def allocated(pod: Obj) -> Obj:
    """A pod with the requests that its kubelet has agreed to, where it asks for others."""
    if not is_pending(pod):
        return pod
    status = pod["status"]
    agreed = {
        s["name"]: s.get("allocatedResources") or {} for s in status.get("containerStatuses") or ()
    }
    spec = pod["spec"]
    containers = [
        {**c, "resources": {**(c.get("resources") or {}), "requests": agreed[c["name"]]}}
        if c["name"] in agreed
        else c
        for c in spec["containers"]
    ]
    return {**pod, "spec": {**spec, "containers": containers}}


def is_pending(pod: Obj) -> bool:
    """Whether the pod waits for resources that it cannot have now."""
    found = (pod.get("status") or {}).get("conditions") or ()
    return any(c["type"] == PENDING for c in found)


def _differing(view: View) -> Iterator[Obj]:
    """The running containers that are to have other resources."""
    for kind, known in (("containers", view.containers), ("initContainers", view.init)):
        for container in view.spec.get(kind) or ():
            status = known.get(container["name"])
            if status is None or "running" not in status["state"]:
                continue
            if kind == "initContainers" and not reports.is_sidecar(container):
                continue
            if status.get("resources") == reports.resources(container)["resources"]:
                continue
            if any(_changes(container, status)):
                yield container


def _changes(container: Obj, container_status: Obj) -> Iterator[str]:
    """The names of the resources that are to be others."""
    given, had = container.get("resources") or {}, container_status.get("resources") or {}
    for part in _PARTS:
        for name in _RESIZABLE:
            new, old = (given.get(part) or {}).get(name), (had.get(part) or {}).get(name)
            if new != old and (new is None or old is None or quantity.compare(new, old)):
                yield name


def _needs_restart(container: Obj, container_status: Obj) -> bool:
    policies = {p["resourceName"]: p["restartPolicy"] for p in container.get("resizePolicy") or ()}
    changed = _changes(container, container_status)
    return any(policies.get(name) == "RestartContainer" for name in changed)


def _conditions(view: View) -> dict[str, Obj]:
    found = view.status.get("conditions") or ()
    return {c["type"]: c for c in found if c["type"] in (PENDING, IN_PROGRESS)}


def _is_of(view: View, condition: Obj | None) -> bool:
    return condition is not None and condition.get("observedGeneration") == view.generation


def _condition(view: View, kind: str, reason: str, message: str) -> Obj:
    made = reports.condition(view.pod, kind, reason, message, now=view.now)
    made["lastProbeTime"] = view.now
    old = _conditions(view).get(kind)
    if old is not None and old.get("reason", "") == reason:
        made["lastTransitionTime"] = old["lastTransitionTime"]
    return {k: v for k, v in made.items() if v != ""}


def _with(view: View, changed: dict[str, Obj], *conditions: Obj, gone: tuple[str, ...] = ()) -> Obj:
    """The status with these container statuses, and with and without these conditions."""
    out = (*gone, *(c["type"] for c in conditions))
    kept = [c for c in view.status.get("conditions") or () if c["type"] not in out]
    return telling.goes_on(view, changed, conditions=[*kept, *conditions])


def _message(view: View, prefix: str, *, error: str = "") -> str:
    """The text of an event: what the containers are to have, as JSON."""
    told: Obj = {}
    for kind in ("initContainers", "containers"):
        if containers := view.spec.get(kind):
            told[kind] = [
                {"name": c["name"], "resources": _sorted(c.get("resources") or {})}
                for c in containers
            ]
    told["generation"] = view.generation
    if error:
        told["error"] = error
    return f"{prefix}: {json.dumps(told, separators=(',', ':'))}"


def _sorted(resources: Obj) -> Obj:
    return {part: dict(sorted(resources[part].items())) for part in _PARTS if resources.get(part)}
