"""What a kubelet reports of a pod: `status`, built anew from the states of the containers.

Follows `pkg/kubelet/status/generate.go` (conditions) and `kubelet_pods.go` (container statuses).
Builders return new objects and share with the pod what has not changed; a condition keeps its
`lastTransitionTime` while its status stays the same.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from miniplane.api.objects import Obj
from miniplane.controllers.kubelet import images

OWN_CONDITIONS = (
    "PodReadyToStartContainers",
    "Initialized",
    "Ready",
    "ContainersReady",
    "PodScheduled",
)
"""Conditions that the kubelet writes; all others are somebody else's and stay."""

Words = tuple[bool, str, str]
"""Of a condition: whether it is true, its reason and its message."""

_TRUE: Words = (True, "", "")


def is_sidecar(container: Obj) -> bool:
    return container.get("restartPolicy") == "Always"


def by_name(statuses: Iterable[Obj] | None) -> dict[str, Obj]:
    return {s["name"]: s for s in statuses or ()}


def state_of(container_status: Obj | None) -> str:
    """`waiting`, `running` or `terminated`."""
    state = (container_status or {}).get("state") or {}
    return next(iter(state), "waiting")


def has_run(container_status: Obj | None) -> bool:
    """Whether the container has been started, however it fares now."""
    if state_of(container_status) != "waiting":
        return True
    return bool((container_status or {}).get("lastState"))


# Containers.


def _container(container: Obj, state: Obj, **more: Any) -> Obj:
    status: Obj = {
        "name": container["name"],
        "state": state,
        "lastState": {},
        "ready": False,
        "restartCount": 0,
        "image": container.get("image", ""),
        "imageID": "",
        "started": False,
        **more,
    }
    if mounts := container.get("volumeMounts"):
        status["volumeMounts"] = [_mount(m) for m in mounts]
    return status


def _mount(mount: Obj) -> Obj:
    shown: Obj = {"name": mount["name"], "mountPath": mount["mountPath"]}
    if mount.get("readOnly"):
        shown["readOnly"] = True
        shown["recursiveReadOnly"] = mount.get("recursiveReadOnly") or "Disabled"
    return shown


def waiting(container: Obj, reason: str, message: str = "") -> Obj:
    """A container that has not been started."""
    state: Obj = {"reason": reason}
    if message:
        state["message"] = message
    return _container(container, {"waiting": state})


def running(
    container: Obj,
    *,
    uid: str,
    now: str,
    run: int = 0,
    last: Obj | None = None,
    ready: bool = True,
    started: bool = True,
) -> Obj:
    """A container that runs and, unless told otherwise, has started and is ready; `uid` is the
    pod's. `run` counts its starts from 0; `last` is how the run before it ended."""
    image = container.get("image", "")
    return _container(
        container,
        {"running": {"startedAt": now}},
        lastState={"terminated": last} if last else {},
        ready=ready,
        restartCount=run,
        started=started,
        imageID=images.image_id(image),
        containerID=images.container_id(uid, container["name"], run),
        **resources(container),
    )


def exited(
    container_status: Obj, code: int, *, now: str, done: bool = False, reason: str = ""
) -> Obj:
    """The status of a running container after it has exited. An init container that is `done` is
    said to be ready."""
    ended = {
        "exitCode": code,
        "reason": reason or ("Error" if code else "Completed"),
        "startedAt": container_status["state"]["running"].get("startedAt"),
        "finishedAt": now,
        "containerID": container_status.get("containerID", ""),
    }
    return {**container_status, "state": {"terminated": ended}, "ready": done, "started": False}


def held_up(container_status: Obj, reason: str, message: str) -> Obj:
    """The status of a container that waits to be started, for the first time or again."""
    state = container_status["state"]
    return {
        **container_status,
        "state": {"waiting": {"reason": reason, "message": message}},
        "lastState": state if "terminated" in state else container_status["lastState"],
        "ready": False,
        "started": False,
    }


def crash_looping(container_status: Obj, message: str) -> Obj:
    """The status of a container that has exited and waits for its next start."""
    return held_up(container_status, "CrashLoopBackOff", message)


def resources(container: Obj) -> Obj:
    """What a container was given, as its status repeats it."""
    given = container.get("resources") or {}
    shown: Obj = {"resources": {k: given[k] for k in ("limits", "requests") if given.get(k)}}
    if given.get("requests"):
        shown["allocatedResources"] = given["requests"]
    return shown


def completed(container: Obj, *, uid: str, now: str, started: str) -> Obj:
    """An init container that has done its work."""
    image = container.get("image", "")
    identity = images.container_id(uid, container["name"])
    state = {
        "exitCode": 0,
        "reason": "Completed",
        "startedAt": started,
        "finishedAt": now,
        "containerID": identity,
    }
    return _container(
        container,
        {"terminated": state},
        ready=True,
        imageID=images.image_id(image),
        containerID=identity,
        **resources(container),
    )


def stopped(container_status: Obj, *, now: str, code: int = 0) -> Obj:
    """The status of a container after the pod was stopped: what ran has exited with `code`, what
    waits for its next start stays as it ended last, and what never ran cannot be told apart from
    what got lost."""
    state = state_of(container_status)
    if state == "terminated":
        return container_status
    if state == "running":
        return exited(container_status, code, now=now)
    ended: Obj
    if has_run(container_status):
        ended = container_status["lastState"]["terminated"]
    else:
        ended = {
            "exitCode": 137,
            "reason": "ContainerStatusUnknown",
            "message": "The container could not be located when the pod was terminated",
            "startedAt": None,
            "finishedAt": None,
        }
    return {**container_status, "state": {"terminated": ended}, "ready": False, "started": False}


# Conditions.


def _unready(containers: Sequence[Obj], known: dict[str, Obj]) -> str:
    """What is said of containers that are not ready, `""` when all are."""
    unknown = [c["name"] for c in containers if c["name"] not in known]
    unready = [c["name"] for c in containers if not known.get(c["name"], {"ready": True})["ready"]]
    parts = []
    if unknown:
        parts.append(f"containers with unknown status: [{' '.join(unknown)}]")
    if unready:
        parts.append(f"containers with unready status: [{' '.join(unready)}]")
    return ", ".join(parts)


def _containers_ready(spec: Obj, known: dict[str, Obj], phase: str) -> Words:
    if phase == "Failed":
        return False, "PodFailed", ""
    sidecars = [c for c in spec.get("initContainers") or () if is_sidecar(c)]
    containers = [*sidecars, *spec["containers"]]
    if phase == "Succeeded" and all(c["name"] in known for c in containers):
        return False, "PodCompleted", ""
    if text := _unready(containers, known):
        return False, "ContainersNotReady", text
    return _TRUE


def _ready(containers_ready: Words, spec: Obj, conditions: dict[str, Obj]) -> Words:
    if not containers_ready[0]:
        return containers_ready
    texts = []
    for gate in spec.get("readinessGates") or ():
        kind = gate["conditionType"]
        found = conditions.get(kind)
        if found is None:
            texts.append(f'corresponding condition of pod readiness gate "{kind}" does not exist.')
        elif found["status"] != "True":
            texts.append(
                f'the status of pod readiness gate "{kind}" is not "True", but {found["status"]}'
            )
    return (False, "ReadinessGatesNotReady", ", ".join(texts)) if texts else _TRUE


def is_initialized(container: Obj, container_status: Obj | None) -> bool:
    """Whether an init container lets the next one start."""
    if container_status is None:
        return False
    if is_sidecar(container):
        return bool(container_status.get("started"))
    return bool(container_status.get("ready"))


def _initialized(spec: Obj, known: dict[str, Obj], phase: str) -> Words:
    containers = spec.get("initContainers") or ()
    unknown = [c["name"] for c in containers if c["name"] not in known]
    if phase == "Succeeded" and not unknown:
        return True, "PodCompleted", ""
    if any(has_run(known.get(c["name"])) for c in spec["containers"]):
        return _TRUE
    waiting = [
        c["name"]
        for c in containers
        if c["name"] in known and not is_initialized(c, known[c["name"]])
    ]
    parts = []
    if unknown:
        parts.append(f"containers with unknown status: [{' '.join(unknown)}]")
    if waiting:
        parts.append(f"containers with incomplete status: [{' '.join(waiting)}]")
    return (False, "ContainersNotInitialized", ", ".join(parts)) if parts else _TRUE


def conditions(
    pod: Obj, statuses: Iterable[Obj], *, phase: str, sandbox: bool, now: str
) -> list[Obj]:
    """All conditions of the pod: other people's first, then the kubelet's own.

    `statuses` are those of all its containers; `sandbox` says whether it has its network.
    """
    spec = pod["spec"]
    generation = pod["metadata"].get("generation", 0)
    before = {c["type"]: c for c in (pod.get("status") or {}).get("conditions") or ()}
    known = by_name(statuses)
    containers_ready = _containers_ready(spec, known, phase)
    words = (
        (sandbox, "", ""),
        _initialized(spec, known, phase),
        _ready(containers_ready, spec, before),
        containers_ready,
        _TRUE,
    )
    found = [c for kind, c in before.items() if kind not in OWN_CONDITIONS]
    for kind, (true, reason, message) in zip(OWN_CONDITIONS, words, strict=True):
        text = "True" if true else "False"
        old = before.get(kind)
        condition: Obj = {
            "type": kind,
            "observedGeneration": generation,
            "status": text,
            "lastProbeTime": None,
            "lastTransitionTime": (
                old["lastTransitionTime"] if old is not None and old["status"] == text else now
            ),
        }
        if reason:
            condition["reason"] = reason
        if message:
            condition["message"] = message
        found.append(condition)
    return found


def condition(pod: Obj, kind: str, reason: str, message: str, *, now: str) -> Obj:
    """A condition of the pod that is true as of now."""
    return {
        "type": kind,
        "observedGeneration": pod["metadata"].get("generation", 0),
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": now,
        "reason": reason,
        "message": message,
    }


# The whole.


def build(
    pod: Obj,
    *,
    phase: str,
    init: Sequence[Obj],
    containers: Sequence[Obj],
    sandbox: bool,
    host_ip: str,
    pod_ip: str,
    now: str,
) -> Obj:
    """The pod's whole status. `pod_ip` is `""` while it has none."""
    old = pod.get("status") or {}
    status: Obj = {
        **old,
        "phase": phase,
        "observedGeneration": pod["metadata"].get("generation", 0),
        "hostIP": host_ip,
        "hostIPs": [{"ip": host_ip}],
        "startTime": old.get("startTime") or now,
        "containerStatuses": list(containers),
        "resources": pod["spec"].get("resources") or {},
    }
    if pod_ip:
        status["podIP"] = pod_ip
        status["podIPs"] = [{"ip": pod_ip}]
    if init:
        status["initContainerStatuses"] = list(init)
    status["conditions"] = conditions(
        pod, [*init, *containers], phase=phase, sandbox=sandbox, now=now
    )
    return status
