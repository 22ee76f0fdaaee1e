"""`miniplane serve`: a cluster and its server, until a signal ends them."""

import argparse
import asyncio
import contextlib
import shlex
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pydantic

from miniplane.cli import arguments, heap, kubeconfig
from miniplane.cli.failure import Failure
from miniplane.config import Config
from miniplane.server import serve

if TYPE_CHECKING:
    from miniplane.cluster import Cluster
    from miniplane.pki.serving import Serving

STOPPING = 0.4
"""How long the cluster may take to stop, in seconds."""


def run(args: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM. Failure when that cannot begin."""
    config = config_of(args)
    try:
        sock = serve.bind(config)
    except ValueError as error:
        raise Failure(str(error)) from None
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise Failure(f"cannot listen on {config.host}:{config.port}: {why}") from None
    with contextlib.closing(sock):
        url = serve.url_of(sock, https=config.https)
        # From here on everybody is to know the port that was found free.
        config = config.model_copy(update={"port": sock.getsockname()[1]})
        asyncio.run(_serve(config, sock, url, args))
    return 0


def config_of(args: argparse.Namespace) -> Config:
    """The configuration that the command line asks for. Failure naming the bad value."""
    try:
        return Config(**arguments.config_values(args))
    except pydantic.ValidationError as errors:
        error = errors.errors()[0]
        key = str(error["loc"][0]) if error["loc"] else ""
        text = error["msg"].removeprefix("Value error, ")
        if not key:  # settings that do not go together
            raise Failure(text) from None
        source = args.sources.get(key, key)
        raise Failure(f"{source} {error['input']!r}: {text[:1].lower()}{text[1:]}") from None


@contextlib.contextmanager
def _written(
    config: Config, url: str, access: kubeconfig.Access | None, args: argparse.Namespace
) -> Iterator[Path]:
    """A kubeconfig for as long as the server runs; one where the user wants it stays."""
    if config.kubeconfig:
        place = Path(config.kubeconfig)
    else:
        place = kubeconfig.default_place(args.env, url)
    kubeconfig.write_own(place, url, access)
    try:
        yield place
    finally:
        if not config.kubeconfig:
            kubeconfig.remove_own(place, url, access)


def _access(serving: "Serving | None") -> kubeconfig.Access | None:
    if serving is None:
        return None
    return kubeconfig.Access(serving.authorities, serving.admin.certificate, serving.admin.key)


async def _serve(config: Config, sock: socket.socket, url: str, args: argparse.Namespace) -> None:
    from miniplane.cluster import Cluster

    stop = asyncio.Event()
    _on_signals(stop)
    try:
        cluster = Cluster(config)
    except ValueError as error:
        raise Failure(str(error)) from None
    with _written(config, url, _access(cluster.serving), args) as written:
        await _run(cluster, sock, url, written, stop)


async def _run(
    cluster: "Cluster", sock: socket.socket, url: str, written: Path, stop: asyncio.Event
) -> None:
    await cluster.start()
    try:
        async with contextlib.AsyncExitStack() as stack:
            dns = await _names(cluster, stack)
            await stack.enter_async_context(cluster.server(sock))
            heap.settle_in()
            print(f"miniplane is ready at {url}", flush=True)
            print(f"export KUBECONFIG={shlex.quote(str(written))}", flush=True)
            if dns:
                print(dns, flush=True)
            await stop.wait()
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOPPING):
                await cluster.stop()


async def _names(cluster: "Cluster", stack: contextlib.AsyncExitStack) -> str:
    """Answer names if that is asked for. How to ask for them; Failure when the port is taken."""
    config = cluster.config
    try:
        server = cluster.names()
        if server is None:
            return ""
        await stack.enter_async_context(server)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise Failure(f"cannot answer names on {config.host}:{config.dns_port}: {why}") from None
    host, port = server.address
    return f"names are answered by dig @{host} -p {port} NAME"


def _on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        # Where the loop knows no signals, Ctrl-C still ends `asyncio.run`.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(signum, stop.set)
