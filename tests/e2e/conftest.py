"""Real kubectls, and the server that they talk to."""

import json
import os
import re
import shlex
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests import serving
from tests.serving import PATIENCE, Cluster

HERE = Path(__file__).parent


class Kubectl:
    """Runs one kubectl binary in one namespace of one cluster, with a home of its own."""

    def __init__(self, cluster: Cluster, *, minor: int, path: Path, namespace: str) -> None:
        self.cluster = cluster
        self.minor = minor
        self.namespace = namespace
        home = cluster.folder / f"home-1.{minor}"
        home.mkdir(exist_ok=True)
        # Without collecting garbage, a command that is over in a moment costs a quarter less.
        self.env = {"PATH": os.environ["PATH"], "HOME": str(home), "GOGC": "off"}
        self._command = [str(path), f"--kubeconfig={cluster.kubeconfig}"]

    def command(self, *args: str) -> list[str]:
        """The whole command line; a namespace among the arguments replaces the own one."""
        elsewhere = any(arg in ("-n", "-A") or arg.startswith("--namespace") for arg in args)
        own = [] if elsewhere else [f"--namespace={self.namespace}"]
        return [*self._command, *own, *args]

    def run(
        self, *args: str, stdin: str = "", env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*args),
            cwd=HERE / "manifests",
            env=self.env | (env or {}),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE,
        )

    def __call__(self, *args: str, stdin: str = "", env: dict[str, str] | None = None) -> str:
        """What the command prints. AssertionError unless it succeeds."""
        done = self.run(*args, stdin=stdin, env=env)
        assert done.returncode == 0, f"kubectl {shlex.join(args)}\n{done.stdout}{done.stderr}"
        return done.stdout

    def refused(self, *args: str, stdin: str = "") -> str:
        """What the command complains about. AssertionError if it succeeds."""
        done = self.run(*args, stdin=stdin)
        assert done.returncode != 0, f"kubectl {shlex.join(args)}\n{done.stdout}{done.stderr}"
        return done.stderr.strip()

    def rows(self, *args: str) -> list[list[str]]:
        """The table that the command prints, without its header, in words."""
        return [line.split() for line in self(*args).splitlines()[1:]]

    def json(self, *args: str) -> Any:
        return json.loads(self(*args, "--output=json"))

    def names(self, *args: str) -> list[str]:
        """The names of the objects that `kubectl get ARGS` finds."""
        return self("get", *args, "--output=jsonpath={.items[*].metadata.name}").split()

    def value(self, path: str, *args: str) -> str:
        """One value of what `kubectl get ARGS` finds, by its JSONPath."""
        return self("get", *args, f"--output=jsonpath={{{path}}}")

    def watch(self, *args: str) -> "Watch":
        return Watch(self.command("get", *args, "--watch", "-v=6"), self.env)


class Watch:
    """`kubectl get ... --watch`, from the moment on when the server knows about it.

    >>> with kubectl.watch("pods") as pods:
    ...     kubectl("apply", "--filename=mysql.yaml")
    ...     pods.until("mysql-2 1/1 Running")
    """

    def __init__(self, command: Sequence[str], env: dict[str, str]) -> None:
        self.lines: list[list[str]] = []
        """The words of each line so far, from the header on."""
        self._news = threading.Condition()
        self._watching = False
        self._log: list[str] = []
        self._process = subprocess.Popen(
            command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._readers = [
            threading.Thread(target=self._read_table),
            threading.Thread(target=self._read_log),
        ]

    def __enter__(self) -> "Watch":
        for reader in self._readers:
            reader.start()
        self._wait(lambda: self._watching, "no watch was begun")
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.kill()
        self._process.wait()
        for reader in self._readers:
            reader.join()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe:
                pipe.close()

    def until(self, wanted: str) -> None:
        """Until a line begins with these words. AssertionError when it does not come."""
        words = wanted.split()
        self._wait(
            lambda: any(line[: len(words)] == words for line in self.lines),
            f"{wanted!r} did not come",
        )

    def tells(self, *story: str) -> None:
        """Until so much has happened to the pods; AssertionError unless it is this, in this order.

        `+NAME` is created, `=NAME` running, `-NAME` being stopped, `.NAME` has stopped. What was
        there when the watch began is not told.
        """
        self._wait(lambda: len(self.story()) >= len(story), f"Of {story} there came {self.story()}")
        assert self.story()[: len(story)] == list(story)

    def story(self) -> list[str]:
        signs = {"Pending": "+", "Running": "=", "Terminating": "-", "Completed": "."}
        last: dict[str, str] = {}
        told = []
        for name, _, status, *_ in self.lines:
            sign = signs.get(status)
            if not sign or last.get(name) == sign:
                continue
            if name in last or sign == "+":
                told.append(sign + name)
            last[name] = sign
        return told

    def _wait(self, happened: Callable[[], bool], complaint: str) -> None:
        with self._news:
            in_time = self._news.wait_for(happened, PATIENCE)
        told = "\n".join(" ".join(line) for line in self.lines)
        assert in_time, f"{complaint}:\n{told}\n{''.join(self._log)}"

    def _read_table(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            with self._news:
                self.lines.append(line.split())
                self._news.notify_all()

    def _read_log(self) -> None:
        assert self._process.stderr
        for line in self._process.stderr:
            with self._news:
                self._log.append(line)
                self._watching = self._watching or "watch=true" in line
                self._news.notify_all()


@pytest.fixture(scope="session")
def eventually() -> Callable[[Callable[[], Any]], Any]:
    return serving.eventually


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster that the tests of a module share."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    yield cluster
    cluster.stop()


@pytest.fixture
def kubectl_in(kubectl_binary: Any, cluster: Cluster) -> Callable[[str], Kubectl]:
    """Makes a kubectl for a namespace, which it does not create, of the shared cluster."""
    return lambda namespace: _kubectl(kubectl_binary, cluster, namespace)


@pytest.fixture
def kubectl(kubectl_in: Callable[[str], Kubectl], request: pytest.FixtureRequest) -> Kubectl:
    """A kubectl in a new namespace of the shared cluster."""
    name = request.node.originalname.removeprefix("test_")
    kubectl = kubectl_in(re.sub(r"[^a-z0-9]+", "-", name.lower())[:50].strip("-"))
    kubectl.namespace += f"-{kubectl.minor}"
    kubectl("create", "namespace", kubectl.namespace)
    return kubectl


@pytest.fixture
def alone(kubectl_binary: Any, tmp_path: Path) -> Iterator[Kubectl]:
    """A kubectl in the default namespace of a cluster that nobody else uses."""
    cluster = Cluster(tmp_path)
    yield _kubectl(kubectl_binary, cluster, "default")
    cluster.stop()


@pytest.fixture
def secure(kubectl_binary: Any, tmp_path: Path) -> Iterator[Kubectl]:
    """A kubectl in the default namespace of a cluster of its own that speaks HTTPS."""
    cluster = Cluster(tmp_path, "--https")
    yield _kubectl(kubectl_binary, cluster, "default")
    cluster.stop()


@pytest.fixture
def named(kubectl_binary: Any, tmp_path: Path) -> Iterator[Kubectl]:
    """A kubectl in the default namespace of a cluster of its own whose names can be asked for."""
    cluster = Cluster(tmp_path, "--dns-port", "0")
    yield _kubectl(kubectl_binary, cluster, "default")
    cluster.stop()


def _kubectl(binary: Any, cluster: Cluster, namespace: str) -> Kubectl:
    return Kubectl(cluster, minor=binary.minor, path=binary.path, namespace=namespace)
