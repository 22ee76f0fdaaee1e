"""The READY, STATUS and RESTARTS cells of pods in every state that people get to see."""

import pytest

from miniplane.api import resources, tables

NOW = 1_800_000_000.0
CREATED, RESTARTED = "2027-01-15T07:58:00Z", "2027-01-15T07:55:00Z"


def pod(*, containers=1, init=(), statuses=(), init_statuses=(), deleted=False, **status):
    metadata = {"name": "a", "creationTimestamp": CREATED}
    if deleted:
        metadata["deletionTimestamp"] = CREATED
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {
            "containers": [{"name": f"c{i}"} for i in range(containers)],
            "initContainers": list(init),
        },
        "status": {
            "containerStatuses": list(statuses),
            "initContainerStatuses": list(init_statuses),
            **status,
        },
    }


def container(name="c0", *, ready=False, restarts=0, last=None, started=None, **state):
    status = {"name": name, "ready": ready, "restartCount": restarts, "state": state}
    if last:
        status["lastState"] = {"terminated": {"exitCode": 1, "finishedAt": last}}
    if started is not None:
        status["started"] = started
    return status


def condition(kind, status="True", **more):
    return {"type": kind, "status": status, **more}


RUNNING = {"running": {"startedAt": CREATED}}
SIDECAR = {"name": "s", "restartPolicy": "Always"}
STEP, STEP2 = {"name": "i0"}, {"name": "i1"}


@pytest.mark.parametrize(
    ("ready", "status", "restarts", "obj"),
    [
        ("0/1", "", "0", pod()),
        ("0/2", "Pending", "0", pod(containers=2, phase="Pending")),
        (
            "0/1",
            "SchedulingGated",
            "0",
            pod(
                phase="Pending",
                conditions=[condition("PodScheduled", "False", reason="SchedulingGated")],
            ),
        ),
        (
            "0/1",
            "ContainerCreating",
            "0",
            pod(
                phase="Pending",
                statuses=[container(waiting={"reason": "ContainerCreating"})],
            ),
        ),
        ("1/1", "Running", "0", pod(phase="Running", statuses=[container(ready=True, **RUNNING)])),
        (
            "1/2",
            "CrashLoopBackOff",
            "4 (5m ago)",
            pod(
                containers=2,
                phase="Running",
                statuses=[
                    container("c0", ready=True, **RUNNING),
                    container(
                        "c1", restarts=4, last=RESTARTED, waiting={"reason": "CrashLoopBackOff"}
                    ),
                ],
            ),
        ),
        (
            "0/1",
            "ImagePullBackOff",
            "0",
            pod(phase="Pending", statuses=[container(waiting={"reason": "ImagePullBackOff"})]),
        ),
        (
            "0/1",
            "Completed",
            "0",
            pod(
                phase="Succeeded",
                statuses=[container(terminated={"exitCode": 0, "reason": "Completed"})],
            ),
        ),
        (
            "0/1",
            "Error",
            "2",
            pod(
                phase="Failed",
                statuses=[container(restarts=2, terminated={"exitCode": 1, "reason": "Error"})],
            ),
        ),
        (
            "0/1",
            "OOMKilled",
            "0",
            pod(
                phase="Failed",
                statuses=[container(terminated={"exitCode": 137, "reason": "OOMKilled"})],
            ),
        ),
        (
            "0/1",
            "ExitCode:3",
            "0",
            pod(phase="Failed", statuses=[container(terminated={"exitCode": 3})]),
        ),
        (
            "0/1",
            "Signal:9",
            "0",
            pod(phase="Failed", statuses=[container(terminated={"exitCode": 137, "signal": 9})]),
        ),
        ("0/1", "Evicted", "0", pod(phase="Failed", reason="Evicted")),
        (
            "1/2",
            "NotReady",
            "0",
            pod(
                containers=2,
                phase="Running",
                statuses=[
                    container("c0", terminated={"exitCode": 0, "reason": "Completed"}),
                    container("c1", ready=True, **RUNNING),
                ],
            ),
        ),
        (
            "1/2",
            "Running",
            "0",
            pod(
                containers=2,
                phase="Running",
                conditions=[condition("Ready")],
                statuses=[
                    container("c0", terminated={"exitCode": 0, "reason": "Completed"}),
                    container("c1", ready=True, **RUNNING),
                ],
            ),
        ),
        (
            "1/1",
            "Terminating",
            "0",
            pod(deleted=True, phase="Running", statuses=[container(ready=True, **RUNNING)]),
        ),
        ("0/1", "Failed", "0", pod(deleted=True, phase="Failed")),
        ("0/1", "Unknown", "0", pod(deleted=True, phase="Running", reason="NodeLost")),
    ],
)
def test_states(ready, status, restarts, obj):
    row = tables.cells(resources.PODS, obj, NOW)
    assert row[1:4] == [ready, status, restarts]


@pytest.mark.parametrize(
    ("ready", "status", "restarts", "obj"),
    [
        (
            "0/1",
            "Init:0/2",
            "0",
            pod(init=[STEP, STEP2], init_statuses=[container("i0", **RUNNING), container("i1")]),
        ),
        (
            "0/1",
            "Init:1/2",
            "1 (5m ago)",
            pod(
                init=[STEP, STEP2],
                init_statuses=[
                    container("i0", restarts=1, last=RESTARTED, terminated={"exitCode": 0}),
                    container("i1", waiting={"reason": "PodInitializing"}),
                ],
            ),
        ),
        (
            "0/1",
            "Init:Error",
            "0",
            pod(
                init=[STEP],
                init_statuses=[container("i0", terminated={"exitCode": 1, "reason": "Error"})],
            ),
        ),
        (
            "0/1",
            "Init:ExitCode:2",
            "0",
            pod(init=[STEP], init_statuses=[container("i0", terminated={"exitCode": 2})]),
        ),
        (
            "0/1",
            "Init:Signal:9",
            "0",
            pod(
                init=[STEP],
                init_statuses=[container("i0", terminated={"exitCode": 137, "signal": 9})],
            ),
        ),
        (
            "0/1",
            "Init:CrashLoopBackOff",
            "3",
            pod(
                init=[STEP],
                init_statuses=[container("i0", restarts=3, waiting={"reason": "CrashLoopBackOff"})],
            ),
        ),
        (
            "0/1",
            "PodInitializing",
            "0",
            pod(
                init=[STEP],
                init_statuses=[container("i0", restarts=5, terminated={"exitCode": 0})],
                statuses=[container(waiting={"reason": "PodInitializing"})],
            ),
        ),
        (
            "2/2",
            "Running",
            "3 (5m ago)",
            pod(
                phase="Running",
                init=[SIDECAR],
                init_statuses=[
                    container("s", ready=True, started=True, restarts=2, last=RESTARTED, **RUNNING)
                ],
                statuses=[container(ready=True, restarts=1, **RUNNING)],
            ),
        ),
        (
            "0/2",
            "Init:0/1",
            "0",
            pod(init=[SIDECAR], init_statuses=[container("s", started=False, **RUNNING)]),
        ),
        (
            "1/1",
            "Init:ExitCode:1",
            "0",
            pod(
                phase="Running",
                init=[STEP],
                conditions=[condition("Initialized")],
                init_statuses=[container("i0", restarts=1, terminated={"exitCode": 1})],
                statuses=[container(ready=True, **RUNNING)],
            ),
        ),
    ],
)
def test_init_containers(ready, status, restarts, obj):
    row = tables.cells(resources.PODS, obj, NOW)
    assert row[1:4] == [ready, status, restarts]


def test_wide_cells():
    obj = pod(
        podIPs=[{"ip": "10.0.0.1"}, {"ip": "fd00::1"}],
        nominatedNodeName="n2",
        conditions=[condition("gate/a"), condition("gate/b", "False")],
    )
    obj["spec"]["nodeName"] = "n1"
    obj["spec"]["readinessGates"] = [
        {"conditionType": "gate/a"},
        {"conditionType": "gate/b"},
        {"conditionType": "gate/c"},
    ]
    assert tables.cells(resources.PODS, obj, NOW)[4:] == ["2m", "10.0.0.1", "n1", "n2", "1/3"]
    assert tables.cells(resources.PODS, {}, NOW)[4:] == ["<unknown>", *["<none>"] * 4]


def test_finished_pods_have_a_row_condition():
    done = tables.render(resources.PODS, [pod(phase="Succeeded"), pod(phase="Running")], now=NOW)
    assert done["rows"][0]["conditions"] == [
        {
            "type": "Completed",
            "status": "True",
            "reason": "Succeeded",
            "message": "The pod has completed successfully.",
        }
    ]
    assert "conditions" not in done["rows"][1]
