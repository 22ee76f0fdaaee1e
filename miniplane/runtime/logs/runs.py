"""Which run of which container is meant, or why it has no log (pure).

Follows `validateContainer` in `pkg/registry/core/pod/strategy.go` and `validateContainerLogStatus`
in `pkg/kubelet/kubelet_pods.go`. A container whose pod has just been started again after an end
waits: its log is that of its last run, with `previous` or without.
"""

import dataclasses
from collections.abc import Iterator

from miniplane.api import errors
from miniplane.api.objects import Obj, name_of
from miniplane.clock import parse_time

_STATUSES = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
_NOT_STARTED = {
    "ErrImagePull": "image can't be pulled",
    "ImagePullBackOff": "trying and failing to pull image",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
    """One run of a container: from its start to its end. `number` counts restarts from 0; times are
    Unix seconds, None where the status does not tell them; `ended` is its `terminated` status."""

    container: str
    number: int
    image: str
    started: float | None
    ended: Obj | None = None

    @property
    def finished(self) -> float | None:
        return _moment((self.ended or {}).get("finishedAt"))


def container_of(pod: Obj, asked: str) -> str:
    """The container that is asked for, `""` for the only one. StatusError 400."""
    spec = pod["spec"]
    if not asked:
        if len(spec["containers"]) == 1:
            name: str = spec["containers"][0]["name"]
            return name
        names = " ".join(_names(spec))
        raise errors.bad_request(
            f"a container name must be specified for pod {name_of(pod)}, choose one of: [{names}]"
        )
    if asked not in _names(spec):
        raise errors.bad_request(f"container {asked} is not valid for pod {name_of(pod)}")
    return asked


def _names(spec: Obj) -> Iterator[str]:
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(kind) or ():
            yield container["name"]


def find(pod: Obj, container: str, *, previous: bool = False) -> Run:
    """The run whose log is asked for. StatusError 400 where there is none."""
    where = f'container "{container}" in pod "{name_of(pod)}"'
    status = _status(pod, container)
    if status is None:
        raise errors.bad_request(f"{where} is not available")
    state = status.get("state") or {}
    last = (status.get("lastState") or {}).get("terminated")
    number = status.get("restartCount", 0)
    running, ended = state.get("running"), state.get("terminated")
    # While it waits for its next start, its restarts have not been counted up yet.
    last_number = number if running is None and ended is None else max(0, number - 1)
    if previous:
        if not last or not last.get("containerID"):
            raise errors.bad_request(f"previous terminated {where} not found")
        return _run(status, last_number, last, last)
    if running is not None:
        return _run(status, number, running)
    if ended is not None and ended.get("containerID"):
        return _run(status, number, ended, ended)
    if last and last.get("containerID"):
        return _run(status, last_number, last, last)
    if ended is not None or last:
        raise errors.bad_request(f"{where} is terminated")
    waiting = state.get("waiting")
    if waiting is None:
        raise errors.bad_request(f"{where} is waiting to start - no logs yet")
    reason = waiting.get("reason", "")
    raise errors.bad_request(f"{where} is waiting to start: {_NOT_STARTED.get(reason, reason)}")


def now(pod: Obj, run: Run) -> Run:
    """A run as a later state of its pod shows it: it may have ended meanwhile."""
    status = _status(pod, run.container)
    if run.ended is not None or status is None:
        return run
    number = status.get("restartCount", 0)
    state = status.get("state") or {}
    last = (status.get("lastState") or {}).get("terminated") or {}
    if number == run.number:
        ended = state.get("terminated") or (last if "waiting" in state else None)
    else:
        ended = last if number > run.number else None
    return dataclasses.replace(run, ended=ended) if ended is not None else run


def _status(pod: Obj, container: str) -> Obj | None:
    statuses = pod.get("status") or {}
    for kind in _STATUSES:
        for status in statuses.get(kind) or ():
            if status["name"] == container:
                found: Obj = status
                return found
    return None


def _run(status: Obj, number: int, state: Obj, ended: Obj | None = None) -> Run:
    image = status.get("image", "")
    return Run(status["name"], number, image, _moment(state.get("startedAt")), ended)


def _moment(text: str | None) -> float | None:
    return parse_time(text) if text else None
