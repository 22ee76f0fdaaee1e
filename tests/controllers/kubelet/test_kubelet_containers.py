"""Containers that end: when, with what, and when they are started again."""

from typing import Any

import pytest

from miniplane import testing
from miniplane.api.objects import Obj
from miniplane.api.resources import EVENTS, JOBS, PODS
from miniplane.controllers.kubelet import commands, containers
from miniplane.controllers.kubelet.commands import Foresight
from miniplane.testing import objects


@pytest.mark.parametrize(
    ("argv", "seconds", "code"),
    [
        (["echo", "hello"], 0, 0),
        (["/bin/sleep", "1m", "5"], 65, 0),
        (["false"], 0, 1),
        (["sh", "-c", "date; echo Hello from the cluster"], 0, 0),
        (["bash", "-c", "echo 'it fails' && sleep 5 && exit 42"], 5, 42),
        (["sh", "-c", "false || exit 3"], 0, 3),
        (["sh", "-ec", "# a comment\necho a\nfalse\nsleep 3"], 0, 1),
        (["sh", "-c", "set -e; false; sleep 3"], 0, 1),
        (["sleep", "infinity"], None, 0),
        (["sh", "-c", "printenv NAME && sleep 2; printenv NOBODY"], 2, 1),
        (["printenv"], 0, 0),
    ],
)
def test_commands_that_are_understood(argv, seconds, code):
    assert commands.foresee(argv, {"NAME": "web-0"}) == Foresight(seconds, code)


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["perl", "-wle", "print 1"],
        ["sleep", "$TIME"],
        ["sh", "-c", "echo $(date)"],
        ["sh", "-c", "sleep 2 | cat"],
        ["sh", "-c", "while true; do sleep 1; done"],
        ["sh", "-c", "echo 'no end"],
        ["sh", "script.sh"],
    ],
)
def test_commands_that_are_not(argv):
    assert commands.foresee(argv) is None


def pod(name: str = "p", *, notes: dict[str, str] | None = None, **spec: Any) -> Obj:
    made = objects.pod(name, **spec)
    made["metadata"]["annotations"] = {
        f"{containers.PREFIX}{key}": value for key, value in (notes or {}).items()
    }
    return made


@pytest.mark.parametrize(
    ("notes", "seconds", "codes"),
    [
        ({"run-for": "1m30s"}, 90.0, (0,)),
        ({"exit-code": "3"}, 10.0, (3,)),
        ({"run-for": "5s", "exit-code": "1, 0"}, 5.0, (1, 0)),
        ({"run-for": "5s", "run-for.main": "7s"}, 7.0, (0,)),
    ],
)
def test_annotations_say_what_containers_do(notes, seconds, codes):
    found = containers.behaviours(pod(notes=notes), job_duration=10.0)
    assert found == {"main": containers.Behaviour(seconds, codes)}


@pytest.mark.parametrize(
    "notes", [{}, {"run-for": "soon"}, {"exit-code": "x"}, {"run-for": "forever", "exit-code": "1"}]
)
def test_all_others_run_until_they_are_stopped(notes):
    assert containers.behaviours(pod(notes=notes), job_duration=10.0) == {}


def test_back_offs_double_and_are_forgotten():
    life = containers.Life("u", 0.0)
    waits, now = [], 100.0
    for run in range(8):
        life.begin("main", run, now)
        life.end("main", run, now)
        ended = {"terminated": {"exitCode": 1}}
        at, _ = life.restarts_at({"name": "main", "restartCount": run, "state": ended})
        waits.append(at - now)
        now = at
    assert waits == [0, 10, 20, 40, 80, 160, 300, 300]
    life.begin("main", 8, now)
    life.end("main", 8, now + 601)
    ended = {"terminated": {"exitCode": 1}}
    at, _ = life.restarts_at({"name": "main", "restartCount": 8, "state": ended})
    assert at == now + 601


async def test_a_pod_that_ends_well() -> None:
    async with testing.cluster(nodes=1) as c:
        await c.client.create(PODS, pod(notes={"run-for": "5s"}, restartPolicy="Never"))
        await c.advance(4.9)
        assert (await c.pods())[0]["status"]["phase"] == "Running"
        await c.settle()
        status = (await c.pods())[0]["status"]
        assert status["phase"] == "Succeeded"
        ended = status["containerStatuses"][0]["state"]["terminated"]
        assert (ended["exitCode"], ended["reason"]) == (0, "Completed")
        assert ended["finishedAt"] == "2026-01-01T00:00:05Z"
        ready = next(one for one in status["conditions"] if one["type"] == "Ready")
        assert (ready["status"], ready["reason"]) == ("False", "PodCompleted")


async def test_one_of_two_containers_fails() -> None:
    async with testing.cluster(nodes=1) as c:
        both = [{"name": name, "image": "x"} for name in ("a", "b")]
        notes = {"run-for.a": "2s", "exit-code.a": "3", "run-for.b": "4s"}
        await c.client.create(PODS, pod(notes=notes, restartPolicy="Never", containers=both))
        await c.advance(3)
        status = (await c.pods())[0]["status"]
        assert status["phase"] == "Running"
        assert [one["ready"] for one in status["containerStatuses"]] == [False, True]
        await c.settle()
        status = (await c.pods())[0]["status"]
        assert status["phase"] == "Failed"
        ready = next(one for one in status["conditions"] if one["type"] == "Ready")
        assert ready["reason"] == "PodFailed"


async def test_a_container_is_started_again_though_it_is_to_stay_up_from_now_on() -> None:
    async with testing.cluster(nodes=1) as c:
        notes = {"run-for": "1s", "exit-code": "1"}
        await c.client.create(PODS, pod(notes=notes))
        await c.advance(5)
        healed = {"metadata": {"annotations": {f"{containers.PREFIX}{key}": None for key in notes}}}
        await c.client.patch(PODS, "p", healed, "default")
        await c.advance(20)
        [status] = (await c.pods())[0]["status"]["containerStatuses"]
        assert (status["ready"], status["restartCount"]) == (True, 2)
        await c.advance(600)
        assert (await c.pods())[0]["status"]["containerStatuses"] == [status]


async def test_a_crash_loop() -> None:
    async with testing.cluster(nodes=1) as c:
        await c.client.create(PODS, pod(notes={"run-for": "1s", "exit-code": "1"}))
        await c.advance(5)
        pod_ = (await c.pods())[0]
        [status] = pod_["status"]["containerStatuses"]
        assert pod_["status"]["phase"] == "Running"
        waiting = status["state"]["waiting"]
        assert waiting["reason"] == "CrashLoopBackOff"
        uid = pod_["metadata"]["uid"]
        told = f"back-off 10s restarting failed container=main pod=p_default({uid})"
        assert waiting["message"] == told
        assert status["restartCount"] == 1
        assert status["lastState"]["terminated"]["exitCode"] == 1
        await c.advance(60)
        [status] = (await c.pods())[0]["status"]["containerStatuses"]
        assert status["restartCount"] == 3
        assert "back-off 40s" in status["state"]["waiting"]["message"]
        events = {e["reason"]: e["count"] for e in await c.list(EVENTS) if "count" in e}
        assert events["Started"] == 4 and events["BackOff"] == 3


async def test_a_second_try_is_enough() -> None:
    async with testing.cluster(nodes=1) as c:
        notes = {"run-for": "1s", "exit-code": "1,0"}
        await c.client.create(PODS, pod(notes=notes, restartPolicy="OnFailure"))
        await c.advance(10)
        status = (await c.pods())[0]["status"]
        assert status["phase"] == "Succeeded"
        assert status["containerStatuses"][0]["restartCount"] == 1


async def test_an_init_container_fails() -> None:
    async with testing.cluster(nodes=1) as c:
        init = [{"name": "prepare", "image": "x"}]
        notes = {"exit-code.prepare": "1"}
        never = pod("never", notes=notes, restartPolicy="Never", initContainers=init)
        again = pod("again", notes={"exit-code.prepare": "1,1,0"}, initContainers=init)
        await c.client.create(PODS, never)
        await c.client.create(PODS, again)
        await c.advance(5)
        phases = {p["metadata"]["name"]: p["status"] for p in await c.pods()}
        assert phases["never"]["phase"] == "Failed"
        assert phases["again"]["phase"] == "Pending"
        [init_status] = phases["again"]["initContainerStatuses"]
        assert init_status["state"]["waiting"]["reason"] == "CrashLoopBackOff"
        await c.advance(10)
        phases = {p["metadata"]["name"]: p["status"] for p in await c.pods()}
        assert phases["again"]["phase"] == "Running"
        assert phases["again"]["initContainerStatuses"][0]["restartCount"] == 2


async def test_sidecars_end_with_the_others() -> None:
    async with testing.cluster(nodes=1) as c:
        sidecar = {"name": "proxy", "image": "x", "restartPolicy": "Always"}
        fields = {"restartPolicy": "Never", "initContainers": [sidecar]}
        await c.client.create(PODS, pod(notes={"run-for": "2s"}, **fields))
        await c.settle()
        status = (await c.pods())[0]["status"]
        assert status["phase"] == "Succeeded"
        assert status["initContainerStatuses"][0]["state"]["terminated"]["exitCode"] == 0


async def test_a_pod_that_is_active_for_too_long() -> None:
    async with testing.cluster(nodes=1) as c:
        await c.client.create(PODS, pod(activeDeadlineSeconds=30))
        await c.advance(31)
        status = (await c.pods())[0]["status"]
        assert (status["phase"], status["reason"]) == ("Failed", "DeadlineExceeded")


async def test_a_pod_of_a_job_that_waits_for_a_volume_rests() -> None:
    async with testing.cluster(nodes=1) as c:
        volume = {"name": "v", "configMap": {"name": "later"}}
        await c.client.create(JOBS, objects.job("j", pod_fields={"volumes": [volume]}))
        await c.settle()
        assert (await c.pods())[0]["status"]["phase"] == "Pending"
        await c.client.create(c.resource("configmaps", ""), objects.config_map("later"))
        await c.settle()
        assert (await c.pods())[0]["status"]["phase"] == "Succeeded"


async def test_a_pod_of_a_job_that_is_deleted_has_failed() -> None:
    async with testing.cluster(nodes=1, pod_startup=1.0, job_duration=1_000.0) as c:
        await c.client.create(JOBS, objects.job("j"))
        await c.advance(5)
        [first] = await c.pods()
        await c.client.delete(PODS, first["metadata"]["name"], "default")
        await c.advance(30)
        status = (await c.client.get(JOBS, "j", "default"))["status"]
        assert status["failed"] == 1 and status["active"] == 1


@pytest.mark.parametrize(
    ("own", "code", "phase", "restarts"),
    [
        ({"restartPolicy": "Always"}, "0", "Running", 1),
        ({"restartPolicy": "OnFailure"}, "0", "Succeeded", 0),
        ({"restartPolicy": "OnFailure"}, "3", "Running", 1),
        ({"restartPolicy": "Never", "restartPolicyRules": [{"In": [42]}]}, "42", "Running", 1),
        ({"restartPolicy": "Never", "restartPolicyRules": [{"In": [42]}]}, "1", "Failed", 0),
        ({"restartPolicy": "Never", "restartPolicyRules": [{"NotIn": [1]}]}, "2", "Running", 1),
    ],
)
async def test_a_container_has_a_policy_of_its_own(own, code, phase, restarts):
    rules = [
        {"action": "Restart", "exitCodes": {"operator": operator, "values": values}}
        for rule in own.get("restartPolicyRules") or ()
        for operator, values in rule.items()
    ]
    async with testing.cluster(nodes=1) as c:
        made = pod(notes={"run-for": "5s", "exit-code": code}, restartPolicy="Never")
        made["spec"]["containers"][0] |= own | ({"restartPolicyRules": rules} if rules else {})
        await c.client.create(PODS, made)
        await c.settle()
        await c.advance(6)
        status = (await c.client.get(PODS, "p", "default"))["status"]
        assert (status["phase"], status["containerStatuses"][0]["restartCount"]) == (
            phase,
            restarts,
        )


async def test_a_container_sleeps_before_it_stops():
    async with testing.cluster(nodes=1, pod_startup=1.0) as c:
        made = objects.pod("p", terminationGracePeriodSeconds=60)
        made["spec"]["containers"][0]["lifecycle"] = {"preStop": {"sleep": {"seconds": 20}}}
        await c.client.create(PODS, made)
        await c.settle()
        await c.client.delete(PODS, "p", "default")
        await c.advance(20)
        [still] = await c.pods()
        assert "running" in still["status"]["containerStatuses"][0]["state"]
        await c.advance(2)
        assert await c.pods() == []
