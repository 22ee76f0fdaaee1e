"""What a zone has to know, out of informers."""

from collections.abc import Iterator

from miniplane.api import resources
from miniplane.api.objects import Obj
from miniplane.dns.zone import SERVICE_NAME
from miniplane.runtime.informer import InformerFactory

_BY_SERVICE, _BY_ADDRESS = "dns-service", "dns-address"


def _addresses_of_service(service: Obj) -> Iterator[str]:
    spec = service.get("spec") or {}
    for address in spec.get("clusterIPs") or (spec.get("clusterIP"),):
        if address and address != "None":
            yield address


def _service_of_slice(piece: Obj) -> Iterator[str]:
    meta = piece["metadata"]
    service = (meta.get("labels") or {}).get(SERVICE_NAME)
    if service:
        yield f"{meta['namespace']}/{service}"


def _addresses_of_slice(piece: Obj) -> Iterator[str]:
    for entry in piece.get("endpoints") or ():
        yield from entry["addresses"]


class InformerView:
    """A `zone.View` over the informers of a cluster."""

    def __init__(self, informers: InformerFactory):
        self._namespaces = informers.of(resources.NAMESPACES)
        self._services = informers.of(resources.SERVICES)
        self._slices = informers.of(resources.ENDPOINT_SLICES)
        self._services.add_index(_BY_ADDRESS, _addresses_of_service)
        self._slices.add_index(_BY_SERVICE, _service_of_slice)
        self._slices.add_index(_BY_ADDRESS, _addresses_of_slice)

    @property
    def serial(self) -> int:
        """A number that does not fall, and rises with every change."""
        versions = (i.resource_version for i in (self._namespaces, self._services, self._slices))
        return max(int(version or 0) for version in versions)

    def has_namespace(self, name: str) -> bool:
        return self._namespaces.get("", name) is not None

    def service(self, namespace: str, name: str) -> Obj | None:
        return self._services.get(namespace, name)

    def slices(self, namespace: str, service: str) -> list[Obj]:
        return self._slices.by_index(_BY_SERVICE, f"{namespace}/{service}")

    def services_at(self, address: str) -> list[Obj]:
        return self._services.by_index(_BY_ADDRESS, address)

    def slices_at(self, address: str) -> list[Obj]:
        return self._slices.by_index(_BY_ADDRESS, address)
