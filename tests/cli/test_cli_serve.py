"""The real command, as a process of its own."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import dns.resolver
import pytest

PYTHONPATH = os.pathsep.join(filter(None, sys.path))


@pytest.fixture
def start(tmp_path):
    """Starts `miniplane serve` with nothing of the user's environment; none outlives the test."""
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONPATH": PYTHONPATH,
    }
    running = []

    def run(*argv, **more):
        process = subprocess.Popen(
            [sys.executable, "-m", "miniplane", "serve", "--nodes", "0", *argv],
            env=env | more,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield run
    for process in running:
        process.kill()
        process.wait()


def ready(process):
    """The URL and the kubeconfig of a process that has said that it is ready."""
    first, second = process.stdout.readline(), process.stdout.readline()
    url = re.fullmatch(r"miniplane is ready at (https?://127\.0\.0\.1:\d+)\n", first)
    path = re.fullmatch(r"export KUBECONFIG=(\S+)\n", second)
    assert url and path, (first, second, process.stderr.read())
    return url[1], path[1]


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_a_signal_and_leaves_nothing_behind(start, tmp_path, signum):
    process = start("--port", "0")
    url, path = ready(process)
    with urllib.request.urlopen(f"{url}/readyz") as answer:
        assert answer.read() == b"ok"
    with open(path) as kubeconfig:
        assert url in kubeconfig.read()
    # A watch must not hold it up.
    with urllib.request.urlopen(f"{url}/api/v1/pods?watch=true"):
        process.send_signal(signum)
        began = time.monotonic()
        assert process.wait(5) == 0
        assert time.monotonic() - began < 2
    assert process.stderr.read() == ""
    assert not os.path.exists(path)
    assert not list((tmp_path / ".local" / "state").iterdir())


def test_a_kubeconfig_of_the_users_choice_stays(start, tmp_path):
    wanted = tmp_path / "my config"
    process = start("--port", "0", "--kubeconfig", str(wanted))
    line = process.stdout.readline(), process.stdout.readline()
    assert line[1] == f"export KUBECONFIG='{wanted}'\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0
    assert wanted.exists()


def failure(process):
    out, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert out == ""
    assert err.count("\n") == 1
    return err


def test_a_port_in_use(start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = failure(start("--port", str(port)))
    assert line == f"miniplane: cannot listen on 127.0.0.1:{port}: address already in use\n"


def test_an_address_of_another_machine(start):
    line = failure(start("--port", "0", "--host", "192.0.2.1", "--allow-remote"))
    assert line.startswith("miniplane: cannot listen on 192.0.2.1:0: ")


def test_an_address_that_others_can_reach(start):
    line = failure(start("--port", "0", "--host", "0.0.0.0"))
    assert line == "miniplane: listening on 0.0.0.0, which others can reach, needs --allow-remote\n"


def test_a_kubeconfig_that_cannot_be_written(start, tmp_path):
    line = failure(start("--port", "0", "--kubeconfig", "/dev/null/config"))
    assert line == "miniplane: cannot write /dev/null/config: not a directory\n"
    (tmp_path / "config").write_text("kind: Config\n")
    line = failure(start("--port", "0", "--kubeconfig", str(tmp_path / "config")))
    assert "is not miniplane's" in line


def test_an_unknown_controller(start):
    assert "nonsense" in failure(start("--port", "0", "--controllers", "nonsense"))


def test_a_bad_value(start):
    assert failure(start(MINIPLANE_POD_STARTUP="soon")).startswith(
        "miniplane: MINIPLANE_POD_STARTUP 'soon': input should be a valid number"
    )


def test_the_names_of_the_cluster(start):
    process = start("--port", "0", "--dns-port", "0")
    ready(process)
    line = process.stdout.readline()
    told = re.fullmatch(r"names are answered by dig @(127\.0\.0\.1) -p (\d+) NAME\n", line)
    assert told, line
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = [told[1]], int(told[2])
    found = resolver.resolve("kubernetes.default.svc.cluster.local", "A", lifetime=10)
    assert [str(address) for address in found] == ["10.96.0.1"]


def test_a_taken_port_for_names_is_refused(start):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = start("--port", "0", "--dns-port", str(port))
        out, err = process.communicate(timeout=20)
    assert process.returncode == 2
    assert err.startswith(f"miniplane: cannot answer names on 127.0.0.1:{port}: ")
    assert "Traceback" not in err + out


def test_https(start, tmp_path):
    process = start("--port", "0", "--https")
    url, path = ready(process)
    assert url.startswith("https://")
    assert os.stat(path).st_mode & 0o777 == 0o600
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": PYTHONPATH}

    def miniplane(*argv):
        command = [sys.executable, "-m", "miniplane", *argv]
        return subprocess.check_output(command, env=env, text=True)

    # Both find the server and what it takes by the kubeconfig that `serve` has written.
    assert miniplane("node", "add", "n1") == "node/n1 added\n"
    assert miniplane("node", "remove", "n1") == "node/n1 removed\n"
    with open(path) as kubeconfig:
        assert miniplane("kubeconfig") == kubeconfig.read()
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0
    assert process.stderr.read() == ""
    assert not os.path.exists(path)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--tls-cert-file", "x"], "--tls-cert-file needs --https"),
        (["--anonymous-auth", "false"], "--anonymous-auth needs --https: over plain HTTP, "),
        (["--https", "--tls-cert-file", "x"], "--tls-cert-file and --tls-private-key-file go"),
        (["--https", "--client-ca-file", "/no/where"], "cannot read /no/where: no such file"),
        (["--token-auth-file", "/no/where"], "cannot read /no/where: no such file"),
        (["--https", "--allow-remote", "--seed", "1"], "--seed makes keys that others can guess"),
        (["--authorization-mode", "ABAC"], "--authorization-mode 'ABAC': 'ABAC' is none of"),
    ],
)
def test_access_that_cannot_be_had(start, argv, message):
    assert failure(start("--port", "0", *argv)).startswith(f"miniplane: {message}")
