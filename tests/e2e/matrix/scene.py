"""A namespace of its own for one form of a kubectl command, set up over HTTP, which is quick."""

import dataclasses
import json
import re
import shlex
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from miniplane.api.resources import RESOURCES
from tests.e2e.conftest import PATIENCE, Kubectl

# Of plurals that two groups have, those of the older group.
_WHERE = {r.plural: (r.path, r.namespaced) for r in reversed(RESOURCES) if r.preferred}
_WHERE["widgets"] = ("/apis/example.com/v1", True)
_PLURALS = {r.kind: r.plural for r in RESOURCES} | {"Widget": "widgets"}


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    status: int
    stdout: str
    stderr: str


class Scene:
    """What one form runs in: a namespace, a working folder, and one kubectl."""

    def __init__(self, kubectl: Kubectl, folder: Path) -> None:
        self.kubectl = kubectl
        self.folder = folder
        self.env: dict[str, str] = {}
        self.ns = kubectl.namespace
        self._url = kubectl.cluster.url

    def begin(self) -> None:
        """Make the namespace, with all that comes to be in it by itself."""
        self.http("POST", "/api/v1/namespaces", {"metadata": {"name": self.ns}})
        for name in ("serviceaccounts/default", "configmaps/kube-root-ca.crt"):
            self.until(lambda name=name: self.get(name))

    def http(self, method: str, path: str, body: Any = None) -> Any:
        """The answer's JSON, or None for 404. urllib.error.HTTPError for other refusals."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        if method == "PATCH":
            headers["Content-Type"] = "application/merge-patch+json"
        request = urllib.request.Request(
            self._url + path, data=data, method=method, headers=headers
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            error.add_note(error.read().decode())
            raise

    def path(self, name: str) -> str:
        """The path of `resource/name`, or of `resource`."""
        resource, _, rest = name.partition("/")
        where, namespaced = _WHERE[resource]
        inside = f"/namespaces/{self.ns}" if namespaced else ""
        return f"{where}{inside}/{resource}" + (f"/{rest}" if rest else "")

    def get(self, name: str) -> Any:
        return self.http("GET", self.path(name))

    def patch(self, name: str, body: Any) -> Any:
        """A merge patch."""
        return self.http("PATCH", self.path(name), body)

    def delete(self, name: str) -> None:
        self.http("DELETE", self.path(name))

    def create(self, manifest: Mapping[str, Any]) -> None:
        """Create an object, and wait until it is what it wants to be, if it can be."""
        kind = manifest["kind"]
        resource = _PLURALS[kind]
        self.http("POST", self.path(resource), manifest)
        name = f"{resource}/{manifest['metadata']['name']}"
        if kind in _READY and "paused" not in manifest.get("spec", {}):
            self.until(lambda: _READY[kind](self.get(name)))

    def until(self, true: Callable[[], Any]) -> None:
        """Until `true` is, and raises no AssertionError either."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                answer = true()
                assert answer, f"still {answer!r} after {PATIENCE} s"
                return
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.01)

    def write(self, name: str, content: str | Mapping[str, Any]) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        dump = json.dumps if name.endswith(".json") else yaml.safe_dump
        text = content if isinstance(content, str) else dump(content)
        path.write_text(text.replace("{ns}", self.ns))
        if name.endswith(".sh"):
            path.chmod(0o755)

    def words(self, line: str) -> list[str]:
        return shlex.split(line.replace("{ns}", self.ns))

    def run(self, words: Sequence[str], stdin: str = "") -> Outcome:
        done = subprocess.run(
            self.kubectl.command(*words),
            cwd=self.folder,
            env=self.kubectl.env | self.env,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    def follow(
        self, words: Sequence[str], *, begun: str, do: Callable[[str], object], until: str = ""
    ) -> Outcome:
        """Run a command, and `do` something once it has said `begun`. End it when it has printed
        `until`, a regular expression; without one it has to end by itself."""
        process = subprocess.Popen(
            self.kubectl.command(*words),
            cwd=self.folder,
            env=self.kubectl.env | self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        said: dict[Any, str] = {process.stdout: "", process.stderr: ""}

        def read(stream: Any) -> None:
            for line in stream:
                said[stream] += line

        readers = [threading.Thread(target=read, args=(stream,)) for stream in said]
        for reader in readers:
            reader.start()
        try:
            self.until(lambda: begun in "".join(said.values()))
            do("".join(said.values()))
            if until:
                self.until(lambda: re.search(until, said[process.stdout]))
            else:
                process.wait(PATIENCE)
        finally:
            status = process.poll() or 0
            process.kill()
            process.wait()
            for reader in readers:
                reader.join()
            for stream in said:
                stream.close()
        return Outcome(status, said[process.stdout], said[process.stderr])

    def leave(self, names: Sequence[str]) -> None:
        """Take away the namespace with what is in it, which takes its time, and what others want
        the names of at once."""
        self.delete(f"namespaces/{self.ns}")
        if names:
            # A pod that loses its node moves into the next one of that name.
            self.http("DELETE", self.path("pods") + "?gracePeriodSeconds=0")
        for name in names:
            self.delete(name)
        for name in names:
            self.until(lambda name=name: self.get(name) is None)


def _is(condition: str, there: Mapping[str, Any]) -> bool:
    conditions = there.get("status", {}).get("conditions", ())
    return any(c["type"] == condition and c["status"] == "True" for c in conditions)


def _has(field: str) -> Callable[[Any], bool]:
    return lambda there: there["status"].get(field, 0) == there["spec"]["replicas"]


_READY: dict[str, Callable[[Any], bool]] = {
    "Pod": lambda there: _is("Ready", there),
    "Deployment": _has("availableReplicas"),
    "ReplicaSet": _has("readyReplicas"),
    "ReplicationController": _has("readyReplicas"),
    "StatefulSet": _has("availableReplicas"),
    "DaemonSet": lambda there: (
        0 < there["status"]["desiredNumberScheduled"] == there["status"].get("numberAvailable")
    ),
    "Node": lambda there: _is("Ready", there),
    "CustomResourceDefinition": lambda there: _is("Established", there),
}
