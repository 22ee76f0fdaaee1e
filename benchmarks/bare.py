"""The floor: aiohttp handlers that answer bytes they have ready. Run as a process of its own."""

import asyncio
import json
import sys

from aiohttp import web


class Stream:
    """Who watches, and what they are sent: what every POST to `/stream` brings."""

    def __init__(self) -> None:
        self.waiting: list[asyncio.Future[bytes]] = []

    async def watch(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        loop = asyncio.get_running_loop()
        while request.transport is not None:
            waiter = loop.create_future()
            self.waiting.append(waiter)
            await response.write(await waiter)
        return response

    async def publish(self, request: web.Request) -> web.Response:
        body = await request.read()
        waiting, self.waiting = self.waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(body)
        return web.Response(body=body)


async def main(path: str) -> None:
    """Serves the bodies in the JSON file `path` ({url path: text}); prints its port."""
    with open(path) as file:
        bodies = {key: text.encode("latin-1") for key, text in json.load(file).items()}

    async def handle(request: web.Request) -> web.Response:
        if request.body_exists:
            await request.read()
        return web.Response(body=bodies[request.path], content_type="application/json")

    app = web.Application()
    stream = Stream()
    app.router.add_get("/stream", stream.watch)
    app.router.add_post("/stream", stream.publish)
    app.router.add_route("*", "/{tail:.*}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
