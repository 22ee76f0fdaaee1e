"""How containers fare that suffer from something: images that do not come, probes that fail.

Each gives the container statuses that are different then, and the events.
"""

from collections.abc import Sequence

from miniplane.api.objects import Obj
from miniplane.controllers.kubelet import images, probes, telling
from miniplane.controllers.kubelet import status as reports
from miniplane.controllers.kubelet.blockers import Blocker
from miniplane.controllers.kubelet.steps import Told
from miniplane.controllers.kubelet.view import View


def pull_error(image: str) -> str:
    """What the container runtime says of an image that is not there."""
    name = images.reference(image)
    return (
        f'rpc error: code = NotFound desc = failed to pull and unpack image "{name}": '
        f'failed to resolve reference "{name}": {name}: not found'
    )


def refused(container: Obj, path: str) -> list[Told]:
    """The events of an image that was asked for in vain."""
    image = container.get("image", "")
    why = f'Failed to pull image "{image}": {pull_error(image)}'
    return [
        Told("Pulling", f'Pulling image "{image}"', field_path=path),
        Told("Failed", why, type="Warning", field_path=path),
        Told("Failed", "Error: ErrImagePull", type="Warning", field_path=path),
    ]


def not_pulled(container: Obj, container_status: Obj | None) -> Obj:
    """The status of a container whose image was asked for in vain."""
    error = pull_error(container.get("image", ""))
    if container_status is None:
        return reports.waiting(container, "ErrImagePull", error)
    return reports.held_up(container_status, "ErrImagePull", error)


def pod_of(view: View) -> str:
    """The pod as a kubelet names it in messages."""
    meta = view.pod["metadata"]
    return f"{meta['name']}_{meta['namespace']}({view.uid})"


def backing_off(view: View, name: str, *, times: int = 1) -> Told:
    """A container that has exited is not started again yet."""
    text = f"Back-off restarting failed container {name} in pod {pod_of(view)}"
    return Told("BackOff", text, type="Warning", field_path=view.path(name), times=times)


def not_created(container: Obj, blocker: Blocker, container_status: Obj | None) -> Obj:
    """The status of a container that cannot be created."""
    if container_status is None:
        return reports.waiting(container, blocker.reason, blocker.message)
    return reports.held_up(container_status, blocker.reason, blocker.message)


def _stalled(container: Obj, path: str, *, times: int = 1) -> list[Told]:
    wait = f'Back-off pulling image "{container.get("image", "")}"'
    error = "Error: ImagePullBackOff"
    return [
        Told("BackOff", wait, field_path=path, times=times),
        Told("Failed", error, type="Warning", field_path=path, times=times),
    ]


def still_waiting(view: View, containers: Sequence[Obj]) -> list[Told]:
    """The events of containers that could not be started the last time, and cannot now."""
    events: list[Told] = []
    for container in containers:
        name = container["name"]
        times = view.due.reminders.get(name, 0)
        if not times:
            continue
        path = view.path(name)
        if name in view.held:
            kind = path.removeprefix("spec.").partition("{")[0]
            events += telling.unfit(view, [container], kind, times=times)
        elif view.is_held(name):
            events += _stalled(container, path, times=times)
        else:
            events.append(backing_off(view, name, times=times))
    return events


def pull(view: View, containers: Sequence[Obj]) -> tuple[dict[str, Obj], list[Told]]:
    """Images are asked for again, or it is not time yet to do so."""
    statuses: dict[str, Obj] = {}
    events: list[Told] = []
    for container in containers:
        name = container["name"]
        known = view.status_of(name)
        path = view.path(name)
        if name in view.due.pulls:
            statuses[name] = not_pulled(container, known)
            events += refused(container, path)
        elif name in view.due.stalls and known is not None:
            image = container.get("image", "")
            why = f'Back-off pulling image "{image}": ErrImagePull: {pull_error(image)}'
            statuses[name] = reports.held_up(known, "ImagePullBackOff", why)
            events += _stalled(container, path)
    return statuses, events


def probe(view: View, containers: Sequence[Obj]) -> tuple[dict[str, Obj], list[Told]]:
    """Containers are started, ready or not ready, as their probes say."""
    statuses: dict[str, Obj] = {}
    events: list[Told] = []
    pod_ip = view.status.get("podIP", "")
    for container in containers:
        name = container["name"]
        if name in view.due.failed:
            kind, _ = view.due.failed[name]
            message = probes.complaint(container, kind, pod_ip)
            events.append(Told("Unhealthy", message, type="Warning", field_path=view.path(name)))
        if name in view.due.probed and (known := view.status_of(name)) is not None:
            started, ready = view.due.probed[name]
            statuses[name] = {**known, "started": started, "ready": ready}
    return statuses, events
