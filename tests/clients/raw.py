"""Plain HTTP, for what has to be there before a client library is asked."""

import asyncio
import json
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import aiohttp

CONNECTIONS = 16


def call(method: str, url: str, body: Any = None) -> Any:
    """The answer as JSON has it; patches are merged. urllib.error.HTTPError for a refusal."""
    data = None if body is None else json.dumps(body).encode()
    kind = "merge-patch+json" if method == "PATCH" else "json"
    headers = {"Content-Type": f"application/{kind}"}
    request = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def watch(url: str, revision: str) -> Iterator[Any]:
    """The events after a revision, for as long as they are asked for."""
    query = f"?watch=true&resourceVersion={revision}"
    with urllib.request.urlopen(url + query, timeout=30) as answer:
        yield from map(json.loads, answer)


def create_all(url: str, bodies: list[Any]) -> None:
    """POST each of them, several at a time. aiohttp.ClientResponseError for a refusal."""

    async def worker(session: aiohttp.ClientSession) -> None:
        while bodies:
            async with session.post(url, json=bodies.pop()) as answer:
                await answer.read()

    async def work() -> None:
        async with (
            aiohttp.ClientSession(raise_for_status=True) as session,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(CONNECTIONS):
                group.create_task(worker(session))

    bodies = list(reversed(bodies))
    # A loop of its own in a thread of its own: the test that asks may have one that runs.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work()).result()
