"""Probes: when a container counts as started and as ready, and when it is killed (pure).

Nothing is asked: probes succeed from the first one on, unless a fault says otherwise. The first is
due `initialDelaySeconds` after the start, the next ones every `periodSeconds`; a startup probe has
to succeed before the others begin. Where a real kubelet asks on ticks of its own, these are counted
from the moment that they are due. A container that is told not to be ready is so at once; one whose
liveness or startup fails is killed at the `failureThreshold`th failure, as ever.

https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/ and
`pkg/kubelet/prober/worker.go`. Times are unix seconds.
"""

import dataclasses

from miniplane.api.objects import Obj
from miniplane.controllers.kubelet import faults
from miniplane.controllers.kubelet.faults import Fault

TITLES = {"startupProbe": "Startup", "readinessProbe": "Readiness", "livenessProbe": "Liveness"}


def _delay(probe: Obj) -> float:
    return float(probe.get("initialDelaySeconds") or 0)


def _period(probe: Obj) -> float:
    return float(probe.get("periodSeconds") or 10)


def take_time(container: Obj) -> bool:
    """Whether the container is not ready as soon as it runs."""
    startup, readiness = container.get("startupProbe"), container.get("readinessProbe")
    if startup is not None and _delay(startup) > 0:
        return True
    if readiness is None:
        return False
    return _delay(readiness) > 0 or (readiness.get("successThreshold") or 1) > 1


def at_start(container: Obj, fault: Fault | None) -> tuple[bool, bool]:
    """Whether a container that has just been started counts as started, and as ready."""
    kind = fault.kind if fault is not None else ""
    startup = container.get("startupProbe")
    started = startup is None or (_delay(startup) == 0 and kind != faults.STARTUP)
    return started, started and kind != faults.NOT_READY and not take_time(container)


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """What the probes of a running container have brought about."""

    started: bool
    ready: bool
    failed: tuple[str, float] | None = None
    """The probe that is failing, and when it did so last."""
    kill: str = ""
    """The probe because of which the container has to go."""
    soon: float | None = None
    """When it will be started or ready."""
    later: float | None = None
    """When the next probe will fail."""


def look(
    container: Obj, status: Obj, fault: Fault | None, *, began: float, changed: float, now: float
) -> Seen:
    """`status` is the running container's, `began` when it was started, `changed` when `fault`
    became what it is."""
    failing = fault.kind if fault is not None else ""
    was_started, was_ready = bool(status.get("started")), bool(status.get("ready"))
    first = began
    if (startup := container.get("startupProbe")) is not None:
        first = began + _delay(startup)
        if not was_started:
            at = max(first, changed)
            if failing == faults.STARTUP:
                return _failing("startupProbe", startup, at, now, started=False)
            if at > now:
                return Seen(False, False, soon=at)
            first = at
    ready, soon = was_ready, None
    readiness = container.get("readinessProbe")
    if failing == faults.NOT_READY:
        if readiness is not None:
            at = max(began + _delay(readiness), first, changed)
            return _failing("readinessProbe", readiness, at, now, started=True)
        ready = False
    elif not was_ready:
        at = first
        if readiness is not None:
            at = max(began + _delay(readiness), first, changed)
            at += ((readiness.get("successThreshold") or 1) - 1) * _period(readiness)
        ready = at <= now
        soon = None if ready else at
    liveness = container.get("livenessProbe")
    if failing == faults.LIVENESS and liveness is not None:
        at = max(began + _delay(liveness), first, changed)
        seen = _failing("livenessProbe", liveness, at, now, started=True)
        return dataclasses.replace(seen, ready=ready, soon=soon)
    return Seen(True, ready, soon=soon)


def _failing(kind: str, probe: Obj, at: float, now: float, *, started: bool) -> Seen:
    """A probe that fails from `at` on."""
    if at > now:
        return Seen(started, False, later=at)
    period = _period(probe)
    count = int((now - at) / period) + 1
    kills = kind != "readinessProbe" and count >= (probe.get("failureThreshold") or 3)
    return Seen(
        started,
        False,
        failed=(kind, at + (count - 1) * period),
        kill=kind if kills else "",
        later=at + count * period,
    )


def complaint(container: Obj, kind: str, pod_ip: str) -> str:
    """What is said of a probe that has failed."""
    probe = container.get(kind) or {}
    if "httpGet" in probe:
        found = "HTTP probe failed with statuscode: 503"
    elif "tcpSocket" in probe:
        port = _port(container, probe["tcpSocket"].get("port"))
        found = f"dial tcp {pod_ip}:{port}: connect: connection refused"
    elif "grpc" in probe:
        found = 'service unhealthy (responded with "NOT_SERVING")'
    else:
        found = "command terminated with exit code 1"
    return f"{TITLES[kind]} probe failed: {found}"


def _port(container: Obj, port: object) -> object:
    for known in container.get("ports") or ():
        if known.get("name") == port:
            return known["containerPort"]
    return port
