"""Rows about watchers: what they cost a writer, and what their events cost."""

import contextlib
import os
import selectors
import socket
import threading
from collections.abc import Iterator

from benchmarks import samples
from benchmarks.process import JSON, Bodies, Connection, Server, cpu_per_call, request
from benchmarks.table import ROUNDS, micro, middle, row

PROTOBUF = "application/vnd.kubernetes.protobuf"
WATCHERS = 100
WRITES = 60


@contextlib.contextmanager
def watching(server: Server, paths: list[str], accept: str) -> Iterator[None]:
    """Streams from `paths` that are read, and thrown away, as long as this is open."""
    streams = []
    for path in paths:
        stream = socket.create_connection(("127.0.0.1", server.port))
        stream.sendall(request("GET", path, accept=accept))
        assert stream.recv(1 << 16).startswith(b"HTTP/1.1 200")
        streams.append(stream)
    done = threading.Event()

    def drain() -> None:
        with selectors.DefaultSelector() as selector:
            for stream in streams:
                selector.register(stream, selectors.EVENT_READ)
            while not done.is_set():
                for key, _ in selector.select(0.05):
                    key.fileobj.recv(1 << 20)  # type: ignore[union-attr]

    reader = threading.Thread(target=drain)
    reader.start()
    try:
        yield
    finally:
        done.set()
        reader.join()
        for stream in streams:
            stream.close()


def elsewhere(folder: str) -> None:
    """A writer beside 1,000 watchers of other namespaces, and alone, in turn."""
    alone = Server.miniplane(os.path.join(folder, "one"))
    watched = Server.miniplane(os.path.join(folder, "two"))
    path = f"{samples.CORE}/configmaps"
    connections = [Connection(alone), Connection(watched)]
    pairs = []
    others = [f"/api/v1/namespaces/other-{i}/configmaps?watch=1" for i in range(1_000)]
    with watching(watched, others, JSON):
        for turn in range(2 * ROUNDS + 1):
            costs = []
            for server, connection in zip((alone, watched), connections, strict=True):
                bodies = [samples.encoded(samples.config_map(f"c{turn}-{i}")) for i in range(300)]
                requests = [request("POST", path, body) for body in bodies]
                costs.append(
                    cpu_per_call(server, lambda i, c=connection, r=requests: c.ask(r[i]), 300)
                )
            pairs.append((costs[1] / costs[0], costs[1], costs[0]))
    alone.stop()
    watched.stop()
    ratio, mine, least = middle(pairs[2:])  # the first ones warm up
    row(
        "a write beside 1,000 watchers elsewhere",
        micro(mine),
        f"{micro(least)} alone: {(ratio - 1) * 100:+.0f} percent",
        "+10 percent",
    )


def fan_out(folder: str) -> None:
    """What an event costs that goes to each of many watchers, beyond the cost of the write."""
    for form, accept in (("JSON", JSON), ("protobuf", PROTOBUF)):
        ours = Server.miniplane(os.path.join(folder, form))
        bare = Bodies(os.path.join(folder, "watches.json")).serve()
        for name in ("watched", "alone"):
            body = samples.encoded({"metadata": {"name": name}})
            Connection(ours).ask(request("POST", "/api/v1/namespaces", body))
        paths = ["/api/v1/namespaces/watched/pods?watch=1"] * WATCHERS
        with watching(ours, paths, accept), watching(bare, ["/stream"] * WATCHERS, accept):
            pairs = [_round(ours, bare, turn) for turn in range(ROUNDS)]
        ours.stop()
        bare.stop()
        ratio, mine, least = middle(pairs)
        row(
            f"an event of a pod to each of {WATCHERS} watchers, {form}",
            f"{micro(mine)}: {1 / mine:,.0f} a second",
            f"{micro(least)} bare: {ratio:.2f} times",
        )


def _round(ours: Server, bare: Server, turn: int) -> tuple[float, ...]:
    one, two = Connection(ours), Connection(bare)

    def cost(server: Server, connection: Connection, path: str) -> float:
        bodies = [samples.encoded(samples.pod(f"p{turn}-{i}")) for i in range(WRITES)]
        requests = [request("POST", path, body) for body in bodies]
        return cpu_per_call(server, lambda i: connection.ask(requests[i]), WRITES)

    alone = cost(ours, one, "/api/v1/namespaces/alone/pods")
    watched = cost(ours, one, "/api/v1/namespaces/watched/pods")
    floor = cost(bare, two, "/stream")
    mine, least = (watched - alone) / WATCHERS, floor / WATCHERS
    return mine / least, mine, least
