"""The composition root: a whole control plane, put together. The only module that sees everything.

    store -> registry -> in-process client -> informers -> controllers
                  \\-> server (put in front by `miniplane.server`, where there is to be one)

A cluster lives on the event loop that starts it; any number of them live side by side.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from miniplane.api.resources import PODS
from miniplane.client.inprocess import InProcessClient
from miniplane.client.protocol import Client
from miniplane.clock import Clock, RealClock, VirtualClock
from miniplane.config import Config
from miniplane.controllers.table import ALIASES, CONTROLLERS
from miniplane.ids import Ids
from miniplane.metrics import Family
from miniplane.pki.authority import Authority
from miniplane.pki.serving import Serving
from miniplane.registry.registry import Registry
from miniplane.registry.stored import Stored
from miniplane.registry.upkeep import HOST_IP, Upkeep
from miniplane.runtime import figures, settle
from miniplane.runtime.controller import ControllerContext
from miniplane.runtime.informer import InformerFactory
from miniplane.runtime.logs.podlogs import PodLogs
from miniplane.runtime.manager import ControllerManager
from miniplane.store.mvcc import Store

if TYPE_CHECKING:
    import socket

    from miniplane.dns.server import DnsServer
    from miniplane.server.serve import Server


class Cluster:
    """A control plane.

    `await start()` returns when its controllers run; `await stop()` ends them. ValueError for a
    `config.controllers` that names an unknown one, or a file that cannot be used.
    """

    def __init__(
        self,
        config: Config | None = None,
        *,
        clock: Clock | None = None,
        ids: Ids | None = None,
        wrap_client: Callable[[Client], Client] = lambda client: client,
    ):
        """`wrap_client` comes between the controllers and the registry: a
        `miniplane.client.fault.FaultClient` lets them fail."""
        self.config = config or Config()
        self.clock = clock or RealClock()
        self.ids = ids or Ids(self.config.seed)
        self.authority = Authority(self.ids.fork("authority"), self.clock)
        self.serving = (
            Serving(self.authority, self.config, endpoint=HOST_IP) if self.config.https else None
        )
        """TLS for a server in front; None for plain HTTP."""
        self.store: Store[Stored] = Store(window=self.config.watch_window)
        self.registry = Registry(
            store=self.store, clock=self.clock, ids=self.ids.fork("registry"), config=self.config
        )
        self.client: Client = InProcessClient(self.registry)
        client = wrap_client(self.client)
        self.informers = InformerFactory(client, self.clock)
        self.logs = PodLogs(
            self.clock, lambda namespace, name: self.registry.get(PODS, namespace, name).obj
        )
        self.informers.of(PODS).on_change(self.logs.book.pod_changed)
        context = ControllerContext(
            client=client,
            informers=self.informers,
            clock=self.clock,
            ids=self.ids,
            config=self.config,
            authority=self.authority,
            served=self.registry.custom.everything,
        )
        self.manager = ControllerManager(context, CONTROLLERS, self.config.controllers, ALIASES)
        self._upkeep = Upkeep(self.registry, self.store, self.clock, self.config)

    async def start(self) -> None:
        """Fill in what every cluster holds, and start the controllers."""
        self._upkeep.start()
        await self.manager.start()

    async def stop(self) -> None:
        """End all controllers. The objects can still be read."""
        await self.manager.stop()
        self._upkeep.stop()

    def figures(self) -> Iterator[Family]:
        """What there is to count, but for requests: objects, features, queues, reconciles."""
        yield from self.registry.figures()
        yield from figures.families(self.manager.controllers)

    def server(self, sock: "socket.socket | None" = None) -> "Server":
        """An HTTP server in front of it, not started yet; on `sock` if one is bound already."""
        from miniplane.server.app import create_app
        from miniplane.server.serve import Server
        from miniplane.server.served import Served

        app = create_app(
            self.registry,
            clock=self.clock,
            config=self.config,
            authorize=self.registry.authorize,
            authenticate=self.registry.authenticate,
            served=Served(self.registry.custom),
            sources=(self.figures,),
            logs=self.logs,
        )
        tls = self.serving.server if self.serving is not None else None
        return Server(app, self.config, sock=sock, tls=tls)

    def names(self) -> "DnsServer | None":
        """A server of its names, not started yet; None where none is configured. OSError for a
        host without an address."""
        if self.config.dns_port is None:
            return None
        from miniplane.dns.serve import dns_server

        return dns_server(self.informers, self.config.host, self.config.dns_port)

    async def settle(self, *, max_seconds: float = settle.MAX_SECONDS) -> None:
        """Return when the control plane has nothing left to do, timers of a virtual clock included.

        NotSettled when it still has after `max_seconds` on its clock.
        """
        await settle.settle(self.clock, self.manager.parts, max_seconds=max_seconds)

    async def advance(self, seconds: float) -> None:
        """Move a virtual clock on by `seconds`, letting the controllers act at every moment."""
        assert isinstance(self.clock, VirtualClock), "only a virtual clock can be moved"
        await settle.advance(self.clock, self.manager.parts, seconds)
