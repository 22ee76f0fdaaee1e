"""A webhook server on this machine, and a cluster whose services lead to it."""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from miniplane import testing
from miniplane.api import resources

GROUP = "admissionregistration.k8s.io"
VALIDATING = resources.resource("validatingwebhookconfigurations", GROUP)
MUTATING = resources.resource("mutatingwebhookconfigurations", GROUP)

Answer = Callable[[dict[str, Any]], dict[str, Any]]


class Hooks:
    """Answers reviews as its `answers` say, by path, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.reviews: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.replies: dict[str, web.Response] = {}
        self.url = ""
        self.hold: tuple[asyncio.Event, asyncio.Event] | None = None
        """Set the first when a review has come, and wait for the second."""

    async def handle(self, request: web.Request) -> web.Response:
        path = request.path
        review = await request.json()
        if self.hold is not None:
            self.hold[0].set()
            await self.hold[1].wait()
        self.paths.append(path)
        self.reviews.append(review)
        if path in self.replies:
            return self.replies.pop(path)
        asked = review["request"]
        response = {"uid": asked["uid"], "allowed": True, **self.answers[path](asked)}
        kinds = {key: review[key] for key in ("kind", "apiVersion")}
        return web.json_response({**kinds, "response": response})


def patched(*operations: dict[str, Any]) -> dict[str, Any]:
    text = base64.b64encode(json.dumps(operations).encode()).decode()
    return {"patch": text, "patchType": "JSONPatch"}


def allow(request: dict[str, Any]) -> dict[str, Any]:
    return {}


RULE = {
    "apiGroups": [""],
    "apiVersions": ["v1"],
    "operations": ["CREATE", "UPDATE", "DELETE"],
    "resources": ["configmaps"],
}


def hook(name: str = "a", path: str = "", **fields: Any) -> dict[str, Any]:
    service = {"namespace": "default", "name": "hooks", "path": path or f"/{name}"}
    return {
        "name": f"{name}.example.com",
        "clientConfig": {"service": service},
        "rules": [RULE],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        **fields,
    }


def configuration(*hooks: dict[str, Any], name: str = "hooks") -> dict[str, Any]:
    return {"metadata": {"name": name}, "webhooks": list(hooks)}


def config_map(name: str = "", **fields: Any) -> dict[str, Any]:
    metadata = {"namespace": "default", **({"name": name} if name else {}), **fields}
    return {"metadata": metadata, "data": {"a": "1"}}


@pytest.fixture
async def hooks() -> AsyncIterator[Hooks]:
    found = Hooks()
    app = web.Application()
    app.router.add_post("/{path:.*}", found.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    found.url = f"http://127.0.0.1:{port}"
    yield found
    await runner.cleanup()


@pytest.fixture
async def cluster(hooks: Hooks) -> AsyncIterator[testing.Harness]:
    async with started(hooks) as found:
        yield found


@contextlib.asynccontextmanager
async def started(hooks: Hooks, **settings: Any) -> AsyncIterator[testing.Harness]:
    services = {"default/hooks": hooks.url}
    async with testing.cluster(nodes=1, http=True, webhook_services=services, **settings) as found:
        yield found
