"""Rows about GET and LIST, in the forms that clients ask for."""

import itertools
import os

from benchmarks import samples
from benchmarks.process import Bodies, Connection, Server, cpu_per_call, request
from benchmarks.table import ROUNDS, against, micro, middle, row

PROTOBUF = "application/vnd.kubernetes.protobuf"
TABLE = (
    "application/json;as=Table;v=v1;g=meta.k8s.io,"
    "application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
)
"""What `kubectl get` accepts."""

FIVE, THIRTY = "/api/v1/namespaces/five/pods", "/api/v1/namespaces/thirty/pods"
ONE = f"{FIVE}/p00250"


def reads(folder: str) -> None:
    ours = Server.miniplane(os.path.join(folder, "kubeconfig"))
    connection = Connection(ours)
    for size, path in ((500, FIVE), (3000, THIRTY)):
        name = samples.encoded({"metadata": {"name": path.split("/")[4]}})
        connection.ask(request("POST", "/api/v1/namespaces", name))
        for i in range(size):
            body = samples.encoded(samples.pod(f"p{i:05}"))
            connection.ask(request("POST", path, body))
    bodies = Bodies(os.path.join(folder, "reads.json"))
    asked = {
        (path, accept): request("GET", path, accept=accept)
        for path in (ONE, FIVE, THIRTY)
        for accept in ("application/json", PROTOBUF, TABLE)
    }
    floors = {key: request("GET", bodies.add(connection.ask(r))) for key, r in asked.items()}
    bare = bodies.serve()

    def compare(path: str, accept: str, count: int, what: str, budget: str = "") -> None:
        key = path, accept
        against(
            ours, bare, lambda i: asked[key], floors[key], count=count, what=what, budget=budget
        )

    def grown(path: str, accept: str, count: int, what: str, budget: str = "") -> None:
        key = path, accept
        after_a_write(ours, bare, asked[key], floors[key], path, count, what, budget)

    plain = "application/json"
    compare(ONE, plain, 1_000, "GET of a pod", "1.6 times")
    compare(ONE, PROTOBUF, 1_000, "GET of a pod, protobuf")
    compare(FIVE, plain, 100, "LIST of 500 pods, repeated")
    compare(FIVE, PROTOBUF, 100, "LIST of 500 pods, protobuf, repeated")
    grown(FIVE, PROTOBUF, 20, "LIST of 500 pods, protobuf, each time after a write")
    compare(FIVE, TABLE, 20, "LIST of 500 pods, Table, repeated")
    grown(FIVE, TABLE, 20, "LIST of 500 pods, Table, each time after a write")
    compare(THIRTY, plain, 20, "LIST of 3,000 pods, repeated", "2 times")
    grown(THIRTY, plain, 10, "LIST of 3,000 pods, each time after a write", "2 times")
    compare(THIRTY, PROTOBUF, 20, "LIST of 3,000 pods, protobuf, repeated")
    grown(THIRTY, PROTOBUF, 10, "LIST of 3,000 pods, protobuf, each time after a write")
    ours.stop()
    bare.stop()


_serial = itertools.count()


def after_a_write(
    ours: Server,
    bare: Server,
    asked: bytes,
    floor: bytes,
    path: str,
    count: int,
    what: str,
    budget: str,
) -> None:
    """A LIST that cannot be answered with what the last one was: CPU beyond that of the write."""
    one, two = Connection(ours), Connection(bare)

    def write() -> None:
        body = samples.encoded(samples.pod(f"new-{next(_serial)}"))
        one.ask(request("POST", path, body))

    def write_and_list(i: int) -> None:
        write()
        one.ask(asked)

    pairs = []
    for _ in range(ROUNDS):
        alone = cpu_per_call(ours, lambda i: write(), count)
        both = cpu_per_call(ours, write_and_list, count)
        least = cpu_per_call(bare, lambda i: two.ask(floor), count)
        pairs.append(((both - alone) / least, both - alone, least))
    ratio, mine, least = middle(pairs)
    row(what, micro(mine), f"{micro(least)} bare: {ratio:.2f} times", budget)
