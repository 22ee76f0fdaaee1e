"""What an API server does by itself: fill in what every cluster holds, and keep it there.

After `pkg/controlplane`: the bootstrap objects are made once; the service `kubernetes` and its
endpoints are looked at every ten seconds and made again when somebody has deleted them, and so are
the IPAddress objects of services; events expire. A round in which nothing can have changed is left
out, so a year of virtual time in a cluster at rest costs nothing.
"""

import ipaddress
from collections.abc import Iterator

from miniplane.api import bootstrap, identities, rbac, resources
from miniplane.api.objects import Obj
from miniplane.api.options import WriteOptions
from miniplane.clock import Clock
from miniplane.config import Config
from miniplane.pki import serving
from miniplane.registry import catalog
from miniplane.registry.expiry import EventExpiry
from miniplane.registry.ipaddresses import IP_ADDRESSES
from miniplane.registry.registry import Registry
from miniplane.registry.stored import Stored
from miniplane.rounds import Rounds
from miniplane.store.mvcc import Store
from miniplane.store.watch import Watcher

PERIOD = 10.0
EXPIRY_PERIOD = 60.0
HOST_IP = "172.18.0.2"
"""Where pods would find the API server; endpoints may not name a loopback address."""
DEFAULT_PORT = 8001
_OWN = (resources.SERVICES, resources.ENDPOINTS, resources.ENDPOINT_SLICES)
_OPTIONS = WriteOptions(
    field_manager="kube-apiserver", field_validation="Ignore", user=identities.API_SERVER
)


class Upkeep:
    """Runs from `start` to `stop`. Its timers are background ones: nobody waits for them."""

    def __init__(self, registry: Registry, store: Store[Stored], clock: Clock, config: Config):
        self._registry = registry.exempt
        self._store = store
        self._clock = clock
        self._config = config
        self._expiry: EventExpiry | None = None
        self._own = {row: catalog.key(row, "default", "kubernetes") for row in _OWN}
        """Where its own service is, and its endpoints."""
        self._rounds: list[Rounds] = []
        self._watchers: list[Watcher[Stored]] = []
        """Each on something that is looked after; a write of it leaves them behind."""

    def start(self) -> None:
        """Make everything that a fresh control plane holds, and begin to look after it."""
        now = self._clock.rfc3339()
        for obj in bootstrap.objects(now=now, service_cidr=self._config.service_cidr):
            self._create(obj)
        if self._config.https:
            self._create(administrators())
        if self._config.metrics_server:
            for obj in bootstrap.metrics_server(now):
                self._create(obj)
        service = Rounds(self._clock, PERIOD, self._keep_service, label=("upkeep", "service"))
        events = Rounds(self._clock, EXPIRY_PERIOD, self._expire_events, label=("upkeep", "events"))
        self._rounds = [service, events]
        self._expiry = EventExpiry(self._store, written=events.ask)
        self._keep_service()

    def stop(self) -> None:
        for rounds in self._rounds:
            rounds.stop()
        self._unwatch()
        if self._expiry is not None:
            self._expiry.close()
            self._expiry = None

    def _create(self, obj: Obj) -> None:
        row = resources.of_kind(obj["apiVersion"], obj["kind"])
        assert row is not None, obj["kind"]
        metadata = obj["metadata"]
        namespace, name = metadata.get("namespace", ""), metadata["name"]
        created = self._registry.create(row, namespace, obj, _OPTIONS)
        status = obj.get("status")
        if status and row.subresource("status") and row is not resources.NAMESPACES:
            complete = {**created.stored.obj, "status": status}
            self._registry.update(row, namespace, name, complete, _OPTIONS, subresource="status")

    def _keep_service(self) -> None:
        missing = [row for row, key in self._own.items() if self._store.find(key) is None]
        if missing:
            for obj in kubernetes_service(self._config):
                if resources.of_kind(obj["apiVersion"], obj["kind"]) in missing:
                    self._create(obj)
        self._registry.repair()
        self._watch()

    def _watch(self) -> None:
        """Have another round when any of what was looked at is written from now on."""
        self._unwatch()
        ask = self._rounds[0].ask
        for prefix in (catalog.prefix(IP_ADDRESSES), *self._own.values()):
            watcher = self._store.watch(prefix, after=self._store.revision, woken=ask)
            watcher.read()
            self._watchers.append(watcher)

    def _unwatch(self) -> None:
        for watcher in self._watchers:
            watcher.close()
        self._watchers.clear()

    def _expire_events(self) -> float | None:
        return None if self._expiry is None else self._expiry.tick(self._clock.time())


def administrators() -> Obj:
    """What gives the administrator's certificate its rights, as `kubeadm init` makes it."""
    subject = {"apiGroup": rbac.GROUP, "kind": "Group", "name": serving.ADMINS}
    return {
        "apiVersion": f"{rbac.GROUP}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": serving.ADMINS},
        "roleRef": {"apiGroup": rbac.GROUP, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [subject],
    }


def kubernetes_service(config: Config) -> Iterator[Obj]:
    """The API server's own service and endpoints, with the port that it listens on."""
    network = ipaddress.ip_network(config.service_cidr)
    service_ip = str(network.network_address + 1)
    labels = {"component": "apiserver", "provider": "kubernetes"}
    port = config.port or DEFAULT_PORT
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
