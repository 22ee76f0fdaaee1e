"""A registry on virtual time, without controllers, and what must hold after each test."""

import contextlib
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from miniplane.api import resources
from miniplane.api.errors import StatusError
from miniplane.api.objects import Obj
from miniplane.api.options import MERGE_PATCH, DeleteOptions, ListOptions, WriteOptions
from miniplane.api.resources import Resource
from miniplane.clock import VirtualClock
from miniplane.config import Config
from miniplane.ids import Ids
from miniplane.registry import catalog, ipaddresses
from miniplane.registry.registry import Registry
from miniplane.registry.results import Deleted, Result
from miniplane.registry.stored import Stored
from miniplane.store.mvcc import Store
from miniplane.testing import objects


def assert_frozen(stored: Stored) -> None:
    """Nobody has changed the decoded form that all readers share."""
    obj = {k: v for k, v in stored.obj.items() if k not in ("kind", "apiVersion")}
    assert orjson.dumps(obj) == stored.data, f"{stored} was changed after it was stored"


class World:
    """A registry and short words for what tests do with it. Namespaces `default` and `other`."""

    def __init__(self, ids: Ids | None = None, **settings: Any):
        self.clock = VirtualClock()
        config = Config(nodes=0, **settings)
        self.store: Store[Stored] = Store(window=config.watch_window)
        self.registry = Registry(
            store=self.store, clock=self.clock, ids=ids or Ids(0), config=config
        )
        self.allocators = self.registry._context.allocators
        for name in ("default", "other"):
            self.create(resources.NAMESPACES, objects.namespace(name))

    @property
    def revision(self) -> int:
        return self.registry.revision

    def options(self, **options: Any) -> WriteOptions:
        return WriteOptions(**{"field_manager": "tester", **options})

    def post(
        self,
        resource: Resource,
        obj: Obj,
        *,
        namespace: str = "",
        name: str = "",
        subresource: str = "",
        **options: Any,
    ) -> Result:
        namespace = namespace or obj.get("metadata", {}).get("namespace", "")
        return self.registry.create(
            resource,
            namespace,
            obj,
            self.options(**options),
            name=name,
            subresource=subresource,
        )

    def create(self, resource: Resource, obj: Obj, **options: Any) -> Obj:
        return self.post(resource, obj, **options).stored.obj

    def put(self, resource: Resource, obj: Obj, *, subresource: str = "", **options: Any) -> Result:
        meta = obj["metadata"]
        return self.registry.update(
            resource,
            meta.get("namespace", ""),
            meta["name"],
            obj,
            self.options(**options),
            subresource=subresource,
        )

    def update(self, resource: Resource, obj: Obj, **options: Any) -> Obj:
        return self.put(resource, obj, **options).stored.obj

    def send_patch(
        self,
        resource: Resource,
        name: str,
        patch: Any,
        *,
        namespace: str | None = None,
        patch_type: str = MERGE_PATCH,
        subresource: str = "",
        **options: Any,
    ) -> Result:
        return self.registry.patch(
            resource,
            _home(resource, namespace),
            name,
            patch,
            self.options(**options),
            patch_type=patch_type,
            subresource=subresource,
        )

    def patch(self, resource: Resource, name: str, patch: Any, **options: Any) -> Obj:
        return self.send_patch(resource, name, patch, **options).stored.obj

    def delete(
        self, resource: Resource, name: str, *, namespace: str | None = None, **options: Any
    ) -> Deleted:
        return self.registry.delete(
            resource, _home(resource, namespace), name, DeleteOptions(**options)
        )

    def get(self, resource: Resource, name: str, *, namespace: str | None = None) -> Obj:
        return self.registry.get(resource, _home(resource, namespace), name).obj

    def find(self, resource: Resource, name: str, *, namespace: str | None = None) -> Obj | None:
        try:
            return self.get(resource, name, namespace=namespace)
        except StatusError as error:
            assert error.code == 404
            return None

    def names(self, resource: Resource, namespace: str = "default", **options: Any) -> list[str]:
        found = self.registry.list(resource, namespace, ListOptions(**options))
        return [stored.obj["metadata"]["name"] for stored in found.items]

    def usage(self) -> tuple[int, int]:
        """How many cluster IPs and node ports are taken."""
        return self.allocators.cluster_ips.used, self.allocators.node_ports.used

    @contextlib.contextmanager
    def untouched(self) -> Iterator[None]:
        """What happens inside leaves no trace: nothing written, nothing allocated."""
        before = self.revision, self.usage()
        yield
        assert (self.revision, self.usage()) == before

    @contextlib.contextmanager
    def refused(self, code: int, reason: str, *parts: str) -> Iterator[pytest.ExceptionInfo]:
        """What happens inside is refused, in words that contain `parts`, and leaves no trace."""
        with self.untouched(), pytest.raises(StatusError) as caught:
            yield caught
        error = caught.value
        assert (error.code, error.reason) == (code, reason), error
        for part in parts:
            assert part in error.message

    def check(self) -> None:
        """The store's invariants; and that nobody changed what is shared."""
        self.store._check()
        for event in self.store._log.back_to(self.store.oldest):
            assert_frozen(event.value)
        for resource in resources.RESOURCES:
            if not resource.stored or catalog.storage_resource(resource) is not resource:
                continue
            for stored in self.store.range(catalog.prefix(resource)):
                assert_frozen(stored)
                metadata = stored.obj["metadata"]
                assert metadata["resourceVersion"] == str(stored.revision)
                where = catalog.key(resource, metadata.get("namespace", ""), metadata["name"])
                assert self.store.find(where) is stored
        self._check_services()

    def _check_services(self) -> None:
        """Exactly what the services have is allocated."""
        addresses: list[str] = []
        ports: set[int] = set()
        for stored in self.store.range(catalog.prefix(resources.SERVICES)):
            spec = stored.obj["spec"]
            addresses += [ip for ip in spec.get("clusterIPs", ()) if ip != "None"]
            ports |= {p["nodePort"] for p in spec.get("ports", ()) if "nodePort" in p}
            ports |= {spec[key] for key in ("healthCheckNodePort",) if key in spec}
        assert len(set(addresses)) == len(addresses)
        assert self.usage() == (len(addresses), len(ports))
        kept = self.store.range(catalog.prefix(ipaddresses.IP_ADDRESSES))
        assert {stored.obj["metadata"]["name"] for stored in kept} == set(addresses)


def _home(resource: Resource, namespace: str | None) -> str:
    if not resource.namespaced:
        return ""
    return "default" if namespace is None else namespace


@pytest.fixture
def make_world():
    """Worlds with settings of their own."""
    made: list[World] = []

    def make(ids: Ids | None = None, **settings: Any) -> World:
        made.append(World(ids, **settings))
        return made[-1]

    yield make
    for world in made:
        world.check()


@pytest.fixture
def world(make_world) -> World:
    return make_world()
