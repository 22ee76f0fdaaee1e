"""`kubectl logs` of simulated containers, and `miniplane log`, which writes into them."""

import json
import subprocess

import pytest

pytestmark = pytest.mark.kubectl(which=slice(0, 2))

POD = """
apiVersion: v1
kind: Pod
metadata:
  name: {name}
  labels: {{app: x}}
  annotations:
    sim.miniplane.dev/log: hello from {name}
    {notes}
spec:
  initContainers:
  - {{name: prepare, image: busybox}}
  containers:
  - {{name: main, image: nginx}}
  {more}
"""
SECOND = "- {name: second, image: envoy}"


class Followed:
    """`kubectl logs --follow`, line by line."""

    def __init__(self, kubectl, *args):
        self.process = subprocess.Popen(
            kubectl.command("logs", "--follow", *args),
            env=kubectl.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.kill()
        self.process.stdout.close()
        self.process.wait()

    def line(self):
        return self.process.stdout.readline().rstrip("\n")


@pytest.fixture
def make(kubectl):
    def make(name, notes="", more="", ready="Ready"):
        body = POD.format(name=name, notes=notes, more=more)
        kubectl("apply", "--filename=-", stdin=body)
        kubectl("wait", f"--for=condition={ready}", f"pod/{name}", "--timeout=30s")

    return make


def write(kubectl, *args):
    return kubectl.cluster.miniplane("log", "-n", kubectl.namespace, *args)


def test_what_a_pod_says(kubectl, make):
    make("web")
    assert kubectl("logs", "web") == "hello from web\n"
    assert write(kubectl, "web", "a", "line") == ""
    assert kubectl("logs", "web") == "hello from web\na line\n"
    assert kubectl("logs", "pod/web", "--tail=1") == "a line\n"
    assert kubectl("logs", "web", "--limit-bytes=7") == "hello f"
    said = kubectl("logs", "web", "-c", "prepare").splitlines()
    assert said[0].startswith('miniplane: container "prepare" was started from image "busybox"')
    assert said[1:] == ['miniplane: container "prepare" ended with exit code 0']
    everything = kubectl("logs", "web", "--all-containers", "--prefix").splitlines()
    assert len(everything) == 4
    assert "[pod/web/main] a line" in everything


def test_times(kubectl, make):
    make("web")
    write(kubectl, "web", "a line")
    first, second = kubectl("logs", "web", "--timestamps").splitlines()
    moment, _, text = second.partition(" ")
    assert text == "a line"
    assert len(moment) == len("2026-01-01T00:00:00.000000000Z")
    assert first < second
    assert kubectl("logs", "web", "--since=1h") == "hello from web\na line\n"
    assert kubectl("logs", "web", f"--since-time={moment}").endswith("a line\n")
    assert kubectl("logs", "web", "--since-time=2100-01-01T00:00:00Z") == ""
    refused = kubectl.refused("logs", "web", "--since=1h", f"--since-time={moment}")
    assert "at most one of" in refused
    refused = kubectl.refused("logs", "web", "--since-time=yesterday")
    assert 'cannot parse "yesterday"' in refused


def test_several_containers(kubectl, make):
    make("web", more=SECOND)
    told = kubectl.run("logs", "web")
    assert told.stdout == "hello from web\n"
    assert told.stderr == ('Defaulted container "main" out of: main, second, prepare (init)\n')
    assert kubectl("logs", "web", "second") == "hello from web\n"
    write(kubectl, "web", "--container=second", "--stderr", "mine")
    assert kubectl("logs", "web", "-c", "second") == "hello from web\nmine\n"
    complaint = kubectl.refused("logs", "web", "-c", "third")
    assert complaint.startswith("error: container third is not valid for pod web")
    with pytest.raises(subprocess.CalledProcessError):
        write(kubectl, "web", "to whom?")


def test_many_pods(kubectl, make):
    make("one")
    make("two")
    told = kubectl("logs", "--selector=app=x", "--prefix", "--tail=-1").splitlines()
    assert sorted(told) == ["[pod/one/main] hello from one", "[pod/two/main] hello from two"]
    refused = kubectl.refused("logs", "-lapp=x", "-f", "--max-log-requests=1")
    assert "you are attempting to follow 2 log streams" in refused
    with Followed(kubectl, "-lapp=x", "--prefix") as followed:
        assert {followed.line(), followed.line()} == dict.fromkeys(told).keys()
        write(kubectl, "two", "more")
        assert followed.line() == "[pod/two/main] more"
    kubectl("create", "deployment", "web", "--image=nginx")
    kubectl("rollout", "status", "deployment/web")
    assert 'container "nginx" was started from image "nginx"' in kubectl("logs", "deployment/web")


def test_following_to_the_end(kubectl, make):
    make("web", notes="sim.miniplane.dev/log-every: 200ms")
    with Followed(kubectl, "web", "--tail=1") as followed:
        assert [followed.line() for _ in range(4)] == ["hello from web"] * 4
        kubectl("delete", "pod", "web", "--wait=false")
        while followed.line():
            pass
        assert followed.process.wait(30) == 0


def test_the_run_before(kubectl, make, eventually):
    restarting = "sim.miniplane.dev/run-for: 1s"
    make("web", notes=restarting, ready="PodReadyToStartContainers")
    eventually(lambda: kubectl.run("logs", "web").returncode == 0)
    write(kubectl, "web", "before")
    eventually(lambda: kubectl.value(".status.containerStatuses[0].restartCount", "pod/web") > "0")
    assert "before" not in kubectl("logs", "web")
    # The second run may be over by now, too: then it is the one before.
    assert kubectl("logs", "web", "--previous").startswith("hello from web\n")


def test_what_has_no_log(kubectl, make):
    assert 'pods "none" not found' in kubectl.refused("logs", "none")
    make("web")
    assert kubectl.refused("logs", "web", "-c=main", "--previous") == (
        'Error from server (BadRequest): previous terminated container "main" in pod "web" not '
        "found"
    )
    body = POD.format(name="nowhere", notes="", more="nodeSelector: {a: b}")
    kubectl("apply", "--filename=-", stdin=body)
    assert kubectl("logs", "nowhere") == ""
    for command in (["exec", "web", "--", "ls"], ["attach", "web"], ["port-forward", "web", "80"]):
        assert "simulated pods" in kubectl.refused(*command)


def test_a_job_prints_what_its_command_says(kubectl):
    script = "echo $(PLACE) is done; sleep 0.1; echo twice; exit 3"
    job = ["create", "job", "import", "--image=busybox", "--dry-run=client", "--output=json"]
    made = json.loads(kubectl(*job, "--", "sh", "-c", script))
    made["spec"]["backoffLimit"] = 0
    [container] = made["spec"]["template"]["spec"]["containers"]
    container["env"] = [{"name": "PLACE", "value": "all"}]
    kubectl("create", "-f", "-", stdin=json.dumps(made))
    kubectl("wait", "--for=condition=Failed", "job/import")
    assert kubectl("logs", "job/import") == "all is done\ntwice\n"
    assert kubectl.rows("get", "pods")[0][1:4] == ["0/1", "Error", "0"]
    kubectl("create", "job", "hello", "--image=busybox", "--", "echo", "hello,", "world")
    kubectl("wait", "--for=condition=Complete", "job/hello")
    assert kubectl("logs", "job/hello") == "hello, world\n"
    assert kubectl("logs", "-l", "job-name=hello", "--prefix").endswith("hello, world\n")
