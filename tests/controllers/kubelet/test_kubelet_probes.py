"""Probes that succeed, but not at once."""

import pytest

from miniplane import testing
from miniplane.api.resources import PODS
from miniplane.controllers.kubelet import probes
from miniplane.controllers.kubelet.faults import Fault
from miniplane.testing import objects

TCP = {"tcpSocket": {"port": 80}}


async def ready_after(c, container, *, sidecar=None):
    """How many seconds after the pod's start its container is started, and ready."""
    made = objects.pod("web")
    made["spec"]["containers"][0].update(container)
    if sidecar:
        side = {"name": "side", "image": "proxy", "restartPolicy": "Always", **sidecar}
        made["spec"]["initContainers"] = [side]
    begun = c.clock.time()
    await c.client.create(PODS, made)

    async def seen(key):
        pod = await c.client.get(PODS, "web", "default")
        statuses = pod["status"].get("containerStatuses") or [{}]
        return statuses[0].get(key)

    await c.until(lambda: seen("started"))
    started = c.clock.time() - begun
    await c.until(lambda: seen("ready"))
    ready = c.clock.time() - begun
    await c.settle()
    assert c.clock.time() - begun == ready
    return started, ready


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        ({}, (0, 0)),
        ({"readinessProbe": TCP}, (0, 0)),
        ({"livenessProbe": {**TCP, "initialDelaySeconds": 9}}, (0, 0)),
        ({"readinessProbe": {**TCP, "initialDelaySeconds": 5}}, (0, 5)),
        ({"readinessProbe": {**TCP, "successThreshold": 3, "periodSeconds": 2}}, (0, 4)),
        ({"startupProbe": {**TCP, "initialDelaySeconds": 7}}, (7, 7)),
        (
            {
                "startupProbe": {**TCP, "initialDelaySeconds": 3},
                "readinessProbe": {**TCP, "initialDelaySeconds": 5},
            },
            (3, 5),
        ),
        (
            {
                "startupProbe": {**TCP, "initialDelaySeconds": 9},
                "readinessProbe": {**TCP, "initialDelaySeconds": 5},
            },
            (9, 9),
        ),
    ],
)
async def test_when_a_container_is_ready(container, expected):
    async with testing.cluster(nodes=1) as c:
        assert await ready_after(c, container) == expected


async def test_a_sidecar_that_takes_time_to_start_holds_up_the_others():
    async with testing.cluster(nodes=1) as c:
        sidecar = {"startupProbe": {**TCP, "initialDelaySeconds": 6}}
        assert await ready_after(c, {}, sidecar=sidecar) == (6, 6)


RUNNING = {"started": True, "ready": True}


@pytest.mark.parametrize(
    ("now", "failed", "kill"),
    [(9, None, ""), (10, 10, ""), (14, 10, ""), (15, 15, ""), (20, 20, "livenessProbe")],
)
def test_failures_are_counted_from_when_they_began(now, failed, kill):
    container = {"livenessProbe": {**TCP, "initialDelaySeconds": 10, "periodSeconds": 5}}
    fault = Fault("liveness")
    seen = probes.look(container, RUNNING, fault, began=0.0, changed=2.0, now=now)
    assert (seen.failed and seen.failed[1], seen.kill) == (failed, kill)
    assert (seen.started, seen.ready) == (True, True)


def test_a_startup_probe_matters_no_more_once_it_has_succeeded():
    container = {"startupProbe": TCP}
    fault = Fault("startup")
    seen = probes.look(container, RUNNING, fault, began=0.0, changed=5.0, now=90.0)
    assert seen == probes.Seen(True, True)
