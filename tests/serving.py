"""`miniplane serve` as a process of its own, for tests that come in through the front door."""

import asyncio
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PATIENCE = 30.0
"""How long anything may take that is expected to happen, in seconds."""


class Cluster:
    """A running server with three nodes. Its folder holds the kubeconfig and the server's log."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.kubeconfig = folder / "kubeconfig"
        self.log = folder / "log"
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)]),
        }
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "miniplane", "serve", *self._options(options)],
                cwd=folder,
                env=self.env,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.url = self._wait_until_ready()

    def _options(self, more: Sequence[str]) -> list[str]:
        own = ["--port", "0", "--kubeconfig", str(self.kubeconfig)]
        return [*own, "--pod-startup", "0.05", "--seed", "1", *more]

    def _wait_until_ready(self) -> str:
        impatience = threading.Timer(PATIENCE, self.process.kill)
        impatience.start()
        assert self.process.stdout
        line = self.process.stdout.readline()
        impatience.cancel()
        ready = re.fullmatch(r"miniplane is ready at (\S+)\n", line)
        assert ready, line + self.log.read_text()
        return ready[1]

    def resolver_address(self) -> tuple[str, int]:
        """Where a server with `--dns-port` answers names. It says so once, after it is ready."""
        assert self.process.stdout
        lines = [self.process.stdout.readline(), self.process.stdout.readline()]
        told = re.fullmatch(r"names are answered by dig @(\S+) -p (\d+) NAME\n", lines[1])
        assert told, lines
        return told[1], int(told[2])

    def miniplane(self, *args: str) -> str:
        """What `miniplane ARGS` prints, run against this server."""
        command = [sys.executable, "-m", "miniplane", *args, "--server", self.url]
        env = self.env | {"KUBECONFIG": str(self.kubeconfig)}
        return subprocess.check_output(
            command, cwd=self.folder, env=env, text=True, timeout=PATIENCE
        )

    def stop(self) -> None:
        """End the server. It must not have complained about anything."""
        self.process.terminate()
        try:
            code = self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            if self.process.stdout:
                self.process.stdout.close()
        assert (code, self.log.read_text()) == (0, "")


def eventually(check: Callable[[], Any], *, patience: float = PATIENCE) -> Any:
    """The answer of `check` as soon as it is true, or raises no AssertionError any more."""
    deadline = time.monotonic() + patience
    while True:
        try:
            answer = check()
            assert answer or answer is None, answer
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        else:
            return answer
        time.sleep(0.02)


async def eventually_async(check: Callable[[], Awaitable[Any]]) -> Any:
    """As `eventually`, of a check that is awaited."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            answer = await check()
            assert answer or answer is None, answer
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        else:
            return answer
        await asyncio.sleep(0.02)
