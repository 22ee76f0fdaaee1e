"""Rows about controllers at work, and about what grows with a cluster."""

import json
import os
import subprocess
import sys
import time

from benchmarks.process import Server, environment
from benchmarks.table import micro, row

NODES = 1_000
PODS = (1_000, 10_000, 100_000)
IDLE_SECONDS = 60


def _play(scene: str, *size: int) -> dict[str, float]:
    """What a scene of `benchmarks.inside` found, played in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.inside", scene, *map(str, size)]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment()).stdout
    found: dict[str, float] = json.loads(out)
    return found


def controllers(folder: str) -> None:
    for scene, what in (
        ("statefulset", "a Parallel StatefulSet of 1,000 replicas, all ready"),
        ("daemonset", "a DaemonSet on 1,000 nodes, all ready"),
    ):
        found = _play(scene)
        row(what, f"{found['cpu']:.1f} s of CPU", f"{found['writes']} writes", "5 s")


def deployments(folder: str) -> None:
    for count in (1_000, 5_000):
        found = _play("deployment", count)
        each = micro(found["cpu"] / count)
        row(
            f"a Deployment of {count:,} rolled over",
            f"{found['cpu']:.1f} s of CPU",
            f"{each} a pod, {found['writes'] / count:.1f} writes a pod",
        )


def idle(folder: str) -> None:
    """Leases and statuses of many nodes, in real time."""
    server = Server.miniplane(os.path.join(folder, "kubeconfig"), "--nodes", str(NODES))
    time.sleep(15)  # Until all nodes have joined and the first hearts have beaten.
    before, began = server.cpu(), time.perf_counter()
    time.sleep(IDLE_SECONDS)
    share = (server.cpu() - before) / (time.perf_counter() - began)
    memory = server.memory() / 2**20
    server.stop()
    row(
        f"an idle cluster of {NODES:,} nodes",
        f"{share * 100:.1f} percent of a core",
        f"{memory:.0f} MB",
        "2 percent",
    )


def pods(folder: str) -> None:
    for count in PODS:
        found = _play("pods", count)
        row(
            f"{count:,} pods on {NODES:,} nodes: created, scheduled, ready",
            f"{found['made'] * count:.1f} s of CPU",
            f"{micro(found['made'])} and {found['grown'] / 1024:.1f} KiB a pod, "
            f"{found['writes']:.1f} writes a pod",
        )
        row(
            f"{count:,} pods deleted and gone",
            f"{found['gone'] * count:.1f} s of CPU",
            f"{micro(found['gone'])} a pod, {found['peak'] / 2**20:.0f} MB at most",
        )
