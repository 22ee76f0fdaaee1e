"""The floor: an aiohttp handler that answers bytes it has ready. Run as a process of its own."""

import asyncio
import json
import sys

from aiohttp import web


async def main(path: str) -> None:
    """Serves the bodies in the JSON file `path` ({url path: text}); prints its port."""
    with open(path) as file:
        bodies = {key: text.encode() for key, text in json.load(file).items()}

    async def handle(request: web.Request) -> web.Response:
        return web.Response(body=bodies[request.path], content_type="application/json")

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
