"""Measures everything in one run and prints a table. Ratios are taken from interleaved rounds."""

import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time

import aiohttp

from benchmarks.process import Connection, Server, cpu_per_call

ROUNDS = 7
NAMESPACE = "/api/v1/namespaces/default"


def pod(name: str) -> dict[str, object]:
    """A pod of about 1.5 KiB as it comes back."""
    container = {
        "name": "web",
        "image": "registry.example.com/team/web:1.27.3",
        "ports": [{"name": "http", "containerPort": 8080}],
        "env": [{"name": "LOG_LEVEL", "value": "info"}, {"name": "REGION", "value": "eu-1"}],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "web", "tier": "front"}},
        "spec": {"schedulerName": "nobody", "containers": [container]},
    }


def row(what: str, figure: str, beside: str = "", budget: str = "") -> None:
    print(f"| {what} | {figure} | {beside} | {budget} |", flush=True)


def micro(seconds: float) -> str:
    return f"{seconds * 1e6:.0f} us" if seconds < 0.01 else f"{seconds * 1e3:.1f} ms"


def cold_start(folder: str) -> None:
    Server.miniplane(os.path.join(folder, "kubeconfig")).stop()
    times = []
    for _ in range(5):
        began = time.perf_counter()
        server = Server.miniplane(os.path.join(folder, "kubeconfig"))
        connection = Connection(server)
        connection.ask(connection.prepare("GET", "/readyz"))
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


def compare(ours: Server, bare: Server, path: str, count: int, what: str, budget: str) -> None:
    """CPU of a GET of `path` on both, in turn."""
    one, two = Connection(ours), Connection(bare)
    asked, bare_asked = one.prepare("GET", path), two.prepare("GET", path)
    pairs = []
    for _ in range(ROUNDS):
        mine = cpu_per_call(ours, lambda i: one.ask(asked), count)
        floor = cpu_per_call(bare, lambda i: two.ask(bare_asked), count)
        pairs.append((mine / floor, mine, floor))
    ratio, mine, floor = sorted(pairs)[len(pairs) // 2]
    row(what, micro(mine), f"{micro(floor)} bare: {ratio:.2f} times", budget)


def reads(folder: str) -> None:
    ours = Server.miniplane(os.path.join(folder, "kubeconfig"))
    connection = Connection(ours)
    bodies = {}
    paths = {500: "/api/v1/namespaces/five/pods", 3000: "/api/v1/namespaces/thirty/pods"}
    for size, path in paths.items():
        name = path.split("/")[4]
        body = json.dumps({"metadata": {"name": name}}).encode()
        connection.ask(connection.prepare("POST", "/api/v1/namespaces", body))
        for i in range(size):
            connection.ask(connection.prepare("POST", path, json.dumps(pod(f"p{i:05}")).encode()))
        bodies[path] = connection.ask(connection.prepare("GET", path)).decode()
    one = f"{paths[500]}/p00250"
    bodies[one] = connection.ask(connection.prepare("GET", one)).decode()
    path = os.path.join(folder, "bodies.json")
    with open(path, "w") as file:
        json.dump(bodies, file)
    bare = Server.bare(path)
    compare(ours, bare, one, 1_000, "GET of a pod", "1.6 times")
    compare(ours, bare, paths[500], 100, "LIST of 500 pods, repeated", "")
    compare(ours, bare, paths[3000], 20, "LIST of 3,000 pods, repeated", "2 times")
    after_a_write(ours, bare, paths[3000])
    ours.stop()
    bare.stop()


def after_a_write(ours: Server, bare: Server, path: str) -> None:
    """A LIST that cannot be answered with what the last one was: CPU beyond that of the write."""
    one, two = Connection(ours), Connection(bare)
    asked, bare_asked = one.prepare("GET", path), two.prepare("GET", path)
    serial = iter(range(1_000_000))

    def write() -> None:
        patched = {"metadata": {"name": f"new-{next(serial)}"}, "spec": pod("x")["spec"]}
        one.ask(one.prepare("POST", path, json.dumps(patched).encode()))

    def write_and_list(i: int) -> None:
        write()
        one.ask(asked)

    pairs = []
    for _ in range(ROUNDS):
        alone = cpu_per_call(ours, lambda i: write(), 10)
        both = cpu_per_call(ours, write_and_list, 10)
        floor = cpu_per_call(bare, lambda i: two.ask(bare_asked), 10)
        pairs.append(((both - alone) / floor, both - alone, floor))
    ratio, mine, floor = sorted(pairs)[len(pairs) // 2]
    what = "LIST of 3,000 pods, each time after a write"
    row(what, micro(mine), f"{micro(floor)} bare: {ratio:.2f} times", "2 times")


def writes(folder: str) -> None:
    ours = Server.miniplane(os.path.join(folder, "kubeconfig"))
    connection = Connection(ours)
    path = f"{NAMESPACE}/pods"
    costs = []
    for turn in range(ROUNDS):
        requests = [
            connection.prepare("POST", path, json.dumps(pod(f"p{turn}-{i}")).encode())
            for i in range(300)
        ]
        costs.append(cpu_per_call(ours, lambda i, r=requests: connection.ask(r[i]), 300))
    row("CREATE of a pod", micro(statistics.median(costs)), "", "400 us")
    ours.stop()


async def _open_watches(server: Server, count: int) -> tuple[aiohttp.ClientSession, list]:
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
    url = f"http://127.0.0.1:{server.port}"
    watches = []
    for i in range(count):
        path = f"/api/v1/namespaces/other-{i}/configmaps?watch=1"
        watches.append(await session.get(url + path))
    return session, watches


def watchers(folder: str) -> None:
    """A writer beside 1,000 watchers of other namespaces, and alone, in turn."""

    async def measure() -> list[tuple[float, float, float]]:
        alone = Server.miniplane(os.path.join(folder, "one"))
        watched = Server.miniplane(os.path.join(folder, "two"))
        session, watches = await _open_watches(watched, 1_000)
        path = f"{NAMESPACE}/configmaps"
        connections = [Connection(alone), Connection(watched)]
        pairs = []
        for turn in range(2 * ROUNDS + 1):
            costs = []
            for server, connection in zip((alone, watched), connections, strict=True):
                bodies = [
                    json.dumps({"metadata": {"name": f"c{turn}-{i}"}, "data": {"k": "v"}}).encode()
                    for i in range(300)
                ]
                requests = [connection.prepare("POST", path, body) for body in bodies]
                costs.append(
                    cpu_per_call(server, lambda i, c=connection, r=requests: c.ask(r[i]), 300)
                )
            pairs.append((costs[1] / costs[0], costs[1], costs[0]))
        for watch in watches:
            watch.close()
        await session.close()
        alone.stop()
        watched.stop()
        return pairs[2:]  # the first ones warm up

    pairs = sorted(asyncio.run(measure()))
    ratio, mine, floor = pairs[len(pairs) // 2]
    row(
        "a write beside 1,000 watchers elsewhere",
        micro(mine),
        f"{micro(floor)} alone: {(ratio - 1) * 100:+.0f} percent",
        "+10 percent",
    )


def idle(folder: str) -> None:
    server = Server.miniplane(os.path.join(folder, "kubeconfig"))
    connection = Connection(server)
    connection.ask(connection.prepare("GET", "/readyz"))
    time.sleep(2)
    memory = server.memory()
    before, began = server.cpu(), time.perf_counter()
    time.sleep(5)
    share = (server.cpu() - before) / (time.perf_counter() - began)
    row("idle memory", f"{memory / 2**20:.0f} MB", "", "80 MB")
    row("idle CPU, 3 nodes", f"{share * 100:.1f} percent of a core", "", "")
    count = 10_000
    path = f"{NAMESPACE}/pods"
    sizes = []
    for i in range(count):
        body = json.dumps(pod(f"p{i:05}")).encode()
        answer = connection.ask(connection.prepare("POST", path, body))
        sizes.append(len(answer))
    time.sleep(1)
    grown = (server.memory() - memory) / count
    row(
        "memory of a stored pod",
        f"{grown / 1024:.1f} KiB",
        f"{statistics.mean(sizes) / 1024:.1f} KiB of JSON, {count} pods",
        "8 KiB",
    )
    server.stop()


def controllers() -> None:
    for name, what in (
        ("statefulset", "a Parallel StatefulSet of 1,000 replicas, all ready"),
        ("daemonset", "a DaemonSet on 1,000 nodes, all ready"),
    ):
        command = [sys.executable, "-m", "benchmarks.inside", name]
        found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        row(what, f"{found['cpu']:.1f} s of CPU", f"{found['writes']} writes", "5 s")


def main() -> None:
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores\n")
    print("| what | measured | beside | to reach |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        cold_start(folder)
        idle(folder)
        reads(folder)
        writes(folder)
        watchers(folder)
    controllers()


if __name__ == "__main__":
    main()
