"""Rows about a server that has just been started: how soon it answers, what it needs idle, and what
its objects take."""

import os
import statistics
import subprocess
import sys
import time

from benchmarks import samples
from benchmarks.process import Connection, Server, request
from benchmarks.table import row


def cold_start(folder: str) -> None:
    Server.miniplane(os.path.join(folder, "kubeconfig")).stop()
    times = []
    for _ in range(5):
        began = time.perf_counter()
        server = Server.miniplane(os.path.join(folder, "kubeconfig"))
        Connection(server).ask(request("GET", "/readyz"))
        times.append(time.perf_counter() - began)
        server.stop()
    imports = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import aiohttp.web"], check=True)
        imports.append(time.perf_counter() - began)
    row(
        "cold start to the first answer",
        f"{statistics.median(times):.2f} s",
        f"{statistics.median(imports):.2f} s to import aiohttp",
        "0.6 s",
    )


def idle(folder: str) -> None:
    server = Server.miniplane(os.path.join(folder, "kubeconfig"))
    connection = Connection(server)
    connection.ask(request("GET", "/readyz"))
    time.sleep(2)
    memory = server.memory()
    before, began = server.cpu(), time.perf_counter()
    time.sleep(5)
    share = (server.cpu() - before) / (time.perf_counter() - began)
    row("idle memory", f"{memory / 2**20:.0f} MB", "", "80 MB")
    row("idle CPU, 3 nodes", f"{share * 100:.1f} percent of a core", "", "")
    count = 10_000
    sizes = []
    for i in range(count):
        body = samples.encoded(samples.pod(f"p{i:05}"))
        sizes.append(len(connection.ask(request("POST", samples.PODS, body))))
    time.sleep(1)
    grown = (server.memory() - memory) / count
    row(
        "memory of a stored pod",
        f"{grown / 1024:.1f} KiB",
        f"{statistics.mean(sizes) / 1024:.1f} KiB of JSON, {count} pods",
        "8 KiB",
    )
    server.stop()
