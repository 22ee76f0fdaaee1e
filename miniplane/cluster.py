"""The composition root: a whole control plane, put together. The only module that sees everything.

    store -> registry -> in-process client -> informers -> controllers
                  \\-> server (put in front by `miniplane.server`, where there is to be one)

A cluster lives on the event loop that starts it; any number of them live side by side.
"""

import ipaddress
from collections.abc import Callable, Iterator

from miniplane.api import bootstrap, resources
from miniplane.api.objects import Obj
from miniplane.api.options import WriteOptions
from miniplane.client.inprocess import InProcessClient
from miniplane.client.protocol import Client
from miniplane.clock import Clock, RealClock, VirtualClock
from miniplane.config import Config
from miniplane.controllers.table import CONTROLLERS
from miniplane.ids import Ids
from miniplane.registry.expiry import EventExpiry
from miniplane.registry.registry import Registry
from miniplane.registry.stored import Stored
from miniplane.runtime import settle
from miniplane.runtime.controller import ControllerContext
from miniplane.runtime.informer import InformerFactory
from miniplane.runtime.manager import ControllerManager
from miniplane.store.mvcc import Store

EXPIRY_PERIOD = 60.0
API_SERVER = "kube-apiserver"
HOST_IP = "172.18.0.2"
"""Where pods would find the API server; endpoints may not name a loopback address."""


class Cluster:
    """A control plane.

    `await start()` returns when its controllers run; `await stop()` ends them. ValueError for a
    `config.controllers` that names an unknown one.
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
        self.store: Store[Stored] = Store(window=self.config.watch_window)
        self.registry = Registry(
            store=self.store, clock=self.clock, ids=self.ids.fork("registry"), config=self.config
        )
        self.client: Client = InProcessClient(self.registry)
        client = wrap_client(self.client)
        context = ControllerContext(
            client=client,
            informers=InformerFactory(client, self.clock),
            clock=self.clock,
            ids=self.ids,
            config=self.config,
            served=self.registry.custom.everything,
        )
        self.manager = ControllerManager(context, CONTROLLERS, self.config.controllers)
        self._expiry: EventExpiry | None = None

    async def start(self) -> None:
        """Fill in what every cluster holds, and start the controllers."""
        self.bootstrap()
        self._expiry = EventExpiry(self.store)
        self._tick()
        await self.manager.start()

    async def stop(self) -> None:
        """End all controllers. The objects can still be read."""
        await self.manager.stop()
        if self._expiry is not None:
            self._expiry.close()
            self._expiry = None

    async def settle(self, *, max_seconds: float = settle.MAX_SECONDS) -> None:
        """Return when the control plane has nothing left to do, timers of a virtual clock included.

        NotSettled when it still has after `max_seconds` on its clock.
        """
        await settle.settle(self.clock, self.manager.parts, max_seconds=max_seconds)

    async def advance(self, seconds: float) -> None:
        """Move a virtual clock on by `seconds`, letting the controllers act at every moment."""
        assert isinstance(self.clock, VirtualClock), "only a virtual clock can be moved"
        await settle.advance(self.clock, self.manager.parts, seconds)

    def _tick(self) -> None:
        if self._expiry is not None:
            self._expiry.tick(self.clock.time())
            self.clock.call_later(EXPIRY_PERIOD, self._tick, background=True, label="event expiry")

    def bootstrap(self) -> None:
        """Create what a fresh control plane makes by itself."""
        options = WriteOptions(field_manager=API_SERVER, field_validation="Ignore")
        for obj in [*self._bootstrap_objects(), *self._kubernetes_service()]:
            row = resources.of_kind(obj["apiVersion"], obj["kind"])
            assert row is not None, obj["kind"]
            namespace = obj["metadata"].get("namespace", "")
            status = obj.get("status")
            created = self.registry.create(row, namespace, obj, options)
            if status and row.subresource("status") and row is not resources.NAMESPACES:
                complete = {**created.stored.obj, "status": status}
                name = obj["metadata"]["name"]
                self.registry.update(row, namespace, name, complete, options, subresource="status")

    def _bootstrap_objects(self) -> Iterator[Obj]:
        now = self.clock.rfc3339()
        return bootstrap.objects(now=now, service_cidr=self.config.service_cidr)

    def _kubernetes_service(self) -> Iterator[Obj]:
        """The API server's own service, with the address that it listens on."""
        network = ipaddress.ip_network(self.config.service_cidr)
        service_ip = str(network.network_address + 1)
        labels = {"component": "apiserver", "provider": "kubernetes"}
        port = self.config.port or 8001
        yield {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "kubernetes", "namespace": "default", "labels": labels},
            "spec": {
                "clusterIP": service_ip,
                "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": port}],
            },
        }
        yield {
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": {
                "name": "kubernetes",
                "namespace": "default",
                "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"},
            },
            "subsets": [
                {
                    "addresses": [{"ip": HOST_IP}],
                    "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
                }
            ],
        }
        yield {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": "kubernetes",
                "namespace": "default",
                "labels": {"kubernetes.io/service-name": "kubernetes"},
            },
            "addressType": "IPv4",
            "endpoints": [{"addresses": [HOST_IP], "conditions": {"ready": True}}],
            "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
        }
