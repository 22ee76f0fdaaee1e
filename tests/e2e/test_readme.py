"""The README's sessions and examples do what it shows."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def sessions(kind: str = "console") -> list[tuple[str, str]]:
    """The commands of the blocks of a kind, in order, each with the output shown."""
    steps = []
    for block in re.findall(rf"```{kind}\n(.*?)```", README, re.DOTALL):
        for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = step.partition("\n")
            steps.append((command, output))
    return steps


def plain(output: str) -> list[str]:
    """Output without what differs from run to run and from kubectl to kubectl: ages, uids, steps on
    the way, and the namespace of what was deleted."""
    output = re.sub(r"pvc-[0-9a-f-]{36}", "pvc-UID", output)
    output = re.sub(r"\b\d+[sm]\b", "AGE", output)
    output = re.sub(r" deleted from \S+ namespace$", " deleted", output, flags=re.MULTILINE)
    lines = [" ".join(line.split()) for line in output.splitlines()]
    return [line for line in lines if line and not line.startswith("Waiting for ")]


@pytest.mark.kubectl(which=slice(0, 1))
def test_the_first_session(alone: Any) -> None:
    steps = sessions()
    assert steps[0][0] == "make run" and len(steps) > 10
    for command, shown in steps[1:]:
        words = shlex.split(command)
        if words[0] == "kubectl":
            done = subprocess.run(
                alone.command(*words[1:]),
                cwd=ROOT,
                env=alone.env,
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert done.returncode == 0, (command, done.stderr)
            printed = done.stdout
        else:
            assert words[0] == ".venv/bin/miniplane", command
            printed = alone.cluster.miniplane(*words[1:])
        assert plain(printed) == plain(shown), command


@pytest.mark.kubectl(which=slice(0, 1))
@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_a_user_and_a_role(secure: Any) -> None:
    """The session over HTTPS, in a shell."""
    steps = sessions("console https")
    assert steps[0][0] == "make run ARGS=--https" and len(steps) == 10
    home = secure.cluster.folder
    shutil.copytree(ROOT / "examples", home / "examples")
    kubectl = secure.command()[0]
    function = f'kubectl() {{ {shlex.quote(kubectl)} "$@"; }}\n'
    env = {**secure.env, "KUBECONFIG": str(secure.cluster.kubeconfig)}
    for command, shown in steps[1:]:
        shell = ["sh", "-c", function + command]
        done = subprocess.run(
            shell,
            cwd=home,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
        assert plain(done.stdout) == plain(shown), command


def printed_by_the_example(number: int) -> list[str]:
    """The lines that one of the Python examples prints."""
    example = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[number]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", example], env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_python_example() -> None:
    lines = printed_by_the_example(0)
    assert [line.split()[0] for line in lines] == ["db-0", "db-1", "db-2"]
    assert all(line.endswith(" Running") for line in lines)


def test_the_example_with_a_client_library() -> None:
    pytest.importorskip("kubernetes_asyncio", reason="no Python client `kubernetes_asyncio` here")
    assert printed_by_the_example(1) == ["web node-1 Running"]
