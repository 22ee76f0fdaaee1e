"""What simulated containers say by themselves, which runs there are, and how both are read."""

import pytest

from miniplane.api.errors import StatusError
from miniplane.runtime.logs import runs, spoken
from miniplane.runtime.logs.podlogs import PodLogs
from miniplane.runtime.logs.reading import LogOptions
from miniplane.runtime.logs.runs import Run
from miniplane.runtime.logs.spoken import Script

START = "2026-01-01T00:00:00Z"
"""Where the clock of these tests starts, too."""


def pod(*statuses, notes=None, containers=("web",), init=(), kind="containerStatuses"):
    return {
        "metadata": {
            "name": "p",
            "uid": "u",
            "creationTimestamp": START,
            "annotations": notes or {},
        },
        "spec": {
            "containers": [{"name": name} for name in containers],
            "initContainers": [{"name": name} for name in init],
        },
        "status": {kind: list(statuses)},
    }


def status(state, *, name="web", last=None, run=0):
    return {
        "name": name,
        "image": "nginx",
        "state": state,
        "lastState": {"terminated": last} if last else {},
        "restartCount": run,
    }


def ended(code=0, *, reason="", at="2026-01-01T00:00:10Z", identity="containerd://x"):
    found = {"exitCode": code, "startedAt": START, "finishedAt": at, "containerID": identity}
    return found | ({"reason": reason} if reason else {})


RUNNING = {"running": {"startedAt": START}}


def refused(call, *args, **kwargs):
    with pytest.raises(StatusError) as error:
        call(*args, **kwargs)
    assert error.value.code == 400
    return error.value.message


# Which container, which run.


def test_the_only_container_need_not_be_named():
    assert runs.container_of(pod(), "") == "web"
    assert runs.container_of(pod(init=["prepare"]), "") == "web"
    assert runs.container_of(pod(init=["prepare"]), "prepare") == "prepare"
    debugged = pod()
    debugged["spec"]["ephemeralContainers"] = [{"name": "debugger"}]
    assert runs.container_of(debugged, "debugger") == "debugger"
    assert refused(runs.container_of, pod(containers=["a", "b"], init=["i"]), "") == (
        "a container name must be specified for pod p, choose one of: [i a b]"
    )
    assert refused(runs.container_of, pod(), "x") == "container x is not valid for pod p"


@pytest.mark.parametrize(
    ("found", "previous", "number"),
    [
        (status(RUNNING), False, 0),
        (status(RUNNING, run=2, last=ended()), False, 2),
        (status(RUNNING, run=2, last=ended()), True, 1),
        (status({"terminated": ended()}), False, 0),
        (status({"terminated": ended()}, run=2, last=ended()), False, 2),
        (status({"terminated": ended()}, run=2, last=ended()), True, 1),
        # The next start is still to come.
        (status({"waiting": {"reason": "CrashLoopBackOff"}}, run=2, last=ended()), False, 2),
        (status({"waiting": {"reason": "CrashLoopBackOff"}}, run=2, last=ended()), True, 2),
    ],
)
def test_the_run_that_is_meant(found, previous, number):
    assert runs.find(pod(found), "web", previous=previous).number == number


@pytest.mark.parametrize(
    ("found", "previous", "why"),
    [
        (None, False, "is not available"),
        (
            status({"waiting": {"reason": "ContainerCreating"}}),
            False,
            "is waiting to start: ContainerCreating",
        ),
        (
            status({"waiting": {"reason": "ErrImagePull"}}),
            False,
            "is waiting to start: image can't be pulled",
        ),
        (
            status({"waiting": {"reason": "ImagePullBackOff"}}),
            False,
            "is waiting to start: trying and failing to pull image",
        ),
        (status({}), False, "is waiting to start - no logs yet"),
        (status({"terminated": ended(identity="")}), False, "is terminated"),
    ],
)
def test_why_there_is_no_log(found, previous, why):
    statuses = [found] if found else []
    text = refused(runs.find, pod(*statuses), "web", previous=previous)
    assert text == f'container "web" in pod "p" {why}'


@pytest.mark.parametrize("last", [None, ended(identity="")])
def test_there_is_no_previous_one(last):
    text = refused(runs.find, pod(status(RUNNING, last=last)), "web", previous=True)
    assert text == 'previous terminated container "web" in pod "p" not found'


def test_a_run_ends():
    run = runs.find(pod(status(RUNNING, run=1)), "web")
    for later in (
        status({"terminated": ended(3)}, run=1),
        status({"waiting": {}}, run=1, last=ended(3)),
        status(RUNNING, run=2, last=ended(3)),
    ):
        assert runs.now(pod(later), run).ended["exitCode"] == 3
    for same in (status(RUNNING, run=1), status({"terminated": ended()}, run=0)):
        assert runs.now(pod(same), run).ended is None
    assert runs.now(pod(), run) == run


# What it says.


def said(notes=None, *, name="web", run=0, now=100.0, **more):
    found = pod(notes=notes, init=["prepare"])
    script = Script(found, Run(name, run, "nginx", started=0.0, **more))
    return [line.text.decode() for line in script.opening() + script.between(1, now=now)]


def test_a_container_says_that_it_is_simulated():
    [line] = said()
    assert line == (
        'miniplane: container "web" was started from image "nginx"; it is simulated: nothing '
        "runs in it"
    )
    assert "started again, restart 2, from" in said(run=2)[0]


def test_annotations_let_it_say_something_else():
    assert said({spoken.LOG: "one\ntwo\n"}) == ["one", "two"]
    assert said({spoken.LOG: ""}) == []
    assert said({spoken.LOG: "all", f"{spoken.LOG}.web": "web"}) == ["web"]
    # What is said of a pod is not said of its init containers.
    assert said({spoken.LOG: "all"}, name="prepare")[0].startswith("miniplane: ")
    assert said({f"{spoken.LOG}.prepare": "ready"}, name="prepare") == ["ready"]


def test_it_can_say_so_again_and_again():
    assert said({spoken.LOG: "tick", spoken.EVERY: "40s"}) == ["tick"] * 3
    assert said({spoken.EVERY: "1m"})[1:] == ['miniplane: container "web" has been running for 60s']
    assert len(said({f"{spoken.EVERY}.web": "1ns"}, now=1.0)) == 11
    for nonsense in ("", "often", "-5s", "0s"):
        assert len(said({spoken.EVERY: nonsense})) == 1


def test_repetitions_of_long_ago_are_forgotten(monkeypatch):
    monkeypatch.setattr(spoken, "KEPT", 3)
    assert said({spoken.EVERY: "1s"})[1:] == [
        f'miniplane: container "web" has been running for {n}s' for n in (98, 99, 100)
    ]
    monkeypatch.setattr(spoken, "LIMIT", 2 * (spoken.OVERHEAD + 4))
    assert said({spoken.LOG: "text", spoken.EVERY: "1s"}) == ["text"] * 3


# Reading.


@pytest.fixture
def world(clock):
    """Pods by name, and their logs."""

    class World(dict):
        logs = PodLogs(clock, lambda namespace, name: self[name])

    self = World()
    self["p"] = pod(status(RUNNING), notes={spoken.LOG: "hello"})
    return self


def test_what_is_said_and_what_is_written_come_in_order(world, clock):
    world["p"]["metadata"]["annotations"][spoken.EVERY] = "2s"
    clock.advance(1)
    world.logs.write("ns", "p", "one\ntwo")
    clock.advance(2.5)
    world.logs.write("ns", "p", "three\n", stream="stderr")
    clock.advance(1)
    assert world.logs.read("ns", "p").split() == ["hello", "one", "two", "hello", "three", "hello"]
    stamped = world.logs.read("ns", "p", timestamps=True).splitlines()
    assert stamped[0] == "2026-01-01T00:00:00.000000000Z hello"
    assert stamped[-2:] == [
        "2026-01-01T00:00:03.500000000Z three",
        "2026-01-01T00:00:04.000000000Z hello",
    ]


def read(world, **options):
    reader = world.logs.open(world["p"], LogOptions(**options))
    try:
        return reader.read().decode()
    finally:
        reader.close()


def test_a_part_of_it(world, clock):
    clock.advance(1)
    world.logs.write("ns", "p", "one")
    world.logs.write("ns", "p", "two", stream="stderr")
    clock.advance(1)
    world.logs.write("ns", "p", "three")
    assert read(world, tail_lines=2) == "two\nthree\n"
    assert read(world, tail_lines=9) == "hello\none\ntwo\nthree\n"
    assert read(world, tail_lines=0) == ""
    assert read(world, since=clock.time() - 1) == "one\ntwo\nthree\n"
    assert read(world, since=clock.time()) == "three\n"
    assert read(world, since=clock.time() + 1) == ""
    # The tail is cut off first.
    assert read(world, since=clock.time(), tail_lines=2) == "three\n"
    assert read(world, stream="stderr") == "two\n"
    assert read(world, stream="stdout") == "hello\none\nthree\n"
    assert read(world, limit_bytes=8) == "hello\non"
    assert read(world, limit_bytes=9, timestamps=True, tail_lines=1) == "2026-01-0"
    assert read(world, limit_bytes=10_000) == "hello\none\ntwo\nthree\n"


def test_its_end_is_the_last_thing(world, clock):
    del world["p"]["metadata"]["annotations"][spoken.LOG]
    clock.advance(10.4)
    world.logs.write("ns", "p", "about to end")
    world["p"]["status"] = pod(status({"terminated": ended(137, reason="OOMKilled")}))["status"]
    clock.advance(5)
    world.logs.write("ns", "p", "afterwards")
    assert world.logs.read("ns", "p", timestamps=True).splitlines()[1:] == [
        "2026-01-01T00:00:10.400000000Z about to end",
        '2026-01-01T00:00:10.400000000Z miniplane: container "web" ended with exit code 137: '
        "OOMKilled",
        "2026-01-01T00:00:15.400000000Z afterwards",
    ]


def test_following(world, clock):
    world["p"]["metadata"]["annotations"][spoken.EVERY] = "2s"
    news = []
    options = LogOptions(follow=True, tail_lines=0)
    reader = world.logs.open(world["p"], options, lambda: news.append(clock.time()))
    start = clock.time()
    assert reader.read() == b""
    world.logs.write("ns", "p", "one")
    assert reader.read() == b"one\n"
    assert reader.read() == b""
    clock.advance(5)
    assert news == [start, start + 2, start + 4]
    assert reader.read() == b"hello\nhello\n"
    # That nobody looks does no harm.
    for number in range(100):
        world.logs.write("ns", "p", str(number))
    assert len(reader.read().split()) == 100
    assert not reader.over
    old, new = world["p"], pod(status({"terminated": ended()}))
    world.logs.book.pod_changed(old, new)
    assert reader.over
    reader.read()
    assert reader.read() == b""
    reader.close()
    before = len(news)
    clock.advance(60)
    assert len(news) == before
    assert clock.next_timer(background=True) is None


def test_following_ends_with_the_pod_and_with_the_limit(world):
    reader = world.logs.open(world["p"], LogOptions(follow=True))
    world.logs.book.pod_changed(world["p"], None)
    assert reader.over
    assert reader.read() == b"hello\n"
    reader.close()
    reader = world.logs.open(world["p"], LogOptions(follow=True, limit_bytes=3))
    assert not reader.over
    assert reader.read() == b"hel"
    assert reader.over
    assert reader.read() == b""
    reader.close()
    assert len(world.logs.book) == 0


def test_there_are_two_streams(world):
    with pytest.raises(ValueError, match="neither stdout nor stderr: 'x'"):
        world.logs.write("ns", "p", "text", stream="x")
