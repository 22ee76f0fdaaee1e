"""The JavaScript client `@kubernetes/client-node`, where Node is there.

The scripts of js/ run in a folder beside the packages that package-lock.json names. npm installs
these once, into build/, which `make clean` removes; where its registry cannot be asked, the tests
are skipped.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients import manifests
from tests.clients.storm import END, Seen
from tests.serving import PATIENCE, ROOT

JS = Path(__file__).parent / "js"
OLDEST = 20
"""The oldest Node that the client runs on."""
UNREACHABLE = re.compile(
    r"npm (ERR!|error) (network|code (E[0-9]{3}|ENOTFOUND|EAI_AGAIN|ECONN\w+|E\w*TIMEDOUT|"
    r"ENETUNREACH|EHOSTUNREACH|ENOTCACHED|ERR_SOCKET_TIMEOUT|\w*CERT\w*))"
)
"""What npm says when there is no registry to be had."""


@pytest.fixture(scope="session")
def node() -> str:
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        pytest.skip("no Node with npm on PATH")
    version = subprocess.check_output([node, "--version"], text=True, timeout=PATIENCE)
    if int(version.removeprefix("v").split(".")[0]) < OLDEST:
        pytest.skip(f"Node {version.strip()} is older than {OLDEST}")
    return node


@pytest.fixture(scope="session")
def packages(node: str) -> Path:
    """The folder node_modules that the lock file describes."""
    lock = (JS / "package-lock.json").read_bytes()
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    folder = build / f"client-node-{hashlib.sha256(lock).hexdigest()[:12]}"
    # Several workers may want it at the same time: one installs, the others wait.
    with (build / "client-node.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not folder.exists():
            _install(folder)
    return folder / "node_modules"


def _install(folder: Path) -> None:
    halfway = folder.with_suffix(".new")
    shutil.rmtree(halfway, ignore_errors=True)
    halfway.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(JS / name, halfway)
    options = ["--no-audit", "--no-fund", "--ignore-scripts", "--omit=dev", "--fetch-retries=1"]
    command = ["npm", "ci", "--prefix", str(halfway), *options]
    try:
        done = subprocess.run(command, cwd=halfway, capture_output=True, text=True, timeout=180)
    except subprocess.TimeoutExpired:
        pytest.skip("npm's registry does not answer")
    if done.returncode and (complaint := UNREACHABLE.search(done.stderr)):
        shutil.rmtree(halfway)
        pytest.skip(f"npm's registry cannot be asked: {complaint[0]}")
    assert done.returncode == 0, done.stderr
    halfway.rename(folder)


@pytest.fixture
def script(node: str, packages: Path, tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Starts a script of js/ with variables in its environment."""
    for each in JS.glob("*.mjs"):
        shutil.copy(each, tmp_path)
    (tmp_path / "node_modules").symlink_to(packages)

    def start(name: str, **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [node, name],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def finish(process: subprocess.Popen[str]) -> str:
    """What it printed. AssertionError unless it succeeds."""
    try:
        printed, complaint = process.communicate(timeout=4 * PATIENCE)
    finally:
        process.kill()
    assert process.returncode == 0, printed + complaint
    return printed


def test_objects(script, cluster, namespace, many, widgets):
    process = script(
        "objects.mjs",
        KUBECONFIG=str(cluster.kubeconfig),
        NAMESPACE=namespace,
        DEPLOYMENT=json.dumps(manifests.deployment("web", replicas=0)),
        MANY=many,
    )
    told = finish(process).split()
    assert told == ["life", "pages", "patches", "apply", "subresources", "custom", "any"]


def test_what_is_forgotten(script, forgetful, expired):
    namespace, revision = expired
    finish(script("forgotten.mjs", SERVER=forgetful.url, NAMESPACE=namespace, REVISION=revision))


def test_an_informer_keeps_in_step_with_a_storm(script, wire, namespace, storm):
    process = script("informer.mjs", SERVER=wire.url, NAMESPACE=namespace, END=END)
    assert process.stdout
    ready = process.stdout.readline()
    storm.start()
    storm.reach(0.5)
    wire.cut()
    listed = storm.end()
    told = json.loads(finish(process))
    assert ready == "ready\n" and told["connects"] > 2
    assert dict(told["held"]) == listed
    storm.check(Seen(*event) for event in told["events"])
