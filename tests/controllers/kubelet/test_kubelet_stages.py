"""The table of stages, input and output."""

import pytest

from miniplane.controllers.kubelet import stages
from miniplane.controllers.kubelet import status as reports
from miniplane.controllers.kubelet.blockers import Blocker
from miniplane.controllers.kubelet.view import View
from miniplane.testing import objects

NOW = "2026-01-01T00:00:10Z"
BEFORE = "2026-01-01T00:00:00Z"


def make_pod(*, images=("nginx:1.27",), status=None, deleted=None, generation=1, **spec):
    pod = objects.pod("web", nodeName="node-1", **spec)
    pod["spec"]["containers"] = [
        {"name": f"c{i}", "image": image, **spec.get("container", {})}
        for i, image in enumerate(images)
    ]
    pod["metadata"].update(uid="uid-web", generation=generation)
    if deleted is not None:
        pod["metadata"].update(deletionTimestamp=NOW, deletionGracePeriodSeconds=deleted)
    pod["status"] = status or {"phase": "Pending", "qosClass": "BestEffort"}
    return pod


def view(pod, *, startup=1.0, now=NOW, images=(), **more):
    return View(
        pod,
        host_ip="172.18.0.3",
        address=lambda: "10.244.0.2",
        has_image=images.__contains__,
        now=now,
        startup=startup,
        **more,
    )


def stage(pod, **more):
    found = stages.stage_of(view(pod, **more))
    return found.name if found else None


def advance(pod, **more):
    """The pod after its next stage, the stage's name and delay, and its events."""
    seen = view(pod, **more)
    found = stages.stage_of(seen)
    step = found.next(seen)
    after = pod if step.status is None else {**pod, "status": step.status}
    return after, found.name, found.delay(seen), [(e.reason, e.message) for e in step.events]


def run(pod, **more):
    """All that happens to a pod until it rests: the stages' names, and the pod in the end."""
    names = []
    while (found := stages.stage_of(view(pod, **more))) is not None:
        pod, name, _, _ = advance(pod, **more)
        names.append(name)
        if found.final:
            return names, pod
    return names, pod


def words(pod):
    return {
        c["type"]: (c["status"], c.get("reason", ""), c.get("message", ""))
        for c in pod["status"]["conditions"]
    }


UNREADY = ("False", "ContainersNotReady", "containers with unready status: [c0]")
TRUE = ("True", "", "")


def test_a_bound_pod_is_accepted():
    pod, name, delay, events = advance(make_pod())
    assert (name, delay, events) == ("accept", 0.0, [])
    status = pod["status"]
    assert {k: v for k, v in status.items() if k not in ("conditions", "containerStatuses")} == {
        "phase": "Pending",
        "qosClass": "BestEffort",
        "observedGeneration": 1,
        "hostIP": "172.18.0.3",
        "hostIPs": [{"ip": "172.18.0.3"}],
        "startTime": NOW,
        "resources": {},
    }
    assert [c["type"] for c in status["conditions"]] == list(reports.OWN_CONDITIONS)
    assert all(c["observedGeneration"] == 1 for c in status["conditions"])
    assert all(c["lastProbeTime"] is None for c in status["conditions"])
    assert words(pod) == {
        "PodReadyToStartContainers": ("False", "", ""),
        "Initialized": TRUE,
        "Ready": UNREADY,
        "ContainersReady": UNREADY,
        "PodScheduled": TRUE,
    }
    assert status["containerStatuses"] == [
        {
            "name": "c0",
            "state": {"waiting": {"reason": "ContainerCreating"}},
            "lastState": {},
            "ready": False,
            "started": False,
            "restartCount": 0,
            "image": "nginx:1.27",
            "imageID": "",
        }
    ]


def test_then_it_runs():
    pod, *_ = advance(make_pod(), now=BEFORE)
    pod, name, delay, events = advance(pod)
    assert (name, delay) == ("run", 1.0)
    assert [reason for reason, _ in events] == ["Pulling", "Pulled", "Created", "Started"]
    assert events[0][1] == 'Pulling image "nginx:1.27"'
    assert events[2:] == [("Created", "Container created"), ("Started", "Container started")]
    status = pod["status"]
    assert (status["phase"], status["podIP"], status["podIPs"], status["startTime"]) == (
        "Running",
        "10.244.0.2",
        [{"ip": "10.244.0.2"}],
        BEFORE,
    )
    assert words(pod) == dict.fromkeys(reports.OWN_CONDITIONS, TRUE)
    times = {c["type"]: c["lastTransitionTime"] for c in status["conditions"]}
    assert times == {
        "PodReadyToStartContainers": NOW,
        "Initialized": BEFORE,
        "Ready": NOW,
        "ContainersReady": NOW,
        "PodScheduled": BEFORE,
    }
    container = status["containerStatuses"][0]
    assert container["state"] == {"running": {"startedAt": NOW}}
    assert (container["ready"], container["started"], container["resources"]) == (True, True, {})
    assert container["containerID"].startswith("containerd://")
    assert container["imageID"].startswith("docker.io/library/nginx@sha256:")
    assert stage(pod) is None


def test_an_image_that_is_there_is_not_pulled_again():
    pod, *_ = advance(make_pod(images=("a:1", "b:1", "b:1")))
    events = advance(pod, images=("a:1",))[3]
    assert [reason for reason, _ in events if reason.startswith("Pull")] == [
        "Pulled",
        "Pulling",
        "Pulled",
        "Pulled",
    ]
    assert events[0][1] == (
        'Container image "a:1" already present on machine and can be accessed by the pod'
    )
    pod["spec"]["containers"][0]["imagePullPolicy"] = "Always"
    assert advance(pod, images=("a:1",))[3][0] == ("Pulling", 'Pulling image "a:1"')


def test_init_containers_run_one_after_the_other():
    init = [
        {"name": "i0", "image": "x:1"},
        {"name": "side", "image": "x:1", "restartPolicy": "Always"},
        {"name": "i1", "image": "x:1"},
    ]
    pod, *_ = advance(make_pod(initContainers=init))
    assert words(pod)["Initialized"] == (
        "False",
        "ContainersNotInitialized",
        "containers with incomplete status: [i0 side i1]",
    )
    reason = {"waiting": {"reason": "PodInitializing"}}
    shown = pod["status"]["initContainerStatuses"] + pod["status"]["containerStatuses"]
    assert [s["state"] for s in shown] == [reason] * 4

    seen = []
    while pod["status"]["phase"] == "Pending":
        pod, name, delay, _ = advance(pod, startup=3.0)
        states = [reports.state_of(s) for s in pod["status"]["initContainerStatuses"]]
        seen.append((name, delay, states, words(pod)["Initialized"][0]))
    done, waits, runs = "terminated", "waiting", "running"
    assert seen == [
        ("initialize", 1.0, [done, waits, waits], "False"),
        ("initialize", 0.0, [done, runs, waits], "False"),
        ("initialize", 1.0, [done, runs, done], "True"),
        ("run", 1.0, [done, runs, done], "True"),
    ]
    assert words(pod)["Ready"] == TRUE


def test_a_sidecar_that_is_not_ready_makes_the_pod_unready():
    init = [{"name": "side", "image": "x:1", "restartPolicy": "Always"}]
    _, pod = run(make_pod(initContainers=init))
    pod["status"]["initContainerStatuses"][0]["ready"] = False
    found = reports.conditions(
        pod,
        pod["status"]["initContainerStatuses"] + pod["status"]["containerStatuses"],
        phase="Running",
        sandbox=True,
        now=NOW,
    )
    ready = next(c for c in found if c["type"] == "Ready")
    assert ready["message"] == "containers with unready status: [side]"


def test_a_pod_in_the_hosts_network_has_the_hosts_address():
    pod, *_ = advance(make_pod(hostNetwork=True))
    assert pod["status"]["podIP"] == "172.18.0.3"


GATE = {"readinessGates": [{"conditionType": "example.com/warm"}]}


@pytest.mark.parametrize(
    "found, message",
    [
        (
            None,
            'corresponding condition of pod readiness gate "example.com/warm" does not exist.',
        ),
        ("False", 'the status of pod readiness gate "example.com/warm" is not "True", but False'),
    ],
)
def test_readiness_gates_hold_back_ready(found, message):
    pod = make_pod(**GATE)
    if found:
        pod["status"]["conditions"] = [{"type": "example.com/warm", "status": found}]
    names, pod = run(pod)
    assert names == ["accept", "run"]
    assert words(pod)["Ready"] == ("False", "ReadinessGatesNotReady", message)
    assert words(pod)["ContainersReady"] == TRUE


def test_a_gate_that_opens_is_reported():
    _, pod = run(make_pod(**GATE))
    assert stage(pod) is None
    pod["status"]["conditions"].append({"type": "example.com/warm", "status": "True"})
    pod, name, *_ = advance(pod)
    assert (name, words(pod)["Ready"]) == ("report", TRUE)
    assert pod["status"]["conditions"][0]["type"] == "example.com/warm"
    assert stage(pod) is None


def test_an_ephemeral_container_is_reported():
    _, pod = run(make_pod())
    pod["metadata"]["generation"] = 2
    pod["spec"]["ephemeralContainers"] = [{"name": "debug", "image": "busybox:1.36"}]
    pod, name, _, events = advance(pod)
    assert name == "report"
    assert [reason for reason, _ in events] == ["Pulling", "Pulled", "Created", "Started"]
    status = pod["status"]
    assert status["observedGeneration"] == 2
    assert [reports.state_of(s) for s in status["ephemeralContainerStatuses"]] == ["running"]
    assert stage(pod) is None


def test_a_deleted_pod_stops_in_order():
    _, pod = run(make_pod(images=("a:1", "b:1")))
    pod["metadata"].update(deletionTimestamp=NOW, deletionGracePeriodSeconds=30, generation=2)
    pod, name, delay, events = advance(pod)
    assert (name, delay) == ("acknowledge", 0.0)
    assert events == [
        ("Killing", "Stopping container c0"),
        ("Killing", "Stopping container c1"),
    ]
    assert pod["status"]["phase"] == "Running"
    assert [c["observedGeneration"] for c in pod["status"]["conditions"]] == [2] * 5

    pod, name, delay, events = advance(pod)
    assert (name, delay, events) == ("stop", 1.0, [])
    status = pod["status"]
    assert (status["phase"], status["observedGeneration"], status["podIP"]) == (
        "Succeeded",
        2,
        "10.244.0.2",
    )
    assert words(pod) == {
        "PodReadyToStartContainers": ("False", "", ""),
        "Initialized": ("True", "PodCompleted", ""),
        "Ready": ("False", "PodCompleted", ""),
        "ContainersReady": ("False", "PodCompleted", ""),
        "PodScheduled": TRUE,
    }
    container = status["containerStatuses"][0]
    assert container["state"]["terminated"] == {
        "exitCode": 0,
        "reason": "Completed",
        "startedAt": NOW,
        "finishedAt": NOW,
        "containerID": container["containerID"],
    }
    assert stage(pod) == "remove"
    # With a finalizer it stays, without a grace period.
    pod["metadata"]["deletionGracePeriodSeconds"] = 0
    assert stage(pod) == "rest"


def test_without_time_to_lose_the_deletion_is_not_acknowledged_apart():
    _, pod = run(make_pod())
    pod["metadata"].update(deletionTimestamp=NOW, deletionGracePeriodSeconds=30, generation=2)
    names = [advance(pod, startup=0.0)[1]]
    pod, _, delay, events = advance(pod, startup=0.0)
    assert (names, delay, events) == (["stop"], 0.0, [("Killing", "Stopping container c0")])
    assert stage(pod, startup=0.0) == "remove"


@pytest.mark.parametrize("grace, seconds", [(0, 0.0), (1, 1.0), (30, 2.0)])
def test_stopping_takes_no_longer_than_the_grace_period(grace, seconds):
    _, pod = run(make_pod())
    pod["metadata"].update(deletionTimestamp=NOW, deletionGracePeriodSeconds=grace)
    seen = view(pod, startup=2.0)
    found = stages.stage_of(seen)
    assert (found.name, found.delay(seen)) == ("stop", seconds)


def test_a_pod_that_never_ran_has_failed():
    pod, *_ = advance(make_pod())
    pod["metadata"].update(deletionTimestamp=NOW, deletionGracePeriodSeconds=30)
    pod, name, delay, events = advance(pod)
    assert (name, delay, events) == ("stop", 0.0, [])
    assert pod["status"]["phase"] == "Failed"
    ended = pod["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (137, "ContainerStatusUnknown")
    assert words(pod)["Ready"] == ("False", "PodFailed", "")
    assert stage(pod) == "remove"


def test_a_pod_deleted_before_it_was_accepted():
    pod, name, *_ = advance(make_pod(deleted=30))
    assert (name, pod["status"]["phase"]) == ("stop", "Failed")
    assert stage(pod) == "remove"


@pytest.mark.parametrize("phase, reason", [("Failed", "PodFailed"), ("Succeeded", "PodCompleted")])
def test_an_end_that_others_declared_stands(phase, reason):
    _, pod = run(make_pod())
    pod["status"].update(phase=phase, reason="Evicted", message="too much")
    pod, name, _, events = advance(pod)
    assert (name, events) == ("end", [("Killing", "Stopping container c0")])
    status = pod["status"]
    assert (status["phase"], status["reason"], status["message"]) == (phase, "Evicted", "too much")
    assert words(pod)["Ready"] == ("False", reason, "")
    assert reports.state_of(status["containerStatuses"][0]) == "terminated"
    assert stage(pod) == "rest"


def test_a_pod_that_ended_before_it_began_rests():
    assert stage(make_pod(status={"phase": "Failed"})) == "rest"


def test_a_missing_volume_holds_up_the_pod():
    pod, *_ = advance(make_pod())
    text = 'MountVolume.SetUp failed for volume "v" : secret "s" not found'
    blocker = Blocker("FailedMount", text, (("secret", "s"),))
    after, name, _, events = advance(pod, blocker=blocker)
    assert (name, events, after["status"]) == ("block", [("FailedMount", text)], pod["status"])
    assert stage(pod, blocker=blocker, blocker_told=True) == "wait"
    assert stage(pod) == "run"


def test_a_missing_variable_holds_up_one_container():
    pod, *_ = advance(make_pod(images=("a:1", "b:1")))
    text = 'configmap "x" not found'
    held = {"c1": Blocker("CreateContainerConfigError", text, (("configmap", "x"),), "c1")}
    after, name, _, events = advance(pod, held=held, images=("b:1",))
    assert name == "run"
    assert [reason for reason, _ in events] == [
        "Pulling",
        "Pulled",
        "Created",
        "Started",
        "Pulled",
        "Failed",
    ]
    assert events[-1] == ("Failed", f"Error: {text}")
    one, other = [s["state"] for s in after["status"]["containerStatuses"]]
    assert "running" in one
    assert other == {"waiting": {"reason": "CreateContainerConfigError", "message": text}}
    assert (after["status"]["phase"], after["status"]["podIP"]) == ("Pending", "10.244.0.2")
    assert stage(after, held=held) is None
    names, pod = run(after)
    assert (names, pod["status"]["phase"]) == (["run"], "Running")


def test_mounts_are_repeated():
    mounts = [
        {"name": "data", "mountPath": "/data"},
        {"name": "token", "mountPath": "/token", "readOnly": True},
    ]
    pod, *_ = advance(make_pod(container={"volumeMounts": mounts}))
    assert pod["status"]["containerStatuses"][0]["volumeMounts"] == [
        {"name": "data", "mountPath": "/data"},
        {"name": "token", "mountPath": "/token", "readOnly": True, "recursiveReadOnly": "Disabled"},
    ]


def test_a_stage_does_not_change_what_it_looks_at():
    pod = make_pod(initContainers=[{"name": "i", "image": "x:1"}])
    while stages.stage_of(view(pod)) is not None and pod["status"]["phase"] != "Running":
        frozen = repr(pod)
        after, *_ = advance(pod)
        assert repr(pod) == frozen
        pod = after
