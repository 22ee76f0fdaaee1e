"""What containers can be told to suffer from: each sequence of states and events, and back."""

import pytest

from miniplane import testing
from miniplane.api.resources import DEPLOYMENTS, EVENTS, PODS
from miniplane.controllers.kubelet import faults
from miniplane.controllers.kubelet.faults import Fault
from miniplane.testing import objects

IMAGE = objects.IMAGE
PULL_ERROR = (
    f'rpc error: code = NotFound desc = failed to pull and unpack image "{IMAGE}": '
    f'failed to resolve reference "{IMAGE}": {IMAGE}: not found'
)
HTTP = {"httpGet": {"port": 80}}


def pod(*, fail=None, container=None, **spec):
    made = objects.pod("web", **spec)
    made["spec"]["containers"][0].update(container or {})
    if fail is not None:
        made["metadata"]["annotations"] = {faults.FAIL: fail}
    return made


async def get(c):
    return await c.client.get(PODS, "web", "default")


async def state(c, name="main"):
    """Of a container: its state in a word, whether it is ready, its restarts, its last end."""
    found = await get(c)
    statuses = [
        *(found["status"].get("initContainerStatuses") or ()),
        *found["status"]["containerStatuses"],
    ]
    status = next(s for s in statuses if s["name"] == name)
    [(kind, detail)] = status["state"].items()
    last = status["lastState"].get("terminated") or {}
    word = "Running" if kind == "running" else detail["reason"]
    return word, status["ready"], status["restartCount"], last.get("reason"), last.get("exitCode")


async def told(c, *reasons):
    """Events about the pod: reason, message, count."""
    found = [e for e in await c.list(EVENTS) if e["involvedObject"]["name"] == "web"]
    return [
        (e["reason"], e["message"], e.get("count"))
        for e in found
        if e["source"].get("component") == "kubelet" and (not reasons or e["reason"] in reasons)
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("crashloop", Fault("exit", 1)),
        ("exit=3", Fault("exit", 3)),
        ("exit=256", None),
        ("exit=", None),
        ("exit", None),
        ("oom", Fault("oom", 137)),
        ("image-pull", Fault("image-pull")),
        ("exit=CODE", None),
        ("", None),
    ],
)
def test_words(text, fault):
    assert faults.parse(text) == fault


def test_faults_of_one_container_and_of_all():
    made = pod(initContainers=[{"name": "init", "image": IMAGE}])
    made["spec"]["containers"].append({"name": "side", "image": IMAGE, "livenessProbe": HTTP})
    made["metadata"]["annotations"] = {
        faults.FAIL: "oom",
        f"{faults.FAIL}.side": "none",
        f"{faults.FAIL}.init": "image-pull",
    }
    assert faults.of_pod(made) == faults.Asked(
        {"init": Fault("image-pull"), "main": Fault("oom", 137)}
    )
    made["metadata"]["annotations"] = {faults.FAIL: "liveness"}
    assert faults.of_pod(made) == faults.Asked({"side": Fault("liveness")})
    made["metadata"]["annotations"] = {
        f"{faults.FAIL}.main": "liveness",
        f"{faults.FAIL}.other": "oom",
        faults.FAIL: "startup",
    }
    assert faults.of_pod(made) == faults.Asked(
        {},
        f"{faults.FAIL}.other: the pod has no container 'other'; "
        f"{faults.FAIL}.main: container 'main' has no livenessProbe; "
        f"{faults.FAIL}: no container has a startupProbe",
    )


async def test_a_crash_loop_from_the_beginning():
    async with testing.cluster(nodes=1) as c:
        await c.client.create(PODS, pod(fail="crashloop"))
        await c.settle()
        assert await state(c) == ("Running", True, 0, None, None)
        await c.advance(1)
        assert await state(c) == ("Running", True, 1, "Error", 1)
        await c.advance(1)
        assert await state(c) == ("CrashLoopBackOff", False, 1, "Error", 1)
        found = await get(c)
        assert found["status"]["phase"] == "Running"
        where = f"web_default({found['metadata']['uid']})"
        waiting = found["status"]["containerStatuses"][0]["state"]["waiting"]
        assert waiting["message"] == (f"back-off 10s restarting failed container=main pod={where}")
        ready = next(x for x in found["status"]["conditions"] if x["type"] == "Ready")
        assert (ready["status"], ready["reason"]) == ("False", "ContainersNotReady")
        await c.advance(10)
        assert await state(c) == ("Running", True, 2, "Error", 1)
        await c.advance(1 + 20 + 1 + 40 + 1 + 80 + 1 + 160 + 1)
        waiting = (await get(c))["status"]["containerStatuses"][0]["state"]["waiting"]
        assert waiting["message"].startswith("back-off 5m0s restarting")
        # Of 7 and 11, as of too many events about one object some are dropped.
        assert await told(c, "BackOff", "Started") == [
            ("Started", "Container started", 6),
            ("BackOff", f"Back-off restarting failed container main in pod {where}", 6),
        ]


async def test_a_long_back_off_is_told_again_and_again():
    async with testing.cluster(nodes=1) as c:
        await c.client.create(PODS, pod(fail="crashloop"))
        await c.settle()
        # Starts after 0, 1, 12, 33 and 74 seconds: then it waits for 80.
        await c.advance(76)
        counts = []
        for _ in range(8):
            [(_, _, count)] = await told(c, "BackOff")
            counts.append(count)
            await c.advance(10)
        assert counts == [4, 4, 4, 4, 4, 4, 5, 5]


async def test_an_image_that_is_missing_is_told_at_each_look():
    async with testing.cluster(nodes=1) as c:
        await c.client.create(PODS, pod(fail="image-pull"))
        await c.settle()
        await c.advance(69)
        # Tried after 0, 10 and 30 seconds, looked at after 2, 12, 24, 32, 44, 56 and 68.
        assert (await told(c, "BackOff"))[0][2] == 7
        assert (await told(c, "Failed"))[2][1:] == ("Error: ImagePullBackOff", 7)


async def test_a_pod_that_runs_fails_at_once_and_heals_at_once():
    async with testing.cluster(nodes=1) as c:
        await c.client.create(PODS, pod())
        await c.settle()
        await c.advance(100)
        await c.fail("web", "exit=3")
        await c.drain()
        assert await state(c) == ("Running", True, 1, "Error", 3)
        await c.advance(50)
        assert await state(c) == ("CrashLoopBackOff", False, 3, "Error", 3)
        await c.heal("web")
        await c.drain()
        assert await state(c) == ("Running", True, 4, "Error", 3)
        await c.advance(3600)
        assert await state(c) == ("Running", True, 4, "Error", 3)
        assert (await get(c))["metadata"].get("annotations") is None


async def test_without_restarts_a_fault_ends_the_pod():
    async with testing.cluster(nodes=1) as c:
        await c.client.create(PODS, pod(restartPolicy="Never"))
        await c.settle()
        await c.fail("web", "oom")
        await c.advance(1)
        assert (await get(c))["status"]["phase"] == "Failed"
        assert await state(c) == ("OOMKilled", False, 0, None, None)


async def test_out_of_memory():
    async with testing.cluster(nodes=1) as c:
        await c.client.create(PODS, pod(fail="oom"))
        await c.settle()
        await c.advance(1)
        assert await state(c) == ("Running", True, 1, "OOMKilled", 137)
        await c.advance(1)
        assert await state(c) == ("CrashLoopBackOff", False, 1, "OOMKilled", 137)


async def test_an_image_that_cannot_be_pulled():
    async with testing.cluster(nodes=1) as c:
        await c.client.create(PODS, pod(fail="image-pull"))
        await c.settle()
        assert await state(c) == ("ErrImagePull", False, 0, None, None)
        found = await get(c)
        assert found["status"]["phase"] == "Pending"
        waiting = found["status"]["containerStatuses"][0]["state"]["waiting"]
        assert waiting["message"] == PULL_ERROR
        await c.advance(2)
        assert await state(c) == ("ImagePullBackOff", False, 0, None, None)
        waiting = (await get(c))["status"]["containerStatuses"][0]["state"]["waiting"]
        text = f'Back-off pulling image "{IMAGE}"'
        assert waiting["message"] == f"{text}: ErrImagePull: {PULL_ERROR}"
        assert await told(c) == [
            ("Pulling", f'Pulling image "{IMAGE}"', 1),
            ("Failed", f'Failed to pull image "{IMAGE}": {PULL_ERROR}', 1),
            ("Failed", "Error: ErrImagePull", 1),
            ("BackOff", text, 1),
            ("Failed", "Error: ImagePullBackOff", 1),
        ]
        tries = []
        before = "ImagePullBackOff"
        for second in range(2, 1000):
            (word, *_) = await state(c)
            if (before, word) == ("ImagePullBackOff", "ErrImagePull"):
                tries.append(second)
            before = word
            await c.advance(1)
        assert tries == [10, 30, 70, 150, 310, 610, 910]
        await c.heal("web")
        await c.settle()
        assert await state(c) == ("Running", True, 0, None, None)


async def test_an_image_that_is_gone_from_a_pod_that_runs():
    async with testing.cluster(nodes=1) as c:
        await c.client.create(PODS, pod())
        await c.settle()
        await c.fail("web", "image-pull")
        await c.settle()
        assert await state(c) == ("ErrImagePull", False, 0, "Error", 143)
        assert (await get(c))["status"]["phase"] == "Running"
        assert await told(c, "Killing") == [("Killing", "Stopping container main", 1)]
        await c.heal("web")
        await c.settle()
        assert await state(c) == ("Running", True, 1, "Error", 143)


async def test_the_others_start_while_one_image_is_missing():
    async with testing.cluster(nodes=1) as c:
        made = pod(initContainers=[{"name": "init", "image": "busybox"}])
        made["spec"]["containers"].append({"name": "other", "image": "nginx"})
        made["metadata"]["annotations"] = {
            f"{faults.FAIL}.other": "image-pull",
            f"{faults.FAIL}.init": "image-pull",
        }
        await c.client.create(PODS, made)
        await c.settle()
        assert (await state(c, "init"))[0] == "ErrImagePull"
        assert (await state(c))[0] == "PodInitializing"
        await c.advance(15)
        assert (await state(c, "init"))[0] == "ImagePullBackOff"
        note = {"metadata": {"annotations": {f"{faults.FAIL}.init": None}}}
        await c.client.patch(PODS, "web", note, "default")
        await c.settle()
        assert await state(c, "init") == ("Completed", True, 0, None, None)
        assert await state(c) == ("Running", True, 0, None, None)
        assert (await state(c, "other"))[0] == "ErrImagePull"
        assert (await get(c))["status"]["phase"] == "Pending"
        await c.heal("web")
        await c.settle()
        assert await state(c, "other") == ("Running", True, 0, None, None)
        assert (await get(c))["status"]["phase"] == "Running"


async def test_not_ready():
    probe = {**HTTP, "periodSeconds": 5}
    async with testing.cluster(nodes=1) as c:
        await c.client.create(PODS, pod(container={"readinessProbe": probe}))
        await c.settle()
        assert await state(c) == ("Running", True, 0, None, None)
        await c.fail("web", "not-ready")
        await c.settle()
        assert await state(c) == ("Running", False, 0, None, None)
        text = "Readiness probe failed: HTTP probe failed with statuscode: 503"
        assert await told(c, "Unhealthy") == [("Unhealthy", text, 1)]
        await c.advance(21)
        assert await told(c, "Unhealthy") == [("Unhealthy", text, 5)]
        await c.heal("web")
        await c.settle()
        assert await state(c) == ("Running", True, 0, None, None)
        await c.advance(60)
        assert await told(c, "Unhealthy") == [("Unhealthy", text, 5)]


async def test_not_ready_without_a_probe_is_just_that():
    async with testing.cluster(nodes=1) as c:
        await c.client.create(PODS, pod(fail="not-ready"))
        await c.settle()
        assert await state(c) == ("Running", False, 0, None, None)
        assert await told(c, "Unhealthy") == []
        await c.heal("web")
        await c.settle()
        assert await state(c) == ("Running", True, 0, None, None)


async def test_liveness():
    probe = {"tcpSocket": {"port": "http"}, "periodSeconds": 3, "failureThreshold": 2}
    container = {"livenessProbe": probe, "ports": [{"name": "http", "containerPort": 8080}]}
    async with testing.cluster(nodes=1) as c:
        await c.client.create(PODS, pod(container=container))
        await c.settle()
        await c.fail("web", "liveness")
        await c.advance(2)
        assert await state(c) == ("Running", True, 0, None, None)
        refused = "Liveness probe failed: dial tcp 10.244.0.2:8080: connect: connection refused"
        assert await told(c, "Unhealthy") == [("Unhealthy", refused, 1)]
        await c.advance(1)
        assert await state(c) == ("Running", True, 1, "Error", 137)
        assert await told(c, "Unhealthy", "Killing") == [
            ("Unhealthy", refused, 3),
            ("Killing", "Container main failed liveness probe, will be restarted", 1),
        ]
        await c.advance(3)
        assert (await state(c))[:3] == ("CrashLoopBackOff", False, 1)
        await c.heal("web")
        await c.settle()
        assert await state(c) == ("Running", True, 2, "Error", 137)


async def test_startup():
    probe = {"exec": {"command": ["up"]}, "periodSeconds": 2, "initialDelaySeconds": 4}
    container = {"startupProbe": probe, "readinessProbe": HTTP}
    async with testing.cluster(nodes=1) as c:
        await c.client.create(PODS, pod(fail="startup", container=container))
        await c.settle()
        await c.advance(7)
        assert await state(c) == ("Running", False, 0, None, None)
        await c.advance(1)
        assert await state(c) == ("Running", False, 1, "Error", 137)
        assert await told(c, "Unhealthy", "Killing") == [
            ("Unhealthy", "Startup probe failed: command terminated with exit code 1", 3),
            ("Killing", "Container main failed startup probe, will be restarted", 1),
        ]
        await c.heal("web")
        await c.settle()
        assert await state(c) == ("Running", True, 1, "Error", 137)


async def test_what_cannot_be_meant_is_told_once():
    async with testing.cluster(nodes=1) as c:
        await c.client.create(PODS, pod(fail="flood"))
        await c.settle()
        words = "crashloop, exit=CODE, oom, image-pull, not-ready, liveness, startup"
        text = f"sim.miniplane.dev/fail: 'flood' is none of {words}"
        assert await state(c) == ("Running", True, 0, None, None)
        await c.client.patch(PODS, "web", {"metadata": {"labels": {"a": "b"}}}, "default")
        await c.settle()
        assert await told(c, "InvalidAnnotation") == [("InvalidAnnotation", text, 1)]
        await c.fail("web", "oom")
        await c.advance(2)
        assert (await state(c))[3] == "OOMKilled"


async def test_durations_and_codes_that_are_none():
    async with testing.cluster(nodes=1) as c:
        made = pod(fail="oom=1")
        run_for, code = "sim.miniplane.dev/run-for", "sim.miniplane.dev/exit-code.main"
        made["metadata"]["annotations"] |= {run_for: "5", code: "1,x"}
        await c.client.create(PODS, made)
        await c.settle()
        [(_, text, _)] = await told(c, "InvalidAnnotation")
        assert text.split("; ")[1:] == [
            f"{run_for}: '5' is neither a duration such as 5s nor forever",
            f"{code}: '1,x' is no list of numbers from 0 to 255",
        ]


async def test_a_template_says_it_for_all_pods():
    async with testing.cluster(nodes=2) as c:
        made = objects.deployment("web", replicas=2)
        made["spec"]["template"]["metadata"]["annotations"] = {faults.FAIL: "image-pull"}
        await c.client.create(DEPLOYMENTS, made)
        await c.settle()
        reasons = [
            p["status"]["containerStatuses"][0]["state"]["waiting"]["reason"]
            for p in await c.pods()
        ]
        assert reasons == ["ErrImagePull", "ErrImagePull"]


async def test_the_kubelet_forgets_a_pod_that_is_gone():
    async with testing.cluster(nodes=1) as c:
        await c.client.create(PODS, pod(fail="crashloop"))
        await c.settle()
        await c.advance(30)
        await c.client.delete(PODS, "web", "default")
        await c.settle()
        assert not c.cluster.manager.find("kubelet").views.lives


async def test_a_day_in_a_crash_loop():
    async with testing.cluster(nodes=1, node_lease_duration=86_400) as c:
        await c.client.create(PODS, pod(fail="crashloop"))
        await c.settle()
        await c.advance(86_400)
        # A second each, and 0, 10, 20, 40, 80, 160 between them; from then on 300.
        assert (await state(c))[2] == 6 + (86_400 - 316) // 301
        [(_, _, count)] = await told(c, "BackOff")
        assert count > 20
        ended = (await get(c))["status"]["containerStatuses"][0]["lastState"]["terminated"]
        assert ended["finishedAt"].startswith("2026-01-01T23:5")
