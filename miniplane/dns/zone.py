"""What a name in the cluster's domain stands for (pure).

Follows the Kubernetes DNS specification, version 1.1.0, and CoreDNS' `plugin/kubernetes` with the
options that kubeadm sets where the specification leaves room:

    mysql.default.svc.cluster.local           cluster addresses; headless: the ready endpoints
    mysql-0.mysql.default.svc.cluster.local   one endpoint, by hostname or 10-244-1-2
    _db._tcp.mysql.default.svc.cluster.local  SRV: a named port
    10-244-1-2.default.pod.cluster.local      that address
    2.1.244.10.in-addr.arpa                   PTR: the service, or the endpoints at that address
    dns-version.cluster.local                 TXT: the version of the specification
"""

import dataclasses
import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from miniplane.api.objects import Obj

VERSION = "1.1.0"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class View(Protocol):
    """What a zone has to know about the cluster."""

    def has_namespace(self, name: str) -> bool: ...

    def service(self, namespace: str, name: str) -> Obj | None: ...

    def slices(self, namespace: str, service: str) -> Iterable[Obj]:
        """The EndpointSlices of a service."""

    def services_at(self, address: str) -> Iterable[Obj]:
        """The services with that cluster address."""

    def slices_at(self, address: str) -> Iterable[Obj]:
        """The EndpointSlices that have an endpoint at that address."""


@dataclasses.dataclass(frozen=True, slots=True)
class Record:
    """One resource record. Names end without a dot.

    `data` is the address (A, AAAA), the name (CNAME, PTR, NS), the text (TXT), or for SRV
    "WEIGHT PORT TARGET"; the priority is always 0.
    """

    name: str
    type: str
    data: str


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """`exists` is False for NXDOMAIN; a name that exists may have no records of the type asked."""

    exists: bool
    records: tuple[Record, ...] = ()
    additional: tuple[Record, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """One address and port behind a name. `host` is the name of that address alone."""

    host: str
    address: str
    port: int


_LONGEST_CHAIN = 8
"""How many aliases are followed."""

NONE = Answer(False)
EMPTY = Answer(True)


class Zone:
    """All names under `domain` and the reverse names of the cluster's addresses."""

    def __init__(self, view: View, domain: str = "cluster.local", address: str = "127.0.0.1"):
        """`address` is that of the server itself: the zone has to name one that serves it."""
        self.domain = domain
        self.nameserver = f"ns.dns.{domain}"
        self._view = view
        self._address = address

    def holds(self, name: str) -> bool:
        """Whether it is for this zone to say what `name` (lower-case) is."""
        reverse = name.endswith((".in-addr.arpa", ".ip6.arpa"))
        return reverse or name == self.domain or name.endswith("." + self.domain)

    def lookup(self, name: str, kind: str) -> Answer:
        """What there is of type `kind` (`A`, `SRV`, ..., `ANY`) under a lower-case name."""
        return self._lookup(name, kind, ())

    def _lookup(self, name: str, kind: str, followed: Sequence[str]) -> Answer:
        """`followed` are the aliases that have led here."""
        if name.endswith(".arpa"):
            return self._reverse(name, kind)
        if name == self.domain:
            return _records(Record(name, "NS", self.nameserver), kind)
        if name == self.nameserver:
            return _records(_host(name, self._address), kind)
        labels = name.removesuffix("." + self.domain).split(".")
        if labels == ["dns-version"]:
            return _records(Record(name, "TXT", VERSION), kind)
        match labels[::-1]:
            case ["svc" | "pod"]:
                return EMPTY
            case ["svc" | "pod", namespace] if self._view.has_namespace(namespace):
                return EMPTY
            case ["pod", namespace, pod] if self._view.has_namespace(namespace):
                return self._pod(name, pod, kind)
            case ["svc", namespace, service, *rest]:
                found = self._view.service(namespace, service)
                return (
                    NONE
                    if found is None
                    else self._service(name, found, rest[::-1], kind, followed)
                )
        return NONE

    def _pod(self, name: str, pod: str, kind: str) -> Answer:
        v4 = pod.count("-") == 3 and "--" not in pod
        address = _address(pod.replace("-", "." if v4 else ":"))
        return NONE if address is None else _records(_host(name, str(address)), kind)

    def _service(
        self, name: str, service: Obj, rest: Sequence[str], kind: str, followed: Sequence[str]
    ) -> Answer:
        spec = service["spec"]
        own = f"{service['metadata']['name']}.{service['metadata']['namespace']}.svc.{self.domain}"
        if spec.get("type") == "ExternalName":
            target = spec["externalName"].rstrip(".")
            if rest or _address(target) is not None:
                return NONE
            return self._alias(Record(name, "CNAME", target), kind, followed)
        match rest:
            case []:
                endpoint, port, protocol = "", "", ""
            case [endpoint]:
                port = protocol = ""
            case [port, protocol] if port[:1] == "_" and protocol[:1] == "_":
                endpoint, port, protocol = "", port[1:], protocol[1:]
            case _:
                return NONE
        if endpoint or is_headless(service):
            places = list(self._endpoints(own, service, endpoint, port, protocol))
        else:
            places = list(_cluster(own, spec, port, protocol))
        return _answer(name, places, kind) if places else NONE

    def _alias(self, alias: Record, kind: str, followed: Sequence[str]) -> Answer:
        """The other name, with its addresses where it is one of this zone: without any of these,
        it is not told either."""
        if kind in ("CNAME", "ANY"):
            return Answer(True, (alias,))
        target = alias.data.lower()
        if kind not in ("A", "AAAA"):
            return EMPTY
        if not target.endswith("." + self.domain):
            return Answer(True, (alias,))
        followed = (*followed, alias.name)
        if target in followed or len(followed) > _LONGEST_CHAIN:
            return EMPTY
        found = self._lookup(target, kind, followed).records
        return Answer(True, (alias, *found) if found else ())

    def _endpoints(
        self, own: str, service: Obj, endpoint: str, port: str, protocol: str
    ) -> Iterator[Place]:
        meta = service["metadata"]
        for piece in self._view.slices(meta["namespace"], meta["name"]):
            # Endpoints without ports have addresses all the same.
            published: Sequence[Obj] = piece.get("ports") or ({"port": 0},)
            ports = [
                p["port"]
                for p in published
                if p.get("port") is not None
                and (not port or (p.get("name") or "") == port)
                and (not protocol or p.get("protocol", "TCP").lower() == protocol)
            ]
            for entry in piece.get("endpoints") or ():
                if not _is_told(entry):
                    continue
                for address in entry["addresses"]:
                    label = _label(entry, address)
                    if not endpoint or label == endpoint:
                        for number in ports:
                            yield Place(f"{label}.{own}", address, number)

    def _reverse(self, name: str, kind: str) -> Answer:
        address = _reversed_address(name)
        if address is None:
            return NONE
        for found in self._view.services_at(address):
            meta = found["metadata"]
            own = f"{meta['name']}.{meta['namespace']}.svc.{self.domain}"
            return _records(Record(name, "PTR", own), kind)
        names = [
            f"{_label(entry, address)}.{service}.{piece['metadata']['namespace']}.svc.{self.domain}"
            for piece in self._view.slices_at(address)
            if (service := (piece["metadata"].get("labels") or {}).get(SERVICE_NAME))
            for entry in piece.get("endpoints") or ()
            if address in entry["addresses"] and _is_told(entry)
        ]
        if not names:
            return NONE
        pointers = tuple(Record(name, "PTR", own) for own in dict.fromkeys(names))
        return Answer(True, pointers if kind in ("PTR", "ANY") else ())


def _is_told(endpoint: Obj) -> bool:
    """Whether an endpoint is told of: whether it is ready, or nobody knows."""
    return (endpoint.get("conditions") or {}).get("ready") is not False


def _label(endpoint: Obj, address: str) -> str:
    """The name of an endpoint within its service."""
    return str(endpoint.get("hostname") or address.replace(".", "-").replace(":", "-"))


SERVICE_NAME = "kubernetes.io/service-name"


def is_headless(service: Obj) -> bool:
    return bool(service["spec"].get("clusterIP", "") in ("", "None"))


def _cluster(own: str, spec: Obj, port: str, protocol: str) -> Iterator[Place]:
    addresses = spec.get("clusterIPs") or [spec["clusterIP"]]
    for entry in spec.get("ports") or ():
        if port and entry.get("name", "") != port:
            continue
        if protocol and entry.get("protocol", "TCP").lower() != protocol:
            continue
        for address in addresses:
            yield Place(own, address, entry["port"])


def _answer(name: str, places: Sequence[Place], kind: str) -> Answer:
    hosts = dict.fromkeys(_host(name, place.address) for place in places)
    found: list[Record] = [host for host in hosts if kind in (host.type, "ANY")]
    if kind not in ("SRV", "ANY"):
        return Answer(True, tuple(found))
    targets = dict.fromkeys((p.port, p.host) for p in places if p.port)
    weight = 100 // max(len(targets), 1)
    found += [Record(name, "SRV", f"{weight} {port} {host}") for port, host in targets]
    additional = dict.fromkeys(_host(p.host, p.address) for p in places if p.port)
    return Answer(True, tuple(found), tuple(additional))


def _records(record: Record, kind: str) -> Answer:
    return Answer(True, (record,)) if kind in (record.type, "ANY") else EMPTY


def _host(name: str, address: str) -> Record:
    return Record(name, "AAAA" if ":" in address else "A", address)


def _address(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _reversed_address(name: str) -> str | None:
    """The address of a whole reverse name, in the form that objects have it; None for a part."""
    labels = name.split(".")[-3::-1]
    if name.endswith(".in-addr.arpa"):
        address = _address(".".join(labels))
    elif len(labels) == 32 and all(len(label) == 1 for label in labels):
        digits = "".join(labels)
        address = _address(":".join(digits[at : at + 4] for at in range(0, 32, 4)))
    else:
        address = None
    return None if address is None else str(address)
