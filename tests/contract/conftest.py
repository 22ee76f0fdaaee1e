"""The clients that the contract is held against, in front of the same cluster.

in-process    the registry, called
http          aiohttp over a loopback socket
kubectl       the real thing, as a process for each call (marked `kubectl`)
"""

import asyncio
import contextlib
import json
import os
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from miniplane import testing
from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj
from miniplane.api.options import MERGE_PATCH, STRATEGIC_MERGE_PATCH, DeleteOptions
from miniplane.api.resources import Resource
from miniplane.client.http import HttpClient
from miniplane.client.protocol import ClientEvent, ObjectList, PlainHandle

CODES = {
    "NotFound": 404,
    "AlreadyExists": 409,
    "Conflict": 409,
    "BadRequest": 400,
    "Forbidden": 403,
}
CODES |= {"Invalid": 422, "TooManyRequests": 429}
PATCH_TYPES = {MERGE_PATCH: "merge", STRATEGIC_MERGE_PATCH: "strategic"}
PATIENCE = 60.0


def find_kubectl() -> str:
    named = [name for name in os.environ.get("MINIPLANE_KUBECTLS", "").split(os.pathsep) if name]
    return named[0] if named else shutil.which("kubectl") or ""


class Kubectl:
    """As much of a `Client` as kubectl can be."""

    def __init__(self, url: str, home: str, manager: str = "miniplane") -> None:
        self.url = url
        self.home = home
        self.manager = manager

    def with_manager(self, manager: str, *, user: object = None) -> "Kubectl":
        return Kubectl(self.url, self.home, manager)

    def command(self, *args: str, namespace: str = "") -> list[str]:
        where = ["--namespace", namespace] if namespace else []
        return [find_kubectl(), "--server", self.url, *where, *args]

    async def start(self, *args: str, namespace: str = "") -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *self.command(*args, namespace=namespace),
            env={"HOME": self.home, "PATH": os.environ["PATH"], "KUBECONFIG": os.devnull},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def run(self, *args: str, namespace: str = "", body: Any = None) -> str:
        process = await self.start(*args, namespace=namespace)
        sent = b"" if body is None else json.dumps(body).encode()
        async with asyncio.timeout(PATIENCE):
            out, err = await process.communicate(sent)
        if process.returncode:
            raise complaint(err.decode())
        return out.decode()

    async def get(
        self, resource: Resource, name: str, namespace: str = "", *, subresource: str = ""
    ) -> Obj:
        part = ["--subresource", subresource] if subresource else []
        words = ["get", kind(resource), name, "-ojson", "--show-managed-fields", *part]
        return json.loads(await self.run(*words, namespace=namespace))

    async def list(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
    ) -> ObjectList:
        words = ["get", kind(resource), "-ojson", f"--selector={label_selector}"]
        words += [f"--field-selector={field_selector}"]
        if resource.namespaced and not namespace:
            words.append("--all-namespaces")
        found = json.loads(await self.run(*words, namespace=namespace))
        return ObjectList([PlainHandle(item) for item in found["items"]], "")

    async def create(self, resource: Resource, obj: Obj, *, namespace: str = "") -> Obj:
        return await self._send("create", resource, obj, namespace)

    async def update(self, resource: Resource, obj: Obj, *, subresource: str = "") -> Obj:
        part = ["--subresource", subresource] if subresource else []
        return await self._send("replace", resource, obj, "", *part)

    async def _send(
        self, verb: str, resource: Resource, obj: Obj, namespace: str, *more: str
    ) -> Obj:
        head = {"apiVersion": resource.api_version, "kind": resource.kind}
        words = [verb, "-f-", "-ojson", "--validate=ignore", "--show-managed-fields", *more]
        words.append(f"--field-manager={self.manager}")
        return json.loads(await self.run(*words, namespace=namespace, body={**head, **obj}))

    async def patch(
        self,
        resource: Resource,
        name: str,
        patch: Any,
        namespace: str = "",
        *,
        patch_type: str = STRATEGIC_MERGE_PATCH,
        subresource: str = "",
    ) -> Obj:
        words = ["patch", kind(resource), name, "-ojson", "--show-managed-fields"]
        words += [f"--type={PATCH_TYPES.get(patch_type, 'json')}", f"--patch={json.dumps(patch)}"]
        words += [f"--field-manager={self.manager}"]
        if subresource:
            words += ["--subresource", subresource]
        return json.loads(await self.run(*words, namespace=namespace))

    async def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str = "",
        *,
        options: DeleteOptions = DeleteOptions(),  # noqa: B008 - a frozen value
    ) -> None:
        await self.run(
            "delete", kind(resource), name, "--wait=false", *flags(options), namespace=namespace
        )

    async def delete_collection(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        options: DeleteOptions = DeleteOptions(),  # noqa: B008 - a frozen value
        label_selector: str = "",
        field_selector: str = "",
    ) -> None:
        which = [f"--selector={label_selector}"] if label_selector else ["--all"]
        words = ["delete", kind(resource), "--wait=false", *which, *flags(options)]
        await self.run(*words, namespace=namespace)

    @contextlib.asynccontextmanager
    async def watching(self, resource: Resource, namespace: str) -> AsyncIterator["KubectlWatch"]:
        """A watch from now on, begun when the server knows of it."""
        words = ["get", kind(resource), "--watch-only", "-ojson", "--output-watch-events", "-v=6"]
        process = await self.start(*words, namespace=namespace)
        assert process.stdout
        assert process.stderr
        log: list[str] = []
        async with asyncio.timeout(PATIENCE):
            async for line in process.stderr:
                log.append(line.decode())
                if "watch=true" in log[-1] and "200 OK" in log[-1]:
                    break
        try:
            yield KubectlWatch(process.stdout)
        finally:
            process.kill()
            await process.communicate()


class KubectlWatch:
    def __init__(self, lines: asyncio.StreamReader) -> None:
        self.lines = lines
        self.rest = ""

    async def next(self) -> Sequence[ClientEvent]:
        """The next event: indented documents, one after the other."""
        decoder = json.JSONDecoder()
        async with asyncio.timeout(PATIENCE):
            while True:
                text = self.rest.lstrip()
                try:
                    event, end = decoder.raw_decode(text)
                except json.JSONDecodeError:
                    piece = await self.lines.read(1 << 16)
                    assert piece, self.rest
                    self.rest += piece.decode()
                    continue
                self.rest = text[end:]
                obj = event["object"]
                revision = obj["metadata"]["resourceVersion"]
                return [ClientEvent(event["type"], PlainHandle(obj), revision)]


def kind(resource: Resource) -> str:
    return (
        f"{resource.plural}.{resource.version}.{resource.group}"
        if resource.group
        else resource.plural
    )


def flags(options: DeleteOptions) -> list[str]:
    found = []
    if options.grace_period_seconds is not None:
        found.append(f"--grace-period={options.grace_period_seconds}")
        if options.grace_period_seconds == 0:
            found.append("--force")
    if options.propagation_policy:
        found.append(f"--cascade={options.propagation_policy.lower()}")
    if options.dry_run:
        found.append("--dry-run=server")
    return found


def complaint(text: str) -> StatusError:
    """What kubectl says of an error that the server sent."""
    told = re.search(r"Error from server \((\w+)\):(?: error when \w+ \"STDIN\":)? (.*)", text)
    if told is None:
        # A 422 is told without its reason.
        told = re.search(r"(The \w+ .* is invalid.*)", text, re.DOTALL)
        assert told, text
        return StatusError(422, "Invalid", told[1])
    return StatusError(CODES[told[1]], told[1], told[2])


@pytest.fixture
async def cluster():
    async with testing.cluster(nodes=1, http=True, controllers="", watch_window=50) as cluster:
        yield cluster


@contextlib.asynccontextmanager
async def watching(client, resource: Resource, namespace: str, **options: Any):
    """A watch from now on, with whatever client."""
    if isinstance(client, Kubectl):
        async with client.watching(resource, namespace) as watch:
            yield watch
        return
    options.setdefault(
        "resource_version", (await client.list(resource, namespace)).resource_version
    )
    watch = await client.watch(resource, namespace, **options)
    try:
        yield watch
    finally:
        watch.close()


@pytest.fixture
def watch():
    return watching


@pytest.fixture
async def in_process(cluster):
    return cluster.client


@pytest.fixture
async def http(cluster):
    async with HttpClient(cluster.url) as client:
        yield client


@pytest.fixture
def kubectl(cluster, tmp_path):
    if not find_kubectl():
        pytest.skip("no kubectl on PATH or in MINIPLANE_KUBECTLS")
    return Kubectl(cluster.url, str(tmp_path))


EVERYBODY = [
    pytest.param("in_process", id="in-process"),
    pytest.param("http", id="http"),
    pytest.param("kubectl", id="kubectl", marks=pytest.mark.kubectl),
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`client` is each of the clients; `library` each but kubectl, for what it cannot say."""
    for name, clients in (("client", EVERYBODY), ("library", EVERYBODY[:2])):
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, clients, indirect=True)


@pytest.fixture
def client(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def library(request):
    return request.getfixturevalue(request.param)
