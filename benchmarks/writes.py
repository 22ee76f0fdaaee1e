"""Rows about writes: each beside a bare handler that reads the same body and answers the same."""

import json
import os
from collections.abc import Callable

from benchmarks import samples
from benchmarks.process import JSON, Bodies, Connection, Server, request
from benchmarks.samples import PODS
from benchmarks.table import against

COUNT = 300
"""Writes in a round, each to an object of its own."""

APPLY = "application/apply-patch+yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
RULES = {"gadgets": "a schema", "widgets": "a schema and a rule in CEL"}


class Writes:
    """A server with pods and custom resources, and the requests that change them."""

    def __init__(self, server: Server):
        self.server = server
        self.connection = Connection(server)
        for plural in RULES:
            body = samples.definition(plural, rules=plural == "widgets")
            self.ask("POST", samples.DEFINITIONS, body)
        for i in range(COUNT):
            self.ask("POST", PODS, samples.pod(f"p{i}"))
            self.ask(*self.applied_pod(i))
            for plural in RULES:
                path = samples.custom_path(plural)
                self.ask("POST", path, samples.custom(plural, f"c{i}"))
                self.ask(*self.applied_custom(plural, i, "web:1"))

    def ask(
        self, method: str, path: str, body: object = None, content_type: str = JSON
    ) -> dict[str, object]:
        data = b"" if body is None else samples.encoded(body)
        return json.loads(
            self.connection.ask(request(method, path, data, content_type=content_type))
        )

    @staticmethod
    def applied_pod(i: int, **labels: str) -> tuple[str, str, object, str]:
        name = f"a{i % COUNT}"
        return (
            "PATCH",
            f"{PODS}/{name}?fieldManager=bench",
            samples.pod(name, **labels),
            APPLY,
        )

    @staticmethod
    def applied_custom(plural: str, i: int, image: str) -> tuple[str, str, object, str]:
        name = f"a{i % COUNT}"
        path = f"{samples.custom_path(plural)}/{name}?fieldManager=bench"
        return "PATCH", path, samples.custom(plural, name, image), APPLY

    def create(self, i: int) -> bytes:
        return _request("POST", PODS, samples.pod(f"new-{i}"))

    def create_protobuf(self, i: int) -> bytes:
        from miniplane.api import protobuf

        body = protobuf.encode(samples.pod(f"new-protobuf-{i}"))
        return request("POST", PODS, body, accept=f"{PROTOBUF},{JSON}", content_type=PROTOBUF)

    def put(self, i: int) -> bytes:
        """What somebody sends who has read the pod."""
        path = f"{PODS}/p{i % COUNT}"
        pod = self.ask("GET", path)
        pod["metadata"]["labels"]["revision"] = str(i)
        return _request("PUT", path, pod)

    def json_patch(self, i: int) -> bytes:
        patch = [{"op": "add", "path": "/metadata/labels/revision", "value": f"j{i}"}]
        return _request("PATCH", f"{PODS}/p{i % COUNT}", patch, "application/json-patch+json")

    def merge_patch(self, i: int) -> bytes:
        patch = {"metadata": {"labels": {"revision": f"m{i}"}}}
        return _request("PATCH", f"{PODS}/p{i % COUNT}", patch, "application/merge-patch+json")

    def strategic_patch(self, i: int) -> bytes:
        patch = {"spec": {"containers": [{"name": "web", "image": f"web:{i}"}]}}
        content_type = "application/strategic-merge-patch+json"
        return _request("PATCH", f"{PODS}/p{i % COUNT}", patch, content_type)

    def status_patch(self, i: int) -> bytes:
        """What a kubelet sends."""
        ready = {"type": "Ready", "status": "True", "reason": f"Round{i}"}
        patch = {"status": {"phase": "Running", "conditions": [ready]}}
        content_type = "application/strategic-merge-patch+json"
        return _request("PATCH", f"{PODS}/p{i % COUNT}/status", patch, content_type)

    def apply_again(self, i: int) -> bytes:
        return _request(*self.applied_pod(i))

    def apply_change(self, i: int) -> bytes:
        return _request(*self.applied_pod(i, tier=f"t{i}"))

    def apply_less(self, i: int) -> bytes:
        """One label less than was applied before."""
        self.ask(*self.applied_pod(i, more="than-needed"))
        return _request(*self.applied_pod(i))

    def create_custom(self, plural: str, i: int) -> bytes:
        return _request("POST", samples.custom_path(plural), samples.custom(plural, f"new-{i}"))

    def put_custom(self, plural: str, i: int) -> bytes:
        path = f"{samples.custom_path(plural)}/c{i % COUNT}"
        obj = self.ask("GET", path)
        obj["spec"]["image"] = f"web:{i}"
        return _request("PUT", path, obj)

    def apply_custom(self, plural: str, i: int) -> bytes:
        return _request(*self.applied_custom(plural, i, f"web:{i}"))


def _request(method: str, path: str, body: object, content_type: str = JSON) -> bytes:
    return request(method, path, samples.encoded(body), content_type=content_type)


def writes(folder: str) -> None:
    ours = Server.miniplane(os.path.join(folder, "kubeconfig"))
    made = Writes(ours)
    rows: list[tuple[str, Callable[[int], bytes], str]] = [
        ("CREATE of a pod", made.create, "400 us"),
        ("CREATE of a pod, protobuf", made.create_protobuf, ""),
        ("PUT of a pod", made.put, ""),
        ("JSON patch of a pod", made.json_patch, ""),
        ("merge patch of a pod", made.merge_patch, ""),
        ("strategic merge patch of a pod", made.strategic_patch, ""),
        ("strategic merge patch of a pod's status", made.status_patch, ""),
        ("apply of a pod, nothing new", made.apply_again, ""),
        ("apply of a pod, a changed value", made.apply_change, ""),
        ("apply of a pod, a field less", made.apply_less, ""),
    ]
    for plural, schema in RULES.items():
        for verb, make in (
            ("CREATE", made.create_custom),
            ("PUT", made.put_custom),
            ("apply", made.apply_custom),
        ):
            what = f"{verb} of a custom resource with {schema}"
            rows.append((what, lambda i, m=make, p=plural: m(p, i), ""))
    bodies = Bodies(os.path.join(folder, "writes.json"))
    floors = [_floor(bodies, made.connection, make) for _, make, _ in rows]
    bare = bodies.serve()
    for (what, make, budget), floor in zip(rows, floors, strict=True):
        against(ours, bare, make, floor, count=COUNT, what=what, budget=budget)
    ours.stop()
    bare.stop()


def _floor(bodies: Bodies, connection: Connection, make: Callable[[int], bytes]) -> bytes:
    """The same request to a handler that answers at once what this one was answered."""
    asked = make(1_000_000)
    head, _, rest = asked.partition(b"\r\n")
    method, _, version = head.split(b" ")
    path = bodies.add(connection.ask(asked)).encode()
    return b" ".join((method, path, version)) + b"\r\n" + rest
