"""The status of a pod at a stage of its life, out of what is seen of it."""

import dataclasses
from collections.abc import Sequence

from miniplane.api.objects import Obj
from miniplane.controllers.kubelet import images, probes
from miniplane.controllers.kubelet import status as reports
from miniplane.controllers.kubelet.blockers import INVALID_IMAGE
from miniplane.controllers.kubelet.steps import Told
from miniplane.controllers.kubelet.view import View


def report(
    view: View,
    *,
    phase: str,
    init: Sequence[Obj],
    containers: Sequence[Obj],
    sandbox: bool,
    pod_ip: str,
    conditions: Sequence[Obj] | None = None,
) -> Obj:
    """A whole status. `conditions` are what other conditions than a kubelet's usual ones are taken
    from: those that the pod has, unless given."""
    pod = view.pod
    if phase in ("Succeeded", "Failed") and conditions is None:
        before = view.status.get("conditions") or ()
        conditions = [c for c in before if not c["type"].startswith("PodResize")]
    if conditions is not None:
        pod = {**pod, "status": {**view.status, "conditions": conditions}}
    return reports.build(
        pod,
        phase=phase,
        init=init,
        containers=containers,
        sandbox=sandbox,
        host_ip=view.host_ip,
        pod_ip=pod_ip,
        now=view.now,
    )


def goes_on(view: View, changed: dict[str, Obj], *, conditions: Sequence[Obj] | None = None) -> Obj:
    """The status of a pod that goes on, with these container statuses."""
    statuses = {**view.init, **view.containers, **changed}
    return report(
        view,
        phase=view.phase,
        init=[statuses[name] for name in view.init],
        containers=[statuses[name] for name in view.containers],
        sandbox=True,
        pod_ip=view.status.get("podIP", ""),
        conditions=conditions,
    )


def started(view: View, container: Obj, *, run: int = 0, last: Obj | None = None) -> Obj:
    """A container that has just been started. As long as it cannot have what it asks for, it has
    what it had."""
    name = container["name"]
    if name in view.init and not reports.is_sidecar(container):
        started, ready = True, False
    else:
        started, ready = probes.at_start(container, view.faults.get(name))
    made = reports.running(
        container, uid=view.uid, now=view.now, run=run, last=last, ready=ready, started=started
    )
    before = view.status_of(name)
    if run and before is not None and view.has_condition("PodResizePending"):
        made |= {k: before[k] for k in ("resources", "allocatedResources") if k in before}
    return made


def starting(view: View, containers: Sequence[Obj], kind: str) -> list[Told]:
    """The events of containers that are started."""
    events = []
    pulled: dict[str, None] = {}
    for container in containers:
        path = f"spec.{kind}{{{container['name']}}}"
        events += _pulled(view, container, path, pulled)
        events.append(Told("Created", "Container created", field_path=path))
        events.append(Told("Started", "Container started", field_path=path))
    return events


def unfit(view: View, containers: Sequence[Obj], kind: str, *, times: int = 1) -> list[Told]:
    """The events of containers that cannot be created."""
    events = []
    pulled: dict[str, None] = {}
    for container in containers:
        path = f"spec.{kind}{{{container['name']}}}"
        blocker = view.held[container["name"]]
        if blocker.reason == INVALID_IMAGE:
            why = f"Error: {INVALID_IMAGE}"
            told = Told("InspectFailed", blocker.message, type="Warning", field_path=path)
            events.append(dataclasses.replace(told, times=times))
        else:
            why = f"Error: {blocker.message}"
            events += _pulled(view, container, path, pulled, times=times)
        events.append(Told("Failed", why, type="Warning", field_path=path, times=times))
    return events


def _pulled(
    view: View, container: Obj, path: str, pulled: dict[str, None], *, times: int = 1
) -> list[Told]:
    """The events of the image; `pulled` are those that have arrived in this same moment."""
    image = container.get("image", "")
    present = image in pulled or view.has_image(image)
    pulled[image] = None
    policy = images.pull_policy(container)
    return [
        Told(
            reason,
            message,
            field_path=path,
            image=image if reason == "Pulled" else "",
            times=times,
        )
        for reason, message in images.pull_events(image, policy, present=present)
    ]
